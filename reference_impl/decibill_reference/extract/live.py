"""OpenAI's sessions that run by the clock: the Live API, and translation.

The seconds of a Live session are a counter that goes on: its last value counts, never the sum. They are final
with `session.closed`. A translation session says nothing of them. What a Live session delegates to another
model is told in that model's own events, nested in those of the session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.extract.chat import read_usage
from decibill_reference.extract.draft import Draft
from decibill_reference.extract.session import TOTALS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.session import Components
    from decibill_reference.extract.wire import WireObject

__all__ = ["Clock"]

_SECONDS = "audio_duration_seconds"
_CLOSED = "session.closed"
_COUNTED = frozenset({"session.usage.updated", _CLOSED})
_OF_SUCH_SESSIONS = (
    "session.started",
    "session.usage.",
    "session.closed",
    "session.input_transcript.",
    "session.output_",
    "response.event",
)
_PATHS = ("/live/", "/realtime/translations")
_DELEGATED: Mapping[str, Mapping[str, str]] = {
    "response.event": {"response.completed": "response", "response.incomplete": "response"},
}
"""The events that carry those of another model, and which of these end a piece of its work, told in what."""


class Clock:
    """What is known of a session's time."""

    def __init__(self, exchange: Exchange) -> None:
        path: object = exchange.request.get("path")
        self.runs = isinstance(path, str) and any(part in path for part in _PATHS)
        """Whether the session is billed by time at all."""
        self._exchange = exchange
        self._seconds: Decimal | None = None
        self._closed = False
        self._delegated: set[str] = set()

    def read(self, word: str, event: WireObject, components: Components, session: Draft) -> None:
        """Read an event of the type *word* that is none of a session by tokens."""
        self.runs = self.runs or word.startswith(_OF_SUCH_SESSIONS)
        if word in _COUNTED:
            usage = event.child("usage")
            seconds = usage.decimal("seconds") if usage else None
            if usage:
                session.unread.extend(usage.unread())
            self._seconds = self._seconds if seconds is None else seconds
            self._closed = self._closed or word == _CLOSED
        elif word in _DELEGATED:
            self._read_delegated(_DELEGATED[word], event, components, session)

    def state(self, draft: Draft) -> None:
        """State how long the session was, as far as anybody said."""
        if not self.runs:
            return
        if not self._closed:
            draft.flags.add("session_incomplete")
        if self._seconds is None:
            draft.unknown.add(_SECONDS)
        else:
            draft.state(_SECONDS, self._seconds, "provider_billed")

    def _read_delegated(
        self, ends: Mapping[str, str], outer: WireObject, components: Components, session: Draft
    ) -> None:
        event = outer.child("event")
        member = ends.get(event.text("type") or "") if event else None
        work = event.child(member) if event and member else None
        if work is None:
            return
        name = work.text("id")
        if name in self._delegated:
            return
        if name:
            self._delegated.add(name)
        used = Draft()
        usage = work.child("usage")
        if usage is None:
            used.unknown.update(TOTALS)
        else:
            read_usage(usage, used)
        model = work.text("model")
        components.add("chat", self._exchange.model_of(model) if model else None, used, session)
