"""The checks ``cost`` and ``silent_zero`` of one call.

A 0 where the right answer is that the cost is unknown is a *silent zero*: a check of its own, apart from
the price requirements, so that one wrong 0 is one failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from decibill.judge_because import (
    SILENT_ZERO,
    explain_number,
    explain_plain_number,
    explain_unknown,
    explain_zero,
    gap_words,
)
from decibill.judge_breaks import LOST_RECORD, NO_RECORD, UNKNOWN_COST, UNMARKED, ZERO, broken_by, of_duration
from decibill.judge_call import exact_text, join_words, plain
from decibill.judge_marks import judge_marks
from decibill.judge_table import Decided, Right, decide_cost, equal, listed, right_cost, tolerance_of
from decibill.outcome import Finding, Money, Outcome

if TYPE_CHECKING:
    from decibill.judge_call import Call

__all__ = ["judge_cost"]


def judge_cost(call: Call) -> Iterator[Finding]:
    """Yield what is found about the cost of one call, and about the marks that go with it."""
    right = right_cost(call)
    if right is None:
        return
    lack = _lack(call)
    if lack:
        for check in ("cost", "silent_zero"):
            yield Finding(check, Outcome.NOT_DECLARED, because=lack)
        yield from judge_marks(call, right, None)
        return
    decided = decide_cost(call, right)
    if right.status == "refused":
        yield _cost(call, right, decided)  # a recommendation, which covers a 0 as well
        yield from judge_marks(call, right, decided)
        return
    cost, zero = _cost(call, right, decided), _silent_zero(call, right, decided)
    if zero.outcome is Outcome.FAIL and right.unknown_fits:
        # What the gateway would charge cannot be seen behind its 0, and one wrong 0 is one failure.
        because = "the gateway states 0, which the check silent_zero judges"
        cost = replace(
            cost, outcome=Outcome.NOT_TESTABLE, because=because, cause=SILENT_ZERO, money=None, breaks=ZERO
        )
    yield cost
    yield zero
    yield from judge_marks(call, right, decided)


def _lack(call: Call) -> str | None:
    """Return why the cost cannot be judged at all, if so."""
    if call.declaration.prices.how == "none" or call.declaration.features.price_scope == "none":
        return "the gateway declares no way to be given prices"
    if all(source.cost is None for source in call.sources):
        return "the gateway declares no place where it states the cost of such a call"
    return None


def _cost(call: Call, right: Right, decided: Decided | None) -> Finding:
    if decided is None:
        if right.status == "not_billable":
            return Finding("cost", Outcome.PASS, right.words, "nothing")
        return _nothing(call, "cost", right.words)
    finding = Finding("cost", Outcome.PASS, right.words, decided.words, decided.statement.where)
    tolerance = tolerance_of(call, decided, right.exact)
    if right.exact and tolerance > abs(right.exact) / 100:
        because = f"below resolution: {exact_text(tolerance)} either way is more than 1 % of the right cost"
        cause = "the source cannot state so small a cost"
        return replace(finding, outcome=Outcome.NOT_TESTABLE, because=because, cause=cause)
    if listed(call, right.status, right.exact, decided):
        return finding
    for other in call.case.accepted:
        exact = Fraction(0 if other.total is None else other.total)
        status = other.status or ("priced" if exact else "free")
        if listed(call, status, exact, decided):
            return replace(finding, because=f"accepted as another right answer: {other.reason}")
    cause, because = _why(call, right, decided)
    money = Money(decided.number, right.total)
    # where no number can be right, a wrong one speaks against the case's own requirement, whatever it is
    no_number = right.unknown_fits and right.status != "partial"
    breaks = () if no_number else broken_by(call.case, cause)
    # where seconds are charged in other calls, a 0 is a duration that was never read or measured
    unread = of_duration(call.case) if cause == SILENT_ZERO and breaks else ()
    return replace(
        finding,
        outcome=Outcome.FAIL,
        because=because,
        cause=cause,
        money=money,
        breaks=breaks,
        else_breaks=unread,
    )


def _why(call: Call, right: Right, decided: Decided) -> tuple[str, str]:
    """Return the cause, and the sentence why the table does not list what was stated."""
    case, number = call.case, decided.number
    if number is None:
        return UNKNOWN_COST, explain_unknown(case)
    if right.status == "refused":
        hides = f"so no cost can be right, and a plain {plain(number)} hides that"
        return "a plain number for usage that contradicts itself", f"the usage contradicts itself, {hides}"
    if right.status == "not_billable":
        return "an error is billed", "the upstream answered with an error, which is not billed"
    if number == 0:
        return SILENT_ZERO, explain_zero(case)
    if right.status == "free":
        return "a free call is billed", "every rate that applies is 0, so the call is free"
    if right.status == "partial" and equal(call, decided, right.exact):
        bound = f"{gap_words(case)}, so {exact_text(right.exact)} is only a lower bound, and is not marked so"
        return UNMARKED, bound
    explain = explain_plain_number if right.unknown_fits else explain_number
    return explain(case, Fraction(number))


def _nothing(call: Call, check: str, expected: str) -> Finding:
    """Return the finding where no source states the cost."""
    asked = [source for source in call.sources if source.cost is not None]
    problems = [f"{source.source}: {source.problem}" for source in asked if source.problem]
    where = join_words([source.cost.where for source in asked if source.cost])
    cause = "no cost is stated"
    breaks: tuple[str, ...] = ()
    if problems:
        because = f"the source could not be read ({'; '.join(problems)})"
    elif any(source.keeps_records and not source.records for source in asked):
        because = (
            "no record of this call appeared in time: raise --settle, or correct the declaration's match"
        )
        cause, breaks = NO_RECORD, LOST_RECORD
    else:
        because = "the gateway states no cost for this call: neither a number nor that it is unknown"
    return Finding(check, Outcome.NOT_TESTABLE, expected, "nothing", where, because, cause, breaks=breaks)


def _silent_zero(call: Call, right: Right, decided: Decided | None) -> Finding:
    expected = "anything but 0" if right.exact or right.unknown_fits else right.words
    if decided is None:
        return _nothing(call, "silent_zero", expected)
    finding = Finding("silent_zero", Outcome.PASS, expected, decided.words, decided.statement.where)
    zero_is_right = not right.exact and not right.unknown_fits
    accepted = any(
        other.total == 0 or other.status in {"free", "not_billable"} for other in call.case.accepted
    )
    if decided.number != 0 or zero_is_right or accepted:
        return finding
    because, money = explain_zero(call.case), Money(decided.number, right.total)
    return replace(
        finding, outcome=Outcome.FAIL, because=because, cause=SILENT_ZERO, money=money, breaks=ZERO
    )
