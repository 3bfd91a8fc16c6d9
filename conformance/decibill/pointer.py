"""JSON pointers (RFC 6901)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

__all__ = ["MISSING", "Missing", "join", "resolve"]


class Missing(Enum):
    """The type of `MISSING`, what a pointer that leads nowhere resolves to."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING


def resolve(document: Any, pointer: str) -> Any:
    """Return the value at *pointer*, or `MISSING`; a JSON null is returned as None."""
    if pointer == "":
        return document
    current = document
    for raw in pointer[1:].split("/"):
        token = raw.replace("~1", "/").replace("~0", "~") if "~" in raw else raw
        # asking an abstract class takes longer than all the rest
        kind = type(current)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if kind is dict or (kind is not list and isinstance(current, Mapping)):
            if token not in current:
                return MISSING
            current = current[token]  # pyright: ignore[reportUnknownVariableType]
        elif kind is list or (isinstance(current, Sequence) and not isinstance(current, (str, bytes))):
            if not token.isdecimal() or int(token) >= len(current):  # pyright: ignore[reportUnknownArgumentType]
                return MISSING
            current = current[int(token)]  # pyright: ignore[reportUnknownVariableType]
        else:
            return MISSING
    return current  # pyright: ignore[reportUnknownVariableType]


def join(*tokens: str | int) -> str:
    """Return the pointer made of *tokens*."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)
