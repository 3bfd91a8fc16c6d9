"""Noticing a gateway under test that tries to reach another machine.

A started gateway is given a proxy for everything that is not on this machine: a loopback listener of the run
that notes the host and refuses. Beside that, on Linux, the gateway's open sockets are looked at now and then.

What this cannot see: a program that ignores the proxy variables, where its connection is never open at a look
(one that is refused at once, say) or the system is not Linux; names that are looked up through a resolver on
this machine; a child that leaves the gateway's session; a gateway that decibill did not start.
"""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlsplit

from decibill import sockets
from decibill.redact import legible

__all__ = ["Egress"]

_CLIENT_WAITS_S: Final = 5.0
_LOOK_S: Final = 0.1
_MOST_HOSTS: Final = 5
_MOST_KEPT: Final = 1000
_LONGEST_HOST: Final = 200
_HERE: Final = ("127.0.0.1", "localhost", "::1")
_ANSWER: Final = b"decibill lets a gateway under test reach this machine only\n"


class Egress:
    """The listener and the look-out, as a context manager; its methods may be called from any thread.

    Args:
        direct: hosts besides this machine that the gateway may reach, such as the upstream's.
    """

    def __init__(self, direct: Iterable[str] = ()) -> None:
        self._direct = tuple(dict.fromkeys((*_HERE, *direct)))
        self._addresses = frozenset(address for host in self._direct for address in _addresses(host))
        self._asked: Counter[str] = Counter()
        self._connected: dict[str, None] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._looking: threading.Thread | None = None
        egress = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = _CLIENT_WAITS_S

            def refuse(self) -> None:
                egress._note(_host(self.command, self.path))
                self.send_response(403)
                self.send_header("content-type", "text/plain")
                self.send_header("content-length", str(len(_ANSWER)))
                self.send_header("connection", "close")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(_ANSWER)
                self.close_connection = True

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):  # whatever the method
                    return self.refuse
                raise AttributeError(name)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of http.server
                """Keep quiet."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Egress:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._looking is not None:
            self._looking.join()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a program finds its proxy, in the spellings that are in use."""
        proxy, direct = f"http://127.0.0.1:{self._server.server_port}", ",".join(self._direct)
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        both = {spelt: proxy for name in names for spelt in (name, name.lower())}
        # Node.js has heeded the variables since 22.21, but only when told to
        return {**both, "NO_PROXY": direct, "no_proxy": direct, "NODE_USE_ENV_PROXY": "1"}

    def watch(self, session: int) -> None:
        """Look now and then whom the processes of *session* are connected to, until the end of the run."""
        self._looking = threading.Thread(target=self._look, args=(session,))
        self._looking.start()

    def notes(self) -> tuple[str, ...]:
        """Return what was noticed, one sentence a host."""
        with self._lock:
            asked, connected = dict(self._asked), [*self._connected]
        told = [
            f"the gateway tried to reach {host}, which is not on this machine ({_times(count)}, refused)"
            for host, count in asked.items()
        ]
        told += [
            f"the gateway was connected to {peer}, which is not on this machine; nothing refused that"
            for peer in connected
        ]
        more = len(told) - _MOST_HOSTS
        return (*told[:_MOST_HOSTS], *([f"it did so with {more} more hosts"] if more > 0 else []))

    def _note(self, host: str | None) -> None:
        if host is None:
            return
        shown = legible(host[:_LONGEST_HOST])
        with self._lock:
            if shown in self._asked or len(self._asked) < _MOST_KEPT:
                self._asked[shown] += 1

    def _look(self, session: int) -> None:
        while not self._over.wait(_LOOK_S):
            found = sockets.peers(session, self._is_elsewhere)
            with self._lock:
                for peer in sorted(found) if len(self._connected) < _MOST_KEPT else ():
                    self._connected[peer] = None

    def _is_elsewhere(self, peer: sockets.Peer) -> bool:
        return peer.address not in self._addresses and sockets.is_elsewhere(peer)


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: a client that goes away is none of the run's business."""


def _addresses(host: str) -> Iterator[str]:
    """Yield the addresses of a host by which the system would reach it."""
    with contextlib.suppress(OSError):
        yield from (str(found[4][0]) for found in socket.getaddrinfo(host, None))


def _host(method: str, target: str) -> str | None:
    """Return the host that a request to a proxy is for, or None where it is no such request."""
    if method == "CONNECT":
        return target
    with contextlib.suppress(ValueError):
        parts = urlsplit(target)
        if parts.scheme and parts.netloc:
            host = parts.netloc.rpartition("@")[2]  # a password may stand before it
            return host if parts.port else f"{host}:{443 if parts.scheme == 'https' else 80}"
    return None


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
