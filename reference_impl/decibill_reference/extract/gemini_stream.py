"""Streams of generateContent: one usage, told in pieces.

AI Studio repeats a cumulative `usageMetadata` in every chunk. Vertex sends the counts in the last one and
what it bills of the prompt in the first. So every member is taken from the last chunk that has it, and chunks
are never added up. The usage is final if any chunk has a `finishReason` (AUB-GEM-ea33).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from decibill_reference.extract.wire import WireObject

if TYPE_CHECKING:
    from decibill_reference.exchange import Body

__all__ = ["USAGE", "Merged", "is_finished", "listed_chunks", "merged_usage"]

USAGE = ("usageMetadata", "usage_metadata")
_FINISH = ("finishReason", "finish_reason")
_FEEDBACK = ("promptFeedback", "prompt_feedback")
_BLOCK = ("blockReason", "block_reason")


class Merged(WireObject):
    """The last member of each name that any of several objects has, each still standing where it stood."""

    __slots__ = ("_at",)

    def __init__(self, objects: Sequence[WireObject]) -> None:
        members: dict[str, Any] = {}
        self._at: dict[str, str] = {}
        for each in objects:
            for member, value in each.members.items():
                if value is not None:
                    members[member] = value
                    self._at[member] = each.at(member)
        super().__init__(members, objects[-1].pointer)

    def at(self, member: str) -> str:
        """Return the pointer to *member* in the object that it was taken from."""
        return self._at.get(member) or super().at(member)


def listed_chunks(body: Body) -> list[WireObject]:
    """Return the chunks of a stream in its other form, a JSON array."""
    chunks = enumerate(cast("list[object]", body.value))
    return [WireObject(chunk, f"{body.pointer}/{number}") for number, chunk in chunks]


def merged_usage(chunks: Sequence[WireObject]) -> WireObject | None:
    """Return the usage of a stream, or None where no chunk has any."""
    stated = [chunk.child(member) for chunk in chunks if (member := chunk.first(USAGE))]
    found = [usage for usage in stated if usage is not None]
    return Merged(found) if found else None


def is_finished(chunks: Sequence[WireObject]) -> bool:
    """Tell whether the stream came to its end.

    A prompt that is refused has no candidate that could finish; the reason of the refusal ends it.
    """
    return any(_ends(chunk) for chunk in chunks)


def _ends(chunk: WireObject) -> bool:
    candidates: object = chunk.members.get("candidates")
    if isinstance(candidates, list) and any(_has(item, _FINISH) for item in cast("list[object]", candidates)):
        return True
    return any(_has(chunk.members.get(member), _BLOCK) for member in _FEEDBACK)


def _has(value: object, members: Sequence[str]) -> bool:
    return isinstance(value, Mapping) and any(
        cast("Mapping[str, object]", value).get(member) is not None for member in members
    )
