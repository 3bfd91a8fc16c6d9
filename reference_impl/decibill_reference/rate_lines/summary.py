"""What a log comes to: records and exact totals by provider, model, status and currency.

Summaries of parts of a log can be merged, in any order and grouping, and give the summary of the whole: every
record is rounded once, when it is rated, and from then on only exact decimals and counts are added
(``reference_impl/LOGS.md``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from decibill_reference.charge_record import STATUSES
from decibill_reference.money import ZERO, plus, times
from decibill_reference.node import Node
from decibill_reference.numbers import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from decibill_reference.charge_record import Charge

__all__ = ["Group", "Summary", "Tally"]

_COMPLETE: Final = frozenset({"priced", "free", "not_billable"})
_WITHOUT_TOTAL: Final = frozenset({"unmetered", "unpriced"})


class Group(NamedTuple):
    """What records have in common that are counted together."""

    provider: str
    model: str
    status: str
    currency: str


class Tally(NamedTuple):
    """How many records a group has and what they cost, for `partial` at least; 0 where nobody knows."""

    records: int
    total: Decimal


@dataclass(slots=True)
class Summary:
    """Counts and totals, which grow while a log is read."""

    lines: int = 0
    """Lines that were not empty, the refused ones among them."""

    groups: dict[Group, Tally] = field(default_factory=dict[Group, Tally])
    refused: dict[str, int] = field(default_factory=dict[str, int])
    """Lines without a charge, by error code."""

    def add(self, provider: str, model: str, charge: Charge, records: int = 1) -> None:
        """Count so many *records* that cost *charge* each."""
        total = ZERO if charge.total is None else charge.total
        self.lines += records
        self._count(
            Group(provider, model, charge.status, charge.currency),
            Tally(records, total if records == 1 else times(total, records)),
        )

    def add_together(self, provider: str, model: str, charge: Charge, records: int) -> None:
        """Count so many *records* that cost *charge* together, each of them with its status."""
        self.lines += records
        total = ZERO if charge.total is None else charge.total
        self._count(Group(provider, model, charge.status, charge.currency), Tally(records, total))

    def refuse(self, code: str, lines: int = 1) -> None:
        """Count lines that were refused."""
        self.lines += lines
        self.refused[code] = self.refused.get(code, 0) + lines

    def merge(self, other: Summary) -> None:
        """Add the summary of another part of the log."""
        self.lines += other.lines
        for group, tally in other.groups.items():
            self._count(group, tally)
        for code, lines in other.refused.items():
            self.refused[code] = self.refused.get(code, 0) + lines

    def _count(self, group: Group, more: Tally) -> None:
        known = self.groups.get(group)
        self.groups[group] = (
            more if known is None else Tally(known.records + more.records, plus(known.total, more.total))
        )

    @property
    def refusals(self) -> int:
        """How many lines were refused."""
        return sum(self.refused.values())

    def by_currency(self) -> dict[str, tuple[Decimal, bool]]:
        """Return the total of every currency, and whether it is all: nothing lacks a part or was refused."""
        found: dict[str, tuple[Decimal, bool]] = {}
        for group, tally in self.groups.items():
            total, whole = found.get(group.currency, (ZERO, not self.refused))
            found[group.currency] = plus(total, tally.total), whole and group.status in _COMPLETE
        return dict(sorted(found.items()))

    def to_json(self) -> dict[str, Any]:
        """Return the summary as JSON data; the same log gives the same document, however it was divided."""
        return {
            "lines": self.lines,
            "refused": dict(sorted(self.refused.items())),
            "charges": [
                {
                    **group._asdict(),
                    "records": tally.records,
                    "total": None if group.status in _WITHOUT_TOTAL else plain(tally.total),
                }
                for group, tally in sorted(self.groups.items())
            ],
            "totals": [
                {"currency": currency, "total": plain(total), "complete": whole}
                for currency, (total, whole) in self.by_currency().items()
            ],
        }

    @classmethod
    def from_json(cls, document: Any) -> Summary:
        """Return the summary that JSON data describes.

        Raises:
            DecibillReferenceError: `malformed_body` for what is no summary, or one whose counts do not add
                up.
        """
        node = Node(document, "", "malformed_body")
        members = node.members(("lines", "refused", "charges", "totals"))
        summary = cls()
        for code, lines in members["refused"].mapping().items():
            summary.refuse(code, _count(lines))
        for item in members["charges"].items():
            _read_group(item, summary)
        if _count(members["lines"], least=0) != summary.lines:
            members["lines"].refuse(f"the lines add up to {summary.lines}")
        if members["totals"].value != summary.to_json()["totals"]:
            members["totals"].refuse("are not the sums of the charges")
        return summary

    def text(self) -> Iterable[str]:
        """Yield the lines of a table for people."""
        rows = [
            (f"{group.provider} {group.model}", group.status, f"{tally.records:,}", *_shown(group, tally))
            for group, tally in sorted(self.groups.items())
        ]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(5)]
        for name, status, records, total, currency in rows:
            cells = (
                name.ljust(widths[0]),
                status.ljust(widths[1]),
                records.rjust(widths[2]),
                total.rjust(widths[3]),
                currency,
            )
            yield "  ".join(cells).rstrip()
        for code, lines in sorted(self.refused.items()):
            yield f"refused: {code} {lines:,}"
        for currency, (amount, whole) in self.by_currency().items():
            least = "" if whole else "at least "
            yield f"total: {least}{plain(amount)} {currency}"
        yield f"{self.lines:,} lines, {self.refusals:,} of them refused"


def _shown(group: Group, tally: Tally) -> tuple[str, str]:
    return ("-", "") if group.status in _WITHOUT_TOTAL else (plain(tally.total), group.currency)


def _read_group(node: Node, summary: Summary) -> None:
    members = node.members(("provider", "model", "status", "currency", "records", "total"))
    group = Group(
        provider=members["provider"].text(),
        model=members["model"].text(),
        status=members["status"].one_of(STATUSES),
        currency=members["currency"].text(),
    )
    total = members["total"]
    if (total.value is None) != (group.status in _WITHOUT_TOTAL):
        total.refuse(f"does not go with the status {group.status!r}")
    if group in summary.groups:
        node.refuse("stands twice")
    tally = Tally(_count(members["records"]), ZERO if total.value is None else total.result())
    summary.merge(Summary(tally.records, {group: tally}))


def _count(node: Node, least: int = 1) -> int:
    if type(node.value) is not int or node.value < least:
        node.refuse(f"must be a whole number, {least} or more")
    return int(node.value)
