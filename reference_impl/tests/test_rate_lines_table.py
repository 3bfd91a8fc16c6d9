"""A table of usage records comes to exactly what its rows come to one by one."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from click.testing import CliRunner, Result
from decibill_reference.charge import rate
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.files import load_price_book
from decibill_reference.prices import PriceBook
from decibill_reference.quantities import COUNTS, QUANTITIES
from decibill_reference.rate_lines import table as module
from decibill_reference.rate_lines.columns import KEYS, WORDS
from decibill_reference.rate_lines.command import totals
from decibill_reference.rate_lines.summary import Summary
from decibill_reference.rate_lines.table import is_linear, rate_table
from decibill_reference.usage import UsageRecord
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import drawn
from tests.corpus import FIXTURES
from tests.rating import AT, AUDIO_CHAT, book, entry

if TYPE_CHECKING:
    from collections.abc import Mapping

EVERY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ODD = ("-1", "x", "1.5", "784.0", "1e2", "0.1234567", "1000000000000000", "00012", "", "nan")
TIMES = (
    AT,
    "2025-01-01T00:00:00Z",
    "2024-12-31T23:59:59.999999Z",
    "2025-01-01T00:00:00.0000001Z",
    "2030-06-01T12:00:00.5Z",
    "2025-02-30T00:00:00Z",
    "2025-06-01T24:00:00Z",
    "2025-06-01T00:00:60Z",
    "2025-06-01",
    "0000-01-01T00:00:00Z",
    "",
)
HEAD = {"provider": "openai", "surface": "api", "operation": "chat", "model": "m", "at": AT}


def one_by_one(rows: list[dict[str, Any]], prices: PriceBook, at: str | None = None) -> Summary:
    """Return what the rows come to as usage records, each rated by itself."""
    summary = Summary()
    for row in rows:
        cells = {name: value for name, value in row.items() if value is not None and value != ""}
        quantities = {name: value for name, value in cells.items() if name in QUANTITIES}
        record = {
            **{name: value for name, value in cells.items() if name in KEYS and name not in WORDS},
            **{name: str(cells.get(name, "")).replace(",", " ").split() for name in WORDS},
            "at": cells.get("at"),
            "quantities": quantities,
            "basis": dict.fromkeys(quantities, cells.get("basis", "provider_reported")),
        }
        try:
            usage = UsageRecord.from_json(record)
            summary.add(usage.provider, usage.model, rate(usage, prices, at))
        except DecibillReferenceError as error:
            summary.refuse(error.code)
    return summary


def as_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    names = list({name: None for row in rows for name in row})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def as_parquet(path: Path, rows: list[dict[str, Any]], types: Mapping[str, str]) -> Path:
    """Write a table whose columns have *types*, every other one VARCHAR; a cell that is none is empty."""
    source = as_csv(path.with_suffix(".csv"), rows)
    names = list({name: None for row in rows for name in row})
    # The text is changed before it is cast, or the engine has its reader of CSV do it, which fails.
    wanted = ", ".join(
        f"""TRY_CAST(concat("{name}", '') AS {types.get(name, "VARCHAR")}) AS "{name}\"""" for name in names
    )
    with duckdb.connect(config={"threads": 1}) as connection:
        read = f"SELECT {wanted} FROM read_csv('{source}', header = true, all_varchar = true)"
        connection.execute(f"COPY ({read}) TO '{path}' (FORMAT parquet)")
    return path


@st.composite
def tables(draw: st.DrawFn) -> tuple[PriceBook, list[dict[str, Any]]]:
    """Draw a price book of two models with one change of prices, and rows that it is for, more or less."""
    modified = draw(st.booleans())
    first = draw(drawn.entries(modified=modified)) | {"id": "1", "until": "2025-01-01"}
    second = draw(drawn.entries(modified=modified)) | {"id": "2", "from": "2025-01-01"}
    other = draw(drawn.entries(modified=False)) | {"id": "3", "models": ["n"]}
    prices = PriceBook.from_json({"currency": "USD", "entries": [first, second, other]})
    kept = draw(st.sets(st.sampled_from(QUANTITIES), min_size=1))
    rows: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 6))):
        family = draw(st.sampled_from(sorted(drawn.FAMILIES)))
        found = draw(drawn.quantities(family, loose=draw(st.booleans())))
        row = {
            **HEAD,
            "model": draw(st.sampled_from(["m", "m", "n", "o"])),
            "at": draw(st.sampled_from([AT, *TIMES])),
            "features": draw(st.sampled_from(["", "one", "one two", "two, one"])),
            "unknown": draw(st.sampled_from(["", "", "input_tokens", "tts_characters"])),
            "flags": draw(st.sampled_from(["", "", "error_response"])),
            **{name: value for name, value in found.items() if name in kept},
        }
        present = [name for name in row if name in QUANTITIES]
        if present and draw(st.integers(0, 9)) == 0:
            row[draw(st.sampled_from(present))] = draw(st.sampled_from(ODD))
        if draw(st.integers(0, 9)) == 0:
            row[draw(st.sampled_from(["provider", "surface", "region", "basis", "model"]))] = draw(
                st.sampled_from(["", "x", "media"])
            )
        if present and draw(st.booleans()):
            row = {
                name: value
                for name, value in row.items()
                if name not in draw(st.sets(st.sampled_from(present)))
            }
        rows += [row] * draw(st.integers(1, 3))
    return prices, rows


@given(table=tables(), at=st.sampled_from([None, "2024-06-01T00:00:00Z"]))
@EVERY
def test_a_csv_log_comes_to_what_its_records_do(tmp_path: Path, table: Any, at: str | None) -> None:
    prices, rows = table

    got = rate_table(as_csv(tmp_path / "log.csv", rows), prices, at, threads=1)

    assert got.summary.to_json() == one_by_one(rows, prices, at).to_json()


def cells(path: Path, types: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file as usage records have them, an instant as its text."""
    typed = types["at"] != "VARCHAR"
    at = "strftime(make_timestamp(epoch_us(\"at\")), '%Y-%m-%dT%H:%M:%S.%fZ')" if typed else '"at"'
    with duckdb.connect(config={"threads": 1}) as connection:
        read = f'SELECT * REPLACE ({at} AS "at") FROM read_parquet({str(path)!r})'
        found = connection.execute(read)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@given(
    table=tables(),
    count=st.sampled_from(["BIGINT", "INTEGER", "DOUBLE", "DECIMAL(20,2)", "UBIGINT", "HUGEINT"]),
    decimal=st.sampled_from(["DECIMAL(18,6)", "DECIMAL(30,9)", "DECIMAL(18,0)", "BIGINT", "DOUBLE"]),
    moment=st.sampled_from(["TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_NS", "TIMESTAMP_MS", "VARCHAR"]),
)
@EVERY
def test_a_parquet_log_comes_to_what_its_cells_say(
    tmp_path: Path, table: Any, count: str, decimal: str, moment: str
) -> None:
    prices, rows = table
    types = {name: count if name in COUNTS else decimal for name in QUANTITIES} | {"at": moment}
    path = as_parquet(tmp_path / "log.parquet", rows, types)

    got = rate_table(path, prices, threads=1)

    assert got.summary.to_json() == one_by_one(cells(path, types), prices).to_json()


ROW = {**HEAD, "text_input_tokens": "19", "audio_input_tokens": "8", "input_tokens": "27"}


def test_rows_of_equal_signs_are_rated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rated: list[UsageRecord] = []
    monkeypatch.setattr(module, "rate", lambda usage, *rest: rated.append(usage) or rate(usage, *rest))
    rows = [
        {**ROW, "text_input_tokens": str(number), "input_tokens": str(number + 8)} for number in range(500)
    ]

    got = rate_table(as_csv(tmp_path / "log.csv", rows), book(entry(AUDIO_CHAT))).summary

    assert len(rated) == 2  # one without text, all others
    assert got.to_json() == one_by_one(rows, book(entry(AUDIO_CHAT))).to_json()


def test_rows_whose_sum_has_more_digits_than_a_quantity_may_have_are_summed(tmp_path: Path) -> None:
    row = {**HEAD, "text_input_tokens": "9" * 15}
    prices = book(entry(AUDIO_CHAT))

    got = rate_table(as_csv(tmp_path / "log.csv", [row] * 40), prices).summary

    assert got.to_json() == one_by_one([row] * 40, prices).to_json()


def test_a_price_that_cannot_be_held_is_rounded_for_each_record(tmp_path: Path) -> None:
    prices = book(entry({"audio_duration_seconds": {"amount": "0.22", "per": "3600"}}))
    rows = [{**HEAD, "audio_duration_seconds": seconds} for seconds in ("1", "1", "2.5", "7")]

    got = rate_table(as_csv(tmp_path / "log.csv", rows), prices).summary

    assert got.to_json()["totals"] == [{"currency": "USD", "total": "0.000702777778", "complete": True}]
    assert got.to_json() == one_by_one(rows, prices).to_json()


def test_an_ambiguous_price_refuses_every_row(tmp_path: Path) -> None:
    twice = book(entry(AUDIO_CHAT), {**entry(AUDIO_CHAT), "id": "f"})

    got = rate_table(as_csv(tmp_path / "log.csv", [ROW] * 3), twice).summary

    assert got.refused == {"ambiguous_price": 3}


@pytest.mark.parametrize("time", ["", "2025-02-30T00:00:00Z", "today"])
def test_a_row_without_a_time_is_refused_beside_equal_ones_that_have_one(tmp_path: Path, time: str) -> None:
    prices = book(entry({"requests": {"amount": "0.01", "per": "1"}}))
    rows = [{**HEAD, "at": time}, HEAD, {**HEAD, "at": time}]

    got = rate_table(as_csv(tmp_path / "log.csv", rows), prices).summary

    assert got.refused == {"missing_time": 2}
    assert got.to_json() == one_by_one(rows, prices).to_json()


LINEAR: dict[str, Any] = {"audio_duration_seconds": {"amount": "0.006", "per": "60"}}
SECONDS = LINEAR["audio_duration_seconds"]


@pytest.mark.parametrize(
    ("rates", "changes", "linear"),
    [
        (AUDIO_CHAT, {}, True),
        (LINEAR, {}, True),
        (LINEAR, {"multiplier": "0.5"}, True),
        (LINEAR, {"addons": {"one": {"percent": "25"}}}, True),
        (LINEAR, {"multiplier": "0.0001"}, False),
        (LINEAR, {"addons": {"one": {"percent": "0.001"}}}, False),
        (LINEAR, {"addons": {"one": {"amount": "1", "per": "3"}}}, False),
        (LINEAR, {"addons": {"one": {"percent": "25", "minimum": "10"}}}, False),
        ({"audio_duration_seconds": {**SECONDS, "amount": "0.0043"}}, {}, False),
        ({"audio_duration_seconds": {**SECONDS, "step": "15"}}, {}, False),
        ({"audio_duration_seconds": {**SECONDS, "minimum": "10"}}, {}, False),
        ({"audio_duration_seconds": {**SECONDS, "multiply_by": "audio_channels"}}, {}, False),
        (
            {
                "audio_duration_seconds": {
                    **SECONDS,
                    "tiers": {"by": "audio_duration_seconds", "steps": [{"above": "9", "amount": "0"}]},
                }
            },
            {},
            False,
        ),
        ({"requests": {"amount": "0.01", "per": "1"}}, {}, False),
        ({**LINEAR, "requests": {"amount": "0.01", "per": "1"}}, {}, False),
    ],
)
def test_prices_are_plain_where_twice_the_quantity_costs_twice_as_much(
    rates: dict[str, Any], changes: dict[str, Any], linear: bool
) -> None:
    (found,) = book(entry(rates, **changes)).entries

    assert is_linear(found) is linear


def test_most_list_prices_are_plain() -> None:
    prices = load_price_book(max((FIXTURES / "price-books").glob("public-*.json")))

    plain = [found for found in prices.entries if is_linear(found)]
    assert len(plain) > len(prices.entries) / 2


@pytest.mark.parametrize("moment", ["TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_NS", "TIMESTAMP_MS", "VARCHAR"])
@pytest.mark.parametrize("count", ["BIGINT", "UTINYINT", "DOUBLE", "DECIMAL(9,2)", "VARCHAR"])
def test_cells_of_every_type_are_read_for_what_they_say(tmp_path: Path, count: str, moment: str) -> None:
    prices = book(entry(AUDIO_CHAT))
    types = {"text_input_tokens": count, "audio_input_tokens": count, "at": moment}
    path = as_parquet(tmp_path / "log.parquet", [ROW, {**ROW, "at": ""}, {**ROW, "at": "0000-01-01"}], types)

    got = rate_table(path, prices, threads=1).summary

    assert got.to_json()["totals"] == [{"currency": "USD", "total": "0.0003035", "complete": False}]
    assert got.refused == {"missing_time": 2}


def test_a_fraction_of_a_token_is_refused_where_the_column_can_hold_one(tmp_path: Path) -> None:
    types = {"text_input_tokens": "DOUBLE"}
    rows = [{**HEAD, "text_input_tokens": cell} for cell in ("1.5", "nan", "12", "1e15")]

    got = rate_table(as_parquet(tmp_path / "log.parquet", rows, types), book(entry(AUDIO_CHAT))).summary

    assert (got.lines, got.refused) == (4, {"invalid_number": 3})


# What is no table, and what cannot be read as one


def totals_of(*arguments: str) -> Result:
    return CliRunner().invoke(totals, arguments)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book.json").write_text(json.dumps({"currency": "USD", "entries": [entry(AUDIO_CHAT)]}))
    return tmp_path


def test_tables_and_summaries_are_added_up(folder: Path) -> None:
    as_csv(folder / "one.csv", [{**ROW, "request_id": "x", "user": "y"}])
    as_parquet(folder / "two.parquet", [ROW, {**ROW, "text_input_tokens": "28"}], {"at": "TIMESTAMP"})
    first = totals_of("one.csv", "--prices", "book.json", "--threads", "1")
    (folder / "one.json").write_text(first.stdout)

    result = totals_of("one.json", "two.parquet", "--prices", "book.json")

    assert (first.exit_code, result.exit_code) == (0, 1)
    assert "decibill: one.csv: columns that are not read: request_id, user\n" in first.stderr
    (total,) = json.loads(result.stdout)["totals"]
    assert total == {"currency": "USD", "total": "0.000607", "complete": False}
    assert "3 lines, 1 of them refused" in result.stderr


def test_tables_are_priced_at_list_prices_by_default(folder: Path) -> None:
    as_csv(folder / "log.CSV", [{**ROW, "model": "gpt-4o-audio-preview"}])

    result = totals_of("log.CSV", "--at", "2026-01-01T00:00:00Z")

    assert result.exit_code == 0
    assert "list prices of public-" in result.stderr


def test_a_compressed_csv_log_is_read(folder: Path) -> None:
    with gzip.open(folder / "log.csv.gz", "wb") as file:
        file.write(as_csv(folder / "log.csv", [ROW]).read_bytes())

    assert json.loads(totals_of("log.csv.gz", "--prices", "book.json").stdout)["lines"] == 1


def test_lists_of_words_are_read(folder: Path) -> None:
    types = {"features": "VARCHAR[]", "flags": "VARCHAR[]"}
    as_parquet(folder / "log.parquet", [{**ROW, "flags": "[error_response]", "features": "[]"}], types)

    (row,) = json.loads(totals_of("log.parquet", "--prices", "book.json").stdout)["charges"]
    assert row["status"] == "not_billable"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "log.csv",
            "model,surface\nm,api\n",
            "log.csv: has no column provider and none operation and none at",
        ),
        ("log.parquet", "no such thing", "log.parquet: cannot be read as a table: "),
        ("log.txt", "no such thing", "log.txt: not JSON"),
    ],
)
def test_what_is_no_log_is_told(folder: Path, name: str, content: str, message: str) -> None:
    (folder / name).write_text(content)

    result = totals_of(name, "--prices", "book.json")

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_without_the_engine_it_is_said_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    as_csv(folder / "log.csv", [ROW])

    result = totals_of("log.csv", "--prices", "book.json")

    assert result.exit_code == 2
    assert "log.csv: is a table, which needs DuckDB: pip install 'decibill[table]'" in result.stderr
