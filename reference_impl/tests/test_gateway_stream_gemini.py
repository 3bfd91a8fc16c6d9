"""The digest of a Gemini stream says what the stream says, in memory that does not grow with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from decibill_reference.extract import extract
from decibill_reference.gateway_stream import GeminiDigest
from hypothesis import given
from hypothesis import strategies as st
from tests.gemini_answers import answered, chunk, listed, refusal, sse, usage_of

STOP = {"finishReason": "STOP"}
MEMBERS = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "cachedContentTokenCount"]


def digest(stream: str, size: int = 64) -> str:
    found = GeminiDigest()
    content = stream.encode()
    for place in range(0, len(content), size):
        found.feed(content[place : place + size])
    return found.text()


def outcome(stream: str) -> Any:
    record = extract(answered({"sse": stream}))
    return record.quantities, record.unknown, record.flags, record.service_tier


STREAMS: dict[str, list[Any]] = {
    "cumulative": [chunk(usage_of(20, count)) for count in (5, 9)] + [chunk(usage_of(20, 12), **STOP)],
    "counts at the end": [chunk({"trafficType": "ON_DEMAND_FLEX"}), chunk(usage_of(20, 12), **STOP)],
    "a member dropped": [
        chunk(usage_of(20, 5, cachedContentTokenCount=8)),
        chunk(usage_of(20, 9, cachedContentTokenCount=None), **STOP),
    ],
    "cut": [chunk(usage_of(20, 5))],
    "refused": [
        {
            "promptFeedback": {"blockReason": "SAFETY"},
            "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3},
        }
    ],
    "odd": [
        5,
        {"candidates": [None]},
        {"candidates": 5, "usageMetadata": None},
        chunk(usage_of(2, 1), **STOP),
    ],
    "empty": [],
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_digest_says_what_the_stream_says(name: str, size: int) -> None:
    stream = sse(STREAMS[name])["sse"]

    assert outcome(digest(stream, size)) == outcome(stream)


@pytest.mark.parametrize("cut", [2, 40])
def test_an_event_that_is_cut_off_counts_for_nothing(cut: int) -> None:
    stream = sse([chunk(usage_of(20, 5)), chunk(usage_of(20, 12), **STOP)])["sse"][:-cut]

    assert outcome(digest(stream))[2] == ("stream_incomplete",)


def test_a_document_in_place_of_a_stream_is_kept_whole() -> None:
    document = json.dumps({"usageMetadata": usage_of(20, 5)})

    assert digest(document, 3) == document


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("data: {", "malformed_body"),
        ('data: {"usageMetadata": {}, "usageMetadata": {}}', "duplicate_key"),
        ('data: {"usageMetadata": {"promptTokenCount": NaN}}', "invalid_number"),
        (
            'data: {"usageMetadata": {"promptTokenCount": 1.5}, "candidates": [{"finishReason": "STOP"}]}',
            "invalid_number",
        ),
    ],
)
def test_what_the_stream_is_refused_for_the_digest_is_refused_for(event: str, code: str) -> None:
    stream = f"{event}\n\n"

    assert refusal(answered({"sse": stream}))[0] == code
    assert refusal(answered({"sse": digest(stream)}))[0] == code


def test_usage_behind_megabytes_of_audio_in_one_event_is_found() -> None:
    audio = {"content": {"parts": [{"inlineData": {"data": "A" * (6 * 1024 * 1024)}}]}, **STOP}
    stream = sse([{"candidates": [audio], "usageMetadata": usage_of(20, 12)}])["sse"]
    short = digest(stream, 64 * 1024)

    assert len(short) < 1000
    assert outcome(short) == outcome(stream)


@given(st.lists(st.dictionaries(st.sampled_from(MEMBERS), st.integers(0, 9)), min_size=1))
def test_any_order_of_members_is_merged_alike(usages: list[dict[str, int]]) -> None:
    chunks = [chunk({**usage, "promptTokensDetails": listed(TEXT=0)}) for usage in usages]
    stream = sse([*chunks, chunk({"cachedContentTokenCount": 0}, **STOP)])["sse"]

    assert outcome(digest(stream)) == outcome(stream)
