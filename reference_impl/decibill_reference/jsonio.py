"""Strict reading of JSON: what two readers could read in two ways is refused.

Numbers become `int` or `Decimal` with the digits as sent. A repeated key, NaN, Infinity and a number that no
double can hold are refused, each with the pointer to its place. While the text is parsed the place is not
known, so a fault leaves a mark in the value, and the marked value is searched only if there was one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from decibill_reference.errors import DecibillReferenceError, ErrorCode
from decibill_reference.numbers import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["is_object", "leaves", "loads"]

_LARGEST, _SMALLEST = 308, -324  # exponents of a double; to most readers 1e400 is Infinity and 1e-400 is 0


class _Fault:
    """A mark at the place of something that is refused."""

    __slots__ = ("code", "member", "problem")

    def __init__(self, code: ErrorCode, problem: str, member: str | None = None) -> None:
        self.code: ErrorCode = code
        self.problem = problem
        self.member = member


def loads(text: str | bytes, pointer: str = "") -> Any:
    """Return the JSON value in *text*.

    Args:
        text: a JSON text, as bytes in UTF-8; a byte order mark is skipped.
        pointer: where the value stands in the whole document, the start of every pointer in a refusal.

    Raises:
        DecibillReferenceError: `duplicate_key`, `invalid_number`, or `malformed_body` for text that is not
        JSON.
    """
    parser = _Parser()
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise _malformed(pointer, f"not UTF-8 at byte {error.start}") from None
    try:
        value = parser.decode(decoded)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise _malformed(pointer, f"not JSON: {error.msg} at {place}") from None
    except RecursionError:
        raise _malformed(pointer, "nested too deeply to be read") from None
    except ValueError:  # int() has a limit of some thousand digits; a slower reading finds the place
        value = parser.decode(decoded, whole=parser.whole)
    if parser.faulty:
        raise _first_fault(value, pointer)
    return value


class _Parser:
    """One reading of one text, which remembers whether it left a mark."""

    def __init__(self) -> None:
        self.faulty = False

    def decode(self, text: str, whole: Callable[[str], Any] = int) -> Any:
        return json.loads(
            text,
            object_pairs_hook=self._object,
            parse_int=whole,
            parse_float=self._fraction,
            parse_constant=self._constant,
        )

    def whole(self, text: str) -> Any:
        try:
            return int(text)
        except ValueError:
            return self._mark("invalid_number", "the number has thousands of digits")

    def _mark(self, code: ErrorCode, problem: str, member: str | None = None) -> _Fault:
        self.faulty = True
        return _Fault(code, problem, member)

    def _object(self, pairs: list[tuple[str, Any]]) -> Any:
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        key = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        return self._mark("duplicate_key", f"the key {key!r} stands twice in one object", key)

    def _fraction(self, text: str) -> Any:
        try:
            value = Decimal(text)
        except InvalidOperation:  # an exponent beyond those of decimal itself
            return self._mark("invalid_number", f"{text[:40]} is not a number that can be read")
        if ("e" in text or "E" in text) and not _SMALLEST <= value.adjusted() <= _LARGEST:
            return self._mark(
                "invalid_number", f"{text[:40]} is larger or smaller than numbers of JSON readers can be"
            )
        return value

    def _constant(self, name: str) -> _Fault:
        return self._mark("invalid_number", f"{name} is not a JSON number")


def _first_fault(value: object, pointer: str) -> DecibillReferenceError:
    place, fault = next((place, leaf) for place, leaf in leaves(value, pointer) if isinstance(leaf, _Fault))
    return DecibillReferenceError(
        fault.code, f"{place}/{escape(fault.member)}" if fault.member is not None else place, fault.problem
    )


def is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Tell whether *value* is a JSON object: nearly always a `dict`, of which it is quick to see."""
    return type(value) is dict or isinstance(value, Mapping)


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
