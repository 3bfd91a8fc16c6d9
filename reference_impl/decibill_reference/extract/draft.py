"""A usage record in the making."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from decibill_reference.usage import FLAGS, QUANTITIES, UsageRecord, check_parts

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.wire import WireObject

__all__ = ["Draft", "Reader"]

_INFORMATION = frozenset({"media_duration_seconds", "audio_channels"})


class Draft:
    """What has been read of an exchange so far.

    Readers state quantities in any order; `finish` checks that no part exceeds its whole, and puts everything
    into canonical order.
    """

    __slots__ = (
        "_basis",
        "_places",
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
        self._places: dict[str, tuple[WireObject, str]] = {}
        self.unknown: set[str] = set()
        self.flags: set[str] = set()
        self.unread: list[str] = []
        self.service_tier: str | None = None
        self.character_rule: str | None = None

    def state(self, quantity: str, value: int | Decimal, basis: str, *, of: str | None = None) -> None:
        """State that *quantity* is *value*; a sum stands where *of*, the first of its parts, does."""
        self._quantities[quantity] = value
        self._basis[quantity] = basis
        if of in self._places:
            self._places[quantity] = self._places[of]

    def read_count(self, quantity: str, wire: WireObject, member: str) -> int | None:
        """State *quantity* as the provider reports it in *member*, if it does, and return the count.

        Raises:
            DecibillReferenceError: `invalid_number` or `negative_quantity`.
        """
        value = wire.count(member)
        if value is not None:
            self._quantities[quantity] = value
            self._basis[quantity] = "provider_reported"
            self._places[quantity] = wire, member
        return value

    def read_seconds(
        self, quantity: str, wire: WireObject, member: str, basis: str = "provider_reported"
    ) -> Decimal | None:
        """State *quantity* as the seconds in *member*, if there are any, and return them.

        Raises:
            DecibillReferenceError: `invalid_number` or `negative_quantity`.
        """
        value = wire.decimal(member)
        if value is not None:
            self.state(quantity, value, basis)
        return value

    def stated(self, quantity: str) -> int | Decimal | None:
        """Return what has been stated of *quantity*."""
        return self._quantities.get(quantity)

    def count(self, quantity: str) -> int:
        """Return what has been stated of a count, 0 if nothing has."""
        return int(self._quantities.get(quantity, 0))

    def basis(self, quantity: str) -> str:
        """Return the basis of a quantity that has been stated."""
        return self._basis[quantity]

    def finish(self, exchange: Exchange) -> UsageRecord:
        """Return the record.

        Raises:
            DecibillReferenceError: `inconsistent_usage`, at the place on the wire.
        """
        check_parts(self._quantities, self._locate)
        stated = self._quantities
        quantities = {name: stated[name] for name in QUANTITIES if name in stated}
        if self.unread:
            self.flags.add("unread_members")
        if self._is_zero():
            self.flags.add("zero_usage")
        return UsageRecord(
            exchange.provider,
            exchange.surface,
            exchange.operation,
            exchange.model,
            exchange.at,
            quantities,
            {name: self._basis[name] for name in quantities},
            tuple([name for name in QUANTITIES if name in self.unknown]) if self.unknown else (),
            tuple([flag for flag in FLAGS if flag in self.flags]) if self.flags else (),
            service_tier=self.service_tier,
            region=exchange.region,
            character_rule=self.character_rule,
            unread=tuple(self.unread),
        )

    def _locate(self, quantity: str) -> str:
        """Return the pointer at which *quantity* stands on the wire; what was worked out stands nowhere."""
        place = self._places.get(quantity)
        return place[0].at(place[1]) if place else "/response"

    def _is_zero(self) -> bool:
        """Tell whether usage is known and zero throughout; a duration that is information is not usage."""
        metered = self._quantities.keys() - _INFORMATION
        return bool(metered) and not self.unknown and not any(map(self._quantities.get, metered))


Reader: TypeAlias = Callable[["Exchange", Draft], None]
"""Reads the answer of one operation into a draft; refuses what cannot be read."""
