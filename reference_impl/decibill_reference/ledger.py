"""The usage ledger: one row for every call, in SQLite, durable before the response to the call ends.

`Ledger.record` returns when the row is on disk (write-ahead log, ``synchronous=FULL``), so that a crash
after the response loses nothing (AUB-GWY-069e). One thread writes; what arrives while it commits goes into
the next commit, so that many calls in flight share the cost of one.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

__all__ = ["Ledger", "LedgerError", "LedgerRow", "timestamp"]

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


class LedgerError(Exception):
    """The ledger cannot be opened or written."""


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
    return None if document is None else json.dumps(document, ensure_ascii=False, separators=(",", ":"))


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
    """Rows of one call, and whom to tell when they are on disk."""

    rows: tuple[LedgerRow, ...]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]

    def tell(self, error: Exception | None) -> None:
        def settle() -> None:
            if self.done.done():
                return
            if error is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(error)

        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self.loop.call_soon_threadsafe(settle)


class Ledger:
    """A ledger file, as a context manager; `record` belongs to an event loop, reading to any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="decibill-ledger")

    def __enter__(self) -> Ledger:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection:
                (found,) = connection.execute("PRAGMA user_version").fetchone()
                if found not in {0, _FORMAT}:
                    raise LedgerError(
                        f"{self.path}: a ledger of format {found}, and only {_FORMAT} can be read"
                    )
                connection.executescript(_SCHEMA)
                connection.execute(f"PRAGMA user_version = {_FORMAT}")
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(f"{self.path}: the ledger cannot be opened: {error}") from None
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._queue.put(None)
        self._thread.join()

    async def record(self, *rows: LedgerRow) -> None:
        """Write the rows of one call; return when they are durable.

        Raises:
            LedgerError: they could not be written, for instance because a row with this id is there already.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(rows, loop, loop.create_future())
        self._queue.put(waiting)
        # A client that goes away must not undo the record of its call.
        await asyncio.shield(waiting.done)

    def find(self, call_id: str) -> LedgerRow | None:
        """Return the row of the call, or None."""
        with closing(self._connect()) as connection:
            values = connection.execute(f"{_SELECT} WHERE id = ? ORDER BY row", (call_id,)).fetchone()
        return None if values is None else _row(values)

    def rows(self, since: str = "", until: str = "9", limit: int = 100) -> list[LedgerRow]:
        """Return at most *limit* rows with ``since <= at < until``, the oldest first.

        Instants are compared as text, so all must have the form of `timestamp`.
        """
        with closing(self._connect()) as connection:
            found = connection.execute(
                f"{_SELECT} WHERE at >= ? AND at < ? ORDER BY at, id, row LIMIT ?", (since, until, limit)
            ).fetchall()
        return [_row(values) for values in found]

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _write_all(self) -> None:
        with closing(self._connect()) as connection:
            while (first := self._queue.get()) is not None:
                batch = [first]
                last = False
                while len(batch) < _BATCH and not last:
                    try:
                        following = self._queue.get_nowait()
                    except queue.Empty:
                        break
                    if following is None:
                        last = True
                    else:
                        batch.append(following)
                _commit(connection, batch)
                if last:
                    return


def _commit(connection: sqlite3.Connection, batch: Sequence[_Waiting]) -> None:
    """Write a batch in one transaction, or if that fails each call in its own, so that it fails alone."""
    try:
        _transact(connection, batch)
    except sqlite3.Error:
        for waiting in batch:
            try:
                _transact(connection, [waiting])
            except sqlite3.Error as error:
                waiting.tell(LedgerError(f"the ledger could not be written: {error}"))
            else:
                waiting.tell(None)
    else:
        for waiting in batch:
            waiting.tell(None)


def _transact(connection: sqlite3.Connection, batch: Sequence[_Waiting]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(_INSERT, [_values(row) for waiting in batch for row in waiting.rows])
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
