"""A value states a number, unknown, or nothing; never 0 for what it does not say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from decibill.observe_number import inclusive, marked, scaled, statement
from decibill.pointer import MISSING
from decibill.statements import Kind, Statement
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "kind", "number", "is_float"),
    [
        (0, Kind.NUMBER, "0", False),
        (Decimal("0.0"), Kind.NUMBER, "0.0", True),
        (784, Kind.NUMBER, "784", False),
        (-5, Kind.NUMBER, "-5", False),
        (Decimal("0.0008500000000000001"), Kind.NUMBER, "0.0008500000000000001", True),
        (Decimal("1E-5"), Kind.NUMBER, "0.00001", True),
        ("0.003527", Kind.NUMBER, "0.003527", False),
        (" 1e-05 ", Kind.NUMBER, "0.00001", False),
        (".5", Kind.NUMBER, "0.5", False),
        (None, Kind.UNKNOWN, None, False),
        (MISSING, Kind.NOTHING, None, False),
        ("", Kind.NOTHING, None, False),
    ],
    ids=repr,
)
def test_a_value_states_a_number_unknown_or_nothing(
    value: Any, kind: Kind, number: str | None, is_float: bool
) -> None:
    stated, problem = statement(value, "here")
    assert stated.kind is kind
    assert stated.value == (None if number is None else Decimal(number))
    assert stated.is_float is is_float
    assert problem is None


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        "NaN",
        "Infinity",
        "-inf",
        "0x10",
        "1,5",
        "$0.01",
        "1_000",
        "٣",
        "1" * 50,
        Decimal("1E+400"),
        Decimal("1E-99999"),
        10**5000,
        {},
        [1],
        "free",
    ],
    ids=lambda value: str(value)[:12] if not isinstance(value, int) or value < 2 else "huge",
)
def test_what_is_no_usable_number_is_nothing_and_said_so(value: Any) -> None:
    stated, problem = statement(value, "/cost of the body")
    assert stated.kind is Kind.NOTHING
    assert stated.value is None
    assert (problem or "").startswith("/cost of the body is ")
    assert "not a usable number" in (problem or "")
    assert len(problem or "") < 200


def test_a_number_in_a_header_is_forgiven_its_residue() -> None:
    stated, _ = statement("0.1", "header x-cost", text_is_float=True)
    assert stated.is_float


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=12))
def test_a_decimal_string_is_read_to_its_last_digit(number: Decimal) -> None:
    stated, problem = statement(format(number, "f"), "here")
    assert (stated.value, problem) == (number, None)


@pytest.mark.parametrize(
    ("per_usd", "usd"), [("1", "500"), ("100", "5"), ("500000", "0.001"), ("1000000000", "0.0000005")]
)
def test_a_cost_is_brought_to_dollars(per_usd: str, usd: str) -> None:
    stated = scaled(Statement(Kind.NUMBER, "", value=Decimal(500)), Decimal(per_usd))
    assert stated.value == Decimal(usd)
    assert scaled(Statement(Kind.UNKNOWN, ""), Decimal(per_usd)).value is None


@pytest.mark.parametrize(
    ("value", "among", "set_"),
    [
        (True, None, True),
        ("yes", None, True),
        (1, None, True),
        (False, None, False),
        (None, None, False),
        (0, None, False),
        ("", None, False),
        (MISSING, None, False),
        ("partial", ("partial",), True),
        ("priced", ("partial",), False),
        (True, ("true",), True),
        (None, ("partial",), False),
        (MISSING, ("",), False),
    ],
)
def test_a_mark_is_set_by_a_value_that_says_something(
    value: Any, among: tuple[str, ...] | None, set_: bool
) -> None:
    assert marked(value, among) is set_


def numbers(**values: int | None) -> dict[str, Statement]:
    return {
        name: Statement(Kind.UNKNOWN, "")
        if value is None
        else Statement(Kind.NUMBER, "", value=Decimal(value))
        for name, value in values.items()
    }


@pytest.mark.parametrize(
    ("stated", "whole"),
    [
        ({"input_tokens": 20, "audio_input_tokens": 80}, {"input_tokens": 100, "audio_input_tokens": 80}),
        (
            {
                "input_tokens": 1,
                "audio_input_tokens": 2,
                "cached_audio_input_tokens": 4,
                "cached_input_tokens": 8,
            },
            {
                "input_tokens": 15,
                "audio_input_tokens": 6,
                "cached_audio_input_tokens": 4,
                "cached_input_tokens": 8,
            },
        ),
        (
            {"output_tokens": 1, "text_output_tokens": 2, "reasoning_output_tokens": 4},
            {"output_tokens": 7, "text_output_tokens": 6, "reasoning_output_tokens": 4},
        ),
        (
            {"input_tokens": 20, "audio_input_tokens": None},
            {"input_tokens": None, "audio_input_tokens": None},
        ),
        ({"input_tokens": None, "audio_input_tokens": 3}, {"input_tokens": None, "audio_input_tokens": 3}),
        ({"audio_duration_seconds": 5}, {"audio_duration_seconds": 5}),
    ],
)
def test_disjoint_quantities_are_made_inclusive(
    stated: dict[str, int | None], whole: dict[str, int | None]
) -> None:
    values = {name: each.value for name, each in inclusive(numbers(**stated)).items()}
    assert values == {name: None if value is None else Decimal(value) for name, value in whole.items()}
