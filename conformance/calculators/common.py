"""What the adapters share: the loop over lines, and the price of a case in words that a tool may have.

An adapter is run by the Python of the tool's own environment, so nothing here needs more than the standard
library.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

__all__ = ["Answer", "NotDeclaredError", "body_of", "events_of", "only_entry", "serve"]

Answer = dict[str, Any]
_MODIFIERS = ("minimum", "multiply_by", "rule", "step", "tiers")


class NotDeclaredError(Exception):
    """The tool does not claim what the case needs; the message says what that is."""


def serve(name: str, version: str, answer: Callable[[Mapping[str, Any]], Answer]) -> None:
    """Answer every line of standard input by what *answer* makes of its exchange and prices."""
    about = {"name": name, "version": version}
    for line in sys.stdin:
        asked = json.loads(line, parse_float=Decimal)
        try:
            if "exchange" not in asked:
                raise NotDeclaredError("records in place of an answer")
            if asked["exchange"]["response"].get("status", 200) >= 400:
                raise NotDeclaredError("an error, which a client raises and never prices")
            result = answer(asked)
        except NotDeclaredError as lack:
            result = {"not_declared": str(lack)}
        said = json.dumps({"id": asked["id"], "calculator": about, **result}, default=str)
        sys.stdout.write(said + "\n")
        sys.stdout.flush()


def only_entry(asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the one entry of the price book for the model of the exchange, or None where there is none.

    Raises:
        NotDeclaredError: a tool would have to choose among several, or to apply more than rates.
    """
    exchange, book = asked["exchange"], asked.get("prices")
    if book is None:
        raise NotDeclaredError("a price book that may not be JSON")
    provider, model = exchange["provider"], exchange["model"]
    found = [
        entry
        for entry in book.get("entries", [])
        if entry.get("provider") == provider and model in entry.get("models", ())
    ]
    if len(found) > 1:
        raise NotDeclaredError("a choice between prices of one model")
    if not found:
        return None
    entry = found[0]
    rates = entry["rates"].values()
    if "multiplier" in entry or "addons" in entry or any(m in rate for rate in rates for m in _MODIFIERS):
        raise NotDeclaredError("steps, minimums, tiers, add-ons or multipliers")
    if entry.get("currency", book.get("currency")) != "USD":
        raise NotDeclaredError("another currency than USD")
    return entry


def body_of(exchange: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON body of the answer.

    Raises:
        NotDeclaredError: there is no such body, so that a client of the provider could not read it either.
    """
    body = exchange["response"].get("json")
    if not isinstance(body, Mapping):
        raise NotDeclaredError("an answer that is no JSON object")
    return body


def events_of(exchange: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON events of a stream, or the answer itself where it is none."""
    response = exchange["response"]
    if "sse" not in response:
        yield body_of(exchange)
        return
    for line in response["sse"].splitlines():
        if line.startswith("data:") and line[5:].strip() not in {"", "[DONE]"}:
            try:
                event = json.loads(line[5:], parse_float=Decimal)
            except ValueError:
                raise NotDeclaredError("a stream that breaks off within an event") from None
            if isinstance(event, Mapping):
                yield event
