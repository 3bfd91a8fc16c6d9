"""The command ``calculator``: one line of JSON in, one out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from decibill_reference.lines import answer, calculator

FIXTURES = Path(__file__).parents[2] / "fixtures"
BOOK = json.loads((FIXTURES / "price-books/conformance.json").read_text("utf-8"))


def case(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"cases/{name}.json").read_text("utf-8"))
    return found


def exchange_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = case(name)["given"]["upstream"][-1]["answers"][0]["exchange"]
    return found


def said(*lines: object, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.setenv("DECIBILL_FIXTURES", str(FIXTURES))
    text = "".join(f"{json.dumps(line)}\n\n" for line in lines)
    result = CliRunner().invoke(calculator, input=text, catch_exceptions=False)
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_an_exchange_becomes_usage_and_charge(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "azure/transcription-founding-report"
    book = json.loads((FIXTURES / case(name)["given"]["prices"]).read_text("utf-8"))
    (got,) = said({"id": "x", "exchange": exchange_of(name), "prices": book}, monkeypatch=monkeypatch)
    then = case(name)["then"]
    assert (got["id"], got["charge"]) == ("x", then["charge"])
    assert got["usage"]["quantities"] == then["usage"]["quantities"]
    assert got["calculator"] == {"name": "decibill reference calculator"}


def test_a_refusal_is_an_answer_and_the_next_line_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    got = said({"id": "x", "prices": BOOK}, {"id": "y", "charge": 3, "refund": {}}, monkeypatch=monkeypatch)
    assert [each["id"] for each in got] == ["x", "y"]
    assert [each["error"]["code"] for each in got] == ["unsupported_exchange", "malformed_body"]


def test_a_usage_record_is_priced_at_the_instant_asked_for() -> None:
    usage = answer(
        {"exchange": exchange_of("azure/transcription-founding-report"), "prices": BOOK}, FIXTURES
    )["usage"]
    early = {"usage": usage, "prices": BOOK, "at": "2020-01-01T00:00:00Z"}
    assert answer(early, FIXTURES)["charge"]["status"] == "unpriced"
    assert answer({"usage": usage, "prices": BOOK}, FIXTURES)["charge"]["status"] == "priced"


def test_a_charge_is_refunded_after_the_earlier_refunds() -> None:
    name = next(
        path.stem
        for path in sorted((FIXTURES / "cases/refund").glob("*.json"))
        if case(f"refund/{path.stem}")["given"].get("earlier")
        and "refund" in case(f"refund/{path.stem}")["then"]
    )
    found = case(f"refund/{name}")
    asked = {"charge": found["given"]["charge"], "refund": found["when"]["refund"]}
    assert (
        answer({**asked, "earlier": found["given"]["earlier"]}, FIXTURES)["refund"] == found["then"]["refund"]
    )


def test_a_price_book_can_stand_in_a_file() -> None:
    asked = {
        "exchange": exchange_of("azure/transcription-founding-report"),
        "prices_file": "price-books/conformance.json",
    }
    assert answer(asked, FIXTURES)["charge"] == answer({**asked, "prices": BOOK}, FIXTURES)["charge"]


@pytest.mark.parametrize("line", ["{", "[]"])
def test_a_line_that_is_no_object_ends_it(line: str) -> None:
    result = CliRunner().invoke(calculator, input=line)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "line 1: " in result.stderr
