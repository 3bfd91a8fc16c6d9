"""How far a long run is, for a person who waits at a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Progress", "watched"]

_BETWEEN: Final = 0.25
"""Seconds between two pictures."""


def watched() -> bool:
    """Return whether somebody waits: standard error is a terminal, and no output runs over it."""
    return sys.stderr.isatty() and not sys.stdout.isatty()


class Progress:
    """One line on standard error, written over itself.

    Args:
        shown: whether there is anybody to see it.
        size: bytes of the input, or None where nobody knows.
        clock: seconds, from any start.
    """

    def __init__(
        self, *, shown: bool, size: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shown = shown
        self._size = size
        self._clock = clock
        self._start = self._last = clock()
        self._read = 0

    def advance(self, read: int, lines: int, refused: int) -> None:
        """Tell that so many more bytes were *read*, and how many lines there were until now."""
        self._read += read
        now = self._clock()
        if not self._shown or now - self._last < _BETWEEN:
            return
        self._last = now
        part = f"{self._read / self._size:.0%}, " if self._size else ""
        pace = lines / (now - self._start)
        self._write(f"decibill: {part}{lines:,} lines, {refused:,} refused, {pace:,.0f} a second")

    def end(self) -> None:
        """Take the line away."""
        self._write("")

    def _write(self, text: str) -> None:
        if self._shown:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)
