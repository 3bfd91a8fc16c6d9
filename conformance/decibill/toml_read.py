"""Reading of TOML without floats, bounded: a declaration may come from anyone."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from decibill import jsonio
from decibill.errors import InvalidFileError

__all__ = ["read_toml"]

_LARGEST: Final = 1024 * 1024
_LONGEST_LINE: Final = 8000
"""The time for a key of very many parts is quadratic in them, and a key stands in one line."""

_DEEPEST: Final = 60


def read_toml(raw: bytes, where: str) -> dict[str, Any]:
    """Return the table in *raw*, every fraction as a `Decimal`; *where* names the file in messages.

    Raises:
        InvalidFileError: it is not TOML, or larger, deeper or with other numbers than any declaration.
    """
    if len(raw) > _LARGEST:
        raise InvalidFileError(where, f"is larger than {_LARGEST} bytes")
    try:
        text = raw.decode()
        if any(len(line) > _LONGEST_LINE for line in text.splitlines()):
            raise InvalidFileError(where, f"has a line of more than {_LONGEST_LINE} characters")
        table = tomllib.loads(text, parse_float=jsonio.fraction)
    except jsonio.NumberError as error:
        raise InvalidFileError(where, str(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidFileError(where, f"not TOML: {error}") from None
    except RecursionError:
        raise InvalidFileError(where, "not TOML: nested too deeply") from None
    except ValueError:  # int() has a limit of some thousand digits; dates that are none are told above
        raise InvalidFileError(where, "a number of thousands of digits cannot be read") from None
    if _is_deeper(table, _DEEPEST):
        raise InvalidFileError(where, "nested too deeply")
    return table


def _is_deeper(value: object, levels: int) -> bool:
    if not (_is_table(value) or _is_list(value)):
        return False
    if levels == 0:
        return True
    return any(_is_deeper(each, levels - 1) for each in (value.values() if _is_table(value) else value))


def _is_table(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
