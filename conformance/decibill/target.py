"""The client side of a run: sends one call to the gateway and keeps what comes back.

Everything from a gateway is hostile: the size and the time of an answer are bounded, redirects are not
followed, no proxy or credential of the machine is used, and what went wrong is said in words, never raised.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx

from decibill.media import Body
from decibill.session_client import Talk, converse
from decibill.statements import Cut, Delivery

__all__ = ["LARGEST_ANSWER", "LARGEST_RUN", "Call", "Target"]

LARGEST_ANSWER: Final = 16 * 1024 * 1024
"""Bytes of an answer that are read at most, after decompression."""

LARGEST_RUN: Final = 256 * 1024 * 1024
"""Bytes of answers that are kept in one run; after so many only small ones are."""

_SMALL: Final = 64 * 1024
_CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Call:
    """One call, ready to be sent."""

    method: str
    path: str
    """Path with its query string."""

    headers: Mapping[str, str]
    body: Body
    disconnect_after: int | None = None
    """Bytes of the answer's body after which the client goes away; None: it reads all."""

    talk: Talk | None = None
    """What the client says and hears, where the call opens a session."""


class Target:
    """A gateway at an address, as a context manager; its methods may be called from several threads.

    Args:
        url: the gateway's address without a slash at its end.
        headers: sent with every call, secrets filled in.
        timeout_s: the longest that one call may take in all.
    """

    def __init__(self, url: str, headers: Mapping[str, str], *, timeout_s: float = 30.0) -> None:
        self.url = url
        self._headers = dict(headers)
        self._timeout = timeout_s
        self._kept = 0
        self._lock = threading.Lock()
        self._client = httpx.Client(
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 5.0)),
            headers={"accept-encoding": "identity", "user-agent": "decibill"},
            # a connection for each call: some gateways close theirs after an error, and the next call would
            # be blamed for it
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def get(self, path: str) -> Delivery:
        """Return the answer to a GET of *path*; it is not kept, so it does not count for the run."""
        return self._send(Call("GET", path, {}, Body(b"", None)))

    def send(self, call: Call) -> Delivery:
        """Send *call* and return what was received, however it ended."""
        return self._within_the_run(self._send(call))

    def _send(self, call: Call) -> Delivery:
        headers = {**self._headers, **call.headers}
        if call.talk is not None:
            return converse(self.url + call.path, headers, call.talk, self._timeout)
        if call.body.content_type is not None:
            headers["content-type"] = call.body.content_type
        started = time.monotonic()
        received = _Received(call.disconnect_after)
        with _Clock(self._timeout) as clock:
            try:
                with self._client.stream(
                    call.method,
                    self.url + call.path,
                    headers=headers,
                    content=call.body.content,
                    extensions={"trace": clock.trace},
                ) as response:
                    received.status = response.status_code
                    received.headers = {name.lower(): value for name, value in response.headers.items()}
                    for piece in _decoded(response):
                        if not received.take(piece):
                            break
                    received.ended = time.monotonic()
            except httpx.TimeoutException:
                clock.is_over = True
            except (
                httpx.HTTPError,
                httpx.InvalidURL,
                httpx.StreamError,
                UnicodeError,
                _EncodedError,
            ) as error:
                received.error = _in_words(error)
                received.cut = "coding" if isinstance(error, _EncodedError) else None
        if clock.is_over:  # whatever the end of the connection looked like
            received.error, received.cut = f"no complete answer within {self._timeout:g} s", "time"
        return Delivery(
            status=received.status,
            headers=received.headers,
            body=bytes(received.body[:_SMALL] if received.cut else received.body),
            error=received.error,
            seconds=(received.ended or time.monotonic()) - (clock.connecting or started),
            cut=received.cut,
        )

    def _within_the_run(self, delivery: Delivery) -> Delivery:
        """Return the delivery, without what a run has no room for any more: it is kept until the report."""
        size = len(delivery.body) + sum(len(frame) for frame in delivery.frames or ())
        with self._lock:
            if size <= _SMALL or self._kept + size <= LARGEST_RUN:
                self._kept += size
                return delivery
        frames = () if delivery.frames is not None else None
        error = f"the answers of this run are larger than {LARGEST_RUN} bytes in all"
        return replace(delivery, body=delivery.body[:_SMALL], frames=frames, error=error, cut="size")


class _Clock:
    """Ends a connection that is still open when the time is over, as a context manager.

    httpx bounds each wait and not their sum: one byte of a header a second would never end.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self.connecting: float | None = None
        """When the connection was begun, which is where the gateway's time begins."""
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> _Clock:
        self._timer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._timer.cancel()
        self._timer.join()

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """Note when and where the call connects: httpcore calls this with everything that it does."""
        if name == "connection.connect_tcp.started":
            self.connecting = time.monotonic()
        if name in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._socket = info["return_value"].get_extra_info("socket")

    def _end(self) -> None:
        self.is_over = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the reader, as closing would not


def _in_words(error: Exception) -> str:
    if isinstance(error, httpx.ConnectError):
        return f"cannot be reached: {error}"
    if "Receive buffer too long" in str(error):  # h11's words
        return "the headers of the answer are longer than any"
    if isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)):
        return f"the answer broke off: {error}"
    return str(error) if isinstance(error, _EncodedError) else f"{type(error).__name__}: {error}"


class _EncodedError(Exception):
    """The answer is compressed in a way that is not read; the text says how."""


def _decoded(response: httpx.Response) -> Iterator[bytes]:
    """Yield the body in small pieces, as it comes; never more at once than was asked for.

    The client accepts no compression. A gateway that compresses all the same is read where that is bounded.
    """
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in {"", "identity"}:
        yield from response.iter_raw()
    elif coding in _CODINGS:
        yield from _inflated(response.iter_raw(), coding)
    else:
        raise _EncodedError(f"the answer is encoded as {coding[:40]}; the client accepts no encoding")


def _inflated(pieces: Iterable[bytes], coding: str) -> Iterator[bytes]:
    inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
    is_empty = True
    try:
        for piece in pieces:
            rest, is_empty = piece, False
            while rest and not inflate.eof:
                yield inflate.decompress(rest, _SMALL)
                rest = inflate.unconsumed_tail
    except zlib.error:
        raise _EncodedError(f"the answer says that it is encoded as {coding}, and it is not") from None
    if not (inflate.eof or is_empty):
        raise _EncodedError(f"the answer broke off: its {coding} encoding has no end")


class _Received:
    """What has come so far."""

    def __init__(self, disconnect_after: int | None) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.ended: float | None = None
        self.error: str | None = None
        self.cut: Cut | None = None
        self._disconnect_after = disconnect_after

    def take(self, piece: bytes) -> bool:
        """Keep *piece* and return whether to read on."""
        self.body += piece
        if self._disconnect_after is not None and len(self.body) >= self._disconnect_after:
            return False
        if len(self.body) > LARGEST_ANSWER:
            del self.body[LARGEST_ANSWER:]
            self.error, self.cut = f"the answer is larger than {LARGEST_ANSWER} bytes", "size"
            return False
        return True
