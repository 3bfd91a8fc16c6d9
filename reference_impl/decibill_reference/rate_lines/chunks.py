"""The input as chunks of whole lines, so that no more than a few chunks are ever in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CHUNK", "LONGEST", "Chunk", "chunks"]

CHUNK: Final = 256 * 1024
"""Bytes that are asked for at once: some hundred records, about ten milliseconds of work."""

LONGEST: Final = 64 * 1024 * 1024
"""Bytes of the longest line that is read, enough for an upload of the largest size that providers take."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole lines."""

    first: int
    """The number of the first one, counted from 1."""

    content: bytes


def chunks(read: Callable[[int], bytes], longest: int = LONGEST) -> Iterator[Chunk]:
    """Yield everything that *read* gives, in order, cut at ends of lines.

    Whatever arrives is passed on as soon as a line of it is complete. Of a line that is too long its first
    *longest* + 1 bytes are kept, so that whoever rates it sees that it is, and the rest is forgotten.

    Args:
        read: returns up to so many bytes, as many as are there now, and none at the end.
        longest: bytes of a line, without its end.
    """
    number, begun, held = 1, list[bytes](), 0
    while block := read(CHUNK):
        end = block.rfind(b"\n") + 1
        if end:
            first_end = block.find(b"\n") if held else 0
            content = b"".join((*begun, block[:first_end][: _room(longest, held)], block[first_end:end]))
            yield Chunk(number, content)
            number += content.count(b"\n")
            begun, held = [], 0
        rest = block[end:][: _room(longest, held)]
        if rest:
            begun.append(rest)
            held += len(rest)
    if begun:
        yield Chunk(number, b"".join(begun))


def _room(longest: int, held: int) -> int:
    return longest + 1 - held
