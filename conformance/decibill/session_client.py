"""The client's side of a recorded session: sends its frames in their order and keeps what comes back.

A frame is sent when the server frames before it have arrived, or, as a gateway may swallow some, when the
upstream has played them and nothing has come for a while. Whatever the gateway does, the session ends.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from decibill import jsonio
from decibill.errors import InvalidFileError
from decibill.statements import Delivery
from decibill.transcript import DROPPED, Entry, kind_of
from decibill.websocket import SessionError, WebSocket, connect

__all__ = ["MOST_FRAMES", "Talk", "converse", "read_frame"]

MOST_FRAMES: Final = 20_000
"""Messages of a session that are kept at most."""

_GRACE_S: Final = 0.5
"""How long nothing may come, after the upstream has played on, until the client goes on too."""

_LAST_GRACE_S: Final = 2.0
"""The same before the client ends the session: what comes after that is lost."""

_CLOSE_S: Final = 2.0
_SLICE_S: Final = 0.02
_NORMAL: Final = 1000


@dataclass(frozen=True, slots=True)
class Talk:
    """What the client of a session does."""

    entries: Sequence[Entry]
    """The transcript, which says when each frame is due; empty where the provider refuses the session."""

    frames: Sequence[str]
    """What is sent, one message for every frame of the client."""

    has_played: Callable[[int, float], bool]
    """Whether the upstream is past an entry, or over; waits that many seconds for it."""

    is_complete: Callable[[], bool]
    """Whether the upstream has played everything that was recorded."""


def read_frame(text: str) -> Any:
    """Return the JSON of one message; None where it is none."""
    try:
        return jsonio.loads(text, "a frame")
    except InvalidFileError:
        return None


def converse(url: str, headers: Mapping[str, str], talk: Talk, timeout_s: float) -> Delivery:
    """Hold the session at *url* and return what was received, however it ended.

    Args:
        url: the gateway's address with path and query, ``http://…`` or ``https://…``.
        headers: sent with the handshake.
        talk: what the client does.
        timeout_s: the longest that the session may take in all.
    """
    started = time.monotonic()
    session = _Session(talk, started + timeout_s, timeout_s)
    try:
        with closing(_connected(url, min(timeout_s, 5.0))) as sock:
            address = "ws" + url.removeprefix("http")
            answer, opened = connect(sock, address, headers.items(), timeout_s=timeout_s)
            session.status = answer.status_code
            session.headers = {name.lower(): value for name, value in answer.headers.raw_items()}
            session.body = bytes(answer.body)
            if opened is not None:
                session.hold(opened)
    except SessionError as error:
        session.error = str(error)
    except (OSError, ValueError) as error:
        session.error = f"cannot be reached: {error}"
    seconds = time.monotonic() - started
    return Delivery(
        status=session.status,
        headers=session.headers,
        body=session.body,
        frames=tuple(session.frames) if session.frames is not None else None,
        error=session.error,
        seconds=seconds,
        cut="time" if session.error is not None and seconds >= timeout_s else None,
    )


def _connected(url: str, timeout_s: float) -> socket.socket:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = parts.hostname or ""
    sock = socket.create_connection((host, parts.port or (443 if secure else 80)), timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return ssl.create_default_context().wrap_socket(sock, server_hostname=host) if secure else sock


class _Session:
    """What has come so far."""

    def __init__(self, talk: Talk, deadline: float, timeout_s: float) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = b""
        self.frames: list[str] | None = None
        self.error: str | None = None
        self._talk = talk
        self._deadline = deadline
        self._timeout_s = timeout_s
        self._kinds: Counter[str] = Counter()

    def hold(self, gateway: WebSocket) -> None:
        """Send and receive until the session is over."""
        self.frames = []
        frames = iter(self._talk.frames)
        entries = self._talk.entries
        code = _NORMAL
        for number, entry in enumerate(entries):
            if entry.is_server:
                continue
            if not self._catch_up(gateway, number):
                self.error = _ended_early(gateway)
                return
            if entry.close is not None:
                code = entry.close
                break
            gateway.send(next(frames))
        else:
            if not self._catch_up(gateway, len(entries)):
                self.error = None if self._is_over() else _ended_early(gateway)
                return
        gateway.close(code, _CLOSE_S)

    def _catch_up(self, gateway: WebSocket, number: int) -> bool:
        """Receive until what stands before entry *number* has come; return whether the session is open."""
        talk = self._talk
        wanted = _server_frames(talk.entries[:number])
        is_last = number == len(talk.entries)
        is_closed_by_server = is_last and _is_closed_by_server(talk.entries)
        grace_s = _LAST_GRACE_S if is_last else _GRACE_S
        quiet_from = time.monotonic()
        while True:
            if not is_closed_by_server and wanted <= self._kinds:
                talk.has_played(number, _CLOSE_S)  # a frame of the client may still be on its way
                return gateway.closed is None
            text = gateway.receive(_SLICE_S)
            now = time.monotonic()
            if text is not None:
                self._keep(text)
                quiet_from = now
            elif gateway.closed is not None:
                return False
            elif now - quiet_from > grace_s and talk.has_played(number, 0):
                return True
            if now > self._deadline:
                raise SessionError(f"the session was not over within {self._timeout_s:g} s")

    def _is_over(self) -> bool:
        """Return whether a gateway may end the session now: the provider does, or nothing is to come."""
        entries = self._talk.entries
        if _is_closed_by_server(entries):
            return not entries or self._talk.is_complete()
        return _server_frames(entries) <= self._kinds

    def _keep(self, text: str) -> None:
        assert self.frames is not None
        if len(self.frames) == MOST_FRAMES:
            raise SessionError(f"more than {MOST_FRAMES} messages came in one session")
        self.frames.append(text)
        self._kinds[kind_of(read_frame(text))] += 1


def _ended_early(gateway: WebSocket) -> str:
    how = "without a close frame" if gateway.closed == DROPPED else f"with code {gateway.closed}"
    return f"the gateway ended the session {how} before it was over"


def _server_frames(entries: Sequence[Entry]) -> Counter[str]:
    return Counter(each.kind for each in entries if each.is_server and each.close is None)


def _is_closed_by_server(entries: Sequence[Entry]) -> bool:
    """Return whether the provider ends the session; one that it refuses has no entries at all."""
    return not entries or entries[-1].close is not None
