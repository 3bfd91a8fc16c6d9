"""Usage as ElevenLabs states it: credits in a header, the length of what was transcribed in the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeGuard

__all__ = ["elevenlabs_usage"]

_CREDITS: Final = "character-cost"
_LENGTH: Final = "audio_duration_secs"


def elevenlabs_usage(found: Sequence[Any], headers: Mapping[str, str]) -> dict[str, tuple[str, Any]] | None:
    """Return the quantities that an answer of ElevenLabs states, each with its place; None for another's.

    Args:
        found: the documents of the answer; audio has none.
        headers: those of the answer, names in lower case.
    """
    stated: dict[str, tuple[str, Any]] = {}
    credits_ = headers.get(_CREDITS, "").strip()
    if credits_:  # an empty header says nothing
        stated["provider_credits"] = (f"header {_CREDITS}", credits_)
    for document in found:
        if _is_object(document):
            stated.update(_lengths(document))
    return stated or None


def _lengths(document: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """Return the length that is billed: the longest of a channel's own, else that of the whole."""
    transcripts = document.get("transcripts")
    own = [
        (f"/transcripts/{number}/{_LENGTH}", transcript[_LENGTH])
        for number, transcript in enumerate(transcripts if _is_list(transcripts) else ())
        if _is_object(transcript) and _is_number(transcript.get(_LENGTH))
    ]
    stated: dict[str, tuple[str, Any]] = {}
    if own:
        stated["audio_duration_seconds"] = max(own, key=lambda each: each[1])
    whole = document.get(_LENGTH)
    if whole is not None:
        stated["media_duration_seconds" if own else "audio_duration_seconds"] = (f"/{_LENGTH}", whole)
    return stated


def _is_number(value: Any) -> TypeGuard[int | Decimal]:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
