from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.numbers import escape, parse_plain, plain, read_count, read_decimal
from hypothesis import given
from hypothesis import strategies as st

WIRE_DECIMALS = st.decimals(
    min_value=0, max_value=Decimal(999999999999999), allow_nan=False, allow_infinity=False, places=30
)


def refusal(read: Any, value: object) -> str:
    with pytest.raises(DecibillReferenceError) as caught:
        read(value, "/usage/n")
    assert caught.value.pointer == "/usage/n"
    return caught.value.code


# How numbers are written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("3.00"), "3"),
        (Decimal("78.40"), "78.4"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("0.000"), "0"),
        (Decimal("-0.0"), "0"),
        (Decimal("-0.00"), "0"),
        (Decimal("-0.50"), "-0.5"),
        (Decimal("100.0"), "100"),
        (100, "100"),
    ],
    ids=repr,
)
def test_a_decimal_string_has_no_exponent_no_signed_zero_and_no_trailing_zeros(value: Any, text: str) -> None:
    assert plain(value) == text


@given(WIRE_DECIMALS)
def test_a_decimal_string_means_the_number_it_was_written_from(value: Decimal) -> None:
    assert parse_plain(plain(value)) == value


@given(st.from_regex(r"(0|[1-9][0-9]{0,14})(\.[0-9]{0,29}[1-9])?", fullmatch=True))
def test_a_canonical_string_is_written_back_as_it_was(text: str) -> None:
    assert plain(read_decimal(text, "")) == text


# How numbers are read


@pytest.mark.parametrize(
    "value",
    [0, 784, 999_999_999_999_999, Decimal(784), Decimal("7.840E+2"), Decimal("78E+1"), "784", "784.0"],
    ids=repr,
)
def test_a_count_is_a_whole_number_however_it_is_spelt(value: object) -> None:
    assert read_count(value, "") == int(Decimal(value))


@pytest.mark.parametrize("digits", ["1.7000000476837158", "36.709999084472656", "0.10", "8"])
def test_digits_are_kept_as_sent(digits: str) -> None:
    assert str(read_decimal(Decimal(digits), "")) == digits
    assert str(read_decimal(digits, "")) == digits


def test_a_float_of_a_foreign_parser_is_taken_by_its_shortest_digits() -> None:
    assert read_decimal(1.7000000476837158, "") == Decimal("1.7000000476837158")


@pytest.mark.parametrize("value", [True, False], ids=str)
@pytest.mark.parametrize("read", [read_count, read_decimal])
def test_a_boolean_is_not_a_number(read: Any, value: bool) -> None:
    assert refusal(read, value) == "invalid_number"


@pytest.mark.parametrize("value", [-1, Decimal("-0.5"), -1.0], ids=str)
@pytest.mark.parametrize("read", [read_count, read_decimal])
def test_a_negative_quantity_is_refused(read: Any, value: object) -> None:
    assert refusal(read, value) == "negative_quantity"


def test_zero_with_a_sign_is_zero() -> None:
    assert plain(read_decimal(Decimal("-0.0"), "")) == "0"


@pytest.mark.parametrize("value", [Decimal("0.5"), "784.5", 1.5], ids=str)
def test_a_fraction_of_a_token_is_refused(value: object) -> None:
    assert refusal(read_count, value) == "invalid_number"
    assert read_decimal(value, "") > 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 5",
        "5 ",
        "+5",
        "-5",
        "1e3",
        "5.",
        ".5",
        "1,000",
        "1_000",
        "0x10",
        "\u0665",
        "NaN",
        "Infinity",
        "12 tokens",
    ],
    ids=repr,
)
@pytest.mark.parametrize("read", [read_count, read_decimal])
def test_a_text_is_a_number_only_as_plain_digits_with_one_point(read: Any, text: str) -> None:
    assert refusal(read, text) == "invalid_number"


@pytest.mark.parametrize(
    "value",
    [
        10**15,
        10**5000,
        Decimal("1E+15"),
        Decimal("1E+400"),
        "1" * 16,
        Decimal("1E-31"),
        "0." + "0" * 30 + "1",
        1e300,
    ],
    ids=["int", "huge int", "1E+15", "1E+400", "text", "1E-31", "text fraction", "float"],
)
@pytest.mark.parametrize("read", [read_count, read_decimal])
def test_a_number_has_at_most_15_digits_before_the_point_and_30_after(read: Any, value: object) -> None:
    assert refusal(read, value) == "invalid_number"


@pytest.mark.parametrize(
    "value", [Decimal("NaN"), Decimal("Infinity"), Decimal("sNaN"), float("nan"), float("-inf")], ids=str
)
@pytest.mark.parametrize("read", [read_count, read_decimal])
def test_what_is_not_finite_is_not_a_number(read: Any, value: object) -> None:
    assert refusal(read, value) == "invalid_number"


@pytest.mark.parametrize("value", [None, {}, [], [5], b"5", object], ids=repr)
@pytest.mark.parametrize("read", [read_count, read_decimal])
def test_anything_else_is_not_a_number(read: Any, value: object) -> None:
    assert refusal(read, value) == "invalid_number"


def test_a_refusal_shows_the_value_and_cuts_it_short() -> None:
    with pytest.raises(DecibillReferenceError, match=r"'x{56}\.\.\. is not plain digits"):
        read_count("x" * 1000, "/n")


@given(WIRE_DECIMALS, st.integers(min_value=1, max_value=6))
def test_the_callers_decimal_context_changes_nothing(value: Decimal, precision: int) -> None:
    with decimal.localcontext(decimal.Context(prec=precision, traps=[decimal.Inexact, decimal.Rounded])):
        assert read_decimal(value, "") == value
        assert parse_plain(plain(value)) == value


def test_a_pointer_escapes_tilde_and_slash() -> None:
    assert escape("a/b~c") == "a~1b~0c"
