"""The names of token counts in OpenAI's style, on the wire and in the record."""

from __future__ import annotations

from typing import NamedTuple

from decibill_reference.extract.plain import Names

__all__ = ["CACHED_DETAILS", "CACHED_PARTS", "INPUT", "OUTPUT", "TOTAL", "TOTAL_MEMBER", "USAGE", "Direction"]


class Direction(NamedTuple):
    """The names of one direction."""

    whole: str
    totals: tuple[str, ...]
    details: tuple[str, ...]
    text: str
    audio: str
    unattributed: str
    parts: tuple[tuple[str, str], ...]
    """The quantities that divide the whole, each with the member of the details that states it."""
    subset: tuple[str, str]
    """The quantity that is part of the whole but names no modality, and its member."""


INPUT = Direction(
    whole="input_tokens",
    totals=("input_tokens", "prompt_tokens"),
    details=("input_token_details", "input_tokens_details", "prompt_tokens_details"),
    text="text_input_tokens",
    audio="audio_input_tokens",
    unattributed="unattributed_input_tokens",
    parts=(
        ("text_input_tokens", "text_tokens"),
        ("audio_input_tokens", "audio_tokens"),
        ("image_input_tokens", "image_tokens"),
        ("video_input_tokens", "video_tokens"),
    ),
    subset=("cached_input_tokens", "cached_tokens"),
)
OUTPUT = Direction(
    whole="output_tokens",
    totals=("output_tokens", "completion_tokens"),
    details=("output_token_details", "output_tokens_details", "completion_tokens_details"),
    text="text_output_tokens",
    audio="audio_output_tokens",
    unattributed="unattributed_output_tokens",
    parts=(("text_output_tokens", "text_tokens"), ("audio_output_tokens", "audio_tokens")),
    subset=("reasoning_output_tokens", "reasoning_tokens"),
)
CACHED_DETAILS = "cached_tokens_details"
"""The member of the input's details that divides its cached tokens."""

CACHED_PARTS = tuple((f"cached_{quantity}", member) for quantity, member in INPUT.parts)
TOTAL_MEMBER = "total_tokens"
TOTAL = "total"
"""What the provider says that both directions come to, which no record holds."""


def _part_names(direction: Direction) -> Names:
    """Return what the members of details state."""
    parts = {member: quantity for quantity, member in (*direction.parts, direction.subset)}
    cached = Names({member: quantity for quantity, member in CACHED_PARTS}, {})
    return Names(parts, {CACHED_DETAILS: cached} if direction is INPUT else {})


USAGE = Names(
    {
        **{member: direction.whole for direction in (INPUT, OUTPUT) for member in direction.totals},
        TOTAL_MEMBER: TOTAL,
    },
    {
        **{member: _part_names(direction) for direction in (INPUT, OUTPUT) for member in direction.details},
        "seconds": None,  # those who read transcriptions read it
    },
)
"""What the members of a usage object state."""
