"""Which requirement a wrong cost speaks against (AUB 0.1, chapter 8).

One mistake makes many cases fail: a gateway that bills audio at the text rate gets the cost of all audio
wrong, and the cost is what shows most requirements. Where a mistake is recognised, and a requirement that is
about it fails by a check of its own in the same run, the check says nothing about the others.

Where a gateway records wrong usage of a call, the cost of that call says nothing about its pricing either: a
rule for prices is judged by calls whose usage was read rightly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from decibill.outcome import CheckResult, Outcome

__all__ = ["Attribution", "attribute", "explained"]

_OF_COST: Final = frozenset({"cost", "status"})
_OF_PRICING: Final = ("AUB-CHG-", "AUB-PRC-", "AUB-GWY-")

_ABOUT_ANY_USAGE: Final = frozenset({"AUB-GWY-3725", "AUB-GWY-e8e3"})
"""Requirements that wrong usage speaks against whatever the mistake is: none of them hides or is hidden."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What a run has shown of recognised mistakes."""

    shown: frozenset[tuple[str, str]] = frozenset()
    """(cause, requirement): the mistake was seen through a check of a requirement that is about it."""

    def hidden_by(self, requirement: str, check: CheckResult) -> tuple[str, ...]:
        """Return the requirements that the failure of *check* speaks against in place of *requirement*.

        Likewise where it is not testable because of that mistake, as a cost is behind a 0.
        """
        if check.outcome not in {Outcome.FAIL, Outcome.NOT_TESTABLE}:
            return ()
        if requirement in _ABOUT_ANY_USAGE:
            return ()
        own = requirement in check.explained_by or requirement in check.breaks
        if check.explained_by and not own and requirement.startswith(_OF_PRICING):
            return check.explained_by
        for breaks in (check.breaks, check.else_breaks):
            shown = tuple(name for name in breaks if (check.cause, name) in self.shown)
            if shown or requirement in breaks:
                return () if requirement in breaks else shown
        return ()

    def outcome(self, requirement: str, check: CheckResult) -> Outcome:
        """Return what *check* says about *requirement*."""
        return Outcome.NOT_TESTABLE if self.hidden_by(requirement, check) else check.outcome


def attribute(checks: Iterable[CheckResult]) -> Attribution:
    """Return what the *checks* of a run show of recognised mistakes."""
    return Attribution(
        frozenset(
            (check.cause, name)
            for check in checks
            if check.outcome is Outcome.FAIL
            for name in (*check.breaks, *check.else_breaks)
            if name in check.requirements
        )
    )


def explained(checks: tuple[CheckResult, ...], priced: Iterable[str]) -> tuple[CheckResult, ...]:
    """Return an instance's checks, its failing cost and status explained by wrong usage, if there is any.

    Args:
        checks: what was found about the instance.
        priced: the quantities that its cost depends on.
    """
    places = {f"ledger.{quantity}" for quantity in priced}
    wrong = {
        name
        for check in checks
        if check.check in places and check.outcome is Outcome.FAIL
        for name in check.requirements
    }
    if not wrong:
        return checks
    return tuple(
        replace(check, explained_by=tuple(sorted(wrong)))
        if check.check in _OF_COST and check.outcome is Outcome.FAIL and not check.breaks
        else check
        for check in checks
    )
