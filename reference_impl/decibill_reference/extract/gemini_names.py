"""The names of Gemini's counts in each of its dialects, and the quantities that its modalities are part of.

Four dialects say the same thing: generateContent and Live on Vertex (`candidates…`), Live on AI Studio
(`response…`), the snake_case dumps of the SDKs, and Interactions (`total_…_tokens`, `…_by_modality`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decibill_reference.extract.wire import WireObject

__all__ = [
    "BILLABLE",
    "CACHED_UNATTRIBUTED",
    "INTERACTIONS",
    "METADATA",
    "PARTS",
    "TOOL_USE",
    "TOTAL",
    "Dialect",
    "Listing",
    "PlainListing",
    "has_counts",
    "part_of",
]

TOOL_USE = "tool_use_tokens"
"""The tokens of tool-use prompts, which a record has inside its input."""

TOTAL = "total"
"""What the provider says that all counts come to, with which they are compared."""

CACHED_UNATTRIBUTED = "cached_unattributed_input_tokens"
"""Cached tokens of a modality that is not known, which count in a sum and are no quantity of a record."""

Listing: TypeAlias = Literal["prompt", "tool_use", "cached", "output"]
"""What a list can divide by modality."""


@dataclass(frozen=True, slots=True)
class PlainListing:
    """What a member states that is a list, and the names in its entries."""

    listing: Listing
    tokens: str
    quantities: Mapping[str, str]
    """The quantity that each modality is part of."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The names of one dialect."""

    counts: Mapping[str, tuple[str, ...]]
    """The spellings of each count, of which the first that says something is read.

    Counts have the names of the quantities of a record that they are all or most of, `TOOL_USE` and `TOTAL`
    apart.
    """

    lists: Mapping[Listing, tuple[str, ...]]
    tokens: tuple[str, ...]
    """The count in an entry of a list, beside its `modality`."""

    plain_counts: Mapping[str, str]
    """The count that each member is, in whatever spelling."""

    plain_lists: Mapping[str, PlainListing]
    no_texts: frozenset[str]
    """The members that rules read, those that hold a text apart."""

    read_apart: str | None
    """A member with a rule of its own, which leaves an object plain; its other spellings do not."""


_INPUT: Mapping[str, str] = {
    "TEXT": "text_input_tokens",
    "MODALITY_UNSPECIFIED": "text_input_tokens",
    "AUDIO": "audio_input_tokens",
    "IMAGE": "image_input_tokens",
    "DOCUMENT": "image_input_tokens",
    "VIDEO": "video_input_tokens",
}
_PARTS: Mapping[Listing, Mapping[str, str]] = {
    "prompt": _INPUT,
    "tool_use": _INPUT,
    "cached": {modality: f"cached_{quantity}" for modality, quantity in _INPUT.items()},
    "output": {
        "TEXT": "text_output_tokens",
        "MODALITY_UNSPECIFIED": "text_output_tokens",
        "AUDIO": "audio_output_tokens",
    },
}
_OTHER_PARTS: Mapping[Listing, str] = {
    "prompt": "unattributed_input_tokens",
    "tool_use": "unattributed_input_tokens",
    "cached": CACHED_UNATTRIBUTED,
    "output": "unattributed_output_tokens",
}

PARTS: Mapping[Listing, frozenset[str]] = {
    listing: frozenset({*parts.values(), _OTHER_PARTS[listing]}) for listing, parts in _PARTS.items()
}
"""The quantities that the entries of each list can be part of."""


def part_of(listing: Listing, entry: WireObject) -> str:
    """Return the quantity that the tokens of an entry of a list are part of."""
    if entry.members.get("modality") is None:  # the zero of the enumeration is left out like any zero
        return _PARTS[listing]["MODALITY_UNSPECIFIED"]
    return _PARTS[listing].get((entry.text("modality") or "").upper(), _OTHER_PARTS[listing])


def has_counts(usage: WireObject, names: Dialect) -> bool:
    """Tell whether *usage* counts any tokens; early chunks of a stream hold only a traffic type."""
    return any(
        usage.members.get(member) is not None
        for count, spellings in names.counts.items()
        if count != "cached_input_tokens"
        for member in spellings
    )


def _names(
    counts: Mapping[str, tuple[str, ...]],
    lists: Mapping[Listing, tuple[str, ...]],
    tokens: tuple[str, ...],
    apart: tuple[str, ...] = (),
) -> Dialect:
    """Return the names of a dialect; *apart* are the spellings of what has a rule of its own."""
    plain_counts = {member: count for count, spellings in counts.items() for member in spellings}
    plain_lists = {
        # a dump writes everything in snake_case, what is in its lists too
        member: PlainListing(listing, tokens[-1 if "_" in member else 0], _in_either_case(_PARTS[listing]))
        for listing, spellings in lists.items()
        for member in spellings
    }
    no_texts = frozenset({*plain_counts, *plain_lists, *apart})
    return Dialect(counts, lists, tokens, plain_counts, plain_lists, no_texts, apart[0] if apart else None)


def _in_either_case(parts: Mapping[str, str]) -> Mapping[str, str]:
    return {**parts, **{modality.lower(): quantity for modality, quantity in parts.items()}}


def _spellings(*names: str) -> tuple[str, ...]:
    """Return *names* as the wire has them and as the dumps of SDKs write them."""
    return names + tuple(re.sub(r"(?=[A-Z])", "_", name).lower() for name in names)


BILLABLE = _spellings("billablePromptUsage")
"""Vertex's own account of the prompt, in the same object."""

METADATA = _names(
    counts={
        "input_tokens": _spellings("promptTokenCount"),
        TOOL_USE: _spellings("toolUsePromptTokenCount"),
        "cached_input_tokens": _spellings("cachedContentTokenCount"),
        "output_tokens": _spellings("candidatesTokenCount", "responseTokenCount"),
        "reasoning_output_tokens": _spellings("thoughtsTokenCount"),
        TOTAL: _spellings("totalTokenCount"),
    },
    lists={
        "prompt": _spellings("promptTokensDetails"),
        "tool_use": _spellings("toolUsePromptTokensDetails"),
        "cached": _spellings("cacheTokensDetails"),
        "output": _spellings("candidatesTokensDetails", "responseTokensDetails"),
    },
    tokens=_spellings("tokenCount"),
    apart=BILLABLE,
)
"""The names in `usageMetadata`, on every surface (AUB-GEM-3f25, AUB-GEM-52e9, AUB-GEM-297a)."""

INTERACTIONS = _names(
    counts={
        "input_tokens": ("total_input_tokens",),
        TOOL_USE: ("total_tool_use_tokens",),
        "cached_input_tokens": ("total_cached_tokens",),
        "output_tokens": ("total_output_tokens",),
        "reasoning_output_tokens": ("total_thought_tokens",),
        TOTAL: ("total_tokens",),
    },
    lists={
        "prompt": ("input_tokens_by_modality",),
        "tool_use": ("tool_use_tokens_by_modality",),
        "cached": ("cached_tokens_by_modality",),
        "output": ("output_tokens_by_modality",),
    },
    tokens=("tokens",),
)
"""The names in the `usage` of an interaction (AUB-GEM-6e75)."""
