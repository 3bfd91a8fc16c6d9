"""Outcomes of checks, and how many outcomes become one (AUB 0.1, chapter 8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from typing import Final

__all__ = ["CheckResult", "Finding", "Money", "Outcome", "roll_up", "worse"]

_RATIO: Final = Context(prec=4)


class Outcome(StrEnum):
    """What came of a check; whether it matters is the level of the requirement, which is kept apart."""

    PASS = "pass"  # noqa: S105 - a word of the specification
    FAIL = "fail"
    NOT_DECLARED = "not_declared"
    NOT_TESTABLE = "not_testable"
    ERROR = "error"


_WORST_FIRST: Final = (
    Outcome.FAIL,
    Outcome.ERROR,
    Outcome.NOT_TESTABLE,
    Outcome.PASS,
    Outcome.NOT_DECLARED,
)


def roll_up(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the one outcome of many: fail, else error, else not testable, else pass, else not declared.

    A pass beside something not declared is a pass of what was declared; nothing at all is not declared.
    """
    found = set(outcomes)
    return next((outcome for outcome in _WORST_FIRST if outcome in found), Outcome.NOT_DECLARED)


def worse(one: Outcome, other: Outcome) -> bool:
    """Say whether *one* comes before *other* where many outcomes become one."""
    return _WORST_FIRST.index(one) < _WORST_FIRST.index(other)


@dataclass(frozen=True, slots=True)
class Money:
    """The money at stake in one call, in the currency of the case."""

    billed: Decimal | None
    """What the gateway states; None where it states that it does not know."""

    right: Decimal | None
    """The right cost, rounded to 12 places; None where the right answer is that it is unknown."""

    @property
    def ratio(self) -> Decimal | None:
        """Billed over right, to four figures; None where it says nothing."""
        if self.billed is None or not self.right:
            return None
        return _RATIO.divide(self.billed, self.right)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, before it is known which requirements it proves."""

    check: str
    outcome: Outcome
    expected: str = ""
    got: str = ""
    where: str = ""
    """Where the gateway said what it said."""

    because: str = ""
    """One plain sentence: why the outcome is what it is."""

    cause: str = ""
    """What went wrong in a few words, the same words for every case: failures are counted by it."""

    money: Money | None = None
    breaks: tuple[str, ...] = ()
    """Requirements that are about such a mistake; see `decibill.attribution`."""

    else_breaks: tuple[str, ...] = ()
    """Requirements that it is about where no check of the run shows one of `breaks`."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check of one instance found, and the requirements that it proves."""

    check: str
    requirements: tuple[str, ...]
    outcome: Outcome
    expected: str = ""
    got: str = ""
    where: str = ""
    because: str = ""
    cause: str = ""
    money: Money | None = None
    breaks: tuple[str, ...] = ()
    else_breaks: tuple[str, ...] = ()
    explained_by: tuple[str, ...] = ()
    """Requirements that the gateway's wrong usage of the same call fails: its cost follows from that."""
