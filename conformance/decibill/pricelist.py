"""What a gateway's own price list looks like: the layout around its price fields, as declared.

The price fields themselves are those of ``[prices.fields]``, one mapping for both directions; this is what
`pricemap_read` and `pricemap_write` need besides. All of it is data of the declaration (``[prices.list]``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final, Literal

from decibill.declaration import PriceField

__all__ = ["STANDARD", "FamilyMember", "Meaning", "PriceList", "Thresholds", "meanings"]

STANDARD: Final = "standard"


@dataclass(frozen=True, slots=True)
class FamilyMember:
    """The member by which an entry says which unit family it prices."""

    member: str
    values: Mapping[str, tuple[str | int, ...]]
    """Pricing model of a price book to the gateway's values for it, the first of which is written."""

    unrestricted: tuple[str | int, ...] = ()
    """Values that say nothing about the family."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Members with a price for larger calls: a price field's name and an ending."""

    by: str
    """The quantity that decides."""

    endings: Mapping[str, Decimal]
    """Ending of the member's name to the quantity above which its price holds."""

    inclusive: frozenset[str] = frozenset()
    """The gateway's words for the providers whose price holds from the threshold on, that count included."""

    def ending(self, by: str, above: Decimal, provider: str) -> str | None:
        """Return the ending of a member whose price holds for more than *above* of *by*, or None."""
        for ending, threshold in self.endings.items():
            if by == self.by and threshold == above + self.shift(provider):
                return ending
        return None

    def shift(self, provider: str) -> int:
        """Return what to take from a threshold of *provider*: 1 where it is included, counts being whole."""
        return int(provider in self.inclusive)


@dataclass(frozen=True, slots=True)
class PriceList:
    """The layout of a list of prices."""

    shape: Literal["map", "list"]
    """``map``: an object with one member for each entry; ``list``: an array of entries."""

    at: tuple[str, ...] = ()
    """Pointers to the list in a file, the first that leads to one counting; the file itself is tried last."""

    key: str = "{model}"
    """Template of an entry's name in a map, with ``{model}`` and ``{provider}``."""

    inside: str = ""
    """The member of an entry that holds its price fields; empty: the entry itself."""

    any_case: bool = False
    """Whether the gateway compares member names without case."""

    model: str | None = None
    provider: str | None = None
    operation: str | None = None
    start: str | None = None
    end: str | None = None
    active: str | None = None
    """The member that is false where an entry is not in use."""

    source: str | None = None
    family: FamilyMember | None = None
    tiers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Service tier to the ending of its members' names."""

    above: Thresholds | None = None
    other: tuple[str, ...] = ()
    """Patterns of members that are no prices; a member that nothing here names is reported."""

    def folded(self, name: str) -> str:
        """Return *name* as member names are compared."""
        return name.lower() if self.any_case else name

    def is_other(self, path: str) -> bool:
        """Return whether the member at *path* is known not to be a price."""
        own = (self.model, self.provider, self.operation, self.start, self.end, self.active, self.source)
        family = self.family.member if self.family is not None else None
        return path in {self.folded(name) for name in (*own, family) if name is not None} or any(
            fnmatchcase(path, self.folded(pattern)) for pattern in self.other
        )


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one member of an entry prices."""

    quantity: str
    field: PriceField
    tier: str = STANDARD
    above: Decimal | None = None
    """The threshold that its ending names."""

    also: bool = False
    """Whether it only repeats the price of another member, and counts where it is above 0."""


def meanings(fields: Mapping[str, PriceField], layout: PriceList) -> Iterator[tuple[str, Meaning]]:
    """Yield every member that has a meaning, as its path in an entry, with that meaning."""
    tiers = {STANDARD: "", **layout.tiers}
    endings: dict[Decimal | None, str] = {None: ""}
    if layout.above is not None:
        endings |= {above: ending for ending, above in layout.above.endings.items()}
    inside = f"{layout.inside}/" if layout.inside else ""
    for quantity, price_field in fields.items():
        if price_field.written_only:
            continue
        for name in (price_field.field, *price_field.also):
            for tier, tier_ending in tiers.items():
                for above, ending in endings.items():
                    path = inside + name + ending + tier_ending
                    yield path, Meaning(quantity, price_field, tier, above, name != price_field.field)
