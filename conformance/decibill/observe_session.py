"""Usage as the events of a session state it: the sum over those that bill.

OpenAI, Azure and Voice Live state it with each `response.done`, Gemini in every frame with `usageMetadata`,
OpenAI's Live API as a counter of seconds whose last value counts. What a session's other models used, such as
the transcription of its input, is not part of it: those are components, and the cost shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeGuard

from decibill.pointer import MISSING, resolve

__all__ = ["session_usage"]

Usage = dict[str, tuple[str, Any]]
"""Quantity to place and value."""

_COUNTERS: Final = frozenset({"session.usage.updated", "session.closed"})
_SECONDS: Final = "audio_duration_seconds"


def session_usage(frames: Sequence[Any], read: Callable[[Sequence[Any]], Usage]) -> Usage:
    """Return the quantities that the frames of the server state, each with its place and sum.

    Args:
        frames: read as JSON, in the order in which they came.
        read: reads the usage object of one answer.
    """
    sums: Usage = {}
    counted: set[str] = set()
    for frame in frames:
        kind = resolve(frame, "/type")
        if kind == "response.done":
            response = resolve(frame, "/response")
            name = resolve(response, "/id")
            if not _is_object(response) or (isinstance(name, str) and name in counted):
                continue
            if isinstance(name, str):
                counted.add(name)
            _add(sums, read((response,)), "response.done /response")
        elif isinstance(kind, str) and kind in _COUNTERS:
            seconds = resolve(frame, "/usage/seconds")
            if seconds is not MISSING:
                sums[_SECONDS] = (f"{kind} /usage/seconds", seconds)
        elif _is_object(frame) and "usageMetadata" in frame:
            _add(sums, read((frame,)), "")
    return sums


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _add(sums: Usage, stated: Usage, event: str) -> None:
    for quantity, (place, value) in stated.items():
        before = sums.get(quantity)
        sums[quantity] = (f"{event}{place}", value) if before is None else (before[0], _sum(before[1], value))


def _sum(first: Any, second: Any) -> Any:
    """Return the sum of two counts; what is no count stands for all, to be called unreadable."""
    for value in (first, second):
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            return value
    return first + second
