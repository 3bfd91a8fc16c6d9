"""Strict reading of JSON: what two readers could read in two ways is refused.

Numbers become `int` or `Decimal` with the digits as sent. A repeated key, NaN, Infinity and a number that no
double can hold are refused, each with the pointer to its place, which costs nothing until there is one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, TypeGuard, cast

from decibill_reference.errors import DecibillReferenceError, ErrorCode
from decibill_reference.numbers import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_object", "leaves", "loads"]

_TOO_DEEP: Final = "nested too deeply to be read"
_LARGEST, _SMALLEST = 308, -324  # exponents of a double; to most readers 1e400 is Infinity and 1e-400 is 0


def loads(text: str | bytes, pointer: str = "") -> Any:
    """Return the JSON value in *text*.

    Args:
        text: a JSON text, as bytes in UTF-8; a byte order mark is skipped.
        pointer: where the value stands in the whole document, the start of every pointer in a refusal.

    Raises:
        DecibillReferenceError: `duplicate_key`, `invalid_number`, or `malformed_body` for text that is not
        JSON.
    """
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise _malformed(pointer, f"not UTF-8 at byte {error.start}") from None
    try:
        return _STRICT.decode(decoded)
    except RecursionError:
        raise _malformed(pointer, _TOO_DEEP) from None
    except ValueError:
        raise _fault_of(decoded, pointer) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _fraction(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent beyond those of decimal itself
        raise ValueError(f"{text[:40]} is not a number that can be read") from None
    if ("e" in text or "E" in text) and not _SMALLEST <= value.adjusted() <= _LARGEST:
        raise ValueError(f"{text[:40]} is larger or smaller than numbers of JSON readers can be")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=_fraction, parse_constant=_constant)


def _fault_of(text: str, pointer: str) -> DecibillReferenceError:
    """Return why *text* is refused.

    It takes another reading, since the place of a fault is not known while the text is parsed: each fault
    leaves a mark in the value, and then the value is searched.
    """
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_object_or_mark,
            parse_int=_whole_or_mark,
            parse_float=_fraction_or_mark,
            parse_constant=lambda name: _Mark("invalid_number", f"{name} is not a JSON number"),
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        return _malformed(pointer, f"not JSON: {error.msg} at {place}")
    except RecursionError:
        return _malformed(pointer, _TOO_DEEP)
    place, mark = next((place, leaf) for place, leaf in leaves(value, pointer) if isinstance(leaf, _Mark))
    if mark.member is not None:
        place = f"{place}/{escape(mark.member)}"
    return DecibillReferenceError(mark.code, place, mark.problem)


class _Mark(NamedTuple):
    """A mark at the place of something that is refused."""

    code: ErrorCode
    problem: str
    member: str | None = None


def _object_or_mark(pairs: list[tuple[str, Any]]) -> Any:
    key = next((key for key, times in Counter(key for key, _ in pairs).items() if times > 1), None)
    if key is None:
        return dict(pairs)
    return _Mark("duplicate_key", f"the key {key!r} stands twice in one object", key)


def _whole_or_mark(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return _Mark("invalid_number", "the number has thousands of digits")


def _fraction_or_mark(text: str) -> Any:
    try:
        return _fraction(text)
    except ValueError as error:
        return _Mark("invalid_number", str(error))


def is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Tell whether *value* is a JSON object: mostly a `dict` or None, of which it is quick to see."""
    return type(value) is dict or (value is not None and isinstance(value, Mapping))


def leaves(value: object, pointer: str = "") -> Iterator[tuple[str, object]]:
    """Yield what is neither object nor array in *value*, each with its place, in the order of the document.

    However deep the value is nested: it may have been read by a parser with a larger stack.
    """
    waiting = [(pointer, value)]
    while waiting:
        place, item = waiting.pop()
        if isinstance(item, Mapping):
            members = list(cast("Mapping[str, object]", item).items())
            waiting.extend((f"{place}/{escape(member)}", child) for member, child in reversed(members))
        elif isinstance(item, list):
            children = list(enumerate(cast("list[object]", item)))
            waiting.extend((f"{place}/{number}", child) for number, child in reversed(children))
        else:
            yield place, item


def _malformed(pointer: str, problem: str) -> DecibillReferenceError:
    return DecibillReferenceError("malformed_body", pointer, problem)
