"""A usage record in the making."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from decibill_reference.numbers import CONTEXT, LARGEST_COUNT, read_count, read_decimal
from decibill_reference.quantities import COUNTS, QUANTITIES, check_parts, in_order, names_in_order
from decibill_reference.usage import FLAGS, Component, UsageRecord, weaker

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.wire import WireObject
    from decibill_reference.usage import ProviderCost

__all__ = ["Draft", "Reader"]

_INFORMATION = frozenset({"media_duration_seconds", "audio_channels"})


class Draft:
    """What has been read of an exchange so far.

    Readers state quantities in any order; `finish` checks that no part exceeds its whole, and puts everything
    into canonical order.
    """

    __slots__ = (
        "_is_checked",
        "_is_doubtful",
        "_is_in_order",
        "_place",
        "_quantities",
        "basis",
        "character_rule",
        "components",
        "features",
        "flags",
        "provider_cost",
        "service_tier",
        "unknown",
        "unread",
    )

    def __init__(self) -> None:
        self._quantities: dict[str, int | Decimal] = {}
        self._place: Callable[[str], str | None] | None = None
        self._is_checked = False
        """Whether no part of what is stated is larger than its whole, so that it need not be asked again."""
        self._is_in_order = False
        """Whether quantities and bases have been stated in canonical order."""
        self._is_doubtful = False
        """Whether something was stated that a record may not be able to hold."""
        self.basis: dict[str, str] = {}
        """Where each quantity comes from, as far as it is stated."""
        self.unknown: set[str] = set()
        self.flags: set[str] = set()
        self.unread: list[str] = []
        self.service_tier: str | None = None
        self.character_rule: str | None = None
        self.components: tuple[Component, ...] = ()
        self.features: tuple[str, ...] = ()
        self.provider_cost: ProviderCost | None = None

    def state(self, quantity: str, value: int | Decimal, basis: str) -> None:
        """State that *quantity* is *value*, in place of what may have been stated before."""
        self._quantities[quantity] = value
        self.basis[quantity] = basis
        self._is_checked = self._is_in_order = False
        if type(value) is not int or value > LARGEST_COUNT:
            self._is_doubtful = True

    def state_counts(
        self, counts: Mapping[str, int], place: Callable[[str], str | None], *, fits: bool = False
    ) -> None:
        """State what one object counts, once for a draft.

        Args:
            counts: whole numbers by quantity, none of which has been stated before. Those that have no basis
                yet are what the provider reports.
            place: gives the pointer at which a quantity stands. It is asked when a refusal has to say it, and
                not otherwise.
            fits: whether it is certain that no part is larger than its whole.
        """
        names = names_in_order(counts)
        quantities: dict[str, int | Decimal] = {name: counts[name] for name in names}
        basis = dict.fromkeys(names, "provider_reported")
        basis.update(self.basis)
        is_first = not self._quantities
        self._quantities = self._quantities | quantities if self._quantities else quantities
        self.basis = basis
        self._place = place
        self._is_in_order, self._is_checked = is_first, is_first and fits

    def doubt(self) -> None:
        """Have each number looked at in the end, as sums can be larger than a record can hold."""
        self._is_doubtful = True

    def read_count(self, quantity: str, wire: WireObject, member: str) -> int | None:
        """State *quantity* as the provider reports it in *member*, if it does, and return the count.

        Raises:
            DecibillReferenceError: `invalid_number` or `negative_quantity`.
        """
        value = wire.count(member)
        if value is not None:
            self.state(quantity, value, "provider_reported")
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

    def state_sum(self, quantity: str, one: str, other: str) -> int | Decimal | None:
        """State *quantity* as the sum of two counts, and return it, where both have been stated."""
        left, right = self._quantities.get(one), self._quantities.get(other)
        if left is None or right is None:
            return None
        total = _sum(left, right)
        self.state(quantity, total, weaker(self.basis[one], self.basis[other]))
        return total

    def stated(self, quantity: str) -> int | Decimal | None:
        """Return what has been stated of *quantity*."""
        return self._quantities.get(quantity)

    def names(self) -> Iterable[str]:
        """Return the quantities that have been stated."""
        return self._quantities.keys()

    def count(self, quantity: str) -> int:
        """Return what has been stated of a count, 0 if nothing has."""
        return int(self._quantities.get(quantity, 0))

    def withdraw(self, quantity: str) -> None:
        """Take back what has been stated of *quantity*."""
        self._quantities.pop(quantity, None)
        self.basis.pop(quantity, None)

    def add(self, event: Draft) -> None:
        """Add what one event of a session used (AUB-EXT-471c holds for each event by itself).

        Quantities are summed and have the weakest basis of their terms; what is unknown of one event is
        unknown of the session.

        Raises:
            DecibillReferenceError: `inconsistent_usage`, at the place on the wire.
        """
        check_parts(event._quantities, event._locate)
        if self._quantities:
            self._add_quantities(event)
        else:
            self._quantities, self.basis = dict(event._quantities), dict(event.basis)
            self._is_doubtful |= event._is_doubtful
            self._is_in_order, self._is_checked = event._is_in_order, True
        self.unknown |= event.unknown
        self.flags |= event.flags
        self.unread.extend(event.unread)
        self.service_tier = event.service_tier or self.service_tier

    def _add_quantities(self, event: Draft) -> None:
        for quantity, value in event._quantities.items():
            basis = event.basis[quantity]
            before = self._quantities.get(quantity)
            if before is None:
                self.state(quantity, value, basis)
            else:
                self.state(quantity, _sum(before, value), weaker(self.basis[quantity], basis))

    def finish(self, exchange: Exchange) -> UsageRecord:
        """Return the record.

        Raises:
            DecibillReferenceError: `inconsistent_usage` or, where a sum is too large for a record,
                `invalid_number`; at the place on the wire.
        """
        quantities, basis = self._checked()
        if self.unread:
            self.flags.add("unread_members")
        if not self.unknown and self._is_zero():
            self.flags.add("zero_usage")
        return UsageRecord(
            exchange.provider,
            exchange.surface,
            exchange.operation,
            exchange.model,
            exchange.at,
            quantities,
            basis,
            self._lacking() if self.unknown else (),
            tuple(sorted(self.flags, key=FLAGS.index)) if self.flags else (),
            self.service_tier,
            exchange.region,
            self.features,
            self.character_rule,
            self.provider_cost,
            tuple(self.unread),
            self.components,
        )

    def component(self, operation: str, model: str | None) -> Component:
        """Return what has been read as the usage of one more model of a session; an empty name is none.

        Raises:
            DecibillReferenceError: `inconsistent_usage`, at the place on the wire.
        """
        quantities, basis = self._checked()
        return Component(operation, model or None, quantities, basis, self._lacking() if self.unknown else ())

    def _checked(self) -> tuple[dict[str, int | Decimal], dict[str, str]]:
        """Return the quantities and their bases in canonical order, no part larger than its whole.

        Nor is any a number that no record can hold, as sums and conversions of numbers of the wire can be.
        """
        quantities, basis = self._quantities, self.basis
        if not self._is_in_order:
            quantities, basis = in_order(quantities, basis)
        if not self._is_checked:
            check_parts(quantities, self._locate)
        if self._is_doubtful:
            for name, value in quantities.items():
                if type(value) is not int or value > LARGEST_COUNT:
                    (read_count if name in COUNTS else read_decimal)(value, self._locate(name))
        return quantities, basis

    def _lacking(self) -> tuple[str, ...]:
        return tuple([name for name in QUANTITIES if name in self.unknown])

    def _locate(self, quantity: str) -> str:
        """Return the pointer at which *quantity* stands on the wire; what was worked out stands nowhere."""
        return (self._place(quantity) if self._place else None) or "/response"

    def _is_zero(self) -> bool:
        """Tell whether usage is known and zero throughout; a duration that is information is not usage."""
        is_metered = False
        for name, value in self._quantities.items():
            if name not in _INFORMATION:
                if value:
                    return False
                is_metered = True
        return is_metered and not any(
            part.unknown or any(part.quantities.values()) for part in self.components
        )


def _sum(left: int | Decimal, right: int | Decimal) -> int | Decimal:
    if type(left) is int and type(right) is int:
        return left + right
    return CONTEXT.add(left, right)


Reader: TypeAlias = Callable[["Exchange", Draft], None]
"""Reads the answer of one operation into a draft; refuses what cannot be read."""
