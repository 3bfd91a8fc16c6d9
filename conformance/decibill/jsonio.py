"""Reading and writing of JSON without floats.

Fractions become `Decimal` with the digits as sent; repeated keys and numbers that are not finite are refused,
because either would let two readers see two different bills in one document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, cast

from decibill.errors import InvalidFileError
from decibill.pointer import join

__all__ = ["dumps", "load_file", "loads"]


class _RepeatedKeyError(ValueError):
    """A key stands twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _RepeatedKeyError(key)
        result[key] = value
    return result


class _NotFiniteError(ValueError):
    """A number is NaN or infinite."""


def _refuse_constant(name: str) -> NoReturn:
    raise _NotFiniteError(name)


@dataclass(frozen=True, slots=True)
class _Constant:
    """NaN or Infinity, kept so that its place can be found."""

    name: str


@dataclass(frozen=True, slots=True)
class _Pairs:
    """An object with its repeated keys, kept so that their place can be found."""

    pairs: list[tuple[str, Any]]


def _place(value: object, at: tuple[str | int, ...] = ()) -> tuple[str | int, ...] | None:
    """Return where the first repeated key or number that is not finite stands in *value*."""
    if isinstance(value, _Constant):
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
        found = _place(json.loads(text, parse_constant=_Constant, object_pairs_hook=_Pairs))
    except (ValueError, RecursionError):
        return None
    return None if found is None else join(*found)


def loads(text: str | bytes, where: str) -> Any:
    """Return the JSON value in *text*, every fraction as a `Decimal`.

    Raises:
        InvalidFileError: the text is not JSON, repeats a key, or holds NaN or Infinity.
    """
    try:
        return json.loads(
            text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_object
        )
    except _RepeatedKeyError as error:
        problem = f"the key {error.args[0]!r} stands twice in one object"
        raise InvalidFileError(where, problem, pointer=_locate(text)) from None
    except _NotFiniteError as error:
        problem = f"{error.args[0]} is not a JSON number"
        raise InvalidFileError(where, problem, pointer=_locate(text)) from None
    except UnicodeDecodeError as error:
        raise InvalidFileError(where, f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise InvalidFileError(
            where, f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from None
    except (ValueError, RecursionError) as error:
        problem = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InvalidFileError(where, f"not JSON: {problem}") from None


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
    """Return *value* as indented JSON text ending in a newline; a `Decimal` becomes a decimal string."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n"
