"""A charge follows from usage and prices; recomputed from the specification, without the calculator."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from decibill import recompute, schemas
from decibill.errors import Fault
from decibill.recompute_entry import AmbiguousPriceError

PER_MILLION = "1000000"
GAP = {"model": "m", "quantity": "tts_characters", "reason": "no_rate"}


def example(name: str) -> Any:
    return copy.deepcopy(schemas.schema(name)["examples"][0])


def pointers(faults: tuple[Fault, ...]) -> list[str]:
    return [fault.pointer for fault in faults]


def entry(rates: Mapping[str, Any], family: str = "audio_token_based", **members: Any) -> dict[str, Any]:
    usual = {
        "id": "e",
        "provider": "openai",
        "models": ["m"],
        "from": "2025-01-01",
        "pricing_model": family,
        "source": {"url": "urn:decibill:constructed:test", "read": "2026-11-21"},
    }
    return usual | {"rates": rates} | members


def per_million(**amounts: str) -> dict[str, dict[str, str]]:
    return {name: {"amount": amount, "per": PER_MILLION} for name, amount in amounts.items()}


def usage(quantities: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "provider": "openai",
        "surface": "api",
        "operation": "chat",
        "model": "m",
        "at": "2026-01-01T00:00:00Z",
        "basis": dict.fromkeys(quantities, "provider_reported"),
        "unknown": [],
        "flags": [],
    }
    return usual | {"quantities": dict(quantities)} | members


def bill_of(record: Mapping[str, Any], *entries: Mapping[str, Any], at: str | None = None) -> dict[str, Any]:
    return recompute.recompute(record, {"currency": "USD", "entries": list(entries)}, at)


def lines_of(bill: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(item["quantity"], item["billed"], item["subtotal"]) for item in bill["lines"]]


def gaps_of(bill: Mapping[str, Any]) -> list[tuple[str | None, str]]:
    return [(item.get("quantity"), item["reason"]) for item in bill["unpriced"]]


def test_each_leaf_takes_its_own_rate() -> None:
    record = usage(
        {
            "input_tokens": 100,
            "text_input_tokens": 60,
            "audio_input_tokens": 40,
            "cached_input_tokens": 30,
            "cached_text_input_tokens": 20,
            "cached_audio_input_tokens": 10,
            "output_tokens": 50,
            "text_output_tokens": 30,
            "audio_output_tokens": 20,
            "reasoning_output_tokens": 5,
        }
    )
    rates = per_million(
        text_input_tokens="2",
        audio_input_tokens="30",
        cached_text_input_tokens="1",
        text_output_tokens="10",
        audio_output_tokens="60",
    )

    assert lines_of(bill_of(record, entry(rates))) == [
        ("text_input_tokens", "40", "0.00008"),
        ("cached_text_input_tokens", "20", "0.00002"),
        ("audio_input_tokens", "40", "0.0012"),
        ("text_output_tokens", "30", "0.0003"),
        ("audio_output_tokens", "20", "0.0012"),
    ]


def test_audio_without_a_rate_is_a_gap_and_the_charge_partial() -> None:
    record = usage({"input_tokens": 10, "text_input_tokens": 4, "audio_input_tokens": 6})
    bill = bill_of(record, entry(per_million(text_input_tokens="2")))

    assert (bill["status"], bill["total"]) == ("partial", "0.000008")
    assert gaps_of(bill) == [("audio_input_tokens", "no_rate")]


def test_cached_tokens_without_a_modality_are_taken_from_text_first() -> None:
    record = usage(
        {"input_tokens": 10, "text_input_tokens": 4, "audio_input_tokens": 6, "cached_input_tokens": 5}
    )
    bill = bill_of(record, entry(per_million(input_tokens="2", cached_input_tokens="1")))

    assert sorted(lines_of(bill)) == [
        ("cached_input_tokens", "5", "0.000005"),
        ("input_tokens", "5", "0.00001"),
    ]
    assert bill["flags"] == ["cached_split_assumed"]


@pytest.mark.parametrize(
    ("rates", "names", "outcome"),
    [
        pytest.param({"text_input_tokens": "2"}, False, [("text_input_tokens", "7")], id="one-modality"),
        pytest.param({"input_tokens": "2"}, False, [("input_tokens", "7")], id="total-rate"),
        pytest.param(
            {"text_input_tokens": "2", "audio_input_tokens": "9"},
            True,
            [("text_input_tokens", "7")],
            id="as-text",
        ),
        pytest.param(
            {"text_input_tokens": "2", "audio_input_tokens": "9"},
            False,
            "modality_unknown",
            id="several-modalities",
        ),
        pytest.param({"text_output_tokens": "2"}, False, "no_rate", id="no-rate"),
    ],
)
def test_unattributed_tokens_take_the_rate_that_the_rules_give(
    rates: dict[str, str], names: bool, outcome: Any
) -> None:
    named = {"text_input_tokens": 0, "audio_input_tokens": 0} if names else {}
    record = usage({"input_tokens": 7, "unattributed_input_tokens": 7, **named})
    bill = bill_of(record, entry(per_million(**rates)))

    if isinstance(outcome, str):
        assert gaps_of(bill) == [("unattributed_input_tokens", outcome)]
    else:
        assert [(item["quantity"], item["billed"]) for item in bill["lines"]] == outcome
    assert bill["flags"] == (["unattributed_as_text"] if names else [])


def test_a_text_part_that_is_all_reasoning_names_no_modality() -> None:
    record = usage(
        {
            "output_tokens": 9,
            "text_output_tokens": 2,
            "reasoning_output_tokens": 2,
            "unattributed_output_tokens": 7,
        }
    )
    bill = bill_of(record, entry(per_million(text_output_tokens="2", audio_output_tokens="9")))

    assert gaps_of(bill) == [("unattributed_output_tokens", "modality_unknown")]


def test_minimum_step_and_channels_come_before_the_tier_and_the_surcharge() -> None:
    rate = {
        "amount": "0.24",
        "per": "3600",
        "minimum": "20",
        "step": "15",
        "multiply_by": "audio_channels",
        "tiers": {"by": "audio_duration_seconds", "steps": [{"above": "5", "amount": "0.12"}]},
    }
    addons = {"diarization": {"percent": "10", "minimum": "25"}, "unused": {"amount": "1", "per": "1"}}
    priced = entry({"audio_duration_seconds": rate}, "audio_per_minute", addons=addons, multiplier="0.50")
    record = usage({"audio_duration_seconds": "7.5", "audio_channels": 2}, features=["diarization"])

    base, extra = bill_of(record, priced)["lines"]

    # 7.5 s is less than the larger minimum of 25; a step makes it 30, two channels 60.
    assert [base[key] for key in ("measured", "billed", "amount", "multiplier")] == [
        "7.5",
        "60",
        "0.12",
        "0.5",
    ]
    assert base["subtotal"] == "0.001"
    assert (extra["addon"], extra["billed"], extra["amount"]) == ("diarization", "60", "0.012")
    assert extra["subtotal"] == "0.0001"


def test_a_surcharge_can_have_its_own_amount() -> None:
    addons = {"diarization": {"amount": "0.6", "per": "60"}}
    rates = {"audio_duration_seconds": {"amount": "0.006", "per": "60"}}
    record = usage({"audio_duration_seconds": 60}, features=["diarization"])

    bill = bill_of(record, entry(rates, "audio_per_minute", addons=addons))

    assert lines_of(bill) == [
        ("audio_duration_seconds", "60", "0.006"),
        ("audio_duration_seconds", "60", "0.6"),
    ]


def test_a_rule_prices_only_characters_counted_by_it() -> None:
    rates = {"tts_characters": {"amount": "15", "per": PER_MILLION, "rule": "utf8_bytes"}}
    priced = entry(rates, "audio_per_character")

    assert gaps_of(bill_of(usage({"tts_characters": 5}), priced)) == [("tts_characters", "no_rate")]
    counted = usage({"tts_characters": 5}, character_rule="utf8_bytes")
    assert lines_of(bill_of(counted, priced)) == [("tts_characters", "5", "0.000075")]


def test_fees_count_one_where_nothing_is_said() -> None:
    rates = {"requests": {"amount": "0.01", "per": "1"}, "text_messages": {"amount": "0.004", "per": "1"}}
    priced = entry(rates, "per_request")

    assert lines_of(bill_of(usage({"text_messages": 3}), priced)) == [
        ("requests", "1", "0.01"),
        ("text_messages", "3", "0.012"),
    ]
    assert gaps_of(bill_of(usage({}, unknown=["requests"]), priced)) == [("requests", "quantity_unknown")]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        pytest.param(usage({}, unknown=["input_tokens", "output_tokens"]), "quantity_unknown", id="nothing"),
        pytest.param(usage({"audio_duration_seconds": 9}), "unit_mismatch", id="another-unit"),
        pytest.param(
            usage({"tts_characters": 9}, basis={"tts_characters": "request"}),
            "quantity_unknown",
            id="counted",
        ),
    ],
)
def test_a_record_without_the_family_leaves_a_gap_for_each_direction_priced(
    record: dict[str, Any], reason: str
) -> None:
    bill = bill_of(record, entry(per_million(text_input_tokens="1", text_output_tokens="2")))

    assert gaps_of(bill) == [("input_tokens", reason), ("output_tokens", reason)]
    assert bill["total"] is None


def test_a_direction_that_is_unknown_is_a_gap_beside_the_lines() -> None:
    record = usage(
        {"input_tokens": 4, "text_input_tokens": 4, "audio_input_tokens": 0}, unknown=["output_tokens"]
    )
    bill = bill_of(record, entry(per_million(text_input_tokens="1", text_output_tokens="2")))

    assert gaps_of(bill) == [("output_tokens", "quantity_unknown")]
    assert bill["status"] == "partial"


def test_single_quantities_that_are_unknown_or_have_no_rate_are_gaps() -> None:
    rates = {"audio_duration_seconds": {"amount": "0.006", "per": "60"}}
    known = usage({"audio_duration_seconds": 0}, unknown=["audio_duration_seconds"])
    fee = entry({"requests": {"amount": "0", "per": "1"}}, "audio_per_minute")

    assert gaps_of(bill_of(known, entry(rates, "audio_per_minute"))) == [
        ("audio_duration_seconds", "quantity_unknown")
    ]
    assert gaps_of(bill_of(usage({"audio_duration_seconds": 5}), fee)) == [
        ("audio_duration_seconds", "no_rate")
    ]


def test_an_error_response_is_not_billable() -> None:
    bill = bill_of(usage({}, flags=["error_response"]), entry(per_million(text_input_tokens="1")))

    assert (bill["status"], bill["total"], "entry" in bill) == ("not_billable", "0", False)


def test_the_entry_with_most_selectors_that_fit_is_chosen() -> None:
    rates = per_million(text_input_tokens="1")
    entries = [
        entry(rates, id="any"),
        entry(rates, id="chat", operations=["chat"]),
        entry(rates, id="chat-eu", operations=["chat"], region=["eu"]),
        entry(rates, id="flex", service_tier="flex", operations=["chat"], surface="api"),
        entry(rates, id="past", operations=["chat"], surface="api", until="2025-06-01T00:00:00Z"),
        entry(rates, id="future", operations=["chat"], surface="api", **{"from": "2026-06-01"}),
        entry(rates, id="other", models=["m-mini"], operations=["chat"], surface="api"),
    ]
    record = usage({"input_tokens": 1, "text_input_tokens": 1, "audio_input_tokens": 0})

    assert bill_of(record, *entries)["entry"] == "chat"
    assert bill_of(record | {"region": "eu"}, *entries)["entry"] == "chat-eu"
    assert bill_of(record | {"service_tier": "flex"}, *entries)["entry"] == "flex"
    assert bill_of(record | {"service_tier": "default"}, *entries)["entry"] == "chat"
    assert bill_of(record, *entries, at="2025-03-01T00:00:00Z")["entry"] == "past"
    assert bill_of(record, *entries, at="2026-06-01T00:00:00Z")["entry"] == "future"


def test_between_families_the_quantity_with_the_stronger_basis_decides() -> None:
    tokens = entry(per_million(text_input_tokens="1"), id="tokens")
    minutes = entry(
        {"audio_duration_seconds": {"amount": "1", "per": "60"}}, "audio_per_minute", id="minutes"
    )
    both = usage({"input_tokens": 1, "text_input_tokens": 1, "audio_duration_seconds": 60})
    billed = both | {"basis": {**both["basis"], "audio_duration_seconds": "provider_billed"}}

    assert bill_of(usage({"audio_duration_seconds": 60}), tokens, minutes)["entry"] == "minutes"
    assert bill_of(billed, tokens, minutes)["entry"] == "minutes"
    with pytest.raises(AmbiguousPriceError, match="price different units"):
        bill_of(both, tokens, minutes)


def test_two_entries_that_fit_equally_well_are_refused() -> None:
    rates = per_million(text_input_tokens="1")
    record = usage({"input_tokens": 1, "text_input_tokens": 1})
    book = {"currency": "USD", "entries": [entry(rates, id="a"), entry(rates, id="b")]}

    (fault,) = recompute.against_book(example("charge"), record, book)

    assert fault.problem == "a and b fit equally well"


def test_components_are_rated_by_their_own_model() -> None:
    part = {
        "operation": "transcription",
        "model": "ear",
        "quantities": {"audio_duration_seconds": 60},
        "basis": {"audio_duration_seconds": "provider_billed"},
        "unknown": [],
    }
    ear = entry(
        {"audio_duration_seconds": {"amount": "0.006", "per": "60"}},
        "audio_per_minute",
        models=["ear"],
        id="ear",
    )
    euro = ear | {"currency": "EUR"}
    mouth = entry(per_million(text_output_tokens="1"))
    main = usage({"output_tokens": 2, "text_output_tokens": 2, "audio_output_tokens": 0}, components=[part])
    nameless = {key: value for key, value in part.items() if key != "model"}

    joined = bill_of(main, mouth, ear)
    assert [item["model"] for item in joined["lines"]] == ["m", "ear"]
    assert joined["entry"] == "e"
    assert bill_of(usage({}, operation="realtime", components=[part]), ear)["entry"] == "ear"
    assert gaps_of(bill_of(main, mouth)) == [(None, "no_entry")]
    assert gaps_of(bill_of(main, mouth, euro)) == [("audio_duration_seconds", "currency")]
    assert gaps_of(bill_of(main | {"components": [nameless]}, mouth)) == [(None, "model_unknown")]


FOUNDING_BOOK = {
    "currency": "USD",
    "entries": [
        {
            "id": "azure/gpt-4o-mini-transcribe/2025-03-20",
            "provider": "azure",
            "models": ["gpt-4o-mini-transcribe"],
            "from": "2025-03-20",
            "pricing_model": "audio_token_based",
            "rates": per_million(
                text_input_tokens="1.25", audio_input_tokens="3.00", text_output_tokens="5.00"
            ),
        }
    ],
}


def test_the_founding_charge_follows_from_its_usage_and_prices() -> None:
    assert recompute.against_book(example("charge"), example("usage-record"), FOUNDING_BOOK) == ()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        pytest.param(lambda bill: bill.update(entry="azure/other"), "/entry", id="entry"),
        pytest.param(lambda bill: bill.update(total="0.002155"), "/total", id="total"),
        pytest.param(lambda bill: bill.update(currency="EUR"), "/currency", id="currency"),
        pytest.param(lambda bill: bill.update(flags=["cached_split_assumed"]), "/flags", id="flags"),
        pytest.param(lambda bill: bill["lines"].pop(), "/lines", id="line-missing"),
        pytest.param(lambda bill: bill["lines"][0].update(amount="1.25"), "/lines/0/amount", id="text-rate"),
        pytest.param(
            lambda bill: bill["lines"][0].update(measured="700"), "/lines/0/measured", id="measured"
        ),
        pytest.param(
            lambda bill: bill["lines"].append({**bill["lines"][0], "model": "m"}),
            "/lines/2",
            id="line-invented",
        ),
        pytest.param(lambda bill: bill["unpriced"].append(GAP), "/unpriced", id="gap-invented"),
    ],
)
def test_a_charge_that_usage_and_prices_do_not_make_is_found(
    change: Callable[[dict[str, Any]], None], pointer: str
) -> None:
    bill = example("charge")
    change(bill)

    assert pointers(recompute.against_book(bill, example("usage-record"), FOUNDING_BOOK)) == [pointer]


def test_lines_that_share_a_key_are_told_apart_by_what_they_measure() -> None:
    record = usage(
        {"input_tokens": 9, "text_input_tokens": 4, "audio_input_tokens": 0, "unattributed_input_tokens": 5}
    )
    book = {"currency": "USD", "entries": [entry(per_million(text_input_tokens="2"))]}
    right = recompute.recompute(record, book)
    swapped = right | {"lines": right["lines"][::-1]}

    assert len(right["lines"]) == 2
    assert recompute.against_book(swapped, record, book) == ()
