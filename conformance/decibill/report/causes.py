"""What went wrong in a run, in the report's few words: one mistake makes many cases fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from decibill.outcome import Outcome
from decibill.report.model import CaseRow

__all__ = ["causes"]

_FLAWS: Final = frozenset({Outcome.FAIL, Outcome.ERROR, Outcome.NOT_TESTABLE})


def causes(rows: Iterable[CaseRow]) -> list[tuple[str, int]]:
    """Return each cause with the number of its cases, most first; what the baseline knows is not counted."""
    counter: Counter[str] = Counter()
    for row in rows:
        if not row.is_known:
            counter.update({check.cause for check in row.checks if check.outcome in _FLAWS and check.cause})
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))
