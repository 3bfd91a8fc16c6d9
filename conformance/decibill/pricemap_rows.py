"""The entries of a gateway's own price list as they stand in a file, and what each says about itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard, cast

from decibill import pointer, schemas
from decibill.book_checks import instant
from decibill.errors import InvalidFileError
from decibill.pricelist import PriceList
from decibill.pricemap import NotCarried

__all__ = ["Head", "Row", "find_rows", "head_of"]

_MIDNIGHT = "T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of the list."""

    pointer: str
    key: str | None
    """Its name, where the list is a map."""

    leaves: Mapping[str, tuple[str, Any]]
    """Every member that is not null: its path, names joined by ``/``, to its place and value."""

    layout: PriceList

    def value(self, member: str | None) -> Any:
        """Return the value of a member that the layout names, or None."""
        found = self.leaves.get(self.layout.folded(member)) if member is not None else None
        return None if found is None else found[1]

    @property
    def model(self) -> str | None:
        """The model that it prices; None: it names none."""
        layout = self.layout
        if layout.model is not None or self.key is None:
            model = self.value(layout.model)
            return model if isinstance(model, str) and model else None
        before, _, after = layout.key.replace("{provider}", str(self.value(layout.provider))).partition(
            "{model}"
        )
        inner = self.key[len(before) : len(self.key) - len(after)]
        return inner if inner and self.key == before + inner + after else self.key


@dataclass(frozen=True, slots=True)
class Head:
    """What an entry says about itself."""

    provider: str
    model: str
    start: str | None
    end: str | None
    source: str | None
    operation: str | None
    """In the gateway's words."""

    family: str | None
    """The only unit family that it prices; None: any."""


def find_rows(
    document: Any, layout: PriceList, known: Collection[str], file: str
) -> tuple[list[Row], list[NotCarried]]:
    """Return the entries of a price list, and the members of the list that are none.

    Args:
        document: the file's content.
        layout: what the gateway's list looks like.
        known: paths of the members that are looked for; only tables that hold one are looked into.
        file: the file, for the message.

    Raises:
        InvalidFileError: the document is no such list.
    """
    rows: list[Row] = []
    strangers: list[NotCarried] = []
    for place, key, members in _members(document, layout, file):
        if _is_table(members):
            rows.append(Row(place, key, dict(_leaves(members, layout, known, "", place)), layout))
        else:
            strangers.append(NotCarried(place, "no_meaning", "is no entry, which is an object"))
    return rows, strangers


def _members(document: Any, layout: PriceList, file: str) -> list[tuple[str, str | None, Any]]:
    """Return place, name and value of what stands in the list."""
    for place in (*layout.at, ""):
        found = pointer.resolve(document, place)
        if layout.shape == "map" and _is_table(found):
            return [(place + pointer.join(key), key, value) for key, value in found.items()]
        if layout.shape == "list" and _is_list(found):
            return [(place + pointer.join(index), None, value) for index, value in enumerate(found)]
    if layout.shape == "list" and _is_table(document):
        return [("", None, document)]  # a single entry
    what = "an object with one member for each entry" if layout.shape == "map" else "an array of entries"
    where = "".join(f" or hold it at {place}" for place in layout.at)
    raise InvalidFileError(file, f"must be {what}{where}", pointer="/")


def _is_table(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _leaves(
    members: Mapping[str, Any], layout: PriceList, known: Collection[str], path: str, at: str
) -> Iterator[tuple[str, tuple[str, Any]]]:
    for name, value in members.items():
        here = path + layout.folded(name)
        place = at + pointer.join(name)
        if _is_table(value) and any(other.startswith(f"{here}/") for other in known):
            yield from _leaves(value, layout, known, f"{here}/", place)
        elif value is not None:
            yield here, (place, value)


def head_of(row: Row, providers: Mapping[str, str], provider: str | None) -> Head | NotCarried:
    """Return what an entry says about itself, or why it cannot be carried over at all.

    Args:
        row: the entry.
        providers: the gateway's word for a provider to ours.
        provider: the provider of an entry that names none.
    """
    layout, model = row.layout, row.model
    named = row.value(layout.provider)
    if row.value(layout.active) is False:
        return NotCarried(row.pointer, "inactive", f"is not in use: {layout.active} is false")
    if model is None or schemas.definition("price-book", "entry/properties/models/items")(model):
        said = "names no model" if model is None else f"{model!r} is not the exact id of a model"
        return NotCarried(row.pointer, "no_model", said)
    provider = providers.get(str(named), str(named)) if named is not None else provider
    if provider is None:
        return NotCarried(row.pointer, "no_provider", "names no provider; give one with --provider")
    if schemas.definition("usage-record", "provider")(provider):
        return NotCarried(row.pointer, "no_provider", f"{provider!r} is not the name of a provider")
    start, end = _moment(row, layout.start), _moment(row, layout.end)
    if isinstance(start, NotCarried) or isinstance(end, NotCarried):
        return start if isinstance(start, NotCarried) else cast("NotCarried", end)
    if start is not None and _is_empty(start, end):
        return NotCarried(row.pointer, "no_date", f"ends at {end}, not later than it begins, {start}")
    family = _family(row)
    if isinstance(family, NotCarried):
        return family
    source, operation = row.value(layout.source), row.value(layout.operation)
    return Head(
        provider=provider,
        model=model,
        start=start,
        end=end,
        source=None if schemas.definition("usage-record", "url")(source) else source,
        operation=None if operation is None else str(operation),
        family=family,
    )


def _moment(row: Row, member: str | None) -> str | NotCarried | None:
    """Return an instant as price books write it: a UTC timestamp, or a date where it is midnight."""
    value = row.value(member)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        return NotCarried(row.pointer, "no_date", f"{member} is not a date: {value!r}")
    # a list that names no time zone is kept in UTC
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment.replace(tzinfo=None).isoformat()}Z".removesuffix(_MIDNIGHT)


def _family(row: Row) -> str | NotCarried | None:
    """Return the pricing model that the entry names for itself; None: it names none."""
    family = row.layout.family
    value = row.value(family.member) if family is not None else None
    if family is None or value is None or value in family.unrestricted:
        return None
    for pricing_model, values in family.values.items():
        if value in values:
            return pricing_model
    problem = f"{family.member} {value} has no counterpart among the pricing models of a price book"
    return NotCarried(row.pointer, "other_family", problem)


def _is_empty(start: str, end: str | None) -> bool:
    """Return whether a period ends before it has begun."""
    first, last = instant(start), instant(end) if end is not None else None
    return first is not None and last is not None and last <= first
