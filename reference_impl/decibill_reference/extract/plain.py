"""Plain usage objects, read in one pass.

Nearly every usage object is plain: each member that a rule reads is a whole number or null, nothing stands
twice in two spellings, and nothing else in it could be a number that somebody bills. Of such an object the
names alone say what is what, so one pass over what is there finds it all. Any other object is read member by
member (`wire`), with an eye on spellings, on what has been read, and on what is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from decibill_reference.jsonio import is_object
from decibill_reference.numbers import LARGEST_COUNT

__all__ = ["Names", "place_of", "plain_counts"]


class Names(NamedTuple):
    """What the members of an object state."""

    counts: Mapping[str, str]
    """Members that hold a count, and the quantity that it is."""

    others: Mapping[str, Names | None]
    """Members that hold an object, and what its members state; None is read by a rule of its own."""


def plain_counts(members: Mapping[str, Any], names: Names) -> dict[str, int] | None:
    """Return the counts in an object by quantity, in the order of the wire; None where it is not plain."""
    counts: dict[str, int] = {}
    return counts if _read(members, names, counts) else None


def _read(members: Mapping[str, Any], names: Names, counts: dict[str, int]) -> bool:
    """Add what *members* state to *counts*, and tell whether they are plain."""
    quantities, others = names
    for member, value in members.items():
        if type(value) is int:
            quantity = quantities.get(member)
            if quantity is None:
                if value or member in others:  # a zero that no rule reads says nothing
                    return False
            elif quantity in counts or not 0 <= value <= LARGEST_COUNT:
                return False
            else:
                counts[quantity] = value
        elif value is None:
            continue
        elif member in others:
            inner = others[member]
            if inner is None or not is_object(value) or not _read(value, inner, counts):
                return False
        elif member in quantities or (value and not isinstance(value, str)):
            return False
    return True


def place_of(quantity: str, members: Mapping[str, Any], names: Names, pointer: str) -> str | None:
    """Return the pointer at which *quantity* stands in a plain object that stands at *pointer*, or None."""
    for member, value in members.items():
        inner = names.others.get(member)
        if value is None:
            continue
        if names.counts.get(member) == quantity:
            return f"{pointer}/{member}"
        if inner is not None:
            place = place_of(quantity, value, inner, f"{pointer}/{member}")
            if place:
                return place
    return None
