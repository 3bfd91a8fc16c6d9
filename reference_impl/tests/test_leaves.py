from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from decibill_reference.leaves import MODALITIES, TOKEN_RATES, LeafPlan, token_shares
from decibill_reference.quantities import check_parts
from hypothesis import given
from hypothesis import strategies as st
from tests.rating import AUDIO_CHAT, gaps, lines, priced

# Leaves


def test_audio_text_and_both_directions_have_their_own_rates() -> None:
    # 62 x 2.5 + 142 x 32 + 37 x 10 + 125 x 64 = 13,069 millionths
    charge = priced(
        AUDIO_CHAT,
        {
            "input_tokens": 204,
            "text_input_tokens": 62,
            "audio_input_tokens": 142,
            "output_tokens": 162,
            "text_output_tokens": 37,
            "audio_output_tokens": 125,
        },
    )

    assert charge["total"] == "0.013069"


def test_audio_without_an_audio_rate_is_a_gap_and_never_text() -> None:
    charge = priced(
        {"text_input_tokens": "2.5", "text_output_tokens": "10"},
        {"text_input_tokens": 10, "audio_input_tokens": 20, "audio_output_tokens": 30},
    )

    assert lines(charge) == [("text_input_tokens", "10", "0.000025")]
    assert gaps(charge) == [("audio_input_tokens", "20", "no_rate"), ("audio_output_tokens", "30", "no_rate")]
    assert (charge["status"], charge["total"]) == ("partial", "0.000025")


def test_a_total_rate_prices_every_modality_on_one_line() -> None:
    charge = priced(
        {"input_tokens": "2", "output_tokens": "4"},
        {
            "input_tokens": 30,
            "text_input_tokens": 10,
            "audio_input_tokens": 20,
            "cached_input_tokens": 5,
            "output_tokens": 7,
            "text_output_tokens": 3,
            "audio_output_tokens": 4,
        },
    )

    assert lines(charge) == [("input_tokens", "30", "0.00006"), ("output_tokens", "7", "0.000028")]


CACHED_USAGE = {
    "input_tokens": 400,
    "text_input_tokens": 100,
    "audio_input_tokens": 300,
    "cached_input_tokens": 128,
}
SPLIT = {"cached_text_input_tokens": 48, "cached_audio_input_tokens": 80}


@pytest.mark.parametrize(
    ("rates", "quantities", "expected", "flags"),
    [
        (
            {
                "text_input_tokens": "4",
                "audio_input_tokens": "32",
                "cached_text_input_tokens": "1",
                "cached_audio_input_tokens": "2",
            },
            SPLIT,
            [
                ("text_input_tokens", "52", "0.000208"),
                ("audio_input_tokens", "220", "0.00704"),
                ("cached_text_input_tokens", "48", "0.000048"),
                ("cached_audio_input_tokens", "80", "0.00016"),
            ],
            [],
        ),
        (
            {"text_input_tokens": "4", "audio_input_tokens": "32", "cached_input_tokens": "1"},
            SPLIT,
            [
                ("text_input_tokens", "52", "0.000208"),
                ("audio_input_tokens", "220", "0.00704"),
                ("cached_input_tokens", "128", "0.000128"),
            ],
            [],
        ),
        (
            {"text_input_tokens": "4", "audio_input_tokens": "32"},
            SPLIT,
            [("text_input_tokens", "100", "0.0004"), ("audio_input_tokens", "300", "0.0096")],
            [],
        ),
        (
            {"text_input_tokens": "4", "audio_input_tokens": "32"},
            {},
            [("text_input_tokens", "100", "0.0004"), ("audio_input_tokens", "300", "0.0096")],
            [],
        ),
        (
            {"text_input_tokens": "4", "audio_input_tokens": "32", "cached_text_input_tokens": "1"},
            {},
            [("audio_input_tokens", "300", "0.0096"), ("cached_text_input_tokens", "100", "0.0001")],
            ["cached_split_assumed"],
        ),
        (
            {"text_input_tokens": "4", "audio_input_tokens": "32", "cached_input_tokens": "1"},
            {"cached_audio_input_tokens": 100},
            [
                ("text_input_tokens", "72", "0.000288"),
                ("audio_input_tokens", "200", "0.0064"),
                ("cached_input_tokens", "128", "0.000128"),
            ],
            ["cached_split_assumed"],
        ),
    ],
    ids=[
        "each at its own cached rate",
        "one cached rate",
        "no cached rate",
        "no cached rate and no split",
        "without a split, text first and then audio",
        "what a split leaves over, text first",
    ],
)
def test_cached_tokens_take_the_cached_rate_of_their_modality(
    rates: dict[str, Any], quantities: dict[str, int], expected: list[tuple[str, str, str]], flags: list[str]
) -> None:
    charge = priced(rates, CACHED_USAGE | quantities)

    assert lines(charge) == expected
    assert charge["flags"] == flags


def test_cached_tokens_of_a_modality_without_a_count_are_among_those_without_a_modality() -> None:
    # 17 = 10 + 4 and 3 without a modality; 5 cached: 4 of the text, and the one of a video without a count
    charge = priced(
        {"text_input_tokens": "4", "audio_input_tokens": "32", "cached_input_tokens": "1"},
        {
            "input_tokens": 17,
            "text_input_tokens": 10,
            "audio_input_tokens": 4,
            "cached_input_tokens": 5,
            "cached_video_input_tokens": 1,
        },
    )

    assert lines(charge) == [
        ("text_input_tokens", "6", "0.000024"),
        ("text_input_tokens", "2", "0.000008"),
        ("audio_input_tokens", "4", "0.000128"),
        ("cached_input_tokens", "4", "0.000004"),
        ("cached_input_tokens", "1", "0.000001"),
    ]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({"text_output_tokens": "10"}, [("text_output_tokens", "33", "0.00033")]),
        (
            {"text_output_tokens": "10", "reasoning_output_tokens": "5"},
            [("text_output_tokens", "16", "0.00016"), ("reasoning_output_tokens", "17", "0.000085")],
        ),
        ({"output_tokens": "10"}, [("output_tokens", "33", "0.00033")]),
    ],
    ids=["no reasoning rate", "a reasoning rate", "a total rate"],
)
def test_reasoning_is_charged_once(rates: dict[str, str], expected: list[tuple[str, str, str]]) -> None:
    charge = priced(rates, {"output_tokens": 33, "text_output_tokens": 33, "reasoning_output_tokens": 17})

    assert lines(charge) == expected


UNATTRIBUTED = {
    "its own rate": (
        {"unattributed_input_tokens": "7", **AUDIO_CHAT},
        {"input_tokens": 10, "unattributed_input_tokens": 10},
        [("unattributed_input_tokens", "10", "0.00007")],
        [],
        [],
    ),
    "the total rate": (
        {"input_tokens": "3", "audio_input_tokens": "32"},
        {"input_tokens": 10, "unattributed_input_tokens": 10},
        [("input_tokens", "10", "0.00003")],
        [],
        [],
    ),
    "text where a modality is named": (
        AUDIO_CHAT,
        {
            "input_tokens": 40,
            "text_input_tokens": 8,
            "audio_input_tokens": 17,
            "unattributed_input_tokens": 15,
        },
        [
            ("text_input_tokens", "8", "0.00002"),
            ("text_input_tokens", "15", "0.0000375"),
            ("audio_input_tokens", "17", "0.000544"),
        ],
        [],
        ["unattributed_as_text"],
    ),
    "the one modality that is priced": (
        {"text_input_tokens": "4", "text_output_tokens": "10"},
        {
            "input_tokens": 10,
            "unattributed_input_tokens": 10,
            "output_tokens": 5,
            "unattributed_output_tokens": 5,
        },
        [("text_input_tokens", "10", "0.00004"), ("text_output_tokens", "5", "0.00005")],
        [],
        [],
    ),
    "cached, where text alone is priced": (
        {"text_input_tokens": "4", "cached_text_input_tokens": "1"},
        {"input_tokens": 10, "unattributed_input_tokens": 10, "cached_input_tokens": 6},
        [("text_input_tokens", "4", "0.000016"), ("cached_text_input_tokens", "6", "0.000006")],
        [],
        ["cached_split_assumed"],
    ),
    "several modalities and none named": (
        AUDIO_CHAT,
        {
            "input_tokens": 10,
            "unattributed_input_tokens": 10,
            "output_tokens": 5,
            "unattributed_output_tokens": 5,
        },
        [],
        [
            ("unattributed_input_tokens", "10", "modality_unknown"),
            ("unattributed_output_tokens", "5", "modality_unknown"),
        ],
        [],
    ),
    "reasoning names none": (
        AUDIO_CHAT,
        {
            "output_tokens": 30,
            "text_output_tokens": 17,
            "reasoning_output_tokens": 17,
            "unattributed_output_tokens": 13,
        },
        [("text_output_tokens", "17", "0.00017")],
        [("unattributed_output_tokens", "13", "modality_unknown")],
        [],
    ),
    "nothing priced in the direction": (
        {"text_output_tokens": "10"},
        {"input_tokens": 10, "unattributed_input_tokens": 10},
        [],
        [("unattributed_input_tokens", "10", "no_rate")],
        [],
    ),
    "a total beyond its parts": (
        AUDIO_CHAT,
        {"input_tokens": 30, "text_input_tokens": 10, "audio_input_tokens": 5},
        [
            ("text_input_tokens", "10", "0.000025"),
            ("text_input_tokens", "15", "0.0000375"),
            ("audio_input_tokens", "5", "0.00016"),
        ],
        [],
        ["unattributed_as_text"],
    ),
    "output with a modality named": (
        AUDIO_CHAT,
        {
            "output_tokens": 10,
            "text_output_tokens": 2,
            "audio_output_tokens": 3,
            "unattributed_output_tokens": 5,
        },
        [
            ("text_output_tokens", "2", "0.00002"),
            ("text_output_tokens", "5", "0.00005"),
            ("audio_output_tokens", "3", "0.000192"),
        ],
        [],
        ["unattributed_as_text"],
    ),
    "cached at a total cached rate": (
        {"input_tokens": "4", "cached_input_tokens": "1"},
        {"input_tokens": 10, "unattributed_input_tokens": 10, "cached_input_tokens": 6},
        [("input_tokens", "4", "0.000016"), ("cached_input_tokens", "6", "0.000006")],
        [],
        ["cached_split_assumed"],
    ),
}


@pytest.mark.parametrize(
    ("rates", "quantities", "expected", "missing", "flags"), UNATTRIBUTED.values(), ids=UNATTRIBUTED
)
def test_tokens_without_a_modality_are_priced_only_where_that_leaves_no_choice(
    rates: dict[str, Any], quantities: dict[str, int], expected: Any, missing: Any, flags: list[str]
) -> None:
    charge = priced(rates, quantities)

    assert lines(charge) == expected
    assert gaps(charge) == missing
    assert charge["flags"] == flags


# Rules that hold whatever the numbers

counts = st.integers(0, 10**9)
amounts = st.decimals(0, 1000, places=6, allow_nan=False, allow_infinity=False).map(
    lambda found: format(found, "f")
)
pers = st.sampled_from(["1", "60", "1000", "3600", "1000000", "7"])
token_rates = st.dictionaries(
    st.sampled_from(
        [
            "input_tokens",
            "text_input_tokens",
            "audio_input_tokens",
            "cached_input_tokens",
            "cached_audio_input_tokens",
            "output_tokens",
            "text_output_tokens",
            "audio_output_tokens",
            "reasoning_output_tokens",
        ]
    ),
    st.fixed_dictionaries({"amount": amounts, "per": pers}),
    min_size=1,
)


@st.composite
def token_records(draw: st.DrawFn) -> dict[str, int]:
    """Draw the quantities of a consistent record, with or without splits."""
    parts = {name: draw(counts) for name in draw(st.sets(st.sampled_from(["text", "audio", "image"])))}
    quantities = {f"{name}_input_tokens": count for name, count in parts.items()}
    quantities["input_tokens"] = sum(parts.values()) + draw(st.integers(0, 1000))
    quantities["cached_input_tokens"] = draw(st.integers(0, quantities["input_tokens"]))
    if "audio" in parts:
        most = min(parts["audio"], quantities["cached_input_tokens"])
        quantities["cached_audio_input_tokens"] = draw(st.integers(0, most))
    text, audio = draw(counts), draw(counts)
    quantities |= {"text_output_tokens": text, "audio_output_tokens": audio, "output_tokens": text + audio}
    quantities["reasoning_output_tokens"] = draw(st.integers(0, text))
    return quantities


def consistent(quantities: dict[str, int]) -> bool:
    """Return whether cached audio leaves room for the cached tokens without a modality."""
    rest = quantities["cached_input_tokens"] - quantities.get("cached_audio_input_tokens", 0)
    return rest <= quantities["input_tokens"] - quantities.get("audio_input_tokens", 0) + (
        quantities.get("audio_input_tokens", 0) - quantities.get("cached_audio_input_tokens", 0)
    )


@given(token_rates, token_records().filter(consistent))
def test_every_token_is_either_billed_once_or_in_a_gap(
    rates: dict[str, Any], quantities: dict[str, int]
) -> None:
    charge = priced(rates, quantities)

    billed = sum(int(line["measured"]) for line in charge["lines"])
    missing = sum(int(gap["measured"]) for gap in charge["unpriced"])
    assert billed + missing == quantities["input_tokens"] + quantities["output_tokens"]


@given(token_rates, token_records().filter(consistent))
def test_a_charge_is_the_exact_sum_of_its_lines_and_never_negative(
    rates: dict[str, Any], quantities: dict[str, int]
) -> None:
    charge = priced(rates, quantities)

    exact = sum(
        (
            Fraction(line["billed"]) * Fraction(line["amount"]) / Fraction(line["per"])
            for line in charge["lines"]
        ),
        Fraction(0),
    )
    if charge["total"] is None:
        assert exact == 0
    else:
        assert Fraction(charge["total"]) == Fraction(round(exact * 10**12), 10**12) >= 0


@given(st.sets(st.sampled_from(TOKEN_RATES), min_size=1), token_records())
def test_a_record_without_a_rest_divides_as_any_other(rates: set[str], quantities: dict[str, int]) -> None:
    modalities = [f"{modality}_input_tokens" for modality in MODALITIES]
    quantities["input_tokens"] = sum(quantities.get(name, 0) for name in modalities)
    quantities["cached_input_tokens"] = quantities.get("cached_audio_input_tokens", 0)
    plan = LeafPlan.of(rates)

    assert check_parts(quantities, str)
    shares, flags = token_shares(quantities, plan, is_complete=True)
    others, none = token_shares(quantities, plan, is_complete=False)
    assert [each for each in shares if each[1]] == [each for each in others if each[1]]
    assert flags == none == []
