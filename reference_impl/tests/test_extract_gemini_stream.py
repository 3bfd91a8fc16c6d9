"""Streams of generateContent: the last word on each member, final only with a reason to finish."""

from __future__ import annotations

from typing import Any

import pytest
from decibill_reference.extract import extract
from tests.gemini_answers import answered, chunk, listed, refusal, sse, usage_of

STOP = {"finishReason": "STOP"}
PROMPT = listed(TEXT=20)

in_either_form = pytest.mark.parametrize(
    "form", [sse, lambda chunks: {"json": list(chunks)}], ids=["events", "array"]
)


def usage(output: int, **more: Any) -> dict[str, Any]:
    return usage_of(20, output, promptTokensDetails=PROMPT, thoughtsTokenCount=260, **more)


@in_either_form
def test_cumulative_usage_is_never_added_up(form: Any) -> None:
    chunks = [chunk(usage(50)), chunk(usage(100)), chunk(usage(253), **STOP)]
    record = extract(answered(form(chunks)))

    assert (record.quantities["output_tokens"], record.quantities["total_tokens"]) == (513, 533)


@in_either_form
def test_counts_that_come_at_the_end_meet_what_came_at_the_beginning(form: Any) -> None:
    chunks = [
        chunk({"trafficType": "ON_DEMAND_FLEX", "billablePromptUsage": {"audioDurationSeconds": 3}}),
        chunk({"trafficType": "ON_DEMAND_FLEX"}),
        chunk(usage_of(17, 132, promptTokensDetails=listed(AUDIO=17)), **STOP),
    ]
    record = extract(answered(form(chunks), surface="vertex"))

    assert record.quantities["audio_input_tokens"] == 17
    assert record.quantities["media_duration_seconds"] == 3
    assert record.service_tier == "flex"


@in_either_form
def test_a_member_that_later_chunks_leave_out_keeps_its_value(form: Any) -> None:
    chunks = [
        chunk(usage(5, cachedContentTokenCount=8)),
        chunk(usage(9, cachedContentTokenCount=None), **STOP),
    ]

    assert extract(answered(form(chunks))).quantities["cached_input_tokens"] == 8


def test_a_list_is_replaced_as_a_whole() -> None:
    first = usage_of(20, 5, promptTokensDetails=listed(TEXT=10, AUDIO=10))
    last = usage_of(20, 9, promptTokensDetails=listed(TEXT=20))
    record = extract(answered(sse([chunk(first), chunk(last, **STOP)])))

    assert record.quantities["audio_input_tokens"] == 0


@in_either_form
@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [chunk(None)],
        [chunk(usage(50)), chunk(usage(100))],
        [chunk(None, **STOP)],
        [chunk({"trafficType": "ON_DEMAND"}, **STOP)],
        [chunk(usage(50), finishReason=None)],
        [{"usageMetadata": usage(50), "candidates": [None]}],
        [{"usageMetadata": usage(50), "candidates": {}}],
        [{"usageMetadata": usage(50), "promptFeedback": {}}],
        [{"error": {"code": 503, "status": "UNAVAILABLE"}}],
    ],
    ids=[
        "empty",
        "no usage",
        "no reason",
        "no usage at the end",
        "no counts",
        "null",
        "no candidate",
        "no list",
        "no block",
        "error",
    ],
)
def test_a_stream_without_its_end_is_unmetered(form: Any, chunks: list[dict[str, Any]]) -> None:
    record = extract(answered(form(chunks)))

    assert (dict(record.quantities), record.unknown) == ({}, ("input_tokens", "output_tokens"))
    assert record.flags == ("stream_incomplete",)


@in_either_form
def test_usage_may_stand_before_and_after_the_reason(form: Any) -> None:
    chunks = [chunk(usage(50), **STOP), chunk(usage(60))]

    assert extract(answered(form(chunks))).quantities["output_tokens"] == 320


@in_either_form
def test_a_refused_prompt_ends_its_stream(form: Any) -> None:
    refused = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 20, "totalTokenCount": 20},
    }
    record = extract(answered(form([refused])))

    assert (record.quantities["input_tokens"], record.quantities["output_tokens"]) == (20, 0)
    assert "stream_incomplete" not in record.flags


def test_a_dump_of_a_stream_is_read_like_the_stream() -> None:
    dumped = {
        "candidates": [{"finish_reason": "STOP"}],
        "usage_metadata": {"prompt_token_count": 3, "candidates_token_count": 4, "total_token_count": 7},
    }

    assert extract(answered({"json": [dumped]})).quantities["total_tokens"] == 7


@pytest.mark.parametrize(
    ("form", "member"),
    [(sse, "sse"), (lambda chunks: {"json": list(chunks)}, "json")],
    ids=["events", "array"],
)
def test_a_refusal_points_to_the_chunk_whose_value_counts(form: Any, member: str) -> None:
    chunks = [
        chunk({"promptTokenCount": 20, "promptTokensDetails": listed(TEXT=1, AUDIO=30)}),
        chunk({"promptTokenCount": 20, "candidatesTokenCount": 5}, **STOP),
    ]

    assert refusal(answered(form(chunks))) == (
        "inconsistent_usage",
        f"/response/{member}/0/usageMetadata/promptTokensDetails/1/tokenCount",
    )


def test_unread_numbers_point_to_the_chunk_that_holds_them() -> None:
    chunks = [chunk({"seats": 4}), chunk(usage(5), **STOP)]

    assert extract(answered(sse(chunks))).unread == ("/response/sse/0/usageMetadata/seats",)


@pytest.mark.parametrize(
    ("response", "pointer"),
    [
        ({"json": [chunk(None), 5]}, "/response/json/1"),
        ({"json": [{"usageMetadata": 5}]}, "/response/json/0/usageMetadata"),
        ({"sse": "data: {\r\n\r\n"}, "/response/sse/0"),
    ],
    ids=["chunk", "usage", "event"],
)
def test_a_chunk_that_is_no_chunk_is_malformed(response: dict[str, Any], pointer: str) -> None:
    assert refusal(answered(response)) == ("malformed_body", pointer)


@in_either_form
def test_an_account_that_is_no_object_is_refused_in_the_chunk_that_sent_it(form: Any) -> None:
    chunks = [
        chunk({"billablePromptUsage": 7}),
        chunk(usage_of(17, 132, promptTokensDetails=listed(AUDIO=17)), **STOP),
    ]
    code, pointer = refusal(answered(form(chunks), surface="vertex"))

    assert code == "malformed_body"
    assert pointer.endswith("/0/usageMetadata/billablePromptUsage")
