"""Usage as ElevenLabs states it: credits in a header, whatever the body is, and lengths in the body."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from decibill._data import data_directory
from decibill.declaration_read import load
from decibill.observe import observe_caller
from decibill.observe_body import usage_of
from decibill.statements import Delivery, Kind, SourceObservation


def stated(*documents: Any, **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {name: value for name, (_, value) in usage_of(documents, named).items()}


def test_credits_stand_in_a_header() -> None:
    place = usage_of((), {"character-cost": "3", "request-id": "r"})

    assert place == {"provider_credits": ("header character-cost", "3")}


@pytest.mark.parametrize(
    "headers", [{}, {"character_cost": ""}, {"character_cost": " "}, {"x_character_count": "9"}]
)
def test_a_header_that_is_empty_or_another_says_nothing(headers: dict[str, str]) -> None:
    assert stated(**headers) == {}


def test_a_header_of_zero_says_zero() -> None:
    assert stated(character_cost="0") == {"provider_credits": "0"}


@pytest.mark.parametrize(
    ("document", "quantities"),
    [
        ({"audio_duration_secs": Decimal("1.84")}, {"audio_duration_seconds": Decimal("1.84")}),
        ({"audio_duration_secs": None, "words": [{"end": 3}]}, {}),
        (
            {
                "transcripts": [{"audio_duration_secs": 3}, {"audio_duration_secs": 4}],
                "audio_duration_secs": 7,
            },
            {"audio_duration_seconds": 4, "media_duration_seconds": 7},
        ),
        ({"transcripts": [{"audio_duration_secs": 3}, {}, "odd"]}, {"audio_duration_seconds": 3}),
        (
            {"transcripts": [{"audio_duration_secs": True}], "audio_duration_secs": 7},
            {"audio_duration_seconds": 7},
        ),
        ({"transcripts": "odd", "audio_duration_secs": 7}, {"audio_duration_seconds": 7}),
        ({"audio_base64": "AAAA"}, {}),
        ([{"audio_duration_secs": 7}], {}),
    ],
    ids=["whole", "null", "channels", "some channels", "no number", "no channels", "speech", "array"],
)
def test_lengths_stand_in_the_body(document: Any, quantities: dict[str, Any]) -> None:
    assert stated(document) == quantities


def test_one_answer_can_state_both() -> None:
    both = stated({"audio_duration_secs": 2}, character_cost="5")

    assert both == {"provider_credits": "5", "audio_duration_seconds": 2}


def test_what_a_gateway_puts_into_a_usage_object_of_its_own_is_read_without_a_header() -> None:
    assert stated({"usage": {"seconds": 2, "type": "duration"}}) == {"audio_duration_seconds": 2}


def test_gemini_is_asked_first() -> None:
    assert stated({"usageMetadata": {"promptTokenCount": 4}}, character_cost="5") == {"input_tokens": 4}


# From the delivered answer and the recorded one

REFERENCE = load("reference")
BODY = next(source for source in REFERENCE.observe if source.id == "body")
SPEECH: dict[str, Any] = {
    "provider": "elevenlabs",
    "response": {"status": 200, "headers": {"Character-Cost": "3"}, "media": {"content_type": "audio/mpeg"}},
}


def delivered(headers: dict[str, str], status: int = 200) -> SourceObservation:
    answer = Delivery(status=status, headers={"content-type": "audio/mpeg", **headers}, body=b"ID3")
    return observe_caller(BODY, answer, SPEECH, data_directory("fixtures"))


def test_a_header_that_reaches_the_caller_is_found_there() -> None:
    observed = delivered({"character-cost": "3"})

    assert observed.sent == {"provider_credits": Decimal(3)}
    assert (observed.usage["provider_credits"].value, observed.usage["provider_credits"].where) == (
        Decimal(3),
        "header character-cost",
    )


def test_a_header_that_the_gateway_drops_is_missed() -> None:
    observed = delivered({})

    assert observed.sent == {"provider_credits": Decimal(3)}
    assert observed.usage["provider_credits"].kind is Kind.NOTHING


def test_an_error_states_nothing_whatever_its_headers_say() -> None:
    assert delivered({"character-cost": "3"}, 422).usage == {}
