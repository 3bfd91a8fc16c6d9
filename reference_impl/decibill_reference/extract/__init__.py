"""Extraction: from an exchange to a usage record.

`extract` finds the module of the provider's surface, which holds one reader an operation; what readers of
several providers share stands in modules named after the idea (`tokens`, `seconds`, `characters`, `chat`, …).
A new provider is a new module and one line in `SURFACES`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.exchange import Exchange
from decibill_reference.extract import azure, azure_speech, elevenlabs, gemini, openai
from decibill_reference.extract.draft import Draft
from decibill_reference.extract.service_tier import read_service_tier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from decibill_reference.extract.draft import Reader
    from decibill_reference.usage import UsageRecord

__all__ = ["SURFACES", "extract"]

SURFACES: Mapping[tuple[str, str], Mapping[str, Reader]] = {
    ("openai", "api"): openai.OPERATIONS,
    ("azure", "azure_openai"): azure.OPERATIONS,
    ("azure", "azure_speech"): azure_speech.OPERATIONS,
    ("azure", "voice_live"): azure.VOICE_LIVE,
    ("elevenlabs", "api"): elevenlabs.OPERATIONS,
    ("gemini", "ai_studio"): gemini.OPERATIONS,
    ("gemini", "vertex"): gemini.OPERATIONS,
}
"""The reader of every operation of every surface of a provider that can be read."""


def extract(exchange: object, *, root: Path | None = None) -> UsageRecord:
    """Return what *exchange* used.

    Args:
        exchange: an exchange as JSON data (data model, section 1).
        root: the directory below which its `*_file` members stand; nothing else is ever read.

    Raises:
        DecibillReferenceError: the exchange is refused (data model, section 6); `code` and `pointer` say why
            and where.
    """
    opened = Exchange.open(exchange, root)
    readers = SURFACES.get((opened.provider, opened.surface))
    read = readers.get(opened.operation) if readers else None
    if read is None:
        raise _unsupported(opened)
    draft = Draft()
    if opened.status >= 400:  # whatever its body says: an error is not billed (AUB-EXT-d1ab)
        draft.flags.add("error_response")
        read_service_tier(opened, None, draft)
    else:
        read(opened, draft)
    return draft.finish(opened)


def _unsupported(exchange: Exchange) -> DecibillReferenceError:
    """Return the refusal of an exchange that no reader knows."""
    readers = SURFACES.get((exchange.provider, exchange.surface))
    if readers is not None:
        return DecibillReferenceError(
            "unsupported_exchange",
            "/operation",
            f"{exchange.operation} of {exchange.provider} is not read, only {', '.join(sorted(readers))}",
        )
    known_provider = any(provider == exchange.provider for provider, _ in SURFACES)
    return DecibillReferenceError(
        "unsupported_exchange",
        "/surface" if known_provider else "/provider",
        f"nothing is known of {exchange.provider} by its surface {exchange.surface}; known are "
        + ", ".join(f"{provider} {surface}" for provider, surface in sorted(SURFACES)),
    )
