"""Chat completions with audio in any message: one usage object, of which audio is a part on either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract.batch import BATCH, batched_answer, is_batch_line
from decibill_reference.extract.normal_form import is_normal_form, read_normal_units
from decibill_reference.extract.service_tier import read_service_tier
from decibill_reference.extract.stream import final_chunk, last_text
from decibill_reference.extract.tokens import UNATTRIBUTED, has_tokens, read_tokens
from decibill_reference.extract.wire import WireObject

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.draft import Draft

__all__ = ["read_chat", "read_usage"]


def read_chat(exchange: Exchange, draft: Draft) -> None:
    """Read a chat completion, or a stream of its chunks."""
    body = exchange.body()
    answer: WireObject | None
    in_batch = False
    if body.kind == "json":
        answer = WireObject(body.value, body.pointer)
        in_batch = is_batch_line(answer)
        if in_batch:
            answer = batched_answer(answer)
            if answer is None:  # that one call of the batch failed (AUB-EXT-d1ab)
                draft.flags.add("error_response")
                draft.service_tier = BATCH
                return
        tier = answer.text("service_tier")
    elif body.kind == "sse":
        answer = final_chunk(body)
        tier = last_text(body, "service_tier")
        if answer is None:
            draft.flags.add("stream_incomplete")
    else:
        raise DecibillReferenceError(
            "malformed_body", body.pointer, "a chat completion is JSON or a stream of it"
        )
    usage = answer.child("usage") if answer else None
    if usage is None:
        draft.unknown.update(("input_tokens", "output_tokens"))
    else:
        read_usage(usage, draft)
    read_service_tier(exchange, tier, draft)
    if in_batch and draft.service_tier in {None, "standard"}:
        draft.service_tier = BATCH


def read_usage(usage: WireObject, draft: Draft) -> None:
    """Read the usage of a model that takes and gives any modality."""
    normal_form = is_normal_form(usage)
    if normal_form:
        read_normal_units(usage, draft)
    if has_tokens(usage) or not normal_form:
        read_tokens(usage, UNATTRIBUTED, draft, normal_form=normal_form)
    draft.unread.extend(usage.unread())
