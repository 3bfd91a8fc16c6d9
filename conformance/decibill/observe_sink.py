"""Receiving the records that a gateway pushes: a loopback listener of the run, with one address a source.

A gateway posts a JSON object, or an array of them where it collects several; each object is one record. What
was pushed cannot be asked for again, so a record that no call claims yet is kept until one does.
"""

from __future__ import annotations

import http.server
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final

from decibill import jsonio
from decibill.errors import HarnessError, InvalidFileError
from decibill.observe_ledger import Ledger, Record, SentCall, is_list

__all__ = ["SINK_PORT", "Sink", "SinkLedger"]

SINK_PORT: Final = 8472
"""The port for gateways that decibill does not start, so that their configuration can be written once."""

_HOST: Final = "127.0.0.1"
_LARGEST: Final = 32 * 1024 * 1024
_MOST: Final = 100_000
_CLIENT_WAITS_S: Final = 10.0


@dataclass(slots=True)
class _Inbox:
    """What was posted to one address."""

    documents: list[Any] = field(default_factory=list[Any])
    problem: str | None = None


class _Server(http.server.ThreadingHTTPServer):
    """The server; a gateway that hangs up before it is answered is no reason to print a traceback."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Sink:
    """The listener, as a context manager; its methods may be called from any thread.

    Args:
        sources: ids of the sources that are pushed to; nothing else is taken.
        port: 0 for any free one.
    """

    def __init__(self, sources: Iterable[str], *, port: int = 0) -> None:
        self._inboxes: Mapping[str, _Inbox] = {source: _Inbox() for source in sources}
        self._lock = threading.Lock()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = _CLIENT_WAITS_S

            def do_POST(self) -> None:
                sink._post(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of http.server
                """Keep quiet."""

        try:
            self._server = _Server((_HOST, port), Handler)
        except OSError as error:
            raise HarnessError(
                f"port {port} of {_HOST}, to which the gateway pushes its records, cannot be listened on: "
                f"{error.strerror}"
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Sink:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, source: str) -> str:
        """Return the address for the records of *source*."""
        return f"http://{_HOST}:{self._server.server_port}/{source}"

    def take(self, source: str) -> tuple[tuple[Any, ...], str | None]:
        """Return what was posted for *source* since the last time, and why something was not taken."""
        with self._lock:
            inbox = self._inboxes[source]
            taken = tuple(inbox.documents)
            inbox.documents = []
            return taken, inbox.problem

    def _post(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        inbox = self._inboxes.get(handler.path.partition("?")[0].removeprefix("/"))
        status, problem = 404, None
        if inbox is not None:
            status, problem = self._receive(handler, inbox)
        if inbox is not None and problem is not None:
            with self._lock:
                # the first says most: a record that is lost once stays lost
                inbox.problem = inbox.problem or f"a POST of the gateway to {handler.path} {problem}"
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", "2")
        if status != 200:
            handler.send_header("connection", "close")  # its body may not have been read
        handler.end_headers()
        handler.wfile.write(b"{}")

    def _receive(self, handler: http.server.BaseHTTPRequestHandler, inbox: _Inbox) -> tuple[int, str | None]:
        """Keep what is posted; return the status to answer with, and why it was not kept."""
        length = handler.headers.get("content-length", "")
        if not length.isdecimal():
            return 411, "does not say how long it is"
        if int(length) > _LARGEST:
            return 413, f"is longer than {_LARGEST} bytes"
        if handler.headers.get("content-encoding", "identity") != "identity":
            return 415, f"is encoded as {handler.headers['content-encoding']}"
        try:
            document = jsonio.loads(handler.rfile.read(int(length)), "it")
        except OSError as error:
            return 408, f"broke off: {error}"
        except InvalidFileError as error:
            return 400, f"is {error.problem}"
        records = document if is_list(document) else [document]
        if not all(isinstance(record, Mapping) for record in records):
            return 400, "holds something that is no JSON object"
        with self._lock:
            if len(inbox.documents) + len(records) > _MOST:
                return 413, f"is one too many: {_MOST} records wait already"
            inbox.documents += records
        return 200, None


@dataclass(slots=True)
class SinkLedger(Ledger):
    """The records of one source that are pushed to the run."""

    sink: Sink = field(kw_only=True)
    _unclaimed: list[Any] = field(default_factory=list[Any])

    def forget_what_is_there(self, values: Iterable[Mapping[str, str]]) -> None:  # noqa: ARG002 - all are forgotten
        """Forget what was pushed before the run."""
        self.sink.take(self.source.id)

    def read(self, calls: Sequence[SentCall] | None = None) -> None:  # noqa: ARG002 - nothing is asked for
        """Give each record that was pushed to its call; whichever *calls* are asked about."""
        pushed, self.problem = self.sink.take(self.source.id)
        waiting, self._unclaimed = [*self._unclaimed, *pushed], []
        for document in waiting:
            where = f"the record pushed to sink {self.source.id}"
            if not self._give(Record(self._identity(document), document, where)):
                self._unclaimed.append(document)
