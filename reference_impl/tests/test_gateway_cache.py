"""An answer that the gateway gives again by itself: the same bytes, and no cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from decibill_reference import gateway_cache, gateway_relay
from decibill_reference.defects import DEFECTS
from decibill_reference.gateway import GatewayConfig
from decibill_reference.gateway_cache import AnswerCache, CachedAnswer, key_of
from decibill_reference.gateway_config import Alias
from decibill_reference.gateway_metering import SOUND
from decibill_reference.ledger import Ledger, LedgerError
from tests.gateway_scene import BOOK, answering, as_json, as_stream, running
from werkzeug import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_httpserver import HTTPServer
    from tests.gateway_scene import Running

CHAT = {"model": "chat", "messages": []}
SPEECH = "/v1/audio/speech"
ANSWER = {"usage": {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}}


@pytest.fixture
def gateway(tmp_path: Path, upstream: HTTPServer) -> Iterator[Running]:
    base = f"{upstream.url_for('')}/v1"
    aliases = {
        "speak": Alias("speak", "openai", "tts-1", base, BOOK, caches=True),
        "speak-too": Alias("speak-too", "openai", "tts-1", base, BOOK, caches=True),
        "speak-anew": Alias("speak-anew", "openai", "tts-1", base, BOOK),
        "chat": Alias("chat", "openai", "gpt-4o-mini", base, BOOK, caches=True),
    }
    with running(GatewayConfig(tmp_path / "usage.sqlite", aliases), SOUND) as found:
        yield found


def spoken(body: bytes = b"mp3") -> Response:
    return Response(body, content_type="audio/mpeg")


def test_the_same_request_is_answered_without_the_provider(gateway: Running, upstream: HTTPServer) -> None:
    seen = answering(upstream, SPEECH, spoken())

    first, second = gateway.speak(), gateway.speak()

    assert len(seen) == 1
    assert (second.status_code, second.content) == (200, b"mp3")
    assert second.headers["content-type"] == "audio/mpeg"
    assert first.headers["x-decibill-request-id"] != second.headers["x-decibill-request-id"]


def test_what_the_gateway_answers_itself_costs_nothing(gateway: Running, upstream: HTTPServer) -> None:
    answering(upstream, SPEECH, spoken())
    first, second = gateway.speak(), gateway.speak()

    before, row = gateway.row(first), gateway.row(second)

    assert (before["cached"], before["status"], before["attempts"]) == (False, "priced", 1)
    assert (row["cached"], row["status"], row["attempts"]) == (True, "not_billable", 0)
    assert second.headers["x-decibill-cost"] == row["cost"] == "0"
    assert second.headers["x-decibill-cost-status"] == "not_billable"
    assert row["usage"]["quantities"] == {}
    assert row["charge"] == {
        "status": "not_billable",
        "currency": "USD",
        "total": "0",
        "lines": [],
        "unpriced": [],
        "flags": [],
    }


def test_an_answer_in_json_is_given_again(gateway: Running, upstream: HTTPServer) -> None:
    seen = answering(upstream, "/v1/chat/completions", as_json(ANSWER))

    first, second = (gateway.client.post("/v1/chat/completions", json=CHAT) for _ in range(2))

    assert (len(seen), second.json()) == (1, first.json())


@pytest.mark.parametrize(
    "other",
    [{"alias": "speak-too"}, {"voice": "echo"}, {"params": "?a=1"}],
    ids=["another alias", "another body", "another query"],
)
def test_another_request_is_asked_of_the_provider(
    gateway: Running, upstream: HTTPServer, other: dict[str, str]
) -> None:
    seen = answering(upstream, SPEECH, spoken())
    gateway.speak()

    if "params" in other:
        gateway.client.post(f"{SPEECH}{other['params']}", json={"model": "speak", "input": "Grüß Gott"})
    else:
        gateway.speak(**other)

    assert len(seen) == 2


def test_an_alias_without_a_cache_asks_every_time(gateway: Running, upstream: HTTPServer) -> None:
    seen = answering(upstream, SPEECH, spoken())

    gateway.speak("speak-anew")
    gateway.speak("speak-anew")

    assert len(seen) == 2


@pytest.mark.parametrize(
    "answer",
    [lambda: as_json({}, 500), lambda: as_json({}, 400), as_stream, lambda: spoken(b"x" * 11)],
    ids=["a failure", "a refusal", "a stream", "a large answer"],
)
def test_what_is_no_whole_answer_is_not_kept(
    gateway: Running,
    upstream: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[], Response],
) -> None:
    monkeypatch.setattr(gateway_cache, "LARGEST_ANSWER", 10)
    monkeypatch.setattr(gateway_relay, "LARGEST_ANSWER", 10)
    seen = answering(upstream, SPEECH, lambda _: answer())

    gateway.speak()
    gateway.speak()

    assert len(seen) == 2


def test_an_answer_from_the_cache_that_nobody_recorded_is_an_error(
    gateway: Running, upstream: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(upstream, SPEECH, spoken())
    gateway.speak()

    async def failing(*_: object) -> None:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(Ledger, "record", failing)

    assert gateway.speak().status_code == 500


def test_the_answer_that_was_not_asked_for_the_longest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_cache, "_MOST_ANSWERS", 2)
    cache = AnswerCache()
    answers: dict[bytes, Any] = {name: CachedAnswer("text/plain", name) for name in (b"a", b"b", b"c")}

    cache.keep(b"a", answers[b"a"])
    cache.keep(b"b", answers[b"b"])
    cache.find(b"a")
    cache.keep(b"c", answers[b"c"])

    assert {name: cache.find(name) is not None for name in answers} == {b"a": True, b"b": False, b"c": True}


def test_parts_of_a_request_are_told_apart() -> None:
    assert key_of("a", "b", b"", "c", b"") != key_of("ab", "", b"", "c", b"")


@pytest.mark.parametrize(
    ("path", "request_", "answer"),
    [
        (SPEECH, {"model": "speak", "input": "Hello"}, spoken(b"ID3\xff\xfb")),
        ("/v1/chat/completions", CHAT, as_json(ANSWER)),
    ],
    ids=["media", "json"],
)
def test_the_defect_of_charging_for_the_cache_charges_the_same_again(
    tmp_path: Path, upstream: HTTPServer, path: str, request_: dict[str, Any], answer: Response
) -> None:
    base = f"{upstream.url_for('')}/v1"
    aliases = {
        "speak": Alias("speak", "openai", "tts-1", base, BOOK, caches=True),
        "chat": Alias("chat", "openai", "gpt-4o-mini", base, BOOK, caches=True),
    }
    answering(upstream, path, answer)

    with running(
        GatewayConfig(tmp_path / "usage.sqlite", aliases), DEFECTS["cache-hit-charged"].seams
    ) as found:
        first, second = (found.row(found.client.post(path, json=request_)) for _ in range(2))

    assert (first["cached"], second["cached"]) == (False, True)
    assert first["cost"] == second["cost"] != "0"
