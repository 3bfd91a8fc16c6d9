"""The client side of a run: sends one call to the gateway and keeps what comes back.

Everything from a gateway is hostile: the size and the time of an answer are bounded, redirects are not
followed, no proxy or credential of the machine is used, and what went wrong is said in words, never raised.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from decibill.media import Body
from decibill.session_client import Talk, converse
from decibill.statements import Delivery

__all__ = ["LARGEST_ANSWER", "Call", "Target"]

LARGEST_ANSWER: Final = 32 * 1024 * 1024
"""Bytes of an answer that are read at most."""


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
        """Return the answer to a GET of *path*."""
        return self.send(Call("GET", path, {}, Body(b"", None)))

    def send(self, call: Call) -> Delivery:
        """Send *call* and return what was received, however it ended."""
        headers = {**self._headers, **call.headers}
        if call.talk is not None:
            return converse(self.url + call.path, headers, call.talk, self._timeout)
        if call.body.content_type is not None:
            headers["content-type"] = call.body.content_type
        started = time.monotonic()
        received = _Received(started + self._timeout, call.disconnect_after)
        try:
            with self._client.stream(
                call.method, self.url + call.path, headers=headers, content=call.body.content
            ) as response:
                received.status = response.status_code
                received.headers = {name.lower(): value for name, value in response.headers.items()}
                for piece in response.iter_bytes():  # as it comes, so that the time is looked at
                    if not received.take(piece):
                        break
        except httpx.TimeoutException:
            received.error = f"no complete answer within {self._timeout:g} s"
        except httpx.ConnectError as error:
            received.error = f"cannot be reached: {error}"
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
            received.error = f"the answer broke off: {error}"
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
            received.error = f"{type(error).__name__}: {error}"
        return Delivery(
            status=received.status,
            headers=received.headers,
            body=bytes(received.body),
            error=received.error,
            seconds=time.monotonic() - started,
        )


class _Received:
    """What has come so far."""

    def __init__(self, deadline: float, disconnect_after: int | None) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.error: str | None = None
        self._deadline = deadline
        self._disconnect_after = disconnect_after

    def take(self, piece: bytes) -> bool:
        """Keep *piece* and return whether to read on."""
        self.body += piece
        if self._disconnect_after is not None and len(self.body) >= self._disconnect_after:
            return False
        if len(self.body) > LARGEST_ANSWER:
            del self.body[LARGEST_ANSWER:]
            self.error = f"the answer is larger than {LARGEST_ANSWER} bytes"
            return False
        if time.monotonic() > self._deadline:
            self.error = "the answer did not end in time"
            return False
        return True
