"""Changes to JSON values that keep them JSON: what flips bytes hardly ever gets past a parser.

A change takes one place of the tree at random and puts something else there: another number, a word of the
vocabulary, a part from elsewhere in the same tree; or it drops, repeats or renames a member.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from random import Random
from typing import Any, Final, cast

__all__ = ["changed_json", "changed_tree", "dumped", "strings_of"]

_NUMBERS: Final[tuple[Any, ...]] = (
    *(0, 1, -1, 2, 3, 7, 100, 784, 10**15, 10**15 - 1, -(10**15), 2**63, 10**40),
    *(Decimal("0.5"), Decimal("-0.0"), Decimal("1e308"), Decimal("1e-320"), Decimal("1.70"), 1e300),
    *(
        "0",
        "1",
        "0.006",
        "-1",
        "1e3",
        "0.0000000000005",
        "999999999999999",
        "1" * 16,
        "٣",
        "1_0",
        " 1",
        "1\n",
    ),
)
_OTHERS: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    "",
    "x",
    [],
    {},
    [[]],
    [None],
    {"": None},
    "\ud800",
    "\x1b[31m",
)

_Place = tuple[Any, Any]
"""A container and the key or index of one of its values."""


def changed_json(data: bytes, random: Random, words: Sequence[str]) -> bytes | None:
    """Return the JSON text *data* with one to four changes, or None if it is not JSON."""
    try:
        tree = json.loads(data, parse_float=Decimal)
    except (ValueError, RecursionError, InvalidOperation):  # the last: an exponent that no decimal has
        return None
    return dumped(changed_tree(tree, random, words))


def changed_tree(tree: Any, random: Random, words: Sequence[str]) -> Any:
    """Return *tree* with one to four changes."""
    root = [tree]
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        places = list(_places(root))
        _change(places[random.randrange(len(places))], places, random, words)
        if _size(root) > 4000:
            break
    return root[0]


def dumped(tree: Any) -> bytes:
    """Return *tree* as JSON, its decimals as JSON numbers."""
    marks: list[str] = []

    def mark(value: object) -> str:
        marks.append(str(value))
        return f"\x00{len(marks) - 1}\x00"

    text = json.dumps(tree, default=mark)
    for number, value in enumerate(marks):
        text = text.replace(f'"\\u0000{number}\\u0000"', value)
    return text.encode()


def strings_of(tree: Any) -> Iterator[str]:
    """Yield every member name and every short text in *tree*."""
    if isinstance(tree, dict):
        for key, value in cast("dict[str, Any]", tree).items():
            yield key
            yield from strings_of(value)
    elif isinstance(tree, list):
        for value in cast("list[Any]", tree):
            yield from strings_of(value)
    elif isinstance(tree, str) and len(tree) <= 40:
        yield tree


def _places(root: list[Any]) -> Iterator[_Place]:
    waiting: list[Any] = [root]
    while waiting:
        holder = waiting.pop()
        members = cast("dict[str, Any]", holder).items() if isinstance(holder, dict) else enumerate(holder)
        for key, value in members:
            yield holder, key
            if isinstance(value, dict | list):
                waiting.append(value)


def _size(root: list[Any]) -> int:
    return sum(1 for _ in _places(root))


def _change(place: _Place, places: Sequence[_Place], random: Random, words: Sequence[str]) -> None:
    holder, key = place
    random.choice(_CHANGES)(holder, key, places, random, words)


def _number(holder: Any, key: Any, _: Sequence[_Place], random: Random, __: Sequence[str]) -> None:
    holder[key] = random.choice(_NUMBERS)


def _near(holder: Any, key: Any, _: Sequence[_Place], random: Random, __: Sequence[str]) -> None:
    value = holder[key]
    if isinstance(value, int) and not isinstance(value, bool):
        holder[key] = random.choice((value + 1, value - 1, value * 2, value // 2, -value, str(value)))
    elif isinstance(value, str) and value:
        cut = random.randrange(len(value))
        holder[key] = random.choice((value[:cut], value[cut:], value * 2, value[:cut] + "é" + value[cut:]))
    else:
        holder[key] = random.choice(_NUMBERS)


def _other(holder: Any, key: Any, _: Sequence[_Place], random: Random, __: Sequence[str]) -> None:
    holder[key] = copy.deepcopy(random.choice(_OTHERS))


def _word(holder: Any, key: Any, _: Sequence[_Place], random: Random, words: Sequence[str]) -> None:
    holder[key] = random.choice(words)


def _graft(holder: Any, key: Any, places: Sequence[_Place], random: Random, _: Sequence[str]) -> None:
    other, from_key = random.choice(places)
    holder[key] = copy.deepcopy(other[from_key])


def _drop(holder: Any, key: Any, places: Sequence[_Place], _: Random, __: Sequence[str]) -> None:
    if holder is not places[0][0]:
        del holder[key]


def _rename(holder: Any, key: Any, _: Sequence[_Place], random: Random, words: Sequence[str]) -> None:
    if isinstance(holder, dict):
        members = cast("dict[str, Any]", holder)
        members[random.choice(words)] = members.pop(key)


def _add(holder: Any, key: Any, places: Sequence[_Place], random: Random, words: Sequence[str]) -> None:
    other, from_key = random.choice(places)
    value = random.choice((random.choice(_NUMBERS), copy.deepcopy(other[from_key]), random.choice(words)))
    target = holder[key]
    if isinstance(target, dict):
        target[random.choice(words)] = value
    elif isinstance(target, list):
        cast("list[Any]", target).insert(random.randrange(len(cast("list[Any]", target)) + 1), value)


_Change = Callable[[Any, Any, Sequence[_Place], Random, Sequence[str]], None]
_CHANGES: Final[Sequence[_Change]] = (
    *(_number, _near, _near, _other, _word, _graft, _drop, _rename, _add, _add),
)
