"""Gemini Live on AI Studio and Vertex: a session is the sum of the frames that carry usage.

Every frame with `usageMetadata` is a bill of its own, whether its turn is complete or not: conversation sends
one a turn, a tool round on Vertex one a model call, translation one every second. The prompt of each counts
the whole context again, because that is what is billed (AUB-GEM-ee57).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from decibill_reference.extract.draft import Draft
from decibill_reference.extract.gemini_details import read_metadata
from decibill_reference.extract.gemini_stream import USAGE
from decibill_reference.extract.gemini_tokens import Meaning
from decibill_reference.extract.service_tier import read_service_tier
from decibill_reference.extract.session import server_events

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.wire import WireObject

__all__ = ["read_live"]

_MEANING = Meaning(None, None, is_live=True)
_CONTENT = ("serverContent", "server_content")
_TURN = ("modelTurn", "model_turn")
_SPOKEN = ("outputTranscription", "output_transcription")
_TOOL_CALL = ("toolCall", "tool_call")
_COMPLETE = ("turnComplete", "turn_complete")
_TOTALS = ("input_tokens", "output_tokens")


def read_live(exchange: Exchange, draft: Draft) -> None:
    """Read a session of the Live API."""
    has_usage = has_turns = has_output = False
    for content in server_events(exchange):
        has_output = has_output or _is_output(content)
        member = content.first(USAGE)
        usage = content.child(member) if member else None
        if usage is None:
            continue
        event = Draft()
        event.service_tier = read_metadata(usage, _MEANING, event)
        if has_output and event.stated("output_tokens") == 0:  # AUB-GEM-e31a
            event.flags.add("output_not_counted")
        draft.add(event)
        has_usage, has_output = True, False
        has_turns = has_turns or _member(content, _CONTENT, _COMPLETE) is True
    if not has_usage or (has_output and has_turns):
        # A turn that was dropped is billed, and nobody said what it used (AUB-GEM-847e).
        draft.flags.add("session_incomplete")
        draft.unknown.update(_TOTALS)
    if not draft.unknown.isdisjoint(_TOTALS):
        draft.withdraw("total_tokens")
    read_service_tier(exchange, draft.service_tier, draft)


def _is_output(content: WireObject) -> bool:
    """Tell whether a frame holds output of the model that is visible: no thoughts, and no empty text."""
    if any(content.members.get(member) for member in _TOOL_CALL):
        return True
    spoken, turn = _member(content, _CONTENT, _SPOKEN), _member(content, _CONTENT, _TURN)
    if isinstance(spoken, Mapping) and cast("Mapping[str, object]", spoken).get("text"):
        return True
    parts: object = cast("Mapping[str, object]", turn).get("parts") if isinstance(turn, Mapping) else None
    return isinstance(parts, list) and any(map(_is_visible, cast("list[object]", parts)))


def _is_visible(part: object) -> bool:
    return isinstance(part, Mapping) and not cast("Mapping[str, object]", part).get("thought")


def _member(content: WireObject, *path: tuple[str, ...]) -> object:
    """Return the member that *path* leads to, each step in any of its spellings."""
    value: object = content.members
    for spellings in path:
        if not isinstance(value, Mapping):
            return None
        members = cast("Mapping[str, object]", value)
        value = next((members[name] for name in spellings if name in members), None)
    return value
