"""A calculator's sum and quantities, judged as the statements of a gateway's records are (chapter 8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from decibill.judge_call import Call, RunFacts
from decibill.judge_cost import judge_cost
from decibill.judge_usage import judge_usage
from decibill.library import subject
from decibill.plan import Instance
from decibill.statements import Kind, SourceObservation, Statement

if TYPE_CHECKING:
    from decibill.calculator_answer import Answer
    from decibill.case import ExchangeCase
    from decibill.outcome import Finding

__all__ = ["judge_sums"]

_CHECKS: Final = frozenset({"cost", "silent_zero"})
_SOURCE: Final = "record"


def judge_sums(case: ExchangeCase, answer: Answer, stated: frozenset[str]) -> Iterator[Finding]:
    """Yield what is found about `cost` and `quantities` of one answer, where the calculator states them."""
    where = f"line {answer.number}"
    cost = _statement(answer.members, "cost", where) if "cost" in stated else None
    quantities: Mapping[str, Any] = answer.members.get("quantities", {})
    usage = {name: _statement(quantities, name, where) for name in quantities}
    call = Call(
        instance=Instance(case.id, case, "", "", ""),
        declaration=subject(quantities=usage),
        facts=RunFacts(),
        sources=(SourceObservation(_SOURCE, "ledger", cost, usage),),
    )
    if cost is not None:
        yield from (_of_calculator(each) for each in judge_cost(call) if each.check in _CHECKS)
    if usage:
        yield from (_of_calculator(each) for each in judge_usage(call, "ledger"))


def _of_calculator(finding: Finding) -> Finding:
    """Return the finding in words that fit a program without a ledger."""
    because = finding.because.replace("the gateway", "the calculator")
    return replace(finding, because=because, cause=finding.cause.removesuffix(" in the ledger"))


def _statement(members: Mapping[str, Any], name: str, where: str) -> Statement:
    """Return what a member states: a number, *unknown* where it is null, or nothing."""
    value = members.get(name)
    at = f"{name} of {where}"
    if name not in members:
        return Statement(Kind.NOTHING, at)
    try:
        number = Decimal(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else value
    except InvalidOperation:
        number = None
    if not isinstance(number, Decimal) or not number.is_finite():
        return Statement(Kind.UNKNOWN, at)
    return Statement(Kind.NUMBER, at, number, str(value), not isinstance(value, str))
