"""Finding the places that state the right figures, over several calls of which each has figures of its own.

A place that is right in one call may be so by chance; one that is right in calls with different figures, and
wrong in none, is not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from decibill.probe import ProbedCall
from decibill.probe_surfaces import Document, Surface, number

__all__ = ["UNITS", "CostPlace", "Sighting", "UsagePlace", "cost_places", "hints", "usage_places"]

UNITS: Final[Mapping[int, str]] = {
    1: "USD",
    100: "cents",
    1000: "thousandths of a USD",
    1_000_000: "micro-USD",
    1_000_000_000: "nano-USD",
    500_000: "quota, 500000 to the USD",
}
"""How many make one US dollar, and what they are called."""

_RESIDUE: Final = Fraction(1, 10**9)
_TELLING: Final = 100
"""A rounded number tells a figure from others only where it has three digits."""

_COSTLY: Final = frozenset(
    {"amount", "charge", "cost", "credit", "credits", "price", "quota", "spend", "usd"}
)
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SAME: Final[Mapping[str, str]] = {
    "prompt": "input",
    "in": "input",
    "request": "input",
    "completion": "output",
    "out": "output",
    "response": "output",
    "generated": "output",
    "cache": "cached",
    "read": "cached",
    "reasoning": "reasoning",
    "second": "duration",
    "seconds": "duration",
    "length": "duration",
    "character": "characters",
    "chars": "characters",
    "token": "tokens",
}


@dataclass(frozen=True, slots=True)
class Sighting:
    """How often a place was right."""

    right: tuple[str, ...] = ()
    """Cases in which it stated the right figure."""

    other: tuple[tuple[str, Decimal, Fraction], ...] = ()
    """Cases in which it stated another, with both."""

    silent: tuple[str, ...] = ()
    """Cases in which it stated nothing."""


@dataclass(frozen=True, slots=True)
class CostPlace:
    """A place that states the cost."""

    surface: Surface
    at: str
    per_usd: int
    sighting: Sighting
    resolution: Fraction | None = None
    """The smallest step that it states, in USD, where it rounds."""

    rounds: str = "nearest"
    """How it rounds to that step: to the nearest, down or up."""


@dataclass(frozen=True, slots=True)
class UsagePlace:
    """A place that states a quantity."""

    surface: Surface
    at: str
    quantity: str
    sighting: Sighting
    without_cached: bool = False
    """Whether the place leaves out what was cached, so that whole and part stand side by side."""

    more: tuple[str, ...] = ()
    """Places that were right where this one was silent."""

    also: tuple[str, ...] = ()
    """Other places that were right as often."""

    @property
    def right(self) -> tuple[str, ...]:
        """Cases in which this place or one of `more` was right."""
        return self.sighting.right


def cost_places(calls: Sequence[ProbedCall]) -> list[CostPlace]:
    """Return, for every surface, the place that stated the right cost most often."""
    found: list[CostPlace] = []
    for surface in _surfaces(calls):
        places = [place for at in _places(calls, surface) for place in _costs_at(calls, surface, at)]
        best = max(places, key=_cost_rank, default=None)
        if best is not None:
            found.append(best)
    return found


def _cost_rank(place: CostPlace) -> tuple[int, int, int, int, int]:
    costly = _is_costly(place.at)
    seen = place.sighting
    return (len(seen.right), -len(seen.other), costly, -len(place.at), -place.per_usd)


def _costs_at(calls: Sequence[ProbedCall], surface: Surface, at: str) -> Iterator[CostPlace]:
    for per_usd in UNITS:
        hits: dict[str, _Hit] = {}
        other: list[tuple[str, Decimal, Fraction]] = []
        silent: list[str] = []
        for call in calls:
            stated, right = _numbers(call, surface, at), call.cost * per_usd
            found = [hit for value in stated if (hit := _hit(value, right)) is not None]
            if found:
                hits[call.case.id] = min(found, key=lambda hit: hit.step)
            elif stated:
                other.append((call.case.id, stated[0], right))
            else:
                silent.append(call.case.id)
        if hits:
            step = max(hit.step for hit in hits.values())
            # too few digits to tell by themselves, but no other than this place would state
            coarse = [case for case, value, right in other if abs(Fraction(value) - right) < step]
            wrong = tuple(each for each in other if each[0] not in coarse)
            sighting = Sighting((*hits, *coarse), wrong, tuple(silent))
            resolution = step / per_usd if step else None
            yield CostPlace(surface, at, per_usd, sighting, resolution, _rounds(hits.values()))


@dataclass(frozen=True, slots=True)
class _Hit:
    """A number that states the right figure."""

    step: Fraction
    """The smallest step that it could state; 0 where it is exact."""

    off: Fraction
    """By how much it is off."""


def _hit(value: Decimal, right: Fraction) -> _Hit | None:
    exact = Fraction(value)
    off = exact - right
    if abs(off) <= right * _RESIDUE:
        return _Hit(Fraction(0), Fraction(0))
    exponent = value.normalize().as_tuple().exponent
    step = Fraction(10) ** min(exponent, 0) if isinstance(exponent, int) else Fraction(1)
    return _Hit(step, off) if right / step >= _TELLING and abs(off) < step else None


def _rounds(hits: Iterable[_Hit]) -> str:
    rounded = [hit for hit in hits if hit.step]
    if all(abs(hit.off) * 2 <= hit.step for hit in rounded):
        return "nearest"
    return "down" if all(hit.off <= 0 for hit in rounded) else "up"


def usage_places(calls: Sequence[ProbedCall], surface: Surface) -> list[UsagePlace]:
    """Return the places on one surface that state quantities, each quantity once and each place once."""
    candidates = [
        place
        for without_cached in (False, True)
        for quantity in dict.fromkeys(name for call in calls for name in call.quantities)
        for at in _places(calls, surface)
        if (place := _quantity_at(calls, surface, at, quantity, without_cached=without_cached)) is not None
    ]
    candidates.sort(key=_usage_rank, reverse=True)
    chosen: dict[str, UsagePlace] = {}
    taken: set[str] = set()
    for place in candidates:
        held = chosen.get(place.quantity)
        if place.at in taken:
            continue
        if held is None:
            chosen[place.quantity] = place
            taken.add(place.at)
        elif held.without_cached == place.without_cached and set(place.right) - set(held.right):
            both = tuple(dict.fromkeys((*held.right, *place.right)))
            silent = tuple(name for name in held.sighting.silent if name not in both)
            other = tuple(each for each in held.sighting.other if each[0] not in both)
            sighting = Sighting(both, other, silent)
            chosen[place.quantity] = replace(held, more=(*held.more, place.at), sighting=sighting)
            taken.add(place.at)
        elif _usage_rank(held)[1:3] == _usage_rank(place)[1:3] and set(held.right) == set(place.right):
            chosen[place.quantity] = replace(held, also=(*held.also, place.at))
    return list(chosen.values())


def _usage_rank(place: UsagePlace) -> tuple[int, float, int, int]:
    seen = place.sighting
    return (
        len(seen.right) - _wrong(seen),
        _likeness(place.at, place.quantity),
        -int(place.without_cached),
        -len(place.at),
    )


def _wrong(seen: Sighting) -> int:
    """Return how often a place stated a wrong number above 0; a 0 is usage that the gateway lost."""
    return sum(stated != 0 for _, stated, _ in seen.other)


def _quantity_at(
    calls: Sequence[ProbedCall], surface: Surface, at: str, quantity: str, *, without_cached: bool
) -> UsagePlace | None:
    """Return the place where it states the quantity by more than chance."""
    right: list[str] = []
    other: list[tuple[str, Decimal, Fraction]] = []
    silent: list[str] = []
    figures: set[Decimal] = set()
    differs = False
    for call in calls:
        whole = call.quantities.get(quantity, Decimal(0))
        wanted = whole - _cached(call, quantity) if without_cached else whole
        stated = _numbers(call, surface, at)
        if wanted and wanted in stated:
            right.append(call.case.id)
            figures.add(wanted)
            differs = differs or wanted != whole
        elif not stated or (not wanted and Decimal(0) in stated):
            silent.append(call.case.id)
        else:
            other.append((call.case.id, stated[0], Fraction(wanted)))
    seen = Sighting(tuple(right), tuple(other), tuple(silent))
    named = _likeness(at, quantity) > 0
    by_chance = not figures or (len(figures) == 1 and (other or not named))
    if (
        by_chance
        or (other and not named)
        or 2 * _wrong(seen) > len(right)
        or (without_cached and not differs)
    ):
        return None
    return UsagePlace(surface, at, quantity, seen, without_cached)


def _cached(call: ProbedCall, quantity: str) -> Decimal:
    """Return how much of a quantity was cached, where it can be."""
    cached = call.quantities.get(f"cached_{quantity}", Decimal(0))
    return Decimal(0) if quantity.startswith("cached_") else cached


def _likeness(at: str, quantity: str) -> float:
    """Return how much of a quantity's name a place names, between 0 and 1, less what it names beside it."""
    place, wanted = _words(at), _words(quantity)
    both = place & wanted
    # that it is about tokens says nothing about which
    return len(both) / len(place | wanted) if both - {"tokens"} else 0.0


def _words(text: str) -> frozenset[str]:
    found: list[str] = [word.lower() for word in _WORD.findall(text)]
    return frozenset(_SAME.get(word, word) for word in found)


def hints(calls: Sequence[ProbedCall], known: Collection[Surface]) -> list[CostPlace]:
    """Return the places that are named like a cost, on surfaces of which no place ever stated the right one.

    Args:
        calls: the calls.
        known: the surfaces on which a right cost was found.
    """
    found: list[CostPlace] = []
    for surface in _surfaces(calls):
        for at in _places(calls, surface) if surface not in known else ():
            other = tuple(
                (call.case.id, stated[0], call.cost)
                for call in calls
                if (stated := _numbers(call, surface, at))
            )
            if _is_costly(at):
                found.append(CostPlace(surface, at, 1, Sighting((), other)))
    return found


def _is_costly(at: str) -> bool:
    return bool(_words(at.rpartition("/")[2]) & _COSTLY)


def _surfaces(calls: Iterable[ProbedCall]) -> list[Surface]:
    return list(dict.fromkeys(surface for call in calls for surface in call.seen))


def _places(calls: Iterable[ProbedCall], surface: Surface) -> list[str]:
    """Return the places of a surface that hold a number in any call."""
    return list(
        dict.fromkeys(
            at
            for call in calls
            for document in call.seen.get(surface, ())
            for at, value in document.items()
            if number(value) is not None
        )
    )


def _numbers(call: ProbedCall, surface: Surface, at: str) -> list[Decimal]:
    documents: Sequence[Document] = call.seen.get(surface, ())
    values: list[Any] = [document[at] for document in documents if at in document]
    return [found for value in values if (found := number(value)) is not None]
