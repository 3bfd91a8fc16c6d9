"""Declarations with a price list, for the tests of reading and writing one."""

from __future__ import annotations

from typing import Any

from decibill import jsonio
from decibill.declaration import Declaration
from decibill.declaration_read import load, parse
from decibill.pricemap import Carried
from decibill.pricemap_read import ReadOptions, read_book

__all__ = ["CONDUIT", "LITELLM", "book", "entry", "gateway", "lost", "read"]

_REST: dict[str, Any] = {
    "format": 1,
    "gateway": {
        "id": "mine",
        "name": "Mine",
        "version": "1",
        "url": "http://127.0.0.1:4000",
        "dialects": ["openai"],
    },
    "features": {"operations": ["chat"]},
    "model": {"name": "{case.model}"},
    "upstream": {"how": "manual", "select": "armed", "base": {"openai": "{upstream}/v1"}},
    "names": {"operation": {"transcription": "audio_transcription", "speech": "audio_speech"}},
    "routes": {"openai": {"chat": "/v1/chat/completions"}},
}


def gateway(prices: dict[str, Any], **tables: Any) -> Declaration:
    """Return a small declaration with the table *prices*."""
    return parse({**_REST, "prices": prices, **tables}, "mine.toml")


LITELLM = load("litellm")
CONDUIT = load("conduit")


def read(text: str, declaration: Declaration = LITELLM, **options: Any) -> Carried:
    """Return what the price list in the JSON *text* comes to."""
    given: dict[str, Any] = {"file": "map.json", "read": "2026-11-21", "since": "2026-11-21", **options}
    return read_book(jsonio.loads(text, "map.json"), declaration, ReadOptions(**given))


def entry(pricing_model: str, rates: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return an entry of a price book; a rate is an amount and its per, or the whole rate."""
    return {
        "id": members.pop("id", "e"),
        "provider": "openai",
        "models": ["m"],
        "from": "2026-01-01",
        "pricing_model": pricing_model,
        "rates": {
            name: {"amount": rate[0], "per": rate[1]} if isinstance(rate, tuple) else rate
            for name, rate in rates.items()
        },
        "source": {"url": "urn:decibill:constructed:test", "read": "2026-11-21"},
        **members,
    }


def book(*entries: dict[str, Any]) -> dict[str, Any]:
    """Return a price book; every entry gets an id of its own."""
    numbered = [{**one, "id": f"{one['id']}-{n}"} for n, one in enumerate(entries)]
    return {"currency": "USD", "entries": numbered}


def lost(carried: Carried) -> list[tuple[str, str]]:
    """Return place and reason of what was not carried over."""
    return [(item.pointer, item.reason) for item in carried.not_carried]
