from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from decibill_reference.ledger import Ledger, LedgerError, LedgerRow, timestamp

if TYPE_CHECKING:
    from pathlib import Path

ROW = LedgerRow(
    id="call-1",
    at="2026-11-21T12:00:00.000000Z",
    alias="transcribe",
    provider="azure",
    model="gpt-4o-mini-transcribe",
    operation="transcription",
    http_status=200,
    attempts=1,
    complete=True,
    status="priced",
    cost="0.003527",
    usage={"quantities": {"input_tokens": 784}},
    charge={"total": "0.003527"},
)


def record(ledger: Ledger, *rows: LedgerRow) -> None:
    asyncio.run(ledger.record(*rows))


def at(second: int) -> str:
    return timestamp(datetime(2026, 11, 21, 12, 0, second, tzinfo=UTC))


def test_a_row_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite") as ledger:
        record(ledger, ROW)

        assert ledger.find("call-1") == ROW


def test_a_cost_that_is_not_known_stays_null(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite") as ledger:
        record(ledger, replace(ROW, status="refused", cost=None, error={"code": "inconsistent_usage"}))
        with closing(sqlite3.connect(ledger.path)) as connection:
            stored = connection.execute("SELECT cost FROM usage").fetchone()
        found = ledger.find("call-1")

    assert stored == (None,)
    assert found is not None
    assert found.to_json()["cost"] is None
    assert found.to_json()["error"] == {"code": "inconsistent_usage"}


def test_a_call_that_is_not_there_is_none(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite") as ledger:
        assert ledger.find("nobody") is None


def test_a_second_row_of_one_call_is_refused(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite") as ledger:
        record(ledger, ROW)
        with pytest.raises(LedgerError, match="UNIQUE"):
            record(ledger, replace(ROW, cost="9"))

        assert ledger.rows() == [ROW]


def test_a_row_that_is_refused_takes_no_other_with_it(tmp_path: Path) -> None:
    async def together(ledger: Ledger) -> list[object]:
        rows = [replace(ROW, id=name) for name in ("a", "b", "a", "c")]
        return await asyncio.gather(*(ledger.record(row) for row in rows), return_exceptions=True)

    with Ledger(tmp_path / "usage.sqlite") as ledger:
        results = asyncio.run(together(ledger))

        assert [row.id for row in ledger.rows()] == ["a", "b", "c"]
    assert [type(result) for result in results].count(LedgerError) == 1


def test_many_rows_at_once_are_all_written(tmp_path: Path) -> None:
    async def together(ledger: Ledger) -> None:
        await asyncio.gather(*(ledger.record(replace(ROW, id=f"{n:04}")) for n in range(1200)))

    with Ledger(tmp_path / "usage.sqlite") as ledger:
        asyncio.run(together(ledger))

        assert len(ledger.rows(limit=2000)) == 1200


def test_rows_are_listed_by_time_from_since_up_to_but_not_including_until(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite") as ledger:
        record(ledger, *(replace(ROW, id=str(second), at=at(second)) for second in (3, 1, 2, 4)))

        assert [row.id for row in ledger.rows()] == ["1", "2", "3", "4"]
        assert [row.id for row in ledger.rows(since=at(2), until=at(4))] == ["2", "3"]
        assert [row.id for row in ledger.rows(limit=2)] == ["1", "2"]


def test_a_whole_second_sorts_before_its_fractions() -> None:
    assert timestamp(datetime(2026, 1, 1, tzinfo=UTC)) < timestamp(
        datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC)
    )


def test_a_ledger_is_opened_again_with_what_it_held(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with Ledger(tmp_path / "deep" / "usage.sqlite") as ledger:
            record(ledger, replace(ROW, id=name))

    with Ledger(tmp_path / "deep" / "usage.sqlite") as ledger:
        assert [row.id for row in ledger.rows()] == ["a", "b"]


def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite") as ledger, closing(ledger._connect()) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_what_was_asked_to_be_written_is_written_when_the_ledger_is_closed(tmp_path: Path) -> None:
    async def ask_and_leave(ledger: Ledger) -> None:
        task = asyncio.create_task(ledger.record(ROW))
        await asyncio.sleep(0)
        task.cancel()

    path = tmp_path / "usage.sqlite"
    with Ledger(path) as ledger:
        asyncio.run(ask_and_leave(ledger))
    with Ledger(path) as ledger:
        assert ledger.find("call-1") == ROW


@pytest.mark.parametrize("content", [b"not a database at all, only some text of some length" * 20, None])
def test_a_file_that_is_no_ledger_is_refused_with_its_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "usage.sqlite"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)

    with pytest.raises(LedgerError, match=r"usage\.sqlite"), Ledger(path):
        pass


def test_a_ledger_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "usage.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")

    with pytest.raises(LedgerError, match="format 7"), Ledger(path):
        pass
