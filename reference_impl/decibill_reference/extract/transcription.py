"""Transcriptions and translations: usage in tokens or in seconds, or none at all.

An answer is a JSON object, a stream that ends in `transcript.text.done`, or bare text and subtitles, which
carry no usage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.exchange import media_type
from decibill_reference.extract.normal_form import is_normal_form, read_normal_units
from decibill_reference.extract.seconds import read_measured_seconds, read_seconds, read_stated_duration
from decibill_reference.extract.service_tier import read_service_tier
from decibill_reference.extract.stream import final_event
from decibill_reference.extract.tokens import TRANSCRIPTION, has_tokens, read_tokens
from decibill_reference.extract.wire import WireObject

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.draft import Draft

__all__ = ["read_transcript", "read_transcription", "read_translation"]

_FINAL_EVENT = "transcript.text.done"
_TEXT_TYPES = frozenset({"", "text/plain", "text/vtt", "text/srt", "application/x-subrip"})
"""Of transcripts and subtitles. Any other text, such as a proxy's page, is no answer (AUB-EXT-d9f0)."""


def read_transcription(exchange: Exchange, draft: Draft) -> None:
    """Read the answer of a transcription, in any response format and streamed or not."""
    _read(exchange, draft, has_type=True)


def read_translation(exchange: Exchange, draft: Draft) -> None:
    """Read the answer of a translation: no usage, but a verbose answer states the duration (AUB-OAI-2e2e).

    If usage is there all the same, from whoever sits in between, it is read like that of a transcription.
    """
    _read(exchange, draft, has_type=False)


def _read(exchange: Exchange, draft: Draft, *, has_type: bool) -> None:
    body = exchange.body()
    answer: WireObject | None = None
    if body.kind == "json":
        answer = WireObject(body.value, body.pointer)
        read_transcript(exchange, answer, draft, has_type=has_type)
    elif body.kind == "sse":
        answer = final_event(body, _FINAL_EVENT)
        if answer is None or answer.members.get("usage") is None:
            draft.flags.add("stream_incomplete")
            draft.unknown.update(("input_tokens", "output_tokens"))
        else:
            read_transcript(exchange, answer, draft, has_type=has_type)
    elif body.kind == "text" and media_type(exchange.response) in _TEXT_TYPES:
        read_measured_seconds(exchange, draft)
    else:
        raise DecibillReferenceError(
            "malformed_body", body.pointer, "a transcription is JSON, text or a stream"
        )
    read_service_tier(exchange, answer.text("service_tier") if answer else None, draft)


def read_transcript(exchange: Exchange, answer: WireObject, draft: Draft, *, has_type: bool = True) -> None:
    """Read the object that a finished transcription is told in: an answer, or an event with the same usage.

    Args:
        exchange: the exchange, whose upload is measured where the object does not say how much was used.
        answer: the object that can hold `usage`, and `duration` beside it.
        draft: the record that is being made.
        has_type: whether usage is sent with a type, so that one without it is remarkable.

    Raises:
        DecibillReferenceError: `invalid_number`, `negative_quantity` or `malformed_body`.
    """
    usage = answer.child("usage")
    if usage is None:
        read_seconds(exchange, answer, None, draft)
        return
    normal_form = is_normal_form(usage)
    unit = usage.text("type")
    if normal_form and unit != "tokens":
        read_normal_units(usage, draft)
    if unit not in {"tokens", "duration"}:
        if has_type and not normal_form:
            draft.flags.add("usage_type_missing")
        unit = "tokens" if has_tokens(usage) else "duration"  # AUB-EXT-28aa
    if unit == "tokens":  # whatever durations stand beside it (AUB-EXT-6f40)
        read_tokens(usage, TRANSCRIPTION, draft, normal_form=normal_form)
        if "duration" in answer.members or "seconds" in usage.members:
            read_stated_duration(answer, usage, draft)
    else:
        read_seconds(exchange, answer, usage, draft)
    draft.unread.extend(usage.unread())
