"""The WebSocket twin of the replay upstream: plays the provider's side of a recorded session, in order.

It sends the recorded server frames up to the next frame of the client, waits for a client frame of that kind,
and goes on. Client frames that the recording does not have, such as a gateway's own, are passed over.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from websockets.datastructures import Headers
from websockets.http11 import Request

from decibill import jsonio
from decibill.errors import InvalidFileError
from decibill.template_tree import plain_json
from decibill.transcript import Entry, kind_of
from decibill.websocket import SessionError, WebSocket, accept

__all__ = ["Session", "asks_for_session"]

FRAME_WITHIN_S: Final = 10.0
"""How long a frame of the client may take to come through the gateway."""

LONGEST_S: Final = 60.0
"""How long a session may last in all."""

_GOES_ON_S: Final = 2.0
"""How long the gateway has to end the session after its client has."""

_NORMAL: Final = 1000
_MOST_FRAMES: Final = 20_000
_MOST_NOTED: Final = 100
_SLICE_S: Final = 0.02
_SEND_S: Final = 10.0


def asks_for_session(headers: Mapping[str, str]) -> bool:
    """Return whether a request with these *headers*, names in lower case, asks for a WebSocket."""
    return headers.get("upgrade", "").lower() == "websocket"


class Session:
    """One session as it is played; read by other threads.

    Args:
        entries: the transcript.
        binary: whether the server's frames are binary messages, as Gemini's are.
        released: set when the client of the instance has gone.
    """

    def __init__(self, entries: Sequence[Entry], released: threading.Event, *, binary: bool) -> None:
        self._entries = entries
        self._released = released
        self._binary = binary
        self._progress = threading.Condition()
        self._played = 0
        self._over = False
        self._frames = 0
        self.passed_over: list[str] = []
        """Kinds of the frames that came and that the recording does not have; the first hundred."""

        self.problem: str | None = None
        """Why it could not be played to its end, where that is so: a frame that never came."""

    def has_played(self, entry: int, within_s: float = 0.0) -> bool:
        """Return whether what stands before *entry* is played, or the session is over; wait for it."""
        with self._progress:
            return self._progress.wait_for(lambda: self._over or self._played >= entry, within_s)

    @property
    def is_complete(self) -> bool:
        """Whether everything that was recorded has been played."""
        with self._progress:
            return self._played >= sum(entry.close is None for entry in self._entries)

    def play(self, sock: socket.socket, path: str, headers: Sequence[tuple[str, str]]) -> None:
        """Answer the handshake that was read from *sock*, play the session, and end the connection."""
        try:
            self._play(accept(sock, Request(path, Headers(headers)), send_s=_SEND_S))
        except SessionError as error:
            self.problem = self.problem or str(error)
        finally:
            with self._progress:
                self._over = True
                self._progress.notify_all()
            _end(sock)

    def _play(self, gateway: WebSocket) -> None:
        deadline = time.monotonic() + LONGEST_S
        for number, entry in enumerate(self._entries):
            if entry.close is not None:
                if entry.is_server:
                    gateway.close(entry.close, _GOES_ON_S)
                    return
                break
            if entry.is_server:
                gone = not gateway.send(plain_json(entry.frame, None), binary=self._binary)
            else:
                gone = not self._await(gateway, number, min(deadline, time.monotonic() + FRAME_WITHIN_S))
            if gone:
                break
            with self._progress:
                self._played = number + 1
                self._progress.notify_all()
        if self.problem is None:
            self._await_end(gateway, deadline)
        if gateway.closed is None:
            gateway.close(_NORMAL, _GOES_ON_S)
        else:
            gateway.drain(_GOES_ON_S)

    def _await(self, gateway: WebSocket, number: int, deadline: float) -> bool:
        """Wait for the client frame that is entry *number*; return whether it came."""
        wanted = self._entries[number].kind
        while time.monotonic() < deadline:
            kind = self._next(gateway)
            if kind == wanted:
                return True
            if kind is not None:
                self._note(kind)
            elif gateway.closed is not None or self._released.is_set():
                return False
        earlier = sum(entry.kind == wanted and not entry.is_server for entry in self._entries[:number])
        which = f"frame {wanted!r} of the client" + (f", number {earlier + 1}," if earlier else "")
        self.problem = f"the {which} never came through the gateway"
        return False

    def _await_end(self, gateway: WebSocket, deadline: float) -> None:
        """Wait until the gateway ends the session, a while at most after its client has gone."""
        while gateway.closed is None and time.monotonic() < deadline:
            if (kind := self._next(gateway)) is not None:
                self._note(kind)
            if self._released.is_set():
                deadline = min(deadline, time.monotonic() + _GOES_ON_S)

    def _next(self, gateway: WebSocket) -> str | None:
        """Return the kind of the next frame, if one comes at once."""
        text = gateway.receive(_SLICE_S)
        if text is None:
            return None
        self._frames += 1
        if self._frames > _MOST_FRAMES:
            raise SessionError(f"the gateway sent more than {_MOST_FRAMES} frames")
        return kind_of(_read(text))

    def _note(self, kind: str) -> None:
        if len(self.passed_over) < _MOST_NOTED:
            self.passed_over.append(kind)


def _read(text: str) -> Any:
    try:
        return jsonio.loads(text, "a frame")
    except InvalidFileError:
        return None


def _end(sock: socket.socket) -> None:
    """End the connection for good; its owner closes it."""
    with contextlib.suppress(OSError):  # the other end was faster
        sock.shutdown(socket.SHUT_RDWR)
    sock.settimeout(None)
