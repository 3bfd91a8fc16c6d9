"""One line of a batch's output: an answer with a status of its own, in an envelope.

https://github.com/openai/openai-openapi (BatchRequestOutput). Calls of a batch have a price of their own,
whatever tier the answer inside names, since it names the one that would have served it alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decibill_reference.extract.wire import WireObject

__all__ = ["BATCH", "batched_answer", "has_failed", "is_batch_line"]

BATCH = "batch"
"""The service tier of every call of a batch."""


def is_batch_line(answer: WireObject) -> bool:
    """Tell whether *answer* is a line of a batch's output; no answer of its own has these members."""
    return "custom_id" in answer.members and "response" in answer.members


def has_failed(line: WireObject) -> bool:
    """Tell whether the call of *line* failed, or was never made.

    Raises:
        DecibillReferenceError: `malformed_body`, or `invalid_number` for a status that is none.
    """
    response = line.child("response")
    status = response.count("status_code") if response else None
    return response is None or (status is not None and status >= 400)


def batched_answer(line: WireObject) -> WireObject | None:
    """Return the answer in *line*, if there is one.

    Raises:
        DecibillReferenceError: `malformed_body`.
    """
    response = line.child("response")
    return response.child("body") if response else None
