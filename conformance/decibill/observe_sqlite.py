"""Reading a gateway's own records from its SQLite file, which is opened to be read only."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from decibill.observe_ledger import Ledger, Record, SentCall

__all__ = ["SqliteLedger"]

_MOST: Final = 100_000
_BUSY_S: Final = 2.0
_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of one value."""

_LONGEST_S: Final = 10.0
"""How long one query may take."""

_STEPS: Final = 100_000
"""Steps of SQLite between two looks at the clock."""


@dataclass(slots=True)
class SqliteLedger(Ledger):
    """The records of one source that the gateway keeps in a database file."""

    file: Path = field(kw_only=True)

    def forget_what_is_there(self, values: Iterable[Mapping[str, str]]) -> None:  # noqa: ARG002 - one query for all
        """Note the records that were there before the run, so that no call is blamed for them."""
        self._seen.update(record.identity for record in self._rows())

    def read(self, calls: Sequence[SentCall] | None = None) -> None:  # noqa: ARG002 - one query for all
        """Read the records and give each new one to its call; whichever *calls* are asked about."""
        self.problem = None
        for record in self._rows():
            self._give(record)

    def _rows(self) -> list[Record]:
        where = f"a row of {self.file.name}"
        try:
            uri = f"{self.file.resolve().as_uri()}?mode=ro"
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S)) as database:
                database.execute("PRAGMA query_only = ON")
                database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST)
                until = time.monotonic() + _LONGEST_S
                database.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
                found = database.execute(self.source.query or "")
                names = [column[0] for column in found.description or ()]
                rows = found.fetchmany(_MOST)
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            self.problem = f"{self.file.name} cannot be read: {error}"
            return []
        documents = [dict(zip(names, map(_value, row), strict=True)) for row in rows]
        return [Record(self._identity(document), document, where) for document in documents]


def _value(value: Any) -> Any:
    """Return a column as JSON would have it: a float in its shortest digits, bytes by their length."""
    if isinstance(value, float):
        return Decimal(repr(value))
    return f"{len(value)} bytes" if isinstance(value, bytes) else value
