"""One `usageMetadata`: its tokens, the tier that it names, and what Vertex says beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.extract.gemini_tokens import METADATA, read_gemini_tokens

if TYPE_CHECKING:
    from decibill_reference.extract.draft import Draft
    from decibill_reference.extract.gemini_tokens import Meaning
    from decibill_reference.extract.wire import WireObject

__all__ = ["read_metadata"]

_TIERS = ("serviceTier", "service_tier", "trafficType", "traffic_type")
_BILLABLE = ("billablePromptUsage", "billable_prompt_usage")
_SECONDS = ("audioDurationSeconds", "audio_duration_seconds")


def read_metadata(usage: WireObject, meaning: Meaning, draft: Draft) -> str | None:
    """State what *usage* counts, and return the word for its tier, if it has one."""
    read_gemini_tokens(usage, METADATA, meaning, draft)
    _read_billable(usage, draft)
    draft.unread.extend(usage.unread())
    words = (usage.text(member) for member in _TIERS)
    return next((word for word in words if word and not word.endswith("UNSPECIFIED")), None)


def _read_billable(usage: WireObject, draft: Draft) -> None:
    """Read Vertex's account of the prompt; its seconds are information, since tokens are billed."""
    member = usage.first(_BILLABLE)
    billable = usage.child(member) if member else None
    if billable is None:
        return
    seconds = billable.first(_SECONDS)
    if seconds:
        draft.read_seconds("media_duration_seconds", billable, seconds)
    for member in billable.members:
        billable.skip(member)
