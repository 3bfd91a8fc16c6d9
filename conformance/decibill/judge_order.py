"""Which record is whose, where a gateway's records do not say which call they belong to.

Different calls that are made at once leave records in any order. A source that carries the id of a call tells
them apart. From any other one only this can be seen: whether there is a record of the right cost and usage
for every call. So each call gets the record that states its cost, if one does, else one that states its
usage, and the rest in the order in which they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from decibill import template
from decibill.statements import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from decibill.judge_call import Call
    from decibill.statements import SourceObservation

__all__ = ["in_order_of_calls"]

_NEAR = Fraction(1, 10**6)
"""How near to the right cost a record must be to be taken for that call's, relative to that cost."""


def in_order_of_calls(calls: Sequence[Call]) -> list[Call]:
    """Return *calls* with the records of sources that cannot tell them apart given to the likeliest call."""
    if len({id(call.case) for call in calls}) < 2 or calls[0].case.client.kind != "parallel":
        return list(calls)
    columns = list(zip(*(call.sources for call in calls), strict=True))
    for index, column in enumerate(columns):
        if column[0].keeps_records and not _tells_calls_apart(calls[0], column[0]):
            columns[index] = _given(calls, column)
    return [
        replace(call, sources=sources)
        for call, sources in zip(calls, zip(*columns, strict=True), strict=True)
    ]


def _tells_calls_apart(call: Call, source: SourceObservation) -> bool:
    declared = call.declaration.source(source.source)
    return declared.call is not None or "call.id" in template.names(declared.get or "")


def _given(calls: Sequence[Call], found: Sequence[SourceObservation]) -> tuple[SourceObservation, ...]:
    left = list(found)
    taken: list[SourceObservation | None] = [None] * len(calls)
    for fits in (_has_cost, _has_usage):
        for index, call in enumerate(calls):
            if taken[index] is None and (own := next((each for each in left if fits(call, each)), None)):
                left.remove(own)
                taken[index] = own
    return tuple(each if each is not None else left.pop(0) for each in taken)


def _has_usage(call: Call, source: SourceObservation) -> bool:
    """Say whether every count that the record states is that of the call."""
    usage = call.case.usage
    right: Mapping[str, int | Decimal] = usage.quantities if usage is not None else {}
    stated = {name: each.value for name, each in source.usage.items() if each.kind is Kind.NUMBER}
    return bool(stated) and all(value == right.get(name, 0) for name, value in stated.items())


def _has_cost(call: Call, source: SourceObservation) -> bool:
    cost, charge = source.cost, call.case.charge
    if cost is None or cost.kind is not Kind.NUMBER or cost.value is None or charge is None:
        return False
    return abs(Fraction(cost.value) - charge.exact_total) <= charge.exact_total * _NEAR
