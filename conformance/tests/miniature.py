"""A gateway small enough to be wrong in any way that a test needs, on a real loopback port."""

from __future__ import annotations

import http.client
import http.server
import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

__all__ = ["Miniature", "Reply"]


@dataclass
class Reply:
    """What the miniature does with one call after the upstream has answered."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Miniature:
    """A pass-through gateway with a ledger.

    Its model names are tokens of cases. Every attribute can be set by a test to break it.
    """

    upstream: str
    cost: Callable[[str], str | float | None] = lambda _: None
    key: str | None = None
    change: Callable[[Reply], Reply] = lambda reply: reply
    rows_per_call: int = 1
    row_delay_s: float = 0.0
    answer_delay_s: float = 0.0
    calls_upstream: bool = True
    rows: list[dict[str, object]] = field(default_factory=list)
    raw_ledger: bytes | None = None
    ledger_status: int = 200
    seen: list[Mapping[str, str]] = field(default_factory=list)

    def __enter__(self) -> Miniature:
        gateway = self
        self._serial = itertools.count(1)
        self._timers: list[threading.Timer] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gateway.get(self)

            def do_POST(self) -> None:
                gateway.post(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        for timer in self._timers:
            timer.join()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def get(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        path = urlsplit(handler.path).path
        if path.startswith("/usage/"):
            found = [row for row in self.rows if row["id"] == path.removeprefix("/usage/")]
            body = json.dumps(found[0] if found else {}).encode()
            self.answer(handler, Reply(200 if found else 404, {}, body))
        elif path == "/usage":
            body = self.raw_ledger or json.dumps({"data": self.rows}).encode()
            self.answer(handler, Reply(self.ledger_status, {}, body))
        else:
            self.answer(handler, Reply(404, {}, b"{}"))

    def post(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"]))
        self.seen.append({name.lower(): value for name, value in handler.headers.items()})
        if self.key is not None and handler.headers.get("authorization") != f"Bearer {self.key}":
            self.answer(handler, Reply(401, {}, b'{"error": "no such key"}'))
            return
        time.sleep(self.answer_delay_s)
        model = _model(body)
        reply = self.forward(handler, model, body) if self.calls_upstream else Reply(200, {}, b"{}")
        call_id = f"call-{next(self._serial)}"
        cost = self.cost(model)
        if cost is not None:
            reply.headers["x-cost"] = str(cost)
        reply.headers["x-call"] = call_id
        for number in range(self.rows_per_call):
            row = {"id": call_id, "row": f"{call_id}/{number}", "model": model, "cost": cost, "usage": {}}
            timer = threading.Timer(self.row_delay_s, self.rows.append, [row])
            if self.row_delay_s:
                timer.start()
                self._timers.append(timer)
            else:
                self.rows.append(row)
        self.answer(handler, self.change(reply))

    def forward(self, handler: http.server.BaseHTTPRequestHandler, model: str, body: bytes) -> Reply:
        where = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=5)
        path = f"{where.path.format(model=model)}{handler.path.removeprefix('/v1')}"
        try:
            kind = handler.headers["content-type"]
            headers = {"content-type": kind, "authorization": f"Bearer key-{model}"}
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            try:
                content = response.read()
            except http.client.IncompleteRead as cut:
                content = cut.partial
            return Reply(
                response.status, {"content-type": response.headers["content-type"] or "text/plain"}, content
            )
        finally:
            connection.close()

    def answer(self, handler: http.server.BaseHTTPRequestHandler, reply: Reply) -> None:
        try:
            handler.send_response(reply.status)
            for name, value in reply.headers.items():
                handler.send_header(name, value)
            handler.send_header("content-length", str(len(reply.body)))
            handler.end_headers()
            handler.wfile.write(reply.body)
        except ConnectionError:
            handler.close_connection = True


def _model(body: bytes) -> str:
    if body.startswith(b"{"):
        return str(json.loads(body)["model"])
    after = body.split(b'name="model"\r\n\r\n', 1)[1]
    return after.split(b"\r\n", 1)[0].decode()
