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
    billed = usage.decimal("seconds") if usage else None
    if usage and billed is not None:
        draft.state(_BILLABLE, billed, "provider_billed", usage.at("seconds"))
    _state_duration(answer, "duration", draft)
    if draft.stated(_BILLABLE) is None:
        read_measured_seconds(exchange, draft)


def read_stated_duration(answer: WireObject, usage: WireObject, draft: Draft) -> None:
    """State the duration that stands beside usage in tokens, as information (AUB-EXT-2d7d)."""
    _state_duration(answer, "duration", draft, _INFORMATION)
    if draft.stated(_INFORMATION) is None:
        _state_duration(usage, "seconds", draft, _INFORMATION)


def _state_duration(wire: WireObject, member: str, draft: Draft, quantity: str = _BILLABLE) -> None:
    """State *member* as *quantity*; what would be billable is information if that is known already."""
    seconds = wire.decimal(member)
    if seconds is not None:
        known = draft.stated(_BILLABLE) is not None
        draft.state(_INFORMATION if known else quantity, seconds, "provider_reported", wire.at(member))


def read_measured_seconds(exchange: Exchange, draft: Draft) -> None:
    """State the length of the upload as the billable duration, or that it is unknown."""
    media, pointer = _upload(exchange)
    seconds = exchange.media_seconds(media, pointer)
    if seconds is None:
        draft.unknown.add(_BILLABLE)
    else:
        draft.state(_BILLABLE, seconds, "media", pointer)


def _upload(exchange: Exchange) -> tuple[Mapping[str, Any], str]:
    """Return the media that the request carried: the form's file, or a body that is nothing but media."""
    upload: object = exchange.request_object().get("file")
    if isinstance(upload, Mapping):
        return cast("Mapping[str, Any]", upload), "/request/form/file"
    body: object = exchange.request.get("media")
    return cast("Mapping[str, Any]", body) if isinstance(body, Mapping) else {}, "/request/media"
