"""What a ledger does when its file is locked, its disk is full, or what it is given cannot be written."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from decibill_reference import ledger as ledger_module
from decibill_reference.ledger import Ledger, LedgerError
from tests.test_ledger import ROW, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MANY = 50


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold the file as another program would that writes to it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other
        other.execute("ROLLBACK")


def record_many(ledger: Ledger, names: list[str]) -> list[BaseException | None]:
    async def together() -> list[BaseException | None]:
        rows = [replace(ROW, id=name) for name in names]
        return await asyncio.gather(*(ledger.record(row) for row in rows), return_exceptions=True)

    return asyncio.run(together())


def test_a_lock_that_is_let_go_delays_a_row_and_loses_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite", busy_s=60) as ledger:
        other = sqlite3.connect(ledger.path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        letting_go = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        letting_go.start()
        record(ledger, ROW)
        letting_go.join()
        other.close()

        assert ledger.find("call-1") == ROW


def test_a_lock_that_stays_fails_all_that_wait(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite", busy_s=0.05) as ledger:
        with locked(ledger.path):
            failures = record_many(ledger, [f"{n}" for n in range(MANY)])
        record(ledger, ROW)

        assert [type(failure) for failure in failures] == [LedgerError] * MANY
        assert [row.id for row in ledger.rows()] == ["call-1"]


@pytest.mark.parametrize(
    ("error", "tries"),
    [(sqlite3.SQLITE_BUSY, [4]), (sqlite3.SQLITE_FULL, [4, 2, 1, 1, 2, 1, 1])],
    ids=["a lock", "a full disk"],
)
def test_a_lock_is_waited_for_once_and_not_once_for_each_call(
    monkeypatch: pytest.MonkeyPatch, error: int, tries: list[int]
) -> None:
    tried: list[int] = []

    def failing(_: object, batch: Sequence[Waiting]) -> sqlite3.Error:
        tried.append(len(batch))
        problem = sqlite3.OperationalError()
        problem.sqlite_errorcode = error
        return problem

    monkeypatch.setattr(ledger_module, "_transact", failing)
    batch = [Waiting() for _ in range(4)]
    ledger_module._commit(cast("Any", None), cast("Any", batch))

    assert tried == tries
    assert [len(waiting.errors) for waiting in batch] == [1, 1, 1, 1]


class Waiting:
    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def fail(self, error: Exception) -> None:
        self.errors.append(error)


def test_a_locked_ledger_can_be_read(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite", busy_s=0.05) as ledger:
        record(ledger, ROW)
        with locked(ledger.path):
            assert ledger.find("call-1") == ROW


def test_a_locked_ledger_cannot_be_opened_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "usage.sqlite"
    with Ledger(path):
        pass

    with locked(path), pytest.raises(LedgerError, match=r"usage\.sqlite.*locked"), Ledger(path, busy_s=0.05):
        pass


def test_a_full_disk_fails_the_calls_and_the_ledger_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite") as ledger:
        record(ledger, ROW)
        grown = replace(ROW, id="large", usage={"text": "x" * 100_000})
        with full(ledger), pytest.raises(LedgerError, match="full"):
            record(ledger, grown)
        record(ledger, grown)

        assert [row.id for row in ledger.rows()] == ["call-1", "large"]


def test_what_still_fits_on_a_full_disk_is_written(tmp_path: Path) -> None:
    async def together(ledger: Ledger) -> list[BaseException | None]:
        rows = [ROW, replace(ROW, id="large", usage={"text": "x" * 100_000}), replace(ROW, id="small")]
        return await asyncio.gather(*(ledger.record(row) for row in rows), return_exceptions=True)

    with Ledger(tmp_path / "usage.sqlite") as ledger:
        record(ledger, replace(ROW, id="first"))
        with full(ledger):
            first, second, third = asyncio.run(together(ledger))

        assert (first, type(second), third) == (None, LedgerError, None)
        assert {row.id for row in ledger.rows()} == {"first", "call-1", "small"}


@contextmanager
def full(ledger: Ledger) -> Iterator[None]:
    """Let the file not grow, as far as its writer is concerned, by more than a page or two."""
    set_most_pages(ledger, 14)
    yield
    set_most_pages(ledger, 1_000_000)


def set_most_pages(ledger: Ledger, pages: int) -> None:
    asyncio.run(ledger._written(lambda connection: execute(connection, f"PRAGMA max_page_count = {pages}")))


def execute(connection: sqlite3.Connection, statement: str) -> None:
    connection.execute(statement).fetchall()


def test_a_row_that_cannot_be_written_fails_alone_and_not_the_ledger(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite") as ledger:
        with pytest.raises(UnicodeEncodeError):
            record(ledger, replace(ROW, id="\ud83d"))
        record(ledger, ROW)

        assert [row.id for row in ledger.rows()] == ["call-1"]


def test_half_a_surrogate_pair_in_an_answer_loses_no_row(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite") as ledger:
        record(ledger, replace(ROW, usage={"service_tier": "\ud83d"}))
        found = ledger.find("call-1")

    assert found is not None
    assert found.usage == {"service_tier": "\ud83d"}


def test_a_row_is_told_as_written_even_if_nobody_waits_any_more(tmp_path: Path) -> None:
    path = tmp_path / "usage.sqlite"

    async def leave(ledger: Ledger) -> None:
        waiting = asyncio.ensure_future(ledger.record(ROW))
        await asyncio.sleep(0)
        waiting.cancel()

    with Ledger(path, busy_s=60) as ledger:
        with locked(path):
            asyncio.run(leave(ledger))  # the loop is closed before the row is written
        record(ledger, replace(ROW, id="next"))

        assert {row.id for row in ledger.rows()} == {"call-1", "next"}
