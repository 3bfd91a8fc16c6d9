"""Hiding the secrets of a run by their values: a gateway may repeat what it was given anywhere.

Which header holds a key is known by its name. What a gateway quotes in an error, prints before it ends or
passes on in an address is not, so every text that leaves a run is searched for the values themselves.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from operator import is_
from typing import Any, Final, Literal, TypeGuard, TypeVar, cast
from urllib.parse import quote, unquote, urlsplit

from decibill import template
from decibill.declaration import Declaration
from decibill.redact import REDACTED

__all__ = ["Secrets", "in_declaration", "in_url"]

T = TypeVar("T")

_SHORTEST: Final = 8
"""Characters of a value that is hidden: shorter ones, such as a port, stand in any text by chance."""

_SECRET: Final = ("env.", "set.")


class Secrets:
    """The values that no report and no message may show."""

    def __init__(self) -> None:
        self._values: tuple[str, ...] = ()
        self._bytes: tuple[bytes, ...] = ()
        self._shortest = 0

    def add(self, values: Iterable[str]) -> None:
        """Hide *values* from now on, in every spelling that addresses and JSON have for them."""
        spelt = {form for value in values if len(value) >= _SHORTEST for form in _spellings(value)}
        self._values = tuple(sorted({*self._values, *spelt}, key=lambda value: (-len(value), value)))
        self._bytes = tuple(value.encode("utf-8", "surrogateescape") for value in self._values)
        self._shortest = min(map(len, self._values), default=0)

    def hide(self, text: str) -> str:
        """Return *text* without the values."""
        if len(text) >= self._shortest:
            for value in self._values:
                text = text.replace(value, REDACTED)
        return text

    def hide_in(self, value: T) -> T:
        """Return *value*, a tree of frozen dataclasses, mappings and sequences, without them in any text.

        A tree that holds none of them is returned as it is, and so is every part of one.
        """
        return cast("T", self._hidden(value)) if self._values else value

    def _hidden(self, value: Any) -> Any:
        # a report is a large tree: its parts are told apart by type, and what is clean is not built again
        shape = _shape(value.__class__)
        if shape == "text":
            return self.hide(value)
        if shape == "mapping":
            return self._hidden_in_mapping(value)
        if shape == "collection":
            return self._hidden_in_collection(value)
        if shape == "fields":
            return self._hidden_in_fields(value)
        return self._hidden_in_bytes(value) if shape == "bytes" else value

    def _hidden_in_mapping(self, value: Mapping[Any, Any]) -> Mapping[Any, Any]:
        hidden = {key: self._hidden(member) for key, member in value.items()}
        names = [self._hidden(key) for key in value]
        if all(map(is_, names, value)) and all(map(is_, hidden.values(), value.values())):
            return value
        return dict(zip(names, hidden.values(), strict=True))

    def _hidden_in_collection(self, value: Collection[Any]) -> Collection[Any]:
        items = [self._hidden(item) for item in value]
        if all(map(is_, items, value)):
            return value
        return items if isinstance(value, list) else tuple(items)

    def _hidden_in_fields(self, value: Any) -> Any:
        changed = {
            name: hidden
            for name in _fields(value.__class__)
            if (hidden := self._hidden(member := getattr(value, name))) is not member
        }
        return dataclasses.replace(value, **changed) if changed else value

    def _hidden_in_bytes(self, content: bytes) -> bytes:
        for value in self._bytes:
            content = content.replace(value, REDACTED.encode())
        return content


def in_declaration(declaration: Declaration, values: Mapping[str, str]) -> Iterator[str]:
    """Yield the values that the templates of a declaration take from the environment or from the gateway."""
    names = {name for text in _texts(declaration) for name in template.names(text)}
    yield from (values[name] for name in sorted(names) if name.startswith(_SECRET) and name in values)
    if declaration.start is not None:
        yield from (values[f"env.{name}"] for name in declaration.start.secrets if f"env.{name}" in values)


def in_url(url: str) -> Iterator[str]:
    """Yield the user and password that an address holds."""
    user, at, _ = urlsplit(url).netloc.rpartition("@")
    if at:
        yield user
        yield unquote(user.partition(":")[2])


@cache
def _shape(kind: type[object]) -> Literal["text", "bytes", "mapping", "collection", "fields", "other"]:
    """Return how values of a type are gone through; a text of an enum is decibill's own."""
    if kind is str:
        return "text"
    if issubclass(kind, bytes):
        return "bytes"
    if dataclasses.is_dataclass(kind):
        return "fields"
    if issubclass(kind, Mapping):
        return "mapping"
    return "collection" if issubclass(kind, (list, tuple)) else "other"


@cache
def _fields(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _spellings(value: str) -> Iterator[str]:
    yield value
    yield quote(value, safe="")
    yield json.dumps(value)[1:-1]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _texts(getattr(value, field.name))
    elif _is_mapping(value):
        for key, member in value.items():
            yield from _texts(key)
            yield from _texts(member)
    elif _is_collection(value):
        for item in value:
            yield from _texts(item)


def _is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_collection(value: Any) -> TypeGuard[Collection[Any]]:
    return isinstance(value, (list, tuple))
