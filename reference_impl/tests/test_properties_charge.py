"""Rules of a charge that hold whatever was used and whatever it costs."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from decibill_reference.charge import rate
from decibill_reference.charge_record import Charge
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.numbers import plain
from decibill_reference.prices import PriceBook
from hypothesis import given
from hypothesis import strategies as st
from tests.drawn import entries, quantities
from tests.rating import book, entry, usage

LAST_PLACE = Fraction(1, 10**12)


def charged(prices: dict[str, Any], used: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the charge of one call that asked for every feature."""
    if "audio_duration_seconds" in used:
        used = {**used, "audio_channels": 2}
    record = usage(used, features=["one", "two"], **changes)
    return rate(record, book(prices)).to_json()


def total(charge: dict[str, Any]) -> Fraction:
    """Return what a charge comes to; where nothing could be priced that is nothing."""
    return Fraction(charge["total"] or 0)


def together(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the sum of what several calls used."""
    return {
        name: plain(sum((Decimal(part[name]) for part in parts), Decimal(0)))
        if isinstance(parts[0][name], str)
        else sum(part[name] for part in parts)
        for name in parts[0]
    }


@given(entries(modified=False), st.data())
def test_without_minimum_step_and_tiers_the_parts_come_to_what_the_whole_comes_to(
    prices: dict[str, Any], data: st.DataObject
) -> None:
    of_family = quantities(prices["pricing_model"], loose=False)
    parts = data.draw(st.lists(of_family, min_size=1, max_size=5))

    apart = sum(total(charged(prices, part)) for part in parts)
    whole = total(charged(prices, together(parts)))

    assert abs(apart - whole) <= len(parts) * LAST_PLACE


@given(entries(modified=True), st.data())
def test_a_charge_is_never_negative(prices: dict[str, Any], data: st.DataObject) -> None:
    charge = charged(prices, data.draw(quantities(prices["pricing_model"])))

    assert total(charge) >= 0
    assert all(Fraction(line["subtotal"]) >= 0 and Fraction(line["billed"]) >= 0 for line in charge["lines"])
    assert all(Fraction(gap["measured"]) > 0 for gap in charge["unpriced"] if "measured" in gap)


@given(entries(modified=True), st.data())
def test_a_charge_is_the_sum_of_its_lines_rounded_once(prices: dict[str, Any], data: st.DataObject) -> None:
    charge = charged(prices, data.draw(quantities(prices["pricing_model"])))
    exact = [
        Fraction(line["billed"])
        * Fraction(line["amount"])
        / Fraction(line["per"])
        * Fraction(line.get("multiplier", 1))
        for line in charge["lines"]
    ]

    for line, value in zip(charge["lines"], exact, strict=True):
        assert Fraction(line["subtotal"]) == Fraction(round(value / LAST_PLACE)) * LAST_PLACE
    assert total(charge) == Fraction(round(sum(exact, Fraction(0)) / LAST_PLACE)) * LAST_PLACE


@given(entries("audio_token_based", modified=True), st.data())
def test_every_token_is_in_one_line_or_in_one_gap(prices: dict[str, Any], data: st.DataObject) -> None:
    used = data.draw(quantities("audio_token_based"))
    charge = charged(prices, used)

    fees = ("requests", "text_messages")
    bases = [line for line in charge["lines"] if "addon" not in line and line["quantity"] not in fees]
    missing = [gap for gap in charge["unpriced"] if gap["quantity"] not in fees]
    counted = sum(int(each["measured"]) for each in (*bases, *missing))
    assert counted == used["input_tokens"] + used["output_tokens"]


@given(entries("audio_token_based", modified=True), st.data())
def test_audio_is_never_billed_at_a_rate_of_text(prices: dict[str, Any], data: st.DataObject) -> None:
    used = dict.fromkeys(data.draw(quantities("audio_token_based")), 0)
    audio = data.draw(st.integers(1, 10**6))
    used |= {
        "input_tokens": audio,
        "audio_input_tokens": audio,
        "output_tokens": audio,
        "audio_output_tokens": audio,
    }
    charge = charged(prices, used)

    assert not {line["quantity"] for line in charge["lines"] if line["quantity"].startswith("text_")} - {
        "text_messages"
    }


@given(entries(modified=True), st.data())
def test_a_total_of_zero_means_that_nothing_is_owed(prices: dict[str, Any], data: st.DataObject) -> None:
    charge = charged(prices, data.draw(quantities(prices["pricing_model"])))

    assert (charge["total"] is None) == (charge["status"] in {"unmetered", "unpriced"})
    if charge["total"] == "0":
        assert not charge["unpriced"]
    if charge["status"] == "partial":
        assert total(charge) > 0


@given(entries(modified=True), st.data())
def test_a_charge_is_read_back_as_it_was_written(prices: dict[str, Any], data: st.DataObject) -> None:
    charge = charged(prices, data.draw(quantities(prices["pricing_model"])))

    assert Charge.from_json(charge).to_json() == charge


@given(entries(modified=True), st.data())
def test_the_order_of_members_changes_nothing(prices: dict[str, Any], data: st.DataObject) -> None:
    used = data.draw(quantities(prices["pricing_model"]))
    shuffled = {name: used[name] for name in data.draw(st.permutations(sorted(used)))}
    rates = {name: prices["rates"][name] for name in data.draw(st.permutations(sorted(prices["rates"])))}

    assert charged({**prices, "rates": rates}, shuffled) == charged(prices, used)


# Found by fuzzing


def test_a_charge_with_more_digits_than_any_number_of_a_provider_is_read_back() -> None:
    most = 999_999_999_999_999
    rates = {"tts_characters": {"amount": "9.999999999999999999999999999999", "per": "1", "step": "1000"}}
    addons = {"one": {"percent": "33.333333333333333333333333333333"}}
    charge = charged(entry(rates, addons=addons), {"tts_characters": most})

    assert [line["billed"] for line in charge["lines"]] == ["1000000000000000"] * 2
    assert Charge.from_json(charge).to_json() == charge


@pytest.mark.parametrize("member", ["per", "step", "minimum"])
def test_a_number_that_is_no_amount_has_one_spelling(member: str) -> None:
    rates = {"tts_characters": {"amount": "3.00", "per": "1000", member: "15.0"}}
    with pytest.raises(DecibillReferenceError) as refused:
        PriceBook.from_json({"currency": "USD", "entries": [entry(rates)]})

    assert (refused.value.code, refused.value.pointer) == (
        "invalid_price_book",
        f"/entries/0/rates/tts_characters/{member}",
    )
    assert "zeros at the end" in refused.value.message
