"""Reading and writing of JSON without floats.

Fractions become `Decimal` with the digits as sent; repeated keys and numbers that are not finite are refused,
because either would let two readers see two different bills in one document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from decibill.errors import InvalidFileError

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


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


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
        raise InvalidFileError(where, f"the key {error.args[0]!r} stands twice in one object") from None
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
