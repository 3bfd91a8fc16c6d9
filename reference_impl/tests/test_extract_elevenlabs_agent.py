"""Calls with an agent: one cost in credits, and numbers beside it that are part of it or of nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.usage import ProviderCost, UsageRecord

TOKENS = {"tokens": 2159, "price": Decimal("0.00032385")}
GENERATION = {"model_usage": {"gemini-2.5-flash": {"input": TOKENS, "output_total": TOKENS}}}
CHARGING: dict[str, Any] = {
    "dev_discount": False,
    "is_burst": False,
    "tier": "creator",
    "llm_usage": {"irreversible_generation": GENERATION, "initiated_generation": GENERATION},
    "llm_price": Decimal("0.00041565"),
    "platform_price": Decimal("0.02"),
    "llm_charge": 1,
    "call_charge": 530,
    "platform_charge": 0,
    "free_minutes_consumed": Decimal("1.5"),
    "free_llm_dollars_consumed": Decimal("0.1"),
    "tts_usage": {"characters": 120},
    "asr_usage": {"seconds": 61},
}
METADATA: dict[str, Any] = {
    "start_time_unix_secs": 1762713827,
    "call_duration_secs": 79,
    "queue_wait_secs": Decimal("2.5"),
    "cost": 531,
    "charging": CHARGING,
}


def called(answer: Any, **response: Any) -> UsageRecord:
    return extract(
        {
            "provider": "elevenlabs",
            "surface": "api",
            "operation": "agent_call",
            "model": "convai",
            "at": "2025-11-09T18:43:47Z",
            "response": {"status": 200, **(response or {"json": answer})},
        }
    )


def cost(charging: Any = ..., **metadata: Any) -> UsageRecord:
    changed = {**METADATA, **metadata}
    if charging is not ...:
        changed["charging"] = charging
    return called({"metadata": changed})


def refusal(charging: Any) -> tuple[str, str]:
    with pytest.raises(DecibillReferenceError) as caught:
        cost(charging)
    return caught.value.code, caught.value.pointer


def test_the_cost_in_credits_is_the_usage_and_nothing_is_added_to_it() -> None:
    record = cost()

    assert record.quantities == {"media_duration_seconds": 79, "provider_credits": 531}
    assert record.basis == {
        "media_duration_seconds": "provider_reported",
        "provider_credits": "provider_billed",
    }
    assert (record.unknown, record.flags, record.components, record.provider_cost) == ((), (), (), None)


def test_dollars_beside_the_credits_are_information() -> None:
    record = cost({"llm_charge": 4, "call_charge": 8}, cost=12, cost_fiat=Decimal("0.1234"))

    assert record.quantities["provider_credits"] == 12
    assert record.provider_cost == ProviderCost(Decimal("0.1234"), "USD")


def test_the_surcharge_for_a_voice_is_not_in_the_cost_and_is_added() -> None:
    assert cost({**CHARGING, "voice_surcharge_charge": 40}).quantities["provider_credits"] == 571


@pytest.mark.parametrize(
    "charging", [None, {}, {"call_charge": 531}, {"call_charge": None, "llm_charge": 1}], ids=str
)
def test_the_parts_need_not_be_told(charging: Any) -> None:
    assert cost(charging).quantities["provider_credits"] == 531


def test_parts_may_be_less_than_the_cost() -> None:
    assert cost({"call_charge": 500, "llm_charge": 1}).flags == ()


@pytest.mark.parametrize(
    ("charging", "pointer"),
    [
        ({"call_charge": 532, "llm_charge": 0}, "/response/json/metadata/charging/call_charge"),
        ({"llm_charge": 532}, "/response/json/metadata/charging/llm_charge"),
        ({"call_charge": 530, "llm_charge": 2}, "/response/json/metadata/cost"),
    ],
    ids=["call", "language model", "together"],
)
def test_parts_larger_than_the_cost_are_refused(charging: dict[str, int], pointer: str) -> None:
    assert refusal(charging) == ("inconsistent_usage", pointer)


@pytest.mark.parametrize(
    "answer", [{}, {"metadata": None}, {"metadata": {"cost": None}}, {"metadata": {}}], ids=str
)
def test_without_a_cost_the_credits_are_unknown(answer: dict[str, Any]) -> None:
    assert called(answer).unknown == ("provider_credits",)


def test_a_cost_is_not_put_together_from_its_parts() -> None:
    record = cost(cost=None)

    assert (record.quantities, record.unknown) == ({"media_duration_seconds": 79}, ("provider_credits",))


def test_a_call_that_cost_nothing_is_zero_usage() -> None:
    assert cost({}, cost=0).flags == ("zero_usage",)


def test_a_number_in_the_charging_that_nobody_reads_is_named() -> None:
    record = cost({**CHARGING, "telephony_charge": 7})

    assert record.unread == ("/response/json/metadata/charging/telephony_charge",)
    assert record.flags == ("unread_members",)


@pytest.mark.parametrize("status", ["initiated", "in-progress", "processing"])
def test_a_call_that_goes_on_has_no_cost_yet(status: str) -> None:
    record = called({"status": status, "metadata": METADATA})

    assert (record.quantities, record.unknown, record.flags) == (
        {"media_duration_seconds": 79},
        ("provider_credits",),
        ("session_incomplete",),
    )


@pytest.mark.parametrize("status", ["done", "failed", None])
def test_a_call_that_ended_has_its_cost(status: str | None) -> None:
    assert called({"status": status, "metadata": METADATA}).quantities["provider_credits"] == 531


def test_a_call_that_is_delivered_later_is_read_in_its_envelope() -> None:
    record = called({"type": "post_call_transcription", "data": {"status": "done", "metadata": METADATA}})

    assert record.quantities["provider_credits"] == 531


@pytest.mark.parametrize(
    ("metadata", "code", "pointer"),
    [
        ({"cost": True}, "invalid_number", "/response/json/metadata/cost"),
        ({"cost": -1}, "negative_quantity", "/response/json/metadata/cost"),
        ({"cost_fiat": "a dollar"}, "invalid_number", "/response/json/metadata/cost_fiat"),
        ({"charging": []}, "malformed_body", "/response/json/metadata/charging"),
        (
            {"charging": {"voice_surcharge_charge": "x"}},
            "invalid_number",
            "/response/json/metadata/charging/voice_surcharge_charge",
        ),
    ],
    ids=str,
)
def test_a_cost_that_is_none_is_refused(metadata: dict[str, Any], code: str, pointer: str) -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        called({"metadata": {**METADATA, **metadata}})

    assert (caught.value.code, caught.value.pointer) == (code, pointer)


def test_a_conversation_is_told_in_json() -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        called(None, media={})

    assert (caught.value.code, caught.value.pointer) == ("malformed_body", "/response/media")
