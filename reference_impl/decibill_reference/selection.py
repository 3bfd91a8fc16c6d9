"""Which entry of a price book prices a record.

By exact provider and model, then operation, surface, region, service tier and time. Of the fitting entries
of one unit family the one with most selectors wins (AUB-PRC-c58f); of different families the one whose
quantity the record carries (AUB-PRC-19d1). Whatever is still open is refused, never settled by the order of
the book.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.prices import FAMILIES, tier_name
from decibill_reference.usage import BASES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from decibill_reference.prices import Entry, PriceBook
    from decibill_reference.usage import Component, UsageRecord

__all__ = ["carried_basis", "looked_up", "select"]

_RANK: Final = {basis: rank for rank, basis in enumerate(BASES)}


def select(
    book: PriceBook, usage: UsageRecord, part: UsageRecord | Component, model: str, moment: datetime
) -> Entry | None:
    """Return the entry of *book* that prices one part of *usage*, or None where none fits.

    Args:
        book: the prices.
        usage: the whole record, which says where the call went.
        part: the record itself or one of its components.
        model: the part's model.
        moment: the instant whose prices hold.

    Raises:
        DecibillReferenceError: ``ambiguous_price`` where the book leaves two entries to choose from.
    """
    tier = tier_name(usage.service_tier)
    fitting: list[Entry] = []
    for entry in book.named(usage.provider, model):
        if (
            entry.tier == tier
            and entry.start <= moment
            and (entry.end is None or moment < entry.end)
            and (entry.operations is None or part.operation in entry.operations)
            and (entry.surface is None or usage.surface == entry.surface)
            and (entry.region is None or usage.region in entry.region)
        ):
            fitting.append(entry)  # noqa: PERF401 - a comprehension costs a call
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    families: dict[str, list[Entry]] = {}
    for entry in fitting:
        families.setdefault(entry.pricing_model, []).append(entry)
    best = [_most_selectors(entries) for entries in families.values()]
    return best[0] if len(best) == 1 else _by_quantity(best, part.quantities, part.basis)


def looked_up(usage: UsageRecord, part: UsageRecord | Component, model: str, at: str) -> dict[str, str]:
    """Return what a gap ``no_entry`` says was looked up; *at* is the instant as it was given."""
    region = {} if usage.region is None else {"region": usage.region}
    return {
        "provider": usage.provider,
        "model": model,
        "operation": part.operation,
        "surface": usage.surface,
        **region,
        "service_tier": tier_name(usage.service_tier),
        "at": at,
    }


def carried_basis(
    pricing_model: str, quantities: Mapping[str, int | Decimal], basis: Mapping[str, str]
) -> int | None:
    """Return the rank of the strongest basis among a family's quantities, 0 being the strongest of all.

    None where the record carries none of them.
    """
    ranks = [_RANK[basis[key]] for key in FAMILIES[pricing_model] if key in quantities]
    return min(ranks, default=None)


def _most_selectors(entries: Sequence[Entry]) -> Entry:
    most = max(entry.selectors for entry in entries)
    winners = [entry for entry in entries if entry.selectors == most]
    if len(winners) > 1:
        _refuse(winners, "fit equally well; give one of them another selector or an end")
    return winners[0]


def _by_quantity(
    best: Sequence[Entry], quantities: Mapping[str, int | Decimal], basis: Mapping[str, str]
) -> Entry:
    ranked = [
        (rank, entry)
        for entry in best
        if (rank := carried_basis(entry.pricing_model, quantities, basis)) is not None
    ]
    if not ranked:
        # A request is always carried, since absent counts 1. Without one there is nothing to price by any
        # of them, and the gap is stated in terms of the first.
        by_family = {entry.pricing_model: entry for entry in best}
        return by_family.get("per_request") or next(by_family[name] for name in FAMILIES if name in by_family)
    strongest = min(rank for rank, _ in ranked)
    winners = [entry for rank, entry in ranked if rank == strongest]
    if len(winners) > 1:
        _refuse(winners, "price different quantities of this record, which have the same basis")
    return winners[0]


def _refuse(entries: Sequence[Entry], problem: str) -> None:
    names = " and ".join(repr(entry.id) for entry in entries)
    raise DecibillReferenceError("ambiguous_price", "", f"the entries {names} {problem}")
