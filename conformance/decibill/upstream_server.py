"""The replay upstream: plays recorded provider answers to a gateway and keeps a record of what reached it.

One handler answers everything. It finds the instance of a case by base path (``/c/TOKEN/…``), else by the API
key, else by what was armed last; requests of the gateway's own at start-up are answered apart. A request for
which the case holds no recording gets a 501 that names the member, so that the gateway is not blamed for it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from pytest_httpserver import HTTPServer
from werkzeug.serving import WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from decibill._data import data_directory
from decibill.case import Step
from decibill.declaration import Probe
from decibill.errors import HarnessError
from decibill.redact import redact_headers
from decibill.statements import Attempt
from decibill.transcript import is_session, transcript
from decibill.upstream_answer import wire
from decibill.upstream_busy import Busy
from decibill.upstream_match import arrived, choose
from decibill.upstream_send import respond
from decibill.upstream_session import Session, asks_for_session

__all__ = ["FOREIGN_PORT", "ReplayUpstream", "Served", "Stray"]

FOREIGN_PORT: Final = 8471
"""The port for gateways that decibill does not start, so that their configuration can be written once."""

_LARGEST_REQUEST = 64 * 1024 * 1024
_LONGEST_HOLD_S = 2.0
_MOST_ATTEMPTS = 1000
_ARRIVED: Final = "decibill.arrived"
_BASE = re.compile(r"^/c/([^/]+)(/.*)?$")
_KEY_HEADERS = ("api-key", "x-api-key", "x-goog-api-key", "xi-api-key")


@dataclass(frozen=True, slots=True)
class Served:
    """One attempt, and the exchange that answered it."""

    attempt: Attempt
    exchange: Mapping[str, Any] | None
    session: Session | None = None


@dataclass(frozen=True, slots=True)
class Stray:
    """A request that belongs to no case."""

    method: str
    path: str
    why: str


@dataclass(slots=True)
class _Loaded:
    """What the upstream knows of one instance."""

    steps: Sequence[Step]
    hold: bool
    call_attempts: int = 0
    busy: Busy = field(default_factory=Busy)
    served: list[Served] = field(default_factory=list[Served])
    sessions: list[Session] = field(default_factory=list[Session])
    released: threading.Event = field(default_factory=threading.Event)
    gate: threading.Barrier | None = None
    """Where calls that are made at once wait for each other."""


class _Handler(WSGIRequestHandler):
    """Sends the body right behind the head, which would else wait 40 ms for an acknowledgement."""

    disable_nagle_algorithm = True
    _arrived = 0.0

    def parse_request(self) -> bool:
        self._arrived = time.monotonic()  # its first line has just come
        return super().parse_request()

    def make_environ(self) -> dict[str, Any]:
        return {**super().make_environ(), _ARRIVED: self._arrived}


class _Server(HTTPServer):
    """The server, with a bound on requests, without a growing log of them, and quick to stop."""

    def thread_target(self) -> None:
        assert self.server is not None
        self.server.RequestHandlerClass = _Handler
        self.server.serve_forever(poll_interval=0.02)

    def application(self, request: Request) -> Response:
        request.max_content_length = _LARGEST_REQUEST
        response = super().application(request)
        self.clear_log()
        return response


class ReplayUpstream:
    """The replay upstream as a context manager; its methods may be called from any thread.

    Args:
        host: address to listen on; loopback unless the user said otherwise.
        port: 0 for any free one.
        probes: requests that are answered apart from any case.
        fixtures: the fixtures root.
        on_attempt: called after each attempt with the instance's token, or None for a stray.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        probes: Iterable[Probe] = (),
        fixtures: Path | None = None,
        on_attempt: Callable[[str | None, Attempt], None] | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._probes = tuple(probes)
        self._root = fixtures or data_directory("fixtures")
        self._on_attempt = on_attempt
        self._lock = threading.Lock()
        self._loaded: dict[str, _Loaded] = {}
        self._keys: dict[str, str] = {}
        self._armed: str | None = None
        self._strays: list[Stray] = []
        # several threads, or the server would speak HTTP/1.0, where a cut stream looks finished
        self._server = _Server(host=host, port=port, threaded=True)
        self._server.expect_request(re.compile("")).respond_with_handler(self._handle)

    def __enter__(self) -> ReplayUpstream:
        _refuse_taken_port(self._host, self._port)
        logger = logging.getLogger("werkzeug")
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.ERROR)  # it would print a line for every request
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for loaded in self._loaded.values():
            loaded.released.set()
        self._server.stop()

    @property
    def url(self) -> str:
        """The address at which this machine reaches the upstream."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 - not bound
        return f"http://{self._server.format_host(host)}:{self._server.port}"

    @property
    def strays(self) -> tuple[Stray, ...]:
        """Requests that belonged to no case."""
        with self._lock:
            return tuple(self._strays)

    def load(
        self,
        token: str,
        steps: Sequence[Step],
        *,
        key: str | None = None,
        hold: bool = False,
        together: int = 1,
    ) -> None:
        """Make an instance of a case known.

        Args:
            token: names the instance in the base path.
            steps: what is answered to the first attempt of a call, the second, and so on.
            key: the API key that names the instance, where a key does.
            hold: whether the end of the answer is held back until `release`, at most two seconds.
            together: how many calls are made at once; none is answered before all are here, or two seconds
                have gone by.
        """
        with self._lock:
            gate = threading.Barrier(together) if together > 1 else None
            self._loaded[token] = _Loaded(steps, hold, gate=gate)
            if key is not None:
                self._keys[key] = token

    def begin(self, token: str, *, arm: bool = False) -> None:
        """Begin a new call: its first attempt gets the first step; *arm* answers any request with it."""
        with self._lock:
            self._loaded[token].call_attempts = 0
            self._loaded[token].sessions = []
            self._loaded[token].released.clear()
            if (gate := self._loaded[token].gate) is not None:
                gate.reset()
            if arm:
                self._armed = token

    def disarm(self) -> None:
        """Answer no request by arming any more."""
        with self._lock:
            self._armed = None

    def release(self, token: str) -> None:
        """Say that the client of the instance has gone, so that a held answer can end."""
        self._loaded[token].released.set()

    def has_answered(self, token: str, within_s: float = 0.0) -> bool:
        """Return whether no answer of the instance is on its way any more; wait a while for that."""
        return self._loaded[token].busy.is_over(within_s)

    def seconds(self, token: str) -> float:
        """Return how long requests of the instance were being answered since this was last asked.

        A request is being answered from when its first line has come until all of its answer is sent.
        """
        return self._loaded[token].busy.seconds()

    def take(self, token: str) -> tuple[Served, ...]:
        """Return the attempts of an instance since they were last taken, and forget them."""
        with self._lock:
            loaded = self._loaded[token]
            served = tuple(loaded.served)
            loaded.served = []
        return tuple(
            replace(each, attempt=replace(each.attempt, problem=each.session.problem))
            if each.session is not None
            else each
            for each in served
        )

    def has_played(self, token: str, entry: int, within_s: float = 0.0) -> bool:
        """Return whether the sessions of the current call are played up to *entry*; wait a while for it.

        A call that was answered without a session is over.
        """
        with self._lock:
            loaded = self._loaded[token]
            sessions, is_called = tuple(loaded.sessions), loaded.call_attempts > 0
        return is_called and all(session.has_played(entry, within_s) for session in sessions)

    def is_complete(self, token: str) -> bool:
        """Return whether the sessions of the current call are played to their end."""
        with self._lock:
            sessions = tuple(self._loaded[token].sessions)
        return bool(sessions) and all(session.is_complete for session in sessions)

    def _handle(self, request: Request) -> Response:
        if (probe := self._probe(request)) is not None:
            return _json(200, probe.json)  # before anything else: a gateway asks before the cases are known
        token, path = self._select(request)
        if token is None or token not in self._loaded:
            return self._stray(request, token)
        loaded = self._loaded[token]
        loaded.busy.begin(request.environ[_ARRIVED])
        try:
            response = self._attempt(token, loaded, request, path)
        except BaseException:
            loaded.busy.end()
            raise
        response.call_on_close(loaded.busy.end)
        return response

    def _select(self, request: Request) -> tuple[str | None, str]:
        if match := _BASE.match(request.path):
            return match[1], match[2] or "/"
        with self._lock:
            for name in _KEY_HEADERS:
                if (token := self._keys.get(request.headers.get(name, ""))) is not None:
                    return token, request.path
            bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
            return self._keys.get(bearer, self._armed), request.path

    def _probe(self, request: Request) -> Probe | None:
        for probe in self._probes:
            end = probe.path.removeprefix("*")
            fits = request.path.endswith(end) if probe.path.startswith("*") else request.path == end
            if probe.method == request.method and fits:
                return probe
        return None

    def _stray(self, request: Request, token: str | None) -> Response:
        if token is None:
            why = "it names no case by path or key, and none was armed"
        else:
            why = f"there is no case {token!r} in this run"
        with self._lock:
            if len(self._strays) < _MOST_ATTEMPTS:
                self._strays.append(Stray(request.method, request.path, why))
        if self._on_attempt is not None:
            shown = {"headers": redact_headers(dict(request.headers.items()))}
            self._on_attempt(None, Attempt(request.method, request.path, shown, 0, ("/path",)))
        return _refusal(f"decibill cannot tell which case {request.method} {request.path} is for: {why}", ())

    def _attempt(self, token: str, loaded: _Loaded, request: Request, path: str) -> Response:
        came = arrived(request, path)
        with self._lock:
            number = min(loaded.call_attempts, len(loaded.steps) - 1)
            loaded.call_attempts += 1
        choice = choose(loaded.steps[number], came)
        exchange = choice.answer.exchange if choice.answer is not None else None
        unmatched = choice.unmatched
        if exchange is not None and is_session(exchange) and not asks_for_session(came.document["headers"]):
            exchange, unmatched = None, ("/headers/upgrade",)
        attempt = Attempt(request.method, request.path, came.shown, number, unmatched)
        try:
            session = self._session(loaded, exchange)
            answer = wire(exchange, self._root) if exchange is not None and session is None else None
            failed = None
        except HarnessError as error:
            session, answer, failed = None, None, _refusal(str(error), ())
        with self._lock:
            if len(loaded.served) < _MOST_ATTEMPTS:
                loaded.served.append(Served(attempt, exchange, session))
        if self._on_attempt is not None:
            self._on_attempt(token, attempt)
        if failed is not None:
            return failed
        if loaded.gate is not None:
            with contextlib.suppress(threading.BrokenBarrierError):  # a gateway may make fewer calls at once
                loaded.gate.wait(_LONGEST_HOLD_S)
        if session is not None:
            return Response(_play(session, request))
        if answer is not None:
            return respond(answer, loaded.released if loaded.hold else None)
        members = ", ".join(unmatched)
        return _refusal(f"the case {token} holds no recording for this request: {members}", unmatched)

    def _session(self, loaded: _Loaded, exchange: Mapping[str, Any] | None) -> Session | None:
        """Return the session that is to be played, where the recorded answer is one."""
        if exchange is None or not is_session(exchange):
            return None
        entries = transcript(exchange, self._root)
        session = Session(entries, loaded.released, binary=exchange["provider"] == "gemini")
        with self._lock:
            loaded.sessions.append(session)
        return session


def _refuse_taken_port(host: str, port: int) -> None:
    """Say clearly that a port is taken; the server itself would print and exit."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            problem = "is in use by another program" if taken else f"cannot be listened on: {error.strerror}"
            option = "port" if taken else "bind"
            remedy = f"choose another with --upstream-{option} (decibill upstream: --{option})"
            raise HarnessError(f"port {port} of {host} {problem}; {remedy}") from None


def _json(status: int, value: Any) -> Response:
    return Response(json.dumps(value), status=status, content_type="application/json")


def _refusal(message: str, members: Sequence[str]) -> Response:
    error = {
        "message": message,
        "type": "decibill_no_recording",
        "code": "no_recording",
        "param": list(members),
    }
    return _json(501, {"error": error})


def _play(session: Session, request: Request) -> Iterator[bytes]:
    """Take the connection over for a session; the server itself has nothing to send on it."""
    session.play(request.environ["werkzeug.socket"], request.path, list(request.headers.items()))
    yield from ()
    raise ConnectionAbortedError
