"""A WebSocket on a socket of our own, for either end: bounded in time and size whatever the other end does.

The protocol is that of the package `websockets`, used without its I/O: one thread, no timers, no proxy of the
machine, and every wait has an end.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Protocol, State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from decibill.transcript import DROPPED

__all__ = ["LARGEST_SESSION", "SessionError", "WebSocket", "accept", "connect"]

LARGEST_SESSION: Final = 32 * 1024 * 1024
"""Bytes of a session that are read at most."""

_LARGEST_MESSAGE: Final = 16 * 1024 * 1024
_PIECE: Final = 65_536
_SHORTEST_S: Final = 0.001
_DRAIN_S: Final = 2.0
_SUBPROTOCOL: Final = Subprotocol("realtime")


class SessionError(Exception):
    """What the other end does is no WebSocket, is too much, or takes too long; the text says what."""


class WebSocket:
    """An open session; used by one thread.

    Args:
        sock: the connection; who made it closes it.
        protocol: open, its handshake done.
        send_s: how long sending one message may take.
        events: what came together with the handshake.
    """

    def __init__(
        self, sock: socket.socket, protocol: Protocol, *, send_s: float, events: Iterable[object] = ()
    ) -> None:
        self._socket = sock
        self._protocol = protocol
        self._send_s = send_s
        self._messages: deque[str] = deque()
        self._pieces: list[bytes] = []
        self._read = 0
        self._ended = False
        self._collect(events)

    @property
    def closed(self) -> int | None:
        """The code with which the other end closed, `DROPPED` where it went without one; None: it did not."""
        if self._protocol.close_rcvd is not None:
            return self._protocol.close_rcvd.code
        return DROPPED if self._ended else None

    def send(self, text: str, *, binary: bool = False) -> bool:
        """Send one message and return whether the session was still open for it.

        Raises:
            SessionError: the other end does not take it.
        """
        if self._protocol.state is not State.OPEN or self._ended:
            return False
        if binary:
            self._protocol.send_binary(text.encode())
        else:
            self._protocol.send_text(text.encode())
        self._flush()
        return not self._ended

    def receive(self, timeout_s: float) -> str | None:
        """Return the next message; None where none came in time or the session is closed (`closed`).

        Raises:
            SessionError: what comes is no WebSocket, or more than a session may hold.
        """
        deadline = time.monotonic() + timeout_s
        while not self._messages:
            failure = self._protocol.parser_exc
            if failure is not None and not isinstance(failure, EOFError):
                raise SessionError(f"what came is no WebSocket: {failure}")
            if self.closed is not None or not self._fill(deadline - time.monotonic()):
                return None
        return self._messages.popleft()

    def close(self, code: int, timeout_s: float) -> None:
        """Say that the session is over, and wait until the other end has said so too, or the time is over.

        `DROPPED` ends the connection without a word; what was sent before still arrives.
        """
        with contextlib.suppress(SessionError):
            if code == DROPPED:
                self._half_close()
            elif self._protocol.state is State.OPEN:
                self._protocol.send_close(code)
                self._flush()
            self.drain(timeout_s)

    def drain(self, timeout_s: float = _DRAIN_S) -> None:
        """Read and forget until the other end has gone: what stays unread would cut off what was sent."""
        deadline = time.monotonic() + timeout_s
        with contextlib.suppress(SessionError):
            while not self._ended and self._fill(deadline - time.monotonic()):
                self._messages.clear()

    def _fill(self, timeout_s: float) -> bool:
        """Read once; return whether anything came."""
        data = _receive(self._socket, timeout_s)
        if data is None:
            return False
        if data:
            self._read += len(data)
            if self._read > LARGEST_SESSION:
                raise SessionError(f"more than {LARGEST_SESSION} bytes came in one session")
            self._protocol.receive_data(data)
        else:
            self._ended = True
            self._protocol.receive_eof()
        self._collect(self._protocol.events_received())
        self._flush()
        return bool(data)

    def _collect(self, events: Iterable[object]) -> None:
        for event in events:
            if isinstance(event, Frame) and event.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
                self._pieces.append(bytes(event.data))
                if event.fin:
                    self._messages.append(b"".join(self._pieces).decode("utf-8", "replace"))
                    self._pieces = []

    def _flush(self) -> None:
        if not _flush(self._socket, self._protocol, self._send_s):
            self._ended = True

    def _half_close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)


def accept(sock: socket.socket, request: Request, *, send_s: float) -> WebSocket:
    """Return the session that *request*, which has been read already, opens on *sock*.

    Raises:
        SessionError: it opens none.
    """
    protocol = ServerProtocol(select_subprotocol=_choose, max_size=_LARGEST_MESSAGE)
    protocol.receive_data(request.serialize())
    protocol.events_received()
    protocol.send_response(protocol.accept(request))
    _flush(sock, protocol, send_s)
    if protocol.handshake_exc is not None:
        raise SessionError(f"the handshake failed: {protocol.handshake_exc}")
    return WebSocket(sock, protocol, send_s=send_s)


def connect(
    sock: socket.socket, url: str, headers: Iterable[tuple[str, str]], *, timeout_s: float
) -> tuple[Response, WebSocket | None]:
    """Ask for a session and return the answer, and the session where there is one.

    Args:
        sock: connected.
        url: ``ws://HOST:PORT/PATH``.
        headers: sent with the request.
        timeout_s: how long the answer may take, and later the sending of a message.

    Raises:
        SessionError: no answer, or one that cannot be read.
    """
    protocol = ClientProtocol(parse_uri(url), max_size=_LARGEST_MESSAGE)
    request = protocol.connect()
    request.headers.update(Headers(list(headers)))
    protocol.send_request(request)
    _flush(sock, protocol, timeout_s)
    deadline = time.monotonic() + timeout_s
    read = 0
    while not (events := protocol.events_received()):
        if protocol.handshake_exc is not None:
            raise SessionError(f"the answer to the handshake cannot be read: {protocol.handshake_exc}")
        data = _receive(sock, deadline - time.monotonic())
        if data is None:
            raise SessionError(f"no answer to the handshake within {timeout_s:g} s")
        read += len(data)
        if read > LARGEST_SESSION:
            raise SessionError("the answer to the handshake is too large")
        if data:
            protocol.receive_data(data)
        else:
            protocol.receive_eof()
    response = events[0]
    assert isinstance(response, Response)
    if protocol.handshake_exc is not None:
        if response.status_code == 101:
            raise SessionError(f"the handshake failed: {protocol.handshake_exc}")
        return response, None
    return response, WebSocket(sock, protocol, send_s=timeout_s, events=events[1:])


def _choose(_: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return _SUBPROTOCOL if _SUBPROTOCOL in offered else None


def _receive(sock: socket.socket, timeout_s: float) -> bytes | None:
    """Return what comes next, nothing at the end, or None where nothing came in time."""
    try:
        sock.settimeout(max(timeout_s, _SHORTEST_S))  # 0 would mean something else
        return sock.recv(_PIECE)
    except TimeoutError:
        return None
    except OSError:
        return b""  # the other end went away roughly


def _flush(sock: socket.socket, protocol: Protocol, send_s: float) -> bool:
    """Send what the protocol has to say; return False where nobody is there any more.

    Raises:
        SessionError: the other end does not read.
    """
    for data in protocol.data_to_send():
        try:
            sock.settimeout(send_s)
            if data:
                sock.sendall(data)
            else:
                sock.shutdown(socket.SHUT_WR)
        except TimeoutError:
            raise SessionError(f"what was sent was not taken within {send_s:g} s") from None
        except OSError:
            return False
    return True
