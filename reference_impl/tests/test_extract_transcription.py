"""Transcriptions and translations: tokens or seconds, and where seconds come from."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.usage import UsageRecord

FIXTURES = Path(__file__).parents[2] / "fixtures"
UPLOAD = {"media_file": "audio/tone-1.7s.wav", "media_seconds": "1.7"}
BOTH = pytest.mark.parametrize("operation", ["transcription", "translation"])


def transcribed(response: dict[str, Any], *, upload: object = UPLOAD, **changes: Any) -> UsageRecord:
    exchange: dict[str, Any] = {
        "provider": "openai",
        "surface": "api",
        "operation": "transcription",
        "model": "whisper-1",
        "at": "2026-06-04T09:12:31Z",
        "request": {"method": "POST", "form": {"file": upload} if upload else {}},
        "response": {"status": 200, **response},
    }
    return extract({**exchange, **changes}, root=FIXTURES)


def answered(*, duration: Any = None, upload: object = UPLOAD, **usage: Any) -> UsageRecord:
    body: dict[str, Any] = {"text": "Hello.", "usage": usage or None}
    if duration is not None:
        body["duration"] = duration
    return transcribed({"json": body}, upload=upload)


TOKENS: dict[str, Any] = {
    "input_tokens": 17,
    "input_token_details": {"audio_tokens": 14, "text_tokens": 3},
    "output_tokens": 10,
    "total_tokens": 27,
}
TOKEN_QUANTITIES = {
    "input_tokens": 17,
    "text_input_tokens": 3,
    "audio_input_tokens": 14,
    "output_tokens": 10,
    "text_output_tokens": 10,
    "audio_output_tokens": 0,
    "total_tokens": 27,
}


# Tokens or seconds


def test_the_type_tokens_decides_for_tokens_and_keeps_the_seconds_as_information() -> None:
    record = answered(type="tokens", seconds=2, **TOKENS)

    assert record.quantities == TOKEN_QUANTITIES | {"media_duration_seconds": 2}
    assert record.flags == ()


def test_the_type_duration_decides_for_seconds_and_names_the_tokens_as_unread() -> None:
    record = answered(type="duration", seconds=2, **TOKENS)

    assert record.quantities == {"audio_duration_seconds": 2}
    assert record.flags == ("unread_members",)
    assert len(record.unread) == 5


@pytest.mark.parametrize("type_", [None, "", "credits", 7], ids=repr)
def test_without_a_known_type_tokens_win_over_seconds(type_: object) -> None:
    record = answered(type=type_, seconds=2, **TOKENS)

    assert record.quantities == TOKEN_QUANTITIES | {"media_duration_seconds": 2}
    assert "usage_type_missing" in record.flags


def test_without_a_known_type_and_tokens_seconds_are_read() -> None:
    record = answered(seconds=2)

    assert record.quantities == {"audio_duration_seconds": 2}
    assert record.flags == ("usage_type_missing",)


def test_a_total_alone_is_usage_in_tokens_of_which_too_little_is_known() -> None:
    record = answered(total_tokens=27, seconds=2)

    assert record.quantities == {"media_duration_seconds": 2}
    assert record.unknown == ("input_tokens", "output_tokens")
    assert record.unread == ()


def test_a_translation_has_no_type_to_miss() -> None:
    record = transcribed({"json": {"text": "", "usage": {"seconds": 2}}}, operation="translation")

    assert record.flags == ()


def test_tokens_that_are_announced_and_missing_are_unknown() -> None:
    record = answered(type="tokens", duration=Decimal("1.7"))

    assert record.quantities == {"media_duration_seconds": Decimal("1.7")}
    assert record.unknown == ("input_tokens", "output_tokens")


# Seconds


def test_billed_seconds_come_before_the_exact_duration_which_is_information() -> None:
    record = answered(duration=Decimal("1.7000000476837158"), type="duration", seconds=2)

    assert record.quantities == {
        "audio_duration_seconds": 2,
        "media_duration_seconds": Decimal("1.7000000476837158"),
    }
    assert record.basis == {
        "audio_duration_seconds": "provider_billed",
        "media_duration_seconds": "provider_reported",
    }


@BOTH
@pytest.mark.parametrize("duration", [Decimal("8.47"), "8.47"], ids=["number", "text"])
def test_the_stated_duration_comes_before_the_upload(operation: str, duration: object) -> None:
    record = transcribed({"json": {"text": "", "duration": duration}}, operation=operation)

    assert record.quantities == {"audio_duration_seconds": Decimal("8.47")}
    assert record.basis == {"audio_duration_seconds": "provider_reported"}


@BOTH
@pytest.mark.parametrize(
    "response",
    [
        {"json": {"text": "Hello."}},
        {"json": {"text": "Hello.", "usage": None}},
        {"json": {"text": "Hello.", "words": [{"end": 1.44}], "segments": [{"end": 2.0}]}},
        {"text": "Hello."},
        {"text": "1\n00:00:00,000 --> 00:00:02,000\nHello.\n\n", "headers": {"content-type": "text/plain"}},
        {"text": "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nHello.\n"},
    ],
    ids=["json", "null usage", "words and segments", "text", "srt", "vtt"],
)
def test_without_any_duration_the_upload_is_measured(operation: str, response: dict[str, Any]) -> None:
    record = transcribed(response, operation=operation)

    assert record.quantities == {"audio_duration_seconds": Decimal("1.7")}
    assert record.basis == {"audio_duration_seconds": "media"}
    assert (record.unknown, record.flags) == ((), ())


def test_a_page_is_not_a_transcript() -> None:
    page = {"text": "<html></html>", "headers": {"content-type": "text/html; charset=utf-8"}}

    with pytest.raises(DecibillReferenceError) as refusal:
        transcribed(page)
    assert (refusal.value.code, refusal.value.pointer) == ("malformed_body", "/response/text")


@pytest.mark.parametrize(
    ("unit", "quantity"), [("tokens", "input_tokens"), ("duration", "audio_duration_seconds")]
)
def test_a_type_decides_between_units_in_normal_form_too(unit: str, quantity: str) -> None:
    usage = {
        "type": unit,
        "input_tokens": 17,
        "audio_input_tokens": 17,
        "output_tokens": 9,
        "audio_seconds": 1.7,
    }
    record = transcribed({"json": {"text": "Hello.", "usage": usage}})

    assert quantity in record.quantities
    assert ("input_tokens" in record.quantities) != ("audio_duration_seconds" in record.quantities)


def test_without_a_type_both_units_of_normal_form_are_stated() -> None:
    usage = {"audio_input_tokens": 17, "output_tokens": 9, "audio_seconds": 1.7}
    record = transcribed({"json": {"text": "Hello.", "usage": usage}})

    assert {"audio_input_tokens", "audio_duration_seconds"} < record.quantities.keys()


@pytest.mark.parametrize("upload", [None, {}, "a text", {"media_file": "audio/absent.mp3"}], ids=repr)
def test_an_upload_that_nobody_can_measure_leaves_the_duration_unknown(upload: object) -> None:
    record = transcribed({"text": "Hello."}, upload=upload)

    assert (record.quantities, record.unknown) == ({}, ("audio_duration_seconds",))


def test_a_body_that_is_nothing_but_media_is_measured_too() -> None:
    record = transcribed({"text": "Hello."}, request={"media": UPLOAD})

    assert record.quantities == {"audio_duration_seconds": Decimal("1.7")}


def test_media_is_not_opened_when_no_quantity_depends_on_it() -> None:
    outside = {"media_file": "../../etc/passwd"}

    assert answered(type="duration", seconds=2, upload=outside).quantities == {"audio_duration_seconds": 2}
    with pytest.raises(DecibillReferenceError, match="not below the root"):
        transcribed({"text": "Hello."}, upload=outside)


@pytest.mark.parametrize("duration", [0, Decimal("0.0")], ids=repr)
def test_a_usage_of_zero_is_flagged_even_beside_a_length(duration: object) -> None:
    assert answered(type="duration", seconds=duration).flags == ("zero_usage",)
    assert answered(type="duration", seconds=duration, duration=Decimal("1.7")).flags == ("zero_usage",)


@pytest.mark.parametrize(
    ("usage", "pointer"),
    [
        ({"seconds": True}, "/usage/seconds"),
        ({"seconds": "2 s"}, "/usage/seconds"),
        ({"seconds": {}}, "/usage/seconds"),
    ],
    ids=repr,
)
def test_seconds_that_are_no_number_are_refused_at_their_place(usage: dict[str, Any], pointer: str) -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        answered(type="duration", **usage)

    assert (caught.value.code, caught.value.pointer) == ("invalid_number", f"/response/json{pointer}")


def test_a_negative_duration_is_refused_at_its_place() -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        answered(duration=Decimal("-1.7"), type="tokens", **TOKENS)

    assert (caught.value.code, caught.value.pointer) == ("negative_quantity", "/response/json/duration")


# Normal form


def test_normal_form_in_seconds_is_a_billable_duration() -> None:
    record = answered(audio_seconds=Decimal("78.4"))

    assert record.quantities == {"audio_duration_seconds": Decimal("78.4")}
    assert (record.unknown, record.flags) == ((), ())


def test_normal_form_that_counts_audio_alone_is_all_the_input() -> None:
    record = answered(audio_input_tokens=784, audio_output_tokens=None)

    assert record.quantities == {"input_tokens": 784, "text_input_tokens": 0, "audio_input_tokens": 784}
    assert record.basis["input_tokens"] == "derived"
    assert record.unknown == ("output_tokens",)


@pytest.mark.parametrize("total", ["input_tokens", "prompt_tokens"])
def test_normal_form_is_inclusive(total: str) -> None:
    record = answered(**{total: 17, "audio_input_tokens": 14, "completion_tokens": 10})

    assert record.quantities == TOKEN_QUANTITIES
    assert record.basis["text_input_tokens"] == "derived"
    assert record.flags == ()


def test_the_tier_of_the_answer_comes_before_that_of_the_request() -> None:
    request = {"form": {"service_tier": "flex"}}

    assert transcribed({"text": "Hello."}, request=request).service_tier == "flex"
    answer = {"json": {"text": "", "service_tier": "default"}}
    assert transcribed(answer, request=request).service_tier == "standard"
