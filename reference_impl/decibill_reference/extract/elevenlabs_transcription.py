"""Transcription by ElevenLabs: three meters in one answer, several channels, options that cost extra.

The answer states the length of the audio, its headers credits and money. Which of them is billed is the
price's choice, so all are stated. Each channel is billed at the full length: the length of the file and the
number of channels are two quantities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from decibill_reference import jsonio
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract.elevenlabs_meter import CREDITS, read_headers
from decibill_reference.extract.elevenlabs_webhook import told
from decibill_reference.extract.seconds import read_measured_seconds

if TYPE_CHECKING:
    from decimal import Decimal

    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.draft import Draft
    from decibill_reference.extract.wire import WireObject

__all__ = ["read_transcription"]

_SECONDS = "audio_duration_seconds"
_LENGTH = "audio_duration_secs"
_CHANNEL = "channel_index"
_MOST_CHANNELS = 5
_MOST_TERMS = 100
_OPTIONS: Mapping[str, tuple[str, str | None]] = {
    "entity_detection": ("entity_detection", "entities"),
    "entity_redaction": ("entity_redaction", None),
    "detect_speaker_roles": ("speaker_roles", None),
    "transcript_edit": ("transcript_edit", "edited_transcript"),
}
"""The members of a request that cost extra: the feature, and what the answer then holds."""


def read_transcription(exchange: Exchange, draft: Draft) -> None:
    """Read a transcript, of one channel or several, as it was answered or as it was delivered later.

    Raises:
        DecibillReferenceError: `malformed_body`, `invalid_number` or `negative_quantity`.
    """
    answer = told(exchange, "data", "transcription")
    _read_length(exchange, answer, draft)
    read_headers(exchange, draft)
    if draft.stated(CREDITS) is not None:  # the other meter suffices
        draft.unknown.clear()
    draft.features = _features(exchange, answer)


def _read_length(exchange: Exchange, answer: WireObject, draft: Draft) -> None:
    """State how long the audio is and how many channels it has, as far as the answer says.

    Transcripts of single channels have lengths of their own. The length above them, and that of an answer
    which mixes the channels, is "across all channels": it is taken as the length of the file.
    """
    transcripts = answer.items("transcripts")
    above = answer.decimal(_LENGTH)
    channels = _channels([item.members for item in transcripts] or _objects(answer.members.get("words")))
    if channels:
        draft.state("audio_channels", min(channels, _MOST_CHANNELS), "provider_reported")
    lengths: list[Decimal] = []
    for transcript in transcripts:
        length = transcript.decimal(_LENGTH)
        if length is not None:
            lengths.append(length)
    if lengths:
        draft.state(_SECONDS, max(lengths), "provider_reported")
        if above is not None:
            draft.state("media_duration_seconds", above, "provider_reported")
    elif above is not None:
        draft.state(_SECONDS, above, "assumed" if transcripts or channels else "provider_reported")
    else:
        read_measured_seconds(exchange, draft)


def _channels(items: Sequence[Mapping[str, Any]]) -> int:
    """Return how many channels *items* name, 0 where none does."""
    return len({repr(item[_CHANNEL]) for item in items if item.get(_CHANNEL) is not None})


def _objects(value: object) -> list[Mapping[str, Any]]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, Any]", item) for item in items if isinstance(item, Mapping)]


def _features(exchange: Exchange, answer: WireObject) -> tuple[str, ...]:
    """Return the options that cost extra. An answer shows only some of them."""
    request = exchange.request_object()
    terms = len(_listed(request.get("keyterms")))
    named = [] if not terms else ["many_keyterms"] if terms > _MOST_TERMS else ["keyterms"]
    for member, (feature, echo) in _OPTIONS.items():
        if _is_asked(request.get(member)) or (echo and answer.members.get(echo) is not None):
            named.append(feature)
    return tuple(sorted(named))


def _listed(value: object) -> list[object]:
    """Return the terms in a field of a form: repeated, one, or several as a JSON array."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = jsonio.loads(value, "")
        except DecibillReferenceError:  # then it is a term that begins with a bracket
            return [value]
    if isinstance(value, list):
        return [term for term in cast("list[object]", value) if term]
    return [value] if value else []


def _is_asked(value: object) -> bool:
    """Tell whether a field of a form asks for something; a repeated one does if one of its values does."""
    return any(
        not isinstance(word, str) or word.strip().lower() not in {"", "false", "null"}
        for word in _listed(value)
    )
