"""From an entry of a price book to a gateway's own price fields, exactly or not at all.

A rate is carried over as its amount, times the field's unit, divided by the rate's unit, worked out with
fractions. A rate that has no field, or that the gateway's number cannot hold to the last digit, is left out
and named: a rounded price would blame the gateway for our rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

from decibill.declaration import PriceField, Prices
from decibill.errors import HarnessError

__all__ = ["PriceFields", "entry_for", "held", "instead", "price_fields"]

_DEFAULT_TIER = "standard"
_MODALITIES = ("text", "audio", "image", "video")


@dataclass(frozen=True, slots=True)
class PriceFields:
    """What a gateway is told about one model's prices."""

    fields: Mapping[str, Any]
    """The gateway's members, nested where a field name holds ``/``; a `Decimal` becomes a JSON number."""

    missing: tuple[str, ...]
    """Rates that it cannot be told."""


def entry_for(
    book: Mapping[str, Any], provider: str, model: str, operation: str, at: datetime | None = None
) -> Mapping[str, Any] | None:
    """Return the entry that a plain call of *model* is priced by at the time *at* (now), or None.

    Only entries for the standard tier, any surface and any region are looked at: a gateway's configuration
    has no other. The entry that names the operation is preferred.
    """
    moment = at or datetime.now(UTC)
    fitting = [
        entry
        for entry in cast("Iterable[Mapping[str, Any]]", book["entries"])
        if entry["provider"] == provider
        and model in entry["models"]
        and entry.get("service_tier", _DEFAULT_TIER) == _DEFAULT_TIER
        and "surface" not in entry
        and "region" not in entry
        and operation in entry.get("operations", (operation,))
        and _instant(entry["from"]) <= moment
        and ("until" not in entry or moment < _instant(entry["until"]))
    ]
    return max(fitting, key=lambda entry: "operations" in entry, default=None)


def _instant(text: str) -> datetime:
    """Return the instant that a date (midnight UTC) or a UTC timestamp of a price book names."""
    if len(text) == len("2026-01-01"):
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    return datetime.fromisoformat(text)


def price_fields(prices: Prices, entry: Mapping[str, Any]) -> PriceFields:
    """Return what the gateway is told about *entry*, and what it cannot be told.

    A gateway that reads our own price books is told everything; one that has no prices is told nothing.
    """
    rates = cast("Mapping[str, Mapping[str, Any]]", entry["rates"])
    if prices.how == "book":
        return PriceFields({}, ())
    fields: dict[str, Any] = {}
    missing: list[str] = []
    surcharges = (name for name, target in prices.fields.items() if target.plus or target.minus)
    for quantity in dict.fromkeys((*rates, *surcharges)):
        target = prices.fields.get(quantity)
        exact = _amount(quantity, target, rates) if target is not None else None
        number = held(exact, prices) if exact is not None else None
        if quantity in rates and number is None:
            missing.append(quantity)
        elif target is not None and number is not None and (number or quantity in rates):
            _put(fields, target.field, number if prices.number == "decimal" else format(number, "f"))
    return PriceFields(fields, tuple(missing))


def instead(quantity: str) -> tuple[str, ...]:
    """Return the rates that the leaf rule tries when the rate of that name is missing."""
    if quantity == "cached_input_tokens":
        return (*(f"{modality}_input_tokens" for modality in _MODALITIES), "input_tokens")
    if quantity.startswith("cached_"):
        return ("cached_input_tokens", quantity.removeprefix("cached_"), "input_tokens")
    if quantity == "reasoning_output_tokens":
        return ("text_output_tokens", "output_tokens")
    for direction in ("input", "output"):
        if quantity.endswith(f"_{direction}_tokens"):
            return (f"{direction}_tokens",)
    return ()


def _amount(quantity: str, target: PriceField, rates: Mapping[str, Mapping[str, Any]]) -> Fraction | None:
    """Return the rate in the gateway's unit, with its surcharge; None where a rate is missing.

    A surcharge is the difference of what the leaf rule makes of each quantity, so that one which has no rate
    of its own is billed as if the entry repeated the rate that takes its place.
    """
    if not target.plus and not target.minus:
        return _rate(rates[quantity]) * Fraction(target.per)
    total = Fraction(0)
    signs = [(name, 1) for name in (quantity, *target.plus)] + [(name, -1) for name in target.minus]
    for name, sign in signs:
        found = next((rates[each] for each in (name, *instead(name)) if each in rates), None)
        if found is None:
            return None
        total += sign * _rate(found)
    return total * Fraction(target.per)


def _rate(rate: Mapping[str, Any]) -> Fraction:
    return Fraction(rate["amount"]) / Fraction(rate["per"])


def held(value: Fraction, prices: Prices) -> Decimal | None:
    """Return *value* as the decimal that the gateway keeps, or None if it would have to round.

    It keeps ``places`` digits after the point, and ``digits`` in all: decimal(18,10) has 8 before the point.
    """
    scaled = value * 10**prices.places
    if scaled.denominator != 1 or (prices.digits is not None and abs(scaled) >= 10**prices.digits):
        return None
    digits = tuple(map(int, str(abs(scaled.numerator))))
    number = Decimal((int(scaled < 0), digits, -prices.places))
    text = format(number, "f")
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def _put(fields: dict[str, Any], name: str, number: Decimal | str) -> None:
    *outer, last = name.split("/")
    place = fields
    for part in outer:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            raise HarnessError(f"the price field {name} stands inside another price field")
        place = cast("dict[str, Any]", inner)
    if place.setdefault(last, number) != number:
        raise HarnessError(f"two rates with different amounts share the price field {name}")
