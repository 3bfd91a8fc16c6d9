"""The audit of a trial: the ledger against what the clients received and the provider answered."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from tests.durability.money import CHARGED, FREE, quantity_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.durability.clients import Asked, Record
    from tests.durability.money import Prices
    from tests.durability.provider import Provider

__all__ = ["Totals", "audit"]

_MOST_FAULTS: Final = 20


@dataclass(frozen=True, slots=True)
class Totals:
    """What the ledger comes to."""

    rows: int
    charged: Fraction
    refunds: int
    refunded: Fraction


class _Audit:
    def __init__(self, ledger: Path, record: Record, provider: Provider, prices: Prices) -> None:
        self.faults = list(record.faults)
        self._record = record
        self._provider = provider
        self._prices = prices
        with closing(sqlite3.connect(ledger)) as connection:
            connection.row_factory = sqlite3.Row
            self._intact = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            self._rows = connection.execute("SELECT * FROM usage").fetchall()
            self._refunds = connection.execute("SELECT * FROM refund ORDER BY call, place").fetchall()
        self._charges: dict[str, tuple[str, int, str, Fraction]] = {}

    def totals(self) -> Totals:
        if self._intact != ["ok"]:
            self.faults.append(f"the file is damaged: {self._intact}")
        self._check_rows()
        self._check_received()
        self._check_refunds()
        attempts = {key: count for key, count in self._provider.asked.items() if count > 1}
        twice = {key: count for key, count in attempts.items() if key[0] != "retry" or count > 2}
        if twice:
            self.faults.append(f"calls that reached the provider too often: {twice}")
        return Totals(
            len(self._rows),
            sum((Fraction(row["cost"]) for row in self._rows if row["cost"] is not None), Fraction(0)),
            len(self._refunds),
            sum((Fraction(row["total"]) for row in self._refunds), Fraction(0)),
        )

    def _check_rows(self) -> None:
        """Check that each row is right by itself, and that no answer of the provider has two."""
        seen: set[tuple[str, int]] = set()
        for row in self._rows:
            kind, where = row["alias"], f"row {row['id']} ({row['alias']})"
            if kind not in CHARGED:
                right = "0" if kind in FREE else None
                if row["cost"] != right:
                    self.faults.append(f"{where}: {row['cost']} is charged for a call that failed")
                continue
            if row["status"] in {"unmetered", "not_billable"}:  # the gateway itself gave no answer
                if row["cost"] not in {None, "0"}:
                    self.faults.append(f"{where}: {row['status']}, and {row['cost']} is charged")
                continue
            amount = int(json.loads(row["usage"])["quantities"][quantity_of(kind)])
            right = self._prices.cost(kind, amount, row["at"])
            if row["cost"] is None or Fraction(row["cost"]) != right:
                self.faults.append(f"{where}: {row['cost']} is charged, {float(right)!r} is right")
            if json.loads(row["charge"])["total"] != row["cost"]:
                self.faults.append(f"{where}: its charge and its cost differ")
            if (kind, amount) not in self._provider.answered:
                self.faults.append(f"{where}: the provider never answered it")
            if (kind, amount) in seen:
                self.faults.append(f"{where}: one answer of the provider is charged twice")
            seen.add((kind, amount))
            self._charges[row["id"]] = kind, amount, row["at"], right

    def _check_received(self) -> None:
        """Check that each response that a client had in full has one row, with what it says."""
        rows: defaultdict[str, list[sqlite3.Row]] = defaultdict(list)
        for row in self._rows:
            rows[row["id"]].append(row)
        for one in self._record.received:
            found = rows[one.id]
            where = f"call {one.id} ({one.kind}, answered {one.http_status})"
            if one.unrecorded:
                if one.cost is not None or len(found) > 1:
                    self.faults.append(f"{where}: not recorded, with the cost {one.cost}, {len(found)} rows")
                continue
            if len(found) != 1 or found[0]["alias"] != one.kind:
                self.faults.append(f"{where}: has {len(found)} rows")
                continue
            (row,) = found
            if one.cost is not None and one.cost != row["cost"]:
                self.faults.append(f"{where}: the header says {one.cost}, the ledger {row['cost']}")
            if one.kind in CHARGED and (
                one.http_status != 200 or self._charges.get(one.id, ("", 0))[:2] != (one.kind, one.amount)
            ):
                self.faults.append(f"{where}: recorded as {row['status']} {row['usage']}")
            if one.kind not in CHARGED and one.http_status == 200 and one.kind != "contradictory":
                self.faults.append(f"{where}: answered as if the provider had")

    def _check_refunds(self) -> None:
        """Check each refund, that those of a call never exceed it, and that what was told is there."""
        of_call: defaultdict[str, list[tuple[dict[str, Any], sqlite3.Row]]] = defaultdict(list)
        stored = {row["id"]: row for row in self._refunds}
        for row in self._refunds:
            of_call[row["call"]].append((json.loads(row["record"]), row))
        units: dict[str, Counter[str]] = {}
        for call, refunds in of_call.items():
            units[call] = self._check_call(call, refunds)
        asked_for = {asked.body["id"] for asked in self._record.refunds}
        for identity in stored.keys() - asked_for:
            self.faults.append(f"refund {identity}: nobody asked for it")
        for asked in self._record.refunds:
            self._check_asked(asked, stored.get(asked.body["id"]), units.get(asked.call, Counter()))

    def _check_call(self, call: str, refunds: list[tuple[dict[str, Any], sqlite3.Row]]) -> Counter[str]:
        if call not in self._charges:
            self.faults.append(f"call {call}: refunded and never charged")
            return Counter()
        kind, amount, at, cost = self._charges[call]
        billed = {quantity_of(kind): amount} | ({} if kind == "speech" else {"text_output_tokens": 7})
        units: Counter[str] = Counter()
        for record, row in refunds:
            right = Fraction(0)
            for line in record["lines"]:
                units[line["quantity"]] += int(line["refunded"])
                right -= int(line["refunded"]) * self._prices.price(kind, line["quantity"], at)
            if not Fraction(row["total"]) == Fraction(record["total"]) == right:
                self.faults.append(f"refund {row['id']}: {row['total']}, {float(right)!r} is right")
        refunded = -sum((Fraction(row["total"]) for _, row in refunds), Fraction(0))
        too_many = {name for name, count in units.items() if count > billed.get(name, 0)}
        if refunded > cost or too_many:
            self.faults.append(f"call {call}: {float(refunded)} of {float(cost)} is refunded, {dict(units)}")
        if units == billed and refunded != cost:
            self.faults.append(f"call {call}: all of it is refunded, {float(refunded)} of {float(cost)}")
        return units

    def _check_asked(self, asked: Asked, row: sqlite3.Row | None, units: Counter[str]) -> None:
        where = f"refund {asked.body['id']} of call {asked.call}"
        if asked.status in {200, 201}:
            if (
                row is None
                or json.loads(row["record"]) != asked.answer["refund"]
                or row["call"] != asked.call
            ):
                self.faults.append(f"{where}: told as made, and not in the ledger as told")
            if asked.status == 200 and asked.asked == 1:
                self.faults.append(f"{where}: told as made before, and asked for once")
            return
        if row is not None:
            self.faults.append(f"{where}: refused, and in the ledger")
        code = asked.answer["error"]["code"]
        if (asked.status, code) != (422, "refund_exceeds_charge"):
            self.faults.append(f"{where}: {asked.status} {code}")
        elif asked.call in self._charges:
            kind, amount, *_ = self._charges[asked.call]
            wanted = asked.body.get("quantities", {quantity_of(kind): 1})[quantity_of(kind)]
            if units[quantity_of(kind)] + wanted <= amount:
                self.faults.append(f"{where}: refused, and there was enough left")


def audit(ledger: Path, record: Record, provider: Provider, prices: Prices) -> Totals:
    """Return what the ledger comes to.

    Raises:
        AssertionError: something in it is wrong.
    """
    found = _Audit(ledger, record, provider, prices)
    totals = found.totals()
    more = f"\n... and {len(found.faults) - _MOST_FAULTS} more" if len(found.faults) > _MOST_FAULTS else ""
    assert not found.faults, "\n".join(found.faults[:_MOST_FAULTS]) + more
    return totals
