"""Exact arithmetic with amounts, rounded once and at the end (AUB-CHG-79ca).

A price such as 0.22 per 3600 has no finite decimal form, and cutting it anywhere but at the end can move
the last place of a total. So a value is a `Decimal` while that is exact, which nearly always it is, and a
`Fraction` where it is not. The context is private and traps rounding, so that neither the caller's context
nor an oversight can lose a digit without a word.
"""

from __future__ import annotations

import decimal
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ONE",
    "PLACES",
    "ZERO",
    "Exact",
    "UnitPrice",
    "add",
    "divide",
    "minus",
    "multiply",
    "plus",
    "round_up",
    "rounded",
    "times",
    "together",
]

Exact = Decimal | Fraction

PLACES: Final = 12
"""Places after the point of every subtotal and total."""

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
"""The multiplier of an entry that has none."""

_EXACT: Final = decimal.Context(
    prec=1000,  # more digits than a product of four numbers of the widest form that is read can have
    traps=[decimal.Inexact, decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)
_ROUNDING: Final = decimal.Context(
    prec=1000, rounding=decimal.ROUND_HALF_EVEN, traps=[decimal.InvalidOperation]
)
_LAST_PLACE: Final = Decimal(f"1e-{PLACES}")
_add: Final = _EXACT.add

times: Final = _EXACT.multiply
"""Gives the exact product of two decimals or whole numbers; a name for a method, as it is called so often."""


def multiply(left: Exact, right: Exact | int) -> Exact:
    """Return the exact product."""
    if isinstance(left, Decimal) and isinstance(right, (int, Decimal)):
        return times(left, right)
    return Fraction(left) * Fraction(right)


def add(left: Exact, right: Exact) -> Exact:
    """Return the exact sum."""
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return _add(left, right)
    return Fraction(left) + Fraction(right)


def together(values: Sequence[Exact]) -> Exact:
    """Return the exact sum of any number of values."""
    if not values:
        return ZERO
    try:
        return reduce(_add, cast("Sequence[Decimal]", values))
    except TypeError:  # one of them is a `Fraction`
        return sum([Fraction(value) for value in values], Fraction(0))


def divide(left: Exact, right: Exact | int) -> Exact:
    """Return the exact quotient: a `Decimal` where it has a finite decimal form, else a `Fraction`."""
    quotient = Fraction(left) / Fraction(right)
    twos = fives = 0
    rest = quotient.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return quotient
    places = max(twos, fives)
    return _EXACT.scaleb(Decimal(quotient.numerator * 10**places // quotient.denominator), -places)


def rounded(value: Exact) -> Decimal:
    """Return *value* with at most `PLACES` places after the point, rounded half to even."""
    if isinstance(value, Decimal):
        return value.quantize(_LAST_PLACE, None, _ROUNDING)
    return _EXACT.scaleb(Decimal(round(value * 10**PLACES)), -PLACES)  # round() of a Fraction is half-even


def plus(left: Decimal | int, right: Decimal | int) -> Decimal:
    """Return the exact sum of two decimals."""
    return _EXACT.add(left, right)


def minus(left: Decimal | int, right: Decimal | int) -> Decimal:
    """Return the exact difference of two decimals."""
    return _EXACT.subtract(left, right)


def round_up(value: Decimal | int, step: Decimal) -> Decimal:
    """Return the least multiple of *step* that is not less than *value*."""
    whole, rest = _EXACT.divmod(value, step)
    return _EXACT.multiply(_EXACT.add(whole, 1) if rest else whole, step)


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """An amount per so many units, as published."""

    amount: str
    per: str
    exact: Exact = field(init=False, compare=False, repr=False)
    """The price of one unit, worked out once."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "exact", divide(Decimal(self.amount), Decimal(self.per)))

    def in_last_places(self) -> Decimal | None:
        """Return the price of one unit with exactly `PLACES` places, or None where it has more of them.

        Its product with a whole number has that many places too, and so is rounded already.
        """
        unit = rounded(self.exact)
        return unit if unit == self.exact else None

    def of(self, quantity: Decimal | int) -> Exact:
        """Return the exact price of *quantity* units."""
        return multiply(self.exact, quantity)
