"""Reading and writing of JSON without floats.

Fractions become `Decimal` with the digits as sent; repeated keys, numbers that are not finite and numbers of
absurd size are refused, because each would let two readers see two different bills in one document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from decibill.errors import InvalidFileError
from decibill.pointer import join

__all__ = ["NumberError", "dumps", "fraction", "load_file", "loads"]

_LARGEST: Final = 308
_SMALLEST: Final = -324
"""Exponents of a double: to most readers 1e400 is Infinity. Written out, 1e999999999 fills a disk."""

_STEERING: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""What JSON may hold as it stands, and a terminal obeys or an editor reorders."""


class _RepeatedKeyError(ValueError):
    """A key stands twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _RepeatedKeyError(key)
        result[key] = value
    return result


class NumberError(ValueError):
    """A number that cannot be read as one, or that no reader should write out."""


def _refuse_constant(name: str) -> NoReturn:
    raise NumberError(f"{name} is not a JSON number")


def fraction(text: str) -> Decimal:
    """Return the number in *text*, which has a point or an exponent.

    Raises:
        NumberError: no double can hold it, as with 1e400.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent beyond those of decimal itself
        raise NumberError(f"{text[:40]} is not a number that can be read") from None
    if ("e" in text or "E" in text) and not _SMALLEST <= value.adjusted() <= _LARGEST:
        raise NumberError(f"{text[:40]} is larger or smaller than numbers of JSON readers can be")
    return value


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """NaN, Infinity or a number that cannot be read, kept so that its place can be found."""

    text: str


def _fraction_or_place(text: str) -> object:
    try:
        return fraction(text)
    except NumberError:
        return _Unreadable(text)


def _whole_or_place(text: str) -> object:
    try:
        return int(text)
    except ValueError:  # int() has a limit of some thousand digits
        return _Unreadable(text)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """An object with its repeated keys, kept so that their place can be found."""

    pairs: list[tuple[str, Any]]


def _place(value: object, at: tuple[str | int, ...] = ()) -> tuple[str | int, ...] | None:
    """Return where the first repeated key or unreadable number stands in *value*."""
    if isinstance(value, _Unreadable):
        return at
    members: list[tuple[str | int, Any]] = []
    if isinstance(value, _Pairs):
        members = [*value.pairs]
    elif isinstance(value, list):
        members = [*enumerate(cast("list[object]", value))]
    seen: set[str | int] = set()
    for key, member in members:
        if key in seen:
            return (*at, key)
        seen.add(key)
        if (found := _place(member, (*at, key))) is not None:
            return found
    return None


def _locate(text: str | bytes) -> str | None:
    """Return the pointer of the fault at which the strict reading stopped, by a second and slower reading."""
    try:
        found = _place(
            json.loads(
                text,
                parse_constant=_Unreadable,
                parse_float=_fraction_or_place,
                parse_int=_whole_or_place,
                object_pairs_hook=_Pairs,
            )
        )
    except (ValueError, RecursionError):
        return None
    return None if found is None else join(*found)


def loads(text: str | bytes, where: str) -> Any:
    """Return the JSON value in *text*, every fraction as a `Decimal`.

    Raises:
        InvalidFileError: the text is not JSON, repeats a key, or holds NaN, Infinity or an absurd number.
    """
    try:
        return json.loads(
            text, parse_float=fraction, parse_constant=_refuse_constant, object_pairs_hook=_object
        )
    except _RepeatedKeyError as error:
        problem = f"the key {error.args[0]!r} stands twice in one object"
        raise InvalidFileError(where, problem, pointer=_locate(text)) from None
    except NumberError as error:
        raise InvalidFileError(where, str(error), pointer=_locate(text)) from None
    except UnicodeDecodeError as error:
        raise InvalidFileError(where, f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise InvalidFileError(
            where, f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from None
    except RecursionError:
        raise InvalidFileError(where, "not JSON: nested too deeply") from None
    except ValueError:  # int() has a limit of some thousand digits
        problem = "a number of thousands of digits cannot be read"
        raise InvalidFileError(where, problem, pointer=_locate(text)) from None


def load_file(path: Path, name: str | None = None) -> Any:
    """Return the JSON value in the file at *path*, called *name* in messages.

    Raises:
        InvalidFileError: the file cannot be read or is not strict JSON.
    """
    where = name or str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidFileError(where, f"cannot be read: {error.strerror or error}") from None
    return loads(raw, where)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def dumps(value: object) -> str:
    """Return *value* as indented JSON text ending in a newline; a `Decimal` becomes a decimal string.

    Half a character, which UTF-8 cannot hold, stays an escape, and so does what could steer a terminal.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n"
    text = _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
