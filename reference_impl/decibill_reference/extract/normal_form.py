"""Usage in normal form: in the words of the usage record, not of the provider (AUB-USE-6266).

Gateways and compatible servers answer so. Its token counts are read by `tokens` like details that stand at
the top; here is what tells such usage apart, and its seconds and characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decibill_reference.extract.draft import Draft
    from decibill_reference.extract.wire import WireObject

__all__ = ["is_normal_form", "read_normal_units"]

_SECONDS = ("audio_duration_seconds", "audio_seconds")
_TELLING = frozenset({"audio_input_tokens", "audio_output_tokens", "tts_characters", *_SECONDS})


def is_normal_form(usage: WireObject) -> bool:
    """Tell whether *usage* holds one of the names that no provider uses."""
    members = usage.members
    return not _TELLING.isdisjoint(members) and any(members.get(name) is not None for name in _TELLING)


def read_normal_units(usage: WireObject, draft: Draft) -> None:
    """State the seconds and characters that *usage*, which is in normal form, holds."""
    member = usage.first(_SECONDS)
    if member:
        draft.read_seconds("audio_duration_seconds", usage, member)
    if draft.read_count("tts_characters", usage, "tts_characters") is not None:
        draft.character_rule = "provider_count"
