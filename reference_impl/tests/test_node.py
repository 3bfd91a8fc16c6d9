"""A value of the wrong kind is named by its kind, and refused where it stands."""

from __future__ import annotations

from decimal import Decimal

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.node import Node


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a JSON number"),
        (Decimal("0.5"), "a JSON number"),
        ("text", "a string"),
        ([1], "an array"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_object_is_named(value: object, kind: str) -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        Node(value, "/a", "invalid_price_book").mapping()

    assert (caught.value.pointer, caught.value.message) == ("/a", f"must be an object, not {kind}")


def test_an_object_where_an_array_belongs_is_named() -> None:
    with pytest.raises(DecibillReferenceError, match="must be an array, not an object"):
        Node({}, "/a", "invalid_price_book").items()
