"""Speech: characters of the request, or the flat usage at the end of a stream."""

from __future__ import annotations

from typing import Any

import pytest
from decibill_reference.extract import extract
from decibill_reference.usage import UsageRecord
from hypothesis import given
from hypothesis import strategies as st

AUDIO: dict[str, Any] = {"media": {"content_type": "audio/mpeg"}, "headers": {"content-type": "audio/mpeg"}}
FLAT = {
    "input_tokens": 10,
    "text_input_tokens": 10,
    "audio_input_tokens": 0,
    "output_tokens": 93,
    "text_output_tokens": 0,
    "audio_output_tokens": 93,
    "total_tokens": 103,
}
DONE = (
    'data: {"type":"speech.audio.done","usage":{"input_tokens":10,"output_tokens":93,"total_tokens":103}}\n\n'
)


def spoken(response: dict[str, Any], **request: Any) -> UsageRecord:
    return extract(
        {
            "provider": "openai",
            "surface": "api",
            "operation": "speech",
            "model": "gpt-4o-mini-tts",
            "at": "2026-06-04T09:12:31Z",
            "request": {"method": "POST", "json": request},
            "response": {"status": 200, **response},
        }
    )


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("Grüße 👋", 7),
        ("e\u0301", 2),
        ("👨‍👩‍👧", 5),
        ("a\r\n b\t", 6),
        ("東京", 2),
        ("", 0),
    ],
    ids=["umlauts and an emoji", "combining", "joined emoji", "white space", "Han", "empty"],
)
def test_characters_are_code_points_of_the_input(text: str, characters: int) -> None:
    record = spoken(AUDIO, input=text, instructions="Speak slowly.")

    assert record.quantities == {"tts_characters": characters}
    assert record.basis == {"tts_characters": "request"}
    assert record.character_rule == "code_points"
    assert record.unknown == ()


@given(st.text(), st.text())
def test_characters_add_up(left: str, right: str) -> None:
    def count(text: str) -> Any:
        return spoken(AUDIO, input=text).quantities["tts_characters"]

    assert count(left + right) == count(left) + count(right)


@pytest.mark.parametrize("request_", [{}, {"input": None}, {"input": ["a"]}], ids=repr)
def test_without_a_text_the_characters_are_unknown(request_: dict[str, Any]) -> None:
    record = spoken(AUDIO, **request_)

    assert (record.quantities, record.unknown, record.character_rule) == ({}, ("tts_characters",), None)


@pytest.mark.parametrize("content_type", ["audio/pcm", "audio/wav", "application/octet-stream", ""])
def test_audio_comes_under_many_content_types_or_none(content_type: str) -> None:
    record = spoken({"media": {}, "headers": {"Content-Type": content_type}}, input="Hello")

    assert record.quantities == {"tts_characters": 5}


def test_usage_at_the_end_of_a_stream_is_text_in_and_audio_out() -> None:
    record = spoken({"sse": DONE}, input="Hello")

    assert record.quantities == FLAT
    assert record.basis == {
        "input_tokens": "provider_reported",
        "text_input_tokens": "derived",
        "audio_input_tokens": "derived",
        "output_tokens": "provider_reported",
        "text_output_tokens": "derived",
        "audio_output_tokens": "derived",
        "total_tokens": "provider_reported",
    }
    assert (record.flags, record.character_rule) == ((), None)


def test_the_type_can_stand_in_the_event_field() -> None:
    stream = 'event: speech.audio.done\ndata: {"usage":{"input_tokens":10,"output_tokens":93}}\n\n'

    assert spoken({"sse": stream}).quantities == FLAT


def test_details_that_speech_should_not_have_are_believed() -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 93,
        "output_token_details": {"audio_tokens": 90, "text_tokens": 3},
    }
    record = spoken({"json": {"usage": usage}})

    assert record.quantities == FLAT | {"text_output_tokens": 3, "audio_output_tokens": 90}


@pytest.mark.parametrize(
    "stream",
    [
        "",
        'data: {"type":"speech.audio.delta","audio":"AAAA"}\n\n',
        'data: {"type":"speech.audio.done"}\n\n',
        DONE[:-1],
    ],
    ids=["empty", "no end", "end without usage", "cut"],
)
def test_a_stream_without_its_usage_is_unmetered_even_though_the_text_is_known(stream: str) -> None:
    record = spoken({"sse": stream}, input="Hello")

    assert record.quantities == {}
    assert record.unknown == ("input_tokens", "output_tokens")
    assert record.flags == ("stream_incomplete",)


@pytest.mark.parametrize("body", [{"audio": "AAAA"}, {"usage": None}], ids=repr)
def test_json_without_usage_is_metered_by_the_text(body: dict[str, Any]) -> None:
    assert spoken({"json": body}, input="Hello").quantities == {"tts_characters": 5}


def test_a_usage_object_without_counts_leaves_the_tokens_unknown() -> None:
    record = spoken({"json": {"usage": {}}}, input="Hello")

    assert (record.quantities, record.unknown) == ({}, ("input_tokens", "output_tokens"))


def test_characters_that_the_answer_states_are_the_providers_count() -> None:
    record = spoken({"json": {"usage": {"tts_characters": 9}}}, input="Hello")

    assert record.quantities == {"tts_characters": 9}
    assert (record.basis, record.character_rule) == (
        {"tts_characters": "provider_reported"},
        "provider_count",
    )
