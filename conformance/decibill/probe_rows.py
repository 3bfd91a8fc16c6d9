"""Which of an API's new records is a call's, and what tells so: how a drafted source finds records again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from decibill.probe import ProbedCall
from decibill.probe_search import CostPlace, UsagePlace
from decibill.probe_surfaces import Document, Surface, number

__all__ = ["Found", "find_rows"]

_SHORTEST_ID: Final = 6
_IDENTITIES: Final = ("/id", "/uuid", "/request_id", "/trace_id", "/call_id", "/log_id", "/key")


@dataclass(frozen=True, slots=True)
class Found:
    """How the record of a call is found."""

    match: Mapping[str, str]
    """Pointer to the value, a template, that a call's record has."""

    identity: str | None
    """Pointer to what tells two records apart; None: nothing does."""

    header: str | None = None
    """Response header whose value stands in the record …"""

    call: str | None = None
    """… and where it stands there."""


def find_rows(
    calls: Sequence[ProbedCall],
    surface: Surface,
    cost: CostPlace | None,
    usage: Sequence[UsagePlace],
    model: str,
) -> Found:
    """Return how the records on *surface* are told from others.

    Args:
        calls: the calls.
        surface: records of an API.
        cost: where they state the cost.
        usage: where they state quantities.
        model: template of the model name that was asked for.
    """
    own = [(call, row) for call in calls if (row := _own(call, surface, cost, usage)) is not None]
    every = [row for call in calls for row in call.seen.get(surface, ())]
    others = [row for row in every if not any(row is mine for _, mine in own)]
    figures = {*(place.at for place in usage), *([cost.at] if cost is not None else [])}
    first: Document = own[0][1] if own else {}
    names = [at for at in first if all(at in row for _, row in own)]
    match: dict[str, str] = {}
    named = [at for at in names if all(row[at] == call.model for call, row in own)]
    if named:
        match[min(named, key=len)] = model
    apart = [(at, count) for at in names if (count := _apart(at, [row for _, row in own], others))]
    if apart:
        at = max(apart, key=lambda item: (item[1], -len(item[0])))[0]
        match[at] = str(first[at])
    header, call_at = next(_shared(own, names), (None, None))
    return Found(match, _identity(every, names, figures), header, call_at)


def _own(
    call: ProbedCall, surface: Surface, cost: CostPlace | None, usage: Sequence[UsagePlace]
) -> Document | None:
    """Return the call's record: of those that came with it, the one with the most right figures."""
    rows = call.seen.get(surface, ())

    def right(row: Document) -> int:
        wanted = sum(number(row.get(place.at)) == call.quantities.get(place.quantity) for place in usage)
        stated = number(row.get(cost.at)) if cost is not None else None
        return wanted + (stated is not None and stated != 0)

    best = max(rows, key=right, default=None)
    return best if best is not None and right(best) else None


def _apart(at: str, own: Sequence[Document], others: Sequence[Document]) -> int:
    """Return how many other records have another text at a place where the calls' own all have one."""
    values = {row[at] if isinstance(row[at], str) else None for row in own}
    if len(values) != 1 or None in values:
        return 0
    return sum(row.get(at) not in values for row in others)


def _shared(own: Sequence[tuple[ProbedCall, Document]], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the headers and places whose values are the same in every call and its record."""
    headers: Mapping[str, str] = own[0][0].delivery.headers if own else {}
    for header in headers:
        for at in names:
            pairs = [(call.delivery.headers.get(header, ""), row[at]) for call, row in own]
            unlike = len({said for said, _ in pairs}) == len(pairs)
            if unlike and all(said == held and len(said) >= _SHORTEST_ID for said, held in pairs):
                yield header, at


def _identity(rows: Sequence[Document], names: Sequence[str], figures: set[str]) -> str | None:
    unlike = [
        at for at in names if at not in figures and len({_key(row.get(at)) for row in rows}) == len(rows)
    ]
    usual = [at for at in _IDENTITIES if at in unlike] + [at for at in unlike if at.lower().endswith("id")]
    texts = [at for at in unlike if isinstance(rows[0].get(at), str)]
    return next(iter((*usual, *texts)), None)


def _key(value: Any) -> tuple[str, str]:
    return type(value).__name__, str(value)
