"""The reference calculator: a price book of the suite, and the exchange made of the parsed body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from decibill_reference import PriceBook, jsonio, rate
from decibill_reference.extract import extract

from bench.payloads import parsed
from bench.tools import Tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from bench.payloads import Payload
    from bench.tools import Stage, Ways

__all__ = ["exchange_line", "exchange_of", "tool", "usage_line"]

_JSON = {"content-type": "application/json"}


def tool(payloads: Sequence[Payload], version: str) -> Tool:
    """Return the calculator with the whole price book of each payload read."""
    books = {
        payload.book: PriceBook.from_json(jsonio.loads(payload.book.read_bytes())) for payload in payloads
    }

    def ways(payload: Payload) -> Ways:
        book, values = books[payload.book], parsed(payload.messages)
        usage = extract(exchange_of(payload, values))

        def from_bytes() -> Decimal | None:
            read = [jsonio.loads(message) for message in payload.messages]
            return rate(extract(exchange_of(payload, read)), book).total

        def from_body() -> Decimal | None:
            return rate(extract(exchange_of(payload, values)), book).total

        def from_own() -> Decimal | None:
            return rate(usage, book).total

        return {"bytes": from_bytes, "body": from_body, "own": from_own}

    calls: Mapping[Stage, str] = {
        "bytes": "`jsonio.loads` (strict, exact numbers), then as below",
        "body": "`rate(extract(exchange), book).total`, the exchange put together of body and head",
        "own": "`rate(usage, book).total` of a `UsageRecord`",
    }
    return Tool("decibill", version, calls, ways)


def exchange_of(payload: Payload, values: list[Any]) -> Mapping[str, Any]:
    """Return the exchange of a payload from its parsed messages."""
    if payload.operation == "speech":
        media = {"content_type": "audio/mpeg"}
        return {**payload.head, "request": {"json": values[0]}, "response": {"status": 200, "media": media}}
    if payload.operation == "realtime":
        events = [{"from": "server", "frame": frame} for frame in values]
        return {**payload.head, "response": {"status": 101, "events": events}}
    return {**payload.head, "response": {"status": 200, "headers": _JSON, "json": values[0]}}


def exchange_line(payload: Payload) -> bytes:
    """Return the exchange of a payload as a line of a log."""
    return _line(exchange_of(payload, parsed(payload.messages)))


def usage_line(payload: Payload) -> bytes:
    """Return the usage record of a payload as a line of a log."""
    return _line(extract(exchange_of(payload, parsed(payload.messages))).to_json())


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
