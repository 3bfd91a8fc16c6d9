"""Server-sent events, read by the standard (AUB-EXT-2a18).

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation: lines end in CR
LF, LF or CR, lines that begin with a colon are comments, the data of one event can stand on several lines,
and an event ends at an empty line. So an event that the end of the stream cuts off is not an event.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Event", "events"]

_LINE_END = re.compile(r"\r\n|\n|\r")


class Event(NamedTuple):
    """One dispatched event."""

    type: str
    """The field `event`; `message` where there is none."""

    data: str
    """The lines of the field `data`, joined by line feeds."""


def events(stream: str | bytes) -> Iterator[Event]:
    """Yield the events of *stream* in order, bytes taken as UTF-8."""
    text = stream.decode("utf-8", errors="replace") if isinstance(stream, bytes) else stream
    lines = _LINE_END.split(text.removeprefix("\ufeff"))
    lines.pop()  # what stands after the last line end is not a whole line
    kind = ""
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield Event(kind or "message", "\n".join(data))
            kind = ""
            data = []
            continue
        field, _, value = line.partition(":")
        if field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            kind = value.removeprefix(" ")
