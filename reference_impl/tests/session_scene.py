"""A provider of sessions on the loopback interface, and a client of the gateway before it."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import serve
from websockets.typing import Subprotocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.gateway_scene import Running
    from websockets.http11 import Request, Response
    from websockets.sync.client import ClientConnection
    from websockets.sync.server import ServerConnection

__all__ = ["Provider", "calling", "drop", "end_of", "event", "providing"]

Frame = str | bytes


@dataclass
class Provider:
    """A provider that plays frames, then does what it is told, and notes what it gets."""

    play: Sequence[Frame] = ()
    wait_for: int = 0
    """How many frames of the client it waits for before it plays."""

    then: Callable[[ServerConnection], object] | None = None
    """What it does next; without, it waits until the session is ended."""

    refuse: list[tuple[int, str]] = field(default_factory=list)
    """What it answers in place of a session, as often as there is something here."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    ends: list[ConnectionClosed] = field(default_factory=list)

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        self.headers.append({name.lower(): value for name, value in request.headers.raw_items()})
        if not self.refuse:
            return None
        status, text = self.refuse.pop(0)
        answer = connection.respond(status, text)  # type: ignore[arg-type] # any number is one
        answer.headers["Location"] = "ws://127.0.0.1:1/"
        return answer

    def serve(self, connection: ServerConnection) -> None:
        try:
            for _ in range(self.wait_for):
                self.frames.append(connection.recv())
            for frame in self.play:
                connection.send(frame)
            if self.then is not None:
                self.then(connection)
            while True:
                self.frames.append(connection.recv())
        except ConnectionClosed as end:
            self.ends.append(end)


@contextlib.contextmanager
def providing(provider: Provider) -> Iterator[Provider]:
    with serve(
        provider.serve,
        "127.0.0.1",
        0,
        process_request=provider.answer,
        select_subprotocol=lambda _, offered: Subprotocol("realtime") if "realtime" in offered else None,
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        provider.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def calling(gateway: Running, path: str, **options: Any) -> Iterator[ClientConnection]:
    address = gateway.url.replace("http", "ws", 1) + path
    with connect(address, proxy=None, max_size=None, **options) as client:
        yield client


def end_of(client: ClientConnection) -> tuple[int, str]:
    """Read what there is, and return with which code and reason the session was ended."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            client.recv(timeout=10)
    assert client.close_code is not None
    return client.close_code, client.close_reason or ""


def drop(connection: ServerConnection | ClientConnection) -> None:
    """Break the connection off without a word."""
    connection.socket.shutdown(socket.SHUT_RDWR)


def event(kind: str, **members: Any) -> str:
    return json.dumps({"type": kind, **members})
