"""Gemini on the wire: the method in the path, the alias for the model, the recording for the method."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from decibill._data import data_directory
from decibill.case import Answer, ExchangeCase, Step
from decibill.cases import load_cases
from decibill.declaration_read import load
from decibill.drive_send import Sender
from decibill.drive_values import case_values, run_values
from decibill.plan import Instance, plan
from decibill.target import Target
from decibill.upstream_server import ReplayUpstream

REFERENCE = load("reference")
ROOT = data_directory("fixtures")


def instance(case_id: str) -> Instance:
    case = next(case for case in load_cases() if case.id == case_id)
    assert isinstance(case, ExchangeCase)
    (found,) = plan(REFERENCE, [case]).instances
    return found


def values(case_id: str) -> dict[str, str]:
    run = run_values(REFERENCE, upstream="http://127.0.0.1:1", url="http://127.0.0.1:2", port=2, workdir=None)
    return case_values(instance(case_id), REFERENCE, run, ROOT)


@pytest.mark.parametrize(
    ("case_id", "method", "surface"),
    [
        ("gemini/generate-audio-in", "generateContent", "ai_studio"),
        ("gemini/stream-audio-in", "streamGenerateContent", "ai_studio"),
        ("gemini/vertex-audio-in", "generateContent", "vertex"),
        ("gemini/speech-with-details", "generateContent", "ai_studio"),
    ],
)
def test_a_case_says_method_and_surface(case_id: str, method: str, surface: str) -> None:
    found = values(case_id)

    assert (found["case.method"], found["case.surface"]) == (method, surface)


@pytest.fixture
def sender() -> Iterator[tuple[Sender, ReplayUpstream]]:
    """Yield a sender whose gateway is the upstream itself: what is sent can be seen there."""
    with ExitStack() as stack:
        upstream = stack.enter_context(ReplayUpstream(fixtures=ROOT))
        target = stack.enter_context(Target(upstream.url, {}))
        run = run_values(REFERENCE, upstream=upstream.url, url=upstream.url, port=1, workdir=None)
        yield Sender(REFERENCE, target, upstream, run, ROOT), upstream


@pytest.mark.parametrize(
    ("case_id", "path", "query"),
    [
        ("gemini/generate-audio-in", "generateContent", ""),
        ("gemini/stream-audio-in", "streamGenerateContent", "?alt=sse"),
    ],
)
def test_a_call_and_its_curl_line_name_the_alias_and_the_method(
    sender: tuple[Sender, ReplayUpstream], case_id: str, path: str, query: str
) -> None:
    chosen = instance(case_id)
    sender[0].load([chosen])
    sent = sender[0].send(chosen)

    (stray,) = sender[1].strays
    assert stray.path == f"/v1beta/models/{chosen.alias}:{path}"
    assert f"/v1beta/models/{chosen.alias}:{path}{query}" in sent.curl
    assert "$(base64 < fixtures/audio/" in sent.curl


def answer(path: str | None) -> Answer:
    exchange: dict[str, Any] = {
        "provider": "gemini",
        "operation": "chat",
        "response": {"status": 200, "json": {}},
    }
    if path is not None:
        exchange["request"] = {"method": "POST", "path": path}
    return Answer({}, exchange)


MODEL = "/v1beta/models/m"
COMPATIBLE = "/v1beta/openai/chat/completions"


@pytest.mark.parametrize(
    ("recorded", "asked", "status"),
    [
        (f"{MODEL}:generateContent", f"{MODEL}:generateContent", 200),
        (f"{MODEL}:generateContent", "/v1/publishers/google/models/m:generateContent", 200),
        (f"{MODEL}:generateContent", f"{MODEL}:streamGenerateContent", 501),
        (f"{MODEL}:streamGenerateContent?alt=sse", f"{MODEL}:streamGenerateContent?alt=sse", 200),
        (f"{MODEL}:generateContent", COMPATIBLE, 501),
        (COMPATIBLE, COMPATIBLE, 200),
        (COMPATIBLE, f"{MODEL}:generateContent", 501),
        (None, f"{MODEL}:anything", 200),
    ],
)
def test_the_recorded_request_says_which_endpoint_answers(
    tmp_path: Path, recorded: str | None, asked: str, status: int
) -> None:
    with ReplayUpstream(fixtures=tmp_path) as upstream:
        upstream.load("one", [Step((answer(recorded),))])
        got = httpx.post(f"{upstream.url}/c/one{asked}", json={}, trust_env=False)

    assert got.status_code == status
    if status == 501:
        assert got.json()["error"]["param"] == ["/path"]
