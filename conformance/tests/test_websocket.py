"""A WebSocket is bounded in time and size whatever the other end does, and says in words what went wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from decibill import websocket
from decibill.transcript import DROPPED
from decibill.websocket import SessionError, WebSocket, accept, connect
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Protocol, Side

_UPGRADE = {"Host": "h", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
_KEY = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


@contextmanager
def _pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@contextmanager
def _session(send_s: float = 5.0) -> Iterator[tuple[WebSocket, WebSocket, socket.socket]]:
    """Yield a client and a server, open to each other, and the server's socket."""
    with _pair() as (near, far):
        client = WebSocket(near, Protocol(Side.CLIENT, max_size=1000), send_s=send_s)
        yield client, WebSocket(far, Protocol(Side.SERVER, max_size=1000), send_s=send_s), far


@contextmanager
def _answering(answer: Callable[[socket.socket], None]) -> Iterator[socket.socket]:
    """Yield a connection to somebody who has read the handshake and answers as *answer* says."""
    with _pair() as (near, far):

        def run() -> None:
            far.recv(65_536)
            answer(far)

        thread = threading.Thread(target=run)
        thread.start()
        yield near
        thread.join()


def test_messages_arrive_in_order_whether_text_or_binary() -> None:
    with _session() as (client, server, _):
        assert server.send("one")
        assert server.send("two", binary=True)
        assert [client.receive(5), client.receive(5)] == ["one", "two"]
        assert client.receive(0) is None
        assert client.closed is None


def test_a_message_in_pieces_is_one() -> None:
    with _session() as (client, _, far):
        for opcode, text, is_last in ((Opcode.TEXT, b"a", False), (Opcode.CONT, b"b", True)):
            far.sendall(Frame(opcode, text, is_last).serialize(mask=False))
        assert client.receive(5) == "ab"


def test_a_ping_is_answered_and_is_no_message() -> None:
    with _session() as (client, _, far):
        far.sendall(Frame(Opcode.PING, b"").serialize(mask=False))
        far.sendall(Frame(Opcode.TEXT, b"x").serialize(mask=False))
        assert client.receive(5) == "x"
        assert far.recv(100)[0] == 0x80 | Opcode.PONG


def test_a_closed_session_keeps_what_came_before_and_takes_no_more() -> None:
    with _session() as (client, server, _):
        server.send("last")
        closing = threading.Thread(target=server.close, args=(4001, 5))
        closing.start()
        assert client.receive(5) == "last"
        assert client.receive(5) is None
        assert client.closed == 4001
        assert not client.send("too late")
        client.drain()
        closing.join()
        assert server.closed == 4001


def test_a_dropped_session_keeps_what_came_before() -> None:
    with _session() as (client, server, _):
        server.send("last")
        server.close(DROPPED, 0)
        assert client.receive(5) == "last"
        assert client.receive(5) is None
        assert client.closed == DROPPED


def test_an_end_that_went_away_takes_nothing() -> None:
    with _session() as (client, _, far):
        far.close()
        assert client.receive(5) is None
        assert not client.send("nobody")
        client.close(1000, 5)
        assert client.closed == DROPPED


def test_sending_to_nobody_is_noticed() -> None:
    with _session() as (client, _, far):
        far.close()
        assert not client.send("x") or not client.send("y")


def test_garbage_is_no_websocket_and_what_came_before_is_kept() -> None:
    with _session() as (client, server, far):
        server.send("first")
        far.sendall(b"\xff\xff\xff\xff")
        assert client.receive(5) == "first"
        with pytest.raises(SessionError, match="no WebSocket"):
            client.receive(5)


def test_a_message_that_is_too_large_is_refused() -> None:
    with _session() as (client, server, _):
        server.send("x" * 2000)
        with pytest.raises(SessionError, match="no WebSocket"):
            client.receive(5)


def test_a_session_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "LARGEST_SESSION", 100)
    with _session() as (client, server, _):
        server.send("x" * 200)
        with pytest.raises(SessionError, match="more than 100 bytes"):
            client.receive(5)
        client.drain()


def test_an_end_that_does_not_read_is_not_waited_for() -> None:
    with _session(send_s=0.05) as (client, _, __):
        with pytest.raises(SessionError, match="was not taken within"):
            all(client.send("x" * 900) for _ in range(10_000))
        client.close(1000, 0)


# handshakes


def test_a_session_is_asked_for_and_opened() -> None:
    heard: list[bytes] = []

    def answer(far: socket.socket) -> None:
        heard.append(far.recv(65_536))
        lines = dict(line.split(": ", 1) for line in heard[0].decode().split("\r\n")[1:-2])
        accept(far, Request("/x", Headers(lines)), send_s=5).send("hello")

    with _pair() as (near, far):
        thread = threading.Thread(target=answer, args=(far,))
        thread.start()
        response, session = connect(near, "ws://h/x?a=b", [("authorization", "Bearer x")], timeout_s=5)
        thread.join()
        assert response.status_code == 101
        assert session is not None
        assert session.receive(5) == "hello"
    assert heard[0].startswith(b"GET /x?a=b HTTP/1.1\r\n")
    assert b"authorization: Bearer x\r\n" in heard[0]


@pytest.mark.parametrize(("offered", "chosen"), [("mqtt, realtime", True), ("mqtt", False)])
def test_the_subprotocol_of_realtime_is_chosen_where_it_is_offered(offered: str, chosen: bool) -> None:
    with _pair() as (near, far):
        accept(far, Request("/", Headers({**_UPGRADE, **_KEY, "Sec-WebSocket-Protocol": offered})), send_s=5)
        assert (b"Sec-WebSocket-Protocol: realtime" in near.recv(65_536)) is chosen


def test_a_handshake_that_is_none_is_answered_and_refused() -> None:
    with _pair() as (near, far):
        with pytest.raises(SessionError, match="handshake failed"):
            accept(far, Request("/", Headers(_UPGRADE)), send_s=5)
        assert near.recv(65_536).startswith(b"HTTP/1.1 400")


def test_a_refusal_is_the_answer() -> None:
    refusal = b"HTTP/1.1 429 Too Many\r\ncontent-length: 2\r\nx-call: c\r\n\r\nno"
    with _answering(lambda far: far.sendall(refusal)) as near:
        response, session = connect(near, "ws://h/x", [], timeout_s=5)
    assert (response.status_code, response.body, session) == (429, b"no", None)
    assert response.headers["x-call"] == "c"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", "failed"),
        (b"SSH-2.0-OpenSSH\r\n", "cannot be read"),
        (b"", "cannot be read"),
    ],
    ids=["without-its-key", "of-another-protocol", "none"],
)
def test_an_answer_that_is_no_handshake_is_refused(answer: bytes, says: str) -> None:
    def tell(far: socket.socket) -> None:
        far.sendall(answer)
        far.shutdown(socket.SHUT_WR)

    with _answering(tell) as near, pytest.raises(SessionError, match=says):
        connect(near, "ws://h/x", [], timeout_s=5)


def test_an_answer_that_never_comes_is_not_waited_for() -> None:
    with _answering(lambda _: None) as near, pytest.raises(SessionError, match="no answer to the handshake"):
        connect(near, "ws://h/x", [], timeout_s=0.1)


def test_an_answer_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "LARGEST_SESSION", 100)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + b"x" * 200
    with _answering(lambda far: far.sendall(head)) as near, pytest.raises(SessionError, match="too large"):
        connect(near, "ws://h/x", [], timeout_s=5)
