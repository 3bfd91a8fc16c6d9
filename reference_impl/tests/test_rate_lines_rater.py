"""What one line comes to, and a chunk of them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill_reference.charge import rate
from decibill_reference.files import load_price_book
from decibill_reference.rate_lines import rater as module
from decibill_reference.rate_lines.chunks import Chunk
from decibill_reference.rate_lines.rater import Done, Rater
from decibill_reference.rate_lines.summary import Group, Tally
from tests.corpus import FIXTURES, exchanges, readable
from tests.rating import AUDIO_CHAT, book, entry

NAME = "azure/transcription-founding-report"
EXCHANGE = exchanges()[NAME]
USAGE = readable()[NAME].to_json()
BOOK = load_price_book(FIXTURES / "price-books" / "conformance.json")
CHARGE = rate(readable()[NAME], BOOK).to_json()
UNTOLD = "neither an exchange (with a response), nor a usage record (with quantities)"


def done(*lines: object, first: int = 1, **options: Any) -> Done:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    content = "".join(f"{text}\n" for text in texts).encode("utf-8", "surrogatepass")
    return Rater(BOOK, **options).chunk(Chunk(first, content))


def answers(*lines: object, **options: Any) -> list[Any]:
    return [json.loads(line) for line in done(*lines, **options).output.splitlines()]


def test_an_exchange_gives_its_usage_and_its_charge() -> None:
    assert answers(EXCHANGE) == [{"usage": USAGE, "charge": CHARGE}]


@pytest.mark.parametrize(
    "line", [USAGE, {"usage": USAGE}, {"usage": USAGE, "charge": CHARGE}], ids=["itself", "member", "rated"]
)
def test_a_usage_record_gives_its_charge(line: Any) -> None:
    assert answers(line) == [{"charge": CHARGE}]


def test_an_exchange_can_be_a_member() -> None:
    assert answers({"id": 7, "exchange": EXCHANGE}) == [{"id": 7, "usage": USAGE, "charge": CHARGE}]


@pytest.mark.parametrize("name", ["call-1", 17, ""])
@pytest.mark.parametrize("line", [EXCHANGE, USAGE, {"usage": {}}])
def test_what_a_line_is_called_is_said_again(line: dict[str, Any], name: Any) -> None:
    assert [answer["id"] for answer in answers({**line, "id": name})] == [name]


@pytest.mark.parametrize("name", [None, True, [1], {"a": 1}, 1.5])
def test_what_is_no_name_is_not(name: Any) -> None:
    assert answers({**USAGE, "id": name}) == [{"charge": CHARGE}]


def test_empty_lines_are_counted_but_not_answered() -> None:
    got = done("", USAGE, "  \r", "{")

    assert [refused.line for refused in got.refused] == [4]
    assert len(got.output.splitlines()) == got.summary.lines == 2


def test_windows_line_ends_and_a_byte_order_mark_are_no_faults() -> None:
    assert answers("\ufeff" + json.dumps(USAGE) + "\r", USAGE) == [{"charge": CHARGE}] * 2


@pytest.mark.parametrize(
    ("line", "code", "pointer"),
    [
        ("{", "malformed_body", ""),
        ("\udc80", "malformed_body", ""),
        ("[]", "malformed_body", ""),
        ({"charge": CHARGE}, "malformed_body", ""),
        ('{"id": "x", "id": "y"}', "duplicate_key", "/id"),
        ({**USAGE, "quantities": {"input_tokens": -1}}, "negative_quantity", "/quantities/input_tokens"),
        ({"usage": None}, "malformed_body", "/usage"),
        ({"usage": {**USAGE, "at": None}}, "missing_time", "/usage/at"),
        ({"exchange": {**EXCHANGE, "provider": "x"}}, "unsupported_exchange", "/exchange/provider"),
    ],
)
def test_a_bad_line_is_answered_with_its_number(line: Any, code: str, pointer: str) -> None:
    got = done(USAGE, line, USAGE, first=41)

    good, bad, _ = (json.loads(text) for text in got.output.splitlines())
    assert good == {"charge": CHARGE}
    assert (bad["line"], bad["error"]["code"], bad["error"]["pointer"]) == (42, code, pointer)
    assert [(each.line, each.error.code) for each in got.refused] == [(42, code)]
    assert got.summary.refused == {code: 1}


def test_a_line_that_could_be_neither_is_told_what_it_could_be() -> None:
    assert UNTOLD in answers({"tokens": 3})[0]["error"]["message"]


def test_a_line_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 40)

    assert "more than 40 bytes" in answers("{}" + " " * 39)[0]["error"]["message"]
    assert UNTOLD in answers("{}" + " " * 38)[0]["error"]["message"]


def test_of_many_bad_lines_all_are_answered_and_the_first_are_kept() -> None:
    got = done(*["{"] * 50)

    assert (len(got.output.splitlines()), got.summary.refusals) == (50, 50)
    assert [bad.line for bad in got.refused] == list(range(1, 21))


def test_a_strict_chunk_ends_with_its_first_bad_line() -> None:
    got = done(USAGE, "{", USAGE, "{", strict=True)

    assert len(got.output.splitlines()) == 2
    assert (got.summary.lines, len(got.refused)) == (2, 1)


def test_prices_can_be_those_of_another_instant() -> None:
    assert answers(USAGE, at="1999-01-01T00:00:00Z")[0]["charge"]["status"] == "unpriced"


def test_a_price_that_is_ambiguous_refuses_the_line() -> None:
    twice = book(entry(AUDIO_CHAT), {**entry(AUDIO_CHAT), "id": "f"})
    record = {**USAGE, "provider": "openai", "model": "m"}

    got = Rater(twice).chunk(Chunk(1, json.dumps({"usage": record}).encode()))

    assert got.summary.refused == {"ambiguous_price": 1}


def test_files_of_an_exchange_are_found_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(json.dumps(EXCHANGE["response"]["json"]))
    loose = {**EXCHANGE, "response": {"status": 200, "json_file": "body.json"}}

    assert answers(loose, root=tmp_path)[0]["charge"] == CHARGE


@pytest.mark.parametrize("name", ["caf\u00e9", "\x7f\x9b2J", "\u202etxt", "\ud83d"])
def test_text_beyond_ascii_arrives_and_steers_no_terminal(name: str) -> None:
    output = done(json.dumps({**USAGE, "id": name})).output

    assert json.loads(output)["id"] == name
    assert ("caf\u00e9".encode() in output) == (name == "caf\u00e9")
    assert not any(byte in output for byte in (b"\x7f", b"\xc2\x9b", b"\xe2\x80\xae"))


def test_the_summary_counts_what_was_printed() -> None:
    got = done(USAGE, {**USAGE, "model": "gpt-9"}, USAGE, "{")

    provider, model = USAGE["provider"], USAGE["model"]
    assert got.summary.groups == {
        Group(provider, model, "priced", "USD"): Tally(2, 2 * Decimal(CHARGE["total"])),
        Group(provider, "gpt-9", "unpriced", "USD"): Tally(1, Decimal(0)),
    }
    assert (got.summary.lines, got.summary.refusals) == (4, 1)
