"""What is different between two reports: fixed, broken, new, gone, and what that does to the money.

A known failure is a failure here: a baseline excuses it in a build, and it is as wrong as before. Two runs
of different cases compare what both of them judged; what only one of them judged is *new* or *gone*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from decibill.outcome import Outcome
from decibill.report.money import Stake, Sums, stakes, sums

if TYPE_CHECKING:
    from decibill.case import Case
    from decibill.report.model import Report

__all__ = ["CHANGES", "Change", "Changed", "Comparison", "compare"]

Change = Literal["broken", "fixed", "undecided", "decided", "other amount", "new", "gone"]
CHANGES: Final[Mapping[Change, str]] = {
    "broken": "wrong now, and was not",
    "fixed": "right now, and was wrong",
    "undecided": "can no longer be judged",
    "decided": "right now, and could not be judged",
    "other amount": "wrong as before, by another amount",
    "new": "judged now for the first time",
    "gone": "no longer judged",
}
"""Every way in which a row can differ, worst first, with its meaning."""

_OPEN: Final = frozenset({Outcome.ERROR, Outcome.NOT_TESTABLE})


@dataclass(frozen=True, slots=True)
class Changed:
    """One case or requirement that came out otherwise."""

    id: str
    change: Change
    before: Outcome
    after: Outcome
    before_money: Stake | None = None
    after_money: Stake | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference between two reports."""

    before: Report
    after: Report
    cases: tuple[Changed, ...]
    """Worst change first, then by id."""

    requirements: tuple[Changed, ...]
    unchanged: int
    """Cases that came out the same, of those that both judged."""

    before_sums: tuple[Sums, ...]
    """The money of the calls whose cost both judged, by currency."""

    after_sums: tuple[Sums, ...]
    doubts: tuple[str, ...]
    """Why a difference may not be the gateway's: another suite, other fixtures, other cases."""

    @property
    def is_worse(self) -> bool:
        """Whether anything is broken."""
        return any(row.change == "broken" for row in (*self.cases, *self.requirements))

    def of(self, change: Change) -> tuple[Changed, ...]:
        """Return the cases that changed in one way."""
        return tuple(row for row in self.cases if row.change == change)


def compare(before: Report, after: Report, cases: Mapping[str, Case]) -> Comparison:
    """Return the difference between two reports.

    Args:
        before: the earlier report.
        after: the later one.
        cases: the corpus by id, which knows the currency of each case.
    """
    old = {stake.id: stake for stake in stakes(before, cases)}
    new = {stake.id: stake for stake in stakes(after, cases)}
    both = old.keys() & new.keys()
    earlier = {row.id: row.outcome for row in before.cases}
    later = {row.id: row.outcome for row in after.cases}
    changed = _changes(earlier, later, old, new)
    judged = _judged(earlier) & _judged(later)
    return Comparison(
        before=before,
        after=after,
        cases=changed,
        requirements=_changes(
            {row.id: row.outcome for row in before.requirements},
            {row.id: row.outcome for row in after.requirements},
            {},
            {},
        ),
        unchanged=len(judged - {row.id for row in changed}),
        before_sums=sums(stake for name, stake in old.items() if name in both),
        after_sums=sums(stake for name, stake in new.items() if name in both),
        doubts=tuple(_doubts(before, after)),
    )


def _judged(outcomes: Mapping[str, Outcome]) -> set[str]:
    return {name for name, outcome in outcomes.items() if outcome is not Outcome.NOT_DECLARED}


def _changes(
    before: Mapping[str, Outcome],
    after: Mapping[str, Outcome],
    old: Mapping[str, Stake],
    new: Mapping[str, Stake],
) -> tuple[Changed, ...]:
    rows: list[Changed] = []
    for name in before.keys() | after.keys():
        was = before.get(name, Outcome.NOT_DECLARED)
        now = after.get(name, Outcome.NOT_DECLARED)
        change = _change(was, now)
        if change is None and now is Outcome.FAIL and _is_other(old.get(name), new.get(name)):
            change = "other amount"
        if change is not None:
            rows.append(Changed(name, change, was, now, old.get(name), new.get(name)))
    order = list(CHANGES)
    return tuple(sorted(rows, key=lambda row: (order.index(row.change), row.id)))


def _change(was: Outcome, now: Outcome) -> Change | None:
    """Return how an outcome changed; one that cannot be judged before and after is the same."""
    if was is now or (was in _OPEN and now in _OPEN):
        return None
    if was is Outcome.NOT_DECLARED:
        return "new"
    if now is Outcome.NOT_DECLARED:
        return "gone"
    if now is Outcome.FAIL:
        return "broken"
    if now is Outcome.PASS:
        return "fixed" if was is Outcome.FAIL else "decided"
    return "undecided"


def _is_other(one: Stake | None, other: Stake | None) -> bool:
    return one is not None and other is not None and one.billed != other.billed


def _doubts(before: Report, after: Report) -> Iterable[str]:
    if before.gateway.id != after.gateway.id:
        yield f"they judge different {after.gateway.kind}s: {before.gateway.id} and {after.gateway.id}"
    if before.suite.spec != after.suite.spec:
        yield f"they judge by different specifications: {before.suite.spec} and {after.suite.spec}"
    if before.suite.version != after.suite.version:
        yield f"they were made by different releases: {before.suite.version} and {after.suite.version}"
    if before.suite.fixtures_sha256 != after.suite.fixtures_sha256:
        yield "the fixtures are not the same: what a case asks may have changed"
    if before.selection != after.selection:
        yield "not the same cases were chosen"
    if before.gateway.declared != after.gateway.declared:
        yield f"the {after.gateway.kind} does not declare the same"
