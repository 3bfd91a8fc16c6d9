"""How defects misread: the exchange is changed before extraction, or the record after it.

A defect that misreads is written as a change of what the provider sent, so that it needs no second
extraction. Numbers may become floats on the way: a defect need not be exact.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, cast

from decibill_reference.extract import extract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from decimal import Decimal

    from decibill_reference.charge_record import Charge
    from decibill_reference.prices import PriceBook
    from decibill_reference.usage import UsageRecord

    Json = dict[str, Any]
    Exchange = Mapping[str, Any]
    Read = Callable[[Exchange], UsageRecord]
    Rated = Callable[[UsageRecord, PriceBook], Charge]

__all__ = [
    "changed_documents",
    "json_object",
    "json_objects",
    "misread",
    "requested",
    "usages",
    "with_body",
    "with_quantities",
]

_HOLDERS = ("usage", "usageMetadata", "usage_metadata")
_WRAPPERS = ("response", "interaction")


def misread(change: Callable[[Json, Exchange], None]) -> Read:
    """Return a reading of exchanges in which *change* was made to each JSON document of the answer first."""

    def read(exchange: Exchange) -> UsageRecord:
        return extract(changed_documents(exchange, lambda document: change(document, exchange)))

    return read


def changed_documents(exchange: Exchange, change: Callable[[Json], None]) -> Exchange:
    """Return *exchange* with *change* made to its JSON body, or to each event of its stream."""
    response = exchange["response"]
    if "sse" in response:
        return with_body(exchange, "sse", _changed_events(response["sse"], change))
    if "text" in response:
        return with_body(exchange, "text", _changed_text(response["text"], change))
    if "events" in response:
        return with_body(exchange, "events", _changed_frames(response["events"], change))
    return exchange


def with_body(exchange: Exchange, member: str, body: object) -> Exchange:
    """Return *exchange* with another body of its answer."""
    return {**exchange, "response": {**exchange["response"], member: body}}


def _changed_frames(events: list[Json], change: Callable[[Json], None]) -> list[Json]:
    changed = copy.deepcopy(events)
    for event in changed:
        if event["from"] == "server" and isinstance(event.get("frame"), dict):
            change(event["frame"])
    return changed


def _changed_events(stream: str, change: Callable[[Json], None]) -> str:
    lines = stream.splitlines(keepends=True)
    return "".join(_changed_line(line, change) for line in lines)


def _changed_line(line: str, change: Callable[[Json], None]) -> str:
    if not line.startswith("data:"):
        return line
    data = line[5:]
    return f"data: {_changed_text(data.strip(), change)}{data[len(data.rstrip()) :]}"


def _changed_text(text: str, change: Callable[[Json], None]) -> str:
    """Return the JSON object in *text* changed; anything else, and what is not changed, stays as it is."""
    try:
        document: Any = json.loads(text)
        before: Any = json.loads(text)
    except ValueError:
        return text
    if not isinstance(document, dict):
        return text
    change(cast("Json", document))
    return text if document == before else json.dumps(document, ensure_ascii=False)


def json_object(value: object) -> Json | None:
    """Return *value* if it is an object of JSON."""
    return cast("Json", value) if isinstance(value, dict) else None


def json_objects(value: object) -> list[Json]:
    """Return the objects in *value*, if that is a list."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Json", item) for item in items if isinstance(item, dict)]


def usages(document: Json) -> Iterator[Json]:
    """Yield the usage objects of an answer or an event."""
    for holder in (document, *(document.get(name) for name in _WRAPPERS)):
        if isinstance(holder, dict):
            for name in _HOLDERS:
                found: Any = cast("Json", holder).get(name)
                if isinstance(found, dict):
                    yield cast("Json", found)


def requested(exchange: Exchange) -> Json:
    """Return the JSON body of the request, or an empty object."""
    body: Any = exchange["request"].get("json")
    return cast("Json", body) if isinstance(body, dict) else {}


def with_quantities(usage: UsageRecord, quantities: Mapping[str, int | Decimal]) -> UsageRecord:
    """Return *usage* with other quantities, and nothing unknown of them."""
    basis = {name: usage.basis.get(name, "derived") for name in quantities}
    unknown = tuple(name for name in usage.unknown if name not in quantities or name in usage.quantities)
    return usage._replace(quantities=quantities, basis=basis, unknown=unknown)
