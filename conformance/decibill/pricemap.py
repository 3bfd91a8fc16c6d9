"""The mapping between decibill's price books and a gateway's own price list, in both directions.

Rule 1: the declaration's ``[prices.fields]`` say which member prices which quantity, and for how many units.
Rule 2: a number is carried over to its last digit or not at all.
Rule 3: a plain token price is the text rate; a price that is missing stays missing, and 0 stays 0.
Rule 4: what is not carried over is reported with its place and reason, never dropped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from decibill.declaration import Declaration
from decibill.errors import UsageError
from decibill.pricelist import PriceList

__all__ = [
    "FEES",
    "Carried",
    "NotCarried",
    "Reason",
    "canonical",
    "family",
    "layout_of",
    "published",
]

FEES: Final = frozenset({"requests", "text_messages"})
"""Quantities that may stand beside any unit family."""

_FAMILIES: Final[Mapping[str, str]] = {
    "audio_duration_seconds": "audio_per_minute",
    "tts_characters": "audio_per_character",
    "provider_credits": "audio_per_credit",
}
_DIGITS_BEFORE: Final = 15
_DIGITS_AFTER: Final = 30
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?\Z")

Reason = Literal[
    "contradiction",
    "currency",
    "inactive",
    "modifier",
    "no_base",
    "no_date",
    "no_effect",
    "no_field",
    "no_meaning",
    "no_model",
    "no_provider",
    "not_a_number",
    "not_in_force",
    "other_family",
    "other_meaning",
    "precision",
    "selector",
]


@dataclass(frozen=True, slots=True)
class NotCarried:
    """Something that the other side has no place for."""

    pointer: str
    """Where it stands in the file that was read."""

    reason: Reason
    problem: str
    """Why, in words."""

    def to_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"pointer": self.pointer, "reason": self.reason, "problem": self.problem}


@dataclass(frozen=True, slots=True)
class Carried:
    """A document of the other side, and what did not get into it."""

    document: Any
    not_carried: tuple[NotCarried, ...]


def layout_of(declaration: Declaration) -> PriceList:
    """Return what the gateway's own price list looks like.

    Raises:
        UsageError: the declaration does not say.
    """
    prices = declaration.prices
    if prices.layout is None:
        own = prices.how == "book"
        why = "it reads decibill's own price books" if own else "its declaration has no [prices.list]"
        raise UsageError(f"{declaration.file}: {declaration.name} has no price list to read or write; {why}")
    return prices.layout


def family(quantity: str) -> str | None:
    """Return the pricing model that has a rate for *quantity*; None for a fee, which any may have."""
    if quantity in FEES:
        return None
    return _FAMILIES.get(quantity, "audio_token_based")


def published(value: object) -> Decimal | NotCarried:
    """Return the price in *value*, a JSON number or a string, with its digits as written.

    A price that cannot be carried over comes back as what is to be reported, still without its place.
    """
    number = _number(value)
    if number is None:
        return NotCarried("", "not_a_number", "must be a number, or a string that holds one")
    if number < 0:
        return NotCarried("", "not_a_number", "a price is not negative")
    _, _, exponent = number.as_tuple()
    if number.adjusted() >= _DIGITS_BEFORE or (isinstance(exponent, int) and -exponent > _DIGITS_AFTER):
        places = f"more than {_DIGITS_BEFORE} digits before the point or {_DIGITS_AFTER} after it"
        return NotCarried("", "precision", places)
    return Decimal(format(number.copy_abs(), "f"))  # digits alone: no exponent, and no sign on a zero


def canonical(number: Decimal) -> str:
    """Return *number* in plain digits, without zeros at the end of its fraction."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        return None
    if isinstance(value, str) and not _NUMBER.match(value):
        return None
    return Decimal(value)
