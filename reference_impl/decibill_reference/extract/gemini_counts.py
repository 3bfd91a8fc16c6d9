"""What one of Gemini's usage objects counts, as it stands there.

Nearly every object is plain: what rules read in it are whole numbers and lists of modalities with whole
numbers, nothing is stated twice, and all else is null or a text. Of such an object the names alone say what
is what, so one pass over what is there finds it all. Any other object is read member by member (`wire`), with
an eye on spellings, on what has been read, and on what is refused. Both ways have one result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from decibill_reference.extract.gemini_names import CACHED_UNATTRIBUTED, PARTS, TOOL_USE, TOTAL, part_of
from decibill_reference.numbers import LARGEST_COUNT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from decibill_reference.extract.gemini_names import Dialect, Listing, PlainListing
    from decibill_reference.extract.wire import WireObject

    _Value: TypeAlias = int | float | Decimal | str | list[Any] | dict[str, Any] | None
    """One value of JSON data."""

__all__ = ["Counted", "adds_up", "place_of", "plain_counts", "read_counts"]


class Counted:
    """What a usage object counts, to which what follows from it is added."""

    __slots__ = ("bases", "counts", "listed")

    def __init__(self, counts: dict[str, int], listed: dict[Listing, int]) -> None:
        self.counts = counts
        """The tokens of each count, and those of each quantity that lists name parts of."""
        self.listed = listed
        """What the entries of each list come to, if it has any."""
        self.bases: dict[str, str] = {}
        """The basis of what is added, and of what is changed by more than a sum."""


_OBJECTS = (dict,)
"""What holds an entry of a plain list; another kind of mapping may answer for members that it lacks."""

_BESIDE = {"input_tokens": TOOL_USE, "output_tokens": "reasoning_output_tokens"}
"""What the wire counts beside a direction's tokens and a record inside them."""


def plain_counts(members: Mapping[str, _Value], names: Dialect) -> Counted | None:
    """Return what the usage object with those members counts, or None.

    It is None where the object is not plain, and where it leaves a direction out, whose lists may have to
    stay unread.
    """
    counts: dict[str, int] = {}
    listed: dict[Listing, int] = {}
    known_counts, known_lists = names.plain_counts, names.plain_lists
    try:
        for member, value in members.items():
            if type(value) is int:
                count = known_counts[member]
                if count in counts or not 0 <= value <= LARGEST_COUNT:
                    return None
                counts[count] = value
            elif type(value) is list:
                inside = known_lists[member]
                if inside.listing in listed or not value:
                    return None
                listed[inside.listing] = _add_plain_list(value, inside, counts)
            elif value is None or member == names.read_apart:
                continue
            elif type(value) is not str or member in names.no_texts:
                return None
    except (KeyError, TypeError, ValueError):  # no rule knows the number, or not what an entry is
        return None
    return Counted(counts, listed) if "input_tokens" in counts and "output_tokens" in counts else None


def _add_plain_list(entries: Iterable[Any], names: PlainListing, counts: dict[str, int]) -> int:
    """Add the tokens of a list to *counts*, and return what they come to.

    Raises:
        KeyError, TypeError, ValueError: an entry is anything but a count and a modality of its own.
    """
    together = 0
    name, quantities = names.tokens, names.quantities
    for entry in entries:
        if type(entry) not in _OBJECTS or len(entry) != 2:
            raise ValueError
        tokens, quantity = entry[name], quantities[entry["modality"]]
        is_count = type(tokens) is int and 0 <= tokens <= LARGEST_COUNT
        if not is_count or quantity in counts:
            raise ValueError
        counts[quantity] = tokens
        together += tokens
    return together


def read_counts(usage: WireObject, names: Dialect, *, is_live: bool) -> Counted:
    """Return what *usage* counts, read member by member, but for the lists of a direction that is unknown.

    Raises:
        DecibillReferenceError: `invalid_number`, `negative_quantity`, or `malformed_body` for details that
            are not an array of objects.
    """
    counted = Counted({}, {})
    for count in ("input_tokens", TOOL_USE, "output_tokens", "reasoning_output_tokens", TOTAL):
        _read_count(usage, names, count, counted)
    is_sum = adds_up(counted.counts, is_live=is_live)
    if is_sum or "input_tokens" in counted.counts:
        _read_list(usage, names, "prompt", counted)
        _read_list(usage, names, "tool_use", counted)
        _read_list(usage, names, "cached", counted)
        _read_count(usage, names, "cached_input_tokens", counted)
        counted.counts.pop(CACHED_UNATTRIBUTED, None)
    if is_sum or "output_tokens" in counted.counts:
        _read_list(usage, names, "output", counted)
    return counted


def _read_count(usage: WireObject, names: Dialect, count: str, counted: Counted) -> None:
    member = usage.first(names.counts[count])
    value = usage.count(member) if member else None
    if value is not None:
        counted.counts[count] = value


def _read_list(usage: WireObject, names: Dialect, listing: Listing, counted: Counted) -> None:
    """Read a list: entries in any order, one without a count is zero (AUB-GEM-f596)."""
    member = usage.first(names.lists[listing])
    for entry in usage.items(member) if member else ():
        tokens = entry.first(names.tokens)
        value = entry.count(tokens) if tokens else None
        quantity = part_of(listing, entry)
        counted.counts[quantity] = counted.counts.get(quantity, 0) + (value or 0)
        counted.listed[listing] = counted.listed.get(listing, 0) + (value or 0)


def adds_up(counts: Mapping[str, int], *, is_live: bool) -> bool:
    """Tell whether the stated total equals the other counts; *is_live*: with or without the thoughts."""
    total, thoughts = counts.get(TOTAL), counts.get("reasoning_output_tokens", 0)
    visible = counts.get("input_tokens", 0) + counts.get(TOOL_USE, 0) + counts.get("output_tokens", 0)
    return total == visible + thoughts or (is_live and total == visible)


def place_of(quantity: str, usage: WireObject, names: Dialect) -> str | None:
    """Return the pointer at which *quantity* stands in *usage*, or None where it was worked out.

    A sum stands where the first of its terms does.
    """
    for count in (quantity, _BESIDE.get(quantity)):
        member = usage.first(names.counts.get(count, ())) if count else None
        if member:
            return usage.at(member)
    for listing, spellings in names.lists.items():
        member = usage.first(spellings) if quantity in PARTS[listing] else None
        for entry in usage.items(member) if member else ():
            tokens = entry.first(names.tokens)
            if tokens and part_of(listing, entry) == quantity:
                return entry.at(tokens)
    return None
