"""Drafting the ``observe`` part of a declaration from what a probe found: TOML, with what speaks for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from decibill.judge_call import exact_text, plain
from decibill.observe_body import documents, usage_of
from decibill.probe import ProbedCall
from decibill.probe_rows import Found, find_rows
from decibill.probe_search import UNITS, CostPlace, Sighting, UsagePlace, cost_places, hints, usage_places
from decibill.probe_surfaces import Surface, number
from decibill.redact import legible

__all__ = ["Draft", "draft"]

_MOST_HINTS: Final = 5
_LONGEST: Final = 200
_ORDER: Final = ("header", "body", "rows", "record", "metrics")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a probe found, ready to be printed."""

    text: str
    found: bool
    """Whether any usage or cost was found."""


@dataclass(frozen=True, slots=True)
class _Block:
    """One source."""

    surface: Surface
    cost: CostPlace | None
    usage: tuple[UsagePlace, ...]
    dialect: tuple[str, ...] | None = None
    """Cases in which the dialect's own usage object was right; None where it never was."""

    lost: tuple[str, ...] = ()
    """Quantities that this object should have had."""


def draft(calls: Sequence[ProbedCall], model: str = "{case.model}") -> Draft:
    """Return the draft.

    Args:
        calls: what came of the calls.
        model: template of the name that was asked for.
    """
    answered = [call for call in calls if call.answered]
    costs = {place.surface: place for place in cost_places(answered)}
    surfaces = sorted(
        dict.fromkeys(surface for call in answered for surface in call.seen),
        key=lambda surface: _ORDER.index(surface.kind),
    )
    blocks = [block for surface in surfaces if (block := _block(answered, surface, costs)) is not None]
    rows = {
        block.surface: find_rows(answered, block.surface, block.cost, block.usage, _name(model))
        for block in blocks
        if block.surface.kind == "rows"
    }
    lines = [
        *_head(calls),
        *_correlate(blocks, rows),
        *(line for number, block in enumerate(blocks) for line in _source(number, block, rows, answered)),
        *_missing(answered, blocks, costs),
    ]
    return Draft("\n".join(lines) + "\n", bool(blocks))


def _name(model: str) -> str:
    return model if model == "{case.model}" else "{case.name}"


def _block(calls: Sequence[ProbedCall], surface: Surface, costs: dict[Surface, CostPlace]) -> _Block | None:
    usage = tuple(usage_places(calls, surface))
    dialect, lost = _dialect(calls) if surface.kind == "body" else ((), ())
    if dialect:
        return _Block(surface, costs.get(surface), (), dialect, lost)
    if surface in costs or usage:
        return _Block(surface, costs.get(surface), usage)
    return None


def _dialect(calls: Sequence[ProbedCall]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the cases whose answers hold the dialect's usage object, and what was right nowhere in it."""
    right: list[str] = []
    lost: dict[str, None] = {}
    for call in calls:
        found, _ = documents(call.delivery.body, call.delivery.headers.get("content-type", ""))
        stated = {name: number(value) for name, (_, value) in usage_of(found).items()}
        hits = [name for name, value in call.quantities.items() if stated.get(name) == value]
        if not hits:
            continue
        right.append(call.case.id)
        lost |= dict.fromkeys(name for name in call.quantities if name in call.provided - {*hits})
    return tuple(right), tuple(lost)


# The text


def _text(value: str) -> str:
    """Return a TOML string."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return f"# {' '.join(legible(text).split())}"


def _kind(call: ProbedCall) -> str:
    return f"{call.case.operation} as a stream" if call.case.stream else call.case.operation


def _head(calls: Sequence[ProbedCall]) -> Iterator[str]:
    yield _comment("Drafted by decibill probe. Look it over before you use it.")
    went = Counter(_kind(call) for call in calls if call.answered)
    counted = ", ".join(f"{kind} ({count})" for kind, count in went.items())
    yield _comment(f"Went through: {counted or 'nothing'}.")
    for call in calls:
        if call.unmatched:
            members = ", ".join(call.unmatched)
            yield _comment(f"{call.case.id}: the gateway asked the upstream for something else: {members}.")
        elif not call.answered:
            said = (
                f"answered {call.delivery.status}"
                if call.delivery.status
                else call.delivery.error or "no answer"
            )
            yield _comment(f"{call.case.id}, {_kind(call)}: {said[:_LONGEST]}.")
    for problem in dict.fromkeys(problem for call in calls for problem in call.problems):
        yield _comment(f"{problem[:_LONGEST]}.")


def _correlate(blocks: Iterable[_Block], rows: dict[Surface, Found]) -> Iterator[str]:
    headers = [block.surface.at for block in blocks if block.surface.kind == "record"]
    headers += [found.header for found in rows.values() if found.header is not None]
    if headers:
        yield from ("", "[correlate]", f"response_header = {_text(headers[0])}")


def _source(
    index: int, block: _Block, rows: dict[Surface, Found], calls: Sequence[ProbedCall]
) -> Iterator[str]:
    surface = block.surface
    names = {"header": "header", "body": "body", "rows": "ledger", "record": "record", "metrics": "metrics"}
    sources = {"rows": "poll", "record": "poll"}
    yield from ("", "[[observe]]")
    yield f"id = {_text(names[surface.kind] + (f'-{index}' if surface.path else ''))}"
    yield f"from = {_text(sources.get(surface.kind, surface.kind))}"
    yield f"place = {_text('ledger' if surface.path else 'caller')}"
    if surface.path:
        yield f"get = {_text(surface.path)}"
    if surface.kind == "rows":
        yield from _rows(surface, rows[surface])
    yield from _only(block, calls)
    if block.cost is not None:
        yield _cost(block.cost, len(calls))
    if block.dialect is not None:
        lost = f"; it lacks {', '.join(block.lost)}" if block.lost else ""
        yield f'usage = "dialect"   # right in {_of(len(block.dialect), len(calls))}{lost}'
    if block.usage:
        yield "[observe.usage]"
        for place in block.usage:
            yield _quantity(place, len(calls))
        if any(place.without_cached for place in block.usage):
            yield _comment('Some leave out what was cached: if all parts do, write convention = "disjoint".')


def _rows(surface: Surface, found: Found) -> Iterator[str]:
    yield f"rows = {_text(surface.at)}"
    if found.match:
        pairs = ", ".join(f"{_text(at)} = {_text(value)}" for at, value in found.match.items())
        yield f"match = {{ {pairs} }}"
    if found.call is not None:
        yield f"call = {_text(found.call)}   # the same as the header {found.header}"
    if found.identity is not None:
        yield f"identity = [{_text(found.identity)}]"
    else:
        yield 'identity = ["/id"]   # a guess: nothing was found that tells two records apart'
    yield "settle_s = 1"


def _only(block: _Block, calls: Sequence[ProbedCall]) -> Iterator[str]:
    """Say that a source is for streams or for other calls, where it never states anything in the rest."""
    if block.surface.path:
        return
    seen = [place.sighting for place in block.usage] + (
        [block.cost.sighting] if block.cost is not None else []
    )
    said = {*(block.dialect or ()), *(name for each in seen for name in each.right)}
    said |= {name for each in seen for name, _, _ in each.other}
    streams = {call.case.stream for call in calls if call.case.id in said}
    if {call.case.stream for call in calls} == {True, False} and len(streams) == 1:
        yield f"only = {{ stream = {'true' if streams == {True} else 'false'} }}"


def _cost(place: CostPlace, calls: int) -> str:
    key = "name" if place.surface.kind in {"header", "metrics"} else "pointer"
    parts = [f"{key} = {_text(place.at)}"]
    if place.per_usd != 1:
        parts.append(f"per_usd = {place.per_usd}")
    if place.resolution is not None:
        step = _text(_decimal(place.resolution))
        rounds = f", rounds = {_text(place.rounds)}" if place.rounds != "nearest" else ""
        parts.append(f"tolerance = {{ resolution = {step}{rounds} }}")
    said = f"{_how_sure(place.sighting, calls)}, in {UNITS[place.per_usd]}"
    return f"cost = {{ {', '.join(parts)} }}   {_comment(said)}"


def _quantity(place: UsagePlace, calls: int) -> str:
    places = [place.at, *place.more]
    value = _text(places[0]) if len(places) == 1 else f"[{', '.join(map(_text, places))}]"
    also = f"; so are {', '.join(place.also)}" if place.also else ""
    cached = "; without what was cached" if place.without_cached else ""
    return f"{place.quantity} = {value}   {_comment(_how_sure(place.sighting, calls) + cached + also)}"


def _how_sure(sighting: Sighting, calls: int) -> str:
    right = len(sighting.right)
    if sighting.other:
        case, stated, wanted = sighting.other[0]
        wrong = f"; {plain(stated)} where {exact_text(wanted)} is right in {case}"
        return f"not always: right in {_of(right, calls)}{wrong}"
    return f"{'sure' if right > 1 else 'likely'}: right in {_of(right, calls)}"


def _of(right: int, calls: int) -> str:
    return f"{right} of {calls} call{'' if calls == 1 else 's'}"


def _decimal(number: Fraction) -> str:
    """Return a terminating fraction as text that a declaration takes."""
    return plain(Decimal(number.numerator) / Decimal(number.denominator))


def _missing(
    calls: Sequence[ProbedCall], blocks: Sequence[_Block], costs: dict[Surface, CostPlace]
) -> Iterator[str]:
    """Say what no place states, so that nobody takes a draft for the whole."""
    yield ""
    if not costs:
        yield _comment("Not found: the cost. Are the models priced as `decibill probe --prices` lists them?")
    for place in hints(calls, costs)[:_MOST_HINTS]:
        case, says, wanted = place.sighting.other[0]
        yield _comment(
            f"{_where(place)} is named like a cost and says {plain(says)} where {exact_text(wanted)} is "
            f"right in {case}."
        )
    known = {place.quantity for block in blocks for place in block.usage}
    for block in blocks:
        right = block.dialect or ()
        known |= {name for call in calls if call.case.id in right for name in call.provided} - {*block.lost}
    lacking: dict[str, str] = {}
    for call in calls:
        for name, value in call.quantities.items():
            if name not in known and name != "total_tokens":  # a sum, which nobody bills
                lacking.setdefault(name, f"{name} ({plain(value)} in {call.case.id})")
    if lacking:
        yield _comment(f"Not found: {', '.join(lacking.values())}.")


def _where(place: CostPlace) -> str:
    surface = place.surface
    if surface.kind == "header":
        return f"The header {place.at}"
    where = "the body" if surface.kind == "body" else f"GET {surface.path}"
    return f"{surface.at if surface.kind == 'rows' else ''}{place.at} of {where}"
