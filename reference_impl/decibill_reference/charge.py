"""What a usage record costs at a price book.

Main usage and components are rated each by itself, at their own entry, and their lines and gaps joined
(AUB-CHG-ef99). The arithmetic is exact; a subtotal is rounded once, and the total is rounded from the exact
sum rather than from rounded lines (AUB-CHG-79ca).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from decibill_reference.charge_record import Charge, Gap, Line
from decibill_reference.meter import Meter
from decibill_reference.money import ZERO, add, rounded
from decibill_reference.prices import tier_name
from decibill_reference.quantities import check_parts
from decibill_reference.selection import Lookup, select
from decibill_reference.usage import UsageRecord, read_instant

if TYPE_CHECKING:
    from decibill_reference.money import Exact
    from decibill_reference.prices import Entry, PriceBook
    from decibill_reference.usage import Component

__all__ = ["Charge", "Gap", "Line", "rate"]

_FLAGS: Final = ("cached_split_assumed", "unattributed_as_text")


def rate(usage: UsageRecord, book: PriceBook, at: str | None = None) -> Charge:
    """Return what *usage* costs at the prices of *book* at the instant *at*, by default the record's own.

    Raises:
        DecibillReferenceError: ``missing_time`` where *at* is no UTC timestamp, ``inconsistent_usage``
        where a
            part exceeds its whole (AUB-CHG-eb98), ``ambiguous_price`` where the book leaves the entry open.
    """
    if "error_response" in usage.flags:
        return Charge("not_billable", book.currency, ZERO)
    bill = _Bill(usage, book, usage.at if at is None else at)
    # The main usage of a session that used nothing but other models is left out; then the first component
    # that finds an entry stands in for it.
    session = usage.operation == "realtime" and not usage.quantities and not usage.unknown
    if not session:
        bill.add(usage, "", main=True)
    for place, component in enumerate(usage.components):
        bill.add(component, f"/components/{place}", main=session and bill.entry is None)
    return bill.charge()


class _Bill:
    """The charge in the making."""

    __slots__ = (
        "_at",
        "_book",
        "_currency",
        "_exact",
        "_flags",
        "_gaps",
        "_lines",
        "_moment",
        "_usage",
        "entry",
    )

    def __init__(self, usage: UsageRecord, book: PriceBook, at: str) -> None:
        self._usage = usage
        self._book = book
        self._at = at
        self._moment = read_instant(at, "/at")
        self._currency = book.currency
        self._lines: list[Line] = []
        self._gaps: list[Gap] = []
        self._flags: list[str] = []
        self._exact: Exact = ZERO
        self.entry: str | None = None

    def add(self, part: UsageRecord | Component, pointer: str, *, main: bool) -> None:
        """Add what one part comes to; with *main* its entry sets the currency of the charge."""
        check_parts(part.quantities, lambda name: f"{pointer}/quantities/{name}")
        if part.model is None:
            self._gaps.append(Gap("model_unknown"))
            return
        entry = self._entry(part, part.model)
        if entry is None:
            return
        if main:
            self.entry = entry.id
            self._currency = entry.currency
        meter = Meter(part, part.model, entry)
        if part is self._usage:
            meter.read(self._usage.features, self._usage.character_rule)
        else:
            meter.read()
        self._flags += meter.flags
        self._gaps += meter.gaps
        if entry.currency == self._currency:
            self._lines += meter.lines
            self._exact = add(self._exact, meter.exact)
        else:
            bases = [line for line in meter.lines if line.addon is None]
            self._gaps += [Gap("currency", line.model, line.quantity, line.measured) for line in bases]

    def _entry(self, part: UsageRecord | Component, model: str) -> Entry | None:
        """Return the entry that prices the part, or None and a gap where there is none."""
        usage = self._usage
        lookup = Lookup(
            usage.provider,
            model,
            part.operation,
            usage.surface,
            usage.region,
            tier_name(usage.service_tier),
            self._moment,
            self._at,
        )
        entry = select(self._book, lookup, part.quantities, part.basis)
        if entry is None:
            self._gaps.append(Gap("no_entry", model, looked_up=lookup.to_json()))
        return entry

    def charge(self) -> Charge:
        """Return the finished charge."""
        status = self._status()
        return Charge(
            status,
            self._currency,
            None if status in {"unmetered", "unpriced"} else rounded(self._exact),
            self.entry,
            tuple(self._lines),
            tuple(self._gaps),
            tuple([flag for flag in _FLAGS if flag in self._flags]) if self._flags else (),
        )

    def _status(self) -> str:
        if not self._gaps:
            return "free" if self._lines and not self._exact else "priced"
        if rounded(self._exact):  # a lower bound of 0 would say that nothing is owed
            return "partial"
        return "unmetered" if any(gap.reason == "quantity_unknown" for gap in self._gaps) else "unpriced"
