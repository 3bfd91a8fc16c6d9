"""Speech from text: a stream that ends in usage, or bare audio, which says nothing of its cost.

Bare audio is metered by the characters of the request, which is right for models that are priced by the
character. For a model that is priced by the token it leaves the tokens unknown (AUB-OAI-68af).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.exchange import media_type
from decibill_reference.extract.characters import read_characters
from decibill_reference.extract.normal_form import is_normal_form, read_normal_units
from decibill_reference.extract.service_tier import read_service_tier
from decibill_reference.extract.stream import final_event
from decibill_reference.extract.tokens import SPEECH, has_tokens, read_tokens
from decibill_reference.extract.wire import WireObject

if TYPE_CHECKING:
    from decibill_reference.exchange import Body, Exchange
    from decibill_reference.extract.draft import Draft

__all__ = ["read_speech"]

_FINAL_EVENT = "speech.audio.done"
_TEXT = "input"
"""The request's text; its `instructions` are not spoken and not counted (AUB-OAI-a103)."""


def read_speech(exchange: Exchange, draft: Draft) -> None:
    """Read the answer to a request for speech, streamed as events or as audio."""
    body = exchange.body()
    answer = _answer(exchange, body)
    usage = answer.child("usage") if answer else None
    if usage:
        _read_usage(usage, draft)
        draft.unread.extend(usage.unread())
    elif body.kind == "sse":  # unmetered, even if the request would give characters (AUB-EXT-463c)
        draft.flags.add("stream_incomplete")
        draft.unknown.update(("input_tokens", "output_tokens"))
    else:
        read_characters(exchange, _TEXT, draft)
    read_service_tier(exchange, answer.text("service_tier") if answer else None, draft)


def _answer(exchange: Exchange, body: Body) -> WireObject | None:
    """Return the object that can hold usage; audio has none."""
    if body.kind == "sse":
        return final_event(body, _FINAL_EVENT)
    if body.kind == "json":
        return WireObject(body.value, body.pointer)
    content_type = media_type(exchange.response)
    if body.kind != "media" or content_type.startswith("text/") or content_type == "application/json":
        raise DecibillReferenceError(
            "malformed_body", body.pointer, f"speech is audio or a stream, not {content_type or body.kind}"
        )
    return None


def _read_usage(usage: WireObject, draft: Draft) -> None:
    normal_form = is_normal_form(usage)
    if normal_form:
        read_normal_units(usage, draft)
    if has_tokens(usage) or not normal_form:
        read_tokens(usage, SPEECH, draft, normal_form=normal_form)
