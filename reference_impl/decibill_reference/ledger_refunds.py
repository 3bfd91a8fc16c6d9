"""Refunds in the ledger: each is kept with its call, and made from the charge and the refunds before it.

`give_back` reads, decides and writes within one transaction of the ledger's writer. Two guards of the
database stand behind it: an id is used once, and so is each place in the sequence of one call's refunds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from decibill_reference.charge_record import Charge
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.money import ZERO, plus
from decibill_reference.refund import Refund, refund

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from decimal import Decimal

    from decibill_reference.refund_record import RefundRequest

__all__ = ["SCHEMA", "CallNotFound", "GivenBack", "RefundRow", "give_back", "refunds_of", "sum_of"]

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS refund (
    id     TEXT    NOT NULL PRIMARY KEY,  -- chosen by the client; the same id is the same refund
    call   TEXT    NOT NULL,
    place  INTEGER NOT NULL,              -- 1 for the first refund of the call
    at     TEXT    NOT NULL,              -- UTC, when the refund was asked for
    total  TEXT    NOT NULL,              -- a decimal string, negative or "0"
    record TEXT    NOT NULL,              -- refund record as JSON
    UNIQUE (call, place)
) WITHOUT ROWID;
"""
_COLUMNS: Final = "id, call, at, record"


class CallNotFound(Exception):  # noqa: N818 - an answer, not an error
    """There is no call of this id."""


@dataclass(frozen=True, slots=True)
class RefundRow:
    """One refund of one call."""

    call: str
    at: str
    refund: Refund

    def to_json(self) -> dict[str, Any]:
        """Return the refund as the gateway shows it."""
        return {"id": self.refund.id, "call": self.call, "at": self.at, "refund": self.refund.to_json()}


class GivenBack(NamedTuple):
    """What came of a request for a refund."""

    row: RefundRow
    new: bool
    """False where the same request had been made before, and the first refund is told again."""


def give_back(call_id: str, request: RefundRequest, at: str, connection: sqlite3.Connection) -> GivenBack:
    """Return the refund of a call that *request* asks for, written into the transaction that is open.

    Raises:
        CallNotFound: there is no such call.
        DecibillReferenceError: as of `refund`; ``refund_conflict`` also where the id was used for another
            call (AUB-REF-a580).
    """
    charges = connection.execute("SELECT charge FROM usage WHERE id = ? ORDER BY row", (call_id,))
    found = charges.fetchone()
    if found is None:
        raise CallNotFound(call_id)
    used = connection.execute("SELECT call FROM refund WHERE id = ?", (request.id,)).fetchone()
    if used is not None and used[0] != call_id:
        problem = f"the id {request.id!r} was used for a refund of another call"
        raise DecibillReferenceError("refund_conflict", "/id", problem)
    if found[0] is None:
        problem = "the call was not charged, so there is nothing to refund"
        raise DecibillReferenceError("no_such_line", "", problem)
    earlier = refunds_of(call_id, connection)
    made = refund(Charge.from_json(json.loads(found[0])), request, [row.refund for row in earlier])
    if used is not None:
        return GivenBack(next(row for row in earlier if row.refund.id == request.id), new=False)
    row = RefundRow(call_id, at, made)
    record = made.to_json()
    connection.execute(
        "INSERT INTO refund (id, call, place, at, total, record) VALUES (?, ?, ?, ?, ?, ?)",
        (made.id, call_id, len(earlier) + 1, at, record["total"], json.dumps(record, separators=(",", ":"))),
    )
    return GivenBack(row, new=True)


def refunds_of(call_id: str, connection: sqlite3.Connection) -> list[RefundRow]:
    """Return the refunds of a call, the first one first."""
    found = connection.execute(f"SELECT {_COLUMNS} FROM refund WHERE call = ? ORDER BY place", (call_id,))  # noqa: S608 - our names
    return [RefundRow(call, at, Refund.from_json(json.loads(record))) for _, call, at, record in found]


def sum_of(refunds: Iterable[RefundRow]) -> Decimal:
    """Return what refunds come to together: negative, or zero."""
    return reduce(plus, (row.refund.total for row in refunds), ZERO)
