"""Reading of decibill's own documents: a JSON value together with where it stands.

Every reader of this package that takes a document apart does it with a `Node`, so that each refusal says
what is wrong, at which JSON pointer, and under the error code of the document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.numbers import escape

if TYPE_CHECKING:
    from collections.abc import Collection

    from decibill_reference.errors import ErrorCode

__all__ = ["Node"]

_PUBLISHED: Final = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,30})?")
_CANONICAL: Final = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{0,29}[1-9])?")
_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,99})(\.[0-9]{1,70})?")
_RESULT: Final = re.compile(r"(0|[1-9][0-9]{0,99})(\.[0-9]{0,69}[1-9])?")
_FORMS: Final = {
    _PUBLISHED: "without sign or exponent, at most 15 digits before the point and 30 after it",
    _CANONICAL: "without sign, exponent or zeros at the end, at most 15 digits before and 30 after the point",
    _AMOUNT: "without sign or exponent, at most 100 digits before the point and 70 after it",
    _RESULT: "without sign, exponent or zeros at the end, at most 100 digits before and 70 after the point",
}


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float() | Decimal():
            return "a JSON number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


@dataclass(frozen=True, slots=True)
class Node:
    """A JSON value, its pointer, and the code under which a fault in it is refused."""

    value: Any
    pointer: str
    code: ErrorCode

    def refuse(self, problem: str, code: ErrorCode | None = None) -> NoReturn:
        """Raise the error for a fault at this place."""
        raise DecibillReferenceError(code or self.code, self.pointer, problem)

    def child(self, key: str | int, value: Any) -> Node:
        """Return the value that stands under *key*."""
        return Node(value, f"{self.pointer}/{escape(str(key))}", self.code)

    def mapping(self) -> dict[str, Node]:
        """Return the members of an object, whatever their names."""
        value: object = self.value
        if not isinstance(value, dict):
            self.refuse(f"must be an object, not {_kind(value)}")
        return {key: self.child(key, item) for key, item in cast("dict[str, Any]", value).items()}

    def members(self, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Node]:
        """Return the members of an object: all *required* ones, perhaps *optional* ones, no others."""
        members = self.mapping()
        for key, node in members.items():  # first, since a misspelt member is also a missing one
            if key not in required and key not in optional:
                known = ", ".join(sorted({*required, *optional}))
                node.refuse(f"is not a known member; known are {known}")
        for key in required:
            if key not in members:
                self.refuse(f"lacks the member {key!r}")
        return members

    def items(self) -> list[Node]:
        """Return the items of an array."""
        value: object = self.value
        if not isinstance(value, list):
            self.refuse(f"must be an array, not {_kind(value)}")
        return [self.child(place, item) for place, item in enumerate(cast("list[object]", value))]

    def text(self) -> str:
        """Return a string that is not empty."""
        value: object = self.value
        if not isinstance(value, str):
            self.refuse(f"must be a string, not {_kind(value)}")
        if not value:
            self.refuse("must not be empty")
        return value

    def flag(self) -> bool:
        """Return true or false."""
        value: object = self.value
        if not isinstance(value, bool):
            self.refuse(f"must be true or false, not {_kind(value)}")
        return value

    def one_of(self, words: Collection[str]) -> str:
        """Return a string that is one of *words*."""
        word = self.text()
        if word not in words:
            self.refuse(f"must be one of {', '.join(words)}, not {word!r}")
        return word

    def texts(self) -> tuple[str, ...]:
        """Return an array of different strings, at least one."""
        items = self.items()
        if not items:
            self.refuse("must not be empty")
        seen: dict[str, None] = {}
        for item in items:
            if item.text() in seen:
                item.refuse("stands twice")
            seen[item.text()] = None
        return tuple(seen)

    def published(self) -> str:
        """Return a published amount as it stands: plain digits, at most 15 before the point and 30 after."""
        return self._digits(_PUBLISHED)

    def decimal_text(self, *, positive: bool = False) -> str:
        """Return a decimal string, which has one spelling for a number (AUB-TRM-2b2b)."""
        return self._digits(_CANONICAL, positive=positive)

    def decimal(self, *, positive: bool = False) -> Decimal:
        """Return the number that a decimal string states."""
        return Decimal(self.decimal_text(positive=positive))

    def billed_amount(self) -> str:
        """Return the amount of a line as it stands; that of a surcharge in percent has more digits."""
        return self._digits(_AMOUNT)

    def result(self, *, positive: bool = False) -> Decimal:
        """Return the number of a decimal string that was worked out, and so has more digits than others."""
        return Decimal(self._digits(_RESULT, positive=positive))

    def _digits(self, form: re.Pattern[str], *, positive: bool = False) -> str:
        if not isinstance(self.value, str):
            self.refuse(f'must be a decimal string such as "0.006", not {_kind(self.value)}')
        if not form.fullmatch(self.value):
            self.refuse(f'must be a decimal string such as "0.006", {_FORMS[form]}, not {self.value[:60]!r}')
        if positive and self.value == "0":
            self.refuse("must be greater than zero")
        return self.value
