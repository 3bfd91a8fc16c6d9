"""Streams: the final usage and no other, wherever the stream is cut and however its lines end."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.usage import UsageRecord
from hypothesis import given, settings
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[2] / "fixtures"
CASES = [json.loads(path.read_text("utf-8")) for path in sorted((FIXTURES / "cases").glob("*/*.json"))]
STREAMS: dict[str, dict[str, Any]] = {
    case["id"]: exchange
    for case in CASES
    for exchange in [case["given"].get("upstream", [{"answers": [{}]}])[-1]["answers"][0].get("exchange", {})]
    if "sse_file" in exchange.get("response", {})
    and "usage" in case["then"]
    and not case["then"]["usage"]["flags"]
}
every_stream = pytest.mark.parametrize("case_id", sorted(STREAMS))


def wire(case_id: str) -> str:
    return (FIXTURES / STREAMS[case_id]["response"]["sse_file"]).read_bytes().decode()


def metered(case_id: str, stream: str) -> UsageRecord:
    exchange = STREAMS[case_id]
    headers = {"content-type": "text/event-stream"}
    return extract(exchange | {"response": {"status": 200, "headers": headers, "sse": stream}}, root=FIXTURES)


def chat(*chunks: object, end: str = "data: [DONE]\n\n") -> UsageRecord:
    stream = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + end
    exchange: dict[str, Any] = {
        "provider": "openai",
        "surface": "api",
        "operation": "chat",
        "model": "gpt-audio-1.5",
        "at": "2026-06-05T22:25:54Z",
        "response": {"status": 200, "sse": stream},
    }
    return extract(exchange)


def chunk(total: int | None = None, *, choices: list[Any] | None = None, **members: Any) -> dict[str, Any]:
    details = {"prompt_tokens_details": {"audio_tokens": 0}, "completion_tokens_details": {"audio_tokens": 0}}
    usage = None if total is None else {"prompt_tokens": total, "completion_tokens": 1, **details}
    return {"choices": [{"delta": {}}] if choices is None else choices, "usage": usage, **members}


@every_stream
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_line_ends_change_nothing(case_id: str, end: str) -> None:
    stream = wire(case_id)

    assert metered(case_id, re.sub(r"\r\n|\n|\r", end, stream)) == metered(case_id, stream)


@every_stream
@settings(max_examples=25)
@given(draw=st.data())
def test_a_stream_that_is_cut_anywhere_gives_the_same_usage_or_none(
    case_id: str, draw: st.DataObject
) -> None:
    stream = wire(case_id).encode()
    cut = draw.draw(st.integers(0, len(stream)))
    whole = metered(case_id, stream.decode())
    part = metered(case_id, stream[:cut].decode(errors="replace"))

    if "stream_incomplete" in part.flags:
        assert (part.quantities, part.unknown) == ({}, ("input_tokens", "output_tokens"))
    else:
        assert (part.quantities, part.basis, part.flags) == (whole.quantities, whole.basis, whole.flags)


@every_stream
def test_comments_between_events_change_nothing(case_id: str) -> None:
    stream = wire(case_id)
    commented = re.sub(r"(?m)^data:", ": keep-alive\nid: 1\ndata:", stream)

    assert metered(case_id, commented).quantities == metered(case_id, stream).quantities


def test_the_last_usage_that_is_not_null_is_taken_wherever_it_stands() -> None:
    record = chat(chunk(1), chunk(2, choices=[]), chunk(), {"object": "chat.completion.chunk"})

    assert record.quantities["input_tokens"] == 2


@pytest.mark.parametrize(
    "end", ["", "data: [DO", "data: [DONE]\n"], ids=["nothing", "a cut end mark", "a cut event"]
)
def test_usage_in_a_chunk_of_its_own_is_final_even_without_an_end_mark(end: str) -> None:
    assert chat(chunk(), chunk(2, choices=[]), end=end).quantities["input_tokens"] == 2


@pytest.mark.parametrize(
    "chunks",
    [(), (chunk(),), (chunk(1),), (chunk(1), chunk(2)), (chunk(2, choices=[]) | {"choices": None},)],
    ids=["empty", "no usage", "usage so far", "usage so far, twice", "no choices at all"],
)
def test_usage_that_a_cut_stream_showed_before_is_not_final(chunks: tuple[Any, ...]) -> None:
    record = chat(*chunks, end="")

    assert record.quantities == {}
    assert record.unknown == ("input_tokens", "output_tokens")
    assert record.flags == ("stream_incomplete",)


def test_usage_in_every_chunk_is_final_when_the_stream_went_to_its_end() -> None:
    assert chat(chunk(1), chunk(2), chunk(3)).quantities["input_tokens"] == 3


def test_a_stream_that_was_not_asked_for_usage_is_incomplete_though_it_ended() -> None:
    assert chat(chunk(), chunk()).flags == ("stream_incomplete",)


def test_events_that_are_no_object_are_passed_over() -> None:
    assert chat(chunk(2, choices=[]), 5, [], None, "ping").quantities["input_tokens"] == 2


def test_the_tier_can_stand_in_any_chunk() -> None:
    assert chat(chunk(service_tier="flex"), chunk(2, choices=[], service_tier=None)).service_tier == "flex"


def test_an_event_that_is_not_json_is_refused_by_its_number() -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        chat(chunk(), end='data: {"usage": {"prompt_tokens": 1}\n\n')

    assert (caught.value.code, caught.value.pointer) == ("malformed_body", "/response/sse/1")


def test_a_fault_in_a_stream_is_found_by_the_number_of_its_event() -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        chat(chunk(), chunk(-2, choices=[]))

    assert (caught.value.code, caught.value.pointer) == (
        "negative_quantity",
        "/response/sse/1/usage/prompt_tokens",
    )


def test_an_event_that_only_names_another_in_its_text_is_not_that_event() -> None:
    said = {"type": "transcript.text.delta", "delta": "transcript.text.done", "usage": {"input_tokens": 1}}
    exchange: dict[str, Any] = {
        "provider": "openai",
        "surface": "api",
        "operation": "transcription",
        "model": "gpt-4o-transcribe",
        "at": "2026-06-05T22:25:54Z",
        "response": {"status": 200, "sse": f"data: {json.dumps(said)}\n\n"},
    }

    record = extract(exchange)

    assert (record.quantities, record.flags) == ({}, ("stream_incomplete",))
