"""The counts of Gemini: which contain which, what is zero and what is unknown, what a list leaves open."""

from __future__ import annotations

import contextlib
from itertools import permutations
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.usage import UsageRecord
from hypothesis import given
from hypothesis import strategies as st
from tests.gemini_answers import answered, listed, parts, record_of, refusal, turn, usage_of

MODALITIES = ["TEXT", "AUDIO", "IMAGE", "VIDEO"]


# Counts


def test_thoughts_are_text_beside_the_visible_output() -> None:
    record = record_of(usage_of(304, 32, thoughtsTokenCount=165, candidatesTokensDetails=listed(TEXT=32)))

    assert parts(record, "output") == {
        "text": (197, "provider_reported"),
        "audio": (0, "derived"),
        "reasoning": (165, "provider_reported"),
    }
    assert (record.quantities["output_tokens"], record.quantities["total_tokens"]) == (197, 501)


def test_thoughts_are_no_audio() -> None:
    record = record_of(usage_of(9, 47, thoughtsTokenCount=38, candidatesTokensDetails=listed(AUDIO=47)))

    assert parts(record, "output") == {
        "text": (38, "derived"),
        "audio": (47, "provider_reported"),
        "reasoning": (38, "provider_reported"),
    }


def test_tool_use_is_input_by_its_own_modalities() -> None:
    usage = usage_of(
        151,
        1089,
        toolUsePromptTokenCount=18329,
        promptTokensDetails=listed(AUDIO=100, TEXT=51),
        toolUsePromptTokensDetails=listed(TEXT=18000, IMAGE=329),
    )
    record = record_of(usage)

    assert record.quantities["input_tokens"] == 18480
    assert parts(record, "input") == {
        "text": (18051, "provider_reported"),
        "audio": (100, "provider_reported"),
        "image": (329, "provider_reported"),
    }


def test_tool_use_without_a_list_is_unattributed() -> None:
    record = record_of(usage_of(10, 5, toolUsePromptTokenCount=7, promptTokensDetails=listed(TEXT=10)))

    assert parts(record, "input")["unattributed"] == (7, "derived")
    assert "details_short" in record.flags


@pytest.mark.parametrize(
    ("usage", "quantities", "unknown"),
    [
        (
            {"promptTokenCount": 21, "thoughtsTokenCount": 60, "totalTokenCount": 81},
            {"input_tokens": 21, "output_tokens": 60},
            (),
        ),
        (
            {"promptTokenCount": 21, "thoughtsTokenCount": 60, "totalTokenCount": 99},
            {"input_tokens": 21},
            ("output_tokens",),
        ),
        ({"promptTokenCount": 21, "totalTokenCount": 21}, {"input_tokens": 21, "output_tokens": 0}, ()),
        ({"promptTokenCount": 21}, {"input_tokens": 21}, ("output_tokens",)),
        (
            {"candidatesTokenCount": 5, "totalTokenCount": 5},
            {"input_tokens": 0, "output_tokens": 5},
            (),
        ),
        (
            {"candidatesTokenCount": 5, "totalTokenCount": 26},
            {"output_tokens": 5},
            ("input_tokens",),
        ),
        ({"totalTokenCount": 0}, {"input_tokens": 0, "output_tokens": 0}, ()),
        ({"trafficType": "ON_DEMAND"}, {}, ("input_tokens", "output_tokens")),
    ],
    ids=[
        "thoughts alone",
        "thoughts and more",
        "no output",
        "no total",
        "no prompt",
        "a prompt that is not told",
        "nothing",
        "no count",
    ],
)
def test_an_absent_count_is_zero_only_where_the_total_says_so(
    usage: dict[str, Any], quantities: dict[str, int], unknown: tuple[str, ...]
) -> None:
    record = record_of(usage)
    wholes = {
        name: record.quantities[name]
        for name in ("input_tokens", "output_tokens")
        if name in record.quantities
    }

    assert (wholes, record.unknown) == (quantities, unknown)
    assert ("total_tokens" in record.quantities) is (not unknown)


def test_what_is_zero_by_the_total_is_derived() -> None:
    record = record_of({"promptTokenCount": 21, "thoughtsTokenCount": 60, "totalTokenCount": 81})

    assert record.basis["output_tokens"] == "derived"
    assert parts(record, "output") == {
        "text": (60, "derived"),
        "audio": (0, "derived"),
        "reasoning": (60, "provider_reported"),
    }
    assert record.flags == ("details_missing",)  # of the prompt


@pytest.mark.parametrize("total", [24, 26, 100])
def test_a_total_that_is_not_the_sum_is_flagged_and_changes_nothing(total: int) -> None:
    lists = {"promptTokensDetails": listed(TEXT=20), "candidatesTokensDetails": listed(TEXT=5)}
    record = record_of(usage_of(20, 5, **lists) | {"totalTokenCount": total})

    assert (record.quantities["total_tokens"], record.flags) == (25, ("total_mismatch",))


# Lists


@pytest.mark.parametrize("order", list(permutations(["AUDIO", "TEXT", "VIDEO"])), ids="-".join)
def test_the_order_of_a_list_means_nothing(order: tuple[str, ...]) -> None:
    tokens = {"AUDIO": 1475, "TEXT": 9, "VIDEO": 15340}
    record = record_of(
        usage_of(16824, 60, promptTokensDetails=listed(**{name: tokens[name] for name in order}))
    )

    assert {name: value for name, (value, _) in parts(record, "input").items()} == {
        "text": 9,
        "audio": 1475,
        "video": 15340,
    }


def test_an_entry_without_a_count_is_a_zero_that_was_left_out() -> None:
    record = record_of(usage_of(268, 139, promptTokensDetails=listed(VIDEO=258, TEXT=10, AUDIO=None)))

    assert parts(record, "input")["audio"] == (0, "provider_reported")


@pytest.mark.parametrize(
    ("modality", "part"),
    [
        ("MODALITY_UNSPECIFIED", "text"),
        (None, "text"),
        ("text", "text"),
        ("DOCUMENT", "image"),
        ("SMELL", "unattributed"),
        (7, "unattributed"),
    ],
)
def test_a_modality_has_one_meaning(modality: object, part: str) -> None:
    details = [{"modality": modality, "tokenCount": 12}, {"modality": "AUDIO", "tokenCount": 8}]
    record = record_of(usage_of(20, 5, promptTokensDetails=details))

    assert parts(record, "input")[part] == (12, "provider_reported")
    assert "details_short" not in record.flags


@pytest.mark.parametrize("modality", ["IMAGE", "VIDEO", "DOCUMENT", "SMELL"])
def test_output_is_text_or_audio_or_unattributed(modality: str) -> None:
    record = record_of(usage_of(20, 5, candidatesTokensDetails=listed(**{modality: 5})))

    assert parts(record, "output") == {"unattributed": (5, "provider_reported")}


def test_two_entries_of_one_modality_add_up() -> None:
    details = [*listed(TEXT=5, AUDIO=8), *listed(TEXT=7)]

    assert parts(record_of(usage_of(20, 5, promptTokensDetails=details)), "input")["text"][0] == 12


def test_a_list_that_is_short_leaves_the_rest_unattributed() -> None:
    record = record_of(
        usage_of(482, 69, promptTokensDetails=listed(TEXT=360), candidatesTokensDetails=listed(AUDIO=57))
    )

    assert parts(record, "input") == {
        "text": (360, "provider_reported"),
        "audio": (0, "derived"),
        "unattributed": (122, "derived"),
    }
    assert parts(record, "output")["unattributed"] == (12, "derived")
    assert record.flags == ("details_short",)


@pytest.mark.parametrize("details", [None, []], ids=["absent", "empty"])
def test_a_prompt_without_a_list_is_unattributed(details: object) -> None:
    record = record_of(usage_of(20, 0, promptTokensDetails=details))

    assert parts(record, "input") == {"unattributed": (20, "derived")}
    assert record.flags == ("details_missing",)


@pytest.mark.parametrize(
    ("usage", "pointer"),
    [
        ({"promptTokensDetails": listed(AUDIO=21)}, "promptTokensDetails/0/tokenCount"),
        ({"promptTokensDetails": listed(TEXT=11, AUDIO=10)}, "promptTokenCount"),
        ({"candidatesTokensDetails": listed(TEXT=6)}, "candidatesTokensDetails/0/tokenCount"),
        ({"cachedContentTokenCount": 21}, "cachedContentTokenCount"),
        (
            {"promptTokensDetails": listed(TEXT=12, AUDIO=8), "cacheTokensDetails": listed(AUDIO=9)},
            "cacheTokensDetails/0/tokenCount",
        ),
    ],
    ids=["one part", "together", "output", "cached", "cached part"],
)
def test_a_part_larger_than_its_whole_is_refused_where_it_stands(usage: dict[str, Any], pointer: str) -> None:
    exchange = answered({"json": {"usageMetadata": usage_of(20, 5, **usage)}})

    assert refusal(exchange) == ("inconsistent_usage", f"/response/json/usageMetadata/{pointer}")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"promptTokenCount": -1}, ("negative_quantity", "promptTokenCount")),
        ({"thoughtsTokenCount": 1.5}, ("invalid_number", "thoughtsTokenCount")),
        ({"promptTokenCount": True}, ("invalid_number", "promptTokenCount")),
        (
            {"promptTokensDetails": [{"modality": "AUDIO", "tokenCount": "8e2"}]},
            ("invalid_number", "promptTokensDetails/0/tokenCount"),
        ),
        ({"promptTokensDetails": {"AUDIO": 5}}, ("malformed_body", "promptTokensDetails")),
        ({"promptTokensDetails": ["AUDIO"]}, ("malformed_body", "promptTokensDetails/0")),
    ],
    ids=["negative", "fraction", "boolean", "exponent", "no list", "no entry"],
)
def test_what_is_no_count_is_refused_where_it_stands(
    usage: dict[str, Any], expected: tuple[str, str]
) -> None:
    exchange = answered({"json": {"usageMetadata": {"promptTokenCount": 20, **usage, "totalTokenCount": 20}}})
    if "thoughtsTokenCount" not in usage:
        exchange["response"]["json"]["usageMetadata"]["candidatesTokenCount"] = 0
    code, pointer = expected

    assert refusal(exchange) == (code, f"/response/json/usageMetadata/{pointer}")


# Cached


def test_cached_tokens_are_parts_of_their_modality() -> None:
    usage = usage_of(
        3297,
        55,
        promptTokensDetails=listed(TEXT=83, VIDEO=2893, AUDIO=321),
        cachedContentTokenCount=2918,
        cacheTokensDetails=listed(AUDIO=284, TEXT=73, VIDEO=2561),
    )
    record = record_of(usage)
    cached = {name: value for name, value in record.quantities.items() if name.startswith("cached_")}

    assert cached == {
        "cached_input_tokens": 2918,
        "cached_text_input_tokens": 73,
        "cached_audio_input_tokens": 284,
        "cached_video_input_tokens": 2561,
    }
    assert record.quantities["audio_input_tokens"] == 321


@pytest.mark.parametrize(
    ("usage", "cached"),
    [
        ({"cachedContentTokenCount": 4}, {"cached_input_tokens": 4}),
        ({"cacheTokensDetails": listed(TEXT=4)}, {"cached_input_tokens": 4, "cached_text_input_tokens": 4}),
        ({"cachedContentTokenCount": 4, "cacheTokensDetails": listed(SMELL=4)}, {"cached_input_tokens": 4}),
        ({}, {}),
    ],
    ids=["no split", "split alone", "unknown modality", "nothing"],
)
def test_a_cached_part_is_stated_only_where_the_provider_splits(
    usage: dict[str, Any], cached: dict[str, int]
) -> None:
    record = record_of(usage_of(20, 5, promptTokensDetails=listed(TEXT=20), **usage))

    assert {name: value for name, value in record.quantities.items() if "cached" in name} == cached


# Dumps of client libraries


def test_snake_case_is_read_like_the_wire() -> None:
    dump = {
        "prompt_token_count": 20,
        "candidates_token_count": 5,
        "thoughts_token_count": 7,
        "total_token_count": 32,
        "cached_content_token_count": None,
        "cache_tokens_details": None,
        "prompt_tokens_details": [
            {"modality": "AUDIO", "token_count": 12},
            {"modality": "TEXT", "token_count": 8},
        ],
        "candidates_tokens_details": [{"modality": "TEXT", "token_count": 5}],
    }
    wire = usage_of(
        20,
        5,
        thoughtsTokenCount=7,
        promptTokensDetails=listed(AUDIO=12, TEXT=8),
        candidatesTokensDetails=listed(TEXT=5),
    )

    assert record_of(dump).to_json() == record_of(wire).to_json()


# Any usage


@given(
    st.dictionaries(st.sampled_from(MODALITIES), st.integers(0, 10**6), min_size=1),
    st.dictionaries(st.sampled_from(["TEXT", "AUDIO"]), st.integers(0, 10**6), min_size=1),
    st.integers(0, 10**6),
)
def test_lists_that_add_up_are_the_parts_of_the_record(
    into: dict[str, int], out: dict[str, int], thoughts: int
) -> None:
    usage = usage_of(
        sum(into.values()),
        sum(out.values()),
        thoughtsTokenCount=thoughts,
        promptTokensDetails=listed(**into),
        candidatesTokensDetails=listed(**out),
    )
    quantities = record_of(usage).quantities

    assert all(quantities[f"{name.lower()}_input_tokens"] == tokens for name, tokens in into.items())
    assert quantities["text_output_tokens"] == out.get("TEXT", 0) + thoughts
    assert quantities["audio_output_tokens"] == out.get("AUDIO", 0)
    assert quantities["total_tokens"] == usage["totalTokenCount"]


COUNTS = ["prompt", "candidates", "response", "thoughts", "toolUsePrompt", "total", "cachedContent"]
LISTS = ["promptTokensDetails", "candidatesTokensDetails", "toolUsePromptTokensDetails", "cacheTokensDetails"]
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "modality": st.sampled_from([*MODALITIES, "SMELL", None, 3]),
        "tokenCount": st.integers(-1, 40),
    },
)
ANY_USAGE = st.fixed_dictionaries(
    {},
    optional={
        **{f"{name}TokenCount": st.integers(-1, 60) | st.none() | st.just(1.5) for name in COUNTS},
        **{name: st.lists(ENTRY, max_size=3) for name in LISTS},
        "billablePromptUsage": st.dictionaries(
            st.sampled_from(["audioDurationSeconds", "textCount"]), st.integers(0, 9)
        ),
    },
)


@given(ANY_USAGE, st.sampled_from(["chat", "speech", "transcription", "embedding"]))
def test_any_usage_is_a_sound_record_or_refused(usage: dict[str, Any], operation: str) -> None:
    check_outcome(answered({"json": {"usageMetadata": usage}}, operation))


@given(st.lists(ANY_USAGE, max_size=4))
def test_any_session_is_a_sound_record_or_refused(usages: list[dict[str, Any]]) -> None:
    events = [turn(usage, turnComplete=True) for usage in usages]
    check_outcome(answered({"events": events}, "realtime"))


def check_outcome(exchange: dict[str, Any]) -> None:
    """Check that an exchange is refused, or gives a record that is read back as it was."""
    with contextlib.suppress(DecibillReferenceError):
        record = extract(exchange).to_json()
        assert UsageRecord.from_json(record).to_json() == record
