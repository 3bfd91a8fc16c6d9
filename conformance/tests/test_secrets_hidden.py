"""A secret is hidden by its value wherever it stands in a report, and what holds none stays as it is."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from decibill.outcome import CheckResult, Outcome
from decibill.secrets_hidden import Secrets
from decibill.statements import Delivery

KEY = "sk-4f1c9e77aab2"


@pytest.fixture
def secrets() -> Secrets:
    made = Secrets()
    made.add([KEY, "short"])
    return made


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        (KEY, "[redacted]"),
        (f"a {KEY} b".encode(), b"a [redacted] b"),
        ([1, KEY], [1, "[redacted]"]),
        (("a", KEY), ("a", "[redacted]")),
        ({"a": {"b": [KEY]}}, {"a": {"b": ["[redacted]"]}}),
        ({KEY: 1, "b": 2}, {"[redacted]": 1, "b": 2}),
        (MappingProxyType({"a": KEY}), {"a": "[redacted]"}),
        (Delivery(200, {"x-key": KEY}), Delivery(200, {"x-key": "[redacted]"})),
        (Delivery(200, body=KEY.encode()), Delivery(200, body=b"[redacted]")),
    ],
    ids=["text", "bytes", "list", "tuple", "members", "name", "mapping", "field", "body"],
)
def test_a_secret_is_hidden_wherever_it_stands(secrets: Secrets, value: Any, hidden: Any) -> None:
    assert secrets.hide_in(value) == hidden
    assert type(secrets.hide_in([value])[0]) is type(hidden)


@pytest.mark.parametrize(
    "value",
    [
        "no secret in it",
        "sk-4f1c9e",
        b"bytes",
        None,
        1,
        Outcome.PASS,
        Delivery,
        Delivery(200, {"x-key": "other"}, b"body", frames=("a", "b")),
        CheckResult("cost", ("AUB-CHG-0000",), Outcome.PASS),
        {"a": [1, {"b": ("c", None)}]},
    ],
    ids=["text", "part", "bytes", "nothing", "number", "enum", "type", "delivery", "check", "members"],
)
def test_what_holds_no_secret_is_not_built_again(secrets: Secrets, value: Any) -> None:
    assert secrets.hide_in(value) is value


def test_nothing_is_hidden_where_there_is_no_secret() -> None:
    assert Secrets().hide_in([KEY]) == [KEY]
    assert Secrets().hide(KEY) == KEY
