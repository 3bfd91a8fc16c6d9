"""generateContent and what stands beside it: which answer holds the usage, its tier, its odd members."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from decibill_reference.extract import extract
from tests.gemini_answers import answered, listed, parts, record_of, refusal, sse, usage_of

BOTH_KNOWN = usage_of(20, 5, promptTokensDetails=listed(TEXT=20), candidatesTokensDetails=listed(TEXT=5))


# Tiers


@pytest.mark.parametrize(
    ("member", "word", "tier"),
    [
        ("trafficType", "ON_DEMAND", "standard"),
        ("trafficType", "ON_DEMAND_FLEX", "flex"),
        ("trafficType", "ON_DEMAND_PRIORITY", "priority"),
        ("trafficType", "ON_DEMAND_OFFPEAK", "off_peak"),
        ("trafficType", "PROVISIONED_THROUGHPUT", "provisioned"),
        ("trafficType", "SOMETHING_NEW", "SOMETHING_NEW"),
        ("trafficType", "TRAFFIC_TYPE_UNSPECIFIED", None),
        ("serviceTier", "standard", "standard"),
        ("serviceTier", "flex", "flex"),
        ("service_tier", "priority", "priority"),
    ],
)
def test_the_tier_of_the_usage_has_one_vocabulary(member: str, word: str, tier: str | None) -> None:
    assert record_of({**BOTH_KNOWN, member: word}).service_tier == tier


@pytest.mark.parametrize(
    ("usage", "headers", "request_body", "tier"),
    [
        ({"serviceTier": "standard"}, {"X-Gemini-Service-Tier": "priority"}, {}, "standard"),
        ({}, {"X-Gemini-Service-Tier": "standard"}, {"serviceTier": "priority"}, "standard"),
        ({}, {}, {"serviceTier": "flex"}, "flex"),
        ({}, {}, {"service_tier": "flex"}, "flex"),
        ({}, {}, {"serviceTier": 3}, None),
        ({}, {}, {}, None),
    ],
    ids=["usage", "header", "request", "request in snake case", "no word", "none"],
)
def test_what_was_served_decides_the_tier_before_what_was_asked(
    usage: dict[str, str], headers: dict[str, str], request_body: dict[str, Any], tier: str | None
) -> None:
    response = {"json": {"usageMetadata": {**BOTH_KNOWN, **usage}}, "headers": headers}

    assert extract(answered(response, request={"json": request_body})).service_tier == tier


# What Vertex says beside the tokens


def test_the_seconds_of_vertex_are_information() -> None:
    record = record_of(
        {**BOTH_KNOWN, "billablePromptUsage": {"audioDurationSeconds": 377, "textCount": 3629}}
    )

    assert record.quantities["media_duration_seconds"] == Decimal(377)
    assert "audio_duration_seconds" not in record.quantities
    assert record.flags == ()


def test_billable_characters_alone_are_no_quantity() -> None:
    record = record_of({**BOTH_KNOWN, "billablePromptUsage": {"textCount": 48}})

    assert record.quantities == record_of(BOTH_KNOWN).quantities
    assert record.flags == ()


def test_a_number_that_no_rule_reads_is_named() -> None:
    record = record_of({**BOTH_KNOWN, "cachedContentTokensDetails": listed(AUDIO=3)})

    assert record.unread == ("/response/json/usageMetadata/cachedContentTokensDetails/0/tokenCount",)
    assert record.flags == ("unread_members",)


# Operations


@pytest.mark.parametrize(
    ("operation", "into", "out"),
    [
        ("chat", {"unattributed": (20, "derived")}, {"text": (5, "assumed"), "audio": (0, "assumed")}),
        (
            "speech",
            {"text": (20, "assumed"), "audio": (0, "assumed")},
            {"text": (0, "assumed"), "audio": (5, "assumed")},
        ),
        (
            "transcription",
            {"text": (0, "assumed"), "audio": (20, "assumed")},
            {"text": (5, "assumed"), "audio": (0, "assumed")},
        ),
    ],
)
def test_what_no_list_divides_is_what_the_operation_says(
    operation: str, into: dict[str, tuple[int, str]], out: dict[str, tuple[int, str]]
) -> None:
    record = record_of(usage_of(20, 5), operation)

    assert parts(record, "input") == into
    assert parts(record, "output") == out
    assert record.flags == ("details_missing",)


def test_speech_with_details_is_what_they_say() -> None:
    usage = usage_of(4, 33, promptTokensDetails=listed(TEXT=4), candidatesTokensDetails=listed(AUDIO=33))
    record = record_of(usage, "speech")

    assert parts(record, "output") == {"text": (0, "derived"), "audio": (33, "provider_reported")}
    assert record.flags == ()


def test_an_embedding_has_input_alone() -> None:
    usage = {"promptTokenCount": 64, "promptTokensDetails": listed(AUDIO=64)}
    record = record_of(usage, "embedding")

    assert record.quantities == {"input_tokens": 64, "text_input_tokens": 0, "audio_input_tokens": 64}
    assert (record.unknown, record.flags) == ((), ())


def test_an_embedding_without_usage_leaves_its_input_unknown() -> None:
    record = extract(answered({"json": {"embedding": {"values": []}}}, "embedding"))

    assert (dict(record.quantities), record.unknown) == ({}, ("input_tokens",))


def test_an_embedding_is_json() -> None:
    assert refusal(answered({"text": "…"}, "embedding")) == ("malformed_body", "/response/text")


# Answers of other kinds


@pytest.mark.parametrize(
    "body", [{"text": "<html>"}, {"media": {"content_type": "audio/wav"}}, {"events": []}], ids=list
)
def test_what_generate_content_never_answers_is_malformed(body: dict[str, Any]) -> None:
    assert refusal(answered(body))[0] == "malformed_body"


def test_an_answer_without_usage_is_unknown() -> None:
    record = extract(answered({"json": {"candidates": [], "usageMetadata": None}}))

    assert (dict(record.quantities), record.unknown) == ({}, ("input_tokens", "output_tokens"))


@pytest.mark.parametrize("surface", ["ai_studio", "vertex"])
def test_both_surfaces_are_read_alike(surface: str) -> None:
    record = extract(answered({"json": {"usageMetadata": BOTH_KNOWN}}, surface=surface))

    assert (record.surface, record.quantities["total_tokens"]) == (surface, 25)


# The OpenAI-compatible endpoint


def compatible(**usage: Any) -> dict[str, Any]:
    return answered({"json": {"object": "chat.completion", "choices": [], "usage": usage}})


def test_what_prompt_and_completion_leave_of_the_total_is_reasoning() -> None:
    record = extract(compatible(prompt_tokens=35, completion_tokens=12, total_tokens=109))

    assert parts(record, "input") == {"unattributed": (35, "derived")}
    assert parts(record, "output") == {
        "text": (62, "derived"),
        "unattributed": (12, "derived"),
        "reasoning": (62, "derived"),
    }
    assert (record.quantities["output_tokens"], record.quantities["total_tokens"]) == (74, 109)
    assert record.flags == ("details_missing",)


@pytest.mark.parametrize(
    ("usage", "flags"),
    [
        ({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 47}, ()),
        ({"prompt_tokens": 35, "completion_tokens": 12}, ()),
        ({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 40}, ("total_mismatch",)),
    ],
    ids=["nothing left", "no total", "less than its parts"],
)
def test_without_a_surplus_nothing_is_reasoning(usage: dict[str, int], flags: tuple[str, ...]) -> None:
    record = extract(compatible(**usage))

    assert (record.quantities["output_tokens"], record.quantities["total_tokens"]) == (12, 47)
    assert "reasoning_output_tokens" not in record.quantities
    assert record.flags == ("details_missing", *flags)


def test_a_total_without_a_completion_says_nothing_of_reasoning() -> None:
    record = extract(compatible(prompt_tokens=35, total_tokens=109))

    assert record.unknown == ("output_tokens",)
    assert "reasoning_output_tokens" not in record.quantities


def compatible_chunk(usage: dict[str, int] | None, choices: list[Any]) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": choices, "usage": usage, "service_tier": "flex"}


def test_a_stream_of_the_compatible_endpoint_is_one_of_chat() -> None:
    usage = {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}
    record = extract(answered(sse([compatible_chunk(None, [{}]), compatible_chunk(usage, [])])))

    assert (record.quantities["reasoning_output_tokens"], record.service_tier) == (62, "flex")


def test_a_stream_of_the_compatible_endpoint_that_was_cut_is_incomplete() -> None:
    usage = {"prompt_tokens": 35, "completion_tokens": 1, "total_tokens": 36}
    record = extract(answered(sse([compatible_chunk(usage, [{}])])))

    assert (dict(record.quantities), record.flags) == ({}, ("stream_incomplete",))


# Interactions


INTERACTION: dict[str, Any] = {
    "status": "completed",
    "service_tier": "standard",
    "usage": {
        "total_tokens": 1373,
        "total_input_tokens": 22,
        "input_tokens_by_modality": [{"modality": "text", "tokens": 22}],
        "total_cached_tokens": 0,
        "total_output_tokens": 973,
        "total_tool_use_tokens": 129,
        "tool_use_tokens_by_modality": [{"modality": "text", "tokens": 129}],
        "total_thought_tokens": 249,
        "grounding_tool_count": [{"type": "google_search", "count": 2}],
    },
}


def test_an_interaction_has_names_of_its_own() -> None:
    record = extract(answered({"json": INTERACTION}))

    assert record.quantities == {
        "input_tokens": 151,
        "text_input_tokens": 151,
        "audio_input_tokens": 0,
        "cached_input_tokens": 0,
        "output_tokens": 1222,
        "text_output_tokens": 249,
        "unattributed_output_tokens": 973,
        "reasoning_output_tokens": 249,
        "total_tokens": 1373,
    }
    assert (record.service_tier, record.flags) == ("standard", ("details_missing",))


def test_a_streamed_interaction_is_the_one_that_completed() -> None:
    events = [
        {"event_type": "interaction.start", "interaction": {"status": "in_progress"}},
        {"event_type": "content.delta", "delta": {"text": "…"}},
        {"event_type": "interaction.complete", "interaction": INTERACTION},
    ]

    assert extract(answered(sse(events))).quantities == extract(answered({"json": INTERACTION})).quantities


@pytest.mark.parametrize("interaction", [{}, {"interaction": {"usage": None}}], ids=["none", "no usage"])
def test_an_interaction_that_completes_without_usage_is_incomplete(interaction: dict[str, Any]) -> None:
    record = extract(answered(sse([{"event_type": "interaction.complete", **interaction}])))

    assert record.flags == ("stream_incomplete",)
