"""What no schema can say of a price book: ids, periods, thresholds and entries that fit equally well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import combinations
from typing import Any, Final

from decibill.errors import Fault
from decibill.pointer import join

__all__ = ["ambiguities", "book_faults", "instant"]

_SELECTORS: Final = ("operations", "surface", "region", "service_tier")
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


def book_faults(book: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return the faults of a price book that is valid by its schema."""
    entries: Sequence[Mapping[str, Any]] = book["entries"]
    found: list[Fault] = []
    for n, entry in enumerate(entries):
        found += _entry_faults(entry, join("entries", n))
        if entry["id"] in {other["id"] for other in entries[:n]}:
            found.append(Fault(join("entries", n, "id"), f"{entry['id']!r} is the id of an earlier entry"))
    return (*found, *ambiguities(book))


def ambiguities(book: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return the pairs of entries between which no calculator can choose for some call (AUB-PRC-b5e2)."""
    entries: Sequence[Mapping[str, Any]] = book["entries"]
    found: list[Fault] = []
    for (m, one), (n, other) in combinations(enumerate(entries), 2):
        if _is_ambiguous(one, other):
            both = sorted(set(one["models"]) & set(other["models"]))
            found.append(
                Fault(
                    join("entries", n),
                    f"calls of {both[0]} can fit it and {one['id']!r} (entry {m}) equally well and would be "
                    "refused; end one period where the other begins, or give one a selector",
                )
            )
    return tuple(found)


def instant(text: str) -> datetime | None:
    """Return the instant that a date or a UTC timestamp names; None where there is no such day."""
    try:
        return datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError:
        return None


def _entry_faults(entry: Mapping[str, Any], at: str) -> Iterator[Fault]:
    period = {name: instant(entry[name]) for name in ("from", "until") if name in entry}
    for name, moment in period.items():
        if moment is None:
            yield Fault(f"{at}/{name}", f"{entry[name]!r} is not a day of the calendar")
    start, end = period["from"], period.get("until")
    if start is not None and end is not None and end <= start:
        yield Fault(f"{at}/until", f"is not later than from, {entry['from']}")
    if instant(entry["source"]["read"]) is None:
        yield Fault(f"{at}/source/read", f"{entry['source']['read']!r} is not a day of the calendar")
    for quantity, rate in entry["rates"].items():
        where = f"{at}{join('rates', quantity)}"
        if "rule" in rate and quantity != "tts_characters":
            yield Fault(f"{where}/rule", f"a character rule means nothing for {quantity}")
        steps: Sequence[Mapping[str, str]] = rate.get("tiers", {}).get("steps", ())
        for n, step in enumerate(steps[1:], 1):
            if Decimal(step["above"]) <= Decimal(steps[n - 1]["above"]):
                yield Fault(f"{where}/tiers/steps/{n}/above", "is not greater than that of the step before")


def _is_ambiguous(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether some call would be fitted equally well by both entries of one unit family."""
    return (
        one["provider"] == other["provider"]
        and one["pricing_model"] == other["pricing_model"]
        and bool(set(one["models"]) & set(other["models"]))
        and sum(name in one for name in _SELECTORS) == sum(name in other for name in _SELECTORS)
        and all(_meet(one, other, name) for name in _SELECTORS)
        and _overlap(one, other)
    )


def _meet(one: Mapping[str, Any], other: Mapping[str, Any], selector: str) -> bool:
    default = "standard" if selector == "service_tier" else None
    first, second = (_values(entry.get(selector, default)) for entry in (one, other))
    return first is None or second is None or bool(first & second)


def _values(selector: Any) -> frozenset[str] | None:
    if selector is None:
        return None
    return frozenset({selector} if isinstance(selector, str) else selector)


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    spans = [
        (instant(entry["from"]), instant(entry["until"]) if "until" in entry else _FOREVER)
        for entry in (one, other)
    ]
    (start, end), (begin, stop) = spans
    if start is None or end is None or begin is None or stop is None:
        return False
    return start < stop and begin < end
