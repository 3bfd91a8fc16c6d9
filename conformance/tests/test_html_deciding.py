"""The members of an answer that decide a cost are found and marked; the rest of a stream is counted."""

from __future__ import annotations

import pytest
from decibill.case import ExchangeCase
from decibill.report.html.corpus import Corpus, load_corpus
from decibill.report.html.deciding import Line, lines_of, lines_of_json

MEASURED = {"provider_reported"}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus()


def marked(lines: list[Line]) -> list[str]:
    return [line.text.strip() for line in lines if line.is_deciding]


def test_every_usage_that_a_provider_reports_is_marked_in_its_answer(corpus: Corpus) -> None:
    unmarked = [
        case.id
        for case in corpus.cases.values()
        if isinstance(case, ExchangeCase)
        and case.usage is not None
        and "provider_reported" in case.usage.record["basis"].values()
        and not marked(lines_of(corpus.body(case.exchange)))
    ]
    assert unmarked == []


def test_usage_is_marked_with_everything_in_it() -> None:
    lines = lines_of('{"text": "Good day.", "usage": {"input_tokens": 37, "details": {"audio": 37}}}')

    assert marked(lines) == ['"usage": {', '"input_tokens": 37,', '"details": {"audio": 37}', "}"]


def test_a_number_is_marked_by_its_name() -> None:
    assert marked(lines_of('{"text": "x", "audio_duration_secs": 1.70}')) == ['"audio_duration_secs": 1.70']


@pytest.mark.parametrize("name", ["max_output_tokens", "silence_duration_ms"])
def test_a_setting_is_not_marked(name: str) -> None:
    assert marked(lines_of(f'{{"{name}": 5}}')) == []


def test_what_is_in_a_setting_is_not_marked() -> None:
    assert marked(lines_of('{"session": {"usage": {"input_tokens": 1}}, "seconds": 3}')) == ['"seconds": 3']


def test_usage_that_is_null_is_marked_where_it_was_to_arrive() -> None:
    body = '{"text": "x", "usage": null}'

    assert marked(lines_of(body)) == []
    assert marked(lines_of(body, also=["usage"])) == ['"usage": null']


def test_a_member_can_be_asked_for() -> None:
    assert marked(lines_of_json({"model": "tts-1", "input": "Hello"}, also=["input"])) == ['"input": "Hello"']


def test_a_stream_shows_the_events_that_decide_and_counts_the_others() -> None:
    events = ['{"delta": "a"}', '{"delta": "b"}', '{"usage": {"total_tokens": 3}}', "[DONE]"]
    body = "".join(f"data: {event}\n\n" for event in events)

    assert [line.text for line in lines_of(body)] == [
        "... 2 events without usage",
        "data: {",
        '  "usage": {"total_tokens": 3}',
        "}",
        "... 1 event without usage",
    ]


def test_a_stream_without_usage_shows_its_ends() -> None:
    body = 'event: a\ndata: {"delta": "a"}\n\ndata: {"delta": "b"}\n\ndata: [DONE]\n\n'

    assert [line.text for line in lines_of(body)] == [
        "event: a",
        'data: {"delta": "a"}',
        "... 1 event without usage",
        "data: [DONE]",
    ]


def test_data_in_several_lines_is_one_value() -> None:
    assert marked(lines_of('data: {"usage":\ndata: {"total_tokens": 3}}\n\n')) == [
        '"usage": {"total_tokens": 3}'
    ]


def test_json_lines_are_counted_likewise() -> None:
    lines = lines_of('{"text": "a"}\n{"usage": {"total_tokens": 3}}\n')

    assert lines[0] == Line("... 1 line without usage", is_left_out=True)
    assert marked(lines) == ['"usage": {"total_tokens": 3}']


def test_of_a_session_only_the_provider_decides() -> None:
    body = (
        '[{"from": "client", "frame": {"usage": {"a": 1}}}, {"from": "server", "frame": {"usage": {"a": 2}}}]'
    )

    assert marked(lines_of(body)) == ['"usage": {"a": 2}']
    assert lines_of(body)[0].text == "... 1 message without usage"


def test_what_decides_nothing_is_folded_beside_what_does() -> None:
    words = ", ".join(f'{{"word": "{"long" * 20}", "n": [{number}, [1]]}}' for number in range(9))

    beside = lines_of(f'{{"words": [{words}], "usage": {{"total_tokens": 1}}}}')
    alone = lines_of(f'{{"words": [{words}]}}')

    assert [line.text for line in beside][1] == '  "words": [ ... ],'
    assert len(alone) > 20


def test_a_text_stays_as_it_is() -> None:
    assert [line.text for line in lines_of("WEBVTT\n\n00:00 good day")] == ["WEBVTT", "", "00:00 good day"]
    assert [line.text for line in lines_of('{"a": ')] == ['{"a": ']


def test_a_long_text_and_a_long_body_are_cut() -> None:
    (line,) = lines_of_json("x" * 1000)

    assert line.text.endswith('[and 840 more characters]"')
    assert lines_of("\n".join("x" * 500))[-1] == Line("... 100 more lines", is_left_out=True)


def test_booleans_null_and_numbers_keep_their_form() -> None:
    lines = lines_of('{"a": true, "b": null, "c": 1.50, "d": []}')

    assert [line.text for line in lines] == [
        "{",
        '  "a": true,',
        '  "b": null,',
        '  "c": 1.50,',
        '  "d": []',
        "}",
    ]
