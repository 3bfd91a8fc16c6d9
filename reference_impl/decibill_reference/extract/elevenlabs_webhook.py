"""What ElevenLabs delivers later, to a webhook, stands in an envelope of its own.

A call with an agent is told in `data`, a transcript in `data/transcription`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract.wire import WireObject

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange

__all__ = ["told"]


def told(exchange: Exchange, *path: str) -> WireObject:
    """Return the JSON object that an answer is, without the envelope along *path* if it has one.

    Raises:
        DecibillReferenceError: `malformed_body` where the answer is no JSON object.
    """
    body = exchange.body()
    if body.kind != "json":
        raise DecibillReferenceError("malformed_body", body.pointer, "the provider answers in JSON here")
    answer = WireObject(body.value, body.pointer)
    inside = answer
    for member in path:
        if not isinstance(inside.members.get(member), Mapping):
            return answer
        inside = inside.child(member) or inside
    return inside
