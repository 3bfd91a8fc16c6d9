"""Documents are read strictly: whatever two readers could read in two ways is refused, with its place."""

from __future__ import annotations

from decimal import Decimal

import pytest
from decibill import jsonio
from decibill.errors import InvalidFileError


def fault(text: str | bytes) -> str:
    with pytest.raises(InvalidFileError) as refused:
        jsonio.loads(text, "file.json")
    return str(refused.value)


def test_fractions_keep_their_digits() -> None:
    assert jsonio.loads('{"a": 0.10, "b": 3}', "file.json") == {"a": Decimal("0.10"), "b": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": {"b": 1, "b": 2}}', "file.json at /a/b: the key 'b' stands twice in one object"),
        ('{"a": [0, NaN]}', "file.json at /a/1: NaN is not a JSON number"),
        ('{"a": -Infinity}', "file.json at /a: -Infinity is not a JSON number"),
        (
            '{"a": [1e9999999999999999999999]}',
            "file.json at /a/0: 1e9999999999999999999999 is not a number that can be read",
        ),
        ('{"a": %s}' % ("9" * 5000), "file.json at /a: a number of thousands of digits cannot be read"),
        ('{"a": ', "file.json: not JSON: Expecting value at line 1 column 7"),
        (b'{"a": "\xff"}', "file.json: not UTF-8 at byte 7"),
        ("[" * 100_000, "file.json: not JSON: nested too deeply"),
    ],
    ids=["repeated key", "NaN", "infinity", "exponent", "digits", "cut off", "not UTF-8", "depth"],
)
def test_what_cannot_be_read_in_one_way_is_refused_with_its_place(text: str | bytes, message: str) -> None:
    assert fault(text) == message


def test_half_a_character_is_written_as_an_escape() -> None:
    assert jsonio.dumps({"a": "\ud83d"}) == '{\n  "a": "\\ud83d"\n}\n'
    assert jsonio.loads(jsonio.dumps({"a": "\ud83d"}), "file.json") == {"a": "\ud83d"}
