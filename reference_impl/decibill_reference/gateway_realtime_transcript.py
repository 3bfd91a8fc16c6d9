"""What metering needs of a session, in memory that does not grow with its audio.

Frames pass through as they come. Of the provider's frames those are kept that say something of usage,
without the text and audio in them; the client's frames say nothing of it. A place in a refusal or in
``unread`` counts the frames that are kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

from decibill_reference import jsonio
from decibill_reference.errors import DecibillReferenceError

__all__ = ["GeminiTranscript", "OpenAITranscript", "Transcript"]

_MOST_KEPT: Final = 64 * 1024 * 1024

Json: TypeAlias = dict[str, Any]
Outline: TypeAlias = Mapping[str, "Outline | None"]
"""The members of an object that are kept: whole (None), or by an outline of their own."""


class Transcript(ABC):
    """The frames of a session that say something about its usage."""

    marks: tuple[bytes, ...] = ()
    """A frame without any of these is not read: looking for them is many times faster."""

    def __init__(self) -> None:
        self._events: list[Json] = []
        self._size = 0
        self.fault: DecibillReferenceError | None = None
        """Why the session cannot be metered: a frame that cannot be read, or could be read in two ways."""

    @property
    def is_full(self) -> bool:
        """Whether no more can be kept, so that the session has to end."""
        return self._size > _MOST_KEPT

    def take(self, frame: str | bytes) -> None:
        """Keep what matters of a frame of the provider."""
        content = frame.encode("utf-8", "surrogatepass") if isinstance(frame, str) else frame
        if self.fault or not any(mark in content for mark in self.marks):
            return
        try:
            value = jsonio.loads(content, f"/response/events/{len(self._events)}/frame")
        except DecibillReferenceError as error:
            self.fault = error
            return
        kept = self.kept(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else None
        if kept is not None:
            self._events.append({"from": "server", "frame": kept})
            self._size += len(str(kept))

    @abstractmethod
    def kept(self, frame: Mapping[str, Any]) -> Json | None:
        """Return what matters of a frame, or None where nothing does."""
        ...

    def events(self) -> list[Json]:
        """Return the transcript as the response of an exchange has it."""
        return self._events


_SESSION: Final[Outline] = {
    "type": None,
    "audio": {"input": {"transcription": None}},
    "input_audio_transcription": None,
}
_PART: Final[Outline] = {"item_id": None, "content_index": None}
_WORK: Final[Outline] = {"id": None, "model": None, "usage": None}
_OUTLINES: Final[Mapping[str, Outline]] = {
    "session.created": {"session": _SESSION},
    "session.updated": {"session": _SESSION},
    "transcription_session.created": {"session": _SESSION},
    "transcription_session.updated": {"session": _SESSION},
    "response.created": {"response": {"id": None}},
    "response.done": {"response": _WORK},
    "conversation.item.input_audio_transcription.delta": _PART,
    "conversation.item.input_audio_transcription.failed": _PART,
    "conversation.item.input_audio_transcription.completed": {**_PART, "usage": None, "duration": None},
    "session.usage.updated": {"usage": None},
    "session.closed": {"usage": None},
    "response.event": {"event": {"type": None, "response": _WORK}},
}
_COUNTER: Final = "session.usage.updated"
_PIECE: Final = "conversation.item.input_audio_transcription.delta"


class OpenAITranscript(Transcript):
    """A session of OpenAI or Azure: few kinds of event say anything of usage."""

    marks = tuple(f'{word}"'.encode() for word in _OUTLINES)

    def __init__(self) -> None:
        super().__init__()
        self._begun: set[str] = set()

    def kept(self, frame: Mapping[str, Any]) -> Json | None:
        """Return the event without what was said in it."""
        word: object = frame.get("type")
        outline = _OUTLINES.get(word) if isinstance(word, str) else None
        if outline is None:
            return None
        kept = _traced(frame, {"type": None, **outline})
        if word == _PIECE:  # the first says that the transcription of a part has begun, the others nothing
            if repr(kept) in self._begun:
                return None
            self._begun.add(repr(kept))
        if word == _COUNTER and _counts(kept):
            # A counter that goes on: its last value says what those before it said.
            self._events = [event for event in self._events if event["frame"]["type"] != _COUNTER]
        return kept


def _counts(event: Json) -> bool:
    usage: object = event.get("usage")
    return isinstance(usage, Mapping) and cast("Mapping[str, Any]", usage).get("seconds") is not None


_USAGE: Final = ("usageMetadata", "usage_metadata")
_TURN: Final = ("modelTurn", "model_turn")
_SPOKEN: Final = ("outputTranscription", "output_transcription")
_TOOL_CALL: Final = ("toolCall", "tool_call")
_CONTENT: Final = ("serverContent", "server_content")
_COMPLETE: Final = ("turnComplete", "turn_complete")


class GeminiTranscript(Transcript):
    """A session of the Live API: usage, and whether anything was said before it."""

    marks = tuple(
        f'"{word}"'.encode() for words in (_USAGE, _TURN, _SPOKEN, _TOOL_CALL, _COMPLETE) for word in words
    )

    def __init__(self) -> None:
        super().__init__()
        self._since_usage: list[Json] = []

    def kept(self, frame: Mapping[str, Any]) -> Json | None:
        """Return the frame without what was said in it, unless one since the last usage says the same."""
        kept = {name: frame[name] for name in _USAGE if frame.get(name) is not None}
        has_usage = bool(kept)
        kept |= {name: {"functionCalls": []} for name in _TOOL_CALL if frame.get(name)}
        kept |= {
            name: _said(cast("Mapping[str, Any]", frame[name]))
            for name in _CONTENT
            if isinstance(frame.get(name), Mapping)
        }
        if has_usage:
            self._since_usage = []
        elif kept in self._since_usage:
            return None
        else:
            self._since_usage.append(kept)
        return kept


def _said(content: Mapping[str, Any]) -> Json:
    """Return of a turn whether it is complete, whether text was spoken, and the kinds of its parts."""
    kept: Json = {name: content[name] for name in _COMPLETE if name in content}
    for name in _SPOKEN:
        if isinstance(content.get(name), Mapping):
            kept[name] = {"text": "…" if content[name].get("text") else ""}
    for name in _TURN:
        parts: object = content[name].get("parts") if isinstance(content.get(name), Mapping) else None
        if isinstance(parts, list):
            found = [_part(part) for part in cast("list[object]", parts)]
            kept[name] = {"parts": [part for part in ({}, {"thought": True}) if part in found]}
    return kept


def _part(part: object) -> Json | None:
    if not isinstance(part, Mapping):
        return None
    return {"thought": True} if cast("Mapping[str, object]", part).get("thought") else {}


def _traced(value: Mapping[str, Any], outline: Outline) -> Json:
    """Return the members of an object that an outline has."""
    kept: Json = {}
    for name, inner in outline.items():
        if name in value:
            member: object = value[name]
            if inner is not None and isinstance(member, Mapping):
                member = _traced(cast("Mapping[str, Any]", member), inner)
            kept[name] = member
    return kept
