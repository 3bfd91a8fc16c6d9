"""The reference gateway before ElevenLabs: voices in paths, `model_id` in bodies, credits in headers."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from decibill_reference.gateway import GatewayConfig
from decibill_reference.gateway_config import Alias
from decibill_reference.gateway_dialects_elevenlabs import PATHS, NothingKept
from decibill_reference.gateway_metering import SOUND
from decibill_reference.prices import PriceBook
from tests.gateway_scene import WAV, answering, as_json, running
from werkzeug import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_httpserver import HTTPServer
    from tests.gateway_scene import Running

VOICE = "/v1/text-to-speech/Rachel%20B"
TEXT = {"text": "Hello world.", "model_id": "speak"}


def entry(model: str, family: str, quantity: str, amount: str) -> dict[str, Any]:
    return {
        "id": model,
        "provider": "elevenlabs",
        "models": [model],
        "from": "2025-01-01",
        "currency": "USD",
        "pricing_model": family,
        "rates": {quantity: {"amount": amount, "per": "1000"}},
        "source": {"url": "https://example.org/prices", "read": "2026-11-21"},
    }


BOOK = PriceBook.from_json(
    {
        "currency": "USD",
        "entries": [
            entry("eleven_v3", "audio_per_credit", "provider_credits", "0.2"),
            entry("scribe_v2", "audio_per_minute", "audio_duration_seconds", "2"),
            entry("eleven_sts", "audio_per_minute", "audio_duration_seconds", "2"),
        ],
    }
)


@pytest.fixture
def start(tmp_path: Path, upstream: HTTPServer) -> Iterator[Callable[..., Running]]:
    """Start a gateway whose aliases stand for models of ElevenLabs; a key for its clients can be set."""
    with contextlib.ExitStack() as stack:

        def starter(key: str | None = None) -> Running:
            base = upstream.url_for("").rstrip("/")
            named = {"speak": "eleven_v3", "scribe": "scribe_v2", "change": "eleven_sts"}
            aliases = {
                name: Alias(name, "elevenlabs", model, base, BOOK, "secret") for name, model in named.items()
            }
            aliases["whisper"] = Alias("whisper", "openai", "whisper-1", f"{base}/v1", BOOK)
            config = GatewayConfig(tmp_path / "usage.sqlite", aliases, key)
            return stack.enter_context(running(config, SOUND))

        yield starter


def as_audio(cost: str | None = "3", body: bytes = b"ID3 and more", kind: str = "audio/mpeg") -> Response:
    headers = {"content-type": kind, "request-id": "r"}
    return Response(body, 200, headers if cost is None else {**headers, "character-cost": cost})


def test_the_voice_stays_in_the_path_and_the_model_goes_into_the_body(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    seen = answering(upstream, "/v1/text-to-speech/Rachel B", as_audio())

    answer = start().client.post(
        f"{VOICE}?output_format=mp3_44100_128", content=b'{ "model_id":"speak", "text" : "Hello world." }'
    )

    assert (answer.content, answer.headers["character-cost"]) == (b"ID3 and more", "3")
    assert seen[0].body == b'{ "model_id":"eleven_v3", "text" : "Hello world." }'
    assert seen[0].query == {"output_format": "mp3_44100_128"}
    assert seen[0].headers["xi-api-key"] == "secret"


def test_the_credits_of_the_header_are_charged(start: Callable[..., Running], upstream: HTTPServer) -> None:
    answering(upstream, "/v1/text-to-speech/Rachel B", as_audio())

    gateway = start()
    answer = gateway.client.post(VOICE, json=TEXT)
    row = gateway.row(answer)

    assert answer.headers["x-decibill-cost"] == "0.0006"
    assert (row["operation"], row["usage"]["quantities"]) == (
        "speech",
        {"tts_characters": 12, "provider_credits": 3},
    )


@pytest.mark.parametrize("cost", [None, ""], ids=["missing", "empty"])
def test_without_the_header_no_cost_is_stated(
    start: Callable[..., Running], upstream: HTTPServer, cost: str | None
) -> None:
    answering(upstream, "/v1/text-to-speech/Rachel B", as_audio(cost))

    gateway = start()
    answer = gateway.client.post(VOICE, json=TEXT)

    assert "x-decibill-cost" not in answer.headers
    assert (gateway.row(answer)["status"], gateway.row(answer)["cost"]) == ("unmetered", None)


LINES = b'{"audio_base64": "AAAA"}\n\n{"audio_base64": "BBBB"}\n'


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v1/text-to-speech/v/stream", as_audio()),
        (
            "/v1/text-to-speech/v/with-timestamps",
            as_audio(body=b'{"audio_base64": "AAAA"}', kind="application/json"),
        ),
        ("/v1/text-to-speech/v/stream/with-timestamps", as_audio(body=LINES, kind="text/event-stream")),
        ("/v1/sound-generation", as_audio()),
    ],
    ids=["stream", "timestamps", "stream of timestamps", "sound"],
)
def test_every_kind_of_answer_passes_through_and_is_charged(
    start: Callable[..., Running], upstream: HTTPServer, path: str, answer: Response
) -> None:
    answering(upstream, path, answer)

    gateway = start()
    got = gateway.client.post(path, json=TEXT)

    assert got.content == answer.get_data()
    assert gateway.row(got)["cost"] == "0.0006"


def test_a_dialogue_is_speech_of_all_its_turns(start: Callable[..., Running], upstream: HTTPServer) -> None:
    seen = answering(upstream, "/v1/text-to-dialogue", as_audio())
    turns = [{"text": "Hi!", "voice_id": "a"}, {"text": "Hello.", "voice_id": "b"}]

    gateway = start()
    answer = gateway.client.post("/v1/text-to-dialogue", json={"inputs": turns, "model_id": "speak"})

    assert json.loads(seen[0].body) == {"inputs": turns, "model_id": "eleven_v3"}
    assert gateway.row(answer)["usage"]["quantities"] == {"tts_characters": 9, "provider_credits": 3}


def test_a_transcription_is_charged_by_its_length_and_shows_its_options(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    seen = answering(upstream, "/v1/speech-to-text", as_json({"text": "Hello.", "audio_duration_secs": 1.84}))

    gateway = start()
    answer = gateway.client.post(
        "/v1/speech-to-text",
        data={"model_id": "scribe", "keyterms": ["decibill", "ledger", "credit"], "diarize": "true"},
        files={"file": ("a.wav", WAV, "audio/wav")},
    )
    row = gateway.row(answer)

    assert seen[0].form["model_id"] == "scribe_v2"
    assert (row["cost"], row["usage"]["features"]) == ("0.00368", ["keyterms"])


@pytest.mark.parametrize("cost", [None, "45"], ids=["no credits", "credits"])
def test_an_upload_is_measured_also_where_only_credits_are_told(
    start: Callable[..., Running], upstream: HTTPServer, cost: str | None
) -> None:
    seen = answering(upstream, "/v1/speech-to-speech/v", as_audio(cost))

    gateway = start()
    answer = gateway.client.post(
        "/v1/speech-to-speech/v", data={"model_id": "change"}, files={"audio": ("a.wav", WAV, "audio/wav")}
    )
    row = gateway.row(answer)

    assert seen[0].form["model_id"] == "eleven_sts"
    assert (row["operation"], row["cost"]) == ("voice_conversion", "0.0019")
    assert row["usage"]["quantities"]["audio_duration_seconds"] == "0.95"


def test_an_error_is_not_charged(start: Callable[..., Running], upstream: HTTPServer) -> None:
    answering(upstream, "/v1/text-to-speech/Rachel B", as_json({"detail": {"status": "quota_exceeded"}}, 401))

    gateway = start()
    answer = gateway.client.post(VOICE, json=TEXT)

    assert (answer.status_code, gateway.row(answer)["status"]) == (401, "not_billable")


@pytest.mark.parametrize(
    ("path", "alias"),
    [("/v1/text-to-speech/v", "whisper"), ("/v1/audio/speech", "speak")],
    ids=["another provider", "another dialect"],
)
def test_a_model_that_the_dialect_cannot_reach_is_refused(
    start: Callable[..., Running], path: str, alias: str
) -> None:
    gateway = start()
    answer = gateway.client.post(path, json={"model_id": alias})

    assert answer.status_code == 400
    assert alias in answer.json()["error"]["message"]
    assert gateway.rows(0) == []


def test_a_call_that_names_no_model_is_refused(start: Callable[..., Running]) -> None:
    assert start().client.post(VOICE, json={"text": "Hello world."}).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"), [({"xi-api-key": "sk-gateway"}, 404), ({"xi-api-key": "sk-other"}, 401), ({}, 401)]
)
def test_clients_show_the_key_in_the_header_of_their_dialect(
    start: Callable[..., Running], headers: dict[str, str], status: int
) -> None:
    answer = start("sk-gateway").client.post(VOICE, json={"model_id": "unknown"}, headers=headers)

    assert answer.status_code == status


def test_nothing_is_kept_of_a_stream() -> None:
    digest = NothingKept()
    digest.feed(LINES)

    assert digest.text() == ""


def test_every_path_is_one_of_its_own() -> None:
    paths = [path for path, _ in PATHS]

    assert len(set(paths)) == len(paths) == 15
