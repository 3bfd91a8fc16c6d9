from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from decibill_reference import jsonio
from decibill_reference.errors import DecibillReferenceError
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


def refusal(text: str | bytes, pointer: str = "") -> DecibillReferenceError:
    with pytest.raises(DecibillReferenceError) as caught:
        jsonio.loads(text, pointer)
    return caught.value


@given(JSON)
def test_json_without_fractions_is_read_as_any_parser_reads_it(value: Any) -> None:
    assert jsonio.loads(json.dumps(value)) == value


def test_a_fraction_keeps_its_digits() -> None:
    value = jsonio.loads('{"duration": 1.70}')["duration"]

    assert isinstance(value, Decimal)
    assert str(value) == "1.70"


@pytest.mark.parametrize("text", ['\ufeff{"a": 1}', b'\xef\xbb\xbf{"a": 1}'], ids=["text", "bytes"])
def test_a_byte_order_mark_is_skipped(text: str | bytes) -> None:
    assert jsonio.loads(text) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ('{"a": 1, "a": 1}', "/a"),
        ('{"usage": {"input_tokens": 784, "output_tokens": 1, "input_tokens": 7}}', "/usage/input_tokens"),
        ('[0, {"x/y": {"~": 1, "~": 2}}]', "/1/x~1y/~0"),
        (r'{"a": 1, "\u0061": 2}', "/a"),
    ],
    ids=["top", "nested", "escaped", "spelt differently"],
)
def test_a_repeated_key_is_refused_at_its_place(text: str, pointer: str) -> None:
    error = refusal(text, "/response/json")

    assert (error.code, error.pointer) == ("duplicate_key", f"/response/json{pointer}")


@pytest.mark.parametrize(
    "number",
    ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "1E+99999999999999999999", "1e309"],
)
def test_a_number_that_is_not_finite_everywhere_is_refused_at_its_place(number: str) -> None:
    error = refusal(f'{{"usage": [{{"input_tokens": {number}}}]}}', "/response/json")

    assert (error.code, error.pointer) == ("invalid_number", "/response/json/usage/0/input_tokens")


def test_a_whole_number_of_thousands_of_digits_is_refused_at_its_place() -> None:
    error = refusal('{"a": [1, ' + "9" * 5000 + "]}")

    assert (error.code, error.pointer) == ("invalid_number", "/a/1")


def test_numbers_that_only_computers_send_are_read() -> None:
    assert jsonio.loads("[-3.106736039626412e-05, 1e308, 5e-324]") == [
        Decimal("-3.106736039626412e-05"),
        Decimal("1e308"),
        Decimal("5e-324"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1 column 1"),
        ('{"a": 1', "line 1 column 8"),
        ("<html>", "line 1 column 1"),
        ('{"a": 1} {"b": 2}', "Extra data"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"a": 1, "a": 1}, ' + "[" * 100_000, "nested too deeply"),
        ('[{"a": 1, "a": 1}, 2', "line 1 column 21"),
        ("[" + "9" * 5000, "line 1 column 5002"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
    ],
    ids=[
        "empty",
        "cut",
        "html",
        "two",
        "deep",
        "repeated and deep",
        "repeated and cut",
        "long and cut",
        "bytes",
    ],
)
def test_what_is_not_json_is_a_malformed_body(text: str | bytes, problem: str) -> None:
    error = refusal(text, "/response/text")

    assert (error.code, error.pointer) == ("malformed_body", "/response/text")
    assert problem in error.message


@given(st.text() | st.binary())
def test_any_bytes_are_read_or_refused(text: str | bytes) -> None:
    with contextlib.suppress(DecibillReferenceError):
        jsonio.loads(text)
