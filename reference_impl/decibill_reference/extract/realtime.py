"""Realtime sessions of OpenAI, on Azure and on Voice Live too, in the words of the beta and of today.

A session is the sum of its responses. Its input is transcribed by a second model, which the events of a
transcription do not name: it is the one that the session was set to last. Live and translation sessions run
by the clock and are read by `live`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.extract.chat import read_usage
from decibill_reference.extract.draft import Draft
from decibill_reference.extract.live import Clock
from decibill_reference.extract.service_tier import read_service_tier
from decibill_reference.extract.session import TOTALS, Components, leave_open, server_events
from decibill_reference.extract.transcription import read_transcript
from decibill_reference.jsonio import is_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.wire import WireObject

__all__ = ["read_realtime"]

_TRANSCRIPTION = "transcription"
_INPUT_MODEL = ((("audio", "input"), "transcription"), ((), "input_audio_transcription"))
"""Where a session says by what its input is transcribed: as it is now, and as it was in the beta."""


def read_realtime(exchange: Exchange, draft: Draft) -> None:
    """Read a session of any kind."""
    session = _Session(exchange, draft)
    for event in server_events(exchange):
        session.read(event)
    session.close()


class _Session:
    """A session as far as it has been read."""

    def __init__(self, exchange: Exchange, draft: Draft) -> None:
        self._exchange = exchange
        self._draft = draft
        self._components = Components()
        self._clock = Clock(exchange)
        self._input_model: str | None = None
        self._open: set[str] = set()
        self._done: set[str] = set()
        self._transcribed: set[tuple[str, str]] = set()
        self._heard: dict[tuple[str, str], str | None] = {}

    def read(self, event: WireObject) -> None:
        """Read one event of the server; most say nothing of usage."""
        word = event.text("type") or ""
        reader = _READERS.get(word)
        if reader:
            reader(self, event)
        else:
            self._clock.read(word, event, self._components, self._draft)

    def close(self) -> None:
        """State what is only known when there are no more events."""
        draft = self._draft
        if self._open:  # billed, and by how much nobody said
            draft.flags.add("session_incomplete")
            draft.unknown.update(TOTALS)
        for model in self._heard.values():  # likewise
            draft.flags.add("session_incomplete")
            self._components.add_unmetered(_TRANSCRIPTION, model)
        self._clock.state(draft)
        leave_open(draft)
        self._components.state(draft)
        read_service_tier(self._exchange, None, draft)

    def configure(self, event: WireObject) -> None:
        """Note by what the input is transcribed from here on; a session that does not say changes nothing."""
        session: object = event.members.get("session")
        if not is_object(session):
            return
        if session.get("type") == "translation":
            self._clock.runs = True
        for path, member in _INPUT_MODEL:
            holder = _at(session, path)
            if is_object(holder) and member in holder:
                name = _at(holder, (member, "model"))
                self._input_model = self._exchange.model_of(name) if isinstance(name, str) else None
                return

    def begin(self, event: WireObject) -> None:
        name = _response_id(event)
        if name not in self._done:
            self._open.add(name)

    def respond(self, event: WireObject) -> None:
        """Read what a response used, whether it was completed, cancelled or failed."""
        name = _response_id(event)
        self._open.discard(name)
        if name in self._done:
            return
        if name:
            self._done.add(name)
        response = event.child("response")
        usage = response.child("usage") if response else None
        used = Draft()
        if usage is None:
            used.unknown.update(TOTALS)
        else:
            read_usage(usage, used)
        self._draft.add(used)

    def hear(self, event: WireObject) -> None:
        """Note that an item of the input is being transcribed, and by what."""
        part = _part(event)
        if part not in self._transcribed:
            self._heard.setdefault(part, self._input_model)

    def give_up(self, event: WireObject) -> None:
        """Forget the transcription of one item, which failed and is not billed."""
        self._heard.pop(_part(event), None)

    def transcribe(self, event: WireObject) -> None:
        """Read what the transcription of one item of the input used."""
        part = _part(event)
        self._heard.pop(part, None)
        if part[0]:
            if part in self._transcribed:
                return
            self._transcribed.add(part)
        if event.members.get("usage") is None:
            self._components.add_unmetered(_TRANSCRIPTION, self._input_model)
            return
        used = Draft()
        read_transcript(self._exchange, event, used)
        self._components.add(_TRANSCRIPTION, self._input_model, used, self._draft)


_READERS: Mapping[str, Callable[[_Session, WireObject], None]] = {
    "session.created": _Session.configure,
    "session.updated": _Session.configure,
    "transcription_session.created": _Session.configure,
    "transcription_session.updated": _Session.configure,
    "response.created": _Session.begin,
    "response.done": _Session.respond,
    "conversation.item.input_audio_transcription.delta": _Session.hear,
    "conversation.item.input_audio_transcription.completed": _Session.transcribe,
    "conversation.item.input_audio_transcription.failed": _Session.give_up,
}
"""What reads an event of the server that bears on usage by tokens."""


def _part(event: WireObject) -> tuple[str, str]:
    """Return which part of the input a transcription is of."""
    return event.text("item_id") or "", repr(event.members.get("content_index"))


def _response_id(event: WireObject) -> str:
    """Return the id of the response that *event* is of, or an empty text."""
    response: object = event.members.get("response")
    name: object = response.get("id") if is_object(response) else None
    return name if isinstance(name, str) else ""


def _at(value: object, path: tuple[str, ...]) -> object:
    """Return what *path* leads to in *value*, or None."""
    for step in path:
        if not is_object(value):
            return None
        value = value.get(step)
    return value
