"""What goes with a cost: do all sources agree, is the charge's status stated, are estimates marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from decibill.judge_because import gap_words, measured_words
from decibill.judge_breaks import LOST_RECORD, NO_RECORD
from decibill.judge_call import join_words, said
from decibill.judge_table import STATUSES, Decided, Right, tolerance_of
from decibill.outcome import Finding, Outcome
from decibill.statements import Kind

if TYPE_CHECKING:
    from decibill.judge_call import Call

__all__ = ["judge_marks"]

_ROUNDED = Fraction(1, 10**12)


def judge_marks(call: Call, right: Right, decided: Decided | None) -> Iterator[Finding]:
    """Yield the findings of ``agree``, ``status`` and ``estimate`` for one call."""
    yield from _agree(call, decided)
    if right.status != "refused":
        yield _status(call, right)
        yield _estimate(call, right, decided)


def _agree(call: Call, decided: Decided | None) -> Iterator[Finding]:
    """Yield one finding where at least two sources state the cost."""
    stated = [s for s in call.sources if s.cost is not None and s.cost.kind is not Kind.NOTHING]
    if decided is None or len(stated) < 2:
        return
    expected = f"{said(decided.statement)}, as the {decided.source.source} says"
    for source in stated[1:]:
        assert source.cost is not None
        if not _same(call, decided, Decided(source, source.cost)):
            yield Finding(
                "agree",
                Outcome.FAIL,
                expected,
                said(source.cost),
                source.cost.where,
                f"the {decided.source.source} and the {source.source} state different costs for one call",
                "two places state different costs",
            )
            return
    yield Finding("agree", Outcome.PASS, expected, said(decided.statement), stated[-1].source)


def _same(call: Call, one: Decided, other: Decided) -> bool:
    if one.number is None or other.number is None:
        return one.number is other.number
    exact = Fraction(one.number)
    allowed = tolerance_of(call, one, exact) + tolerance_of(call, other, exact)
    return abs(exact - Fraction(other.number)) <= max(allowed, _ROUNDED)


def _status(call: Call, right: Right) -> Finding:
    declares = [s for s in call.sources if call.declaration.source(s.source).status is not None]
    if not call.declaration.features.charge_status or not declares:
        return Finding("status", Outcome.NOT_DECLARED, because="the gateway declares no charge status")
    allowed = [right.status, *(other.status for other in call.case.accepted if other.status)]
    if call.instance.left_out:
        allowed += ["partial", "unpriced"]
    finding = Finding("status", Outcome.PASS, join_words(list(dict.fromkeys(allowed))))
    source = next((s for s in declares if s.status is not None), None)
    if source is None or source.status is None:
        because, cause = "the gateway does not say whether the charge is complete", "no charge status"
        nothing = replace(finding, outcome=Outcome.FAIL, got="nothing", where=declares[0].source)
        if any(each.keeps_records and not each.records for each in declares):
            return replace(nothing, because=because, cause=NO_RECORD, breaks=LOST_RECORD)
        return replace(nothing, because=because, cause=cause)
    at = f"{call.declaration.source(source.source).status} of the {source.source}"
    finding = replace(finding, got=source.status, where=at)
    if source.status in allowed:
        return finding
    if source.status not in STATUSES:
        because = f"the specification does not have the word; its words are {join_words(list(STATUSES))}"
        cause = "a charge status in other words"
        return replace(finding, outcome=Outcome.NOT_TESTABLE, because=because, cause=cause)
    because = f"{_why(call, right)}, so the charge is {right.status}"
    return replace(finding, outcome=Outcome.FAIL, because=because, cause="a wrong charge status")


def _why(call: Call, right: Right) -> str:
    """Return what makes the right status of a charge the right one."""
    if right.status == "not_billable":
        return "the upstream answered with an error"
    if gaps := gap_words(call.case):
        return gaps
    lines = call.case.charge.lines if call.case.charge else ()
    if not lines:
        return "nothing was used, and that is known"
    rates = "every rate of it is 0" if right.status == "free" else "the price book prices all of it"
    return f"{measured_words(call.case)}, and {rates}"


def _estimate(call: Call, right: Right, decided: Decided | None) -> Finding:
    if not call.declaration.features.estimate_mark:
        return Finding(
            "estimate", Outcome.NOT_DECLARED, because="the gateway declares no mark of an estimate"
        )
    finding = Finding("estimate", Outcome.PASS, "a mark on a number that is an estimate", "nothing")
    if decided is None:
        because = "the gateway states no cost for this call"
        return replace(finding, outcome=Outcome.NOT_TESTABLE, because=because, cause="no cost is stated")
    finding = replace(finding, got=decided.words, where=decided.statement.where)
    if right.status == "unmetered" and decided.number and not decided.source.estimate:
        because = f"{gap_words(call.case)}, so the number is an estimate, and it is not marked"
        return replace(finding, outcome=Outcome.FAIL, because=because, cause="an estimate is not marked")
    return finding
