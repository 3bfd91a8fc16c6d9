"""Everything in which a gateway could say what a call used and cost, taken apart into names and values.

A *surface* is one kind of place: the headers, the body, the new records of an API, the record that an API has
under an id, the counters that grew. A *document* is one thing on it: place to value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, TypeGuard

from decibill import jsonio
from decibill.errors import InvalidFileError
from decibill.observe_body import documents
from decibill.pointer import join
from decibill.prometheus import Series, parse_metrics
from decibill.statements import Delivery
from decibill.template_tree import is_list

__all__ = ["Document", "Surface", "answer_surfaces", "api_surfaces", "number", "record_surfaces"]

Document = Mapping[str, Any]
"""JSON pointer (or header's or counter's name) to a text, a number, true, false or null."""

_DEEPEST: Final = 12
_MOST_LEAVES: Final = 5000
_MOST_ITEMS: Final = 200
_MOST_ROWS: Final = 50
_LONGEST_NUMBER: Final = 80


@dataclass(frozen=True, slots=True)
class Surface:
    """One kind of place."""

    kind: Literal["header", "body", "rows", "record", "metrics"]
    path: str = ""
    """Of an API: its path as the user named it."""

    at: str = ""
    """Of new records: pointer to their list; of a record under an id: the header that gave the id."""


def number(value: Any) -> Decimal | None:
    """Return a value as a number, whether it is one or is written as text; None where it is neither."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        return None
    if isinstance(value, str) and not 0 < len(value.strip()) <= _LONGEST_NUMBER:
        return None
    if isinstance(value, int) and value.bit_length() > 200:
        return None
    try:
        found = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) < 40 else None


def answer_surfaces(delivery: Delivery) -> dict[Surface, Sequence[Document]]:
    """Return headers and body of what the client received; of a stream the last event with a place counts."""
    found: dict[Surface, Sequence[Document]] = {Surface("header"): (dict(delivery.headers),)}
    events, _ = documents(delivery.body, delivery.headers.get("content-type", ""))
    merged: dict[str, Any] = {}
    for event in events:
        merged.update(_leaves(event))
    if merged:
        found[Surface("body")] = (merged,)
    return found


def api_surfaces(path: str, old: Delivery, new: Delivery) -> dict[Surface, Sequence[Document]]:
    """Return what an API holds now and did not hold before the call: new records, or counters that grew."""
    after = _json(new)
    if after is None:
        grown = _grown(old, new)
        return {Surface("metrics", path): (grown,)} if grown else {}
    known = {where: {_text(row) for row in rows} for where, rows in _lists(_json(old))}
    found: dict[Surface, Sequence[Document]] = {}
    for where, rows in _lists(after):
        fresh = [row for row in rows if _text(row) not in known.get(where, set())]
        if fresh:
            found[Surface("rows", path, where)] = tuple(dict(_leaves(row)) for row in fresh[:_MOST_ROWS])
    return found


def record_surfaces(path: str, header: str, answer: Delivery) -> dict[Surface, Sequence[Document]]:
    """Return the record that an API has under the id that the *header* of an answer gave."""
    found = _json(answer) if answer.status == 200 else None
    return {Surface("record", path, header): (dict(_leaves(found)),)} if found else {}


def _json(delivery: Delivery) -> Any:
    if not delivery.body or "json" not in delivery.headers.get("content-type", "json"):
        return None
    try:
        return jsonio.loads(delivery.body, "it")
    except InvalidFileError:
        return None


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _lists(document: Any, at: str = "", depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
    """Yield every list of objects in *document* that is reached through objects alone."""
    if is_list(document) and document and all(_is_object(row) for row in document):
        yield at, document
    elif _is_object(document) and depth < _DEEPEST:
        for name, member in document.items():
            yield from _lists(member, at + join(name), depth + 1)


def _text(row: Any) -> str:
    return json.dumps(row, sort_keys=True, default=str)


def _leaves(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield pointer and value of everything in *document* that is no object and no list, up to a limit."""
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    count = 0
    while waiting and count < _MOST_LEAVES:
        at, value, depth = waiting.pop()
        if _is_object(value) and depth < _DEEPEST:
            waiting += [(at + join(name), member, depth + 1) for name, member in value.items()]
        elif is_list(value) and depth < _DEEPEST:
            waiting += [(at + join(index), item, depth + 1) for index, item in enumerate(value[:_MOST_ITEMS])]
        elif not (_is_object(value) or is_list(value)):
            count += 1
            yield at, value


def _grown(old: Delivery, new: Delivery) -> dict[str, Decimal]:
    """Return by how much each Prometheus counter grew."""
    before = {_series(series): value for series, value in _metrics(old)}
    grown: dict[str, Decimal] = {}
    for series, value in _metrics(new):
        change = value - before.get(_series(series), Decimal(0))
        if change > 0:
            grown[_series(series)] = change
    return grown


def _metrics(delivery: Delivery) -> list[tuple[Series, Decimal]]:
    return parse_metrics(delivery.body.decode("utf-8", "replace")) if delivery.status == 200 else []


def _series(series: Series) -> str:
    labels = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(series.labels.items()))
    return f"{series.name}{{{labels}}}" if labels else series.name
