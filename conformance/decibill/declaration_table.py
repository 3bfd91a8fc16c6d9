"""Typed reading of one table of a declaration; every refusal names the file and the JSON pointer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from decibill import pointer
from decibill.errors import InvalidFileError, UnknownNameError

__all__ = ["Table"]


class Table:
    """A mapping that remembers where it stands and which of its members were asked for.

    Args:
        file: the declaration, as the user would name it.
        data: the members.
        at: JSON pointer of the table in the file.
    """

    def __init__(self, file: str, data: Mapping[str, Any], at: str = "") -> None:
        self.file = file
        self.at = at
        self._data = data
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._data

    def refuse(self, key: str | None, problem: str, remedy: str | None = None) -> NoReturn:
        """Raise for the member *key*, or for the table as a whole."""
        where = self.at if key is None else self.place(key)
        raise InvalidFileError(self.file, problem, pointer=where or "/", remedy=remedy)

    def place(self, key: str) -> str:
        """Return the pointer of the member *key*."""
        return self.at + pointer.join(key)

    def raw(self, key: str, default: Any = None) -> Any:
        """Return the member as it is, or *default*."""
        self._asked.add(key)
        return self._data.get(key, default)

    def _need(self, key: str, kind: type | tuple[type, ...], name: str) -> Any:
        value = self.raw(key)
        if value is None:
            self.refuse(key, f"is missing; it must be {name}")
        # bool is an int to Python, never to a reader of TOML
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.refuse(key, f"must be {name}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string that is not empty."""
        if default is not None and key not in self:
            return default
        value: str = self._need(key, str, "a string")
        if not value:
            self.refuse(key, "must not be empty")
        return value

    def optional_text(self, key: str) -> str | None:
        """Return a string that is not empty, or None where it is absent."""
        return self.text(key) if key in self else None

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a boolean."""
        return bool(self._need(key, bool, "true or false")) if key in self else default

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        """Return an integer between *low* and *high*."""
        value: int = self._need(key, int, "an integer") if key in self else default
        if not low <= value <= high:
            self.refuse(key, f"must be between {low} and {high}")
        return value

    def decimal(self, key: str) -> Decimal | None:
        """Return a number that is not negative, written as a string or as an integer."""
        if key not in self:
            return None
        value = self._need(key, (str, int), 'a decimal string such as "1e-9", or an integer')
        try:
            number = Decimal(value)
        except InvalidOperation:
            self.refuse(key, f"{value!r} is not a number")
        if not number.is_finite() or number < 0:
            self.refuse(key, "must be finite and not negative")
        return number

    def positive(self, key: str) -> Decimal | None:
        """Return a number above zero, or None where it is absent."""
        number = self.decimal(key)
        if number == 0:
            self.refuse(key, "must be above zero")
        return number

    def choice(self, key: str, among: Collection[str], default: str | None = None) -> str:
        """Return one of the words *among*."""
        return self._word(key, self.text(key, default), among)

    def _word(self, key: str, word: str, among: Collection[str]) -> str:
        if word not in among:
            unknown = UnknownNameError(f"value for {key}", word, among)
            self.refuse(key, str(unknown), remedy=f"one of {', '.join(sorted(among))}")
        return word

    def strings(self, key: str) -> tuple[str, ...]:
        """Return a list of strings that are not empty; absent is empty."""
        if key not in self:
            return ()
        values: Sequence[Any] = self._need(key, list, "a list of strings")
        for index, value in enumerate(values):
            if not isinstance(value, str) or not value:
                self.refuse(key, f"item {index} must be a string that is not empty")
        return tuple(values)

    def words(self, key: str, among: Collection[str] | None = None) -> tuple[str, ...]:
        """Return a list of different strings, each one of *among* where that is given; absent is empty."""
        values = self.strings(key)
        for value in values if among is not None else ():
            self._word(key, value, among or ())
        if len(set(values)) != len(values):
            self.refuse(key, "names something twice")
        return values

    def texts(self, key: str) -> Mapping[str, str]:
        """Return a table of strings; absent is empty."""
        return self.table(key).texts_of()

    def texts_of(self) -> Mapping[str, str]:
        """Return the members of a table of strings."""
        return {name: self.text(name) for name in self}

    def texts_among(self, among: Collection[str]) -> Mapping[str, str]:
        """Return the members of a table of strings whose names are *among* the given."""
        texts = self.texts_of()
        for name in texts:
            if name not in among:
                self.refuse(name, str(UnknownNameError("member", name, among)))
        return texts

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the members."""
        return iter(tuple(self._data))

    def table(self, key: str) -> Table:
        """Return a member table; absent is empty."""
        value: Mapping[str, Any] = self._need(key, dict, "a table") if key in self else {}
        return Table(self.file, value, self.place(key))

    def optional_table(self, key: str) -> Table | None:
        """Return a member table, or None where it is absent."""
        return self.table(key) if key in self else None

    def tables(self, key: str) -> tuple[Table, ...]:
        """Return a list of tables; absent is empty."""
        if key not in self:
            return ()
        values: Sequence[Any] = self._need(key, list, "a list of tables")
        if not all(isinstance(value, dict) for value in values):
            self.refuse(key, "must be a list of tables")
        return tuple(
            Table(self.file, value, self.at + pointer.join(key, index)) for index, value in enumerate(values)
        )

    def done(self) -> None:
        """Refuse members that nothing asked for."""
        for key in self._data:
            if key not in self._asked:
                self.refuse(key, str(UnknownNameError("member", key, self._asked)))
