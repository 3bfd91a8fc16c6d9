"""Sessions: the transcript of a WebSocket, in both directions.

What each event used is read into a draft of its own, and `Draft.add` sums the drafts of the session's events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract.wire import WireObject

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange

__all__ = ["Frame", "frames"]

_SIDES = ("client", "server")


class Frame(NamedTuple):
    """One frame of a session."""

    is_server: bool
    content: WireObject


def frames(exchange: Exchange) -> list[Frame]:
    """Return the frames of the session that *exchange* holds, in their order.

    Raises:
        DecibillReferenceError: `malformed_body` for an answer that is no transcript of a session.
    """
    body = exchange.body()
    transcript: object = body.value
    if body.kind != "events" or not isinstance(transcript, list):
        raise DecibillReferenceError(
            "malformed_body", body.pointer, "a session is an array of frames, each with its side"
        )
    return [
        _frame(item, f"{body.pointer}/{number}")
        for number, item in enumerate(cast("list[object]", transcript))
    ]


def _frame(item: object, pointer: str) -> Frame:
    outer = WireObject(item, pointer)
    side = outer.text("from")
    if side not in _SIDES:
        raise DecibillReferenceError("malformed_body", f"{pointer}/from", "a frame is from client or server")
    return Frame(side == "server", WireObject(outer.members.get("frame"), f"{pointer}/frame"))
