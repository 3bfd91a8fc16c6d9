"""Reading of the ``[[observe]]`` tables of a declaration."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from decibill import template
from decibill.declaration import OPERATIONS, Cost, Mark, Only, Source, Tolerance
from decibill.declaration_table import Table
from decibill.errors import UnknownNameError
from decibill.prometheus import parse_series

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

_ORIGINS: Final = ("body", "header", "poll", "sink", "sqlite", "metrics")
_NAMED: Final = ("header", "metrics")
_LEDGERS: Final = ("poll", "sink", "sqlite")
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
    origin = cast("Any", table.choice("from", _ORIGINS))
    default = "ledger" if origin in (*_LEDGERS, "metrics") else "caller"
    cost = table.optional_table("cost")
    source = Source(
        id=table.text("id"),
        origin=origin,
        place=cast("Any", table.choice("place", ("caller", "ledger"), default)),
        cost=_cost(cost, origin) if cost is not None else None,
        usage=_usage(table, origin),
        convention=cast("Any", table.choice("convention", ("inclusive", "disjoint"), "inclusive")),
        status=_at(table, "status", origin) if "status" in table else None,
        estimate=_mark(table, "estimate", origin),
        incomplete=_mark(table, "incomplete", origin),
        only=_only(table.optional_table("only")),
        **(_READERS[origin](table) if origin in _READERS else {}),
        **(_ledger(table) if origin in _LEDGERS else {}),
    )
    if origin == "sink" and not _SINK_ID.fullmatch(source.id):
        # it becomes part of an address and of a template name
        table.refuse("id", "must be letters, digits, - and _, the first a letter")
    if (origin in {"sink", "sqlite"} or source.rows is not None) and not source.identity:
        table.refuse("identity", "is missing; records must be told apart by it")
    if source.cost is None and source.usage is None:
        table.refuse(None, "observes nothing; it needs cost or usage")
    table.done()
    return source


def _get(table: Table, allowed: frozenset[str]) -> str:
    get = table.text("get")
    template.check(get, allowed, file=table.file, pointer=table.place("get"))
    if not get.startswith("/"):
        table.refuse("get", "must begin with /")
    return get


def _poll(table: Table) -> dict[str, Any]:
    get = _get(table, _POLL_NAMES)
    if "row" in table and "rows" in table:
        table.refuse("row", "a source has one record (row) or a list of records (rows), not both")
    return {
        "get": get,
        "rows": _rows(table) if "rows" in table else None,
        "row": _pointer(table, "row") if "row" in table else "",
    }


def _rows(table: Table) -> str:
    """Return the pointer to the list; empty where the answer itself is the list."""
    return "" if table.raw("rows") == "" else _pointer(table, "rows")


def _sqlite(table: Table) -> dict[str, Any]:
    file, query = table.text("file"), table.text("query")
    template.check(file, template.RUN_NAMES, file=table.file, pointer=table.place("file"))
    if not query.lstrip().lower().startswith("select "):
        table.refuse("query", "must be one SELECT")
    return {"file": file, "query": query}


def _metrics(table: Table) -> dict[str, Any]:
    return {"get": _get(table, template.RUN_NAMES), "settle_s": table.decimal("settle_s") or Decimal(0)}


_READERS: Final[Mapping[str, Callable[[Table], dict[str, Any]]]] = {
    "poll": _poll,
    "sqlite": _sqlite,
    "metrics": _metrics,
}


def _ledger(table: Table) -> dict[str, Any]:
    """Return what a source that keeps records declares, however they come."""
    match = table.table("match")
    return {
        "match": {_is_pointer(match, name, name): _match(match, name) for name in match},
        "call": _pointer(table, "call") if "call" in table else None,
        "identity": tuple(_is_pointer(table, "identity", word) for word in table.words("identity")),
        "failed": _mark(table, "failed", "poll"),
        "settle_s": table.decimal("settle_s") or Decimal(0),
    }


def _match(table: Table, name: str) -> tuple[str, ...]:
    values = table.words(name) if isinstance(table.raw(name), list) else (table.text(name),)
    for value in values:
        template.check(value, _POLL_NAMES, file=table.file, pointer=table.place(name))
    return values


def _cost(table: Table, origin: str) -> Cost:
    cost = Cost(
        at=_at(table, _key(origin), origin),
        per_usd=table.positive("per_usd") or Decimal(1),
        unknown_if=_mark(table, "unknown_if", origin),
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


def _usage(table: Table, origin: str) -> Any:
    value = table.raw("usage")
    if value is None:
        return None
    if value == "dialect":
        if origin in _NAMED:
            table.refuse("usage", f"from {origin} there comes no usage object")
        return "dialect"
    usage = table.table("usage")
    places: dict[str, tuple[str, ...]] = {}
    for name in usage:
        if name not in QUANTITIES:
            usage.refuse(name, str(UnknownNameError("quantity", name, QUANTITIES)))
        words = usage.words(name) if isinstance(usage.raw(name), list) else (usage.text(name),)
        places[name] = tuple(_place(usage, name, word, origin) for word in words)
    return places


def _mark(table: Table, key: str, origin: str) -> Mark | None:
    if key not in table:
        return None
    if isinstance(table.raw(key), str):
        return Mark(_at(table, key, origin))
    member = table.table(key)
    mark = Mark(_at(member, _key(origin), origin), member.words("is") or None)
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


def _key(origin: str) -> str:
    """Return how a place is called in a table of its own."""
    return "name" if origin in _NAMED else "pointer"


def _at(table: Table, key: str, origin: str) -> str:
    return _place(table, key, table.text(key), origin)


def _place(table: Table, key: str, value: str, origin: str) -> str:
    """Return a place as the source can look it up: a header, a metric with labels, or a JSON pointer."""
    if origin == "header":
        return value.lower()
    if origin != "metrics":
        return _is_pointer(table, key, value)
    template.check(value, _POLL_NAMES, file=table.file, pointer=table.place(key))
    if parse_series(value) is None:
        table.refuse(key, f"{value!r} is no metric", remedy='write name or name{label="value"}')
    return value


def _pointer(table: Table, key: str) -> str:
    return _is_pointer(table, key, table.text(key))


def _is_pointer(table: Table, key: str, value: str) -> str:
    if not value.startswith("/"):
        table.refuse(key, f"{value!r} is not a JSON pointer", remedy="begin it with /")
    return value
