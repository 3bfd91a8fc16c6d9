"""What a usage record costs at a price book.

Main usage and components are rated each by itself, at their own entry, and their lines and gaps joined
(AUB-CHG-ef99). The arithmetic is exact; a subtotal is rounded once, and the total is rounded from the exact
sum rather than from rounded lines (AUB-CHG-79ca).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from decibill_reference.charge_record import Charge, Gap, Line
from decibill_reference.meter import DEFAULT_RULE, Meter
from decibill_reference.money import ZERO, add, rounded
from decibill_reference.prices import tier_name
from decibill_reference.quantities import check_parts
from decibill_reference.selection import Lookup, select
from decibill_reference.usage import UsageRecord, read_instant

if TYPE_CHECKING:
    from datetime import datetime

    from decibill_reference.money import Exact
    from decibill_reference.prices import PriceBook
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
    when = usage.at if at is None else at
    bill = _Bill(usage, book, when, read_instant(when, "/at"))
    # The main usage of a session that used nothing but other models is left out; then the first component
    # that finds an entry stands in for it.
    session = usage.operation == "realtime" and not usage.quantities and not usage.unknown
    if not session:
        bill.add(usage, "", main=True)
    for place, component in enumerate(usage.components):
        bill.add(component, f"/components/{place}", main=session and bill.entry is None)
    return bill.charge()


@dataclass(slots=True)
class _Bill:
    """The charge in the making."""

    usage: UsageRecord
    book: PriceBook
    at: str
    moment: datetime
    currency: str = ""
    entry: str | None = None
    lines: list[Line] = field(default_factory=list[Line])
    gaps: list[Gap] = field(default_factory=list[Gap])
    flags: list[str] = field(default_factory=list[str])
    exact: Exact = ZERO

    def __post_init__(self) -> None:
        self.currency = self.book.currency

    def add(self, part: UsageRecord | Component, pointer: str, *, main: bool) -> None:
        """Add what one part comes to; with *main* its entry sets the currency of the charge."""
        check_parts(part.quantities, lambda name: f"{pointer}/quantities/{name}")
        if part.model is None:
            self.gaps.append(Gap("model_unknown"))
            return
        meter = self._meter(part, part.model)
        if meter is None:
            return
        if main:
            self.entry = meter.entry.id
            self.currency = meter.entry.currency
        meter.read()
        self.flags += meter.flags
        self.gaps += meter.gaps
        if meter.entry.currency == self.currency:
            self.lines += meter.lines
            self.exact = add(self.exact, meter.exact)
        else:
            bases = [line for line in meter.lines if line.addon is None]
            self.gaps += [Gap("currency", line.model, line.quantity, line.measured) for line in bases]

    def _meter(self, part: UsageRecord | Component, model: str) -> Meter | None:
        """Return the part with the entry that prices it, or None and a gap where there is none."""
        usage = self.usage
        lookup = Lookup(
            usage.provider,
            model,
            part.operation,
            usage.surface,
            usage.region,
            tier_name(usage.service_tier),
            self.moment,
            self.at,
        )
        entry = select(self.book, lookup, part.quantities, part.basis)
        if entry is None:
            self.gaps.append(Gap("no_entry", model, looked_up=lookup.to_json()))
            return None
        features, rule = (usage.features, usage.character_rule) if part is usage else ((), None)
        return Meter(entry, model, part.quantities, part.basis, part.unknown, features, rule or DEFAULT_RULE)

    def charge(self) -> Charge:
        """Return the finished charge."""
        status = self._status()
        return Charge(
            status,
            self.currency,
            None if status in {"unmetered", "unpriced"} else rounded(self.exact),
            self.entry,
            tuple(self.lines),
            tuple(self.gaps),
            tuple(flag for flag in _FLAGS if flag in self.flags),
        )

    def _status(self) -> str:
        if not self.gaps:
            return "free" if self.lines and not self.exact else "priced"
        if rounded(self.exact):  # a lower bound of 0 would say that nothing is owed
            return "partial"
        return "unmetered" if any(gap.reason == "quantity_unknown" for gap in self.gaps) else "unpriced"
