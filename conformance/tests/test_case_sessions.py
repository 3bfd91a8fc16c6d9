"""The session of a case has an order, an end, and a client that says its part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from decibill.case_sessions import session_faults
from tests.sessions import TURN, client, server, session_case


def _faults(entries: Sequence[Any], frames: list[Any] | None = None) -> list[str]:
    document: dict[str, Any] = dict(session_case(entries).document)
    if frames is not None:
        document["when"] = {"openai": {"frames": frames}}
    return [f"{fault.pointer}: {fault.problem}" for fault in session_faults(document, ["openai"], Path())]


@pytest.mark.parametrize(
    "end", [[], [{"from": "server", "close": 1006}], [{"from": "client", "close": 4321}]]
)
def test_a_session_in_order_has_no_faults(end: list[Any]) -> None:
    assert _faults([*TURN, *end]) == []


def test_nothing_follows_the_end_of_a_session() -> None:
    (fault,) = _faults([{"from": "client", "close": 1000}, server("session.closed")])
    assert fault.endswith("entry 0 ends the session, and entries follow it")


@pytest.mark.parametrize("code", [1005, 1015, 2000, 5000])
def test_a_session_ends_with_a_code_that_somebody_may_send(code: int) -> None:
    (fault,) = _faults([{"from": "server", "close": code}])
    assert f"closes with {code}" in fault


def test_a_frame_has_a_kind() -> None:
    (fault,) = _faults([{"from": "server", "frame": {}}])
    assert fault.endswith("entry 0 of the transcript is no frame with a kind")


def test_the_client_sends_the_frames_of_the_transcript() -> None:
    (fault,) = _faults(TURN, [client("response.create")["frame"]])
    assert fault == (
        "/when/openai: sends response.create; "
        "in the transcript the client sends session.update, response.create"
    )
    (fault,) = _faults([server("session.created")], [client("response.create")["frame"]])
    assert fault.endswith("the client sends nothing")


def test_a_transcript_that_cannot_be_read_is_a_fault() -> None:
    document: dict[str, Any] = dict(session_case().document)
    answer = document["given"]["upstream"][0]["answers"][0]
    answer["exchange"]["response"] = {"status": 101, "events_file": "nowhere.json"}
    (fault,) = session_faults(document, ["openai"], Path())
    assert fault.pointer == "/given/upstream/0/answers/0/exchange/response"


def test_a_case_without_a_session_has_no_part_of_it() -> None:
    document = session_case(response={"status": 401, "headers": {}, "json": {}}).document
    assert list(session_faults(document, ["openai"], Path())) == []
