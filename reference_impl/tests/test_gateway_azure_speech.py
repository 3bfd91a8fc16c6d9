"""The reference gateway before Azure AI Speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from decibill_reference.gateway import GatewayConfig
from decibill_reference.gateway_config import Alias
from decibill_reference.gateway_dialects_azure_speech import AudioBody
from decibill_reference.gateway_metering import SOUND
from decibill_reference.prices import PriceBook
from tests.gateway_scene import WAV, answering, as_json, running
from werkzeug import Response

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_httpserver import HTTPServer
    from tests.gateway_scene import Running

FAST = "/speechtotext/transcriptions:transcribe"
SHORT = "/speech/recognition/conversation/cognitiveservices/v1"
SPEECH = "/cognitiveservices/v1"
SSML = "<speak version='1.0'><voice name='en-US-AvaNeural'>Grüß <break/></voice></speak>"


def entry(model: str, pricing_model: str, quantity: str, amount: str, per: str) -> dict[str, object]:
    return {
        "id": model,
        "provider": "azure",
        "models": [model],
        "from": "2025-01-01",
        "currency": "USD",
        "pricing_model": pricing_model,
        "rates": {quantity: {"amount": amount, "per": per}},
        "source": {"url": "https://example.org/prices", "read": "2026-11-21"},
    }


BOOK = PriceBook.from_json(
    {
        "currency": "USD",
        "entries": [
            entry("ears", "audio_per_minute", "audio_duration_seconds", "3.6", "3600"),
            entry("voice", "audio_per_character", "tts_characters", "15", "1000000"),
        ],
    }
)


@pytest.fixture
def gateway(tmp_path: Path, upstream: HTTPServer) -> Iterator[Running]:
    base = upstream.url_for("")
    aliases = {
        name: Alias(name, "azure", name, base, BOOK, "secret", named_surface="azure_speech")
        for name in ("ears", "voice")
    }
    aliases["gpt"] = Alias("gpt", "azure", "gpt-4o-transcribe", base, BOOK)
    with running(GatewayConfig(tmp_path / "usage.sqlite", aliases, "key"), SOUND) as found:
        found.client.headers["ocp-apim-subscription-key"] = "key"
        yield found


def test_a_form_is_passed_on_and_the_answer_states_the_length(gateway: Running, upstream: HTTPServer) -> None:
    seen = answering(upstream, FAST, as_json({"durationMilliseconds": 2500, "combinedPhrases": []}))
    form = {"data": {"definition": "{}"}, "files": {"audio": ("a.wav", WAV, "audio/wav")}}

    answer = gateway.client.post(f"/azure-speech/ears{FAST}", **form)  # type: ignore[arg-type] # what it takes

    row = gateway.row(answer)
    assert answer.headers["x-decibill-cost"] == row["cost"] == "0.0025"
    assert (row["operation"], row["usage"]["surface"]) == ("transcription", "azure_speech")
    assert seen[0].query == {"api-version": "2024-11-15"}
    assert seen[0].form == {"definition": "{}"}
    assert seen[0].headers["ocp-apim-subscription-key"] == "secret"


def test_a_form_without_a_length_in_its_answer_is_measured(gateway: Running, upstream: HTTPServer) -> None:
    answering(upstream, FAST, as_json({"combinedPhrases": [{"channel": 0, "text": "a"}]}))

    answer = gateway.client.post(
        f"/azure-speech/ears{FAST}?api-version=2024-05-15-preview&subscription-key=key",
        files={"audio": ("a.wav", WAV, "audio/wav")},
    )

    assert gateway.row(answer)["usage"]["quantities"]["audio_duration_seconds"] == "0.95"


def test_audio_that_is_the_whole_body_is_measured(gateway: Running, upstream: HTTPServer) -> None:
    seen = answering(upstream, SHORT, as_json({"RecognitionStatus": "Success", "Duration": 9}))

    answer = gateway.client.post(
        f"/azure-speech/ears{SHORT}?language=en-US",
        content=WAV,
        headers={"content-type": "audio/wav; codecs=audio/pcm; samplerate=8000"},
    )

    row = gateway.row(answer)
    assert row["cost"] == "0.00095"
    assert row["usage"]["basis"]["audio_duration_seconds"] == "media"
    assert (seen[0].query, seen[0].body) == ({"language": "en-US"}, WAV)
    assert seen[0].headers["content-type"] == "audio/wav; codecs=audio/pcm; samplerate=8000"


def test_an_assessment_that_a_header_asks_for_is_recorded(gateway: Running, upstream: HTTPServer) -> None:
    seen = answering(upstream, SHORT, as_json({"RecognitionStatus": "Success"}))

    answer = gateway.client.post(
        f"/azure-speech/ears{SHORT}", content=WAV, headers={"pronunciation-assessment": "e30="}
    )

    assert gateway.row(answer)["usage"]["features"] == ["pronunciation_assessment"]
    assert seen[0].headers["pronunciation-assessment"] == "e30="


def test_audio_that_cannot_be_measured_is_not_known(gateway: Running, upstream: HTTPServer) -> None:
    answering(upstream, SHORT, as_json({"RecognitionStatus": "NoMatch"}))

    answer = gateway.client.post(f"/azure-speech/ears{SHORT}", content=b"noise")

    assert "x-decibill-cost" not in answer.headers
    assert gateway.row(answer)["status"] == "unmetered"


@pytest.mark.parametrize("charset", ["", "; charset=utf-16"], ids=["UTF-8", "UTF-16"])
def test_the_characters_of_the_ssml_are_counted(gateway: Running, upstream: HTTPServer, charset: str) -> None:
    seen = answering(upstream, SPEECH, Response(b"mp3", content_type="audio/mpeg"))
    content = SSML.encode("utf-16" if charset else "utf-8")

    answer = gateway.client.post(
        f"/azure-speech/voice{SPEECH}",
        content=content,
        headers={
            "content-type": f"application/ssml+xml{charset}",
            "x-microsoft-outputformat": "audio-24khz-48kbitrate-mono-mp3",
        },
    )

    assert answer.content == b"mp3"
    assert gateway.row(answer)["usage"]["quantities"] == {"tts_characters": 13}
    assert seen[0].body == content
    assert seen[0].headers["x-microsoft-outputformat"] == "audio-24khz-48kbitrate-mono-mp3"
    assert seen[0].query == {}


@pytest.mark.parametrize("kind", ["application/ssml+xml", "application/ssml+xml; charset=klingon"])
def test_a_text_that_cannot_be_read_is_refused(gateway: Running, kind: str) -> None:
    answer = gateway.client.post(
        f"/azure-speech/voice{SPEECH}", content=b"\xff\xfe\xfd", headers={"content-type": kind}
    )

    assert answer.status_code == 400
    assert "the body is not a text in" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/azure-speech/none{SPEECH}", 404),
        (f"/azure-speech/gpt{SPEECH}", 400),
        ("/openai/deployments/voice/audio/speech", 400),
    ],
    ids=["no alias", "a model of Azure OpenAI", "a voice of Azure AI Speech"],
)
def test_what_azure_does_not_offer_there_is_refused(gateway: Running, path: str, status: int) -> None:
    assert gateway.client.post(path, json={"input": "a"}).status_code == status


def test_an_error_is_not_billed(gateway: Running, upstream: HTTPServer) -> None:
    answering(upstream, SPEECH, Response("Too many", 429, content_type="text/plain"))

    answer = gateway.client.post(f"/azure-speech/voice{SPEECH}", content=SSML.encode())

    assert (answer.status_code, answer.text) == (429, "Too many")
    assert gateway.row(answer)["status"] == "not_billable"


def test_a_body_without_members_asks_for_no_model_and_no_stream() -> None:
    body = AudioBody.parse(b"RIFF", "audio/wav")

    assert (body.model, body.streams, body.upload_name, body.upload) == (None, False, None, b"RIFF")
