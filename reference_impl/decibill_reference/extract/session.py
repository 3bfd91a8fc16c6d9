"""Sessions: the transcript of a WebSocket, in both directions.

What each event used is read into a draft of its own, and `Draft.add` sums the drafts of the session's events.
What its other models used is summed by `Components`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract.draft import Draft
from decibill_reference.extract.wire import WireObject
from decibill_reference.jsonio import is_object

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange
    from decibill_reference.usage import Component

__all__ = ["TOTALS", "Components", "leave_open", "server_events"]

TOTALS = ("input_tokens", "output_tokens")
"""What is unknown of a turn whose tokens nobody counted."""

_SIDES = ("client", "server")


def server_events(exchange: Exchange) -> list[WireObject]:
    """Return what the server sent in the session that *exchange* holds, in its order.

    A transcript can hold who ended the session as well, which says nothing of usage.

    Raises:
        DecibillReferenceError: `malformed_body` for an answer that is no transcript of a session.
    """
    body = exchange.body()
    transcript: object = body.value
    if body.kind != "events" or not isinstance(transcript, list):
        raise DecibillReferenceError(
            "malformed_body", body.pointer, "a session is an array of frames, each with its side"
        )
    found: list[WireObject] = []
    for number, item in enumerate(cast("list[object]", transcript)):
        pointer = f"{body.pointer}/{number}"
        outer = item if is_object(item) else WireObject(item, pointer).members
        if "close" in outer and "frame" not in outer:
            continue
        side = outer.get("from")
        if side not in _SIDES:
            raise DecibillReferenceError(
                "malformed_body", f"{pointer}/from", "a frame is from client or server"
            )
        event = WireObject(outer.get("frame"), f"{pointer}/frame")
        if side == "server":
            found.append(event)
    return found


class Components:
    """The usage of a session's other models: one sum for each operation, model and unit family."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str | None, bool], Draft] = {}

    def add(self, operation: str, model: str | None, event: Draft, session: Draft) -> None:
        """Add what one event of another model used; what is remarkable about it is said of the session."""
        counts_tokens = any(name.endswith("_tokens") for name in (*event.names(), *event.unknown))
        component = self._sums.setdefault((operation, model, counts_tokens), Draft())
        component.add(event)
        session.flags |= event.flags
        session.unread.extend(event.unread)

    def add_unmetered(self, operation: str, model: str | None) -> None:
        """Note an event that says nothing of what it used: it used what the model's other events count.

        Of a model of which nothing else is known it is a duration, as it is of a transcription whose answer
        says nothing.
        """
        by_tokens = (operation, model, True)
        by_seconds = (operation, model, False)
        if by_tokens in self._sums and by_seconds not in self._sums:
            self._sums[by_tokens].unknown.update(TOTALS)
        else:
            self._sums.setdefault(by_seconds, Draft()).unknown.add("audio_duration_seconds")

    def state(self, session: Draft) -> None:
        """State the sums, in the order in which they began, as the components of *session*.

        Raises:
            DecibillReferenceError: `inconsistent_usage`.
        """
        parts: list[Component] = []
        for (operation, model, _), component in self._sums.items():
            leave_open(component)
            parts.append(component.component(operation, model))
        session.components = tuple(parts)


def leave_open(draft: Draft) -> None:
    """Take back the total of both directions where one of them is not known to its end."""
    if not draft.unknown.isdisjoint(TOTALS):
        draft.withdraw("total_tokens")
