"""Sending one recorded answer: whole, event by event, cut off, or with its end held back."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Final

from werkzeug.wrappers import Response

from decibill.upstream_answer import Wire

__all__ = ["respond"]

_LONGEST_HOLD_S: Final = 2.0
_GOES_ON_S: Final = 0.2
_USAGE: Final = re.compile(rb'"usage"\s*:\s*\{')


def respond(answer: Wire, released: threading.Event | None) -> Response:
    """Return the response that sends *answer*.

    Args:
        answer: what the provider sent.
        released: holds the end back until it is set, at most two seconds; None: nothing is held.
    """
    headers = [*answer.headers]
    parts = answer.parts
    if released is not None and not answer.stream and len(parts[0]) > 1:
        half = len(parts[0]) // 2
        parts = (parts[0][:half], parts[0][half:])
    if not answer.stream:
        headers.append(("content-length", str(sum(map(len, parts)))))
    return Response(_send(parts, released, cut=answer.cut), status=answer.status, headers=headers)


def _send(parts: Sequence[bytes], released: threading.Event | None, *, cut: bool) -> Iterator[bytes]:
    """Yield the parts; held back is the end, from where the provider states its usage.

    A provider goes on for a while after a client has left: the gateway has noticed before the end comes.
    """
    held = _held_from(parts) if released is not None else None
    for index, part in enumerate(parts):
        if index == held and released is not None and released.wait(_LONGEST_HOLD_S):
            time.sleep(_GOES_ON_S)
        yield part
    if cut:
        raise ConnectionAbortedError  # the connection closes without the last chunk, as when a provider dies


def _held_from(parts: Sequence[bytes]) -> int:
    """Return the first part that is held back; the client has had at least one before."""
    stated = (index for index, part in enumerate(parts) if _USAGE.search(part))
    return max(1, min(next(stated, len(parts)), len(parts) - 2))
