"""One JSON object of a provider, read member by member.

Reading a member marks it as read, so that what is left at the end is what no rule reads: its numbers other
than zero are named in the record (AUB-USE-c3e5), because a number that nobody reads may be one that somebody
bills.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import cast

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.jsonio import is_object, leaves
from decibill_reference.numbers import LARGEST_COUNT, escape, read_count, read_decimal

__all__ = ["WireObject"]


class WireObject:
    """A JSON object, where it stands, and which of its members have been read.

    A member that is null is absent.

    Raises:
        DecibillReferenceError: `malformed_body` where *value* is no object.
    """

    __slots__ = ("_children", "_is_read", "_read", "members", "pointer")

    def __init__(self, value: object, pointer: str) -> None:
        if not is_object(value):
            raise DecibillReferenceError("malformed_body", pointer, "the provider sends a JSON object here")
        self.members = value
        self.pointer = pointer
        self._is_read = False
        self._read: set[str] = set()
        self._children: dict[str, tuple[WireObject, ...]] = {}

    def at(self, member: str) -> str:
        """Return the pointer to *member*, its name escaped; names that rules know need no escape."""
        return f"{self.pointer}/{member}"

    def count(self, member: str) -> int | None:
        """Return the whole number in *member*.

        Raises:
            DecibillReferenceError: `invalid_number` or `negative_quantity`.
        """
        value = self.members.get(member)
        if value is None:
            return None
        self._read.add(member)
        if type(value) is int and 0 <= value <= LARGEST_COUNT:  # nearly always; then no pointer is needed
            return value
        return read_count(value, self.at(member))

    def decimal(self, member: str) -> Decimal | None:
        """Return the number in *member*, with the digits as sent.

        Raises:
            DecibillReferenceError: `invalid_number` or `negative_quantity`.
        """
        value = self.members.get(member)
        if value is None:
            return None
        self._read.add(member)
        return read_decimal(value, self.at(member))

    def text(self, member: str) -> str | None:
        """Return the text in *member*; anything else than a text is absent."""
        value = self.members.get(member)
        return value if isinstance(value, str) else None

    def child(self, member: str) -> WireObject | None:
        """Return the object in *member*.

        Raises:
            DecibillReferenceError: `malformed_body` where something else than an object stands there.
        """
        value = self.members.get(member)
        if value is None:
            return None
        child = WireObject(value, self.at(member))
        self._children[member] = (child,)
        return child

    def children(self, members: Sequence[str]) -> list[WireObject]:
        """Return the objects in *members*, spellings of one thing, in their order.

        Raises:
            DecibillReferenceError: `malformed_body` where something else than an object stands there.
        """
        found: list[WireObject] = []
        for member in members:
            if member in self.members:
                child = self.child(member)
                if child is not None:
                    found.append(child)
        return found

    def items(self, member: str) -> tuple[WireObject, ...]:
        """Return the objects of the array in *member*; none where there is no array.

        Raises:
            DecibillReferenceError: `malformed_body` where something else than an array of objects stands
                there.
        """
        value = self.members.get(member)
        if value is None:
            return ()
        place = self.at(member)
        if not isinstance(value, list):
            raise DecibillReferenceError("malformed_body", place, "the provider sends a JSON array here")
        listed = enumerate(cast("list[object]", value))
        items = tuple([WireObject(item, f"{place}/{number}") for number, item in listed])
        self._children[member] = items
        return items

    def skip(self, member: str) -> None:
        """Mark *member* as read: its number is known to be information and not usage."""
        self._read.add(member)

    def skip_all(self) -> None:
        """Mark all members as read, those of objects below included."""
        self._is_read = True

    def first(self, members: Sequence[str]) -> str | None:
        """Return the first of *members*, spellings of one thing, that says something.

        Others that repeat it count as read; one that contradicts it does not.
        """
        chosen = None
        for member in members:
            value = self.members.get(member)
            if not value and (value is None or value == {}):
                continue
            if chosen is None:
                chosen = member
            elif value == self.members[chosen]:
                self._read.add(member)
        return chosen

    def repeats(self, member: str, value: object) -> None:
        """Count *member* as read where it says *value*, which another spelling of it said."""
        if self.members.get(member) == value:
            self._read.add(member)

    def unread(self) -> list[str]:
        """Return the pointers of all numbers other than zero, here and below, that have not been read."""
        found: list[str] = []
        if self._is_read or self.members.keys() <= self._read:
            return found
        for member, value in self.members.items():
            if member in self._read or not value or isinstance(value, str):
                continue
            if member in self._children:
                for child in self._children[member]:
                    found += child.unread()
            else:
                for pointer, leaf in leaves(value, self.at(escape(member))):
                    if isinstance(leaf, int | float | Decimal) and leaf and not isinstance(leaf, bool):
                        found.append(pointer)
        return found
