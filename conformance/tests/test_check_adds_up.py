"""``decibill check`` finds charges and usage that do not add up, and every price that is refused."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from decibill import check, cli, jsonio, schemas
from decibill._data import data_directory

BOOKS = data_directory("fixtures") / "price-books"


def example(name: str) -> Any:
    return copy.deepcopy(schemas.schema(name)["examples"][0])


def found(document: Any) -> dict[str, str]:
    """Return what ``decibill check`` says of a document, by pointer."""
    checked = check.check_text(jsonio.dumps(document).encode(), "it")
    return {fault.pointer: fault.problem for fault in checked.faults}


def refused(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> bool:
    with pytest.raises(SystemExit) as left:
        cli.main(list(words))
    capsys.readouterr()
    return left.value.code != 0


# charges


def test_a_total_that_is_off_in_the_last_place_is_found_with_the_right_one() -> None:
    charge = example("charge")
    charge["total"] = "0.003527000001"
    assert found(charge) == {"/total": "is 0.003527000001; the exact sum of the lines is 0.003527"}


def test_a_line_that_is_off_in_the_last_place_is_found_with_its_arithmetic() -> None:
    charge = example("charge")
    line = charge["lines"][0]
    line["subtotal"] = line["subtotal"] + "000001"
    (pointer,), (problem,) = found(charge).keys(), found(charge).values()
    assert pointer == "/lines/0/subtotal"
    assert f"{line['billed']} x {line['amount']} / {line['per']} = " in problem


def test_a_total_in_which_a_line_is_missing_or_stands_twice_is_found() -> None:
    charge = example("charge")
    assert "/total" in found({**charge, "lines": charge["lines"][:1]})
    assert "/total" in found({**charge, "lines": [*charge["lines"], charge["lines"][0]]})


def test_the_sum_is_exact_where_binary_fractions_are_not() -> None:
    line = example("charge")["lines"][0] | {"measured": "1", "billed": "1", "per": "1"}
    lines = [line | {"amount": "0.1", "subtotal": "0.1"}, line | {"amount": "0.2", "subtotal": "0.2"}]
    charge = {**example("charge"), "lines": lines}
    assert found({**charge, "total": "0.3"}) == {}
    assert "/total" in found({**charge, "total": "0.300000000001"})


# usage


def record(**quantities: Any) -> dict[str, Any]:
    basis = dict.fromkeys(quantities, "provider_reported")
    return {**example("usage-record"), "quantities": quantities, "basis": basis, "unknown": [], "flags": []}


TOO_MUCH: dict[str, tuple[dict[str, int], str]] = {
    "input": ({"input_tokens": 5, "text_input_tokens": 3, "audio_input_tokens": 3}, "input_tokens"),
    "output": ({"output_tokens": 5, "text_output_tokens": 3, "audio_output_tokens": 3}, "output_tokens"),
    "cached": (
        {"input_tokens": 5, "text_input_tokens": 5, "cached_input_tokens": 6},
        "cached_input_tokens",
    ),
    "cached audio": (
        {"input_tokens": 5, "text_input_tokens": 3, "audio_input_tokens": 2, "cached_audio_input_tokens": 3},
        "cached_audio_input_tokens",
    ),
    "cached split": (
        {"input_tokens": 5, "text_input_tokens": 5, "cached_input_tokens": 2, "cached_text_input_tokens": 3},
        "cached_input_tokens",
    ),
    "reasoning": (
        {"output_tokens": 5, "text_output_tokens": 5, "reasoning_output_tokens": 6},
        "reasoning_output_tokens",
    ),
    "total": (
        {
            "input_tokens": 5,
            "text_input_tokens": 5,
            "output_tokens": 4,
            "text_output_tokens": 4,
            "total_tokens": 8,
        },
        "total_tokens",
    ),
    "total of one": ({"input_tokens": 5, "text_input_tokens": 5, "total_tokens": 4}, "total_tokens"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_parts_that_exceed_their_whole_are_found(name: str) -> None:
    quantities, at = TOO_MUCH[name]
    assert f"/quantities/{at}" in found(record(**quantities))


@pytest.mark.parametrize("name", TOO_MUCH)
def test_in_components_they_are_found_too(name: str) -> None:
    quantities, at = TOO_MUCH[name]
    inner = record(**quantities)
    part = {key: inner[key] for key in ("quantities", "basis", "unknown")}
    sound = {"quantities": {"requests": 2}, "basis": {"requests": "derived"}, "unknown": []}
    head = {"model": "m", "operation": "transcription"}
    whole = record(requests=2) | {
        "operation": "realtime",
        "components": [{**head, **sound}, {**head, **part}],
    }
    assert set(found(whole)) >= {f"/components/1/quantities/{at}"}
    assert not any(pointer.startswith("/components/0") for pointer in found(whole))


TOKENS = (
    "input_tokens", "text_input_tokens", "audio_input_tokens", "cached_input_tokens", "output_tokens",
    "cached_text_input_tokens", "text_output_tokens", "audio_output_tokens", "reasoning_output_tokens",
    "total_tokens",
)  # fmt: skip


def test_no_usage_that_price_refuses_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw = random.Random(7)
    file = tmp_path / "usage.json"
    words = ["price", str(file), "--prices", f"{BOOKS}/conformance.json"]
    refusals = 0
    for _ in range(200):
        usage = record(
            **{name: draw.choice([0, 1, 2, 5, 9]) for name in draw.sample(TOKENS, draw.randint(1, 5))}
        )
        file.write_text(jsonio.dumps(usage), "utf-8")
        if refused(words, capsys):
            refusals += 1
            assert found(usage), usage["quantities"]
    assert refusals > 50


# prices


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("1234567890123456", "has more than 15 digits before the point or 30 after it"),
        ("1234567890123456.5", "has more than 15 digits before the point or 30 after it"),
        ("0." + "1" * 31, "has more than 15 digits before the point or 30 after it"),
        ("1e-6", "must be a decimal string as published"),
        ("-1", "must be a decimal string as published"),
        (".5", "must be a decimal string as published"),
        ("01", "must be a decimal string as published"),
        ("\uff11", "must be a decimal string as published"),
    ],
)
def test_an_amount_that_rate_would_refuse_is_found(amount: str, says: str) -> None:
    book = example("price-book")
    rates = book["entries"][0]["rates"]
    (rate,) = rates.values()
    rate["amount"] = amount
    (problem,) = found(book).values()
    assert problem.startswith(says)
    rate["amount"] = "123456789012345." + "1" * 30
    assert found(book) == {}


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in items:
        yield (*at, key)
        yield from places(member, (*at, key))


VALUES = ("0", "00", "-1", "1e3", "1.50", "9" * 16, "0." + "1" * 31, "", None, True, 5, [], {}, "2025-02-30")


def test_no_price_book_that_price_refuses_is_valid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(7)
    usage, file = tmp_path / "usage.json", tmp_path / "book.json"
    usage.write_text(jsonio.dumps(record(requests=2)), "utf-8")
    books = [jsonio.load_file(path) for path in sorted(BOOKS.glob("*.json"))]
    refusals = 0
    for _ in range(200):
        chosen = draw.choice(books)
        book = {**copy.deepcopy(chosen), "entries": [copy.deepcopy(draw.choice(chosen["entries"]))]}
        *path, last = draw.choice(list(places(book)))
        place: Any = book
        for step in path:
            place = place[step]
        place[last] = draw.choice(VALUES)
        file.write_text(jsonio.dumps(book), "utf-8")
        if refused(["price", str(usage), "--prices", str(file)], capsys):
            refusals += 1
            assert found({**book, "$schema": schemas.schema_id("price-book")}), ((*path, last), place[last])
    assert refusals > 50
