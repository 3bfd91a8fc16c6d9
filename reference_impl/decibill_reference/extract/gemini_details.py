"""One `usageMetadata`: its tokens, the tier that it names, and what Vertex says beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.extract.gemini_names import BILLABLE, METADATA
from decibill_reference.extract.gemini_tokens import read_gemini_tokens

if TYPE_CHECKING:
    from decibill_reference.extract.draft import Draft
    from decibill_reference.extract.gemini_tokens import Meaning
    from decibill_reference.extract.wire import WireObject

__all__ = ["read_metadata"]

_TIERS = ("serviceTier", "service_tier", "trafficType", "traffic_type")
_SECONDS = ("audioDurationSeconds", "audio_duration_seconds")


def read_metadata(usage: WireObject, meaning: Meaning, draft: Draft) -> str | None:
    """State what *usage* counts, and return the word for its tier, if it has one."""
    is_plain = read_gemini_tokens(usage, METADATA, meaning, draft)
    if not is_plain or METADATA.read_apart in usage.members:
        _read_billable(usage, draft)
    if not is_plain:
        draft.unread.extend(usage.unread())
    for member in _TIERS:
        word: object = usage.members.get(member)
        if word and isinstance(word, str) and not word.endswith("UNSPECIFIED"):
            return word
    return None


def _read_billable(usage: WireObject, draft: Draft) -> None:
    """Read Vertex's account of the prompt; its seconds are information, since tokens are billed."""
    member = usage.first(BILLABLE)
    billable = usage.child(member) if member else None
    if billable is None:
        return
    seconds = billable.first(_SECONDS)
    if seconds:
        draft.read_seconds("media_duration_seconds", billable, seconds)
    for member in billable.members:
        billable.skip(member)
