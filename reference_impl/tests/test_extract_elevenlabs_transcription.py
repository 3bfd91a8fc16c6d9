"""Transcription by ElevenLabs: lengths, channels, and the options that cost extra."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.usage import ProviderCost, UsageRecord

FIXTURES = Path(__file__).parents[2] / "fixtures"
ANSWER = {"language_code": "eng", "text": "Hello.", "words": [{"text": "Hello.", "end": 0.5}]}
UPLOAD = {"file": {"media_file": "audio/tone-3.7s.wav"}}


def scribe(
    body: Any,
    form: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    status: int = 200,
) -> UsageRecord:
    return extract(
        {
            "provider": "elevenlabs",
            "surface": "api",
            "operation": "transcription",
            "model": "scribe_v2",
            "at": "2026-09-19T10:00:00Z",
            "request": {"method": "POST", "path": "/v1/speech-to-text", "form": {**UPLOAD, **(form or {})}},
            "response": {"status": status, "headers": headers or {}, "json": body},
        },
        root=FIXTURES,
    )


def refusal(body: Any) -> tuple[str, str]:
    with pytest.raises(DecibillReferenceError) as caught:
        scribe(body)
    return caught.value.code, caught.value.pointer


def words(*channels: Any) -> list[dict[str, Any]]:
    return [{"text": "Hi", "start": 0, "end": 9, "channel_index": channel} for channel in channels]


# Meters


def test_one_answer_has_three_meters() -> None:
    headers = {"character-cost": "2", "fiat-cost-before-overages": "0.0002", "fiat-currency": "USD"}
    record = scribe({**ANSWER, "audio_duration_secs": Decimal("1.84")}, headers=headers)

    assert record.quantities == {"audio_duration_seconds": Decimal("1.84"), "provider_credits": 2}
    assert record.basis == {
        "audio_duration_seconds": "provider_reported",
        "provider_credits": "provider_billed",
    }
    assert record.provider_cost == ProviderCost(Decimal("0.0002"), "USD")
    assert (record.unknown, record.flags) == ((), ())


@pytest.mark.parametrize(
    ("told", "seconds"), [(56, "56"), (Decimal("1.84"), "1.84"), ("1.84", "1.84"), (0, "0")]
)
def test_the_length_is_read_as_it_was_sent(told: Any, seconds: str) -> None:
    assert scribe({**ANSWER, "audio_duration_secs": told}).quantities == {
        "audio_duration_seconds": Decimal(seconds)
    }


@pytest.mark.parametrize("told", [True, "", "1.84s", Decimal("NaN"), [1], {}], ids=repr)
def test_a_length_that_is_none_is_refused(told: Any) -> None:
    assert refusal({"audio_duration_secs": told}) == ("invalid_number", "/response/json/audio_duration_secs")


def test_a_negative_length_is_refused() -> None:
    assert refusal({"audio_duration_secs": -1}) == ("negative_quantity", "/response/json/audio_duration_secs")


@pytest.mark.parametrize("member", [{}, {"audio_duration_secs": None}], ids=["absent", "null"])
def test_without_a_length_the_upload_is_measured_and_not_the_last_word(member: dict[str, Any]) -> None:
    record = scribe({**ANSWER, **member})

    assert record.quantities == {"audio_duration_seconds": Decimal("3.7")}
    assert record.basis == {"audio_duration_seconds": "media"}


@pytest.mark.parametrize(
    ("headers", "unknown"),
    [({}, ("audio_duration_seconds",)), ({"character-cost": "2"}, ())],
    ids=["nothing", "credits"],
)
def test_a_file_elsewhere_has_no_length_which_is_missed_only_without_credits(
    headers: dict[str, str], unknown: tuple[str, ...]
) -> None:
    record = scribe(ANSWER, {"file": None, "source_url": "https://audio.example/a.mp3"}, headers)

    assert record.unknown == unknown
    assert "audio_duration_seconds" not in record.quantities


@pytest.mark.parametrize("response", [{"text": "Hello."}, {"media": {}}, {"sse": "data: {}\n\n"}], ids=str)
def test_a_transcript_is_json(response: dict[str, Any]) -> None:
    exchange = {
        "provider": "elevenlabs",
        "surface": "api",
        "operation": "transcription",
        "model": "scribe_v2",
        "at": "2026-09-19T10:00:00Z",
        "response": {"status": 200, **response},
    }

    with pytest.raises(DecibillReferenceError) as caught:
        extract(exchange)

    assert (caught.value.code, caught.value.pointer) == (
        "malformed_body",
        f"/response/{next(iter(response))}",
    )


# Delivered later


def test_the_answer_that_promises_a_transcript_is_measured_by_the_upload() -> None:
    record = scribe({"message": "Request processed", "request_id": "r"}, {"webhook": "true"}, status=202)

    assert record.quantities == {"audio_duration_seconds": Decimal("3.7")}


def test_a_transcript_that_is_delivered_later_is_read_in_its_envelope() -> None:
    envelope: dict[str, Any] = {"type": "speech_to_text_transcription", "data": {"request_id": "r"}}
    envelope["data"]["transcription"] = {**ANSWER, "audio_duration_secs": 56}

    assert scribe(envelope).quantities == {"audio_duration_seconds": 56}

    envelope["data"]["transcription"]["audio_duration_secs"] = False

    assert refusal(envelope) == ("invalid_number", "/response/json/data/transcription/audio_duration_secs")


@pytest.mark.parametrize("data", ["x", {"transcription": None}, {}], ids=str)
def test_data_that_is_no_envelope_is_a_member_like_any_other(data: Any) -> None:
    assert scribe({"data": data, "audio_duration_secs": 2}).quantities == {"audio_duration_seconds": 2}


# Channels


def test_channels_of_their_own_are_as_long_as_the_longest() -> None:
    transcripts = [
        {"channel_index": 0, "audio_duration_secs": 30, "words": words(0)},
        {"channel_index": 1, "audio_duration_secs": Decimal("30.5")},
    ]
    record = scribe({"transcripts": transcripts})

    assert record.quantities == {"audio_duration_seconds": Decimal("30.5"), "audio_channels": 2}
    assert set(record.basis.values()) == {"provider_reported"}


def test_the_length_above_channels_with_their_own_is_information() -> None:
    transcripts = [{"channel_index": channel, "audio_duration_secs": 30} for channel in (0, 1)]
    record = scribe({"transcripts": transcripts, "audio_duration_secs": 60})

    assert record.quantities == {
        "audio_duration_seconds": 30,
        "media_duration_seconds": 60,
        "audio_channels": 2,
    }


def test_the_length_above_channels_without_their_own_is_taken_as_that_of_the_file() -> None:
    record = scribe({"transcripts": [{"channel_index": 0}, {"channel_index": 1}], "audio_duration_secs": 30})

    assert record.quantities == {"audio_duration_seconds": 30, "audio_channels": 2}
    assert record.basis == {"audio_duration_seconds": "assumed", "audio_channels": "provider_reported"}


def test_channels_without_any_length_are_measured() -> None:
    record = scribe({"transcripts": [{"channel_index": 0, "audio_duration_secs": None}]})

    assert record.quantities == {"audio_duration_seconds": Decimal("3.7"), "audio_channels": 1}
    assert record.basis["audio_duration_seconds"] == "media"


@pytest.mark.parametrize(
    ("told", "channels"),
    [(words(0, 1, 0, None, 1), 2), (words(0), 1), (words(*range(7)), 5), ([*words(3), "odd"], 1)],
    ids=["two", "one", "more than are billed", "something else"],
)
def test_channels_in_one_transcript_are_those_that_its_words_name(told: list[Any], channels: int) -> None:
    record = scribe({"words": told, "audio_duration_secs": 30})

    assert record.quantities == {"audio_duration_seconds": 30, "audio_channels": channels}
    assert record.basis["audio_duration_seconds"] == "assumed"


@pytest.mark.parametrize("told", [words(None), [], None, "odd"], ids=repr)
def test_where_no_channel_is_named_there_is_one_file(told: Any) -> None:
    record = scribe({"words": told, "audio_duration_secs": 30})

    assert record.quantities == {"audio_duration_seconds": 30}
    assert record.basis["audio_duration_seconds"] == "provider_reported"


@pytest.mark.parametrize(
    ("transcripts", "pointer"),
    [("odd", "/response/json/transcripts"), (["odd"], "/response/json/transcripts/0")],
    ids=repr,
)
def test_transcripts_are_objects(transcripts: Any, pointer: str) -> None:
    assert refusal({"transcripts": transcripts}) == ("malformed_body", pointer)


# Options


@pytest.mark.parametrize(
    ("form", "features"),
    [
        ({}, ()),
        ({"keyterms": "decibill"}, ("keyterms",)),
        ({"keyterms": ["decibill", "ledger"]}, ("keyterms",)),
        ({"keyterms": '["decibill", "ledger"]'}, ("keyterms",)),
        ({"keyterms": "[decibill"}, ("keyterms",)),
        ({"keyterms": "[]"}, ()),
        ({"keyterms": ""}, ()),
        ({"keyterms": [""]}, ()),
        ({"keyterms": ["term"] * 100}, ("keyterms",)),
        ({"keyterms": ["term"] * 101}, ("many_keyterms",)),
        ({"keyterms": json.dumps(["term"] * 150)}, ("many_keyterms",)),
        ({"detect_speaker_roles": "true"}, ("speaker_roles",)),
        ({"detect_speaker_roles": "False"}, ()),
        ({"entity_detection": "all"}, ("entity_detection",)),
        ({"entity_detection": ["pii", "phi"]}, ("entity_detection",)),
        ({"entity_detection": '["pii"]'}, ("entity_detection",)),
        ({"entity_detection": ""}, ()),
        ({"entity_redaction": "pci"}, ("entity_redaction",)),
        ({"transcript_edit": "true"}, ("transcript_edit",)),
        ({"transcript_edit": "null"}, ()),
        ({"diarize": "true", "use_multi_channel": "true", "webhook": "true"}, ()),
        (
            {
                "transcript_edit": "x",
                "detect_speaker_roles": "true",
                "keyterms": "a",
                "entity_detection": "all",
            },
            ("entity_detection", "keyterms", "speaker_roles", "transcript_edit"),
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_options_that_cost_extra_are_named(form: dict[str, Any], features: tuple[str, ...]) -> None:
    assert scribe({**ANSWER, "audio_duration_secs": 5}, form).features == features


@pytest.mark.parametrize(
    ("answer", "features"),
    [
        ({"entities": []}, ("entity_detection",)),
        ({"entities": None}, ()),
        ({"edited_transcript": "Hello!"}, ("transcript_edit",)),
    ],
    ids=str,
)
def test_an_answer_shows_some_of_them(answer: dict[str, Any], features: tuple[str, ...]) -> None:
    assert scribe({**ANSWER, **answer}).features == features


def test_an_option_that_both_show_is_one() -> None:
    assert scribe({"entities": []}, {"entity_detection": "all"}).features == ("entity_detection",)


def test_options_of_a_request_in_json_are_read_alike() -> None:
    record = extract(
        {
            "provider": "elevenlabs",
            "surface": "api",
            "operation": "transcription",
            "model": "scribe_v2",
            "at": "2026-09-19T10:00:00Z",
            "request": {"json": {"detect_speaker_roles": True, "transcript_edit": False, "keyterms": ["a"]}},
            "response": {"status": 200, "json": {"audio_duration_secs": 5}},
        }
    )

    assert record.features == ("keyterms", "speaker_roles")
