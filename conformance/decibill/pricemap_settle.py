"""Which price counts where several members of an entry state one, and which rates a price book gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from decibill.pricelist import Meaning
from decibill.pricemap import NotCarried, canonical, family, published

__all__ = ["Price", "price_at", "settle"]

_FEE_FAMILY = "per_request"
Rates = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Price:
    """One price of an entry."""

    place: str
    amount: Decimal
    """With its digits as written."""

    meaning: Meaning

    @property
    def text(self) -> str:
        """The amount in plain digits."""
        return format(self.amount, "f")


def price_at(
    place: str, value: object, meaning: Meaning, operation: str | None, only_family: str | None
) -> Price | NotCarried:
    """Return the price that a member states, or why it is none.

    Args:
        place: where the member stands.
        value: its value.
        meaning: what the declaration says it prices.
        operation: what the entry is for, in the gateway's words, where it says so.
        only_family: the one unit family that the entry prices, where it says so.
    """
    amount = published(value)
    if isinstance(amount, NotCarried):
        return NotCarried(place, amount.reason, amount.problem)
    quantity, only = meaning.quantity, meaning.field.only
    if only and operation is not None and operation not in only:
        return NotCarried(place, "other_meaning", f"is no price of {quantity} for {operation}")
    if only_family is not None and family(quantity) not in (only_family, None):
        problem = f"prices {quantity}, and the entry says that it is {only_family}"
        return NotCarried(place, "other_family", problem)
    return Price(place, amount, meaning)


def settle(
    prices: Iterable[Price], by: str = "", shift: int = 0
) -> tuple[Mapping[tuple[str, str], Rates], list[NotCarried]]:
    """Return the rates of an entry by service tier and pricing model, and the prices that found no place.

    Args:
        prices: the prices of one entry of a gateway's list.
        by: the quantity that decides between a price and the one above a threshold.
        shift: what to take from every threshold (`Thresholds.shift`).
    """
    lost: list[NotCarried] = []
    groups: dict[tuple[str, str], dict[Decimal | None, list[Price]]] = {}
    for price in prices:
        meaning = price.meaning
        stated = groups.setdefault((meaning.tier, meaning.quantity), {})
        stated.setdefault(meaning.above, []).append(price)
    result: dict[tuple[str, str], Rates] = {}
    fees: dict[str, Rates] = {}
    for (tier, quantity), stated in groups.items():
        rate = _rate(stated, by, shift, lost)
        pricing_model = family(quantity)
        if rate is None:
            continue
        if pricing_model is None:
            fees.setdefault(tier, {})[quantity] = rate
        else:
            result.setdefault((tier, pricing_model), {})[quantity] = rate
    for tier, rates in fees.items():
        billed = [found for (of, _), found in result.items() if of == tier]
        for found in billed or [result.setdefault((tier, _FEE_FAMILY), {})]:
            found.update(rates)
    return result, lost


def _rate(
    stated: Mapping[Decimal | None, list[Price]], by: str, shift: int, lost: list[NotCarried]
) -> dict[str, Any] | None:
    """Return the rate that the prices of one quantity come to, by threshold; None where there is none."""
    chosen = {above: price for above, group in stated.items() if (price := _one(group, lost)) is not None}
    base = chosen.get(None)
    if base is None or len(chosen) < len(stated):
        problem = "belongs to a price that is missing or not carried, below or above a threshold"
        lost += [NotCarried(price.place, "no_base", problem) for price in chosen.values()]
        return None
    rate: dict[str, Any] = {"amount": base.text, "per": canonical(base.meaning.field.per)}
    larger = sorted((above, price.text) for above, price in chosen.items() if above is not None)
    if larger:
        steps = [{"above": canonical(above - shift), "amount": text} for above, text in larger]
        rate["tiers"] = {"by": by, "steps": steps}
    return rate


def _one(group: list[Price], lost: list[NotCarried]) -> Price | None:
    """Return the price that the members of *group* agree on; two that differ leave none."""
    main = [price for price in group if not price.meaning.also]
    counting = main + [price for price in group if price.meaning.also and price.amount] or group
    for price in group:
        if price not in counting:
            problem = f"0 replaces nothing beside {counting[0].text} at {counting[0].place}"
            lost.append(NotCarried(price.place, "no_effect", problem))
    if len({price.amount for price in counting}) == 1:
        return counting[0]
    stated = " and ".join(f"{price.text} at {price.place}" for price in counting)
    problem = f"{stated} contradict each other: both price {group[0].meaning.quantity}; neither is carried"
    lost += [NotCarried(price.place, "contradiction", problem) for price in counting]
    return None
