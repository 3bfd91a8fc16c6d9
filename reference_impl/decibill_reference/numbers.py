"""Exact numbers: how they are read from the wire, computed with, and written.

Nothing here is ever a binary float. Arithmetic uses a private decimal context, never the caller's, so that a
program that sets its own precision or traps cannot change a bill.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Final

from decibill_reference.errors import DecibillReferenceError

__all__ = ["CONTEXT", "LARGEST_COUNT", "escape", "parse_plain", "plain", "read_count", "read_decimal"]

CONTEXT = Context(
    prec=80,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
"""A context of decibill's own, wide enough that products of wire numbers are exact."""

_written: Final = CONTEXT.to_sci_string
_DIGITS_BEFORE = 15
_DIGITS_AFTER = 30
LARGEST_COUNT: Final = 10**_DIGITS_BEFORE - 1
"""The largest whole number that is read."""

_PLAIN = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,30})?")


def plain(value: Decimal | int) -> str:
    """Return the canonical decimal string of *value* (AUB-TRM-2b2b).

    No exponent, no sign on zero, no trailing zeros after the point.
    """
    if isinstance(value, int):
        return str(value)
    text = _written(value)  # nearly always without an exponent, and then the quicker way
    if "E" in text:
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def parse_plain(text: str) -> Decimal | None:
    """Return the number that *text* spells in plain digits with one optional point, else None."""
    return Decimal(text) if _PLAIN.fullmatch(text) else None


def escape(member: str) -> str:
    """Return *member* as one reference token of an RFC 6901 pointer."""
    return member.replace("~", "~0").replace("/", "~1")


def read_count(value: object, pointer: str) -> int:
    """Return the whole number that the wire value at *pointer* states (AUB-EXT-cbd3).

    Raises:
        DecibillReferenceError: `negative_quantity`, or `invalid_number` for a fraction, a boolean, a number
            that is not finite or too long, and anything that is not a number.
    """
    if type(value) is int and 0 <= value <= LARGEST_COUNT:
        return value
    number = read_decimal(value, pointer)
    count = int(number)
    if count != number:
        raise _invalid(pointer, f"{_shown(value)} is a fraction; a count is a whole number")
    return count


def read_decimal(value: object, pointer: str) -> Decimal:
    """Return the number that the wire value at *pointer* states, its digits as sent (AUB-EXT-cbd3).

    Raises:
        DecibillReferenceError: `negative_quantity` or `invalid_number`.
    """
    number = _decimal(value, pointer)
    if not number.is_finite():
        raise _invalid(pointer, f"{_shown(value)} is not a finite number")
    if number < 0:
        raise DecibillReferenceError(
            "negative_quantity", pointer, f"{_shown(value)} is negative; usage is never less than zero"
        )
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)  # it is a string for numbers that are not finite alone
    if number.adjusted() >= _DIGITS_BEFORE or -exponent > _DIGITS_AFTER:
        limits = f"{_DIGITS_BEFORE} digits before the point or {_DIGITS_AFTER} after"
        raise _invalid(pointer, f"{_shown(value)} has more than {limits}")
    return number.copy_abs()


def _decimal(value: object, pointer: str) -> Decimal:
    if isinstance(value, bool):
        raise _invalid(pointer, f"{str(value).lower()} is a boolean, not a number")
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST_COUNT:  # before conversion, whose time is quadratic in the digits
            raise _invalid(pointer, f"the number has more than {_DIGITS_BEFORE} digits before the point")
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value))  # from a caller's json.loads: the shortest digits that mean this float
    if isinstance(value, str):
        number = parse_plain(value)
        if number is None:
            raise _invalid(pointer, f"{_shown(value)} is not plain digits with at most one decimal point")
        return number
    raise _invalid(pointer, f"{_shown(value)} is not a number")


def _invalid(pointer: str, problem: str) -> DecibillReferenceError:
    return DecibillReferenceError("invalid_number", pointer, problem)


def _shown(value: object) -> str:
    if isinstance(value, Decimal):
        text = str(value)  # keeps an exponent as an exponent
    elif value is None:
        text = "null"
    elif isinstance(value, dict | list):
        text = "an object" if isinstance(value, dict) else "an array"
    else:
        text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
