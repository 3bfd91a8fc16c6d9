"""Gateways that are wrong with sessions in general ways: each has its verdict, in bounded time and memory."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from decibill import websocket
from decibill.case import ExchangeCase
from decibill.declaration_read import parse
from decibill.drive import DriveOptions
from decibill.engine import RunOptions, run
from decibill.errors import PreflightError
from decibill.process import free_port
from decibill.report.model import Report
from decibill.report.text import render_text
from tests.miniature_session import Frames, SessionMiniature
from tests.sessions import PRICE, declared, session_case

OPTIONS = DriveOptions(preflight=False, timeout_s=10)
NAMES = ("one", "two", "three")


def cases() -> list[ExchangeCase]:
    return [session_case(name=name) for name in NAMES]


def judge(url: str, port: int, options: DriveOptions = OPTIONS) -> Report:
    """Return the report on the gateway at *url*, which expects the upstream at *port*."""
    data = declared()
    data["gateway"]["url"] = url
    drive = replace(options, upstream_port=port)
    return run(parse(data, "mini.toml"), cases(), RunOptions(drive=drive))


def judged(options: DriveOptions = OPTIONS, **facts: object) -> tuple[Report, str]:
    """Return the report on a miniature, and what its user reads."""
    port = free_port()
    base = f"http://127.0.0.1:{port}/c/{{model}}/v1"
    with SessionMiniature(base, **{"cost": lambda _: PRICE, **facts}) as gateway:  # type: ignore[arg-type]
        report = judge(gateway.url, port, options)
    return report, " ".join(render_text(report, width=300).split())


def failed(report: Report) -> set[str]:
    return {row.id for row in report.requirements if row.outcome == "fail" and row.level.startswith("MUST")}


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Yield the address of a server that does *answer* with every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        answer(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_the_gateway_that_all_these_are_made_of_is_conformant() -> None:
    report, text = judged()
    assert (report.verdict.word, report.verdict.exit_code, failed(report)) == ("conformant", 0, set())
    assert "Conformant to spec 0.1 for usage and cost of: realtime" in text


def test_a_gateway_that_charges_nothing_for_sessions_is_told_so() -> None:
    report, text = judged(cost=lambda _: "0")
    assert (report.verdict.word, report.verdict.exit_code) == ("not conformant", 1)
    assert "0 is the silent zero" in text


def flood(frame: str | bytes) -> Frames:
    for _ in range(200):
        yield frame


def test_a_gateway_that_floods_its_client_is_not_listened_to_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("decibill.session_client.MOST_FRAMES", 100)
    report, text = judged(to_client=flood)
    assert (report.verdict.word, report.verdict.exit_code) == ("not conformant", 1)
    assert "more than 100 messages came in one session" in text


def blow_up(_: str | bytes) -> Frames:
    yield b"x" * 50_000


def test_a_gateway_whose_messages_are_too_large_is_not_read_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "LARGEST_SESSION", 100_000)
    report, text = judged(to_client=blow_up)
    assert (report.verdict.word, report.verdict.exit_code) == ("not conformant", 1)
    assert "more than 100000 bytes came in one session" in text


def test_a_gateway_that_drops_its_client_is_told_so() -> None:
    report, text = judged(ends_after=1)
    assert (report.verdict.word, report.verdict.exit_code) == ("not conformant", 1)
    assert "the gateway ended the session with code 1011 before it was over" in text


def test_a_gateway_that_never_calls_the_provider_gets_no_verdict() -> None:
    report, text = judged(replace(OPTIONS, timeout_s=2), calls_upstream=False)
    assert (report.verdict.word, report.verdict.exit_code) == ("inconclusive", 3)
    assert "the gateway never called the upstream" in text


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda connection: connection.makefile("rb").read(), "no answer to the handshake within 1 s"),
        (lambda _: None, "the answer to the handshake cannot be read"),
        (lambda connection: connection.sendall(b"\x00\xff no\r\n\r\n"), "cannot be read"),
    ],
    ids=["never answers", "hangs up", "garbage"],
)
def test_a_gateway_that_opens_no_session_gets_no_verdict(
    answer: Callable[[socket.socket], None], says: str
) -> None:
    with listening(answer) as url:
        report = judge(url, 0, replace(OPTIONS, timeout_s=1))
    assert (report.verdict.word, report.verdict.exit_code) == ("inconclusive", 3)
    assert says in " ".join(render_text(report, width=300).split())


def test_with_preflight_a_gateway_that_answers_nothing_is_said_at_once() -> None:
    with (
        listening(lambda connection: connection.makefile("rb").read()) as url,  # type: ignore[arg-type,return-value]
        pytest.raises(PreflightError, match=f"the gateway at {url}: no complete answer within 1 s"),
    ):
        judge(url, 0, replace(OPTIONS, timeout_s=1, preflight=True))
