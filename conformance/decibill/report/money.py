"""The money at stake in a run: what the gateway states for the calls of the corpus, against what is right.

Every sum is exact. A call of which either side is unknown is counted, and is part of no sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, Literal

from decibill.outcome import Money, Outcome

if TYPE_CHECKING:
    from decibill.case import Case
    from decibill.report.model import CaseRow, Report

__all__ = ["Kind", "Stake", "Sums", "stake_of", "stakes", "sums"]

_COST: Final = ("cost", "silent_zero")
_EXACT: Final = Context(prec=200)
"""Of sums: no number of a report has as many digits."""

Kind = Literal["right", "under", "over", "zero", "unknown", "unfounded"]


@dataclass(frozen=True, slots=True)
class Stake:
    """What one call costs."""

    id: str
    """The instance."""

    currency: str
    billed: Decimal | None
    """What the gateway states; None: it states that it does not know."""

    right: Decimal | None
    """None: the right answer is that the cost is not known."""

    is_right: bool
    """Whether the gateway's answer is accepted."""

    @property
    def kind(self) -> Kind:
        """How the two differ: ``unfounded`` is a number for a cost that nobody can know."""
        if self.is_right:
            return "right"
        if self.right is None:
            return "unfounded"
        if self.billed is None:
            return "unknown"
        if not self.billed and self.right:
            return "zero"
        return "over" if self.billed > self.right else "under"

    @property
    def ratio(self) -> Decimal | None:
        """Billed over right; None where that says nothing."""
        return Money(self.billed, self.right).ratio


@dataclass(frozen=True, slots=True)
class Sums:
    """What many calls cost in one currency."""

    currency: str
    calls: int
    """Calls of which both sides are known."""

    billed: Decimal
    right: Decimal
    wrong: int
    """Of these, calls that are billed wrong; what is billed right can be so much that it hides them."""

    wrong_billed: Decimal
    wrong_right: Decimal
    under: Decimal
    """What is missing, over the calls that are billed too low."""

    over: Decimal
    """What is too much, over the calls that are billed too high."""

    unfounded: Decimal
    """What is billed for calls whose cost nobody can know."""

    kinds: Mapping[Kind, int]
    """How many calls are of which kind."""

    @property
    def ratio(self) -> Decimal | None:
        """All that is billed over all that is right, for the calls that are billed wrong."""
        return Money(self.wrong_billed, self.wrong_right).ratio


def stake_of(row: CaseRow, case: Case | None = None) -> Stake | None:
    """Return what one call costs, or None where its cost was not judged."""
    checks = [check for check in row.checks if check.check in _COST]
    judged = [check for check in checks if check.outcome in {Outcome.PASS, Outcome.FAIL}]
    judged.sort(key=lambda check: (check.outcome is not Outcome.FAIL, check.money is None))
    if not judged:
        return None
    worst = judged[0]
    currency = case.charge.currency if case is not None and case.charge is not None else None
    if worst.money is not None:
        billed, right = worst.money.billed, worst.money.right
    else:
        billed, right = _number(worst.got), _number(worst.expected)
        if billed is None or right is None:
            return None
    return Stake(row.id, currency or "USD", billed, right, worst.outcome is Outcome.PASS)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def stakes(report: Report, cases: Mapping[str, Case]) -> tuple[Stake, ...]:
    """Return what each judged call of a run costs, in the order of the report."""
    found = (stake_of(row, cases.get(row.case)) for row in report.cases)
    return tuple(stake for stake in found if stake is not None)


def sums(found: Iterable[Stake]) -> tuple[Sums, ...]:
    """Return the sums of each currency, the one with most calls first."""
    by_currency: dict[str, list[Stake]] = {}
    for stake in found:
        by_currency.setdefault(stake.currency, []).append(stake)
    ordered = sorted(by_currency.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(_summed(currency, which) for currency, which in ordered)


def _summed(currency: str, which: Sequence[Stake]) -> Sums:
    pairs = [
        (stake.billed, stake.right, stake.is_right)
        for stake in which
        if stake.billed is not None and stake.right is not None
    ]
    wrong = [(billed, right) for billed, right, is_right in pairs if not is_right]
    return Sums(
        currency=currency,
        calls=len(pairs),
        billed=_sum(billed for billed, _, _ in pairs),
        right=_sum(right for _, right, _ in pairs),
        wrong=len(wrong),
        wrong_billed=_sum(billed for billed, _ in wrong),
        wrong_right=_sum(right for _, right in wrong),
        under=_sum(_EXACT.subtract(right, billed) for billed, right in wrong if billed < right),
        over=_sum(_EXACT.subtract(billed, right) for billed, right in wrong if billed > right),
        unfounded=_sum(
            stake.billed for stake in which if stake.kind == "unfounded" and stake.billed is not None
        ),
        kinds=Counter(stake.kind for stake in which),
    )


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for number in numbers:
        total = _EXACT.add(total, number)
    return total
