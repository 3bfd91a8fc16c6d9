"""From a price book to a gateway's own price list.

Every price is carried over to its last digit or not at all. A modifier or a selector that the list has no
member for is left out and reported. An entry's multiplier goes into its amounts, which loses nothing. Where
two entries need one member for different prices, the one with fewer selectors has it; of equals neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any, cast

from decibill.book_checks import instant
from decibill.declaration import Declaration
from decibill.errors import HarnessError, UnknownNameError, UsageError
from decibill.pointer import join
from decibill.pricelist import STANDARD, PriceList
from decibill.pricemap import Carried, NotCarried, layout_of
from decibill.pricemap_rates import Member, RateWriter

__all__ = ["WriteOptions", "write_list"]

_CURRENCY = "USD"  # the only one that a declaration can name
_SELECTORS = ("operations", "surface", "region")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Which part of a book is written."""

    file: str
    """The book's name, for messages."""

    at: datetime
    """The instant whose prices are written, where the list has no dates of its own."""

    models: tuple[str, ...] = ()
    """Patterns of the models to write; none: all."""

    provider: str | None = None
    """Only the entries of this provider."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the book, for one of its models."""

    place: str
    data: Mapping[str, Any]
    model: str
    provider: str
    """In the gateway's words, as is the operation."""

    operation: str | None

    @property
    def selectors(self) -> int:
        return sum(name in self.data for name in _SELECTORS)


@dataclass(slots=True)
class _Slot:
    """One entry of the list in the making."""

    key: str
    head: Mapping[str, Any]
    members: dict[str, tuple[Member, int]] = field(default_factory=dict[str, tuple[Member, int]])
    """By path, with the number of selectors of the entry that it is from."""

    disputed: set[str] = field(default_factory=set[str])

    def put(self, member: Member, selectors: int) -> Iterator[NotCarried]:
        """Take a price, and yield what it displaces or what displaces it."""
        held = self.members.get(member.path)
        if held is None and member.path not in self.disputed:
            self.members[member.path] = (member, selectors)
        elif held is None:
            yield _contradiction(member)
        elif held[0].amount != member.amount and held[1] < selectors:
            problem = f"{member.path} holds the price of {held[0].place}, which has fewer selectors"
            yield NotCarried(member.place, "selector", problem)
        elif held[0].amount != member.amount:
            del self.members[member.path]
            self.disputed.add(member.path)
            yield _contradiction(held[0])
            yield _contradiction(member)


def _contradiction(member: Member) -> NotCarried:
    problem = f"another entry has another price for {member.path}; neither is carried"
    return NotCarried(member.place, "contradiction", problem)


def write_list(book: Mapping[str, Any], declaration: Declaration, options: WriteOptions) -> Carried:
    """Return the gateway's own price list for *book*, which is valid, and what did not get into it.

    Amounts are decimals, to be written as JSON numbers, or strings where the gateway keeps strings.

    Raises:
        UnknownNameError: no entry is for the provider, or for one of the models, that were asked for.
        UsageError: the declaration does not say what the list looks like; the book has prices of several
            providers, and the list has no member to tell them apart.
    """
    return _Writer(declaration, layout_of(declaration), options).write(book)


@dataclass(frozen=True, slots=True)
class _Writer:
    declaration: Declaration
    layout: PriceList
    options: WriteOptions

    def write(self, book: Mapping[str, Any]) -> Carried:
        lost: list[NotCarried] = []
        entries: list[_Entry] = []
        for place, data in self.chosen(book):
            refused = self.refused(data, place, data.get("currency", book["currency"]))
            lost += [refused] if refused else self.unsaid(data, place)
            entries += () if refused else self.by_model(data, place)
        slots: dict[tuple[object, ...], _Slot] = {}
        for entry in entries:
            slots.setdefault(self.slot_id(entry), _Slot(self.key(entry), self.head(entry)))
        for entry in sorted(entries, key=lambda entry: entry.selectors):
            for found in self.rates(entry).members(entry.data["rates"], entry.place + join("rates")):
                if isinstance(found, Member):
                    lost += slots[self.slot_id(entry)].put(found, entry.selectors)
                else:
                    lost.append(found)
        lost.sort(key=lambda item: int(item.pointer.split("/")[2]))  # in the order of the book
        return Carried(self.rendered(slots.values()), tuple(dict.fromkeys(lost)))

    def chosen(self, book: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the entries of the provider and models that were asked for, each with its place.

        A list that does not name the provider holds the prices of one.
        """
        file, provider = self.options.file, self.options.provider
        providers = {entry["provider"] for entry in book["entries"]}
        if provider is not None and provider not in providers:
            raise UnknownNameError(f"provider in {file}", provider, providers)
        if provider is None and len(providers) > 1 and not self.names_providers:
            names = " and ".join(sorted(providers))
            raise UsageError(f"{file} has prices of {names}, and the list names no provider; use --provider")
        ours = {
            join("entries", n): entry
            for n, entry in enumerate(book["entries"])
            if provider in (None, entry["provider"])
        }
        known = [model for entry in ours.values() for model in entry["models"]]
        for pattern in self.options.models:
            if not any(fnmatchcase(model, pattern) for model in known):
                raise UnknownNameError(f"model in {file}", pattern, known)
        yield from (item for item in ours.items() if any(map(self.is_wanted, item[1]["models"])))

    def is_wanted(self, model: str) -> bool:
        return not self.options.models or any(fnmatchcase(model, p) for p in self.options.models)

    def refused(self, entry: Mapping[str, Any], place: str, currency: str) -> NotCarried | None:
        """Return why an entry cannot be written at all, or None."""
        if currency != _CURRENCY:
            return NotCarried(place, "currency", f"is in {currency}, and the list in {_CURRENCY}")
        tier = entry.get("service_tier", STANDARD)
        if tier not in (STANDARD, *self.layout.tiers):
            problem = f"the list has no members for the service tier {tier}"
            return NotCarried(f"{place}/service_tier", "selector", problem)
        family = self.layout.family
        if family is not None and not family.values.get(entry["pricing_model"]):
            problem = f"{family.member} has no value for {entry['pricing_model']}"
            return NotCarried(f"{place}/pricing_model", "no_field", problem)
        start, end = instant(entry["from"]), instant(entry.get("until", "9999-12-31"))
        at = self.options.at
        if not self.is_dated and not (start is not None and end is not None and start <= at < end):
            period = f"from {entry['from']}" + (f" until {entry['until']}" if "until" in entry else "")
            return NotCarried(
                place, "not_in_force", f"holds {period}, and the list has one price for all times"
            )
        return None

    @property
    def names_providers(self) -> bool:
        """Whether an entry of the list says whose model it prices."""
        return self.layout.provider is not None or "{provider}" in self.layout.key

    @property
    def is_dated(self) -> bool:
        """Whether the list can hold several prices of one model, each for its time."""
        return self.layout.shape == "list" and self.layout.start is not None

    def unsaid(self, entry: Mapping[str, Any], place: str) -> Iterator[NotCarried]:
        """Yield the members of an entry, other than rates, that the list has no place for."""
        for name in _SELECTORS:
            if name in entry and not (name == "operations" and self.operation(entry) is not None):
                problem = f"the list has no member for {name}; the price is written for all"
                yield NotCarried(f"{place}/{name}", "selector", problem)
        if self.is_dated and self.layout.end is None and "until" in entry:
            yield NotCarried(f"{place}/until", "selector", "the list has no member for the end of a price")
        for feature in entry.get("addons", ()):
            yield NotCarried(place + join("addons", feature), "modifier", "the list has no add-ons")

    def operation(self, entry: Mapping[str, Any]) -> str | None:
        """Return what an entry is for in the gateway's words, where its list can say so."""
        if self.layout.operation is None:
            return None
        words = {self.declaration.operation_names.get(word, word) for word in entry.get("operations", ())}
        return words.pop() if len(words) == 1 else None

    def by_model(self, data: Mapping[str, Any], place: str) -> Iterator[_Entry]:
        provider = self.declaration.provider_names.get(data["provider"], data["provider"])
        for model in filter(self.is_wanted, data["models"]):
            yield _Entry(place, data, model, provider, self.operation(data))

    def rates(self, entry: _Entry) -> RateWriter:
        return RateWriter(
            self.declaration.prices,
            self.layout,
            entry.provider,
            entry.operation,
            self.layout.tiers.get(entry.data.get("service_tier", STANDARD), ""),
            Fraction(entry.data.get("multiplier", "1")),
        )

    def slot_id(self, entry: _Entry) -> tuple[object, ...]:
        """Return what two entries of the book share where they become one entry of the list."""
        if self.layout.shape == "map":
            return (self.key(entry),)
        family = entry.data["pricing_model"] if self.layout.family is not None else None
        period = (entry.data["from"], entry.data.get("until")) if self.is_dated else None
        return (entry.provider, entry.model, family, period)

    def key(self, entry: _Entry) -> str:
        return self.layout.key.replace("{provider}", entry.provider).replace("{model}", entry.model)

    def head(self, entry: _Entry) -> Mapping[str, Any]:
        """Return the members of an entry of the list that are no prices."""
        layout, family = self.layout, self.layout.family
        pairs: list[tuple[str | None, Any]] = [
            (layout.model, entry.model),
            (layout.provider, entry.provider),
            (layout.operation, entry.operation),
        ]
        if family is not None:
            pairs.append((family.member, family.values[entry.data["pricing_model"]][0]))
        if self.is_dated:
            pairs += [(layout.start, _timestamp(entry.data["from"]))]
            pairs += [(layout.end, _timestamp(entry.data["until"]))] if "until" in entry.data else []
        return {name: value for name, value in pairs if name is not None and value is not None}

    def rendered(self, slots: Iterable[_Slot]) -> Any:
        """Return the list; an entry without a price is left out, since a gateway would call it free."""
        text = self.declaration.prices.number == "string"
        entries: list[tuple[str, dict[str, Any]]] = []
        for slot in slots:
            entry = dict(slot.head)
            for path, (member, _) in slot.members.items():
                _nest(entry, path, format(member.amount, "f") if text else member.amount)
            entries += [(slot.key, entry)] if slot.members else []
        return dict(entries) if self.layout.shape == "map" else [entry for _, entry in entries]


def _timestamp(text: str) -> str:
    return text if "T" in text else f"{text}T00:00:00Z"


def _nest(entry: dict[str, Any], path: str, value: Any) -> None:
    *outer, last = path.split("/")
    place = entry
    for name in outer:
        inner = place.setdefault(name, {})
        if not isinstance(inner, dict):
            raise HarnessError(f"the price member {path} stands inside another price")
        place = cast("dict[str, Any]", inner)
    place[last] = value
