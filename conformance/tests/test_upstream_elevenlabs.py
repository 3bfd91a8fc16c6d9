"""The replay upstream as ElevenLabs: which endpoint was asked decides, which voice speaks does not."""

from __future__ import annotations

from typing import Any

import pytest
from decibill.case import Answer, Step
from decibill.upstream_match import Arrived, choose

VOICE = "/v1/text-to-speech/Qx7pLm2v"


def unmatched(recorded: str | None, asked: str, operation: str = "speech") -> tuple[str, ...]:
    exchange: dict[str, Any] = {
        "provider": "elevenlabs",
        "surface": "api",
        "operation": operation,
        "request": {} if recorded is None else {"path": recorded},
    }
    document = {"method": "POST", "path": asked, "query": {}, "headers": {}, "json": {}}
    return choose(Step((Answer(condition={}, exchange=exchange),)), Arrived(document, document)).unmatched


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        (VOICE, VOICE),
        (VOICE, "/v1/text-to-speech/Rachel"),
        (VOICE + "?output_format=mp3_44100_128", VOICE),
        (VOICE + "/stream", "/v1/text-to-speech/Rachel/stream"),
        (VOICE + "/stream/with-timestamps", VOICE + "/stream/with-timestamps"),
        ("/v1/speech-to-speech/a", "/v1/speech-to-speech/b"),
        ("/v1/voice-changer/a/stream", "/v1/voice-changer/b/stream"),
        ("/v1/speech-to-text", "/v1/speech-to-text"),
        ("/v1/text-to-dialogue", "/elevenlabs/v1/text-to-dialogue"),
        ("/v1/sound-generation", "/v1/sound-generation"),
        (None, "/anything"),
    ],
)
def test_a_recording_answers_its_endpoint_for_any_voice(recorded: str | None, asked: str) -> None:
    assert unmatched(recorded, asked) == ()


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        (VOICE, VOICE + "/stream"),
        (VOICE + "/stream", VOICE),
        (VOICE, "/v1/text-to-dialogue"),
        (VOICE + "/with-timestamps", VOICE + "/stream/with-timestamps"),
        ("/v1/speech-to-speech/a", "/v1/text-to-speech/a"),
        ("/v1/speech-to-text", "/v1/audio/transcriptions"),
    ],
)
def test_a_recording_of_another_endpoint_is_no_answer(recorded: str, asked: str) -> None:
    assert unmatched(recorded, asked) == ("/path",)
