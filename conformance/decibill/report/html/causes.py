"""What went wrong in a run, by cause: one mistake makes many cases fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from decibill.case import ExchangeCase
from decibill.outcome import Outcome

if TYPE_CHECKING:
    from decibill.case import Case
    from decibill.report.model import CaseRow, Report
    from decibill.report.money import Stake

__all__ = ["Cause", "causes_of", "example_of", "surface"]


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong."""

    number: int
    """Its place, from 1."""

    words: str
    rows: tuple[CaseRow, ...]
    """The cases with it, the plainest first."""

    surfaces: Mapping[str, int]
    """Where it shows, such as ``transcription, streamed``, most cases first."""

    is_known: bool
    """Whether the baseline knows it in every case."""


def surface(row: CaseRow, case: Case | None) -> str:
    """Return where a case happens: its operation, and whether it is streamed."""
    streamed = isinstance(case, ExchangeCase) and case.stream
    return f"{row.area}, streamed" if streamed else row.area


def causes_of(report: Report, cases: Mapping[str, Case], found: Sequence[Stake] = ()) -> tuple[Cause, ...]:
    """Return the causes of a report's failures, what the baseline does not know and most cases show first."""
    groups: dict[str, list[CaseRow]] = {}
    for row in report.cases:
        for words in _words(row):
            groups.setdefault(words, []).append(row)
    ordered = sorted(
        groups.items(), key=lambda item: (all(row.is_known for row in item[1]), -len(item[1]), item[0])
    )
    plainness = {stake.id: index for index, stake in enumerate(_plainest(found, cases))}
    return tuple(
        Cause(
            number=number,
            words=words,
            rows=tuple(sorted(rows, key=lambda row: (plainness.get(row.id, len(plainness)), row.id))),
            surfaces=dict(Counter(surface(row, cases.get(row.case)) for row in rows).most_common()),
            is_known=all(row.is_known for row in rows),
        )
        for number, (words, rows) in enumerate(ordered, 1)
    )


def _words(row: CaseRow) -> list[str]:
    """Return the causes of one case, each once; a failure without one is its own."""
    found = [
        check.cause or check.because for check in row.checks if check.outcome in {Outcome.FAIL, Outcome.ERROR}
    ]
    return list(dict.fromkeys(words for words in found if words))


def _plainest(found: Sequence[Stake], cases: Mapping[str, Case]) -> list[Stake]:
    """Return the wrong costs, those first that a reader sees at a glance to be wrong."""
    order = ("zero", "under", "over", "unknown", "unfounded")
    wrong = [stake for stake in found if not stake.is_right]
    return sorted(wrong, key=lambda stake: (order.index(stake.kind), _effort(stake.id, cases), stake.id))


def _effort(name: str, cases: Mapping[str, Case]) -> int:
    """Return how much there is to read of a case; a public report of the same mistake is worth a lot."""
    case = cases.get(name.partition("[")[0])
    if not isinstance(case, ExchangeCase):
        return 10_000
    lines = len(case.charge.lines) if case.charge else 0
    ordinary = case.client.kind == "read_all" and len(case.steps) == 1
    recorded = case.source.kind in {"recorded", "reported"}
    usage = case.usage.record.get("basis", {}).values() if case.usage else ()
    stated = "provider_reported" in usage
    return (
        len(case.why) + lines * 60 - 400 * (bool(case.flags) + stated) + 500 * (not ordinary) - 200 * recorded
    )


def example_of(report: Report, found: Sequence[Stake], cases: Mapping[str, Case]) -> CaseRow | None:
    """Return the case by which a page explains itself: the plainest wrong cost, else the plainest failure."""
    rows = {row.id: row for row in report.cases}
    for stake in _plainest(found, cases):
        return rows[stake.id]
    failed = [row for row in report.cases if row.outcome is Outcome.FAIL]
    return min(failed, key=lambda row: (_effort(row.id, cases), row.id), default=None)
