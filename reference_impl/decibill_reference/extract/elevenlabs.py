"""ElevenLabs (spec/providers/elevenlabs.md): what a call cost stands in its headers, in credits.

Audio, aligned audio and streams carry no usage, and none of them is opened. Beside the credits stands what a
price by the character or by the second needs: the characters of the request, and the length of what was sent
or asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.exchange import is_json_type, media_type
from decibill_reference.extract.characters import count_characters
from decibill_reference.extract.elevenlabs_agent import read_agent_call
from decibill_reference.extract.elevenlabs_meter import CREDITS, read_headers
from decibill_reference.extract.elevenlabs_transcription import read_transcription
from decibill_reference.extract.seconds import read_measured_seconds
from decibill_reference.extract.wire import WireObject
from decibill_reference.numbers import CONTEXT, read_decimal

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.draft import Draft, Reader

__all__ = ["OPERATIONS"]

_SECONDS = "audio_duration_seconds"
_UPLOAD = "audio"
_STREAM = "text/event-stream"
_LENGTHS: Mapping[str, Decimal] = {"duration_seconds": Decimal(1), "music_length_ms": Decimal("0.001")}
"""The members of a request that ask for a length of sound, and the seconds of their unit."""

_BEFORE, _AFTER = "character_count_change_from", "character_count_change_to"


def _read_speech(exchange: Exchange, draft: Draft) -> None:
    """Read speech from one text or from the turns of a dialogue, or the account's record of it."""
    answer = _answer(exchange)
    item = _history_item(answer) if answer else None
    if item:
        _read_history_item(item, draft)
        return
    request = exchange.request_object()
    turns: object = request.get("inputs")
    if isinstance(turns, list):
        said = [
            cast("Mapping[str, object]", turn).get("text") if isinstance(turn, Mapping) else None
            for turn in cast("list[object]", turns)
        ]
    else:
        said = [request.get("text")]
    count_characters(said, draft)
    _read_meter(exchange, draft)


def _history_item(answer: WireObject) -> WireObject | None:
    """Return the item of the account's history that *answer* is, or that it is a page of."""
    items = answer.items("history")
    if len(items) > 1:
        problem = f"this page of the history tells of {len(items)} calls; give one of them"
        raise DecibillReferenceError("malformed_body", answer.at("history"), problem)
    item = items[0] if items else answer
    return item if items or _BEFORE in item.members or _AFTER in item.members else None


def _read_history_item(item: WireObject, draft: Draft) -> None:
    """State by how much the account's counter, which counts credits, had moved when the item was made."""
    before, after = item.count(_BEFORE), item.count(_AFTER)
    if before is None or after is None:
        draft.unknown.add(CREDITS)
    elif after < before:
        problem = f"the counter moved from {before} back to {after}; usage is never less than zero"
        raise DecibillReferenceError("negative_quantity", item.at(_AFTER), problem)
    else:
        draft.state(CREDITS, Decimal(after - before), "derived")


def _read_voice_conversion(exchange: Exchange, draft: Draft) -> None:
    """Read speech that was made from speech, which is as long as the upload."""
    _answer(exchange)
    read_measured_seconds(exchange, draft, _UPLOAD)
    _read_meter(exchange, draft)


def _read_sound(exchange: Exchange, draft: Draft) -> None:
    """Read sound or music; how long it is, is known only where a length was asked for."""
    _answer(exchange)
    request = exchange.request_object()
    member = next((name for name in _LENGTHS if request.get(name) is not None), None)
    if member is None:
        draft.unknown.add(_SECONDS)
    else:
        length = read_decimal(request[member], f"/request/json/{member}")
        draft.state(_SECONDS, CONTEXT.multiply(length, _LENGTHS[member]).normalize(CONTEXT), "request")
    _read_meter(exchange, draft)


def _read_meter(exchange: Exchange, draft: Draft) -> None:
    """Read the headers, which are the meter.

    Nothing is unknown where they are there. Where they are not the credits are, whatever else can be counted.
    """
    read_headers(exchange, draft)
    if draft.stated(CREDITS) is None:
        draft.unknown.add(CREDITS)
    else:
        draft.unknown.clear()


def _answer(exchange: Exchange) -> WireObject | None:
    """Return the object that is the answer; audio and streams are none, and stay as they are.

    A stream with timestamps says that it is one of events and is one of lines of JSON.
    """
    kind = exchange.kind()
    content_type = media_type(exchange.response)
    if kind == "json" or (kind in {"text", "sse"} and is_json_type(content_type)):
        body = exchange.body()
        return WireObject(body.value, body.pointer)
    is_text = content_type.startswith("text/") and content_type != _STREAM
    if kind == "events" or is_text or is_json_type(content_type):
        problem = f"the provider answers in audio, JSON or a stream, not {content_type or kind}"
        raise DecibillReferenceError("malformed_body", f"/response/{kind}", problem)
    return None


OPERATIONS: Mapping[str, Reader] = {
    "speech": _read_speech,
    "transcription": read_transcription,
    "voice_conversion": _read_voice_conversion,
    "sound_generation": _read_sound,
    "agent_call": read_agent_call,
}
