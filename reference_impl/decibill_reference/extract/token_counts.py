"""What a usage object in OpenAI's style counts, as it stands there.

A plain object (`plain`) is read in one pass. Any other is read member by member: of several spellings of one
thing the first that says something counts, and one that contradicts it has not been read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from decibill_reference.extract.plain import place_of, plain_counts
from decibill_reference.extract.token_names import (
    CACHED_DETAILS,
    CACHED_PARTS,
    INPUT,
    OUTPUT,
    TOTAL,
    TOTAL_MEMBER,
    USAGE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from decibill_reference.extract.token_names import Direction
    from decibill_reference.extract.wire import WireObject

    Place: TypeAlias = Callable[[str], str | None]

__all__ = ["place_in", "read_by_member", "read_plain"]

_CACHED_NAMES = frozenset(quantity for quantity, _ in CACHED_PARTS)


def read_plain(usage: WireObject) -> dict[str, int] | None:
    """Return what *usage* counts, by quantity and by `TOTAL`; None where it is not plain."""
    counts = plain_counts(usage.members, USAGE)
    if counts is None or (
        "cached_input_tokens" not in counts and not counts.keys().isdisjoint(_CACHED_NAMES)
    ):
        return None  # cached tokens that are only stated by modality have a sum, which is to be stated too
    usage.skip_all()
    return counts


def place_in(usage: WireObject, quantity: str) -> str | None:
    """Return the pointer at which *quantity* stands in *usage*, which is plain, or None."""
    return place_of(quantity, usage.members, USAGE, usage.pointer)


def read_by_member(usage: WireObject, *, normal_form: bool) -> tuple[dict[str, int], Place]:
    """Return what *usage* counts, by quantity and by `TOTAL`, and what gives the pointer of a quantity.

    The cached tokens can be a sum, and larger than a record can hold.

    Args:
        usage: a usage object that counts tokens.
        normal_form: whether parts can stand at the top of the object too, under the names of the record.

    Raises:
        DecibillReferenceError: `invalid_number`, `negative_quantity`, or `malformed_body` for details that
            are not an object.
    """
    reading = _Reading(usage, normal_form=normal_form)
    reading.read()
    return reading.counts, reading.place


class _Reading:
    """A usage object as far as it has been read, member by member."""

    def __init__(self, usage: WireObject, *, normal_form: bool) -> None:
        self._usage = usage
        self._top = usage if normal_form else None
        """What parts can stand in beside the details, under the names of the record."""
        self.counts: dict[str, int] = {}
        self._places: dict[str, tuple[WireObject, str]] = {}

    def read(self) -> None:
        """Read all that is counted."""
        self._read_direction(INPUT)
        self._read_direction(OUTPUT)
        self._read(TOTAL, self._usage, TOTAL_MEMBER)

    def place(self, quantity: str) -> str | None:
        """Return the pointer at which *quantity* stands."""
        place = self._places.get(quantity)
        return place[0].at(place[1]) if place else None

    def _read(self, quantity: str, wire: WireObject, member: str) -> int | None:
        value = wire.count(member)
        if value is not None:
            self.counts[quantity] = value
            self._places[quantity] = (wire, member)
        return value

    def _read_direction(self, direction: Direction) -> None:
        member = self._usage.first(direction.totals)
        if member:
            self._read(direction.whole, self._usage, member)
        details = self._usage.children(direction.details)
        if details or self._top:
            self._read_parts(direction, details)

    def _read_parts(self, direction: Direction, details: Sequence[WireObject]) -> None:
        """Read what details, or the top of the object, say of a direction's parts."""
        members = self._members(details)
        for quantity, part in (*direction.parts, direction.subset):
            if part in members or quantity in members:
                self._read_part(quantity, details, part)
        if direction is INPUT and (self._top or CACHED_DETAILS in members):
            self._read_cached_parts(details)
        if self._top:
            self._top.count(direction.unattributed)  # found again as what the named parts leave open

    def _members(self, details: Sequence[WireObject]) -> Collection[str]:
        """Return the members that anything stands in: mostly those of one object."""
        if self._top is None and len(details) == 1:
            return details[0].members
        return {member for wire in (*details, *filter(None, (self._top,))) for member in wire.members}

    def _read_part(self, quantity: str, details: Sequence[WireObject], member: str) -> int | None:
        """Read *quantity* as the first details have it in *member*, else as the top has it by its name."""
        value: int | None = None
        for spelling in details:
            if value is None:
                value = self._read(quantity, spelling, member)
            else:
                spelling.repeats(member, value)
        if self._top and value is None:
            value = self._read(quantity, self._top, quantity)
        elif self._top:
            self._top.repeats(quantity, value)
        return value

    def _read_cached_parts(self, details: Sequence[WireObject]) -> None:
        """Read the cached tokens by modality where the provider splits them (AUB-USE-ffb3)."""
        split = [part for spelling in details if (part := spelling.child(CACHED_DETAILS)) is not None]
        present: dict[str, int] = {}
        for quantity, member in CACHED_PARTS:
            value = self._read_part(quantity, split, member)
            if value is not None:
                present[quantity] = value
        if present and "cached_input_tokens" not in self.counts:
            self.counts["cached_input_tokens"] = sum(present.values())
            self._places["cached_input_tokens"] = self._places[next(iter(present))]
