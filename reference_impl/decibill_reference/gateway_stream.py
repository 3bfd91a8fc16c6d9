"""What metering needs of a stream, in memory that does not grow with it.

A stream passes through as it comes. Of its events only those are kept that can hold the final usage, the
service tier or the end mark, and of each kind only the last few; the audio in the others may be megabytes.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Final

__all__ = ["StreamDigest"]

_EVENT_END: Final = re.compile(rb"\n[\r\n]|\r\n[\r\n]|\r\r")  # two line ends of any kind
_JSON_START: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*(\S)")

# Literals first: looking for them is many times faster than for a pattern, and most events have none.
_KINDS: Final = (
    ((b'"usage"',), re.compile(rb'"usage"\s*:\s*[^\sn]')),  # usage that is not null
    ((b'"service_tier"',), re.compile(rb'"service_tier"\s*:\s*"')),
    ((b"transcript.text.done", b"speech.audio.done"), None),
    ((b"[DONE]",), None),
)
_KEPT: Final = 4
_LARGEST_EVENT: Final = 4 * 1024 * 1024
_LARGEST_DOCUMENT: Final = 64 * 1024 * 1024


class StreamDigest:
    """The events of a stream that say something about its usage.

    A body that claims to be a stream and is a JSON document is kept whole (AUB-EXT-b80f), up to a limit.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._kept = tuple(deque[tuple[int, bytes]](maxlen=_KEPT) for _ in _KINDS)
        self._events = 0
        self._is_document: bool | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        seen = len(self._pending)
        self._pending += chunk
        if self._is_document is None and (found := _JSON_START.match(self._pending)):
            self._is_document = found[1] == b"{"
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
        if len(self._pending) > _LARGEST_EVENT:
            self._forget_middle()

    def text(self) -> str:
        """Return the kept events in their order, and what stands after the last whole event."""
        events = sorted({event for kept in self._kept for event in kept})
        return b"".join((*(event for _, event in events), self._pending)).decode("utf-8", "replace")

    def _keep(self, event: bytes) -> None:
        self._events += 1
        for kept, (literals, pattern) in zip(self._kept, _KINDS, strict=True):
            if any(literal in event for literal in literals) and (pattern is None or pattern.search(event)):
                kept.append((self._events, event))

    def _forget_middle(self) -> None:
        """Shorten an event that is too long to be of interest; its end is still to come."""
        del self._pending[64:-64]
