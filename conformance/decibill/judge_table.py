"""The cost table of AUB 0.1, chapter 8: which statement of a cost is right for which status.

T, the exact sum of the expected lines before rounding, is what a stated number is compared with, each
source by its own tolerance. Whatever the table does not list fails; 0 is the number 0, never *unknown*.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from decibill.judge_call import Call, bare, exact_text, join_words, said
from decibill.judge_measured import measured_cost
from decibill.statements import Kind, SourceObservation, Statement

if TYPE_CHECKING:
    from decibill.declaration import Tolerance

__all__ = ["STATUSES", "Decided", "Right", "decide_cost", "equal", "listed", "right_cost", "tolerance_of"]

STATUSES: Final = ("priced", "free", "not_billable", "partial", "unpriced", "unmetered")
_FLOAT: Final = (Fraction(1, 10**12), Fraction(1, 10**9))
_ROUNDED: Final = Fraction(1, 2 * 10**12)
"""A charge's own total is rounded to 12 places, so no source is asked for more."""


@dataclass(frozen=True, slots=True)
class Right:
    """What would be right, in the terms of the table."""

    status: str
    """A charge status, or ``refused`` for usage that contradicts itself."""

    exact: Fraction
    """T."""

    words: str

    @property
    def unknown_fits(self) -> bool:
        """Whether *unknown* is right whatever the number is."""
        return self.status in {"partial", "unpriced", "unmetered", "refused"}

    @property
    def total(self) -> Decimal | None:
        """The right cost, rounded; None where it is unknown."""
        return bare(self.exact) if self.status in {"priced", "free", "not_billable"} else None


@dataclass(frozen=True, slots=True)
class Decided:
    """The statement that decides: that of the first source, in declared order, that states something."""

    source: SourceObservation
    statement: Statement

    @property
    def number(self) -> Decimal | None:
        """The number stated; None for *unknown*."""
        return self.statement.value if self.statement.kind is Kind.NUMBER else None

    @property
    def is_incomplete(self) -> bool:
        """Whether the source marks the number as a lower bound, by a mark of its own or by its status."""
        return self.source.incomplete or self.source.status == "partial"

    @property
    def words(self) -> str:
        """What is said, with its marks."""
        marked = (("an estimate", self.source.estimate), ("incomplete", self.is_incomplete))
        marks = [word for word, on in marked if on and self.number is not None]
        return said(self.statement) + (f" (marked as {join_words(marks)})" if marks else "")


def right_cost(call: Call) -> Right | None:
    """Return what would be right for the call; None where the case says nothing about cost."""
    case = call.case
    if case.charge is None:
        return Right("refused", Fraction(0), "unknown, or a marked number") if case.error else None
    status, exact = case.charge.status, case.charge.exact_total
    amount = exact_text(exact)
    words = {
        "priced": amount,
        "free": "0",
        "not_billable": "0, unknown or nothing",
        "partial": f"unknown, or {amount} marked as incomplete",
        "unpriced": "unknown",
        "unmetered": "unknown, or a number marked as an estimate",
    }[status]
    if call.instance.left_out and status == "priced":
        words += f", or unknown (no field for the price of {join_words(list(call.instance.left_out))})"
    return Right(status, exact, words)


def decide_cost(call: Call, right: Right) -> Decided | None:
    """Return the deciding statement of the cost, or None where nothing is stated.

    Where *unknown* is right, leaving the cost out counts as saying so, but only from a source that
    declares it and that did state a number for another call of the operation in this run: else a broken
    source would pass.
    """
    for source in call.sources:
        if source.cost is not None and source.cost.kind is not Kind.NOTHING:
            return Decided(source, source.cost)
    if right.unknown_fits or call.instance.left_out:
        for source in call.sources:
            declared = call.declaration.source(source.source).cost
            if source.cost is None or declared is None or declared.absent != "unknown" or source.problem:
                continue
            if call.facts.number_elsewhere(source.source, call.case.operation, call.instance.id):
                return Decided(source, replace(source.cost, kind=Kind.UNKNOWN))
    return None


def listed(call: Call, status: str, exact: Fraction, decided: Decided) -> bool:
    """Say whether the table lists what was stated for *status*, with *exact* as T."""
    if decided.number is None:
        always = status in {"partial", "unpriced", "unmetered", "refused", "not_billable"}
        return always or (status == "priced" and bool(call.instance.left_out))
    if status == "priced":
        return equal(call, decided, exact)
    if status in {"free", "not_billable"}:
        return decided.number == 0
    if status == "partial":
        return decided.is_incomplete and equal(call, decided, exact)
    if status == "refused":
        return decided.source.estimate or decided.is_incomplete
    # A marked 0 is still a 0: no call that could not be metered was free.
    return status == "unmetered" and decided.source.estimate and decided.number != 0


def equal(call: Call, decided: Decided, exact: Fraction) -> bool:
    """Say whether the number stated is *exact*, within the tolerance of its source."""
    assert decided.number is not None
    allowed = max(tolerance_of(call, decided, exact), _ROUNDED, measured_cost(call.case))
    return abs(Fraction(decided.number) - exact) <= allowed


def tolerance_of(call: Call, decided: Decided, exact: Fraction) -> Fraction:
    """Return how far the source may be from the *exact* cost.

    The largest of its absolute, relative and resolution; where the declaration is silent, nothing for a
    string, and 1e-9 relative and 1e-12 absolute for a number that went through binary floating point.
    """
    declared = call.declaration.source(decided.source.source).cost
    given: Tolerance | None = declared.tolerance if declared else None
    absolute, relative = _FLOAT if decided.statement.is_float else (Fraction(0), Fraction(0))
    resolution = Fraction(0)
    if given is not None:
        absolute = absolute if given.absolute is None else Fraction(given.absolute)
        relative = relative if given.relative is None else Fraction(given.relative)
        if given.resolution is not None:
            resolution = Fraction(given.resolution) / (2 if given.rounds == "nearest" else 1)
    return max(absolute, relative * abs(exact), resolution)
