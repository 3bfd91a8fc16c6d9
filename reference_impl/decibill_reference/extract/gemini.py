"""Gemini on AI Studio and Vertex (spec/providers/gemini.md).

generateContent and its stream answer chat, speech and transcription alike; Interactions and the
OpenAI-compatible endpoint answer chat in names of their own. Which of them answered is told by what the body
holds (AUB-EXT-b80f).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.exchange import header
from decibill_reference.extract.gemini_compatible import read_compatible
from decibill_reference.extract.gemini_details import read_metadata
from decibill_reference.extract.gemini_live import read_live
from decibill_reference.extract.gemini_names import INTERACTIONS, METADATA, has_counts
from decibill_reference.extract.gemini_stream import USAGE, is_finished, listed_chunks, merged_usage
from decibill_reference.extract.gemini_tokens import Meaning, read_gemini_tokens
from decibill_reference.extract.service_tier import read_service_tier
from decibill_reference.extract.stream import chunks, final_chunk, last_text
from decibill_reference.extract.wire import WireObject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decibill_reference.exchange import Body, Exchange
    from decibill_reference.extract.draft import Draft, Reader

__all__ = ["OPERATIONS"]

_UNNAMED = Meaning(None, None)
_TIER_HEADER = "x-gemini-service-tier"


def _reader(meaning: Meaning) -> Reader:
    def read(exchange: Exchange, draft: Draft) -> None:
        word = _read(exchange.body(), meaning, draft)
        read_service_tier(exchange, word or header(exchange.response, _TIER_HEADER), draft)

    return read


def _read(body: Body, meaning: Meaning, draft: Draft) -> str | None:
    """Read *body* and return the word for the tier that it names."""
    if body.kind == "json" and isinstance(body.value, list):
        return _read_chunks(listed_chunks(body), meaning, draft)
    if body.kind == "json":
        return _read_answer(WireObject(body.value, body.pointer), meaning, draft)
    if body.kind != "sse":
        raise DecibillReferenceError(
            "malformed_body", body.pointer, "Gemini answers in JSON or in a stream of it"
        )
    events = chunks(body)
    if any("choices" in chunk.members for chunk in events):
        return _read_compatible_stream(body, draft)
    interaction = _finished_interaction(events)
    if interaction is not None:
        return _read_answer(interaction, meaning, draft)
    return _read_chunks(events, meaning, draft)


def _read_answer(answer: WireObject, meaning: Meaning, draft: Draft) -> str | None:
    member = answer.first(USAGE)
    metadata = answer.child(member) if member else None
    if metadata is not None:
        return read_metadata(metadata, meaning, draft)
    usage = answer.child("usage")
    if usage is None:
        draft.unknown.update(("input_tokens", "output_tokens"))
    elif has_counts(usage, INTERACTIONS) and "prompt_tokens" not in usage.members:
        if not read_gemini_tokens(usage, INTERACTIONS, _UNNAMED, draft):
            # Searches, which are priced by the piece and no usage of tokens.
            usage.skip("grounding_tool_count")
            draft.unread.extend(usage.unread())
    else:
        read_compatible(usage, draft)
        draft.unread.extend(usage.unread())
    return answer.text("service_tier")


def _read_chunks(events: Sequence[WireObject], meaning: Meaning, draft: Draft) -> str | None:
    usage = merged_usage(events)
    if usage is None or not is_finished(events) or not has_counts(usage, METADATA):
        _leave_unknown(draft)
        return None
    return read_metadata(usage, meaning, draft)


def _read_compatible_stream(body: Body, draft: Draft) -> str | None:
    chunk = final_chunk(body)
    if chunk is None:
        _leave_unknown(draft)
    else:
        _read_answer(chunk, _UNNAMED, draft)
    return last_text(body, "service_tier")


def _finished_interaction(events: Sequence[WireObject]) -> WireObject | None:
    """Return the interaction that the last event of a stream of them holds, usage included."""
    for event in reversed(events):
        if (event.text("event_type") or "").startswith("interaction.complete"):
            interaction = event.child("interaction")
            if interaction is not None and interaction.members.get("usage") is not None:
                return interaction
    return None


def _leave_unknown(draft: Draft) -> None:
    """State nothing of a stream that was cut, whatever usage it showed before (AUB-EXT-463c)."""
    draft.flags.add("stream_incomplete")
    draft.unknown.update(("input_tokens", "output_tokens"))


def _read_embedding(exchange: Exchange, draft: Draft) -> None:
    """Read an embedding: input alone, divided by modality."""
    body = exchange.body()
    if body.kind != "json":
        raise DecibillReferenceError("malformed_body", body.pointer, "an embedding is JSON")
    word = _read_answer(WireObject(body.value, body.pointer), _UNNAMED, draft)
    for quantity in ("output_tokens", "text_output_tokens", "audio_output_tokens"):
        draft.withdraw(quantity)
        draft.unknown.discard(quantity)
    draft.withdraw("total_tokens")
    read_service_tier(exchange, word, draft)


OPERATIONS: Mapping[str, Reader] = {
    "chat": _reader(Meaning(None, "text")),
    "speech": _reader(Meaning("text", "audio")),
    "transcription": _reader(Meaning("audio", "text")),
    "translation": _reader(Meaning("audio", "text")),
    "realtime": read_live,
    "embedding": _read_embedding,
}
"""generateContent and what stands beside it; Live is `realtime`."""
