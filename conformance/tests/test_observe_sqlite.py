"""Records in a gateway's own SQLite file are read without touching it."""

from __future__ import annotations

import contextlib
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill.declaration import Cost, Source
from decibill.observe import observe_ledger
from decibill.observe_ledger import SentCall
from decibill.observe_sqlite import SqliteLedger
from decibill.statements import Kind
from tests.driven import PRICE, declared, run, variant

QUERY = "select id, model, tokens, cost, raw from log order by id"
LOG = Source(
    "log",
    "sqlite",
    "ledger",
    query=QUERY,
    match={"/model": ("{case.model}",)},
    identity=("/id",),
    cost=Cost("/cost"),
    usage={"input_tokens": ("/tokens",)},
)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "a folder" / "log 1.db"
    file.parent.mkdir()
    write(file, "create table log (id text, model text, tokens integer, cost float, raw blob)")
    return file


def write(file: Path, statement: str, *values: Any) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement, values)


def row(file: Path, name: str, cost: float | None, model: str = "m") -> None:
    write(file, "insert into log values (?, ?, 24, ?, x'00ff')", name, model, cost)


def ledger(file: Path, **changes: Any) -> SqliteLedger:
    facts: dict[str, Any] = {"source": LOG, "file": file, **changes}
    made = SqliteLedger(**facts)
    made.sent += [SentCall("one", 0, {"case.model": "m"}), SentCall("two", 0, {"case.model": "n"})]
    return made


def test_a_row_states_its_columns_and_a_float_its_own_digits(database: Path) -> None:
    row(database, "a", 0.0001 * 8.5 + 1e-19)
    log = ledger(database)
    log.read()
    stated = observe_ledger(LOG, log.records(log.sent[0]), log.problem)
    assert stated.cost is not None
    assert stated.cost.text == repr(0.0001 * 8.5 + 1e-19)
    assert stated.cost.is_float
    assert stated.usage["input_tokens"].value == 24
    assert stated.cost.where == "/cost of a row of log 1.db"
    assert log.records(log.sent[1]) == ()


def test_null_is_unknown_and_bytes_are_no_number(database: Path) -> None:
    row(database, "a", None)
    log = ledger(database)
    log.read()
    (record,) = log.records(log.sent[0])
    assert record.document["raw"] == "2 bytes"
    stated = observe_ledger(LOG, [record], None)
    assert stated.cost is not None
    assert stated.cost.kind is Kind.UNKNOWN


def test_each_row_is_one_record_however_often_it_is_read(database: Path) -> None:
    row(database, "a", 1.0)
    log = ledger(database)
    log.read()
    row(database, "b", 1.0)
    log.read()
    log.read()
    assert [record.document["id"] for record in log.records(log.sent[0])] == ["a", "b"]


def test_rows_of_an_earlier_run_are_nobodys(database: Path) -> None:
    row(database, "old", 9.0)
    log = ledger(database)
    log.forget_what_is_there([])
    row(database, "new", 1.0)
    log.read()
    assert [record.document["id"] for record in log.records(log.sent[0])] == ["new"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("select absent from log", "no such column: absent"),
        ("select 1; drop table log", "one statement at a time"),
        ("select load_extension('x')", "not authorized"),
    ],
)
def test_a_query_that_cannot_be_carried_out_is_a_problem_of_the_source(
    database: Path, query: str, says: str
) -> None:
    source = Source("log", "sqlite", "ledger", query=query, identity=("/id",), cost=Cost("/cost"))
    log = ledger(database, source=source)
    log.read()
    assert (log.problem or "").startswith("log 1.db cannot be read: ")
    assert says in (log.problem or "")


def test_the_file_is_not_written_to_and_not_made(database: Path) -> None:
    source = Source("log", "sqlite", "ledger", query="delete from log", identity=("/id",), cost=Cost("/cost"))
    row(database, "a", 1.0)
    log = ledger(database, source=source)
    log.read()
    assert "readonly" in (log.problem or "")
    absent = database.with_name("absent.db")
    log = ledger(absent)
    log.read()
    assert "unable to open" in (log.problem or "")
    assert not absent.exists()


def test_a_run_reads_the_rows_of_a_gateway_that_it_drives(database: Path) -> None:
    data = declared(correlate={})
    data["observe"] = [
        {
            "id": "log",
            "from": "sqlite",
            "file": str(database),
            "query": QUERY,
            "match": {"/model": "{case.alias}"},
            "identity": ["/id"],
            "cost": {"pointer": "/cost"},
        }
    ]
    row(database, "old", 9.0, "test--one")
    calls: list[str] = []

    def charge(model: str) -> str:
        calls.append(model)
        row(database, f"call {len(calls)}", float(PRICE), model)
        return PRICE

    driven, _ = run([variant("one"), variant("two", {"repeat": 2})], data, cost=charge)
    one, two = driven.observations.values()
    assert [len(sources[0].records) for sources in (*one.sources, *two.sources)] == [1, 1, 1]
    cost = one.sources[0][0].cost
    assert cost is not None
    assert cost.value == Decimal(PRICE)
    assert only_ids(two.sources) == [['["call 3"]'], ['["call 4"]']]


def only_ids(sources: Any) -> list[list[str]]:
    return [list(each[0].records) for each in sources]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (
            "select (with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n)",
            "interrupted",
        ),
        ("select zeroblob(1000000000) as cost", "too big"),
        ("select hex(zeroblob(20000000)) as cost", "too big"),
    ],
    ids=["never ends", "a huge value", "a huge text"],
)
def test_a_query_is_bounded_in_time_and_size(
    database: Path, monkeypatch: pytest.MonkeyPatch, query: str, says: str
) -> None:
    monkeypatch.setattr("decibill.observe_sqlite._LONGEST_S", 0.1)
    source = Source("log", "sqlite", "ledger", query=query, identity=("/id",), cost=Cost("/cost"))
    log = ledger(database, source=source)
    log.read()
    assert says in (log.problem or "")
