"""ElevenLabs: the headers are the meter, whatever the body is; characters and lengths stand beside it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.usage import ProviderCost, UsageRecord
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[2] / "fixtures"
AUDIO: dict[str, Any] = {"media": {"content_type": "audio/mpeg"}}
TEXT: dict[str, Any] = {"json": {"text": "Hello world.", "model_id": "eleven_v3"}}
UPLOAD: dict[str, Any] = {"form": {"audio": {"media_file": "audio/tone-3.7s.wav"}}}


def elevenlabs(
    operation: str = "speech",
    headers: dict[str, Any] | None = None,
    request: dict[str, Any] | None = None,
    **response: Any,
) -> UsageRecord:
    return extract(
        {
            "provider": "elevenlabs",
            "surface": "api",
            "operation": operation,
            "model": "eleven_v3",
            "at": "2026-08-21T11:31:47Z",
            "request": {"method": "POST", **(TEXT if request is None else request)},
            "response": {"status": 200, "headers": headers or {}, **(response or AUDIO)},
        },
        root=FIXTURES,
    )


def refusal(*args: Any, **names: Any) -> tuple[str, str]:
    with pytest.raises(DecibillReferenceError) as caught:
        elevenlabs(*args, **names)
    return caught.value.code, caught.value.pointer


metered = pytest.mark.parametrize("operation", ["speech", "voice_conversion", "sound_generation"])

# The header


def test_credits_are_what_the_header_says_and_characters_what_was_sent() -> None:
    record = elevenlabs(headers={"character-cost": "3", "content-type": "audio/mpeg"})

    assert record.quantities == {"tts_characters": 12, "provider_credits": 3}
    assert record.basis == {"tts_characters": "request", "provider_credits": "provider_billed"}
    assert (record.unknown, record.flags, record.character_rule) == ((), (), "code_points")


@pytest.mark.parametrize("name", ["character-cost", "Character-Cost", "CHARACTER-COST"])
@pytest.mark.parametrize(
    ("text", "credits_"), [("3", "3"), (" 3 ", "3"), ("2.5", "2.5"), ("0", "0"), ("007", "7")]
)
def test_the_header_is_read_in_any_case_with_its_digits(name: str, text: str, credits_: str) -> None:
    assert elevenlabs(headers={name: text}).quantities["provider_credits"] == Decimal(credits_)


@metered
@pytest.mark.parametrize("headers", [{}, {"character-cost": ""}, {"character-cost": "  "}], ids=str)
def test_without_the_header_the_credits_are_unknown_and_never_zero(
    operation: str, headers: dict[str, str]
) -> None:
    record = elevenlabs(operation, headers, {})

    assert "provider_credits" in record.unknown
    assert "provider_credits" not in record.quantities


def test_characters_that_are_known_do_not_make_the_credits_known() -> None:
    record = elevenlabs()

    assert (record.quantities, record.unknown) == ({"tts_characters": 12}, ("provider_credits",))


@pytest.mark.parametrize("text", ["3, 3", "1e3", "-1", "+1", "three", "1,000", ".5", "9" * 16])
def test_a_header_that_is_no_plain_number_is_refused_at_its_place(text: str) -> None:
    assert refusal(headers={"Character-Cost": text}) == ("invalid_number", "/response/headers/Character-Cost")


def test_the_header_that_is_documented_and_never_sent_is_not_read() -> None:
    record = elevenlabs(headers={"x-character-count": "12"})

    assert "provider_credits" in record.unknown


def test_a_call_of_nothing_that_cost_nothing_is_zero_usage() -> None:
    record = elevenlabs(headers={"character-cost": "0"}, request={"json": {"text": ""}})

    assert record.flags == ("zero_usage",)


def test_what_an_answer_is_worth_is_information() -> None:
    record = elevenlabs(headers={"fiat-cost-before-overages": "0.0002", "fiat-currency": "usd"})

    assert record.provider_cost == ProviderCost(Decimal("0.0002"), "USD")
    assert record.unknown == ("provider_credits",)


@pytest.mark.parametrize(
    "headers",
    [
        {"fiat-cost-before-overages": "0.0002"},
        {"fiat-currency": "USD"},
        {"fiat-cost-before-overages": "0.0002", "fiat-currency": "dollars"},
        {"fiat-cost-before-overages": "", "fiat-currency": "USD"},
    ],
    ids=str,
)
def test_an_amount_without_a_currency_is_worth_nothing(headers: dict[str, str]) -> None:
    assert elevenlabs(headers=headers).provider_cost is None


def test_an_amount_that_is_none_is_refused() -> None:
    headers = {"fiat-cost-before-overages": "free", "fiat-currency": "USD"}

    assert refusal(headers=headers) == ("invalid_number", "/response/headers/fiat-cost-before-overages")


@pytest.mark.parametrize("operation", ["speech", "transcription", "voice_conversion", "agent_call"])
def test_an_error_has_no_usage_whatever_its_headers_say(operation: str) -> None:
    exchange = {
        "provider": "elevenlabs",
        "surface": "api",
        "operation": operation,
        "model": "eleven_v3",
        "at": "2026-08-21T11:31:47Z",
        "response": {
            "status": 422,
            "headers": {"character-cost": "x"},
            "json": {"detail": [{"loc": ["body"]}]},
        },
    }
    record = extract(exchange)

    assert (record.quantities, record.unknown, record.flags) == ({}, (), ("error_response",))


def test_sessions_are_not_read() -> None:
    assert refusal("realtime", events=[]) == ("unsupported_exchange", "/operation")


# What the answer can be


@metered
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("audio/mpeg", AUDIO),
        ("application/octet-stream", AUDIO),
        ("application/json", {"json": {"audio_base64": "AAAA", "alignment": {"characters": ["H"]}}}),
        ("application/json", {"text": '{"audio_base64": "AAAA"}'}),
        ("text/event-stream", {"sse": '{"audio_base64": "AAAA"}\n\n{"audio_base64": "AA'}),
        ("text/event-stream", {"sse": 'data: {"audio_base64": "AAAA"}\n\n'}),
        ("text/event-stream", {"text": '{"audio_base64": "AAAA"}\n'}),
        ("application/x-ndjson", {"text": '{"audio_base64": "AAAA"}\n'}),
        ("", {"text": '{"audio_base64": "AAAA"}\n'}),
    ],
    ids=[
        *("audio", "bytes", "aligned", "aligned as text", "cut lines", "events", "lines", "typed lines"),
        "untyped lines",
    ],
)
def test_the_header_is_the_meter_whatever_the_body_is(
    operation: str, content_type: str, body: dict[str, Any]
) -> None:
    record = elevenlabs(operation, {"character-cost": "3", "content-type": content_type}, **body)

    assert record.quantities["provider_credits"] == 3
    assert (record.unknown, record.flags) == ((), ())


@metered
@pytest.mark.parametrize(
    ("content_type", "body", "pointer"),
    [
        ("text/html", {"text": "<html>"}, "/response/text"),
        ("text/plain", {"text": "Hello"}, "/response/text"),
        ("text/html; charset=utf-8", AUDIO, "/response/media"),
        ("application/json", AUDIO, "/response/media"),
        ("application/json", {"text": "{"}, "/response/text"),
        ("application/json", {"json": []}, "/response/json"),
        ("application/json", {"json": None}, "/response/json"),
        ("", {"events": []}, "/response/events"),
    ],
    ids=["page", "text", "page as audio", "audio as JSON", "cut JSON", "array", "null", "frames"],
)
def test_a_body_that_no_call_answers_with_is_malformed(
    operation: str, content_type: str, body: dict[str, Any], pointer: str
) -> None:
    headers = {"character-cost": "3", "content-type": content_type}

    assert refusal(operation, headers, **body) == ("malformed_body", pointer)


def test_an_answer_has_one_body() -> None:
    assert refusal(media={}, sse="") == ("unsupported_exchange", "/response")


# Speech


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("[whispers] Hello world.", 23),
        ('Wait <break time="1.5s" /> now', 30),
        ("Grüße 👋", 7),
        ("  a\r\nb ", 7),
        ("", 0),
    ],
    ids=["tag", "break", "code points", "white space", "empty"],
)
def test_every_code_point_counts_tags_included(text: str, characters: int) -> None:
    request = {"json": {"text": text, "previous_text": "Before.", "next_text": "After."}}

    assert elevenlabs(request=request).quantities["tts_characters"] == characters


def test_an_alignment_is_not_counted() -> None:
    alignment = {"characters": list("Hello world, normalised.")}
    body = {"audio_base64": "AAAA", "alignment": alignment, "normalized_alignment": alignment}

    assert elevenlabs(json=body).quantities == {"tts_characters": 12}


def test_the_turns_of_a_dialogue_are_counted_together() -> None:
    turns = [{"text": "[cheerfully] Hi!", "voice_id": "a"}, {"text": "Hello.", "voice_id": "b"}]

    assert elevenlabs(request={"json": {"inputs": turns}}).quantities == {"tts_characters": 22}


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"json": {}},
        {"json": {"text": 7}},
        {"json": {"inputs": [{"text": "Hi"}, {}]}},
        {"json": {"inputs": ["Hi"]}},
    ],
    ids=str,
)
def test_a_text_that_is_not_there_leaves_characters_and_credits_unknown(request_: dict[str, Any]) -> None:
    assert elevenlabs(request=request_).unknown == ("tts_characters", "provider_credits")
    assert elevenlabs(request=request_, headers={"character-cost": "3"}).unknown == ()


@given(st.lists(st.text()))
def test_a_dialogue_is_as_long_as_its_turns(texts: list[str]) -> None:
    turns = [{"text": text} for text in texts]

    assert elevenlabs(request={"json": {"inputs": turns}}).quantities["tts_characters"] == len("".join(texts))


# The account's history

ITEM = {
    "history_item_id": "item",
    "text": "Hello world.",
    "character_count_change_from": 17189,
    "character_count_change_to": 17231,
}


@pytest.mark.parametrize(
    ("answer", "place"), [(ITEM, ""), ({"history": [ITEM]}, "/history/0")], ids=["item", "page"]
)
def test_an_item_of_the_history_cost_what_the_counter_moved(answer: dict[str, Any], place: str) -> None:
    record = elevenlabs(request={}, json=answer)

    assert (record.quantities, record.basis) == ({"provider_credits": 42}, {"provider_credits": "derived"})
    assert (record.unknown, record.character_rule) == ((), None)


def test_a_counter_that_moved_back_is_refused() -> None:
    backwards = {**ITEM, "character_count_change_to": 17188}

    assert refusal(json=backwards) == ("negative_quantity", "/response/json/character_count_change_to")
    assert refusal(json={"history": [backwards]}) == (
        "negative_quantity",
        "/response/json/history/0/character_count_change_to",
    )


@pytest.mark.parametrize("member", ["character_count_change_from", "character_count_change_to"])
@pytest.mark.parametrize("value", [None, ...], ids=["null", "absent"])
def test_one_reading_of_the_counter_says_nothing(member: str, value: object) -> None:
    item = {name: told for name, told in {**ITEM, member: value}.items() if told is not ...}
    record = elevenlabs(json=item)

    assert (record.quantities, record.unknown) == ({}, ("provider_credits",))


def test_a_page_of_several_items_is_not_one_call() -> None:
    assert refusal(json={"history": [ITEM, ITEM]}) == ("malformed_body", "/response/json/history")


def test_an_empty_page_is_an_answer_like_any_other() -> None:
    assert elevenlabs(json={"history": []}).unknown == ("provider_credits",)


# Voices and sounds


def test_speech_made_from_speech_is_as_long_as_the_upload() -> None:
    record = elevenlabs("voice_conversion", {"character-cost": "45"}, UPLOAD)

    assert record.quantities == {"audio_duration_seconds": Decimal("3.7"), "provider_credits": 45}
    assert record.basis == {"audio_duration_seconds": "media", "provider_credits": "provider_billed"}


@pytest.mark.parametrize(
    ("headers", "unknown"),
    [({}, ("audio_duration_seconds", "provider_credits")), ({"character-cost": "45"}, ())],
    ids=["nothing", "credits"],
)
@pytest.mark.parametrize("operation", ["voice_conversion", "sound_generation"])
def test_a_length_is_missed_only_without_credits(
    operation: str, headers: dict[str, str], unknown: tuple[str, ...]
) -> None:
    request = (
        {"form": {}}
        if operation == "voice_conversion"
        else {"json": {"text": "Rain", "duration_seconds": None}}
    )

    assert elevenlabs(operation, headers, request).unknown == unknown


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ({"duration_seconds": Decimal("0.5")}, "0.5"),
        ({"duration_seconds": 22}, "22"),
        ({"music_length_ms": 30000}, "30"),
        ({"music_length_ms": 10500}, "10.5"),
    ],
    ids=str,
)
def test_sound_is_as_long_as_was_asked_for(asked: dict[str, Any], seconds: str) -> None:
    record = elevenlabs("sound_generation", {"character-cost": "5"}, {"json": {"text": "Rain", **asked}})

    assert record.quantities == {"audio_duration_seconds": Decimal(seconds), "provider_credits": 5}
    assert record.basis["audio_duration_seconds"] == "request"


def test_a_length_that_is_asked_for_does_not_make_the_credits_known() -> None:
    record = elevenlabs("sound_generation", {}, {"json": {"duration_seconds": 4}})

    assert (record.quantities, record.unknown) == ({"audio_duration_seconds": 4}, ("provider_credits",))


def test_a_length_that_is_none_is_refused() -> None:
    request = {"json": {"duration_seconds": True}}

    assert refusal("sound_generation", {}, request) == ("invalid_number", "/request/json/duration_seconds")


# Whatever comes

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 40), st.sampled_from(["", "7", "x", "true", "[1"])
)
MEMBERS = st.sampled_from(
    [
        *("audio_duration_secs", "transcripts", "words", "channel_index", "entities", "edited_transcript"),
        *("metadata", "charging", "cost", "cost_fiat", "call_charge", "llm_charge", "voice_surcharge_charge"),
        *("data", "transcription", "status", "history", "call_duration_secs"),
        *("character_count_change_from", "character_count_change_to"),
        *("text", "inputs", "keyterms", "entity_detection", "duration_seconds", "music_length_ms"),
    ]
)
WIRE = st.recursive(
    LEAVES,
    lambda inner: st.dictionaries(MEMBERS, inner, max_size=5) | st.lists(inner, max_size=3),
    max_leaves=15,
)

REFUSALS = {"inconsistent_usage", "invalid_number", "negative_quantity", "malformed_body"}


def outcome(*args: Any, **names: Any) -> UsageRecord | DecibillReferenceError:
    try:
        return elevenlabs(*args, **names)
    except DecibillReferenceError as error:
        return error


@given(
    st.sampled_from(["speech", "transcription", "voice_conversion", "sound_generation", "agent_call"]),
    st.dictionaries(MEMBERS, WIRE, max_size=6),
    st.dictionaries(MEMBERS, WIRE, max_size=4),
    st.dictionaries(
        st.sampled_from(["character-cost", "Character-Cost", "fiat-cost-before-overages", "fiat-currency"]),
        st.sampled_from(["", "0", "3", "2.5", "x", "usd"]),
    ),
)
def test_any_answer_is_refused_or_becomes_a_record_that_holds_together(
    operation: str, answer: dict[str, Any], asked: dict[str, Any], headers: dict[str, str]
) -> None:
    record = outcome(operation, headers, {"json": asked}, json=answer)
    if isinstance(record, DecibillReferenceError):
        assert record.code in REFUSALS
        assert record.pointer.startswith("/re")
        return
    assert set(record.quantities) == set(record.basis)
    assert not set(record.quantities) & set(record.unknown)
    assert UsageRecord.from_json(record.to_json()) == record
