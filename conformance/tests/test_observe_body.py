"""A body or a stream is read by its type, and its usage under all its names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from decibill.observe_body import documents, usage_of, with_the_rest_as_text

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream; charset=utf-8"}


def stream(*events: object, end: str = "\n") -> bytes:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in events]
    return "".join(f"data: {text}{end}{end}" for text in texts).encode()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_a_stream_is_read_by_the_standard_of_its_line_ends(end: str) -> None:
    body = b": hello" + end.encode() * 2 + stream({"a": 1}, "[DONE]", {"b": 2}, end=end)
    assert documents(body, SSE["content-type"]) == (({"a": 1}, {"b": 2}), None)


def test_data_over_several_lines_is_one_event() -> None:
    assert documents(b'event: x\ndata: {"a":\ndata: 1}\nid: 3\n\n', "text/event-stream")[0] == ({"a": 1},)


def test_an_event_that_was_cut_is_no_event() -> None:
    assert documents(b'data: {"a": 1}\n\ndata: {"b": 2}', "text/event-stream")[0] == ({"a": 1},)


@pytest.mark.parametrize(
    ("body", "kind", "found", "problem"),
    [
        (b"", "application/json", (), None),
        (b'{"a": 1}', "application/json; charset=utf-8", ({"a": 1},), None),
        (b'{"a": 1}', "application/problem+json", ({"a": 1},), None),
        (b'{"a": 1}', "", ({"a": 1},), None),
        (b"ID3\x04", "audio/mpeg", (), None),
        (b"hello", "text/plain", (), None),
        (b"<html>", "application/json", (), "is not JSON"),
        (b'{"a": 1, "a": 2}', "application/json", (), "stands twice"),
        (b'{"a": NaN}', "application/json", (), "but is"),
        (b'{"a": "\xff"}', "application/json", (), "not UTF-8"),
        (b"[" * 200_000, "application/json", (), "nested too deeply"),
        (b'{"a": ' + b"9" * 6000 + b"}", "application/json", (), "but is"),
    ],
    ids=[
        "empty",
        "json",
        "problem",
        "no-type",
        "media",
        "text",
        "html",
        "twice",
        "NaN",
        "bytes",
        "deep",
        "long",
    ],
)
def test_a_body_is_read_by_its_type(
    body: bytes, kind: str, found: tuple[Any, ...], problem: str | None
) -> None:
    read, why = documents(body, kind)
    assert read == found
    assert (why is None) is (problem is None)
    assert (problem or "") in (why or "")


def usage(**members: Any) -> dict[str, Any]:
    return {name: value for name, (_, value) in usage_of(({"usage": members},)).items()}


@pytest.mark.parametrize(
    ("members", "quantities"),
    [
        (
            {
                "type": "tokens",
                "input_tokens": 14,
                "input_token_details": {"audio_tokens": 4, "text_tokens": 10},
            },
            {"input_tokens": 14, "audio_input_tokens": 4, "text_input_tokens": 10},
        ),
        (
            {"input_tokens": 14, "input_tokens_details": {"audio_tokens": 14}},
            {"input_tokens": 14, "audio_input_tokens": 14},
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 8,
                "total_tokens": 17,
                "prompt_tokens_details": {
                    "cached_tokens": 5,
                    "cached_tokens_details": {"text_tokens": 2, "audio_tokens": 3},
                },
                "completion_tokens_details": {"reasoning_tokens": 1, "audio_tokens": 7, "text_tokens": 1},
            },
            {
                "input_tokens": 9,
                "output_tokens": 8,
                "cached_input_tokens": 5,
                "cached_text_input_tokens": 2,
                "cached_audio_input_tokens": 3,
                "reasoning_output_tokens": 1,
                "audio_output_tokens": 7,
                "text_output_tokens": 1,
            },
        ),
        (  # reasoning beside the text, as the sum says, is put into it; one that is no count stays as it is
            {
                "completion_tokens": 9,
                "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 3, "text_tokens": 2},
            },
            {
                "output_tokens": 9,
                "reasoning_output_tokens": 4,
                "audio_output_tokens": 3,
                "text_output_tokens": 6,
            },
        ),
        (
            {"output_tokens": 6, "output_tokens_details": {"reasoning_tokens": "4", "text_tokens": 2}},
            {"output_tokens": 6, "reasoning_output_tokens": "4", "text_output_tokens": 2},
        ),
        ({"type": "duration", "seconds": 9, "input_tokens": 0}, {"audio_duration_seconds": 9}),
        ({"type": "tokens", "seconds": 9, "input_tokens": 3}, {"input_tokens": 3}),
        ({"seconds": 9, "input_tokens": 3}, {"input_tokens": 3}),
        ({"seconds": 9}, {"audio_duration_seconds": 9}),
        ({"audio_seconds": "3.7"}, {"audio_duration_seconds": "3.7"}),
        ({"audio_duration_seconds": 3}, {"audio_duration_seconds": 3}),
        (
            {"prompt_tokens": 5, "audio_input_tokens": 4, "audio_output_tokens": 2, "tts_characters": 7},
            {"input_tokens": 5, "audio_input_tokens": 4, "audio_output_tokens": 2, "tts_characters": 7},
        ),
        ({"input_tokens": None}, {"input_tokens": None}),
        ({"prompt_tokens_details": 3, "input_token_details": None}, {}),
    ],
)
def test_the_usage_of_the_dialect_is_read_under_all_its_names(
    members: dict[str, Any], quantities: dict[str, Any]
) -> None:
    assert usage(**members) == quantities


def test_the_last_usage_of_a_stream_that_is_not_null_counts() -> None:
    found = ({"usage": {"input_tokens": 1}}, {"usage": {"input_tokens": 2}}, {"usage": None}, {"x": 1})
    assert usage_of(found) == {"input_tokens": ("/usage/input_tokens", 2)}


def test_a_stated_duration_counts_where_usage_is_not_in_tokens() -> None:
    assert usage_of(({"duration": 8.5},)) == {"audio_duration_seconds": ("/duration", 8.5)}
    both = usage_of(({"duration": 8.47, "usage": {"type": "duration", "seconds": 9}},))
    assert both["audio_duration_seconds"] == ("/usage/seconds", 9)
    assert both["media_duration_seconds"] == ("/duration", 8.47)
    assert "audio_duration_seconds" not in usage_of(({"duration": 8, "usage": {"input_tokens": 1}},))


GEMINI = {
    "input_tokens": ("/usageMetadata/promptTokenCount", 9),
    "text_input_tokens": ("/usageMetadata/promptTokensDetails/TEXT", 2),
    "audio_input_tokens": ("/usageMetadata/promptTokensDetails/AUDIO", 7),
}


@pytest.mark.parametrize(
    ("members", "sent", "text"),
    [
        ({"prompt_tokens": 9, "prompt_tokens_details": {"audio_tokens": 7}}, GEMINI, 2),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"audio_tokens": 7, "text_tokens": 5}}, GEMINI, 5),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"audio_tokens": "7"}}, GEMINI, None),
        ({"prompt_tokens": 9}, GEMINI, None),
        (
            {"prompt_tokens": 9, "prompt_tokens_details": {"audio_tokens": 7}},
            {name: (f"/usage/{name}", value) for name, (_, value) in GEMINI.items()},
            None,
        ),
    ],
    ids=["follows", "stated", "unreadable", "no audio", "not converted"],
)
def test_the_text_of_a_converted_answer_may_be_left_to_be_worked_out(
    members: dict[str, Any], sent: dict[str, Any], text: int | None
) -> None:
    stated = with_the_rest_as_text(usage_of([{"usage": members}]), sent)
    assert stated.get("text_input_tokens", ("", None))[1] == text
