"""Chat completions with audio in any message: one usage object, of which audio is a part on either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract.batch import BATCH, batched_answer, has_failed, is_batch_line
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
    """Read a chat completion, a stream of its chunks, or a line of a batch of completions."""
    body = exchange.body()
    if body.kind == "json":
        answer = WireObject(body.value, body.pointer)
        if is_batch_line(answer):
            _read_line(exchange, answer, draft)
        else:
            _read_answer(exchange, answer, answer.text("service_tier"), draft)
    elif body.kind == "sse":
        chunk = final_chunk(body)
        if chunk is None:
            draft.flags.add("stream_incomplete")
        _read_answer(exchange, chunk, last_text(body, "service_tier"), draft)
    else:
        raise DecibillReferenceError(
            "malformed_body", body.pointer, "a chat completion is JSON or a stream of it"
        )


def _read_line(exchange: Exchange, line: WireObject, draft: Draft) -> None:
    if has_failed(line):  # whatever became of the others (AUB-EXT-d1ab)
        draft.flags.add("error_response")
    else:
        answer = batched_answer(line)
        _read_answer(exchange, answer, answer.text("service_tier") if answer else None, draft)
    if draft.service_tier in {None, "standard"}:
        draft.service_tier = BATCH


def _read_answer(exchange: Exchange, answer: WireObject | None, tier: str | None, draft: Draft) -> None:
    usage = answer.child("usage") if answer else None
    if usage is None:
        draft.unknown.update(("input_tokens", "output_tokens"))
    else:
        read_usage(usage, draft)
    read_service_tier(exchange, tier, draft)


def read_usage(usage: WireObject, draft: Draft) -> None:
    """Read the usage of a model that takes and gives any modality."""
    normal_form = is_normal_form(usage)
    if normal_form:
        read_normal_units(usage, draft)
    if not normal_form or has_tokens(usage):
        read_tokens(usage, UNATTRIBUTED, draft, normal_form=normal_form)
    draft.unread.extend(usage.unread())
