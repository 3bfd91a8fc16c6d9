"""Clients of a gateway that call as fast as they are answered, each over one connection that it keeps."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Load", "Wanted", "load"]

_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """The call that every client makes again and again."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    text: str
    """The member `text` of the right answer."""

    def raw(self) -> bytes:
        """Return the request as it is sent."""
        parts = urlsplit(self.url)
        headers = {"host": parts.netloc, "content-length": str(len(self.body)), **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {parts.path} HTTP/1.1\r\n{lines}\r\n".encode() + self.body


@dataclass
class Load:
    """What came of a load."""

    seconds: float = 0.0
    """From the first call to the last answer."""

    latencies: list[int] = field(default_factory=list[int])
    """In nanoseconds, of every call that was answered."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of one answer."""

    @property
    def calls(self) -> int:
        """How many calls were answered."""
        return len(self.latencies)


def load(wanted: Wanted, clients: int, seconds: float) -> Load:
    """Let so many clients call for so long.

    Raises:
        AssertionError: an answer was not the right one.
        OSError: a connection broke off.
    """
    found, faults = Load(), list[BaseException]()
    start = threading.Barrier(clients + 1)
    over = threading.Event()
    threads = [
        threading.Thread(target=_client, args=(wanted, start, over, found, faults)) for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    with contextlib.suppress(threading.BrokenBarrierError):  # a client says why
        start.wait()
    begun = time.perf_counter()
    over.wait(seconds)
    over.set()
    for thread in threads:
        thread.join()
    found.seconds = time.perf_counter() - begun
    if faults:
        raise faults[0]
    return found


def _client(
    wanted: Wanted, start: threading.Barrier, over: threading.Event, found: Load, faults: list[BaseException]
) -> None:
    parts = urlsplit(wanted.url)
    request = wanted.raw()
    latencies: list[int] = []
    headers: Mapping[str, str] = {}
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), _TIMEOUT_S) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            start.wait()
            while not over.is_set():
                begun = time.perf_counter_ns()
                connection.sendall(request)
                head, body = _answer(connection)
                latencies.append(time.perf_counter_ns() - begun)
                headers = _headers(head)
                document: Any = json.loads(body)
                assert head.startswith(b"HTTP/1.1 200 "), (head, body)
                assert document.get("text") == wanted.text, body
    except BaseException as error:  # noqa: BLE001 - told by the thread that waits
        faults.append(error)
        start.abort()
        over.set()
    found.latencies += latencies
    found.headers = headers


def _answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """Return head and body of one answer, which must state its length."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(connection)
    head, body = received[: end + 2], received[end + 4 :]
    length = int(_headers(head)["content-length"])
    while len(body) < length:
        body += _more(connection)
    return head, body


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionResetError("the connection was closed in the middle of an answer")
    return data


def _headers(head: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:] if line)
    return {name.strip().lower(): value.strip() for name, _, value in lines}
