"""A tree written as TOML is read back as it was."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from typing import Any

import pytest
from decibill.errors import InvalidFileError
from decibill.toml_text import toml_text
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | TEXT
    | st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-1000, max_value=1000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_what_is_written_is_read_back(tree: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(tree, "mine.toml"), parse_float=Decimal) == tree


@pytest.mark.parametrize(
    ("number", "written"),
    [("0.0000235", "0.0000235"), ("-1.25", "-1.25"), ("3", "3.0"), ("1E-7", "0.0000001"), ("1E+2", "100.0")],
)
def test_a_price_is_a_plain_number_with_a_point(number: str, written: str) -> None:
    assert toml_text({"p": Decimal(number)}, "mine.toml") == f'"p" = {written}\n'


@pytest.mark.parametrize("value", [None, 1.5, {"a": [None]}], ids=str)
def test_what_toml_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(InvalidFileError, match=r"mine\.toml: a file in TOML cannot hold"):
        toml_text({"a": value}, "mine.toml")
