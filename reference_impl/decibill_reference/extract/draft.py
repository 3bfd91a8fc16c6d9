"""A usage record in the making."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from decibill_reference.usage import FLAGS, QUANTITIES, UsageRecord, check_parts, weakest

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange

__all__ = ["Draft", "Reader"]

_INFORMATION = frozenset({"media_duration_seconds", "audio_channels"})


class Draft:
    """What has been read of an exchange so far.

    Readers state quantities in any order and with the pointer to their source; `finish` checks that no part
    exceeds its whole, and puts everything into canonical order.
    """

    __slots__ = (
        "_basis",
        "_pointers",
        "_quantities",
        "character_rule",
        "flags",
        "service_tier",
        "unknown",
        "unread",
    )

    def __init__(self) -> None:
        self._quantities: dict[str, int | Decimal] = {}
        self._basis: dict[str, str] = {}
        self._pointers: dict[str, str] = {}
        self.unknown: set[str] = set()
        self.flags: set[str] = set()
        self.unread: list[str] = []
        self.service_tier: str | None = None
        self.character_rule: str | None = None

    def state(self, quantity: str, value: int | Decimal, basis: str, pointer: str = "/response") -> None:
        """State that *quantity* is *value*, as read at *pointer*."""
        self._quantities[quantity] = value
        self._basis[quantity] = basis
        self._pointers[quantity] = pointer

    def stated(self, quantity: str) -> int | Decimal | None:
        """Return what has been stated of *quantity*."""
        return self._quantities.get(quantity)

    def count(self, quantity: str) -> int:
        """Return what has been stated of a count, 0 if nothing has."""
        return int(self._quantities.get(quantity, 0))

    def sum_of(self, *quantities: str) -> tuple[int, str] | None:
        """Return the sum of counts and its basis, the weakest of theirs; None if one is not stated."""
        values = [self._quantities.get(quantity) for quantity in quantities]
        counts = [value for value in values if isinstance(value, int)]
        if len(counts) < len(quantities):
            return None
        return sum(counts), weakest(self._basis[quantity] for quantity in quantities)

    def finish(self, exchange: Exchange) -> UsageRecord:
        """Return the record.

        Raises:
            DecibillReferenceError: `inconsistent_usage`, at the place on the wire.
        """
        quantities = self._quantities
        check_parts(quantities, self._pointers.__getitem__)
        names = [name for name in QUANTITIES if name in quantities]
        if self.unread:
            self.flags.add("unread_members")
        if self._is_zero(names):
            self.flags.add("zero_usage")
        return UsageRecord(
            exchange.provider,
            exchange.surface,
            exchange.operation,
            exchange.model,
            exchange.at,
            {name: quantities[name] for name in names},
            {name: self._basis[name] for name in names},
            tuple([name for name in QUANTITIES if name in self.unknown]) if self.unknown else (),
            tuple([flag for flag in FLAGS if flag in self.flags]) if self.flags else (),
            service_tier=self.service_tier,
            region=exchange.region,
            character_rule=self.character_rule,
            unread=tuple(self.unread),
        )

    def _is_zero(self, names: list[str]) -> bool:
        """Tell whether usage is known and zero throughout; a duration that is information is not usage."""
        quantities = self._quantities
        metered = [name for name in names if name not in _INFORMATION]
        return bool(metered) and not self.unknown and not any(quantities[name] for name in metered)


Reader: TypeAlias = Callable[["Exchange", Draft], None]
"""Reads the answer of one operation into a draft; refuses what cannot be read."""
