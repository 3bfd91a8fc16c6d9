"""One part of a record, main usage or component, read by the entry that prices it.

For every line the order is minimum, step, ``multiply_by``, tiers, rate, add-ons, multiplier (AUB-CHG-1654).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from decibill_reference.charge_record import Gap, Line
from decibill_reference.leaves import token_shares
from decibill_reference.money import ONE, multiply, round_up, rounded, times
from decibill_reference.prices import FAMILIES, FEES
from decibill_reference.usage import UsageRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from decimal import Decimal

    from decibill_reference.money import Exact, UnitPrice
    from decibill_reference.prices import Addon, Entry, Rate, Tiers
    from decibill_reference.usage import Component

__all__ = ["Meter"]

_DEFAULT_RULE: Final = "code_points"
"""How characters are counted in a record that names no rule."""

_REPORTED: Final = frozenset({"provider_billed", "provider_reported"})
_METERED: Final = tuple(family for family in FAMILIES if family != "per_request")
_TOKENS: Final = FAMILIES["audio_token_based"]
_TOKEN_NAMES: Final = frozenset(_TOKENS)
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
    """Reads the parts of one record, each at the entry that prices it, and holds what they come to.

    Attributes:
        lines: the lines of all parts.
        amounts: what each line comes to, before it is rounded.
        is_rounded: whether none of them is to be rounded, and so their sum is not either.
        gaps: what could not be priced.
        flags: what had to be assumed.
    """

    __slots__ = (
        "_addons",
        "_entry",
        "_is_plain",
        "_model",
        "_quantities",
        "_unknown",
        "amounts",
        "flags",
        "gaps",
        "is_rounded",
        "lines",
    )

    _addons: Sequence[Addon]
    """What is charged on top of the part that is read."""

    _is_plain: bool
    """Whether its lines are at the bare rates, without add-ons and multiplier."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.amounts: list[Exact] = []
        self.is_rounded = True
        self.gaps: list[Gap] = []
        self.flags: list[str] = []

    def read(
        self, part: UsageRecord | Component, model: str, entry: Entry, *, is_complete: bool = False
    ) -> None:
        """Price the entry's unit family and its fees; every other quantity is information (AUB-CHG-f286).

        Args:
            part: the record itself or one of its components.
            model: the part's model.
            entry: what prices it.
            is_complete: what `check_parts` says of its quantities.
        """
        self._model = model
        self._entry = entry
        self._quantities = part.quantities
        self._unknown = part.unknown
        self._addons = ()
        rule = None
        if isinstance(part, UsageRecord):  # neither of both is said of a component
            features, rule = part.features, part.character_rule
            if features:
                self._addons = [addon for feature, addon in entry.addons.items() if feature in features]
        self._is_plain = entry.multiplier is ONE and not self._addons
        family = entry.pricing_model
        if family == "audio_token_based":
            self._read_tokens(part.basis, is_complete=is_complete)
        elif family != "per_request":
            self._read_single(FAMILIES[family][0], rule or _DEFAULT_RULE, part.basis)
        if entry.fees:
            if family != "per_request":
                self._addons = ()
                self._is_plain = entry.multiplier is ONE
            self._read_fees()

    def _read_tokens(self, basis: Mapping[str, str], *, is_complete: bool) -> None:
        rates = self._entry.rates
        if _TOKEN_NAMES.isdisjoint(self._quantities):
            self._note_absent(basis)
            return
        if self._unknown:
            self._note_unknown([name for name in self._unknown if _concerns(name, rates)])
        shares, flags = token_shares(self._quantities, self._entry.leaf_plan, is_complete=is_complete)
        self.flags += flags
        for share, count in shares:
            if not count:
                continue
            if share.reason is None:
                self._bill(rates[share.quantity], count)
            else:
                self._gap(share.reason, share.quantity, count)

    def _read_single(self, quantity: str, rule: str, basis: Mapping[str, str]) -> None:
        if quantity not in self._quantities:
            self._note_absent(basis)
            return
        if self._unknown:
            self._note_unknown([quantity])
        measured = self._quantities[quantity]
        found = self._entry.rates.get(quantity)
        # A character counted by one rule is none by another.
        if found is not None and (found.rule is None or found.rule == rule):
            self._bill(found, measured)
        elif measured:
            self._gap("no_rate", quantity, measured)

    def _read_fees(self) -> None:
        for fee in self._entry.fees:
            self._note_unknown([fee.quantity])
            absent = 0 if fee.quantity in self._unknown else 1
            self._bill(fee, self._quantities.get(fee.quantity, absent))

    def _note_absent(self, basis: Mapping[str, str]) -> None:
        """Note the gaps where the record carries nothing of the entry's family."""
        family, rates = self._entry.pricing_model, self._entry.rates
        reported = any(
            basis[key] in _REPORTED
            for other in _METERED
            if other != family
            for key in FAMILIES[other]
            if key in self._quantities
        )
        for name in _lacking(family, self._unknown, rates):
            self._gap("unit_mismatch" if reported else "quantity_unknown", name)

    def _note_unknown(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._unknown:
                self._gap("quantity_unknown", name)

    def _gap(self, reason: str, quantity: str, measured: int | Decimal | None = None) -> None:
        self.gaps.append(Gap(reason, self._model, quantity, measured))

    def _bill(self, found: Rate, measured: int | Decimal) -> None:
        if self._is_plain and found.unit is not None and measured:
            subtotal = exact = times(found.unit, measured)
            if type(measured) is not int:  # see `Rate.unit`
                subtotal, self.is_rounded = rounded(exact), False
            self.lines.append(Line(self._model, found.quantity, measured, measured, found.price, subtotal))
            self.amounts.append(exact)
        elif measured:  # a zero stays zero, whatever the minimum (AUB-CHG-a469)
            self._bill_in_steps(found, measured)

    def _bill_in_steps(self, found: Rate, measured: int | Decimal) -> None:
        price = found.price if found.tiers is None else self._price(found.price, found.tiers)
        if price is None:
            self._gap("quantity_unknown", found.quantity, measured)
            return
        billed = self._billed(found, measured) if found.is_stepped or self._addons else measured
        self._line(found.quantity, measured, billed, price, None)
        for addon in self._addons:
            self._line(found.quantity, measured, billed, addon.over(price), addon.feature)

    def _billed(self, found: Rate, measured: int | Decimal) -> int | Decimal:
        billed = measured
        if found.minimum is not None and billed < found.minimum:
            billed = found.minimum
        for addon in self._addons:
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
        self.is_rounded = False
        multiplier = self._entry.multiplier
        exact = multiply(price.exact, billed)
        if multiplier is not ONE:  # the one of an entry that has none, which is quicker to see than a 1
            exact = multiply(exact, multiplier)
        self.lines.append(
            Line(self._model, quantity, measured, billed, price, rounded(exact), addon, multiplier)
        )
        self.amounts.append(exact)
