"""From what was received and recorded of one call to what every declared source states about it.

Facts only: whether they are right is for `judge` to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from decibill.declaration import Cost, Mark, Source
from decibill.errors import HarnessError
from decibill.observe_body import documents, first_place, last_with, usage_of, with_the_rest_as_text
from decibill.observe_ledger import Record
from decibill.observe_number import inclusive, marked, scaled, statement
from decibill.observe_session import session_usage
from decibill.pointer import MISSING
from decibill.redact import legible
from decibill.session_client import read_frame
from decibill.statements import Delivery, Kind, SourceObservation, Statement
from decibill.transcript import is_session, transcript
from decibill.upstream_answer import wire

__all__ = ["Seen", "applies", "observe_caller", "observe_ledger"]

_LONGEST_STATUS = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """What one source holds about one call, before its values are read."""

    found: Sequence[Any]
    """Documents, the last of which that has a member counts."""

    where: str
    """How to name the place, such as ``the body`` or ``GET /v1/usage/3f``."""

    records: tuple[str, ...] = ()
    problem: str | None = None


def applies(source: Source, operation: str, *, stream: bool) -> bool:
    """Return whether *source* is asked about such a call."""
    only = source.only
    if only.stream is not None and only.stream != stream:
        return False
    return only.operations is None or operation in only.operations


def observe_caller(
    source: Source, delivery: Delivery, recorded: Mapping[str, Any] | None, root: Path
) -> SourceObservation:
    """Return what a body or header source states.

    Args:
        source: the source.
        delivery: what the client received.
        recorded: the exchange that answered the gateway's last attempt, if any did.
        root: the fixtures root.
    """
    if source.origin == "header":
        seen = Seen((delivery.headers,), "header") if delivery.status is not None else Seen((), "header")
        return _read(source, seen, {})
    if delivery.frames is not None:
        return _read_session(source, delivery.frames, recorded, root)
    found, problem = documents(delivery.body, delivery.headers.get("content-type", ""))
    sent, unreadable = _recorded_usage(recorded, root) if recorded is not None else ({}, False)
    if delivery.status is None or delivery.status >= 400:
        source = replace(
            source, usage=None
        )  # an error carries no usage, whatever stands in it (AUB-EXT-d1ab)
    # what the provider itself sent in no readable form is no fault of the gateway
    seen = Seen(found, "the body", problem=None if unreadable else problem)
    return _read(source, seen, sent, with_the_rest_as_text(usage_of(found, delivery.headers), sent))


def _read_session(
    source: Source, frames: Sequence[str], recorded: Mapping[str, Any] | None, root: Path
) -> SourceObservation:
    """Return what the events that reached the client state; a place of its own finds the last that has it."""
    found = [frame for text in frames if (frame := read_frame(text)) is not None]
    played = recorded is not None and is_session(recorded)
    entries = transcript(recorded, root) if recorded is not None and played else ()
    sent = session_usage([entry.frame for entry in entries if entry.is_server], usage_of)
    seen = Seen(found, "the events of the session")
    return _read(source, seen, sent, session_usage(found, usage_of))


def observe_ledger(source: Source, records: Sequence[Record], problem: str | None) -> SourceObservation:
    """Return what a source that keeps records states; of several records of one call the first is read."""
    charges = _without_failed(source, records)
    first = charges[0] if charges else None
    nowhere = f"GET {source.get}" if source.get is not None else f"the records of the {source.id}"
    seen = Seen(
        found=(first.document,) if first else (),
        where=first.where if first else nowhere,
        records=tuple(record.identity for record in charges),
        problem=problem,
    )
    return _read(source, seen, {})


def _without_failed(source: Source, records: Sequence[Record]) -> Sequence[Record]:
    """Return the records but those of failed attempts, which charge nothing unless they state a cost.

    Where nothing else is left, the last of them stands for the call.
    """
    if source.failed is None:
        return records
    kept = [record for record in records if not _is_failure(source, record)]
    return kept or records[-1:]


def _is_failure(source: Source, record: Record) -> bool:
    seen = Seen((record.document,), record.where)
    cost = _cost(source.cost, source, seen, []) if source.cost is not None else None
    return _is_marked(source.failed, source, seen) and not (cost and cost.value)


def _recorded_usage(exchange: Mapping[str, Any], root: Path) -> tuple[dict[str, tuple[str, Any]], bool]:
    """Return the quantities that the provider stated, and whether its answer cannot be read at all."""
    try:
        sent = wire(exchange, root)
    except HarnessError:
        return {}, True
    headers = dict(sent.headers)
    found, problem = documents(b"".join(sent.parts), headers["content-type"])
    return usage_of(found, headers) if sent.status < 400 else {}, problem is not None


def _read(
    source: Source,
    seen: Seen,
    sent: Mapping[str, tuple[str, Any]],
    stated: Mapping[str, tuple[str, Any]] | None = None,
) -> SourceObservation:
    """Return the observation.

    Args:
        source: the source.
        seen: what it holds.
        sent: the quantities of the recorded answer, for a dialect's usage.
        stated: those of the delivered one, where it is no single usage object.
    """
    problems = [seen.problem] if seen.problem else []
    cost = _cost(source.cost, source, seen, problems) if source.cost is not None else None
    usage: dict[str, Statement] = {}
    for name, (place, value) in _places(source, seen, sent, stated).items():
        where = _where(source, seen, place)
        usage[name], problem = statement(value, where, text_is_float=source.named)
        problems += [problem] if problem else []
    status = _text(seen.found, source.status, source) if source.status is not None else None
    return SourceObservation(
        source=source.id,
        place=source.place,
        cost=cost,
        usage=inclusive(usage) if source.convention == "disjoint" else usage,
        sent=_numbers(sent) if source.usage == "dialect" else {},
        status=status,
        estimate=_is_marked(source.estimate, source, seen),
        incomplete=_is_marked(source.incomplete, source, seen),
        records=seen.records,
        keeps_records=source.keeps_records,
        problem="; ".join(problems) or None,
    )


def _numbers(sent: Mapping[str, tuple[str, Any]]) -> dict[str, Decimal]:
    """Return the quantities of the recorded answer that are numbers: what the caller has to find."""
    stated = {name: statement(value, place)[0].value for name, (place, value) in sent.items()}
    return {name: value for name, value in stated.items() if value is not None}


def _places(
    source: Source,
    seen: Seen,
    sent: Mapping[str, tuple[str, Any]],
    stated: Mapping[str, tuple[str, Any]] | None,
) -> dict[str, tuple[str, Any]]:
    """Return, for every quantity that has a place, the place and the value there."""
    if source.usage is None:
        return {}
    if source.usage == "dialect":
        stated = usage_of(seen.found) if stated is None else stated
        missing = {name: (place, MISSING) for name, (place, _) in sent.items() if name not in stated}
        return {**stated, **missing}
    if source.named:
        return {
            name: (words[0], _value(seen.found, words[0], source)) for name, words in source.usage.items()
        }
    return {name: first_place(seen.found, pointers) for name, pointers in source.usage.items()}


def _value(found: Sequence[Any], at: str, source: Source) -> Any:
    if source.named:
        return found[0].get(at, MISSING) if found else MISSING
    return last_with(found, at)


def _text(found: Sequence[Any], at: str, source: Source) -> str | None:
    """Return the text at a place, where there is any."""
    value = _value(found, at, source)
    return legible(value[:_LONGEST_STATUS]) if isinstance(value, str) and value else None


def _cost(cost: Cost, source: Source, seen: Seen, problems: list[str]) -> Statement:
    value = _value(seen.found, cost.at, source)
    stated, problem = statement(value, _where(source, seen, cost.at), text_is_float=source.named)
    problems += [problem] if problem else []
    if stated.kind is Kind.NUMBER and _is_marked(cost.unknown_if, source, seen):
        return Statement(Kind.UNKNOWN, stated.where, text=stated.text)
    return scaled(stated, cost.per_usd)


def _is_marked(mark: Mark | None, source: Source, seen: Seen) -> bool:
    return mark is not None and marked(_value(seen.found, mark.at, source), mark.among)


def _where(source: Source, seen: Seen, at: str) -> str:
    if source.origin == "metrics":
        at = at.partition("{")[0]  # its labels are templates
    if source.origin == "header" or at.startswith("header "):
        return f"header {at.removeprefix('header ')}"
    return f"{at} of {seen.where}"
