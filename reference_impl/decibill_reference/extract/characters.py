"""The characters of a text that was sent to be spoken (AUB-EXT-3ad2).

Every Unicode code point counts once, spaces and line ends included. Bytes would bill `ü` twice and an emoji
four times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.draft import Draft

__all__ = ["count_characters", "read_characters"]


def read_characters(exchange: Exchange, member: str, draft: Draft) -> None:
    """State the characters of the request's *member*, or that they are unknown."""
    count_characters([exchange.request_object().get(member)], draft)


def count_characters(texts: Sequence[object], draft: Draft) -> None:
    """State the characters of all *texts* together, or that they are unknown where one is no text."""
    counts = [len(text) for text in texts if isinstance(text, str)]
    if len(counts) == len(texts):
        draft.state("tts_characters", sum(counts), "request")
        draft.character_rule = "code_points"
    else:
        draft.unknown.add("tts_characters")
