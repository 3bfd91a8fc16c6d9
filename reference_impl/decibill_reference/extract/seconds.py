"""The duration of audio that was sent: which of several is billed, and which is information.

The first source that has it decides (AUB-EXT-54ad, AUB-EXT-280a, AUB-EXT-b542). The end of the last word,
segment or cue is not a source (AUB-EXT-f95b): speech that ends before the audio does is still audio.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.draft import Draft
    from decibill_reference.extract.wire import WireObject

__all__ = ["read_measured_seconds", "read_seconds", "read_stated_duration"]

_BILLABLE = "audio_duration_seconds"
_INFORMATION = "media_duration_seconds"


def read_seconds(exchange: Exchange, answer: WireObject, usage: WireObject | None, draft: Draft) -> None:
    """State the billable duration of an answer whose usage, if it has any, is not in tokens."""
    if usage:
        draft.read_seconds(_BILLABLE, usage, "seconds", "provider_billed")
    known = draft.stated(_BILLABLE) is not None
    stated = draft.read_seconds(_INFORMATION if known else _BILLABLE, answer, "duration")
    if not known and stated is None:
        read_measured_seconds(exchange, draft)


def read_stated_duration(answer: WireObject, usage: WireObject, draft: Draft) -> None:
    """State the duration that stands beside usage in tokens, as information (AUB-EXT-2d7d)."""
    if draft.read_seconds(_INFORMATION, answer, "duration") is None:
        draft.read_seconds(_INFORMATION, usage, "seconds")


def read_measured_seconds(exchange: Exchange, draft: Draft, member: str = "file") -> None:
    """State the length of the upload as the billable duration, or that it is unknown.

    Args:
        exchange: the exchange.
        draft: the record that is being made.
        member: the member of a form that holds the upload.
    """
    media, pointer = _upload(exchange, member)
    seconds = exchange.media_seconds(media, pointer)
    if seconds is None:
        draft.unknown.add(_BILLABLE)
    else:
        draft.state(_BILLABLE, seconds, "media")


def _upload(exchange: Exchange, member: str) -> tuple[Mapping[str, Any], str]:
    """Return the media that the request carried: the form's file, or a body that is nothing but media."""
    upload: object = exchange.request_object().get(member)
    if isinstance(upload, Mapping):
        return cast("Mapping[str, Any]", upload), f"/request/form/{member}"
    body: object = exchange.request.get("media")
    return cast("Mapping[str, Any]", body) if isinstance(body, Mapping) else {}, "/request/media"
