"""Finding out which of a gateway's records belongs to which call, whatever way the records come.

Records are told apart by identity, never by counting: a page holds only so many rows, and a gateway may write
one call twice. A record belongs to the call whose id it carries; without an id, to the last call sent of
those it matches. What is there before the run belongs to nobody.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product
from typing import Any, TypeGuard

from decibill import template
from decibill.declaration import Source
from decibill.pointer import MISSING, resolve

__all__ = ["Ledger", "Record", "SentCall", "is_list"]


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
    """How it was come by, such as the request that showed it."""


@dataclass(slots=True)
class _Fitting:
    """The calls that records with the same values fit, in the order sent."""

    last: SentCall
    by_instance: dict[str, list[SentCall]] = field(default_factory=dict[str, list[SentCall]])
    by_id: dict[str, SentCall] = field(default_factory=dict[str, SentCall])
    """The first call of each ``call.id``."""


@dataclass(slots=True)
class Ledger(ABC):
    """The records of one source, as they become known during a run."""

    source: Source
    sent: list[SentCall] = field(default_factory=list[SentCall])
    problem: str | None = None
    """Why the last reading failed, in words."""

    _owned: dict[tuple[str, int], list[Record]] = field(default_factory=dict[tuple[str, int], list[Record]])
    _seen: set[str] = field(default_factory=set[str])
    _fitting: dict[tuple[str, ...], _Fitting] = field(default_factory=dict[tuple[str, ...], _Fitting])
    _indexed: int = 0
    """How many of the calls sent `_fitting` knows."""

    @abstractmethod
    def forget_what_is_there(self, values: Iterable[Mapping[str, str]]) -> None:
        """Note the records that were there before the run, so that no call is blamed for them."""

    @abstractmethod
    def read(self, calls: Sequence[SentCall] | None = None) -> None:
        """Read the records and give each new one to its call; *calls* are those asked about (all)."""

    def records(self, call: SentCall) -> tuple[Record, ...]:
        """Return the records found for *call* so far."""
        return tuple(self._owned.get((call.instance, call.number), ()))

    def _give(self, record: Record) -> bool:
        """Give *record* to its call, unless it is known already; return whether it is known now."""
        if record.identity in self._seen:
            return True
        owner = self._owner(record)
        if owner is None:
            return False
        self._seen.add(record.identity)
        self._owned.setdefault((owner.instance, owner.number), []).append(record)
        return True

    def _identity(self, row: Any) -> str:
        parts = [resolve(row, pointer) for pointer in self.source.identity]
        if parts and all(part is MISSING for part in parts):
            self.problem = (
                f"records have nothing at {' or '.join(self.source.identity)} to tell them apart by"
            )
        return json.dumps([None if part is MISSING else _text(part) for part in parts])

    def _owner(self, record: Record) -> SentCall | None:
        self._index()
        values = tuple(_text(resolve(record.document, pointer)) for pointer in self.source.match)
        fitting = self._fitting.get(values)
        if fitting is None:
            return None
        if self.source.call is not None:
            said = resolve(record.document, self.source.call)
            if said is not MISSING and (call := fitting.by_id.get(_text(said))) is not None:
                return call
        own = fitting.by_instance[fitting.last.instance]
        # a record too many stays with the last call, where it shows as a second one
        return next((call for call in own if not self.records(call)), own[-1])

    def _index(self) -> None:
        """Note by which values a record fits the calls sent since: looking at all for each would be slow."""
        for call in self.sent[self._indexed :]:
            self._indexed += 1
            wanted = [
                {template.fill(value, call.values) for value in values}
                for values in self.source.match.values()
            ]
            for values in product(*wanted):
                fitting = self._fitting.setdefault(values, _Fitting(call))
                fitting.last = call
                fitting.by_instance.setdefault(call.instance, []).append(call)
                if "call.id" in call.values:
                    fitting.by_id.setdefault(call.values["call.id"], call)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Return whether *value* is a JSON array."""
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
