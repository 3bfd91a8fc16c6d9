"""From the rates of one price book entry to the members of a gateway's own price list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from decibill.declaration import PriceField, Prices
from decibill.pointer import join
from decibill.pricefields import held
from decibill.pricelist import PriceList
from decibill.pricemap import NotCarried, canonical

__all__ = ["Member", "RateWriter"]

_MODIFIERS = ("step", "minimum", "multiply_by", "rule")


@dataclass(frozen=True, slots=True)
class Member:
    """A price for one member of the list."""

    path: str
    amount: Decimal
    place: str
    """Where it stands in the book."""


@dataclass(frozen=True, slots=True)
class RateWriter:
    """What the rates of one entry are written under."""

    prices: Prices
    layout: PriceList
    provider: str
    """In the gateway's words."""

    operation: str | None
    """In the gateway's words, where its list says for what an entry is."""

    ending: str
    """The ending of the entry's service tier."""

    multiplier: Fraction
    """The entry's own, which goes into every amount."""

    def members(self, rates: Mapping[str, Any], place: str) -> Iterator[Member | NotCarried]:
        """Yield what the rates at *place* become, and what of them has no place in the list."""
        for quantity, rate in rates.items():
            at = place + join(quantity)
            price_field = self.prices.fields.get(quantity)
            if price_field is None:
                yield NotCarried(at, "no_field", f"the list has no member for {quantity}")
            elif price_field.only and self.operation is not None and self.operation not in price_field.only:
                problem = f"{price_field.field} is no price of {quantity} for {self.operation}"
                yield NotCarried(at, "no_field", problem)
            else:
                yield from self._rate(rate, price_field, at)

    def _rate(
        self, rate: Mapping[str, Any], price_field: PriceField, at: str
    ) -> Iterator[Member | NotCarried]:
        base = self._member(rate["amount"], rate, price_field, "", at)
        yield base
        if isinstance(base, NotCarried):
            return
        for name in _MODIFIERS:
            if name in rate:
                yield NotCarried(f"{at}/{name}", "modifier", f"the list has no member for {name}")
        if "tiers" in rate:
            yield from self._larger(rate, price_field, at)

    def _larger(
        self, rate: Mapping[str, Any], price_field: PriceField, at: str
    ) -> Iterator[Member | NotCarried]:
        """Yield the prices above thresholds: all of them, or none, since each step bounds the one before."""
        above, by = self.layout.above, rate["tiers"]["by"]
        found: list[Member] = []
        for n, step in enumerate(rate["tiers"]["steps"]):
            ending = above.ending(by, Decimal(step["above"]), self.provider) if above is not None else None
            if ending is None:
                problem = f"the list has no member for {by} above {step['above']}"
                yield NotCarried(f"{at}/tiers", "modifier", problem)
                return
            member = self._member(step["amount"], rate, price_field, ending, f"{at}/tiers/steps/{n}")
            if isinstance(member, NotCarried):
                yield NotCarried(f"{at}/tiers", member.reason, member.problem)
                return
            found.append(member)
        yield from found

    def _member(
        self, amount: str, rate: Mapping[str, Any], price_field: PriceField, ending: str, at: str
    ) -> Member | NotCarried:
        exact = Fraction(amount) * self.multiplier * Fraction(price_field.per) / Fraction(rate["per"])
        number = held(exact, self.prices)
        name = price_field.field + ending + self.ending
        if number is None:
            kept = f"{self.prices.places} places"
            if self.prices.digits is not None:
                kept += f" of {self.prices.digits} digits"
            per = canonical(price_field.per)
            problem = f"{amount} per {rate['per']} is no exact number per {per}: {name} keeps {kept}"
            return NotCarried(at, "precision", problem)
        return Member((f"{self.layout.inside}/" if self.layout.inside else "") + name, number, at)
