"""A gateway for sessions, small enough to be wrong in any way that a test needs, on a real loopback port."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.http11 import Request, Response
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

__all__ = ["SessionMiniature"]

Frames = Iterator[str | bytes]
_DROPPED = 1006


def _as_it_is(frame: str | bytes) -> Frames:
    yield frame


@dataclass
class SessionMiniature:
    """Passes the frames of sessions on and keeps a row of each; its model names are tokens of cases.

    Every attribute can be set by a test to break it.
    """

    upstream: str
    """Address of the provider with ``{model}`` in it."""

    cost: Callable[[str], str | None] = lambda _: None
    to_provider: Callable[[str | bytes], Frames] = _as_it_is
    to_client: Callable[[str | bytes], Frames] = _as_it_is
    refuses: int | None = None
    ends_after: int | None = None
    """How many server frames it passes on before it ends the session."""

    calls_upstream: bool = True
    extra: dict[str, Any] = field(default_factory=dict)
    """Further arguments of the call to the provider, such as headers."""

    closes_client: bool = True
    """Whether the client is told when the provider ends the session."""

    rows: list[dict[str, object]] = field(default_factory=list)
    seen: list[Headers] = field(default_factory=list)
    closed_by_client: list[int] = field(default_factory=list)

    def __enter__(self) -> SessionMiniature:
        silent = logging.getLogger("tests.miniature_session")
        silent.setLevel(logging.CRITICAL)
        self._server = serve(
            self.session,
            "127.0.0.1",
            0,
            process_request=self.request,
            process_response=self.response,
            compression=None,
            logger=silent,
        )
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def request(self, _: ServerConnection, request: Request) -> Response | None:
        if "upgrade" not in request.headers:
            body = json.dumps({"data": self.rows}).encode()
            head = Headers({"content-type": "application/json", "content-length": str(len(body))})
            return Response(200, "OK", head, body)
        self.seen.append(request.headers)
        if self.refuses is not None:
            return Response(self.refuses, "No", Headers({"content-length": "0"}))
        return None

    def response(self, _: ServerConnection, __: Request, response: Response) -> None:
        response.headers["x-call"] = f"call-{len(self.seen)}"

    def session(self, client: ServerConnection) -> None:
        assert client.request is not None
        assert client.response is not None
        model = parse_qs(urlsplit(client.request.path).query)["model"][0]
        call = client.response.headers["x-call"]
        try:
            if self.calls_upstream:
                path = client.request.path.removeprefix("/v1")
                address = "ws" + self.upstream.format(model=model).removeprefix("http") + path
                refused = contextlib.suppress(WebSocketException, OSError)
                with refused, connect(address, compression=None, proxy=None, **self.extra) as provider:
                    self.carry(client, provider)
            else:
                self.listen(client, lambda _: None)
        finally:
            self.rows.append({"id": call, "row": call, "model": model, "cost": self.cost(model)})

    def carry(self, client: ServerConnection, provider: ClientConnection) -> None:
        up = threading.Thread(target=self.upwards, args=(client, provider))
        up.start()
        passed = 0
        with contextlib.suppress(ConnectionClosed):
            for frame in provider:
                for each in self.to_client(frame):
                    client.send(each)
                passed += 1
                if passed == self.ends_after:
                    break
        if self.ends_after is not None:
            client.close(1011)
        elif self.closes_client:
            code = provider.protocol.close_code or 1000
            client.close(1011 if code == _DROPPED else code)
        up.join()

    def upwards(self, client: ServerConnection, provider: ClientConnection) -> None:
        def send(frame: str | bytes) -> None:
            for each in self.to_provider(frame):
                provider.send(each)

        self.listen(client, send)
        provider.close()

    def listen(self, client: ServerConnection, send: Callable[[str | bytes], None]) -> None:
        with contextlib.suppress(ConnectionClosed):
            for frame in client:
                send(frame)
        self.closed_by_client.append(client.protocol.close_code or 0)
