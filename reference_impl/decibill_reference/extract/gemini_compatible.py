"""Gemini behind OpenAI's dialect: `/v1beta/openai/chat/completions`.

Its usage has three numbers and no details. Thoughts are billed as output and appear only in the total: what
prompt and completion leave of it is reasoning (AUB-GEM-15d6). Nothing tells audio from text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.extract.tokens import UNATTRIBUTED, read_tokens

if TYPE_CHECKING:
    from decibill_reference.extract.draft import Draft
    from decibill_reference.extract.wire import WireObject

__all__ = ["read_compatible"]

_OUTPUT, _TEXT, _REASONING = "output_tokens", "text_output_tokens", "reasoning_output_tokens"


def read_compatible(usage: WireObject, draft: Draft) -> None:
    """State the tokens of an OpenAI-style usage object of Gemini's."""
    read_tokens(usage, UNATTRIBUTED, draft)
    total = usage.count("total_tokens")
    if total is None or draft.stated("total_tokens") is None:
        return
    hidden = total - draft.count("total_tokens")
    if hidden > 0:
        for quantity in (_OUTPUT, _TEXT, _REASONING, "total_tokens"):
            draft.state(quantity, draft.count(quantity) + hidden, "derived")
        draft.flags.discard("total_mismatch")
