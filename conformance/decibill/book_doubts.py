"""What is doubtful in published prices: what hardly any model has, and slips of a power of ten.

A doubt is not an error of the format. Some prices are odd in truth; the `source.note` of such an entry says
so and names the quantity, which settles the doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from typing import Any, Final

from decibill.errors import Fault
from decibill.pointer import join

__all__ = ["doubts"]

_MODALITIES: Final = ("text_", "audio_", "image_", "video_", "")
_SELECTORS: Final = ("pricing_model", "operations", "surface", "region", "service_tier")
_LARGEST_STEP: Final = 10
"""Factor between two periods from which a misplaced point is more likely than a new price."""


def doubts(book: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return the doubtful prices of a book that is valid by its schema, where no note explains them.

    Only entries with a page as their source are looked at: prices that cases make up may be anything.
    """
    found: list[Fault] = []
    entries: Sequence[Mapping[str, Any]] = book["entries"]
    public = [(n, entry) for n, entry in enumerate(entries) if entry["source"]["url"].startswith("http")]
    for n, entry in public:
        found += _settled(entry, join("entries", n), _within(entry))
    for (_, before), (n, entry) in permutations(public, 2):
        if _follows(before, entry):
            found += _settled(entry, join("entries", n), _steps(before, entry))
    return tuple(found)


def _settled(entry: Mapping[str, Any], at: str, doubtful: Iterator[tuple[str, str]]) -> Iterator[Fault]:
    """Yield the doubts that the entry's note does not explain."""
    note = entry["source"].get("note", "")
    for quantity, problem in doubtful:
        if quantity not in note:
            yield Fault(
                at + join("rates", quantity),
                f"{problem}; if that is so, explain it in source.note and name {quantity} there",
            )


def _within(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    prices = _prices(entry)
    for name in ("input_tokens", "output_tokens"):
        yield from _below(prices, f"audio_{name}", f"text_{name}")
    yield from _below(prices, "cached_audio_input_tokens", "cached_text_input_tokens")
    for modality in _MODALITIES:
        fresh = f"{modality}input_tokens" if f"{modality}input_tokens" in prices else "input_tokens"
        cached = f"cached_{modality}input_tokens"
        if cached in prices and fresh in prices and prices[cached] > prices[fresh]:
            yield cached, f"{cached} costs more than {fresh}"
        yield from _below(prices, f"{modality}output_tokens", f"{modality}input_tokens")


def _below(prices: Mapping[str, Fraction], higher: str, lower: str) -> Iterator[tuple[str, str]]:
    if higher in prices and lower in prices and prices[higher] < prices[lower]:
        yield higher, f"{higher} costs less than {lower}"


def _follows(before: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether one entry begins where the other ends, for the same calls."""
    return (
        before.get("until") == entry["from"]
        and before["provider"] == entry["provider"]
        and bool(set(before["models"]) & set(entry["models"]))
        and all(before.get(name) == entry.get(name) for name in _SELECTORS)
    )


def _steps(before: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    old, new = _prices(before), _prices(entry)
    for quantity in sorted(set(old) & set(new)):
        high, low = max(old[quantity], new[quantity]), min(old[quantity], new[quantity])
        if low and high / low >= _LARGEST_STEP:
            yield (
                quantity,
                f"{quantity} is {float(new[quantity] / old[quantity]):g} times that of {before['id']}",
            )


def _prices(entry: Mapping[str, Any]) -> dict[str, Fraction]:
    return {name: Fraction(rate["amount"]) / Fraction(rate["per"]) for name, rate in entry["rates"].items()}
