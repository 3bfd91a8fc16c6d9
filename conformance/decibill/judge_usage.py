"""The checks ``caller.<quantity>`` and ``ledger.<quantity>`` of one call.

Counts are exact. A right answer above 0 is lost where a declared place states nothing; a quantity that
the provider does not state is unknown, and a 0 for it is wrong; a quantity that the call does not have
must be 0 or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal

from decibill.judge_breaks import loss_of
from decibill.judge_call import noun, plain, said
from decibill.judge_measured import SECONDS, is_measured
from decibill.judge_table import decide_cost, right_cost
from decibill.observe import applies
from decibill.outcome import Finding, Outcome
from decibill.statements import Kind, SourceObservation, Statement

if TYPE_CHECKING:
    from decibill.case import ExchangeCase, ExpectedUsage
    from decibill.judge_call import Call

__all__ = ["judge_usage"]

Place = Literal["caller", "ledger"]

_FLOAT: Final = Fraction(1, 10**9)
_LOST: Final = "usage is lost"
_AT: Final = {"caller": "on the way to the caller", "ledger": "in the ledger"}
_SENT: Final = frozenset({"provider_billed", "provider_reported"})


def judge_usage(call: Call, place: Place) -> Iterator[Finding]:
    """Yield one finding for every quantity that a source at *place* has a place for."""
    case = call.case
    if case.usage is None:
        return
    sources = [source for source in call.sources if source.place == place and source.usage]
    if not any(source.place == place and _declares_usage(call, source) for source in call.sources):
        where = "the answer to the caller" if place == "caller" else "its records"
        because = f"the gateway declares no place for usage in {where}"
        yield Finding(f"{place}.*", Outcome.NOT_DECLARED, because=because)
        return
    if place == "caller" and call.refused:
        if _SENT & set(case.usage.record.get("basis", {}).values()):
            yield Finding(
                "caller.*", Outcome.FAIL, "the provider's usage", "nothing", "", call.refused, _LOST
            )
        return
    lenient = _may_be_unmetered(call)
    for quantity in dict.fromkeys(quantity for source in sources for quantity in sorted(source.usage)):
        finding = _judge(call, case.usage, place, quantity, sources)
        if lenient and finding.got in {"nothing", "unknown"}:
            finding = replace(finding, outcome=Outcome.PASS, because="the call may be recorded as unmetered")
        yield finding


def _declares_usage(call: Call, source: SourceObservation) -> bool:
    declared = call.declaration.source(source.source)
    return declared.usage is not None and applies(declared, call.case.operation, stream=call.case.stream)


def _may_be_unmetered(call: Call) -> bool:
    """Say whether *unmetered* is another right answer that the gateway gave, so that usage may be missing."""
    if not any(other.status == "unmetered" for other in call.case.accepted):
        return False
    right = right_cost(call)
    decided = decide_cost(call, right) if right else None
    return decided is not None and decided.number is None


def _judge(
    call: Call, usage: ExpectedUsage, place: Place, quantity: str, sources: list[SourceObservation]
) -> Finding:
    having = [source for source in sources if quantity in source.usage]
    source = next((s for s in having if s.usage[quantity].kind is not Kind.NOTHING), having[0])
    stated = source.usage[quantity]
    right = usage.quantities.get(quantity)
    if place == "caller" and quantity in source.sent:
        right = source.sent[quantity]
    unknown = right is None and _is_unknown(quantity, usage)
    expected = "unknown" if unknown else "0 or nothing" if not right else plain(right)
    finding = Finding(f"{place}.{quantity}", Outcome.PASS, expected, said(stated), stated.where)
    if stated.kind is not Kind.NUMBER:
        if not right or (place == "caller" and not _must_reach_caller(call, quantity, usage, source)):
            return finding
        return _lost(call, finding, source, right, place)
    assert stated.value is not None
    if right is None:
        return _unasked(call.case, finding, stated, source, unknown=unknown)
    if _equal(call.case, quantity, stated, Fraction(right)):
        return finding
    because, cause = f"{_who(call.case, quantity, place)} {plain(right)}", f"usage is wrong {_AT[place]}"
    breaks: tuple[str, ...] = ()
    if right and not stated.value:
        because = f"{because}, and 0 says that nothing was used"
        cause, breaks = _loss(call.case, place)
    return replace(finding, outcome=Outcome.FAIL, because=because, cause=cause, breaks=breaks)


def _is_unknown(quantity: str, usage: ExpectedUsage) -> bool:
    """Say whether the quantity, or the total that it is part of, is unknown."""
    return quantity in usage.unknown or any(
        f"{direction}_tokens" in usage.unknown and quantity.endswith(f"{direction}_tokens")
        for direction in ("input", "output")
    )


def _must_reach_caller(call: Call, quantity: str, usage: ExpectedUsage, source: SourceObservation) -> bool:
    """Say whether the provider itself sent the quantity, so that the caller must find it."""
    if call.declaration.source(source.source).usage == "dialect":
        return quantity in source.sent  # a null that the gateway adds for what nobody said loses nothing
    basis: Mapping[str, str] = usage.record.get("basis", {})
    return basis.get(quantity) in _SENT


def _lost(
    call: Call, finding: Finding, source: SourceObservation, right: int | Decimal, place: Place
) -> Finding:
    """Return the finding where nothing, or *unknown*, is stated for a quantity that is known."""
    if source.problem:
        because = f"the source could not be read ({source.source}: {source.problem})"
        return replace(finding, outcome=Outcome.NOT_TESTABLE, because=because, cause=_LOST)
    if source.keeps_records and not source.records:
        if not call.facts.record_elsewhere(source.source, call.instance.id):
            because = "no record of any call appeared: raise --settle, or correct the declaration's match"
            return replace(finding, outcome=Outcome.NOT_TESTABLE, because=because, cause=_LOST)
        because = f"the {source.source} has records of other calls and none of this one"
        return replace(finding, outcome=Outcome.FAIL, because=because, cause=_LOST)
    quantity = finding.check.partition(".")[2]
    because = f"the usage is lost: {_who(call.case, quantity, place)} {plain(right)}"
    cause, breaks = _loss(call.case, place)
    return replace(finding, outcome=Outcome.FAIL, because=because, cause=cause, breaks=breaks)


def _loss(case: ExchangeCase, place: Place) -> tuple[str, tuple[str, ...]]:
    return loss_of(case) if place == "ledger" else ("usage is lost on the way to the caller", ())


def _unasked(
    case: ExchangeCase, finding: Finding, stated: Statement, source: SourceObservation, *, unknown: bool
) -> Finding:
    """Return the finding for a number where the right usage has none."""
    assert stated.value is not None
    noun_ = noun(finding.check.partition(".")[2])
    if unknown and not source.estimate:
        because = f"neither the answer nor the request says how many {noun_} there were"
        if not stated.value:
            because += ", and 0 says that there were none"
        return replace(
            finding, outcome=Outcome.FAIL, because=because, cause="unknown usage is given a number"
        )
    if unknown or not stated.value:
        return finding
    because = f"the usage is invented: the call has no {noun_}"
    if case.usage is not None and "error_response" in case.usage.flags:
        because = "the upstream answered with an error, from which no usage may be read"
    return replace(finding, outcome=Outcome.FAIL, because=because, cause="usage is invented")


def _equal(case: ExchangeCase, quantity: str, stated: Statement, right: Fraction) -> bool:
    assert stated.value is not None
    distance = abs(Fraction(stated.value) - right)
    if not quantity.endswith("_seconds"):
        return distance == 0
    allowed = max(_half_unit(stated), _FLOAT * right if stated.is_float else Fraction(0))
    return distance <= (max(allowed, SECONDS) if is_measured(case, quantity) else allowed)


def _half_unit(stated: Statement) -> Fraction:
    """Return half of the smallest step in which the source wrote the seconds, at most half a second."""
    assert stated.value is not None
    exponent = stated.value.as_tuple().exponent
    return Fraction(1, 2) * Fraction(10) ** min(int(exponent), 0)


def _who(case: ExchangeCase, quantity: str, place: Place) -> str:
    """Return who says the right number."""
    if place == "caller":
        return "the provider's answer says"
    basis = case.usage.record.get("basis", {}).get(quantity) if case.usage else None
    return {
        "provider_billed": "the provider bills",
        "provider_reported": "the provider reported",
        "request": "the request has",
        "media": "the upload lasts",
        "derived": "from what the provider reported follows",
        "assumed": "for this operation the provider's page says",
    }.get(str(basis), "the case has")
