"""Reading of the ``[[observe]]`` tables of a declaration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Literal, cast

from decibill import template
from decibill.declaration import OPERATIONS, Cost, Mark, Only, Source, Tolerance
from decibill.declaration_table import Table
from decibill.errors import UnknownNameError

__all__ = ["QUANTITIES", "read_sources"]

_MODALITIES = ("text", "audio", "image", "video")
QUANTITIES = frozenset(
    {
        "input_tokens",
        *(f"{modality}_input_tokens" for modality in (*_MODALITIES, "unattributed")),
        "cached_input_tokens",
        *(f"cached_{modality}_input_tokens" for modality in _MODALITIES),
        "output_tokens",
        *(f"{modality}_output_tokens" for modality in ("text", "audio", "unattributed")),
        "reasoning_output_tokens",
        "total_tokens",
        "audio_duration_seconds",
        "media_duration_seconds",
        "audio_channels",
        "tts_characters",
        "provider_credits",
        "requests",
        "text_messages",
    }
)
"""Names of quantities (data-model section 2)."""

_ORIGINS: Final = ("body", "header", "poll", "sink")
_LEDGERS: Final = ("poll", "sink")
_SINK_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_POLL_NAMES = template.RUN_NAMES | template.CASE_NAMES | template.CALL_NAMES


def read_sources(tables: Sequence[Table]) -> tuple[Source, ...]:
    """Return the sources in declared order.

    Raises:
        InvalidFileError: with the pointer of the fault.
    """
    sources = tuple(_source(table) for table in tables)
    seen: set[str] = set()
    for source, table in zip(sources, tables, strict=True):
        if source.id in seen:
            table.refuse("id", f"{source.id!r} stands twice")
        seen.add(source.id)
    return sources


def _source(table: Table) -> Source:
    origin = cast("Literal['body', 'header', 'poll', 'sink']", table.choice("from", _ORIGINS))
    header = origin == "header"
    default = "ledger" if origin in _LEDGERS else "caller"
    cost = table.optional_table("cost")
    source = Source(
        id=table.text("id"),
        origin=origin,
        place=cast("Any", table.choice("place", ("caller", "ledger"), default)),
        cost=_cost(cost, header=header) if cost is not None else None,
        usage=_usage(table, header=header),
        convention=cast("Any", table.choice("convention", ("inclusive", "disjoint"), "inclusive")),
        status=_at(table, "status", header=header) if "status" in table else None,
        estimate=_mark(table, "estimate", header=header),
        incomplete=_mark(table, "incomplete", header=header),
        only=_only(table.optional_table("only")),
        **(_poll(table) if origin == "poll" else {}),
        **(_ledger(table) if origin in _LEDGERS else {}),
    )
    if origin == "sink" and not _SINK_ID.fullmatch(source.id):
        # it becomes part of an address and of a template name
        table.refuse("id", "must be letters, digits, - and _, the first a letter")
    if (origin == "sink" or source.rows is not None) and not source.identity:
        table.refuse("identity", "is missing; records must be told apart by it")
    if source.cost is None and source.usage is None:
        table.refuse(None, "observes nothing; it needs cost or usage")
    table.done()
    return source


def _poll(table: Table) -> dict[str, Any]:
    get = table.text("get")
    template.check(get, _POLL_NAMES, file=table.file, pointer=table.place("get"))
    if not get.startswith("/"):
        table.refuse("get", "must begin with /")
    if "row" in table and "rows" in table:
        table.refuse("row", "a source has one record (row) or a list of records (rows), not both")
    return {
        "get": get,
        "rows": _pointer(table, "rows") if "rows" in table else None,
        "row": _pointer(table, "row") if "row" in table else "",
    }


def _ledger(table: Table) -> dict[str, Any]:
    """Return what a source that keeps records declares, however they come."""
    match = table.table("match")
    return {
        "match": {_is_pointer(match, name, name): _match(match, name) for name in match},
        "call": _pointer(table, "call") if "call" in table else None,
        "identity": tuple(_is_pointer(table, "identity", word) for word in table.words("identity")),
        "failed": _mark(table, "failed", header=False),
        "settle_s": table.decimal("settle_s") or Decimal(0),
    }


def _match(table: Table, name: str) -> tuple[str, ...]:
    values = table.words(name) if isinstance(table.raw(name), list) else (table.text(name),)
    for value in values:
        template.check(value, _POLL_NAMES, file=table.file, pointer=table.place(name))
    return values


def _cost(table: Table, *, header: bool) -> Cost:
    cost = Cost(
        at=_at(table, "name" if header else "pointer", header=header),
        per_usd=table.positive("per_usd") or Decimal(1),
        unknown_if=_mark(table, "unknown_if", header=header),
        absent=cast("Any", table.choice("absent", ("nothing", "unknown"), "nothing")),
        tolerance=_tolerance(table.optional_table("tolerance")),
    )
    if cost.unknown_if is not None and cost.unknown_if.at == cost.at:
        # AUB-CNF-d62b: 0 is the number 0, whatever the gateway would like it to mean
        table.refuse("unknown_if", "must not be the cost itself: no number can mean unknown")
    table.done()
    return cost


def _tolerance(table: Table | None) -> Tolerance | None:
    if table is None:
        return None
    tolerance = Tolerance(
        absolute=table.decimal("absolute"),
        relative=table.decimal("relative"),
        resolution=table.decimal("resolution"),
        rounds=cast("Any", table.choice("rounds", ("nearest", "down", "up"), "nearest")),
    )
    table.done()
    return tolerance


def _usage(table: Table, *, header: bool) -> Any:
    value = table.raw("usage")
    if value is None:
        return None
    if value == "dialect":
        if header:
            table.refuse("usage", "a header holds no usage object")
        return "dialect"
    usage = table.table("usage")
    places: dict[str, tuple[str, ...]] = {}
    for name in usage:
        if name not in QUANTITIES:
            usage.refuse(name, str(UnknownNameError("quantity", name, QUANTITIES)))
        words = usage.words(name) if isinstance(usage.raw(name), list) else (usage.text(name),)
        places[name] = tuple(word.lower() if header else _is_pointer(usage, name, word) for word in words)
    return places


def _mark(table: Table, key: str, *, header: bool) -> Mark | None:
    if key not in table:
        return None
    if isinstance(table.raw(key), str):
        return Mark(_at(table, key, header=header))
    member = table.table(key)
    mark = Mark(_at(member, "name" if header else "pointer", header=header), member.words("is") or None)
    member.done()
    return mark


def _only(table: Table | None) -> Only:
    if table is None:
        return Only()
    only = Only(
        stream=table.flag("stream") if "stream" in table else None,
        operations=frozenset(table.words("operations", OPERATIONS)) if "operations" in table else None,
    )
    table.done()
    return only


def _at(table: Table, key: str, *, header: bool) -> str:
    return table.text(key).lower() if header else _pointer(table, key)


def _pointer(table: Table, key: str) -> str:
    return _is_pointer(table, key, table.text(key))


def _is_pointer(table: Table, key: str, value: str) -> str:
    if not value.startswith("/"):
        table.refuse(key, f"{value!r} is not a JSON pointer", remedy="begin it with /")
    return value
