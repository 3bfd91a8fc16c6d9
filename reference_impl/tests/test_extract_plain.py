"""Plain usage objects: one pass reads of them what is read member by member, and nothing else is plain."""

from __future__ import annotations

from typing import Any

import pytest
from decibill_reference.extract import tokens
from decibill_reference.extract.plain import Names, place_of, plain_counts
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import outcome

NAMES = Names(
    {"in": "input_tokens", "prompt": "input_tokens"},
    {"details": Names({"audio": "audio_input_tokens"}, {}), "seconds": None},
)


def test_counts_are_found_by_what_they_state() -> None:
    assert plain_counts({"details": {"audio": 3}, "in": 5}, NAMES) == {
        "audio_input_tokens": 3,
        "input_tokens": 5,
    }


@pytest.mark.parametrize("silent", [None, 0, "", "tokens", [], {}])
def test_what_no_rule_reads_may_say_nothing(silent: object) -> None:
    assert plain_counts({"in": 5, "other": silent}, NAMES) == {"input_tokens": 5}


def test_null_is_absent() -> None:
    assert plain_counts({"in": None, "details": None, "seconds": None}, NAMES) == {}


@pytest.mark.parametrize(
    "members",
    [
        {"other": 1},
        {"other": [1]},
        {"other": True},
        {"in": 5, "prompt": 5},
        {"in": -1},
        {"in": 10**15},
        {"in": True},
        {"in": "5"},
        {"in": {}},
        {"details": 5},
        {"details": []},
        {"details": {"audio": 5, "other": 1}},
        {"seconds": 0},
        {"seconds": {}},
    ],
)
def test_anything_else_is_not_plain(members: dict[str, Any]) -> None:
    assert plain_counts(members, NAMES) is None


def test_a_count_is_found_again_where_it_stands() -> None:
    usage = {"other": 0, "in": 5, "details": {"audio": 7}, "prompt": None}
    assert place_of("input_tokens", usage, NAMES, "/usage") == "/usage/in"
    assert place_of("audio_input_tokens", usage, NAMES, "/usage") == "/usage/details/audio"
    assert place_of("output_tokens", usage, NAMES, "/usage") is None


DETAILS = st.dictionaries(
    st.sampled_from(
        ["text_tokens", "audio_tokens", "image_tokens", "cached_tokens", "reasoning_tokens", "novel_tokens"]
    ),
    st.integers(0, 30),
) | st.fixed_dictionaries(
    {
        "cached_tokens_details": st.dictionaries(
            st.sampled_from(["text_tokens", "audio_tokens"]), st.integers(0, 9)
        )
    }
)
USAGE = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("input_tokens", "prompt_tokens", "completion_tokens"), st.integers(0, 60)),
        "total_tokens": st.integers(0, 120),
        **dict.fromkeys(
            ("input_token_details", "prompt_tokens_details", "completion_tokens_details"), DETAILS | st.none()
        ),
        "type": st.sampled_from(["tokens", "duration"]),
        "seconds": st.integers(0, 9),
        "novel": st.integers(0, 1),
    },
)


@given(USAGE, st.sampled_from(["chat", "transcription", "speech"]))
def test_one_pass_reads_what_is_read_member_by_member(usage: dict[str, Any], operation: str) -> None:
    exchange = {
        "provider": "openai",
        "surface": "api",
        "operation": operation,
        "model": "m",
        "at": "2026-06-01T10:00:00Z",
        "response": {"json": {"usage": usage}},
    }
    quick = outcome(exchange)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "read_plain", lambda _: None)
        careful = outcome(exchange)

    assert quick.to_json() == careful.to_json()
