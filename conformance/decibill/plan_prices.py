"""What a gateway's configuration can and cannot hold of a case's price (AUB 0.1, chapter 8).

A *rate* without a field is left out, and the gateway may then say the right price or that it does not know.
That is only fair where nothing else takes the rate's place: a gateway that has no field for cached audio and
bills it as fresh audio is right by the leaf rule, so such a case is not declared instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decibill import jsonio
from decibill._data import data_directory
from decibill.pricefields import instead, price_fields

if TYPE_CHECKING:
    from decibill.case import ExchangeCase
    from decibill.declaration import Declaration

__all__ = ["PriceFit", "case_entries", "fit_prices", "list_entries"]

_ON_A_RATE = ("step", "minimum", "tiers", "multiply_by")


@dataclass(frozen=True, slots=True)
class PriceFit:
    """How far a gateway can be given the price of one case."""

    reason: str | None = None
    """What it lacks, where the case cannot be asked for that."""

    left_out: tuple[str, ...] = ()
    """Rates that the right charge uses and that the gateway has no field for."""


def case_entries(case: ExchangeCase) -> tuple[Mapping[str, Any], ...]:
    """Return the entries of the case's price book that can price its models.

    Raises:
        InvalidFileError: the price book cannot be read.
    """
    if case.book is None:
        return ()
    entries = _book(data_directory("fixtures") / case.book, case.book)
    return tuple(
        entry
        for entry in entries
        if entry["provider"] == case.provider
        and set(entry["models"]) & set(case.models)
        and case.operation in entry.get("operations", (case.operation,))
    )


def list_entries(case: ExchangeCase) -> tuple[Mapping[str, Any], ...]:
    """Return what the bundled public price books hold of the case's model, as a catalogue might."""
    fixtures = data_directory("fixtures")
    names = sorted(path.name for path in (fixtures / "price-books").glob("public-*.json"))
    return tuple(
        entry
        for name in names
        for entry in _book(fixtures / "price-books" / name, f"price-books/{name}")
        if entry["provider"] == case.provider and case.model in entry["models"]
    )


@lru_cache(maxsize=64)
def _book(path: Path, name: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(jsonio.load_file(path, name)["entries"])


def fit_prices(case: ExchangeCase, declaration: Declaration) -> PriceFit:
    """Return what of the case's price the gateway can be given.

    A gateway that takes no prices at all is judged on usage alone, so nothing is asked of it here.
    """
    if declaration.prices.how == "none" or declaration.features.price_scope == "none" or case.charge is None:
        return PriceFit()
    entries = case_entries(case)
    for modifier in _modifiers(case, entries):
        if modifier not in declaration.features.modifiers:
            return PriceFit(reason=f"the price modifier {modifier}")
    if len(case.models) > 1 and not declaration.features.component_prices:
        return PriceFit(reason="a price for the second model of a session")
    if declaration.prices.how == "book":
        return PriceFit()
    if any(sum(model in entry["models"] for entry in entries) > 1 for model in case.models):
        return PriceFit(reason="more than one price entry for a model")
    # What the configuration will leave out is asked of what writes it, so the two cannot disagree.
    missing = {q for entry in entries for q in price_fields(declaration.prices, entry).missing}
    left_out = tuple(sorted({quantity for quantity, _ in _used(case, entries)} & missing))
    held = {quantity for entry in entries for quantity in entry["rates"]} - missing
    for quantity in left_out:
        if held & set(instead(quantity)):
            return PriceFit(reason=f"a separate price for {quantity}")
    return PriceFit(left_out=left_out)


def _used(
    case: ExchangeCase, entries: tuple[Mapping[str, Any], ...]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the rates that the lines of the right charge take, each with its name."""
    for line in case.charge.lines if case.charge else ():
        for entry in entries:
            if line.model in entry["models"] and line.quantity in entry["rates"]:
                yield line.quantity, entry["rates"][line.quantity]


def _modifiers(case: ExchangeCase, entries: tuple[Mapping[str, Any], ...]) -> Iterator[str]:
    """Yield the modifiers that the right charge depends on, in a fixed order."""
    used = tuple(_used(case, entries))
    for name in _ON_A_RATE:
        if any(name in rate for _, rate in used):
            yield name
    if any(quantity.startswith("cached_") for quantity, _ in used):
        yield "cached"
    if any(line.addon for line in (case.charge.lines if case.charge else ())):
        yield "addons"
    if any(Decimal(entry.get("multiplier", "1")) != 1 for entry in entries):
        yield "multiplier"
