"""Azure AI Speech: lengths in three units, and characters of which some count double and some not at all."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.usage import UsageRecord
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[2] / "fixtures"
UPLOAD: dict[str, Any] = {"form": {"audio": {"media_file": "audio/tone-3.7s.wav"}, "definition": "{}"}}


def speech_service(
    operation: str, response: dict[str, Any], request: dict[str, Any] | None = None
) -> UsageRecord:
    return extract(
        {
            "provider": "azure",
            "surface": "azure_speech",
            "operation": operation,
            "model": "speech",
            "at": "2026-06-04T09:12:31Z",
            "request": {"method": "POST", **(request or {})},
            "response": {"status": 200, **response},
        },
        root=FIXTURES,
    )


def transcribed(body: Any, request: dict[str, Any] | None = None) -> UsageRecord:
    return speech_service("transcription", {"json": body}, UPLOAD if request is None else request)


def spoken(text: str) -> int:
    record = speech_service("speech", {"media": {"content_type": "audio/mpeg"}}, {"text": text})
    assert (record.basis, record.character_rule) == ({"tts_characters": "request"}, "azure_ssml")
    return int(record.quantities["tts_characters"])


# Lengths


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"durationMilliseconds": 182439}, "182.439"),
        ({"duration": 2000}, "2"),
        ({"durationInTicks": 25800000, "durationMilliseconds": 2580, "duration": "PT2.58S"}, "2.58"),
        ({"durationInTicks": "25800000"}, "2.58"),
        ({"durationInTicks": Decimal("25800000.0")}, "2.58"),
        ({"durationInTicks": 25800001, "durationMilliseconds": 2580}, "2.5800001"),
        ({"duration": "PT2.58S"}, "2.58"),
        ({"duration": "PT1H2M3.5S"}, "3723.5"),
        ({"duration": "PT90M"}, "5400"),
        ({"duration": "P1DT1S"}, "86401"),
        ({"duration": "P2D"}, "172800"),
        ({"duration": "PT0S"}, "0"),
        ({"duration": "2000"}, "2"),
        ({"status": "Succeeded", "properties": {"durationMilliseconds": 3000}}, "3"),
        ({"status": "Succeeded", "properties": {"duration": "PT3S"}}, "3"),
        ({"durationMilliseconds": 5000, "phrases": [{"durationMilliseconds": 240}]}, "5"),
    ],
    ids=[
        "fast",
        "fast preview",
        "batch",
        "ticks as text",
        "ticks with a point",
        "finest unit",
        "ISO 8601",
        "hours",
        "minutes",
        "days",
        "whole days",
        "zero",
        "text of a number",
        "job",
        "older job",
        "phrases",
    ],
)
def test_the_length_of_the_file_is_read_in_any_unit(body: dict[str, Any], seconds: str) -> None:
    record = transcribed(body)

    assert record.quantities["audio_duration_seconds"] == Decimal(seconds)
    assert record.basis["audio_duration_seconds"] == "provider_reported"
    assert record.unknown == ()


@pytest.mark.parametrize(
    "text", ["P", "PT", "P1Y", "P1M", "PT1.5M", "PT-1S", "PT1S ", "PT1S2M", "P1W", "P1DT"]
)
def test_a_length_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        transcribed({"duration": text})

    assert (caught.value.code, caught.value.pointer) == ("invalid_number", "/response/json/duration")


@given(st.integers(0, 10**9))
def test_all_units_of_one_length_agree(milliseconds: int) -> None:
    whole, rest = divmod(milliseconds, 1000)
    lengths = [
        {"durationInTicks": milliseconds * 10000},
        {"durationMilliseconds": milliseconds},
        {"duration": milliseconds},
        {"duration": f"PT{whole}.{rest:03}S"},
        {"duration": f"PT{whole // 60}M{whole % 60}.{rest:03}S"},
    ]

    assert len({transcribed(length).quantities["audio_duration_seconds"] for length in lengths}) == 1


@pytest.mark.parametrize("duration", ["1236645672289", 8400000])
@pytest.mark.parametrize("status", ["Success", "NoMatch", "InitialSilenceTimeout"])
def test_how_long_somebody_spoke_is_not_how_much_was_sent(duration: Any, status: str) -> None:
    body = {"RecognitionStatus": status, "Offset": duration, "Duration": duration, "DisplayText": "…"}
    record = transcribed(body, {"media": {"media_file": "audio/tone-1.7s.wav"}})

    assert record.quantities == {"audio_duration_seconds": Decimal("1.7")}
    assert record.basis == {"audio_duration_seconds": "media"}


@pytest.mark.parametrize(
    ("body", "headers", "features"),
    [
        (
            {"RecognitionStatus": "Success"},
            {"Pronunciation-Assessment": "e30="},
            ("pronunciation_assessment",),
        ),
        ({"RecognitionStatus": "Success"}, {"Pronunciation-Assessment": ""}, ()),
        ({"RecognitionStatus": "Success"}, {}, ()),
        ({"durationMilliseconds": 3700}, {"Pronunciation-Assessment": "e30="}, ()),
    ],
)
def test_an_assessment_of_pronunciation_is_an_option_of_short_audio(
    body: dict[str, Any], headers: dict[str, str], features: tuple[str, ...]
) -> None:
    assert transcribed(body, {**UPLOAD, "headers": headers}).features == features


def test_without_a_length_the_upload_is_measured() -> None:
    assert transcribed({"combinedPhrases": []}).quantities == {"audio_duration_seconds": Decimal("3.7")}


@pytest.mark.parametrize(
    "body", [{"RecognitionStatus": "Success", "Duration": 1}, {}, {"properties": {}}], ids=repr
)
def test_without_any_length_it_is_unknown(body: dict[str, Any]) -> None:
    record = transcribed(body, {})

    assert (record.quantities, record.unknown) == ({}, ("audio_duration_seconds",))


def test_a_transcript_that_is_no_json_is_malformed() -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        speech_service("transcription", {"text": "Hello."})

    assert (caught.value.code, caught.value.pointer) == ("malformed_body", "/response/text")


# Channels


@pytest.mark.parametrize(
    ("body", "channels"),
    [
        ({"combinedPhrases": [{"channel": 0}, {"channel": 1}], "phrases": [{"channel": 1}]}, 2),
        ({"combinedRecognizedPhrases": [{"channel": 0}], "recognizedPhrases": [{"channel": 0}]}, 1),
        ({"combinedPhrases": [{"text": "…"}, "odd"], "phrases": None}, None),
        ({"properties": {"channels": [0, 1], "durationMilliseconds": 3000}}, 2),
        ({"properties": {"channels": None, "durationMilliseconds": 3000}}, None),
    ],
    ids=["two", "one", "none", "job", "job without"],
)
def test_channels_are_those_that_are_named_and_leave_the_length_as_it_is(
    body: dict[str, Any], channels: int | None
) -> None:
    record = transcribed({"durationMilliseconds": 3000, **body})

    assert record.quantities["audio_duration_seconds"] == 3
    assert record.quantities.get("audio_channels") == channels


# Characters


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("Hello, Ana!", 11),
        ("a\r\n b", 5),
        ("Grüße 👋", 7),
        ("漢字", 4),
        ("々〇", 4),
        ("𠮷", 2),
        ("豈", 2),
        ("かなカナ", 4),
        ("한국어", 3),
        ("東京へ", 5),
        ("、。", 2),
        ("", 0),
    ],
    ids=[
        "letters",
        "white space",
        "emoji",
        "Han",
        "marks that are Han",
        "rare Han",
        "compatibility Han",
        "kana",
        "hangul",
        "mixed",
        "punctuation",
        "empty",
    ],
)
def test_an_ideograph_counts_two_and_everything_else_one(text: str, characters: int) -> None:
    assert spoken(text) == characters


@pytest.mark.parametrize(
    ("markup", "characters"),
    [
        ("<speak>Hi</speak>", 2),
        ('<speak version="1.0" xml:lang="zh-CN"><voice name="x">Hi</voice></speak>', 2),
        ("<speak\n version='1.0'\n>Hi</speak >", 2),
        ('<voice name="a>b">Hi</voice>', 2),
        ('<voice name="漢"/>Hi', 2),
        ("<speak>\n  Hi\n</speak>", 6),
        ("<break/>Hi", 10),
        ('<prosody rate="+10%">Hi</prosody>', 33),
        ('<phoneme ph="漢">Hi</phoneme>', 29),
        ("<voices>Hi</voices>", 19),
        ("<speaker/>", 10),
        ("a &amp; b", 9),
        ("<!-- <voice> -->Hi", 18),
        ("<![CDATA[<speak>]]>", 19),
        ("<?xml version='1.0'?><speak>Hi</speak>", 23),
        ("1 < 2 <speak", 12),
    ],
    ids=str,
)
def test_only_the_tags_of_speak_and_voice_are_free(markup: str, characters: int) -> None:
    assert spoken(markup) == characters


@given(st.text(st.characters(exclude_characters="<")), st.text(st.characters(exclude_characters="<")))
def test_characters_of_texts_add_up(left: str, right: str) -> None:
    assert spoken(left + right) == spoken(left) + spoken(right)


def test_the_text_can_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "ask.ssml").write_bytes("<speak>漢</speak>".encode())
    exchange = {
        "provider": "azure",
        "surface": "azure_speech",
        "operation": "speech",
        "model": "speech",
        "at": "2026-06-04T09:12:31Z",
        "request": {"text_file": "ask.ssml"},
        "response": {"media": {}},
    }

    assert extract(exchange, root=tmp_path).quantities == {"tts_characters": 2}


def test_without_a_text_the_characters_are_unknown() -> None:
    record = speech_service("speech", {"media": {}})

    assert (record.quantities, record.unknown, record.character_rule) == ({}, ("tts_characters",), None)


def test_speech_that_is_no_audio_is_malformed() -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        speech_service("speech", {"json": {}}, {"text": "Hi"})

    assert (caught.value.code, caught.value.pointer) == ("malformed_body", "/response/json")
