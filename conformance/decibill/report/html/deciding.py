"""The members of an answer that decide what a call costs: usage, durations, stated costs.

By the names that providers give them; which of them count, and how, is what the specification says. A page
highlights these and folds the rest of a stream, so that a reader finds them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from decibill import jsonio
from decibill.errors import DecibillError

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["Line", "is_list", "is_object", "lines_of", "lines_of_json"]

_USAGE: Final = re.compile(
    r"^(usage|usage_?metadata|charging|charges?|cost_breakdown|duration|.*_duration)$", re.IGNORECASE
)
"""Members that decide with everything in them."""

_NUMBER: Final = re.compile(
    r"token|credit|_cost$|^cost$|price|character|_secs?$|seconds|duration|ticks|offset|channel|audio_?length",
    re.IGNORECASE,
)
"""Members that decide where they hold a number or a text."""

_SETTING: Final = re.compile(
    r"^(max_.*|session|session_?config.*|setup|turn_detection|prefix_.*|silence_.*|threshold|logprobs)$"
)
"""Members that hold nothing of the kind, whatever they are called."""

_INDENT: Final = "  "
_INLINE: Final = 76
_FOLDED: Final = 6
"""Lines of a value that decides nothing, beside one that does, from which it is folded."""

_LONGEST_TEXT: Final = 160
_MOST: Final = 400
"""Lines of one body."""

_FIELD: Final = re.compile(r"^(data|event|id|retry): ?(.*)$")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a body."""

    text: str
    is_deciding: bool = False
    is_left_out: bool = False
    """Whether it stands for lines that are not shown."""


def lines_of(body: str, *, also: Iterable[str] = ()) -> list[Line]:
    """Return a body as lines: JSON laid out, the events of a stream that decide nothing counted.

    Args:
        body: what was sent or received: JSON, events, JSON lines, or any text.
        also: members that decide here too, such as the text of a speech request.
    """
    decides = _Decides(frozenset(also))
    value = _json(body)
    if isinstance(value, _Unread):
        lines = list(_lines_of_text(body, decides))
    elif is_list(value) and value and all(is_object(each) and "frame" in each for each in value):
        lines = list(_frames(value, decides))
    else:
        lines = _value(value, decides)
    return _limited(lines)


def lines_of_json(value: Any, *, also: Iterable[str] = ()) -> list[Line]:
    """Return JSON as lines; see `lines_of`."""
    return _limited(_value(value, _Decides(frozenset(also)), is_folded=False))


def _limited(lines: list[Line]) -> list[Line]:
    if len(lines) <= _MOST:
        return lines
    return [*lines[:_MOST], Line(f"... {len(lines) - _MOST} more lines", is_left_out=True)]


class _Unread:
    """Text that is not JSON."""


def _json(text: str) -> Any:
    stripped = text.strip()
    if not stripped.startswith(("{", "[")):
        return _Unread()
    try:
        return jsonio.loads(stripped, "an answer")
    except DecibillError:
        return _Unread()


@dataclass(frozen=True, slots=True)
class _Decides:
    also: frozenset[str]

    is_on: bool = True

    def decides(self, key: str, value: Any) -> bool:
        """Whether the member *key* decides; null decides nothing, unless it is asked for."""
        if value is None:
            return key in self.also
        if not self.is_on or not key or _SETTING.match(key):
            return False
        if _USAGE.match(key) or key in self.also:
            return True
        return not (is_object(value) or is_list(value)) and bool(_NUMBER.search(key))


_NOTHING: Final = _Decides(frozenset(), is_on=False)


def is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Say whether a JSON value is an object."""
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Say whether a JSON value is an array."""
    return isinstance(value, list)


def _scalar(value: Any) -> str:
    """Return a scalar as JSON, a long text cut."""
    if isinstance(value, str):
        more = len(value) - _LONGEST_TEXT
        shown = value if more <= 0 else f"{value[:_LONGEST_TEXT]}[and {more} more characters]"
        return json.dumps(shown, ensure_ascii=False)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    number: Decimal | int = value
    return str(number)


def _value(value: Any, decides: _Decides, *, is_folded: bool = True) -> list[Line]:
    """Return the lines of one value; what decides nothing is folded where something else does."""
    lines = _laid_out(value, decides, _Place("", "", is_deciding=False, is_folded=is_folded))
    if is_folded and not any(line.is_deciding for line in lines):
        return _value(value, decides, is_folded=False)
    return lines


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands."""

    indent: str
    key: str
    is_deciding: bool
    is_folded: bool


def _laid_out(value: Any, decides: _Decides, place: _Place) -> list[Line]:
    head = place.indent + (f"{json.dumps(place.key, ensure_ascii=False)}: " if place.key else "")
    if not (is_object(value) or is_list(value)):
        return [Line(head + _scalar(value), place.is_deciding)]
    opening, closing = ("{", "}") if is_object(value) else ("[", "]")
    members = list(value.items()) if is_object(value) else [("", each) for each in value]
    inline = _inline(members, decides, place)
    if inline is not None and len(head) + len(inline) + 2 <= _INLINE:
        return [Line(f"{head}{opening}{inline}{closing}", place.is_deciding)]
    lines = [Line(head + opening, place.is_deciding)]
    for index, (name, each) in enumerate(members):
        is_deciding = place.is_deciding or decides.decides(name, each)
        lines += _member(each, decides, _Place(place.indent + _INDENT, name, is_deciding, place.is_folded))
        if index < len(members) - 1:
            lines[-1] = replace(lines[-1], text=f"{lines[-1].text},")
    return [*lines, Line(place.indent + closing, place.is_deciding)]


def _member(value: Any, decides: _Decides, place: _Place) -> list[Line]:
    setting = bool(_SETTING.match(place.key))
    lines = _laid_out(value, _NOTHING if setting else decides, place)
    if place.is_folded and len(lines) > _FOLDED and not any(line.is_deciding for line in lines):
        return [replace(lines[0], text=f"{lines[0].text} ... {lines[-1].text.strip()}")]
    return lines


def _inline(members: Sequence[tuple[str, Any]], decides: _Decides, place: _Place) -> str | None:
    """Return scalar members in one line, or None where one of them stands out and has to have its own."""
    if any(is_object(each) or is_list(each) for _, each in members):
        return None
    if not place.is_deciding and any(decides.decides(name, each) for name, each in members):
        return None
    return ", ".join(
        (f"{json.dumps(name, ensure_ascii=False)}: " if name else "") + _scalar(each)
        for name, each in members
    )


def _lines_of_text(body: str, decides: _Decides) -> Iterator[Line]:
    """Yield the lines of a stream of events or of JSON lines, or of a text as it is."""
    events = [event for event in re.split(r"\r\n\r\n|\n\n|\r\r", body) if event.strip()]
    if any(_FIELD.match(line) for event in events for line in event.splitlines()):
        yield from _folded((list(_event(event, decides)) for event in events), "event")
        return
    rows = body.splitlines()
    if len(rows) > 1 and all(row.startswith("{") for row in rows if row.strip()):
        yield from _folded((lines_of(row, also=decides.also) for row in rows if row.strip()), "line")
        return
    for row in rows:
        yield Line(row)


def _event(event: str, decides: _Decides) -> Iterator[Line]:
    """Yield the lines of one event; its data, which may take several lines, is laid out where it is JSON."""
    fields = [_FIELD.match(row) for row in event.splitlines()]
    value = _json("\n".join(field[2] for field in fields if field and field[1] == "data"))
    if isinstance(value, _Unread):
        yield from (Line(row) for row in event.splitlines())
        return
    yield from (Line(field[0]) for field in fields if field and field[1] != "data")
    yield from _behind("data: ", _value(value, decides))


def _behind(label: str, lines: list[Line]) -> list[Line]:
    return [replace(lines[0], text=label + lines[0].text), *lines[1:]]


def _frames(frames: list[Any], decides: _Decides) -> Iterator[Line]:
    """Yield the messages of a session: those of the provider that decide, and how many others there are."""
    yield from _folded((_frame(each, decides) for each in frames), "message")


def _frame(each: Mapping[str, Any], decides: _Decides) -> list[Line]:
    is_client = each.get("from") == "client"
    return _behind(
        "client: " if is_client else "provider: ", _value(each["frame"], _NOTHING if is_client else decides)
    )


def _folded(parts: Iterable[list[Line]], noun: str) -> Iterator[Line]:
    """Yield the parts that decide something, and how many others there are between them."""
    shown = list(parts)
    keep = {index for index, part in enumerate(shown) if any(line.is_deciding for line in part)}
    if not keep:
        keep = {0, len(shown) - 1}
    left_out = 0
    for index, part in enumerate(shown):
        if index not in keep:
            left_out += 1
            continue
        if left_out:
            yield _more(left_out, noun)
        left_out = 0
        yield from part
    if left_out:
        yield _more(left_out, noun)


def _more(number: int, noun: str) -> Line:
    return Line(f"... {number} {noun}{'' if number == 1 else 's'} without usage", is_left_out=True)
