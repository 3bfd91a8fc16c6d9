"""What a usage record costs at a price book.

Main usage and components are rated each by itself, at their own entry, and their lines and gaps joined
(AUB-CHG-ef99). The arithmetic is exact; a subtotal is rounded once, and the total is rounded from the exact
sum rather than from rounded lines (AUB-CHG-79ca).
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final

from decibill_reference.charge_record import Charge, Gap, Line
from decibill_reference.meter import Meter
from decibill_reference.money import ZERO, rounded, together
from decibill_reference.quantities import check_parts
from decibill_reference.selection import looked_up, select
from decibill_reference.usage import UsageRecord, read_instant

if TYPE_CHECKING:
    from decibill_reference.prices import Entry, PriceBook
    from decibill_reference.usage import Component

__all__ = ["Charge", "Gap", "Line", "rate"]

_FLAGS: Final = ("cached_split_assumed", "unattributed_as_text")


def rate(usage: UsageRecord, book: PriceBook, at: str | None = None) -> Charge:
    """Return what *usage* costs at the prices of *book* at the instant *at*, by default the record's own.

    Raises:
        DecibillReferenceError: ``missing_time`` where *at* is no UTC timestamp, ``inconsistent_usage`` where
            a part exceeds its whole (AUB-CHG-eb98), ``ambiguous_price`` where the book leaves the entry open.
    """
    if "error_response" in usage.flags:
        return Charge("not_billable", book.currency, ZERO)
    if at is None:
        at = usage.at
    moment = read_instant(at, "/at")
    meter = Meter()
    leading: Entry | None = None
    parts: list[tuple[str, UsageRecord | Component]] = []
    # The main usage of a session that used nothing but other models is left out; then the first component
    # that finds an entry stands in for it.
    stands_in = usage.operation == "realtime" and not usage.quantities and not usage.unknown
    if not stands_in:
        parts.append(("", usage))
    if usage.components:
        parts += [(f"/components/{place}", part) for place, part in enumerate(usage.components)]
    for pointer, part in parts:
        is_complete = check_parts(part.quantities, partial(_pointer, pointer))
        model = part.model
        if model is None:
            meter.gaps.append(Gap("model_unknown"))
            continue
        entry = select(book, usage, part, model, moment)
        if entry is None:
            meter.gaps.append(Gap("no_entry", model, looked_up=looked_up(usage, part, model, at)))
            continue
        if leading is None and (stands_in or part is usage):
            leading = entry
        if entry.currency == (book.currency if leading is None else leading.currency):
            meter.read(part, model, entry, is_complete=is_complete)
        else:
            _add_foreign(meter, part, model, entry)
    return _charge(meter, leading, book)


def _pointer(part: str, quantity: str) -> str:
    return f"{part}/quantities/{quantity}"


def _add_foreign(meter: Meter, part: UsageRecord | Component, model: str, entry: Entry) -> None:
    """Add a part that is priced in another currency than the charge: what would be lines are gaps."""
    foreign = Meter()
    foreign.read(part, model, entry)
    meter.flags += foreign.flags
    meter.gaps += foreign.gaps
    meter.gaps += [
        Gap("currency", line.model, line.quantity, line.measured)
        for line in foreign.lines
        if line.addon is None
    ]


def _charge(meter: Meter, leading: Entry | None, book: PriceBook) -> Charge:
    """Return the charge for what has been metered; *leading* is the entry that gives it its currency."""
    exact = together(meter.amounts)
    is_rounded = meter.is_rounded and bool(meter.lines)
    total: Decimal | None = exact if is_rounded and isinstance(exact, Decimal) else rounded(exact)
    if not meter.gaps:
        status = "free" if meter.lines and not exact else "priced"
    elif total:  # a lower bound of 0 would say that nothing is owed
        status = "partial"
    else:
        is_unmetered = any(gap.reason == "quantity_unknown" for gap in meter.gaps)
        status = "unmetered" if is_unmetered else "unpriced"
        total = None
    return Charge(
        status,
        book.currency if leading is None else leading.currency,
        total,
        None if leading is None else leading.id,
        tuple(meter.lines),
        tuple(meter.gaps),
        tuple([flag for flag in _FLAGS if flag in meter.flags]) if meter.flags else (),
    )
