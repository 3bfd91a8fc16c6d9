"""The catalogues of prices beside each other: what each says of a model's audio, and by how much they differ.

Our own side is the public price book, with the source of every entry. The others are in
``catalogues/prices.json``, as they were read; nothing is compared that was not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from decibill import jsonio
from decibill.errors import InvalidFileError

__all__ = ["QUANTITIES", "Catalogue", "Comparison", "Price", "Row", "compare_catalogues"]

DAY: Final = "2026-11-21"
"""The prices of this day are compared."""

QUANTITIES: Final[Mapping[str, tuple[str, int]]] = {
    "audio_input_tokens": ("audio in, a million tokens", 1_000_000),
    "audio_output_tokens": ("audio out, a million tokens", 1_000_000),
    "cached_audio_input_tokens": ("cached audio, a million tokens", 1_000_000),
    "audio_duration_seconds": ("audio, a minute", 60),
    "tts_characters": ("text to speech, a million characters", 1_000_000),
}
"""What is compared: its words, and how much of it an amount is shown for."""

_SAME: Final = Fraction(1, 1000)
"""Amounts that differ by less are the same: some catalogues round a price by the hour."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A list of prices that somebody keeps."""

    id: str
    title: str
    version: str
    url: str
    read: str
    note: str


@dataclass(frozen=True, slots=True)
class Price:
    """What one catalogue says."""

    amount: Fraction
    """For as much as the quantity is shown for."""

    as_text: bool = False
    """Whether the catalogue has a price for text alone: audio costs that, by it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model and quantity, with what each catalogue says."""

    provider: str
    model: str
    quantity: str
    entry: str
    """The entry of our price book."""

    source: str
    """Where that has its price from."""

    note: str
    ours: Fraction
    others: Mapping[str, Price]
    """Catalogue → price, for those that have one."""

    @property
    def spread(self) -> Fraction:
        """The highest amount over the lowest."""
        amounts = [self.ours, *(price.amount for price in self.others.values())]
        return max(amounts) / min(amounts)

    @property
    def agrees(self) -> bool:
        """Whether all say the same."""
        return self.spread - 1 < _SAME


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every model and quantity that at least one other catalogue prices."""

    catalogues: tuple[Catalogue, ...]
    rows: tuple[Row, ...]
    """Those that differ most first."""


def compare_catalogues(book: Path, prices: Path) -> Comparison:
    """Return our price book beside the other catalogues.

    Args:
        book: a price book.
        prices: what the others say.

    Raises:
        InvalidFileError: a file cannot be read, or a price is of no catalogue or of nothing.
    """
    document: Mapping[str, Any] = jsonio.load_file(prices)
    catalogues = tuple(Catalogue(**each) for each in document["catalogues"])
    said = _said(document["prices"], {each.id for each in catalogues}, str(prices))
    rows: list[Row] = []
    for entry in _current(jsonio.load_file(book)["entries"]):
        for quantity, rate in entry["rates"].items():
            for model in entry["models"] if quantity in QUANTITIES else ():
                others = said.get((entry["provider"], model, quantity))
                ours = _shown(rate["amount"], rate["per"], quantity)
                if others and ours:
                    source = entry["source"]
                    found = Row(
                        provider=entry["provider"],
                        model=model,
                        quantity=quantity,
                        entry=entry["id"],
                        source=source["url"],
                        note=source.get("note", ""),
                        ours=ours,
                        others=others,
                    )
                    rows.append(found)
    rows.sort(key=lambda row: (row.agrees, -row.spread, row.provider, row.model, row.quantity))
    return Comparison(catalogues, tuple(rows))


def _said(
    prices: Sequence[Mapping[str, str]], known: set[str], where: str
) -> Mapping[tuple[str, str, str], Mapping[str, Price]]:
    found: dict[tuple[str, str, str], dict[str, Price]] = {}
    for index, each in enumerate(prices):
        if each["catalogue"] not in known or each["quantity"] not in QUANTITIES:
            raise InvalidFileError(where, "is of no catalogue or of nothing", pointer=f"/prices/{index}")
        amount = _shown(each["amount"], each["per"], each["quantity"])
        key = (each["provider"], each["model"], each["quantity"])
        found.setdefault(key, {})[each["catalogue"]] = Price(amount, each.get("as") == "text")
    return found


def _current(entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the entries of a call without any choice: no tier, no region, in dollars, of the day."""
    return [
        entry
        for entry in entries
        if "service_tier" not in entry and "region" not in entry and entry["currency"] == "USD"
        if entry["from"] <= DAY < entry.get("until", "9999")
    ]


def _shown(amount: str, per: str, quantity: str) -> Fraction:
    return Fraction(Decimal(amount)) / Fraction(Decimal(per)) * QUANTITIES[quantity][1]
