"""Chat: details as parts of their totals, in every spelling, and what they leave open."""

from __future__ import annotations

from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.usage import UsageRecord


def completed(usage: object, request: dict[str, Any] | None = None, **body: Any) -> UsageRecord:
    return extract(
        {
            "provider": "openai",
            "surface": "api",
            "operation": "chat",
            "model": "gpt-audio-1.5",
            "at": "2026-06-05T22:25:54Z",
            "request": {"json": request or {}},
            "response": {"status": 200, "json": {"choices": [], "usage": usage, **body}},
        }
    )


def usage_of(
    prompt: dict[str, Any] | None, completion: dict[str, Any] | None = None, **members: Any
) -> dict[str, Any]:
    return {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": completion or {"text_tokens": 50},
        **members,
    }


def parts(record: UsageRecord, direction: str) -> dict[str, tuple[Any, str]]:
    return {
        name.removesuffix(f"_{direction}_tokens"): (value, record.basis[name])
        for name, value in record.quantities.items()
        if name.endswith(f"_{direction}_tokens")
    }


def refusal(usage: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(DecibillReferenceError) as caught:
        completed(usage)
    return caught.value.code, caught.value.pointer.removeprefix("/response/json/usage")


# Modality


@pytest.mark.parametrize(
    ("details", "expected", "flags"),
    [
        (
            {"audio_tokens": 60, "text_tokens": 40},
            {"text": (40, "provider_reported"), "audio": (60, "provider_reported")},
            (),
        ),
        ({"audio_tokens": 60}, {"text": (40, "derived"), "audio": (60, "provider_reported")}, ()),
        ({"audio_tokens": 100}, {"text": (0, "derived"), "audio": (100, "provider_reported")}, ()),
        ({"text_tokens": 100}, {"text": (100, "provider_reported"), "audio": (0, "derived")}, ()),
        (
            {"audio_tokens": 60, "image_tokens": 30},
            {"text": (10, "derived"), "audio": (60, "provider_reported"), "image": (30, "provider_reported")},
            (),
        ),
        (
            {"audio_tokens": 60, "text_tokens": 30},
            {
                "text": (30, "provider_reported"),
                "audio": (60, "provider_reported"),
                "unattributed": (10, "derived"),
            },
            ("details_short",),
        ),
        (
            {"text_tokens": 30},
            {"text": (30, "provider_reported"), "audio": (0, "derived"), "unattributed": (70, "derived")},
            ("details_short",),
        ),
        (
            {"image_tokens": 30},
            {
                "text": (0, "derived"),
                "audio": (0, "derived"),
                "image": (30, "provider_reported"),
                "unattributed": (70, "derived"),
            },
            ("details_short",),
        ),
        (
            {"cached_tokens": 64},
            {"unattributed": (100, "derived"), "cached": (64, "provider_reported")},
            ("details_missing",),
        ),
        ({}, {"unattributed": (100, "derived")}, ("details_missing",)),
        (None, {"unattributed": (100, "derived")}, ("details_missing",)),
        ({"audio_tokens": None}, {"unattributed": (100, "derived")}, ("details_missing",)),
    ],
    ids=lambda value: ",".join(f"{key}" for key in value) if isinstance(value, dict) else None,
)
def test_what_details_leave_open_is_text_only_next_to_audio(
    details: dict[str, Any] | None, expected: dict[str, tuple[int, str]], flags: tuple[str, ...]
) -> None:
    record = completed(usage_of(details))

    assert parts(record, "input") == expected
    assert record.flags == flags


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (
            {"audio_tokens": 30, "text_tokens": 20, "reasoning_tokens": 8},
            {"text": 20, "audio": 30, "reasoning": 8},
        ),
        ({"audio_tokens": 30, "reasoning_tokens": 8}, {"text": 20, "audio": 30, "reasoning": 8}),
        ({"reasoning_tokens": 8}, {"text": 8, "unattributed": 42, "reasoning": 8}),
        ({"reasoning_tokens": 50}, {"text": 50, "unattributed": 0, "reasoning": 50}),
        ({"reasoning_tokens": 0}, {"unattributed": 50, "reasoning": 0}),
    ],
    ids=["named", "text is the rest", "reasoning alone", "all reasoning", "no reasoning"],
)
def test_reasoning_is_text_wherever_it_is_stated(details: dict[str, Any], expected: dict[str, int]) -> None:
    record = completed(usage_of({"audio_tokens": 0}, details))

    assert {name: value for name, (value, _) in parts(record, "output").items()} == expected


# Names


SPELLINGS = ["input_token_details", "input_tokens_details", "prompt_tokens_details"]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("total", ["input_tokens", "prompt_tokens"])
def test_details_and_totals_are_read_in_every_spelling(total: str, spelling: str) -> None:
    output = spelling.replace("input", "output").replace("prompt", "completion")
    usage = {
        total: 100,
        "completion_tokens": 50,
        spelling: {"audio_tokens": 60},
        output: {"audio_tokens": 30},
    }

    assert dict(completed(usage).quantities) == {
        "input_tokens": 100,
        "text_input_tokens": 40,
        "audio_input_tokens": 60,
        "output_tokens": 50,
        "text_output_tokens": 20,
        "audio_output_tokens": 30,
        "total_tokens": 150,
    }


def test_an_empty_spelling_does_not_hide_another() -> None:
    usage = usage_of({"audio_tokens": 60}, input_token_details={}, input_tokens_details=None)

    assert completed(usage).quantities["audio_input_tokens"] == 60


def test_a_spelling_that_repeats_another_is_read_and_one_that_contradicts_it_is_named() -> None:
    repeated = completed(usage_of({"audio_tokens": 60}, input_tokens=100))
    contradicting = completed(usage_of({"audio_tokens": 60}, input_tokens=90))

    assert repeated.unread == ()
    assert contradicting.quantities["input_tokens"] == 90
    assert contradicting.unread == ("/response/json/usage/prompt_tokens",)


def test_details_of_two_spellings_are_compared_member_by_member() -> None:
    record = completed(
        usage_of({"audio_tokens": 60}, input_token_details={"cached_tokens": 7, "audio_tokens": 60})
    )
    contradicting = completed(
        usage_of({"audio_tokens": 60}, input_token_details={"cached_tokens": 7, "audio_tokens": 50})
    )

    assert (record.quantities["audio_input_tokens"], record.quantities["cached_input_tokens"]) == (60, 7)
    assert record.unread == ()
    assert contradicting.quantities["audio_input_tokens"] == 50
    assert contradicting.unread == ("/response/json/usage/prompt_tokens_details/audio_tokens",)


# Cached tokens


def test_cached_tokens_have_a_modality_only_if_the_provider_splits_them() -> None:
    split = {"text_tokens": 10, "audio_tokens": 54}
    details = {"audio_tokens": 60, "cached_tokens": 64}

    assert "cached_audio_input_tokens" not in completed(usage_of(details)).quantities
    record = completed(usage_of({**details, "cached_tokens_details": split}))
    assert record.quantities["cached_input_tokens"] == 64
    assert record.quantities["cached_text_input_tokens"] == 10
    assert record.quantities["cached_audio_input_tokens"] == 54


def test_a_split_without_its_sum_is_added_up() -> None:
    details = {"audio_tokens": 60, "cached_tokens_details": {"text_tokens": 10, "audio_tokens": 54}}

    assert completed(usage_of(details)).quantities["cached_input_tokens"] == 64


# Totals


@pytest.mark.parametrize("total", [0, 149, 1000], ids=str)
def test_a_total_that_is_not_the_sum_is_flagged_and_changes_nothing(total: int) -> None:
    record = completed(usage_of({"audio_tokens": 60}, total_tokens=total))

    assert record.quantities["total_tokens"] == 150
    assert record.basis["total_tokens"] == "provider_reported"
    assert record.flags == ("total_mismatch",)


@pytest.mark.parametrize("missing", ["prompt_tokens", "completion_tokens"])
def test_a_direction_that_is_not_counted_is_unknown_and_so_is_the_total(missing: str) -> None:
    record = completed(usage_of({"audio_tokens": 60}, total_tokens=150, **{missing: None}))

    assert record.unknown == ("input_tokens" if missing == "prompt_tokens" else "output_tokens",)
    assert "total_tokens" not in record.quantities


@pytest.mark.parametrize("usage", [None, {}, {"queue_time": 0}], ids=repr)
def test_an_answer_without_counts_is_unknown_on_both_sides(usage: object) -> None:
    record = completed(usage)

    assert (record.quantities, record.unknown) == ({}, ("input_tokens", "output_tokens"))
    assert record.flags == ()


# Refusals


@pytest.mark.parametrize(
    ("usage", "pointer"),
    [
        (usage_of({"audio_tokens": 101}), "/prompt_tokens_details/audio_tokens"),
        (usage_of({"cached_tokens": 101}), "/prompt_tokens_details/cached_tokens"),
        (usage_of({"audio_tokens": 60, "text_tokens": 41}), "/prompt_tokens"),
        (
            usage_of(
                {"audio_tokens": 60, "cached_tokens": 70, "cached_tokens_details": {"audio_tokens": 61}}
            ),
            "/prompt_tokens_details/cached_tokens_details/audio_tokens",
        ),
        (
            usage_of({"audio_tokens": 60, "cached_tokens": 50, "cached_tokens_details": {"text_tokens": 41}}),
            "/prompt_tokens_details/cached_tokens_details/text_tokens",
        ),
        (usage_of(None, {"reasoning_tokens": 51}), "/completion_tokens_details/reasoning_tokens"),
        (
            usage_of(None, {"audio_tokens": 45, "reasoning_tokens": 6}),
            "/completion_tokens_details/reasoning_tokens",
        ),
    ],
    ids=["audio", "cached", "sum", "cached audio", "cached text", "reasoning", "reasoning beside audio"],
)
def test_a_part_larger_than_its_whole_is_refused_at_its_place(usage: dict[str, Any], pointer: str) -> None:
    assert refusal(usage) == ("inconsistent_usage", pointer)


# Normal form


def test_normal_form_that_names_no_audio_in_a_direction_is_text_there() -> None:
    record = completed({"prompt_tokens": 100, "completion_tokens": 50, "audio_input_tokens": 60})

    assert parts(record, "input") == {"text": (40, "derived"), "audio": (60, "provider_reported")}
    assert parts(record, "output") == {"text": (50, "derived"), "audio": (0, "derived")}
    assert record.flags == ()


def test_normal_form_is_read_under_all_names_of_the_record() -> None:
    usage = {
        "input_tokens": 100,
        "text_input_tokens": 30,
        "audio_input_tokens": 60,
        "image_input_tokens": 10,
        "cached_input_tokens": 5,
        "cached_audio_input_tokens": 5,
        "output_tokens": 50,
        "text_output_tokens": 20,
        "audio_output_tokens": 30,
        "reasoning_output_tokens": 8,
        "total_tokens": 150,
        "audio_duration_seconds": 6,
    }

    assert dict(completed(usage).quantities) == usage


@pytest.mark.parametrize(
    ("beside", "unread"),
    [(40, ()), (41, ("/response/json/usage/audio_input_tokens",))],
    ids=["same", "other"],
)
def test_a_count_of_normal_form_beside_the_same_details_is_read_only_if_it_repeats_them(
    beside: int, unread: tuple[str, ...]
) -> None:
    record = completed(usage_of({"text_tokens": 60, "audio_tokens": 40}, audio_input_tokens=beside))

    assert record.quantities["audio_input_tokens"] == 40
    assert record.unread == unread


def test_normal_form_without_tokens_has_none_to_miss() -> None:
    record = completed({"audio_duration_seconds": "78.4"})

    assert list(record.quantities) == ["audio_duration_seconds"]
    assert record.unknown == ()


# Service tier


@pytest.mark.parametrize(
    ("answered", "asked", "tier"),
    [
        ("default", None, "standard"),
        ("priority", "auto", "priority"),
        (None, "flex", "flex"),
        (None, "auto", "standard"),
        ("scale", None, "scale"),
        (None, None, None),
        (7, None, None),
    ],
)
def test_the_tier_is_the_answers_else_the_requests(answered: object, asked: object, tier: str | None) -> None:
    usage = usage_of({"audio_tokens": 60})

    assert completed(usage, {"service_tier": asked}, service_tier=answered).service_tier == tier
