"""However the input arrives, its lines and their numbers are the same."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING

from decibill_reference.rate_lines.chunks import CHUNK, chunks
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LINES = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=12)


def arriving(parts: Iterable[bytes]) -> Callable[[int], bytes]:
    """Return what reads an input that arrives in *parts*."""
    waiting = iter([part for part in parts if part])
    return lambda _: next(waiting, b"")


def divided(content: bytes, places: list[int]) -> list[bytes]:
    cuts = sorted({0, len(content), *(place % (len(content) + 1) for place in places)})
    return [content[start:end] for start, end in pairwise(cuts)]


@given(LINES, st.booleans(), st.lists(st.integers(0, 200), max_size=8))
def test_lines_are_whole_and_in_order_however_they_arrive(
    lines: list[bytes], ended: bool, places: list[int]
) -> None:
    content = b"\n".join(lines) + (b"\n" if ended else b"")

    got = list(chunks(arriving(divided(content, places))))

    assert b"".join(chunk.content for chunk in got) == content
    assert all(chunk.content.endswith(b"\n") for chunk in got[:-1])


@given(LINES, st.lists(st.integers(0, 200), max_size=8))
def test_a_chunk_knows_the_number_of_its_first_line(lines: list[bytes], places: list[int]) -> None:
    content = b"".join(line + b"\n" for line in lines)
    number = 1
    for chunk in chunks(arriving(divided(content, places))):
        assert chunk.first == number
        number += chunk.content.count(b"\n")


def test_a_line_is_passed_on_as_soon_as_it_is_complete() -> None:
    asked = 0

    def read(_: int) -> bytes:
        nonlocal asked
        asked += 1
        return b"a line\nand a beg"

    assert next(chunks(read)).content == b"a line\n"
    assert asked == 1


def test_of_a_line_that_is_too_long_no_more_is_held_than_shows_that_it_is() -> None:
    parts = [b"one\n", b"x" * 60, b"x" * 60, b"x" * 60 + b"\ntwo\n", b"y" * 300]

    got = list(chunks(arriving(parts), longest=100))

    assert [(chunk.first, chunk.content) for chunk in got] == [
        (1, b"one\n"),
        (2, b"x" * 101 + b"\ntwo\n"),
        (4, b"y" * 101),
    ]


def test_an_empty_input_has_no_chunks() -> None:
    assert list(chunks(io.BytesIO().read)) == []


def test_a_long_input_is_never_held_as_a_whole() -> None:
    line = b"z" * 99 + b"\n"
    content = io.BytesIO(line * (3 * CHUNK // 100))

    sizes = [len(chunk.content) for chunk in chunks(content.read)]

    assert len(sizes) >= 3
    assert max(sizes) < CHUNK + len(line)
