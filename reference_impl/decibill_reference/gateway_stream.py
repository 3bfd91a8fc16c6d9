"""What metering needs of a stream, in memory that does not grow with it.

A stream passes through as it comes. Of its events only those are kept that can hold the final usage, the
service tier or the end mark, and of each kind only the last few; the audio in the others may be megabytes.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, cast

from decibill_reference import jsonio, sse
from decibill_reference.errors import DecibillReferenceError

__all__ = ["GeminiDigest", "StreamDigest"]

_EVENT_END: Final = re.compile(rb"\n[\r\n]|\r\n[\r\n]|\r\r")  # two line ends of any kind
_HALF_MARKS: Final = (b"\xef", b"\xef\xbb")  # a byte order mark that is still to come in full
_BEFORE_JSON: Final = re.compile(rb"\A(?:\xef\xbb\xbf|[ \t\r\n])*+")

# Literals first: looking for them is many times faster than for a pattern, and most events have none.
_KINDS: Final = (
    (b'"usage"', re.compile(rb'"usage"\s*:\s*[^\sn]')),  # usage that is not null
    (b'"service_tier"', re.compile(rb'"service_tier"\s*:\s*"')),
    (b"transcript.text.done", None),  # apart from the next, whose events are not to crowd it out
    (b"speech.audio.done", None),
    (b"[DONE]", None),
)
_KEPT: Final = 4
_LARGEST_EVENT: Final = 4 * 1024 * 1024
_LARGEST_DOCUMENT: Final = 64 * 1024 * 1024


def _beginning(body: bytes | bytearray) -> bytes:
    """Return how a body begins behind what may stand before a JSON document; empty where that is to come."""
    rest = _BEFORE_JSON.sub(b"", body)[:3]
    return b"" if rest in _HALF_MARKS else rest


class StreamDigest:
    """The events of a stream that say something about its usage.

    A body that claims to be a stream and is a JSON document is kept whole (AUB-EXT-b80f), up to a limit.
    """

    _largest_event: int = _LARGEST_EVENT

    def __init__(self) -> None:
        self._pending = bytearray()
        self._kept = tuple(deque[tuple[int, bytes]](maxlen=_KEPT) for _ in _KINDS)
        self._events = 0
        self._is_document: bool | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        seen = len(self._pending)
        self._pending += chunk
        if self._is_document is None and (beginning := _beginning(self._pending)):
            self._is_document = beginning.startswith(b"{")
        if self._is_document:
            if len(self._pending) > _LARGEST_DOCUMENT:
                del self._pending[_LARGEST_DOCUMENT:]
            return
        start = 0
        place = max(0, seen - 3)  # the end of an event may have begun in what was there before
        while found := _EVENT_END.search(self._pending, place):
            self._keep(bytes(self._pending[start : found.end()]))
            start = place = found.end()
        del self._pending[:start]
        if len(self._pending) > self._largest_event:
            self._forget_middle()

    def text(self) -> str:
        """Return the kept events in their order, and what stands after the last whole event."""
        events = sorted({event for kept in self._kept for event in kept})
        kept = b"".join((*(event for _, event in events), self._pending))
        if not self._is_document and _beginning(kept).startswith(b"{"):
            kept = b":\n" + kept  # the beginning that said otherwise was not kept
        return kept.decode("utf-8", "replace")

    def _keep(self, event: bytes) -> None:
        self._events += 1
        for kept, (literal, pattern) in zip(self._kept, _KINDS, strict=True):
            if literal in event and (pattern is None or pattern.search(event)):
                kept.append((self._events, event))

    def _forget_middle(self) -> None:
        """Shorten an event that is too long to be of interest; its end is still to come."""
        del self._pending[64:-64]


class GeminiDigest(StreamDigest):
    """The digest of a Gemini stream, whose usage is told in pieces by any of its chunks.

    The pieces are put together into one chunk by the rule by which they are read: the last value of each
    member counts. The chunk that holds the audio holds the usage too, so no event is too long to be read.
    """

    _largest_event = _LARGEST_DOCUMENT

    def __init__(self) -> None:
        super().__init__()
        self._usage: dict[str, Any] = {}
        self._ends: dict[str, Any] = {}
        self._unreadable = b""

    def text(self) -> str:
        """Return one chunk that says what all of them said, and what stands after the last whole event."""
        if not self._usage and not self._ends and not self._unreadable:
            return super().text()
        chunk = _json({**self._ends, "usageMetadata": self._usage})
        rest = (self._unreadable + self._pending).decode("utf-8", "replace")
        return f"data: {chunk}\n\n{rest}"

    def _keep(self, event: bytes) -> None:
        try:
            for each in sse.events(event):
                self._merge(jsonio.loads(each.data))
        except DecibillReferenceError:
            self._unreadable = event  # read again with the rest, and refused

    def _joined(self, before: object, value: object) -> object:  # noqa: ARG002 - a defect adds them up
        """Return what counts of a member's value in the chunks before and its value in this one."""
        return value

    def _merge(self, chunk: object) -> None:
        if not isinstance(chunk, Mapping):
            return
        members = cast("Mapping[str, Any]", chunk)
        usage = members.get("usageMetadata")
        if isinstance(usage, Mapping):
            for name, value in cast("Mapping[str, Any]", usage).items():
                if value is not None:
                    self._usage[name] = self._joined(self._usage.get(name), value)
        candidates: object = members.get("candidates")
        for candidate in cast("list[object]", candidates) if isinstance(candidates, list) else ():
            reason = _member(candidate, "finishReason")
            if reason is not None:
                self._ends["candidates"] = [{"finishReason": reason}]
        if members.get("promptFeedback"):
            self._ends["promptFeedback"] = members["promptFeedback"]


def _json(value: object) -> str:
    """Return *value* as JSON, its numbers as they were sent: as a text one would be another thing."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value).items()
        return "{" + ", ".join(f"{json.dumps(name)}: {_json(member)}" for name, member in members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, cast("list[object]", value))) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _member(value: object, name: str) -> object:
    return cast("Mapping[str, object]", value).get(name) if isinstance(value, Mapping) else None
