"""The names of the targets, what a target is, and where inputs are kept."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

__all__ = ["KEPT", "TARGETS", "Target", "kept", "load"]

TARGETS: Final = ("extraction", "streams", "price_books", "declarations", "reports")

KEPT: Final = Path(__file__).parent / "kept"


class Target(Protocol):
    """What a module that is a target has."""

    def seeds(self) -> Iterator[bytes]:
        """Yield inputs to begin with."""
        ...

    def attempt(self, data: bytes) -> None:
        """Read one input.

        Raises:
            AssertionError: a rule is broken; any other exception is a finding too.
        """
        ...

    def changed(self, data: bytes, random: Random) -> bytes | None:
        """Return *data* with a change that keeps its form, or None where it has no form."""
        ...


def load(name: str) -> Target:
    """Return the target called *name*."""
    return cast("Target", importlib.import_module(f"fuzz.{name}"))


def kept(name: str) -> list[Path]:
    """Return the kept inputs of the target called *name*."""
    return sorted(path for path in (KEPT / name).glob("*") if path.is_file())
