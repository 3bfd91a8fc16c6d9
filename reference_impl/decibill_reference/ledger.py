"""The usage ledger: one row for every call, in SQLite, durable before the response to the call ends.

`Ledger.record` returns when the row is on disk (write-ahead log, ``synchronous=FULL``), so that a crash
after the response loses nothing (AUB-GWY-069e). One thread writes; what arrives while it commits goes into
the next commit, so that many calls in flight share the cost of one. Nothing that can go wrong with one write
ends that thread: a locked file or a full disk fails the calls that wait, and the next ones are tried again.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from decibill_reference import ledger_refunds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from decibill_reference.ledger_refunds import GivenBack, RefundRow
    from decibill_reference.refund_record import RefundRequest

__all__ = ["Ledger", "LedgerError", "LedgerRow", "timestamp"]

T = TypeVar("T")

_FORMAT: Final = 1
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS usage (
    id          TEXT    NOT NULL,            -- the call's id, as in the header x-decibill-request-id
    row         INTEGER NOT NULL DEFAULT 1,  -- one call is charged once, so always 1
    at          TEXT    NOT NULL,            -- UTC, when the call arrived
    alias       TEXT    NOT NULL,
    provider    TEXT    NOT NULL,
    model       TEXT    NOT NULL,
    operation   TEXT    NOT NULL,
    http_status INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    complete    INTEGER NOT NULL,            -- whether the upstream's answer was read to its end
    status      TEXT    NOT NULL,            -- of the charge; "refused" where the usage contradicts itself
    cost        TEXT,                        -- a decimal string; NULL is unknown, never "0"
    usage       TEXT,                        -- usage record, charge and error as JSON
    charge      TEXT,
    error       TEXT,
    PRIMARY KEY (id, row)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS usage_at ON usage (at);
"""
_COLUMNS: Final = (
    "id", "row", "at", "alias", "provider", "model", "operation", "http_status", "attempts", "complete",
    "status", "cost", "usage", "charge", "error",
)  # fmt: skip
_NAMES: Final = ", ".join(_COLUMNS)
_MARKS: Final = ", ".join("?" * len(_COLUMNS))
_INSERT: Final = f"INSERT INTO usage ({_NAMES}) VALUES ({_MARKS})"  # noqa: S608 - our own names
_SELECT: Final = f"SELECT {_NAMES} FROM usage"  # noqa: S608 - our names
_BATCH: Final = 500
_BUSY_S: Final = 10.0
_LOCKED: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class LedgerError(Exception):
    """The ledger cannot be opened, read or written."""


def timestamp(moment: datetime) -> str:
    """Return a UTC instant, always to the microsecond, so that sorting by text sorts by time."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What is recorded of one call."""

    id: str
    at: str
    alias: str
    provider: str
    model: str
    operation: str
    http_status: int
    attempts: int
    complete: bool
    status: str
    cost: str | None = None
    usage: Mapping[str, Any] | None = None
    charge: Mapping[str, Any] | None = None
    error: Mapping[str, str] | None = None
    row: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return the row as the gateway shows it."""
        shown: dict[str, Any] = {
            "id": self.id,
            "row": self.row,
            "at": self.at,
            "alias": self.alias,
            "provider": self.provider,
            "model": self.model,
            "operation": self.operation,
            "http_status": self.http_status,
            "attempts": self.attempts,
            "cached": self.attempts == 0,  # no provider was asked
            "complete": self.complete,
            "status": self.status,
            "cost": self.cost,
            "usage": self.usage,
            "charge": self.charge,
        }
        if self.error is not None:
            shown["error"] = self.error
        return shown


def _dump(document: Mapping[str, Any] | None) -> str | None:
    # In ASCII: what JSON can escape and UTF-8 cannot hold, half of a surrogate pair, must not lose the row.
    return None if document is None else json.dumps(document, separators=(",", ":"))


def _values(row: LedgerRow) -> tuple[object, ...]:
    documents = {"usage": _dump(row.usage), "charge": _dump(row.charge), "error": _dump(row.error)}
    return tuple(documents[name] if name in documents else getattr(row, name) for name in _COLUMNS)


def _row(values: Sequence[Any]) -> LedgerRow:
    found = dict(zip(_COLUMNS, values, strict=True))
    for name in ("usage", "charge", "error"):
        if found[name] is not None:
            found[name] = json.loads(found[name])
    found["complete"] = bool(found["complete"])
    return LedgerRow(**found)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What is to be written for one call, and whom to tell when it is on disk."""

    write: Callable[[sqlite3.Connection], object]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[object]

    def tell(self, result: object) -> None:
        self._settle(partial(self.done.set_result, result))

    def fail(self, error: Exception) -> None:
        if isinstance(error, sqlite3.Error):
            error = LedgerError(f"the ledger could not be written: {error}")
        self._settle(partial(self.done.set_exception, error))

    def _settle(self, settle: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self.loop.call_soon_threadsafe(lambda: None if self.done.done() else settle())


class Ledger:
    """A ledger file, as a context manager; writing belongs to an event loop, reading to any thread.

    Args:
        path: the file.
        busy_s: for how many seconds a file is waited for that another program has locked.
    """

    def __init__(self, path: Path, *, busy_s: float = _BUSY_S) -> None:
        self.path = path
        self._busy_s = busy_s
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Ledger:
        connection: sqlite3.Connection | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = self._connect()
            self._prepare(connection)
        except (sqlite3.Error, OSError, LedgerError) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, LedgerError):
                raise
            raise LedgerError(f"{self.path}: the ledger cannot be opened: {error}") from None
        # The writer is handed its connection: opened by the thread, it could fail where nobody would hear it.
        self._thread = threading.Thread(target=self._write_all, args=(connection,), name="decibill-ledger")
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._thread is not None
        self._queue.put(None)
        self._thread.join()

    async def record(self, *rows: LedgerRow) -> None:
        """Write the rows of one call; return when they are durable.

        Raises:
            LedgerError: they could not be written, for instance because a row with this id is there already.
        """
        await self._written(partial(_insert, rows))

    async def refund(self, call_id: str, request: RefundRequest, at: str) -> GivenBack:
        """Give back what *request* asks of a call; return when that is durable.

        Refunds are made one after another, in the transaction that writes them, so that those of one call
        never come to more than its charge, whoever asks at the same time (AUB-REF-67aa).

        Raises:
            CallNotFound: there is no such call.
            DecibillReferenceError: it is refused.
            LedgerError: it could not be written.
        """
        return await self._written(partial(ledger_refunds.give_back, call_id, request, at))

    def refunds(self, call_id: str) -> list[RefundRow]:
        """Return the refunds of a call, the first one first.

        Raises:
            LedgerError: the file cannot be read.
        """
        return self._read(partial(ledger_refunds.refunds_of, call_id))

    def find(self, call_id: str) -> LedgerRow | None:
        """Return the row of the call, or None.

        Raises:
            LedgerError: the file cannot be read.
        """
        found = self._read(
            lambda connection: connection.execute(
                f"{_SELECT} WHERE id = ? ORDER BY row", (call_id,)
            ).fetchone()
        )
        return None if found is None else _row(found)

    def rows(self, since: str = "", until: str = "9", limit: int = 100) -> list[LedgerRow]:
        """Return at most *limit* rows with ``since <= at < until``, the oldest first.

        Instants are compared as text, so all must have the form of `timestamp`.

        Raises:
            LedgerError: the file cannot be read.
        """
        found = self._read(
            lambda connection: connection.execute(
                f"{_SELECT} WHERE at >= ? AND at < ? ORDER BY at, id, row LIMIT ?", (since, until, limit)
            ).fetchall()
        )
        return [_row(values) for values in found]

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found not in {0, _FORMAT}:
            raise LedgerError(f"{self.path}: a ledger of format {found}, and only {_FORMAT} can be read")
        connection.executescript(_SCHEMA + ledger_refunds.SCHEMA)
        connection.execute(f"PRAGMA user_version = {_FORMAT}")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=self._busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with closing(self._connect()) as connection:
                return read(connection)
        except sqlite3.Error as error:
            raise LedgerError(f"the ledger cannot be read: {error}") from None

    async def _written(self, write: Callable[[sqlite3.Connection], T]) -> T:
        """Let the writer do this in a transaction; return its result when that is durable."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(write, loop, loop.create_future())
        self._queue.put(waiting)
        # A client that goes away must not undo the record of its call.
        return cast("T", await asyncio.shield(waiting.done))

    def _write_all(self, connection: sqlite3.Connection) -> None:
        with closing(connection):
            ended = False
            while not ended:
                batch = [self._queue.get()]
                with suppress(queue.Empty):
                    while len(batch) < _BATCH:
                        batch.append(self._queue.get_nowait())
                writes = [each for each in batch if each is not None]
                ended = len(writes) < len(batch)
                if writes:
                    _commit(connection, writes)


def _insert(rows: Sequence[LedgerRow], connection: sqlite3.Connection) -> None:
    connection.executemany(_INSERT, [_values(row) for row in rows])


def _commit(connection: sqlite3.Connection, batch: Sequence[_Waiting]) -> None:
    """Write a batch in one transaction; if that fails each half in its own, so that what fails, fails alone.

    A lock has been waited for, and would be waited for again with each half: it fails all.
    """
    error = _transact(connection, batch)
    if error is None:
        return
    if len(batch) == 1 or _is_lock(error):
        for waiting in batch:
            waiting.fail(error)
        return
    half = len(batch) // 2
    _commit(connection, batch[:half])
    _commit(connection, batch[half:])


def _transact(connection: sqlite3.Connection, batch: Sequence[_Waiting]) -> Exception | None:
    """Write a batch in one transaction and tell the results, or return why nothing of it was written."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            results = [waiting.write(connection) for waiting in batch]
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    except Exception as error:  # noqa: BLE001 - told to who waits; it must not end the only writer
        return error
    for waiting, result in zip(batch, results, strict=True):
        waiting.tell(result)
    return None


def _is_lock(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF in _LOCKED
