"""The upstream plays the provider's side of a recorded session and goes no further than its client does."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from decibill import upstream_session
from decibill.case import Answer, Step
from decibill.transcript import DROPPED
from decibill.upstream_server import ReplayUpstream, Served
from decibill.websocket import WebSocket, connect
from tests.sessions import TURN, client, server

_TURN = [entry["frame"] for entry in TURN if entry["from"] == "server"]


@dataclass
class _Scene:
    """An upstream that has the one case ``c``."""

    upstream: ReplayUpstream

    def take(self) -> Served:
        (served,) = self.upstream.take("c")
        return served

    def wait(self) -> Served:
        """Return what was served when the session is over."""
        assert self.upstream.has_played("c", 1_000_000, 30)
        return self.take()


@contextmanager
def _upstream(entries: Sequence[Mapping[str, Any]] = TURN, **exchange: Any) -> Iterator[_Scene]:
    answer = {
        "provider": "openai",
        "operation": "realtime",
        "request": {"method": "GET", "path": "/v1/realtime?model=m"},
        "response": {"status": 101, "headers": {}, "events": list(entries)},
        **exchange,
    }
    with ReplayUpstream() as upstream:
        upstream.load("c", [Step((Answer({}, answer),))])
        upstream.begin("c")
        yield _Scene(upstream)


@contextmanager
def _gateway(scene: _Scene, path: str = "/v1/realtime") -> Iterator[WebSocket]:
    """Yield a session with the upstream, as a gateway opens one."""
    where = urlsplit(scene.upstream.url)
    with socket.create_connection((where.hostname or "", where.port or 0), 5) as sock:
        address = f"ws://{where.netloc}/c/c{path}?model=m"
        response, session = connect(sock, address, [("authorization", "Bearer x")], timeout_s=10)
        assert response.status_code == 101, response.body
        assert session is not None
        yield session


def _kinds(session: WebSocket, count: int) -> list[str]:
    return [json.loads(session.receive(10) or "{}").get("type") for _ in range(count)]


def test_frames_are_played_up_to_the_next_of_the_client_and_then_on() -> None:
    with _upstream() as scene, _gateway(scene) as session:
        assert _kinds(session, 1) == ["session.created"]
        assert session.receive(0.1) is None
        session.send('{"type": "session.update"}')
        assert _kinds(session, 1) == ["session.updated"]
        session.send('{"type": "response.create"}')
        assert _kinds(session, 2) == ["response.created", "response.done"]
        assert scene.upstream.has_played("c", len(TURN), 10)
        assert scene.upstream.is_complete("c")
        session.close(1000, 10)
        served = scene.wait()
    assert served.attempt.path == "/c/c/v1/realtime"
    assert served.attempt.request["headers"]["authorization"] == "[redacted]"
    assert served.attempt.problem is None


def test_every_frame_arrives_as_it_was_recorded() -> None:
    with _upstream() as scene, _gateway(scene) as session:
        for kind in ("session.update", "response.create"):
            session.send(json.dumps({"type": kind}))
        assert [json.loads(session.receive(10) or "") for _ in _TURN] == _TURN


def test_frames_of_the_gateways_own_are_passed_over_and_noted() -> None:
    with _upstream() as scene, _gateway(scene) as session:
        for text in ('{"type": "conversation.item.create"}', "no json", "[]"):
            session.send(text)
        for kind in ("session.update", "response.create"):
            session.send(json.dumps({"type": kind}))
        assert _kinds(session, 4)[-1] == "response.done"
        session.send('{"type": "after.all"}')
        session.close(1000, 10)
        played = scene.wait().session
    assert played is not None
    assert played.passed_over == ["conversation.item.create", "", "", "after.all"]


@pytest.mark.parametrize("member", ["clientContent", "client_content"])
def test_frames_of_gemini_are_binary_and_known_by_their_first_member(member: str) -> None:
    entries = [
        {"from": "client", "frame": {"setup": {}}},
        {"from": "server", "frame": {"setupComplete": {}}},
        {"from": "client", "frame": {"clientContent": {}}},
        {"from": "server", "frame": {"serverContent": {"turnComplete": True}}},
    ]
    path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
    request = {"method": "GET", "path": path}
    upstream = _upstream(entries, provider="gemini", request=request)
    with upstream as scene, _gateway(scene, path.replace("v1beta", "v1alpha")) as session:
        session.send('{"setup": {}}')
        session.send(json.dumps({member: {}}), binary=True)
        assert json.loads(session.receive(10) or "") == {"setupComplete": {}}
        assert json.loads(session.receive(10) or "") == entries[3]["frame"]


@pytest.mark.parametrize("code", [1000, 4001, DROPPED])
def test_the_server_ends_a_session_as_recorded(code: int) -> None:
    entries = [server("session.created"), {"from": "server", "close": code}]
    with _upstream(entries) as scene, _gateway(scene) as session:
        assert _kinds(session, 1) == ["session.created"]
        assert session.receive(10) is None
        assert session.closed == code
        session.drain()
        assert scene.upstream.is_complete("c")


@pytest.mark.parametrize("code", [1000, DROPPED])
def test_a_session_that_its_client_ends_is_over_when_the_gateway_ends_it(code: int) -> None:
    entries = [server("session.created"), {"from": "client", "close": code}]
    with _upstream(entries) as scene, _gateway(scene) as session:
        assert _kinds(session, 1) == ["session.created"]
        session.close(code, 10)
        assert scene.wait().attempt.problem is None


def test_a_frame_that_never_comes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_session, "FRAME_WITHIN_S", 0.1)
    entries = [client("input.append"), client("input.append"), server("input.committed")]
    with _upstream(entries) as scene, _gateway(scene) as session:
        session.send('{"type": "input.append"}')
        problem = scene_problem(scene, session)
    assert problem == "the frame 'input.append' of the client, number 2, never came through the gateway"


def scene_problem(scene: _Scene, session: WebSocket) -> str | None:
    """Return why the session stopped, once the gateway has been told that it is over."""
    while session.closed is None:
        session.receive(0.1)
    session.drain(10)
    return scene.wait().attempt.problem


def test_no_frame_is_waited_for_when_the_client_has_gone() -> None:
    with _upstream() as scene, _gateway(scene) as session:
        assert _kinds(session, 1) == ["session.created"]
        scene.upstream.release("c")
        assert scene_problem(scene, session) is None
        assert not scene.upstream.is_complete("c")


def test_a_gateway_that_hangs_up_has_a_session_that_is_not_complete() -> None:
    with _upstream() as scene:
        with _gateway(scene) as session:
            assert _kinds(session, 1) == ["session.created"]
        assert scene.upstream.has_played("c", len(TURN), 10), "it is over"
        assert not scene.upstream.is_complete("c")
        assert scene.take().attempt.problem is None


def test_a_flood_of_frames_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_session, "_MOST_FRAMES", 5)
    with _upstream() as scene, _gateway(scene) as session:
        for _ in range(10):
            session.send("{}")
        assert scene_problem(scene, session) == "the gateway sent more than 5 frames"


def test_garbage_in_place_of_frames_ends_the_session() -> None:
    with _upstream() as scene:
        where = urlsplit(scene.upstream.url)
        with socket.create_connection((where.hostname or "", where.port or 0), 5) as sock:
            _, session = connect(sock, f"ws://{where.netloc}/c/c/v1/realtime", [], timeout_s=10)
            assert session is not None
            sock.sendall(b"\xff\xff\xff\xff")
            assert "no WebSocket" in (scene_problem(scene, session) or "")


def test_a_gateway_that_never_ends_its_session_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_session, "LONGEST_S", 0.1)
    with _upstream([server("session.created")]) as scene, _gateway(scene) as session:
        assert scene_problem(scene, session) is None
        assert session.closed == 1000


def test_an_upstream_that_stops_ends_its_sessions() -> None:
    with _upstream([server("session.created")]) as scene:
        where = urlsplit(scene.upstream.url)
        sock = socket.create_connection((where.hostname or "", where.port or 0), 5)
        _, session = connect(sock, f"ws://{where.netloc}/c/c/v1/realtime", [], timeout_s=10)
    with sock:
        assert session is not None
        session.drain(10)
        assert session.closed is not None


# what opens no session


def _refused(scene: _Scene, path: str, headers: Sequence[tuple[str, str]] = ()) -> tuple[int, bytes]:
    where = urlsplit(scene.upstream.url)
    with socket.create_connection((where.hostname or "", where.port or 0), 5) as sock:
        response, session = connect(sock, f"ws://{where.netloc}/c/c{path}", headers, timeout_s=10)
        assert session is None
        return response.status_code, bytes(response.body)


def test_a_provider_that_refuses_a_session_answers_with_its_status() -> None:
    response = {"status": 429, "headers": {"content-type": "application/json"}, "json": {"error": {}}}
    with _upstream(response=response) as scene:
        assert _refused(scene, "/v1/realtime") == (429, b'{"error": {}}')
        assert scene.take().attempt.unmatched == ()


def test_a_session_of_another_endpoint_is_not_recorded() -> None:
    with _upstream() as scene:
        status, _ = _refused(scene, "/v1/realtime/translations")
        assert (status, scene.take().attempt.unmatched) == (501, ("/path",))


def test_a_request_that_asks_for_no_session_gets_none() -> None:
    with _upstream() as scene:
        answer = httpx.get(f"{scene.upstream.url}/c/c/v1/realtime", trust_env=False)
        assert answer.status_code == 501
        assert scene.take().attempt.unmatched == ("/headers/upgrade",)


def test_a_transcript_that_is_none_is_said_to_be() -> None:
    with _upstream(response={"status": 101, "headers": {}, "events": {}}) as scene:
        status, body = _refused(scene, "/v1/realtime")
        assert status == 501
        assert b"holds no transcript" in body


def test_nothing_is_played_before_a_session_begins() -> None:
    with _upstream() as scene:
        assert not scene.upstream.has_played("c", 0)
        assert not scene.upstream.is_complete("c")
