"""What the rows of a report add up to: the counts that every rendering shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from decibill.outcome import Outcome
from decibill.report.model import Area, CaseRow, RequirementRow

__all__ = ["area_counts", "counted", "level_counts"]

_LEVELS: Final = ("MUST", "SHOULD", "MAY")
_WORDS: Final = (
    ("pass", "met"),
    ("fail", "not met"),
    ("known", "known to fail"),
    ("error", "in error"),
    ("not_testable", "not testable"),
    ("not_declared", "not checked"),
)
_ALWAYS: Final = frozenset({"pass", "fail"})


def level_counts(rows: Iterable[RequirementRow]) -> Mapping[str, Mapping[str, int]]:
    """Return level, outcome and how many requirements."""
    counters: dict[str, Counter[str]] = {level: Counter() for level in _LEVELS}
    for row in rows:
        counters[row.level.split()[0]]["known" if row.is_known else str(row.outcome)] += 1
    keys = [str(outcome) for outcome in Outcome] + ["known"]
    return {
        level: {key: counter[key] for key in keys} for level, counter in counters.items() if counter.total()
    }


def counted(counts: Mapping[str, int]) -> str:
    """Return in words how the requirements of one level came out, the same words in every rendering."""
    return ", ".join(f"{counts[key]} {word}" for key, word in _WORDS if counts[key] or key in _ALWAYS)


def area_counts(rows: Sequence[CaseRow]) -> tuple[Area, ...]:
    """Return how the cases of each area came out."""
    counters: dict[str, Counter[str]] = {}
    names = {Outcome.PASS: "ok", Outcome.FAIL: "failed"}
    for row in rows:
        key = names.get(row.outcome, str(row.outcome))
        if row.is_known or row.is_recommendation:
            key = "known" if row.is_known else "recommendations"
        counters.setdefault(row.area, Counter())[key] += 1
    return tuple(Area(name, **counter) for name, counter in sorted(counters.items()))
