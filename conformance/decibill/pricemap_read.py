"""From a gateway's own price list to a price book.

An entry of the list becomes one entry of the book for each unit family and service tier that it prices, since
an entry of a book prices by one family (data-model section 3). Of two prices for one thing neither is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import Any, cast

from decibill.book_checks import instant
from decibill.declaration import Declaration
from decibill.errors import UnknownNameError
from decibill.pricelist import STANDARD, Meaning, PriceList, meanings
from decibill.pricemap import Carried, NotCarried, layout_of
from decibill.pricemap_rows import Head, Row, find_rows, head_of
from decibill.pricemap_settle import Price, price_at, settle

__all__ = ["ReadOptions", "read_book"]

_CURRENCY = "USD"  # the only one that a declaration can name


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the file itself does not say."""

    file: str
    """Its name, for messages."""

    read: str
    """The day on which it was read."""

    since: str
    """From when the prices hold where an entry gives no date."""

    provider: str | None = None
    """The provider of entries that name none."""

    source: str | None = None
    """The page that the prices are from, where an entry names none."""

    models: tuple[str, ...] = ()
    """Patterns of the models to read; none: all."""


@dataclass(frozen=True, slots=True)
class _Read:
    """An entry of the book and where it stands in the list."""

    place: str
    entry: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Lists:
    """What all entries of one list are read by."""

    declaration: Declaration
    layout: PriceList
    known: Mapping[str, Meaning]
    """Path of a member, as names are compared, to what it prices."""

    order: Mapping[str, int]
    """Path of a member to its turn: the declaration's order, not the file's."""

    providers: Mapping[str, str]
    """The gateway's word for a provider to ours."""

    options: ReadOptions


def read_book(document: Any, declaration: Declaration, options: ReadOptions) -> Carried:
    """Return the price book in the gateway's price list *document*, and what did not get into it.

    Raises:
        InvalidFileError: the document is not such a list.
        UnknownNameError: no entry is for one of the models that were asked for.
        UsageError: the declaration does not say what the list looks like.
    """
    layout = layout_of(declaration)
    known = {layout.folded(path): meaning for path, meaning in meanings(declaration.prices.fields, layout)}
    order = {path: number for number, path in enumerate(known)}
    providers = {theirs: ours for ours, theirs in declaration.provider_names.items()}
    lists = _Lists(declaration, layout, known, order, providers, options)
    rows, lost = find_rows(document, layout, known, options.file)
    found: list[_Read] = []
    for row in _chosen(rows, options):
        entries, missing = _entries(row, lists)
        found += entries
        lost += missing
    kept, missing = _distinct(found)
    return Carried({"currency": _CURRENCY, "entries": kept}, (*lost, *missing))


def _chosen(rows: Sequence[Row], options: ReadOptions) -> list[Row]:
    """Return the entries of the models that were asked for."""
    if not options.models:
        return [*rows]
    named = [(row, {name for name in (row.model, row.key) if name}) for row in rows]
    for pattern in options.models:
        if not any(fnmatchcase(name, pattern) for _, names in named for name in names):
            known = [name for _, names in named for name in names]
            raise UnknownNameError(f"model in {options.file}", pattern, known)
    return [
        row
        for row, names in named
        if any(fnmatchcase(name, pattern) for name in names for pattern in options.models)
    ]


def _entries(row: Row, lists: _Lists) -> tuple[list[_Read], list[NotCarried]]:
    """Return the entries of the book that one entry of the list becomes, and what is left of it."""
    head = head_of(row, lists.providers, lists.options.provider)
    if isinstance(head, NotCarried):
        return [], [head]
    prices: list[Price] = []
    lost: list[NotCarried] = []
    for path, (place, value) in sorted(row.leaves.items(), key=lambda leaf: lists.order.get(leaf[0], -1)):
        if path in lists.known:
            price = price_at(place, value, lists.known[path], head.operation, head.family)
            if isinstance(price, Price):
                prices.append(price)
            else:
                lost.append(price)
        elif not lists.layout.is_other(path):
            lost.append(NotCarried(place, "no_meaning", "nothing in a price book stands for it"))
    above, named = lists.layout.above, str(row.value(lists.layout.provider))
    settled, missing = settle(prices, above.by, above.shift(named)) if above else settle(prices)
    read = [
        _Read(row.pointer, {**_says(row, head, tier, family, lists), "rates": rates})
        for (tier, family), rates in settled.items()
    ]
    return read, lost + missing


def _says(row: Row, head: Head, tier: str, family: str, lists: _Lists) -> Mapping[str, Any]:
    """Return an entry of the book without its rates."""
    declaration, options = lists.declaration, lists.options
    start = head.start or options.since
    parts = (declaration.id, head.provider, head.model, family, *([tier] if tier != STANDARD else []), start)
    entry: dict[str, Any] = {
        "id": "/".join(parts),
        "provider": head.provider,
        "models": [head.model],
        "from": start,
        "until": head.end,
        "pricing_model": family,
        "service_tier": tier if tier != STANDARD else None,
        "rates": {},
        "source": {
            "url": head.source or options.source or f"urn:decibill:prices:{declaration.id}",
            "read": options.read,
            "note": f"{declaration.name}: {row.pointer or '/'} of {PurePath(options.file).name}",
        },
    }
    return {name: value for name, value in entry.items() if value is not None}


def _distinct(found: Sequence[_Read]) -> tuple[list[Mapping[str, Any]], list[NotCarried]]:
    """Return the entries without those that contradict each other, and those that repeat another once."""
    groups: dict[tuple[str, ...], list[_Read]] = {}
    for read in found:
        entry = read.entry
        key = (entry["provider"], *entry["models"], entry["pricing_model"], entry.get("service_tier", ""))
        groups.setdefault(key, []).append(read)
    kept: list[Mapping[str, Any]] = []
    lost: list[NotCarried] = []
    for group in groups.values():
        for n, read in enumerate(group):
            rivals = [other for m, other in enumerate(group) if m != n and _meet(read.entry, other.entry)]
            against = [other.place for other in rivals if not _agree(read.entry, other.entry)]
            if against:
                problem = (
                    f"prices {read.entry['models'][0]} of {read.entry['provider']} otherwise than "
                    f"{' and '.join(against)}, for the same time; neither is carried"
                )
                lost.append(NotCarried(read.place, "contradiction", problem))
            elif not any(other in rivals for other in group[:n]):
                kept.append(read.entry)
    return kept, lost


def _meet(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether there is an instant at which both hold."""
    return _before(one["from"], other.get("until")) and _before(other["from"], one.get("until"))


def _before(start: str, end: str | None) -> bool:
    return end is None or cast("datetime", instant(start)) < cast("datetime", instant(end))


def _agree(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two entries hold the same rates for the same time."""
    periods = [(entry["from"], entry.get("until")) for entry in (one, other)]
    return periods[0] == periods[1] and _exact(one["rates"]) == _exact(other["rates"])


def _exact(rates: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: (Decimal(rate["amount"]), rate["per"], rate.get("tiers")) for name, rate in rates.items()}
