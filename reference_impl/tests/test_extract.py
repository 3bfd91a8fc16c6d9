"""What holds for every operation: who is read, what is refused, what an error costs."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill_reference import jsonio
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import SURFACES, extract
from decibill_reference.quantities import QUANTITIES
from decibill_reference.usage import FLAGS, UsageRecord
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[2] / "fixtures"

FOUNDING_EXCHANGE = """
{"provider": "azure", "surface": "azure_openai", "operation": "transcription", "model":
"gpt-4o-mini-transcribe",
 "at": "2025-11-05T10:24:03Z", "request": {"method": "POST", "path":
 "/openai/deployments/transcribe/audio/transcriptions", "form": {"response_format": "json", "file":
 {"media_file": "audio/tone-78.4s.wav", "media_seconds": "78.4"}}},
 "response": {"status": 200, "headers": {"content-type": "application/json"},
              "json": {"text": "…", "logprobs": null,
                       "usage": {"input_tokens": 784, "output_tokens": 235, "total_tokens": 1019, "type":
                       "tokens",
                                 "input_token_details": {"audio_tokens": 784, "text_tokens": 0}}}}}
"""
FOUNDING_USAGE = """
{"provider": "azure", "surface": "azure_openai", "operation": "transcription", "model":
"gpt-4o-mini-transcribe",
 "at": "2025-11-05T10:24:03Z", "quantities": {"input_tokens": 784, "text_input_tokens": 0,
 "audio_input_tokens": 784, "output_tokens": 235, "text_output_tokens": 235, "audio_output_tokens": 0,
 "total_tokens": 1019},
 "basis": {"input_tokens": "provider_reported", "text_input_tokens": "provider_reported",
           "audio_input_tokens": "provider_reported", "output_tokens": "provider_reported",
           "text_output_tokens": "derived", "audio_output_tokens": "derived", "total_tokens":
           "provider_reported"},
 "unknown": [], "flags": []}
"""
USAGE = {"input_tokens": 784, "output_tokens": 235, "total_tokens": 1019, "type": "tokens"}
OPERATIONS = sorted(
    (provider, surface, operation)
    for (provider, surface), operations in SURFACES.items()
    for operation in operations
)
every_operation = pytest.mark.parametrize(
    ("provider", "surface", "operation"), OPERATIONS, ids=[" ".join(names) for names in OPERATIONS]
)


openai_style = pytest.mark.parametrize(
    ("provider", "surface", "operation"),
    [
        (*names, operation)
        for names in (("openai", "api"), ("azure", "azure_openai"))
        for operation in ("transcription", "translation", "speech", "chat")
    ],
    ids=str,
)


def an_exchange(**changes: Any) -> dict[str, Any]:
    exchange = json.loads(FOUNDING_EXCHANGE)
    exchange.update(changes)
    return exchange


def refusal(exchange: object) -> DecibillReferenceError:
    with pytest.raises(DecibillReferenceError) as caught:
        extract(exchange)
    return caught.value


def test_the_founding_payload_gives_the_usage_of_the_data_model_member_by_member() -> None:
    got = extract(json.loads(FOUNDING_EXCHANGE)).to_json()

    assert json.dumps(got) == json.dumps(json.loads(FOUNDING_USAGE))


def test_a_record_that_was_extracted_can_be_read_back() -> None:
    record = extract(an_exchange(region="westeurope"))

    assert record.region == "westeurope"
    assert UsageRecord.from_json(record.to_json()) == record


# Who is read


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"provider": "acme"}, "/provider"),
        ({"surface": "vertex"}, "/surface"),
        ({"provider": "openai"}, "/surface"),
        ({"operation": "embedding"}, "/operation"),
    ],
    ids=["provider", "surface", "surface of another", "operation"],
)
def test_what_has_no_page_is_refused_by_name(changes: dict[str, Any], pointer: str) -> None:
    error = refusal(an_exchange(**changes))

    assert (error.code, error.pointer) == ("unsupported_exchange", pointer)
    assert changes[pointer.strip("/")] in error.message if pointer.strip("/") in changes else True


@openai_style
def test_every_operation_of_openai_can_be_read_on_azure_too(
    provider: str, surface: str, operation: str
) -> None:
    assert operation in SURFACES["openai", "api"]
    assert operation in SURFACES["azure", "azure_openai"]


# Errors


@every_operation
@pytest.mark.parametrize("status", [400, 404, 429, 500, 599])
@pytest.mark.parametrize(
    "body",
    [
        {"json": {"error": {"code": "invalid_language_format"}, "usage": {"type": "duration", "seconds": 7}}},
        {"json": {"usage": {"input_tokens": -1}}},
        {"text": "<html>Bad Gateway</html>", "headers": {"content-type": "application/json"}},
        {},
    ],
    ids=["usage", "bad usage", "not what it says", "nothing"],
)
def test_an_error_uses_nothing_whatever_its_body_says(
    provider: str, surface: str, operation: str, status: int, body: dict[str, Any]
) -> None:
    response = {"status": status, **body}
    record = extract(an_exchange(provider=provider, surface=surface, operation=operation, response=response))

    assert record.to_json()["flags"] == ["error_response"]
    assert (record.quantities, record.basis, record.unknown, record.unread) == ({}, {}, (), ())


def test_an_answer_below_400_is_no_error() -> None:
    response = {"status": 399, "json": {"text": "", "usage": USAGE}}

    assert extract(an_exchange(response=response)).quantities["input_tokens"] == 784


# Bodies that are not what they should be


@openai_style
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"json": []}, "/response/json"),
        ({"json": None}, "/response/json"),
        ({"json": "text"}, "/response/json"),
        ({"json": {"usage": [1]}}, "/response/json/usage"),
        ({"json": {"usage": 784}}, "/response/json/usage"),
        (
            {"json": {"usage": {"input_tokens": 1, "input_token_details": [1]}}},
            "/response/json/usage/input_token_details",
        ),
        ({"events": []}, "/response/events"),
        ({"text": "{", "headers": {"content-type": "application/json"}}, "/response/text"),
    ],
    ids=["array", "null", "text", "usage array", "usage number", "details array", "events", "cut"],
)
def test_a_body_of_another_shape_is_malformed(
    provider: str, surface: str, operation: str, body: dict[str, Any], pointer: str
) -> None:
    response = {"status": 200, **body}
    error = refusal(an_exchange(provider=provider, surface=surface, operation=operation, response=response))

    assert (error.code, error.pointer) == ("malformed_body", pointer)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("transcription", {"media": {}}),
        ("chat", {"media": {}}),
        ("chat", {"text": "<html>"}),
        ("speech", {"text": "<html>"}),
        ("speech", {"media": {}, "headers": {"content-type": "text/html; charset=utf-8"}}),
        ("speech", {"media": {}, "headers": {"content-type": "application/json"}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(str(item) for item in value.values()),
)
def test_an_answer_of_a_kind_that_the_operation_never_gives_is_malformed(
    operation: str, body: dict[str, Any]
) -> None:
    assert (
        refusal(an_exchange(operation=operation, response={"status": 200, **body})).code == "malformed_body"
    )


# Unread numbers


def usage_with(**members: Any) -> UsageRecord:
    return extract(an_exchange(response={"status": 200, "json": {"text": "", "usage": {**USAGE, **members}}}))


def test_a_number_that_no_rule_reads_is_named_in_the_order_of_the_body() -> None:
    record = usage_with(
        storage_units=3,
        cost=Decimal("0.00010625"),
        input_token_details={"audio_tokens": 784, "silence_tokens": 5},
        tiers=[{"a/b": 1}, 2.5],
    )

    assert record.unread == (
        "/response/json/usage/storage_units",
        "/response/json/usage/cost",
        "/response/json/usage/input_token_details/silence_tokens",
        "/response/json/usage/tiers/0/a~1b",
        "/response/json/usage/tiers/1",
    )
    assert record.flags == ("unread_members",)


@pytest.mark.parametrize(
    "value", [0, Decimal("0.0"), None, True, "7", {}, [], {"deep": [0, False, "x"]}], ids=repr
)
def test_what_is_no_number_or_zero_is_not_missed(value: object) -> None:
    assert usage_with(member=value, input_token_details={"audio_tokens": 784}).flags == ()


def test_a_member_can_be_nested_deeper_than_the_stack() -> None:
    deep: Any = 7
    for _ in range(5000):
        deep = [deep]

    assert usage_with(deep=deep).unread == ("/response/json/usage/deep" + 5000 * "/0",)


def test_members_outside_the_usage_object_are_nobodys_numbers() -> None:
    body = {"text": "", "logprobs": [{"logprob": -0.1}], "created": 1780693548, "usage": USAGE}

    assert extract(an_exchange(response={"status": 200, "json": body})).unread == ()


# Whatever comes


NUMBERS = st.one_of(
    st.integers(-3, 1000),
    st.integers(),
    st.floats(),
    st.decimals(allow_nan=False),
    st.just(Decimal("NaN")),
    st.booleans(),
    st.none(),
    st.sampled_from(["784", "1.5", "", "-1", "1e3", "9" * 20]),
)
MEMBERS = st.sampled_from(
    [
        *("usage", "type", "seconds", "duration", "text", "service_tier", "choices"),
        *("input_tokens", "prompt_tokens", "output_tokens", "completion_tokens", "total_tokens"),
        *(
            "input_token_details",
            "prompt_tokens_details",
            "output_token_details",
            "completion_tokens_details",
        ),
        *("text_tokens", "audio_tokens", "image_tokens", "cached_tokens", "reasoning_tokens"),
        *(
            "cached_tokens_details",
            "audio_seconds",
            "tts_characters",
            "audio_input_tokens",
            "audio_output_tokens",
        ),
    ]
)
WIRE = st.recursive(
    NUMBERS | st.sampled_from(["tokens", "duration", "flex", [], "x"]),
    lambda inner: (
        st.dictionaries(MEMBERS | st.text(max_size=3), inner, max_size=6) | st.lists(inner, max_size=3)
    ),
    max_leaves=20,
)
REFUSALS = {
    *("inconsistent_usage", "invalid_number", "negative_quantity", "duplicate_key"),
    *("malformed_body", "unsupported_exchange", "missing_time"),
}


def outcome(exchange: dict[str, Any]) -> UsageRecord | DecibillReferenceError:
    try:
        return extract(exchange)
    except DecibillReferenceError as error:
        return error


def check_outcome(exchange: dict[str, Any]) -> None:
    """Either a refusal of extraction with a pointer, or a record that holds together."""
    got = outcome(exchange)
    if isinstance(got, DecibillReferenceError):
        assert got.code in REFUSALS
        assert not got.pointer or got.pointer.startswith("/")
        return
    assert set(got.quantities) == set(got.basis)
    assert not set(got.quantities) & set(got.unknown)
    assert list(got.quantities) == [name for name in QUANTITIES if name in got.quantities]
    assert list(got.flags) == [flag for flag in FLAGS if flag in got.flags]
    assert UsageRecord.from_json(got.to_json()) == got


@given(WIRE, st.sampled_from(OPERATIONS))
def test_any_json_answer_is_read_or_refused(answer: object, names: tuple[str, str, str]) -> None:
    provider, surface, operation = names
    response = {"status": 200, "json": answer}
    check_outcome(an_exchange(provider=provider, surface=surface, operation=operation, response=response))


@given(st.dictionaries(MEMBERS, WIRE), st.sampled_from(OPERATIONS))
def test_any_usage_object_is_read_or_refused(usage: dict[str, Any], names: tuple[str, str, str]) -> None:
    provider, surface, operation = names
    response = {"status": 200, "json": {"usage": usage}}
    check_outcome(an_exchange(provider=provider, surface=surface, operation=operation, response=response))


@given(
    st.dictionaries(st.sampled_from(["provider", "at", "model", "operation", "request", "response"]), WIRE),
    st.sampled_from(["json", "text", "sse", "media", "events", "json_file", "sse_file"]),
    WIRE | st.text(),
)
def test_any_exchange_is_read_or_refused(changes: dict[str, Any], member: str, body: object) -> None:
    check_outcome(an_exchange(response={"status": 200, member: body}) | changes)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_tokens_are_conserved(text_in: int, audio_in: int, text_out: int, audio_out: int) -> None:
    usage = {
        "prompt_tokens": text_in + audio_in,
        "completion_tokens": text_out + audio_out,
        "prompt_tokens_details": {"audio_tokens": audio_in},
        "completion_tokens_details": {"audio_tokens": audio_out},
    }
    record = extract(an_exchange(operation="chat", response={"status": 200, "json": {"usage": usage}}))

    assert record.quantities == {
        "input_tokens": text_in + audio_in,
        "text_input_tokens": text_in,
        "audio_input_tokens": audio_in,
        "output_tokens": text_out + audio_out,
        "text_output_tokens": text_out,
        "audio_output_tokens": audio_out,
        "total_tokens": text_in + audio_in + text_out + audio_out,
    }


@pytest.mark.parametrize(
    "path",
    sorted((FIXTURES / "upstream").glob("*/*.json")),
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_any_recorded_body_is_read_or_refused_as_any_operation(path: Path) -> None:
    with contextlib.suppress(DecibillReferenceError):
        body = jsonio.loads(path.read_bytes())
        for provider, surface, operation in OPERATIONS:
            response = {"status": 200, "json": body}
            check_outcome(
                an_exchange(provider=provider, surface=surface, operation=operation, response=response)
            )
