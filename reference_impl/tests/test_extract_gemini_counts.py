"""What Gemini's usage objects count: plain ones are read in one pass, as they are read member by member."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import gemini_tokens
from decibill_reference.extract.gemini_counts import place_of, plain_counts, read_counts
from decibill_reference.extract.gemini_names import INTERACTIONS, METADATA, Dialect
from decibill_reference.extract.wire import WireObject
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import outcome
from tests.gemini_answers import answered, listed, refusal, turn, usage_of

# Plain objects


def test_counts_and_lists_are_found_by_what_they_state() -> None:
    usage = usage_of(
        20,
        5,
        thoughtsTokenCount=7,
        toolUsePromptTokenCount=2,
        promptTokensDetails=listed(AUDIO=12, TEXT=8),
        toolUsePromptTokensDetails=listed(VIDEO=2),
        cacheTokensDetails=listed(DOCUMENT=1),
        cachedContentTokenCount=1,
    )
    found = plain_counts(usage, METADATA)

    assert found is not None
    assert found.counts == {
        "input_tokens": 20,
        "output_tokens": 5,
        "total": 34,
        "reasoning_output_tokens": 7,
        "tool_use_tokens": 2,
        "audio_input_tokens": 12,
        "text_input_tokens": 8,
        "video_input_tokens": 2,
        "cached_image_input_tokens": 1,
        "cached_input_tokens": 1,
    }
    assert found.listed == {"prompt": 20, "tool_use": 2, "cached": 1}


@pytest.mark.parametrize(
    ("usage", "names"),
    [
        ({"prompt_token_count": 5, "candidates_token_count": 1}, METADATA),
        ({"promptTokenCount": 5, "responseTokenCount": 1}, METADATA),
        ({"total_input_tokens": 5, "total_output_tokens": 1}, INTERACTIONS),
    ],
    ids=["dump", "live", "interaction"],
)
def test_a_plain_object_has_the_names_of_any_dialect(usage: dict[str, int], names: Dialect) -> None:
    found = plain_counts(usage, names)

    assert found is not None
    assert found.counts == {"input_tokens": 5, "output_tokens": 1}


@pytest.mark.parametrize(
    "silent",
    [
        {"trafficType": "ON_DEMAND"},
        {"novel": None},
        {"novel": "12"},
        {"promptTokensDetails": None},
        {"prompt_token_count": None},
        {"billablePromptUsage": None},
        {"billablePromptUsage": {"textCount": 3}},
    ],
    ids=str,
)
def test_what_counts_no_tokens_may_be_null_or_a_text_or_be_read_apart(silent: dict[str, Any]) -> None:
    assert plain_counts({**usage_of(20, 5), **silent}, METADATA) is not None


@pytest.mark.parametrize(
    "more",
    [
        {"promptTokenCount": None},
        {"candidatesTokenCount": None},
        {"promptTokenCount": -1},
        {"promptTokenCount": 10**15},
        {"promptTokenCount": True},
        {"promptTokenCount": 20.0},
        {"promptTokenCount": "20"},
        {"promptTokenCount": []},
        {"prompt_token_count": 20},
        {"responseTokenCount": 5},
        {"novel": 0},
        {"novel": {}},
        {"novel": []},
        {"serviceTier": 3},
        {"billablePromptUsage": 3},
        {"billablePromptUsage": [3]},
        {"billable_prompt_usage": "3"},
        {"billable_prompt_usage": {"textCount": 3}},
        {"promptTokensDetails": "20"},
        {"promptTokensDetails": {}},
        {"promptTokensDetails": []},
        {"candidatesTokensDetails": listed(TEXT=5), "responseTokensDetails": listed(AUDIO=5)},
        {"promptTokensDetails": listed(TEXT=20), "prompt_tokens_details": listed(AUDIO=20)},
        {"promptTokensDetails": listed(TEXT=20), "toolUsePromptTokensDetails": listed(TEXT=1)},
    ],
    ids=str,
)
def test_nothing_else_is_plain(more: dict[str, Any]) -> None:
    assert plain_counts({**usage_of(20, 5), **more}, METADATA) is None


@pytest.mark.parametrize(
    "entries",
    [
        ["TEXT"],
        [20],
        [None],
        [[]],
        [{}],
        [{"modality": "TEXT"}],
        [{"tokenCount": 20}],
        [{"modality": "TEXT", "tokenCount": None}],
        [{"modality": "TEXT", "tokenCount": True}],
        [{"modality": "TEXT", "tokenCount": -1}],
        [{"modality": "TEXT", "tokenCount": 10**15}],
        [{"modality": "TEXT", "token_count": 20}],
        [{"modality": "TEXT", "tokenCount": 20, "novel": 1}],
        [{"modality": "SMELL", "tokenCount": 20}],
        [{"modality": None, "tokenCount": 20}],
        [{"modality": ["TEXT"], "tokenCount": 20}],
        [*listed(TEXT=15), *listed(TEXT=5)],
        listed(IMAGE=15, DOCUMENT=5),
    ],
    ids=str,
)
def test_an_entry_of_a_plain_list_is_a_modality_of_its_own_and_a_count(entries: list[Any]) -> None:
    assert plain_counts({**usage_of(20, 5), "promptTokensDetails": entries}, METADATA) is None


# One pass, and member by member

MODALITIES = ["TEXT", "AUDIO", "IMAGE", "VIDEO"]
FEW, MANY = st.integers(0, 20), st.integers(0, 90)


def lists_of(modalities: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Draw a list that states tokens of some of those modalities."""
    tokens = st.dictionaries(st.sampled_from(modalities), FEW, min_size=1)
    return tokens.map(lambda found: listed(**dict(found)))


PLAIN = st.fixed_dictionaries(
    {"promptTokenCount": MANY, "candidatesTokenCount": MANY},
    optional={
        **dict.fromkeys(("thoughtsTokenCount", "cachedContentTokenCount", "toolUsePromptTokenCount"), FEW),
        "totalTokenCount": st.integers(0, 220),
        **dict.fromkeys(("promptTokensDetails", "cacheTokensDetails"), lists_of(MODALITIES)),
        "candidatesTokensDetails": lists_of(["TEXT", "AUDIO"]),
        "serviceTier": st.sampled_from(["flex", "SERVICE_TIER_UNSPECIFIED"]),
        "billablePromptUsage": st.just({"audioDurationSeconds": 3, "textCount": 9}),
    },
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "modality": st.sampled_from(
            [*MODALITIES, "DOCUMENT", "MODALITY_UNSPECIFIED", "Audio", "SMELL", None]
        ),
        "tokenCount": FEW,
        "token_count": FEW,
    },
)
ODD = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("candidatesTokenCount", "responseTokenCount", "total_token_count"), st.none() | FEW),
        **dict.fromkeys(("promptTokensDetails", "cacheTokensDetails"), st.lists(ENTRY, max_size=3)),
        **dict.fromkeys(
            ("toolUsePromptTokensDetails", "responseTokensDetails"), st.none() | lists_of(MODALITIES)
        ),
        "billable_prompt_usage": st.sampled_from([None, {}, "3", {"audio_duration_seconds": 2, "n": 1}]),
        "novel": st.none() | st.integers(0, 1),
    },
)
USAGE = PLAIN | st.builds(lambda plain, odd: {**plain, **odd}, PLAIN, ODD)


@given(PLAIN)
def test_a_usual_object_is_plain(usage: dict[str, Any]) -> None:
    assert plain_counts(usage, METADATA) is not None


@given(USAGE)
def test_one_pass_finds_what_is_found_member_by_member_and_leaves_nothing(usage: dict[str, Any]) -> None:
    plain = plain_counts(usage, METADATA)
    if plain is not None:
        wire = WireObject(usage, "/usageMetadata")
        careful = read_counts(wire, METADATA, is_live=False)

        assert (plain.counts, plain.listed) == (careful.counts, careful.listed)
        wire.skip("billablePromptUsage")
        assert wire.unread() == []


@given(USAGE, st.sampled_from(["chat", "speech", "transcription", "embedding", "realtime"]))
def test_either_way_an_answer_has_one_record_or_refusal(usage: dict[str, Any], operation: str) -> None:
    body = {"json": {"usageMetadata": usage}}
    if operation == "realtime":
        body = {"events": [turn(usage, turnComplete=True)]}
    exchange = answered(body, operation)
    quick = outcome(exchange)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gemini_tokens, "plain_counts", lambda *_: None)
        careful = outcome(exchange)

    assert quick.to_json() == careful.to_json()


def test_what_a_caller_gives_is_not_changed_by_reading_it() -> None:
    entry = defaultdict[str, Any](str, {"tokenCount": 5})
    record = outcome(
        answered({"json": {"usageMetadata": usage_of(5, 5, promptTokensDetails=[entry])}}, "chat")
    )

    assert not isinstance(record, DecibillReferenceError)
    assert record.quantities["text_input_tokens"] == 5
    assert entry == {"tokenCount": 5}


# Places


@pytest.mark.parametrize(
    ("quantity", "place"),
    [
        ("input_tokens", "toolUsePromptTokenCount"),
        ("output_tokens", "candidates_token_count"),
        ("reasoning_output_tokens", "thoughtsTokenCount"),
        ("cached_input_tokens", None),
        ("audio_input_tokens", "promptTokensDetails/1/tokenCount"),
        ("text_input_tokens", "toolUsePromptTokensDetails/0/token_count"),
        ("image_input_tokens", None),
        ("cached_audio_input_tokens", "cacheTokensDetails/0/tokenCount"),
        ("text_output_tokens", None),
        ("total_tokens", None),
    ],
)
def test_a_quantity_stands_where_the_first_of_its_terms_does(quantity: str, place: str | None) -> None:
    usage = {
        "toolUsePromptTokenCount": 3,
        "candidates_token_count": 4,
        "thoughtsTokenCount": 5,
        "promptTokensDetails": [*listed(AUDIO=None), *listed(AUDIO=7), *listed(AUDIO=8)],
        "toolUsePromptTokensDetails": [{"modality": "TEXT", "token_count": 3}],
        "cacheTokensDetails": listed(AUDIO=2),
    }
    found = place_of(quantity, WireObject(usage, "/usage"), METADATA)

    assert found == (None if place is None else f"/usage/{place}")


def test_a_sum_of_entries_that_no_record_can_hold_is_refused_even_without_its_whole() -> None:
    details = [*listed(SMELL=999_999_999_999_999), *listed(SMELL=1)]
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 5, "candidatesTokensDetails": details}
    code, pointer = refusal(answered({"json": {"usageMetadata": usage}}, "embedding"))

    assert code == "invalid_number"
    assert pointer == "/response/json/usageMetadata/candidatesTokensDetails/0/tokenCount"
