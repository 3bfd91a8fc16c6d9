"""Small price books and usage records from which the tests of charges are put together."""

from __future__ import annotations

from typing import Any

from decibill_reference.charge import rate
from decibill_reference.prices import PriceBook
from decibill_reference.usage import UsageRecord

__all__ = ["AT", "AUDIO_CHAT", "MILLION", "book", "entry", "gaps", "lines", "priced", "usage"]

AT = "2025-06-01T00:00:00Z"
MILLION = "1000000"

AUDIO_CHAT = {
    "text_input_tokens": "2.5",
    "audio_input_tokens": "32",
    "text_output_tokens": "10",
    "audio_output_tokens": "64",
}


def entry(rates: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return an entry; a rate that is a text is its amount per million."""
    family = {
        "audio_duration_seconds": "audio_per_minute",
        "tts_characters": "audio_per_character",
        "provider_credits": "audio_per_credit",
        "requests": "per_request",
    }
    return {
        "id": "e",
        "provider": "openai",
        "models": ["m"],
        "from": "2023-01-01",
        "pricing_model": family.get(next(iter(rates)), "audio_token_based"),
        "rates": {
            key: {"amount": found, "per": MILLION} if isinstance(found, str) else found
            for key, found in rates.items()
        },
        "source": {"url": "urn:decibill:constructed:test", "read": "2026-11-21"},
        **changes,
    }


def book(*entries: dict[str, Any]) -> PriceBook:
    return PriceBook.from_json({"currency": "USD", "entries": list(entries)})


def usage(quantities: dict[str, Any], unknown: tuple[str, ...] = (), **changes: Any) -> UsageRecord:
    """Return a record whose quantities the provider reported, unless *basis* says otherwise."""
    basis: str | dict[str, str] = changes.pop("basis", "provider_reported")
    return UsageRecord.from_json(
        {
            "provider": "openai",
            "surface": "api",
            "operation": "chat",
            "model": "m",
            "at": AT,
            "quantities": quantities,
            "basis": dict.fromkeys(quantities, basis) if isinstance(basis, str) else basis,
            "unknown": list(unknown),
            "flags": [],
            **changes,
        }
    )


def priced(rates: dict[str, Any], quantities: dict[str, Any], **changes: Any) -> dict[str, Any]:
    entry_changes = changes.pop("entry", {})
    return rate(usage(quantities, **changes), book(entry(rates, **entry_changes))).to_json()


def lines(charge: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(line["quantity"], line["billed"], line["subtotal"]) for line in charge["lines"]]


def gaps(charge: dict[str, Any]) -> list[tuple[str | None, str | None, str]]:
    return [(gap.get("quantity"), gap.get("measured"), gap["reason"]) for gap in charge["unpriced"]]
