"""One part of a record, main usage or component, read by the entry that prices it.

For every line the order is minimum, step, ``multiply_by``, tiers, rate, add-ons, multiplier (AUB-CHG-1654).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from decibill_reference.charge_record import Gap, Line
from decibill_reference.leaves import token_shares
from decibill_reference.money import ONE, ZERO, add, multiply, round_up, rounded, times
from decibill_reference.prices import FAMILIES, FEES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from decimal import Decimal

    from decibill_reference.money import Exact, UnitPrice
    from decibill_reference.prices import Addon, Entry, Rate, Tiers
    from decibill_reference.usage import Component, UsageRecord

__all__ = ["Meter"]

_DEFAULT_RULE: Final = "code_points"
"""How characters are counted in a record that names no rule."""

_REPORTED: Final = frozenset({"provider_billed", "provider_reported"})
_METERED: Final = tuple(family for family in FAMILIES if family != "per_request")
_TOKENS: Final = FAMILIES["audio_token_based"]
_NAMES: Final = {family: frozenset(names) for family, names in FAMILIES.items()}
_TOTALS: Final = ("input_tokens", "output_tokens")


def _wholes(rate: str) -> frozenset[str]:
    """Return every token quantity that the quantity of a rate is part of, itself included."""
    wholes = {rate, "total_tokens", "input_tokens" if rate.endswith("input_tokens") else "output_tokens"}
    if rate.startswith("cached_"):
        wholes |= {"cached_input_tokens", rate.removeprefix("cached_")}
    if rate == "reasoning_output_tokens":
        wholes.add("text_output_tokens")
    return frozenset(wholes)


_WHOLES: Final = {rate: _wholes(rate) for rate in _TOKENS}


def _concerns(quantity: str, rates: Collection[str]) -> bool:
    """Return whether one of *rates* prices the quantity or a part of it."""
    return any(quantity in _WHOLES.get(rate, ()) for rate in rates)


def _lacking(family: str, unknown: Iterable[str], rates: Collection[str]) -> Collection[str]:
    """Return by which names to call what a record lacks that carries nothing of a family."""
    if family != "audio_token_based":
        return FAMILIES[family]
    return (
        [name for name in unknown if _concerns(name, rates)]
        or [total for total in _TOTALS if _concerns(total, rates)]
        or _TOTALS
    )


class Meter:
    """One part of a record, main usage or component, and the entry that prices it."""

    __slots__ = ("_basis", "_model", "_quantities", "_unknown", "entry", "exact", "flags", "gaps", "lines")

    def __init__(self, part: UsageRecord | Component, model: str, entry: Entry) -> None:
        self._quantities = part.quantities
        self._basis = part.basis
        self._unknown = part.unknown
        self._model = model
        self.entry = entry
        self.lines: list[Line] = []
        self.gaps: list[Gap] = []
        self.flags: list[str] = []
        self.exact: Exact = ZERO
        """The sum of the lines."""

    def read(self, features: Collection[str] = (), rule: str | None = None) -> None:
        """Price the entry's unit family and its fees; every other quantity is information (AUB-CHG-f286).

        Args:
            features: what the part used that may cost extra.
            rule: how its characters were counted.
        """
        entry = self.entry
        family = entry.pricing_model
        addons = [addon for feature, addon in entry.addons.items() if feature in features] if features else []
        if family == "audio_token_based":
            self._read_tokens(addons)
        elif family != "per_request":
            self._read_single(FAMILIES[family][0], rule or _DEFAULT_RULE, addons)
        for fee in entry.fees:
            self._note_unknown([fee.quantity])
            absent = 0 if fee.quantity in self._unknown else 1
            measured = self._quantities.get(fee.quantity, absent)
            self._bill(fee, measured, addons if family == "per_request" else [])

    def _read_tokens(self, addons: list[Addon]) -> None:
        if self._is_absent():
            return
        entry = self.entry
        if self._unknown:
            self._note_unknown([name for name in self._unknown if _concerns(name, entry.rates)])
        shares, self.flags = token_shares(self._quantities, entry.leaf_plan)
        for share, tokens in shares:
            if share.reason is None:
                self._bill(entry.rates[share.quantity], tokens, addons)
            else:
                self._gap(share.reason, share.quantity, tokens)

    def _read_single(self, quantity: str, rule: str, addons: list[Addon]) -> None:
        if self._is_absent():
            return
        self._note_unknown([quantity])
        measured = self._quantities[quantity]
        found = self.entry.rates.get(quantity)
        # A character counted by one rule is none by another.
        if found is not None and (found.rule is None or found.rule == rule):
            self._bill(found, measured, addons)
        elif measured:
            self._gap("no_rate", quantity, measured)

    def _is_absent(self) -> bool:
        """Note the gaps, and return True, where the record carries nothing of the entry's family."""
        if not _NAMES[self.entry.pricing_model].isdisjoint(self._quantities):
            return False
        reported = any(
            self._basis[key] in _REPORTED
            for other in _METERED
            if other != self.entry.pricing_model
            for key in FAMILIES[other]
            if key in self._quantities
        )
        for name in _lacking(self.entry.pricing_model, self._unknown, self.entry.rates):
            self._gap("unit_mismatch" if reported else "quantity_unknown", name)
        return True

    def _note_unknown(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._unknown:
                self._gap("quantity_unknown", name)

    def _gap(self, reason: str, quantity: str, measured: int | Decimal | None = None) -> None:
        self.gaps.append(Gap(reason, self._model, quantity, measured))

    def _bill(self, found: Rate, measured: int | Decimal, addons: list[Addon]) -> None:
        if not measured:
            return  # a zero stays zero, whatever the minimum (AUB-CHG-a469)
        price = found.price if found.tiers is None else self._price(found.price, found.tiers)
        if price is None:
            self._gap("quantity_unknown", found.quantity, measured)
            return
        billed = self._billed(found, measured, addons) if found.is_stepped or addons else measured
        self._line(found.quantity, measured, billed, price, None)
        for addon in addons:
            self._line(found.quantity, measured, billed, addon.over(price), addon.feature)

    def _billed(self, found: Rate, measured: int | Decimal, addons: list[Addon]) -> int | Decimal:
        billed = measured
        if found.minimum is not None and billed < found.minimum:
            billed = found.minimum
        for addon in addons:
            if addon.minimum is not None and billed < addon.minimum:
                billed = addon.minimum
        if found.step is not None:
            billed = round_up(billed, found.step)
        if found.multiply_by is not None:
            billed = times(billed, self._quantities.get(found.multiply_by, 1))
        return billed

    def _price(self, price: UnitPrice, tiers: Tiers) -> UnitPrice | None:
        """Return the price of the tier that applies, or None where the quantity that decides is not known.

        Args:
            price: the price below the first threshold.
            tiers: the thresholds.
        """
        size = self._quantities.get(tiers.by, 1 if tiers.by in FEES else None)
        if size is None:
            return None
        for step in tiers.steps:
            if step.above < size:
                price = step.price
        return price

    def _line(
        self,
        quantity: str,
        measured: int | Decimal,
        billed: int | Decimal,
        price: UnitPrice,
        addon: str | None,
    ) -> None:
        multiplier = self.entry.multiplier
        exact = multiply(price.exact, billed)
        if multiplier is not ONE:  # the one of an entry that has none, which is quicker to see than a 1
            exact = multiply(exact, multiplier)
        self.exact = add(self.exact, exact)
        self.lines.append(
            Line(self._model, quantity, measured, billed, price, rounded(exact), addon, multiplier)
        )
