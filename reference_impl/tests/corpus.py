"""The exchanges of the corpus, with their bodies in place, for tests of rules that hold for all of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decibill_reference import jsonio
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decibill_reference.usage import UsageRecord

__all__ = ["FIXTURES", "exchanges", "outcome", "readable"]

FIXTURES = Path(__file__).parents[2] / "fixtures"


@cache
def exchanges() -> Mapping[str, dict[str, Any]]:
    """Return the last exchange of every case by the case's id, its response with the body inside."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((FIXTURES / "cases").glob("*/*.json")):
        given = jsonio.loads(path.read_bytes())["given"]
        if "upstream" in given:
            exchange = given["upstream"][-1]["answers"][0]["exchange"]
            found[f"{path.parent.name}/{path.stem}"] = {**exchange, "response": _inline(exchange["response"])}
    return found


def _inline(response: Mapping[str, Any]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for member, value in response.items():
        kind = member.removesuffix("_file")
        if kind in {member, "media"}:
            parts[member] = value
            continue
        content = (FIXTURES / value).read_bytes()
        try:
            parts[kind] = jsonio.loads(content) if kind in {"json", "events"} else content.decode()
        except DecibillReferenceError:  # a case of a body that cannot be read
            parts[member] = value
    return parts


@cache
def readable() -> Mapping[str, UsageRecord]:
    """Return the record of every exchange of the corpus that is not refused."""
    records = {name: outcome(exchange) for name, exchange in exchanges().items()}
    return {name: each for name, each in records.items() if not isinstance(each, DecibillReferenceError)}


def outcome(exchange: Any) -> UsageRecord | DecibillReferenceError:
    """Return the record of an exchange or why it is refused."""
    try:
        return extract(exchange, root=FIXTURES)
    except DecibillReferenceError as error:
        return error
