"""Typed access to a case file by JSON pointer, so that a fault is named with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from decibill.errors import InvalidFileError
from decibill.pointer import MISSING, resolve

__all__ = ["CaseFile"]


class CaseFile:
    """One JSON document whose members are read by pointer and checked for their type."""

    def __init__(self, name: str, document: Any) -> None:
        self.name = name
        if not isinstance(document, Mapping):
            raise InvalidFileError(name, "not a JSON object", remedy="see schemas/case.json")
        self.document = cast("Mapping[str, Any]", document)

    def fault(self, pointer: str, problem: str) -> InvalidFileError:
        """Return the error that says what is wrong at *pointer*."""
        return InvalidFileError(self.name, problem, pointer=pointer)

    def object(self, pointer: str) -> Mapping[str, Any]:
        """Return the object at *pointer*."""
        value = self._value(pointer)
        if not isinstance(value, Mapping):
            raise self.fault(pointer, "an object is needed here")
        return cast("Mapping[str, Any]", value)

    def array(self, pointer: str, *, optional: bool = False) -> Sequence[Any]:
        """Return the array at *pointer*; an absent one is empty where it is *optional*."""
        value = resolve(self.document, pointer)
        if value is MISSING and optional:
            return ()
        if not isinstance(value, list):
            raise self.fault(pointer, "an array is needed here")
        return cast("Sequence[Any]", value)

    def text(self, pointer: str) -> str:
        """Return the string at *pointer*."""
        value = self._value(pointer)
        if not isinstance(value, str):
            raise self.fault(pointer, "a string is needed here")
        return value

    def texts(self, pointer: str, *, optional: bool = False) -> tuple[str, ...]:
        """Return the strings of the array at *pointer*."""
        array = self.array(pointer, optional=optional)
        for index, value in enumerate(array):
            if not isinstance(value, str):
                raise self.fault(f"{pointer}/{index}", "a string is needed here")
        return tuple(array)

    def number(self, pointer: str) -> int | Decimal:
        """Return the integer, or the number of the decimal string, at *pointer*."""
        value = self._value(pointer)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str):
            try:
                number = Decimal(value)
            except InvalidOperation:
                number = Decimal("NaN")
            if number.is_finite():
                return number
        raise self.fault(pointer, "an integer or a decimal string is needed here")

    def _value(self, pointer: str) -> Any:
        value = resolve(self.document, pointer)
        if value is MISSING:
            raise self.fault(pointer, "the member is missing")
        return value
