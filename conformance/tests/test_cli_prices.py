"""``decibill prices``: data on standard output, what was not carried over on standard error."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from decibill.cli.prices import prices
from decibill.errors import InvalidDataError, InvalidFileError, UnknownNameError

ROW = """{"CostName": "whisper-1", "PricingModel": 10, "AudioCostPerMinute": 0.0060,
          "EmbeddingCostPerMillionTokens": 1}"""
GIVEN = ["--provider", "openai", "--read", "2026-11-21"]


def call(*arguments: str | Path, given: str | None = None) -> Result:
    return CliRunner().invoke(
        prices, [str(one) for one in arguments], input=given, standalone_mode=False, catch_exceptions=False
    )


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "costs.json"
    file.write_text(f"[{ROW}]", encoding="utf-8")
    return file


@pytest.fixture
def book(tmp_path: Path) -> Path:
    entry = {
        "id": "e",
        "provider": "openai",
        "models": ["whisper-1"],
        "from": "2026-01-01",
        "until": "2027-01-01",
        "pricing_model": "audio_per_minute",
        "rates": {"audio_duration_seconds": {"amount": "0.006", "per": "60", "step": "1"}},
        "source": {"url": "https://example.com/", "read": "2026-11-21"},
    }
    file = tmp_path / "book.json"
    file.write_text(json.dumps({"currency": "USD", "entries": [entry]}), encoding="utf-8")
    return file


def test_reading_prints_the_book_and_lists_the_rest(rows: Path) -> None:
    result = call("read", "conduit", rows, *GIVEN)
    assert json.loads(result.stdout) == {
        "currency": "USD",
        "entries": [
            {
                "id": "conduit/openai/whisper-1/audio_per_minute/2026-11-21",
                "provider": "openai",
                "models": ["whisper-1"],
                "from": "2026-11-21",
                "pricing_model": "audio_per_minute",
                "rates": {"audio_duration_seconds": {"amount": "0.0060", "per": "60"}},
                "source": {
                    "url": "urn:decibill:prices:conduit",
                    "read": "2026-11-21",
                    "note": "Conduit: /0 of costs.json",
                },
            }
        ],
    }
    assert result.stderr.splitlines() == [
        f"{rows} at /0/EmbeddingCostPerMillionTokens: nothing in a price book stands for it",
        "1 not carried over",
    ]


def test_writing_prints_the_list_with_numbers_in_plain_digits(book: Path) -> None:
    result = call("write", "conduit", book)
    assert json.loads(result.stdout, parse_float=Decimal) == [
        {
            "CostName": "whisper-1",
            "PricingModel": 10,
            "EffectiveDate": "2026-01-01T00:00:00Z",
            "ExpiryDate": "2027-01-01T00:00:00Z",
            "AudioCostPerMinute": Decimal("0.006"),
        }
    ]
    assert result.stderr.splitlines() == [
        f"{book} at /entries/0/rates/audio_duration_seconds/step: the list has no member for step",
        "1 not carried over",
    ]


@pytest.mark.parametrize(
    ("command", "member", "item"),
    [
        (
            "read",
            "book",
            {
                "pointer": "/0/EmbeddingCostPerMillionTokens",
                "reason": "no_meaning",
                "problem": "nothing in a price book stands for it",
            },
        ),
        (
            "write",
            "prices",
            {
                "pointer": "/entries/0/rates/audio_duration_seconds/step",
                "reason": "modifier",
                "problem": "the list has no member for step",
            },
        ),
    ],
)
def test_as_json_the_rest_is_part_of_the_output(
    command: str, member: str, item: dict[str, str], rows: Path, book: Path
) -> None:
    file, options = (rows, GIVEN) if command == "read" else (book, [])
    alone = call(command, "conduit", file, *options)
    whole = json.loads(call(command, "conduit", file, *options, "--format", "json").stdout)
    assert whole == {member: json.loads(alone.stdout), "not_carried": [item]}


def test_nothing_is_said_where_everything_is_carried_over() -> None:
    result = call("read", "conduit", "-", *GIVEN, given='[{"CostName": "m", "AudioCostPerMinute": 1}]')
    assert result.stderr == ""


def test_what_is_read_can_be_written_again(rows: Path) -> None:
    read = call("read", "conduit", rows, *GIVEN)
    written = call("write", "conduit", "-", given=read.stdout)
    assert json.loads(written.stdout, parse_float=str)[0]["AudioCostPerMinute"] == "0.006"


def test_the_day_of_reading_is_today_and_prices_hold_from_it(rows: Path) -> None:
    before = datetime.now(UTC).date().isoformat()
    entry = json.loads(call("read", "conduit", rows, "--provider", "openai").stdout)["entries"][0]
    assert before <= entry["from"] == entry["source"]["read"] <= datetime.now(UTC).date().isoformat()


def test_from_and_source_can_be_given(rows: Path) -> None:
    options = ["--from", "2026-01-01T00:00:00Z", "--source", "https://example.com/prices"]
    entry = json.loads(call("read", "conduit", rows, *GIVEN, *options).stdout)["entries"][0]
    assert entry["from"] == "2026-01-01T00:00:00Z"
    assert entry["source"]["url"] == "https://example.com/prices"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--from", "yesterday", "is neither a date"),
        ("--read", "2026-02-30", "is neither a date"),
        ("--source", "the web", "is no address"),
    ],
)
def test_an_option_that_means_nothing_is_refused(option: str, value: str, said: str, rows: Path) -> None:
    result = CliRunner().invoke(prices, ["read", "conduit", str(rows), option, value])
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_instant_of_the_prices_can_be_given(book: Path) -> None:
    assert json.loads(call("write", "litellm", book, "--at", "2026-12-31").stdout) != {}
    late = call("write", "litellm", book, "--at", "2027-01-01")
    assert json.loads(late.stdout) == {}
    assert "at /entries/0: holds from 2026-01-01 until 2027-01-01" in late.stderr


def test_control_characters_of_a_foreign_file_do_not_reach_the_terminal() -> None:
    result = call("read", "conduit", "-", *GIVEN, given='[{"CostName": "m", "\\u001b[31m": 1}]')
    assert "\x1b" not in result.stderr
    assert "/0/?[31m" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "given", "error", "said"),
    [
        (["read", "condui", "-"], "[]", UnknownNameError, "no gateway 'condui'; did you mean conduit"),
        (["read", "conduit", "nowhere.json"], None, InvalidFileError, "nowhere.json: cannot be read"),
        (["read", "conduit", "-"], "[1,", InvalidFileError, "standard input: not JSON"),
        (
            ["read", "conduit", "-"],
            '[{"CostName": "m", "CostName": "n"}]',
            InvalidFileError,
            "standard input at /0/CostName: the key 'CostName' stands twice",
        ),
        (["read", "conduit", "-"], "5", InvalidFileError, "standard input at /: must be an array of entries"),
        (
            ["write", "conduit", "-"],
            '{"currency": "USD", "entries": [{"id": 5}]}',
            InvalidDataError,
            "standard input at /entries/0",
        ),
    ],
)
def test_a_mistake_is_named_with_its_file_and_place(
    arguments: list[str], given: str | None, error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught:
        call(*arguments, given=given)
    assert said in str(caught.value)


def test_the_members_of_a_page_are_not_confused_with_prices() -> None:
    page: dict[str, Any] = {"data": [json.loads(ROW)], "pagination": {"totalCount": 1}}
    found = json.loads(call("read", "conduit", "-", *GIVEN, given=json.dumps(page)).stdout)
    assert len(found["entries"]) == 1
