"""A line of a batch's output: the answer of a chat in an envelope with a status of its own."""

from __future__ import annotations

from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.usage import UsageRecord

USAGE: dict[str, Any] = {
    "prompt_tokens": 28,
    "completion_tokens": 125,
    "prompt_tokens_details": {"audio_tokens": 17, "text_tokens": 11},
    "completion_tokens_details": {"audio_tokens": 93, "text_tokens": 32},
}


def line(response: Any, error: Any = None) -> UsageRecord:
    body = {"id": "batch_req_1", "custom_id": "request-1", "response": response, "error": error}
    return extract(
        {
            "provider": "openai",
            "surface": "api",
            "operation": "chat",
            "model": "gpt-audio",
            "at": "2026-06-04T09:12:31Z",
            "response": {"status": 200, "json": body},
        }
    )


def answered(usage: Any = USAGE, status: Any = 200, **body: Any) -> dict[str, Any]:
    return {"status_code": status, "request_id": "req_1", "body": {"usage": usage, **body}}


def test_the_usage_of_a_line_is_that_of_the_answer_inside() -> None:
    record = line(answered())

    assert record.quantities == {
        "input_tokens": 28,
        "text_input_tokens": 11,
        "audio_input_tokens": 17,
        "output_tokens": 125,
        "text_output_tokens": 32,
        "audio_output_tokens": 93,
        "total_tokens": 153,
    }
    assert (record.unknown, record.flags) == ((), ())


@pytest.mark.parametrize(
    ("tier", "word"),
    [(None, "batch"), ("default", "batch"), ("auto", "batch"), ("priority", "priority")],
)
def test_a_line_has_the_price_of_a_batch(tier: str | None, word: str) -> None:
    assert line(answered(service_tier=tier)).service_tier == word


@pytest.mark.parametrize(
    "response",
    [answered(status=400), answered(status=500), None],
    ids=["refused", "failed", "never made"],
)
def test_a_call_that_failed_used_nothing_whatever_the_batch_did(response: Any) -> None:
    record = line(response, {"code": "batch_expired", "message": "…"})

    assert (record.quantities, record.unknown, record.flags) == ({}, (), ("error_response",))


@pytest.mark.parametrize(
    "response",
    [answered(None), {"status_code": 200, "body": None}, {"body": {}}],
    ids=["null", "no body", "no status"],
)
def test_a_line_without_usage_leaves_the_tokens_unknown(response: Any) -> None:
    record = line(response)

    assert (record.quantities, record.unknown) == ({}, ("input_tokens", "output_tokens"))


def test_a_fault_is_told_where_it_stands_in_the_line() -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        line(answered({**USAGE, "prompt_tokens": -1}))

    assert caught.value.pointer == "/response/json/response/body/usage/prompt_tokens"


def test_an_answer_with_a_member_of_that_name_alone_is_no_line() -> None:
    record = extract(
        {
            "provider": "openai",
            "surface": "api",
            "operation": "chat",
            "model": "gpt-audio",
            "at": "2026-06-04T09:12:31Z",
            "response": {"json": {"custom_id": "mine", "usage": USAGE}},
        }
    )

    assert (record.quantities["total_tokens"], record.service_tier) == (153, None)
