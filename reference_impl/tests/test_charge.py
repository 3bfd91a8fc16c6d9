from __future__ import annotations

import decimal
from fractions import Fraction
from typing import Any

import pytest
from decibill_reference.charge import rate
from decibill_reference.charge_record import Charge
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.usage import Component, UsageRecord
from hypothesis import given
from hypothesis import strategies as st
from tests.rating import AT, AUDIO_CHAT, MILLION, book, entry, gaps, lines, priced, usage

# The founding figures


def test_the_founding_transcription_costs_0_003527() -> None:
    charge = priced(
        {"text_input_tokens": "1.25", "audio_input_tokens": "3.00", "text_output_tokens": "5.00"},
        {
            "input_tokens": 784,
            "text_input_tokens": 0,
            "audio_input_tokens": 784,
            "output_tokens": 235,
            "text_output_tokens": 235,
            "audio_output_tokens": 0,
            "total_tokens": 1019,
        },
    )

    assert charge == {
        "status": "priced",
        "currency": "USD",
        "total": "0.003527",
        "entry": "e",
        "lines": [
            {
                "model": "m",
                "quantity": "audio_input_tokens",
                "measured": "784",
                "billed": "784",
                "amount": "3.00",
                "per": "1000000",
                "subtotal": "0.002352",
            },
            {
                "model": "m",
                "quantity": "text_output_tokens",
                "measured": "235",
                "billed": "235",
                "amount": "5.00",
                "per": "1000000",
                "subtotal": "0.001175",
            },
        ],
        "unpriced": [],
        "flags": [],
    }


@pytest.mark.parametrize(
    ("rates", "quantities", "total"),
    [
        (
            {"audio_duration_seconds": {"amount": "0.006", "per": "60"}},
            {"audio_duration_seconds": "78.4"},
            "0.00784",
        ),
        ({"tts_characters": "15"}, {"tts_characters": 4095}, "0.061425"),
        ({"tts_characters": "30"}, {"tts_characters": 4095}, "0.12285"),
        ({"provider_credits": {"amount": "0.3", "per": "1000"}}, {"provider_credits": "12.5"}, "0.00375"),
        ({"requests": {"amount": "0.01", "per": "1"}}, {}, "0.01"),
        ({"requests": {"amount": "0.01", "per": "1"}}, {"requests": 3}, "0.03"),
        (
            {"audio_duration_seconds": {"amount": "0.22", "per": "3600"}},
            {"audio_duration_seconds": 1},
            "0.000061111111",
        ),
    ],
    ids=["whisper", "tts-1", "tts-1-hd", "credits", "one request", "requests", "a price without finite form"],
)
def test_every_unit_is_charged_as_quantity_times_amount_divided_by_per(
    rates: dict[str, Any], quantities: dict[str, Any], total: str
) -> None:
    assert priced(rates, quantities)["total"] == total


# Modifiers


def seconds(measured: str | int, features: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    """Return the charge of some seconds at 0.36 an hour, 0.0001 a second, with modifiers."""
    addons = changes.pop("addons", {})
    multiplier = changes.pop("multiplier", "1")
    quantities = {"audio_duration_seconds": measured, **changes.pop("quantities", {})}
    return priced(
        {"audio_duration_seconds": {"amount": "0.36", "per": "3600", **changes}},
        quantities,
        features=list(features),
        entry={"addons": addons, "multiplier": multiplier},
    )


@pytest.mark.parametrize(
    ("measured", "billed"), [("2.5", "10"), ("9.999", "10"), (10, "10"), ("10.001", "10.001"), (60, "60")]
)
def test_a_minimum_raises_a_smaller_quantity_to_itself(measured: str | int, billed: str) -> None:
    assert lines(seconds(measured, minimum="10"))[0][1] == billed


def test_a_zero_stays_zero_whatever_the_minimum() -> None:
    charge = seconds(0, minimum="10", step="15")

    assert (charge["lines"], charge["status"], charge["total"]) == ([], "priced", "0")


@pytest.mark.parametrize(
    ("measured", "step", "billed"),
    [("1.7", "1", "2"), (2, "1", "2"), ("0.1", "15", "15"), ("15.01", "15", "30"), ("0.31", "0.1", "0.4")],
)
def test_a_step_rounds_up_to_the_next_multiple(measured: str | int, step: str, billed: str) -> None:
    assert lines(seconds(measured, step=step))[0][1] == billed


def test_modifiers_are_applied_in_order() -> None:
    # Minimum 2.5 -> 10; step 7 -> 14; two channels -> 28; the tier is measured by the record's 2.5, so its
    # amount is 0.72 an hour; half of 28 x 0.0002 is 0.0028, and of the 10 percent on it 0.00028.
    charge = seconds(
        "2.5",
        ("keyterms",),
        minimum="10",
        step="7",
        multiply_by="audio_channels",
        tiers={
            "by": "audio_duration_seconds",
            "steps": [{"above": "2", "amount": "0.72"}, {"above": "20", "amount": "9"}],
        },
        quantities={"audio_channels": 2},
        addons={"keyterms": {"percent": "10"}},
        multiplier="0.5",
    )

    assert charge["lines"] == [
        {
            "model": "m",
            "quantity": "audio_duration_seconds",
            "measured": "2.5",
            "billed": "28",
            "amount": "0.72",
            "per": "3600",
            "multiplier": "0.5",
            "subtotal": "0.0028",
        },
        {
            "model": "m",
            "quantity": "audio_duration_seconds",
            "measured": "2.5",
            "billed": "28",
            "amount": "0.072",
            "per": "3600",
            "multiplier": "0.5",
            "subtotal": "0.00028",
            "addon": "keyterms",
        },
    ]
    assert charge["total"] == "0.00308"


@pytest.mark.parametrize("channels", [{}, {"audio_channels": 1}], ids=["not stated", "one"])
def test_one_channel_is_charged_once(channels: dict[str, int]) -> None:
    assert lines(seconds(8, multiply_by="audio_channels", quantities=channels))[0][1] == "8"


@pytest.mark.parametrize(
    ("tokens", "amount"), [(200_000, "1"), (200_001, "2"), (500_000, "2"), (500_001, "4")]
)
def test_a_tier_charges_the_whole_quantity_at_the_last_step_passed(tokens: int, amount: str) -> None:
    tiers = {
        "by": "input_tokens",
        "steps": [{"above": "200000", "amount": "2"}, {"above": "500000", "amount": "4"}],
    }
    charge = priced(
        {"text_input_tokens": {"amount": "1", "per": MILLION, "tiers": tiers}},
        {"input_tokens": tokens, "text_input_tokens": tokens},
    )

    assert charge["lines"][0]["amount"] == amount
    assert charge["lines"][0]["billed"] == str(tokens)


def test_a_tier_by_a_quantity_that_is_not_known_is_a_gap() -> None:
    tiers = {"by": "input_tokens", "steps": [{"above": "200000", "amount": "2"}]}
    charge = priced(
        {"text_output_tokens": {"amount": "1", "per": MILLION, "tiers": tiers}}, {"text_output_tokens": 7}
    )

    assert gaps(charge) == [("text_output_tokens", "7", "quantity_unknown")]
    assert (charge["status"], charge["total"]) == ("unmetered", None)


def test_percentages_of_add_ons_add_up_and_do_not_compound() -> None:
    charge = seconds(
        3600,
        ("keyterms", "roles", "unpriced"),
        addons={"keyterms": {"percent": "20"}, "roles": {"percent": "10"}},
    )

    assert [(line.get("addon"), line["amount"], line["subtotal"]) for line in charge["lines"]] == [
        (None, "0.36", "0.36"),
        ("keyterms", "0.072", "0.072"),
        ("roles", "0.036", "0.036"),
    ]
    assert charge["total"] == "0.468"


def test_an_add_on_by_amount_is_over_the_billed_quantity() -> None:
    charge = seconds("1.5", ("entities",), step="2", addons={"entities": {"amount": "0.07", "per": "3600"}})

    assert lines(charge)[1] == ("audio_duration_seconds", "2", "0.000038888889")


def test_the_largest_minimum_holds_for_base_and_add_ons() -> None:
    # ElevenLabs: more than 100 key terms make 20 seconds the least that is billed, then 20 percent on top.
    charge = seconds(
        5, ("many_keyterms",), minimum="10", addons={"many_keyterms": {"percent": "20", "minimum": "20"}}
    )

    assert lines(charge) == [
        ("audio_duration_seconds", "20", "0.002"),
        ("audio_duration_seconds", "20", "0.0004"),
    ]


def test_an_add_on_that_was_not_asked_for_costs_nothing() -> None:
    assert len(seconds(5, (), addons={"keyterms": {"percent": "20"}})["lines"]) == 1


def test_a_fee_is_charged_beside_the_family_and_has_no_add_on() -> None:
    charge = priced(
        {
            "audio_duration_seconds": {"amount": "0.36", "per": "3600"},
            "requests": {"amount": "0.01", "per": "1"},
        },
        {"audio_duration_seconds": 10},
        features=["keyterms"],
        entry={"addons": {"keyterms": {"percent": "20"}}},
    )

    assert lines(charge) == [
        ("audio_duration_seconds", "10", "0.001"),
        ("audio_duration_seconds", "10", "0.0002"),
        ("requests", "1", "0.01"),
    ]


# Rounding


def test_the_total_is_rounded_from_the_exact_sum() -> None:
    third = {"amount": "1", "per": "3"}
    charge = priced(
        {"text_input_tokens": third, "audio_input_tokens": third, "text_output_tokens": third},
        {"text_input_tokens": 1, "audio_input_tokens": 1, "text_output_tokens": 1},
    )

    assert [line["subtotal"] for line in charge["lines"]] == ["0.333333333333"] * 3
    assert charge["total"] == "1"


@pytest.mark.parametrize(
    ("amount", "subtotal"),
    [
        ("0.0000000000005", "0"),
        ("0.0000000000015", "0.000000000002"),
        ("0.0000000000025", "0.000000000002"),
        ("0.00000000000250000000001", "0.000000000003"),
    ],
)
def test_a_tie_at_the_twelfth_place_goes_to_the_even_digit(amount: str, subtotal: str) -> None:
    charge = priced({"audio_duration_seconds": {"amount": amount, "per": "1"}}, {"audio_duration_seconds": 1})

    assert charge["lines"][0]["subtotal"] == subtotal


def test_the_arithmetic_ignores_the_context_of_the_caller() -> None:
    with decimal.localcontext() as context:
        context.prec = 2
        context.rounding = decimal.ROUND_UP
        context.traps[decimal.Inexact] = True
        charge = priced(
            {"audio_duration_seconds": {"amount": "0.0043", "per": "60"}},
            {"audio_duration_seconds": "98765.4321"},
        )

    assert charge["total"] == "7.0781893005"


# Gaps and statuses


def test_an_error_response_is_not_billable_and_nothing_is_looked_up() -> None:
    charge = rate(usage({}, flags=["error_response"], model="nobody"), book()).to_json()

    assert charge == {
        "status": "not_billable",
        "currency": "USD",
        "total": "0",
        "lines": [],
        "unpriced": [],
        "flags": [],
    }


def test_amounts_of_zero_are_free() -> None:
    charge = priced({"tts_characters": "0"}, {"tts_characters": 31})

    assert (charge["status"], charge["total"], len(charge["lines"])) == ("free", "0", 1)


def test_zero_usage_is_priced_without_lines() -> None:
    charge = priced(AUDIO_CHAT, {"input_tokens": 0, "output_tokens": 0})

    assert (charge["status"], charge["total"], charge["lines"]) == ("priced", "0", [])


def test_a_model_without_an_entry_names_what_was_looked_up() -> None:
    charge = rate(usage({"tts_characters": 3}, model="tts-9", region="eu", service_tier="default"), book())

    assert charge.to_json() == {
        "status": "unpriced",
        "currency": "USD",
        "total": None,
        "lines": [],
        "unpriced": [
            {
                "model": "tts-9",
                "reason": "no_entry",
                "looked_up": {
                    "provider": "openai",
                    "model": "tts-9",
                    "operation": "chat",
                    "surface": "api",
                    "region": "eu",
                    "service_tier": "standard",
                    "at": AT,
                },
            }
        ],
        "flags": [],
    }


SECONDS = {"audio_duration_seconds": {"amount": "0.006", "per": "60"}}
TOKENS = {"text_input_tokens": "1", "text_output_tokens": "1"}


@pytest.mark.parametrize(
    ("rates", "quantities", "basis", "unknown", "reason", "names"),
    [
        (SECONDS, {}, "", ("audio_duration_seconds",), "quantity_unknown", ["audio_duration_seconds"]),
        (
            SECONDS,
            {"input_tokens": 784},
            "provider_reported",
            (),
            "unit_mismatch",
            ["audio_duration_seconds"],
        ),
        (SECONDS, {"tts_characters": 7}, "request", (), "quantity_unknown", ["audio_duration_seconds"]),
        (
            SECONDS,
            {"media_duration_seconds": "7"},
            "provider_reported",
            (),
            "quantity_unknown",
            ["audio_duration_seconds"],
        ),
        (TOKENS, {"tts_characters": 7}, "request", (), "quantity_unknown", ["input_tokens", "output_tokens"]),
        (TOKENS, {}, "", ("output_tokens",), "quantity_unknown", ["output_tokens"]),
        (
            TOKENS,
            {"audio_duration_seconds": 7},
            "provider_billed",
            (),
            "unit_mismatch",
            ["input_tokens", "output_tokens"],
        ),
        (
            TOKENS,
            {"audio_duration_seconds": 7},
            "media",
            (),
            "quantity_unknown",
            ["input_tokens", "output_tokens"],
        ),
        ({"audio_output_tokens": "1"}, {}, "", ("input_tokens",), "quantity_unknown", ["output_tokens"]),
    ],
    ids=[
        "seconds nowhere",
        "tokens for seconds",
        "characters of the request for seconds",
        "another duration for seconds",
        "characters of the request for tokens",
        "one direction unknown",
        "billed seconds for tokens",
        "measured seconds for tokens",
        "a direction without a price does not matter",
    ],
)
def test_a_record_without_the_family_of_its_entry_is_a_gap(
    *, rates: Any, quantities: Any, basis: str, unknown: tuple[str, ...], reason: str, names: list[str]
) -> None:
    charge = priced(rates, quantities, basis=basis, unknown=unknown)

    assert gaps(charge) == [(name, None, reason) for name in names]
    assert charge["status"] == ("unpriced" if reason == "unit_mismatch" else "unmetered")
    assert charge["total"] is None


@pytest.mark.parametrize(
    ("unknown", "status"),
    [
        ("output_tokens", "partial"),
        ("total_tokens", "partial"),
        ("text_output_tokens", "partial"),
        ("audio_output_tokens", "priced"),
        ("tts_characters", "priced"),
    ],
)
def test_a_priced_quantity_or_its_whole_that_is_unknown_is_a_gap_beside_the_lines(
    unknown: str, status: str
) -> None:
    charge = priced(TOKENS, {"text_input_tokens": 5}, unknown=(unknown,))

    assert lines(charge) == [("text_input_tokens", "5", "0.000005")]
    assert charge["status"] == status


@pytest.mark.parametrize(
    ("rates", "unknown"),
    [
        ({**TOKENS, "cached_text_input_tokens": "1"}, "cached_input_tokens"),
        ({**TOKENS, "cached_audio_input_tokens": "1"}, "audio_input_tokens"),
        ({**TOKENS, "reasoning_output_tokens": "1"}, "reasoning_output_tokens"),
        ({"audio_duration_seconds": "1"}, "audio_duration_seconds"),
        ({**TOKENS, "text_messages": "1"}, "text_messages"),
    ],
    ids=["cached tokens", "the modality of a cached rate", "reasoning", "seconds", "a fee"],
)
def test_what_is_known_in_part_and_unknown_in_part_is_partial(rates: Any, unknown: str) -> None:
    charge = priced(rates, {"text_input_tokens": 5, "audio_duration_seconds": 9}, unknown=(unknown,))

    assert gaps(charge) == [(unknown, None, "quantity_unknown")]
    assert charge["status"] == "partial"


def test_seconds_without_a_rate_are_a_gap_beside_a_fee() -> None:
    fees = {"requests": {"amount": "0.01", "per": "1"}}
    charge = priced(fees, {"audio_duration_seconds": 9}, entry={"pricing_model": "audio_per_minute"})

    assert gaps(charge) == [("audio_duration_seconds", "9", "no_rate")]
    assert charge["status"] == "partial"


def test_tokens_without_any_token_rate_are_a_gap() -> None:
    fees = {"requests": {"amount": "0.01", "per": "1"}}
    charge = priced(fees, {}, entry={"pricing_model": "audio_token_based"})

    assert [name for name, _, _ in gaps(charge)] == ["input_tokens", "output_tokens"]


@pytest.mark.parametrize(
    ("rule", "status"), [(None, "priced"), ("code_points", "priced"), ("utf8_bytes", "unpriced")]
)
def test_a_rate_by_a_character_rule_prices_no_other_characters(rule: str | None, status: str) -> None:
    rates = {"tts_characters": {"amount": "15", "per": MILLION, "rule": "code_points"}}
    counted = {} if rule is None else {"character_rule": rule}

    assert priced(rates, {"tts_characters": 9}, **counted)["status"] == status


def test_an_entry_prices_its_own_family_and_nothing_else() -> None:
    charge = priced(SECONDS, {"audio_duration_seconds": 60, "input_tokens": 784, "tts_characters": 9})

    assert lines(charge) == [("audio_duration_seconds", "60", "0.006")]
    assert charge["status"] == "priced"


@pytest.mark.parametrize(
    "record",
    [
        {"input_tokens": 5, "audio_input_tokens": 6},
        {"cached_input_tokens": 3, "cached_audio_input_tokens": 4},
    ],
)
def test_a_record_that_contradicts_itself_is_refused(record: dict[str, int]) -> None:
    contradictory = UsageRecord("openai", "api", "chat", "m", AT, record, dict.fromkeys(record, "request"))

    with pytest.raises(DecibillReferenceError) as caught:
        rate(contradictory, book(entry(TOKENS)))

    assert caught.value.code == "inconsistent_usage"


# Time


def test_prices_are_those_of_the_record_unless_another_instant_is_asked_for() -> None:
    prices = book(
        entry({"tts_characters": "15"}, id="old", until="2025-06-01"),
        entry({"tts_characters": "30"}, id="new", **{"from": "2025-06-01"}),
    )
    record = usage({"tts_characters": 1})

    assert rate(record, prices).entry == "new"
    assert rate(record, prices, "2025-05-31T23:59:59Z").entry == "old"


def test_an_instant_that_is_none_is_refused() -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        rate(usage({"tts_characters": 1}), book(), "yesterday")

    assert (caught.value.code, caught.value.pointer) == ("missing_time", "/at")


# Components

ASR = {**entry(SECONDS, id="asr", models=["asr"], operations=["transcription"])}


def session(quantities: dict[str, int], *components: Component, unknown: tuple[str, ...] = ()) -> UsageRecord:
    basis = dict.fromkeys(quantities, "provider_reported")
    return UsageRecord(
        "openai", "api", "realtime", "m", AT, quantities, basis, unknown, components=components
    )


def heard(model: str | None = "asr", measured: int = 9) -> Component:
    return Component(
        "transcription",
        model,
        {"audio_duration_seconds": measured},
        {"audio_duration_seconds": "provider_billed"},
    )


def test_a_component_is_priced_by_its_own_model_and_operation() -> None:
    charge = rate(session({"text_input_tokens": 10}, heard()), book(entry(TOKENS), ASR)).to_json()

    assert [(line["model"], line["subtotal"]) for line in charge["lines"]] == [
        ("m", "0.00001"),
        ("asr", "0.0009"),
    ]
    assert (charge["entry"], charge["total"]) == ("e", "0.00091")


def test_a_component_that_nothing_names_is_a_gap() -> None:
    charge = rate(session({"text_input_tokens": 10}, heard(None)), book(entry(TOKENS), ASR)).to_json()

    assert charge["unpriced"] == [{"reason": "model_unknown"}]
    assert charge["status"] == "partial"


def test_a_component_in_another_currency_is_a_gap() -> None:
    charge = rate(session({"text_input_tokens": 10}, heard()), book(entry(TOKENS), ASR | {"currency": "EUR"}))

    assert gaps(charge.to_json()) == [("audio_duration_seconds", "9", "currency")]
    assert (charge.currency, charge.status) == ("USD", "partial")


def test_a_session_that_used_other_models_only_is_their_charge() -> None:
    charge = rate(session({}, heard("unlisted"), heard()), book(ASR | {"currency": "EUR"}))

    assert (charge.entry, charge.currency) == ("asr", "EUR")
    assert charge.to_json()["unpriced"][0]["reason"] == "no_entry"


def test_a_session_that_used_nothing_costs_nothing() -> None:
    charge = rate(session({}), book())

    assert (charge.status, charge.total) == ("priced", 0)


def test_a_session_whose_own_usage_is_unknown_is_not_left_out() -> None:
    charge = rate(session({}, heard(), unknown=("input_tokens",)), book(entry(TOKENS), ASR))

    assert gaps(charge.to_json()) == [("input_tokens", None, "quantity_unknown")]
    assert charge.status == "partial"


# The record


def test_a_charge_survives_the_way_through_json() -> None:
    charge = rate(session({"text_input_tokens": 10}, heard(), heard("x")), book(entry(TOKENS), ASR))

    assert Charge.from_json(charge.to_json()).to_json() == charge.to_json()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("status",), "paid"),
        (("total",), 1),
        (("lines",), {}),
        (("lines", 0, "amount"), "-1"),
        (("lines", 0, "per"), "0"),
        (("lines", 0, "price"), "1"),
        (("unpriced", 0, "looked_up"), []),
    ],
    ids=str,
)
def test_a_document_that_is_no_charge_is_refused_with_its_pointer(
    path: tuple[str | int, ...], value: Any
) -> None:
    document = rate(session({"text_input_tokens": 10}, heard("x")), book(entry(TOKENS))).to_json()
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value

    with pytest.raises(DecibillReferenceError) as caught:
        Charge.from_json(document)

    assert caught.value.code == "malformed_body"
    assert caught.value.pointer == "".join(f"/{step}" for step in path)


# Rules that hold whatever the numbers

amounts = st.decimals(0, 1000, places=6, allow_nan=False, allow_infinity=False).map(
    lambda found: format(found, "f")
)
pers = st.sampled_from(["1", "60", "1000", "3600", "1000000", "7"])


@given(st.integers(1, 10**6), st.integers(1, 10**6), amounts, pers)
def test_without_minimum_step_or_tiers_the_parts_cost_what_the_whole_costs(
    first: int, second: int, amount: str, per: str
) -> None:
    rates = {"tts_characters": {"amount": amount, "per": per}}

    def exact(characters: int) -> Fraction:
        (line,) = priced(rates, {"tts_characters": characters})["lines"]
        return Fraction(line["billed"]) * Fraction(line["amount"]) / Fraction(line["per"])

    assert exact(first) + exact(second) == exact(first + second)


@given(st.integers(0, 10**6), st.integers(0, 10**6), amounts, pers)
def test_more_usage_never_costs_less(fewer: int, more: int, amount: str, per: str) -> None:
    fewer, more = sorted((fewer, more))
    rate_with_modifiers = {"amount": amount, "per": per, "minimum": "100", "step": "7"}

    def total(characters: int) -> Fraction:
        return Fraction(
            priced({"tts_characters": rate_with_modifiers}, {"tts_characters": characters})["total"]
        )

    assert total(fewer) <= total(more)


def test_nothing_of_what_has_no_rate_is_no_gap() -> None:
    fees = {"requests": {"amount": "0.01", "per": "1"}}
    charge = priced(fees, {"audio_duration_seconds": 0}, entry={"pricing_model": "audio_per_minute"})

    assert (charge["status"], gaps(charge)) == ("priced", [])
