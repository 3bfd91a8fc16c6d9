"""The reference gateway before Gemini: its own dialect, and OpenAI's for chat."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from decibill_reference.gateway import GatewayConfig
from decibill_reference.gateway_config import Alias
from decibill_reference.gateway_metering import SOUND
from decibill_reference.prices import PriceBook
from tests.gateway_scene import answering, as_json, as_stream, running
from tests.gemini_answers import chunk, listed, sse, usage_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_httpserver import HTTPServer
    from tests.gateway_scene import Running

BOOK = PriceBook.from_json(
    {
        "currency": "USD",
        "entries": [
            {
                "id": "gemini",
                "provider": "gemini",
                "models": ["gemini-2.5-flash", "gemini-2.5-flash-tts"],
                "from": "2025-01-01",
                "currency": "USD",
                "pricing_model": "audio_token_based",
                "rates": {
                    "text_input_tokens": {"amount": "1", "per": "1000000"},
                    "audio_input_tokens": {"amount": "3", "per": "1000000"},
                    "text_output_tokens": {"amount": "5", "per": "1000000"},
                    "audio_output_tokens": {"amount": "7", "per": "1000000"},
                },
                "source": {"url": "https://example.org/prices", "read": "2026-11-21"},
            }
        ],
    }
)
METHOD = "/v1beta/models/gemini-2.5-flash:generateContent"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
USAGE = usage_of(
    229, 17, promptTokensDetails=listed(TEXT=85, AUDIO=144), candidatesTokensDetails=listed(TEXT=17)
)
COST = "0.000602"  # 85 x 1 + 144 x 3 + 17 x 5 = 602 millionths
ASKED = {"contents": [{"role": "user", "parts": [{"text": "What is said?"}]}]}


@pytest.fixture
def start(tmp_path: Path, upstream: HTTPServer) -> Iterator[Callable[..., Running]]:
    """Start a gateway whose aliases stand for Gemini's models; a key for its clients can be set."""
    with contextlib.ExitStack() as stack:

        def starter(key: str | None = None) -> Running:
            base = upstream.url_for("")
            model = ("gemini", "gemini-2.5-flash", base, BOOK, "secret")
            aliases = {
                "flash": Alias("flash", *model),
                "vertex": Alias("vertex", *model, named_surface="vertex"),
                "whisper": Alias("whisper", "openai", "whisper-1", f"{base}/v1", BOOK),
            }
            config = GatewayConfig(tmp_path / "usage.sqlite", aliases, key)
            return stack.enter_context(running(config, SOUND))

        yield starter


def test_the_alias_in_the_path_becomes_the_model_and_the_body_stays(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    seen = answering(upstream, METHOD, as_json({"usageMetadata": USAGE}))
    body = b'{ "contents" : [],"x": 1.50 }'

    answer = start().client.post("/v1beta/models/flash:generateContent", content=body)

    assert answer.json() == {"usageMetadata": USAGE}
    assert seen[0].body == body
    assert seen[0].headers["x-goog-api-key"] == "secret"


def test_the_answer_is_charged_by_modality(start: Callable[..., Running], upstream: HTTPServer) -> None:
    answering(upstream, METHOD, as_json({"usageMetadata": USAGE}))

    gateway = start()
    answer = gateway.client.post("/v1beta/models/flash:generateContent", json=ASKED)
    row = gateway.row(answer)

    assert answer.headers["x-decibill-cost"] == COST
    assert (row["operation"], row["usage"]["surface"], row["cost"]) == ("chat", "ai_studio", COST)


def test_vertex_is_asked_below_its_publisher(start: Callable[..., Running], upstream: HTTPServer) -> None:
    path = "/v1/publishers/google/models/gemini-2.5-flash:generateContent"
    seen = answering(upstream, path, as_json({"usageMetadata": {**USAGE, "trafficType": "ON_DEMAND"}}))

    gateway = start()
    answer = gateway.client.post("/v1/models/vertex:generateContent", json=ASKED)
    usage = gateway.row(answer)["usage"]

    assert len(seen) == 1
    assert (usage["surface"], usage["service_tier"]) == ("vertex", "standard")


@pytest.mark.parametrize(
    ("modalities", "operation"),
    [(["AUDIO"], "speech"), (["TEXT"], "chat"), (["AUDIO", "TEXT"], "chat"), (None, "chat")],
    ids=["audio", "text", "both", "none"],
)
def test_an_answer_that_is_to_be_audio_alone_is_speech(
    start: Callable[..., Running], upstream: HTTPServer, modalities: list[str] | None, operation: str
) -> None:
    answering(upstream, METHOD, as_json({"usageMetadata": USAGE}))
    config = {} if modalities is None else {"generationConfig": {"responseModalities": modalities}}

    gateway = start()
    answer = gateway.client.post("/v1beta/models/flash:generateContent", json={**ASKED, **config})

    assert gateway.row(answer)["operation"] == operation


@pytest.mark.parametrize("config", [None, "AUDIO", []], ids=["null", "text", "array"])
def test_a_configuration_of_another_shape_is_left_to_the_provider(
    start: Callable[..., Running], upstream: HTTPServer, config: object
) -> None:
    answering(upstream, METHOD, as_json({"error": {"code": 400}}, 400))

    answer = start().client.post(
        "/v1beta/models/flash:generateContent", json={**ASKED, "generationConfig": config}
    )

    assert (answer.status_code, answer.json()) == (400, {"error": {"code": 400}})


# Streams


CHUNKS = [
    chunk({"trafficType": "ON_DEMAND", "billablePromptUsage": {"audioDurationSeconds": 6}}),
    chunk({"trafficType": "ON_DEMAND", "cachedContentTokenCount": 0}),
    chunk(USAGE, finishReason="STOP"),
]


@pytest.mark.parametrize("size", [3, 100_000], ids=["in pieces", "at once"])
def test_a_stream_reaches_the_client_byte_for_byte_and_is_charged(
    start: Callable[..., Running], upstream: HTTPServer, size: int
) -> None:
    stream = sse(CHUNKS)["sse"].encode()
    seen = answering(upstream, STREAM, as_stream(stream, size))

    gateway = start()
    answer = gateway.client.post("/v1beta/models/flash:streamGenerateContent?alt=sse&key=k", json=ASKED)
    row = gateway.row(answer)

    assert answer.content == stream
    assert seen[0].query == {"alt": "sse"}
    assert (row["cost"], row["usage"]["quantities"]["media_duration_seconds"]) == (COST, 6)


def test_the_other_form_of_a_stream_is_charged_too(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    seen = answering(upstream, STREAM, as_json(CHUNKS))

    answer = start().client.post("/v1beta/models/flash:streamGenerateContent", json=ASKED)

    assert (answer.json(), answer.headers["x-decibill-cost"]) == (CHUNKS, COST)
    assert seen[0].query == {}


def test_a_stream_that_stops_short_is_unmetered(start: Callable[..., Running], upstream: HTTPServer) -> None:
    answering(upstream, STREAM, as_stream(sse(CHUNKS[:2])["sse"].encode()))

    gateway = start()
    answer = gateway.client.post("/v1beta/models/flash:streamGenerateContent?alt=sse", json=ASKED)
    row = gateway.row(answer)

    assert (row["status"], row["cost"]) == ("unmetered", None)
    assert row["usage"]["flags"] == ["stream_incomplete"]


# OpenAI's dialect


def test_chat_in_openai_dialect_goes_to_the_compatible_endpoint(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    usage = {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}
    seen = answering(upstream, "/v1beta/openai/chat/completions", as_json({"choices": [], "usage": usage}))

    gateway = start()
    answer = gateway.client.post("/v1/chat/completions", json={"model": "flash", "messages": []})

    assert json.loads(seen[0].body)["model"] == "gemini-2.5-flash"
    assert seen[0].headers["authorization"] == "Bearer secret"
    assert gateway.row(answer)["usage"]["quantities"]["reasoning_output_tokens"] == 62


@pytest.mark.parametrize(
    ("path", "alias"),
    [
        ("/v1/chat/completions", "vertex"),
        ("/v1/audio/speech", "flash"),
        ("/v1beta/models/whisper:generateContent", "whisper"),
    ],
    ids=["chat on Vertex", "speech", "another provider"],
)
def test_a_model_that_the_dialect_cannot_reach_is_refused_and_not_recorded(
    start: Callable[..., Running], path: str, alias: str
) -> None:
    gateway = start()
    answer = gateway.client.post(path, json={"model": alias})

    assert answer.status_code == 400
    assert alias in answer.json()["error"]["message"]
    assert gateway.rows(0) == []


# Keys


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"x-goog-api-key": "sk-gateway"}, 404), ({"x-goog-api-key": "sk-other"}, 401), ({}, 401)],
    ids=["right", "wrong", "none"],
)
def test_clients_show_the_key_in_the_header_of_their_dialect(
    start: Callable[..., Running], headers: dict[str, str], status: int
) -> None:
    answer = start("sk-gateway").client.post(
        "/v1beta/models/unknown:generateContent", json=ASKED, headers=headers
    )

    assert answer.status_code == status
