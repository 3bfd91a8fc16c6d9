"""The recorded transcript of a session: frames of both sides in their order, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeGuard

from decibill import jsonio
from decibill._data import fixture_bytes
from decibill.errors import HarnessError

__all__ = ["DROPPED", "Entry", "is_session", "kind_of", "transcript"]

DROPPED: Final = 1006
"""The code that stands for the end of a connection that nobody announced."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: a frame, or the end of the session."""

    is_server: bool
    frame: Any = None
    close: int | None = None
    """The code with which that side ends the session; 1006 drops the connection without a word."""

    @property
    def kind(self) -> str:
        """What kind of frame it is."""
        return kind_of(self.frame)


def is_session(exchange: Mapping[str, Any]) -> bool:
    """Return whether the answer of *exchange* is a session."""
    response = exchange.get("response", {})
    return "events" in response or "events_file" in response


def transcript(exchange: Mapping[str, Any], root: Path) -> tuple[Entry, ...]:
    """Return the transcript of the session in *exchange*.

    Args:
        exchange: data-model section 1, with `events` or `events_file`.
        root: the fixtures root, below which its file is.

    Raises:
        HarnessError: it is no transcript.
    """
    response = exchange["response"]
    events: Any = response.get("events")
    name = "the exchange"
    if "events_file" in response:
        name = str(response["events_file"])
        events = jsonio.loads(fixture_bytes(root, name), name)
    if not _is_list(events):
        raise HarnessError(f"{name} holds no transcript of a session")
    return tuple(_entry(event, name, number) for number, event in enumerate(events))


def kind_of(frame: Any) -> str:
    """Return the kind of a frame: its `type`, or the name of its first member as Gemini has it.

    Gemini's names are the same in both spellings, `clientContent` and `client_content`.
    """
    if not _is_object(frame) or not frame:
        return ""
    kind = frame.get("type")
    if isinstance(kind, str):
        return kind
    head, *rest = next(iter(frame)).split("_")
    return head + "".join(word.capitalize() for word in rest)


def _entry(event: Any, name: str, number: int) -> Entry:
    if not _is_object(event) or event.get("from") not in {"client", "server"}:
        raise HarnessError(f"{name}: entry {number} is from neither client nor server")
    if ("frame" in event) == ("close" in event) or type(event.get("close", 0)) is not int:
        raise HarnessError(f"{name}: entry {number} has neither a frame nor the code of a close, or has both")
    return Entry(event["from"] == "server", event.get("frame"), event.get("close"))


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
