"""Azure AI Speech (spec/providers/azure.md): audio by its length, speech by its characters.

Transcription comes in three kinds, told apart by what they hold: fast and batch transcription state the
length of the file, in up to three units of which all are exact; recognition of short audio states only how
long somebody spoke, which is not what was sent. Speech is bare audio: its characters are counted in the
request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.exchange import header
from decibill_reference.extract.seconds import read_measured_seconds
from decibill_reference.extract.ssml import billed_characters
from decibill_reference.extract.wire import WireObject
from decibill_reference.numbers import CONTEXT

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.draft import Draft, Reader

__all__ = ["OPERATIONS"]

_SECONDS = "audio_duration_seconds"
_TICK = Decimal("1e-7")
_MILLISECOND = Decimal("1e-3")
_LENGTHS: Mapping[str, Decimal] = {
    "durationInTicks": _TICK,
    "durationMilliseconds": _MILLISECOND,
    "duration": _MILLISECOND,  # of 2024-05-15-preview; a batch has text there
}
"""The members that state a length, the finest first, and the seconds of their unit."""

_ISO = re.compile(
    r"P(?:(?P<days>\d{1,9})D)?(?=T|$)"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,30})?)S)?)?"
)
_ISO_UNITS: Mapping[str, int] = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
_PHRASES = ("combinedPhrases", "phrases", "combinedRecognizedPhrases", "recognizedPhrases")
_RECOGNITION = "RecognitionStatus"
_ASSESSMENT = "pronunciation-assessment"
_UPLOAD = "audio"


def _read_transcription(exchange: Exchange, draft: Draft) -> None:
    """Read a transcript, a batch job, or what was recognised of short audio."""
    body = exchange.body()
    if body.kind != "json":
        raise DecibillReferenceError("malformed_body", body.pointer, "Azure AI Speech answers in JSON")
    answer = WireObject(body.value, body.pointer)
    job = answer.child("properties")
    recognised = _RECOGNITION in answer.members
    if recognised or not _read_length(job or answer, draft):
        read_measured_seconds(exchange, draft, _UPLOAD)
    if recognised and header(exchange.request, _ASSESSMENT):
        draft.features = ("pronunciation_assessment",)
    channels = _channels(answer, job)
    if channels:
        draft.state("audio_channels", channels, "provider_reported")


def _read_length(told: WireObject, draft: Draft) -> bool:
    """State the length of the file if *told* has it; its phrases have members of the same names."""
    for member, unit in _LENGTHS.items():
        value: object = told.members.get(member)
        if value is None:
            continue
        if isinstance(value, str) and value.startswith("P"):
            seconds = _iso_seconds(value, told.at(member))
        else:
            number = told.decimal(member)
            assert number is not None  # the member is there
            seconds = CONTEXT.multiply(number, unit).normalize(CONTEXT)
        draft.state(_SECONDS, seconds, "provider_reported")
        return True
    return False


def _iso_seconds(text: str, pointer: str) -> Decimal:
    """Return the seconds of a length in ISO 8601, such as `PT1M2.58S`; months and years have none."""
    found = _ISO.fullmatch(text)
    if found is None or not any(found.groups()):
        raise DecibillReferenceError(
            "invalid_number", pointer, f"{text[:60]!r} is not a length in days, hours, minutes and seconds"
        )
    seconds = Decimal(0)
    for unit, value in found.groupdict().items():
        if value:
            seconds = CONTEXT.add(seconds, CONTEXT.multiply(Decimal(value), Decimal(_ISO_UNITS[unit])))
    return seconds.normalize(CONTEXT)


def _channels(answer: WireObject, job: WireObject | None) -> int:
    """Return how many channels are named, 0 where none is."""
    if job:
        named: object = job.members.get("channels")
        return len(set(map(repr, cast("list[object]", named)))) if isinstance(named, list) else 0
    return len(
        {
            repr(item["channel"])
            for member in _PHRASES
            for item in _objects(answer.members.get(member))
            if item.get("channel") is not None
        }
    )


def _objects(value: object) -> list[Mapping[str, object]]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, object]", item) for item in items if isinstance(item, Mapping)]


def _read_speech(exchange: Exchange, draft: Draft) -> None:
    """Count the characters of the text or SSML that was sent to be spoken."""
    body = exchange.body()
    if body.kind != "media":
        raise DecibillReferenceError("malformed_body", body.pointer, "Azure AI Speech answers in audio")
    text = exchange.request_text()
    if text is None:
        draft.unknown.add("tts_characters")
    else:
        draft.state("tts_characters", billed_characters(text), "request")
        draft.character_rule = "azure_ssml"


OPERATIONS: Mapping[str, Reader] = {"transcription": _read_transcription, "speech": _read_speech}
