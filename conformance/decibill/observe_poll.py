"""Reading a gateway's own records over HTTP, and finding out which record belongs to which call.

Records are told apart by identity, never by counting: a page holds only so many rows, and a gateway may write
one call twice. A record belongs to the call whose id it carries; without an id, to the last call sent of
those it matches. What is there before the run belongs to nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeGuard
from urllib.parse import quote

from decibill import jsonio, template
from decibill.declaration import Source
from decibill.errors import InvalidFileError
from decibill.pointer import MISSING, resolve
from decibill.target import Target

__all__ = ["Ledger", "Record", "SentCall"]


@dataclass(frozen=True, slots=True)
class SentCall:
    """One call that was sent, as far as its records are concerned."""

    instance: str
    number: int
    """Which call of its instance it is, from 0."""

    values: Mapping[str, str]
    """Template values of the run, the instance and the call; ``call.id`` where there is one."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record that the gateway keeps."""

    identity: str
    document: Any
    where: str
    """The request that showed it."""


@dataclass(slots=True)
class Ledger:
    """The records of one polled source, as they become known during a run."""

    source: Source
    target: Target
    sent: list[SentCall] = field(default_factory=list[SentCall])
    _owned: dict[tuple[str, int], list[Record]] = field(default_factory=dict[tuple[str, int], list[Record]])
    _seen: set[str] = field(default_factory=set[str])
    problem: str | None = None
    """Why the last reading failed, in words."""

    def records(self, call: SentCall) -> tuple[Record, ...]:
        """Return the records found for *call* so far."""
        return tuple(self._owned.get((call.instance, call.number), ()))

    def forget_what_is_there(self, values: Iterable[Mapping[str, str]]) -> None:
        """Note the records that were there before the run, so that no call is blamed for them."""
        if self.source.rows is None or "call.id" in template.names(self.source.get or ""):
            return
        for path in self._paths(values):
            self._seen.update(record.identity for record in self._fetch(path))

    def read(self, calls: Sequence[SentCall] | None = None) -> None:
        """Read the records and give each new one to its call; *calls* are those asked about (all)."""
        asked = self.sent if calls is None else calls
        self.problem = None
        if self.source.rows is None:
            for call in asked:
                self._read_one(call)
            return
        for path in self._paths(call.values for call in asked):
            for record in self._fetch(path):
                if record.identity not in self._seen and (owner := self._owner(record)) is not None:
                    self._seen.add(record.identity)
                    self._owned.setdefault((owner.instance, owner.number), []).append(record)

    def _read_one(self, call: SentCall) -> None:
        get = self.source.get or ""
        if "call.id" in template.names(get) and not call.values.get("call.id"):
            return
        for record in self._fetch(_path(get, call.values)):
            self._owned[call.instance, call.number] = [record]

    def _paths(self, values: Iterable[Mapping[str, str]]) -> list[str]:
        """Return the different requests that these calls need; a list is often one for all of them."""
        get = self.source.get or ""
        if "call.id" in template.names(get):
            values = (each for each in values if each.get("call.id"))
        return list(dict.fromkeys(_path(get, each) for each in values))

    def _fetch(self, path: str) -> list[Record]:
        answer = self.target.get(path)
        if answer.error is not None:
            self.problem = f"GET {path} {answer.error}"
            return []
        if answer.status == 404 and self.source.rows is None:
            return []
        if answer.status != 200:
            self.problem = f"GET {path} answered {answer.status}"
            return []
        try:
            document = jsonio.loads(answer.body, f"the answer to GET {path}")
        except InvalidFileError as error:
            self.problem = str(error)
            return []
        return self._records(document, path)

    def _records(self, document: Any, path: str) -> list[Record]:
        if self.source.rows is None:
            row = resolve(document, self.source.row)
            if row is MISSING or row is None:
                return []
            return [Record(self._identity(row), row, f"GET {path}")]
        rows = resolve(document, self.source.rows)
        if rows is None:
            return []
        if not _is_list(rows):
            self.problem = f"GET {path} holds no list at {self.source.rows}"
            return []
        return [Record(self._identity(row), row, f"GET {path}") for row in rows]

    def _identity(self, row: Any) -> str:
        parts = [resolve(row, pointer) for pointer in self.source.identity]
        if parts and all(part is MISSING for part in parts):
            self.problem = (
                f"records have nothing at {' or '.join(self.source.identity)} to tell them apart by"
            )
        return json.dumps([None if part is MISSING else _text(part) for part in parts], ensure_ascii=False)

    def _owner(self, record: Record) -> SentCall | None:
        fitting = [call for call in self.sent if self._fits(record, call)]
        if self.source.call is not None:
            said = resolve(record.document, self.source.call)
            for call in fitting:
                if said is not MISSING and _text(said) == call.values.get("call.id"):
                    return call
        if not fitting:
            return None
        last = fitting[-1].instance
        own = [call for call in fitting if call.instance == last]
        free = [call for call in own if not self.records(call)]
        # a record too many stays with the last call, where it shows as a second one
        return free[0] if free else own[-1]

    def _fits(self, record: Record, call: SentCall) -> bool:
        return all(
            _text(resolve(record.document, pointer))
            in {template.fill(value, call.values) for value in values}
            for pointer, values in self.source.match.items()
        )


def _path(get: str, values: Mapping[str, str]) -> str:
    """Return the path to ask; an id that came from the gateway cannot lead anywhere else."""
    return template.fill(get, {name: quote(value, safe="-._~:") for name, value in values.items()})


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _text(value: Any) -> str:
    """Return a value of a record as the text that a declaration compares it with."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return str(value) if not isinstance(value, int) or value.bit_length() < 4000 else "a huge integer"
    return "null" if value is None else f"[{type(value).__name__}]"
