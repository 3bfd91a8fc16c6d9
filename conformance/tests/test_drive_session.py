"""A session goes through a gateway frame by frame, and every way in which it can end is seen."""

from __future__ import annotations

import contextlib
import json
import shlex
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from decibill import session_client, upstream_session
from decibill.declaration_read import parse
from decibill.drive import DriveOptions, drive
from decibill.judge import judge
from decibill.outcome import Outcome
from decibill.plan import plan
from decibill.process import free_port
from decibill.statements import Observation
from decibill.transcript import DROPPED
from tests.driven import only
from tests.sessions import PRICE, TURN, client, declared, hold, server, session_case


def test_a_session_passes_through_a_gateway_and_is_observed_at_every_source() -> None:
    driven, gateway, _ = hold([session_case()])
    observation = only(driven)
    (delivery,) = observation.deliveries
    assert delivery.error is None
    assert delivery.status == 101
    assert delivery.frames is not None
    assert len(delivery.frames) == 4
    (attempt,) = observation.attempts
    assert (attempt.method, attempt.path, attempt.problem) == ("GET", "/c/test--session/v1/realtime", None)
    body, ledger = observation.sources[0]
    assert body.usage["input_tokens"].value == 24
    assert body.sent["output_tokens"] == 9
    assert ledger.cost is not None
    assert ledger.cost.value == Decimal(PRICE)
    assert len(ledger.records) == 1
    assert gateway.closed_by_client == [1000]


def test_the_client_says_the_gateways_name_for_the_model() -> None:
    heard: list[Any] = []

    def listen(frame: str | bytes) -> Iterator[str | bytes]:
        heard.append(json.loads(frame))
        yield frame

    hold([session_case()], to_provider=listen)
    assert heard == [
        {"type": "session.update", "session": {"model": "test--session"}},
        {"type": "response.create"},
    ]


def test_a_session_can_be_repeated_by_hand() -> None:
    driven, _, _ = hold([session_case()])
    line = only(driven).curl
    said, _, told = line.partition(" | ")
    assert shlex.split(said.strip("()"))[:3] == [
        "printf",
        "%s\\n",
        '{"type": "session.update", "session": {"model": "test--session"}};',
    ]
    address = "ws" + driven.gateway_url.removeprefix("http")
    assert shlex.split(told) == ["websocat", "--text", f"{address}/v1/realtime?model=test--session"]


@pytest.mark.parametrize("behaviour", [{"repeat": 2}, {"parallel": 3}])
def test_several_sessions_of_one_case_have_an_observation_each(behaviour: dict[str, int]) -> None:
    case = session_case()
    document = {**case.document, "when": {**case.document["when"], "client": behaviour}}
    driven, _, _ = hold([session_case(document=document)])
    observation = only(driven)
    count = next(iter(behaviour.values()))
    assert [delivery.error for delivery in observation.deliveries] == [None] * count
    assert [len(sources[1].records) for sources in observation.sources] == [1] * count


# ends


@pytest.mark.parametrize(("code", "told"), [(1000, 1000), (4001, 4001), (DROPPED, 1011)])
def test_a_session_that_the_provider_ends_is_no_fault(code: int, told: int) -> None:
    driven, gateway, _ = hold([session_case([*TURN, {"from": "server", "close": code}])])
    observation = only(driven)
    assert observation.deliveries[0].error is None
    assert len(observation.sources[0][1].records) == 1
    assert gateway.closed_by_client == [told]


def test_a_gateway_may_keep_its_client_when_the_provider_has_gone() -> None:
    case = session_case([*TURN, {"from": "server", "close": 1000}])
    driven, gateway, _ = hold([case], closes_client=False)
    assert only(driven).deliveries[0].error is None
    assert gateway.closed_by_client == [1000]


@pytest.mark.parametrize("code", [1000, 1001, DROPPED])
def test_a_client_ends_a_session_where_the_transcript_says_so(code: int) -> None:
    driven, gateway, _ = hold([session_case([*TURN[:5], {"from": "client", "close": code}])])
    observation = only(driven)
    assert observation.deliveries[0].error is None
    assert len(observation.deliveries[0].frames or ()) == 3
    assert len(observation.sources[0][1].records) == 1
    assert gateway.closed_by_client == [code]


# gateways that do otherwise


def _without(kind: str) -> Callable[[str | bytes], Iterator[str | bytes]]:
    def swallow(frame: str | bytes) -> Iterator[str | bytes]:
        if json.loads(frame)["type"] != kind:
            yield frame

    return swallow


def test_frames_that_a_gateway_keeps_from_its_client_do_not_stop_it() -> None:
    driven, _, _ = hold([session_case()], to_client=_without("session.updated"))
    (delivery,) = only(driven).deliveries
    assert delivery.error is None
    assert [json.loads(frame)["type"] for frame in delivery.frames or ()] == [
        "session.created",
        "response.created",
        "response.done",
    ]


def test_a_gateway_may_say_more_than_the_provider_and_the_client() -> None:
    def twice(frame: str | bytes) -> Iterator[str | bytes]:
        yield '{"type": "x-gateway"}'
        yield frame

    driven, _, _ = hold([session_case()], to_client=twice, to_provider=twice)
    observation = only(driven)
    assert observation.deliveries[0].error is None
    assert observation.attempts[0].problem is None
    assert len(observation.deliveries[0].frames or ()) == 8


def test_a_frame_that_never_comes_through_is_not_the_gateways_bill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_session, "FRAME_WITHIN_S", 0.3)
    case = session_case()
    driven, _, declaration = hold([case], to_provider=_without("response.create"))
    (instance,) = plan(declaration, [case]).instances
    results = judge(case, instance, only(driven), declaration)
    assert {result.outcome for result in results} == {Outcome.NOT_TESTABLE}
    assert "'response.create' of the client never came through" in results[0].because


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_gateway_that_ends_a_session_has_answered_with_an_error(frames: int) -> None:
    case = session_case()
    driven, _, declaration = hold([case], ends_after=frames)
    assert only(driven).deliveries[0].error == (
        "the gateway ended the session with code 1011 before it was over"
    )
    (instance,) = plan(declaration, [case]).instances
    results = {result.check: result for result in judge(case, instance, only(driven), declaration)}
    assert results["caller.*"].outcome is Outcome.FAIL
    assert "ended the session with code 1011" in results["caller.*"].because


def test_a_gateway_that_refuses_a_session_has_an_answer_with_its_status() -> None:
    driven, _, _ = hold([session_case()], refuses=503)
    observation = only(driven)
    assert (observation.deliveries[0].status, observation.deliveries[0].frames) == (503, None)
    assert observation.attempts == ()


def test_a_gateway_that_never_calls_the_provider_is_not_waited_for() -> None:
    port = free_port()
    case = session_case()
    options = DriveOptions(upstream_port=port, timeout_s=0.5)
    driven, _, declaration = hold([case], options, calls_upstream=False)
    assert only(driven).deliveries[0].error == "the session was not over within 0.5 s"
    (instance,) = plan(declaration, [case]).instances
    (result, *_) = judge(case, instance, only(driven), declaration)
    assert result.outcome is Outcome.ERROR
    assert "never called the upstream: the session was not over" in result.because


def test_a_provider_that_refuses_a_session_is_an_answer() -> None:
    response = {"status": 429, "headers": {"content-type": "application/json"}, "json": {"error": {}}}
    driven, _, _ = hold([session_case(response=response)])
    observation = only(driven)
    assert observation.attempts[0].unmatched == ()
    assert observation.deliveries[0].frames == ()


@pytest.mark.parametrize("select", ["key", "armed"])
def test_a_session_is_known_by_key_or_by_arming(select: str) -> None:
    key = {"additional_headers": {"authorization": "Bearer key-test--session"}}
    driven, gateway, _ = hold([session_case()], select=select, extra=key)
    assert only(driven).attempts[0].path == "/v1/realtime"
    assert len(gateway.rows) == 1
    assert driven.notes == ("its prices were not checked: it has no plain text call to check them with",)


# hostile gateways


@contextmanager
def _hostile(tell: Callable[[socket.socket], None]) -> Iterator[str]:
    """Yield the address of a gateway that opens every session and then does what *tell* does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)

        def run() -> None:
            while True:
                near, _ = listening.accept()
                with near, contextlib.suppress(OSError):  # the other end may be gone before it has all
                    request = near.recv(65_536)
                    if not request:
                        return
                    if b"Upgrade: websocket" not in request:
                        near.sendall(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n")
                        continue
                    tell(near)

        thread = threading.Thread(target=run)
        thread.start()
        where = listening.getsockname()
        yield f"http://{where[0]}:{where[1]}"
        socket.create_connection(where).close()
        thread.join()


def _open(near: socket.socket) -> None:
    near.sendall(b"HTTP/1.1 101 Switching Protocols\r\n")  # and nothing more


def _flood(near: socket.socket) -> None:
    near.sendall(b"x" * 100_000)


@pytest.mark.parametrize(
    ("tell", "says"),
    [
        (lambda _: None, "the answer to the handshake cannot be read"),
        (_open, "the answer to the handshake cannot be read"),
        (_flood, "the answer to the handshake cannot be read"),
    ],
    ids=["hangs-up", "half-an-answer", "garbage"],
)
def test_a_gateway_that_speaks_no_websocket_takes_no_other_case_down(
    tell: Callable[[socket.socket], None], says: str
) -> None:
    with _hostile(tell) as url:
        observation = _hold_at(url)
    assert observation.deliveries[0].status is None
    assert says in (observation.deliveries[0].error or "")
    assert observation.sources[0][0].usage == {}


def _hold_at(url: str) -> Observation:
    data = declared()
    data["gateway"]["url"] = url
    del data["observe"][1]
    declaration = parse(data, "mini.toml")
    options = DriveOptions(upstream_port=free_port(), timeout_s=5)
    return only(drive(plan(declaration, [session_case()]), declaration, options))


def test_a_gateway_that_nobody_reaches_is_said_to_be() -> None:
    talk = session_client.Talk((), (), lambda _, __: True, lambda: True)
    delivery = session_client.converse(f"http://127.0.0.1:{free_port()}/x", {}, talk, 5)
    assert "cannot be reached" in (delivery.error or "")
    assert delivery.is_silent


def test_a_flood_of_messages_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_client, "MOST_FRAMES", 10)

    def flood(frame: str | bytes) -> Iterator[str | bytes]:
        yield from ["{}"] * 20
        yield frame

    driven, _, _ = hold([session_case()], to_client=flood)
    assert only(driven).deliveries[0].error == "more than 10 messages came in one session"


def test_messages_that_are_no_json_are_passed_over() -> None:
    def garble(frame: str | bytes) -> Iterator[str | bytes]:
        yield "{"
        yield b"\xff\xfe"
        yield frame

    driven, _, _ = hold([session_case()], to_client=garble)
    observation = only(driven)
    assert observation.deliveries[0].error is None
    assert observation.sources[0][0].usage["input_tokens"].value == 24


def test_a_session_that_is_only_listened_to_ends_when_all_has_come() -> None:
    entries = [server("session.created"), server("session.closed", usage={"seconds": 3})]
    driven, _, _ = hold([session_case(entries)])
    (delivery,) = only(driven).deliveries
    assert delivery.error is None
    assert only(driven).sources[0][0].usage["audio_duration_seconds"].value == 3


def test_a_last_frame_of_the_client_arrives_before_the_end() -> None:
    driven, _, _ = hold([session_case([server("session.created"), client("input_audio_buffer.clear")])])
    assert only(driven).attempts[0].problem is None
    assert only(driven).deliveries[0].error is None
