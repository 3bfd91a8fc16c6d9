"""Token counts in Gemini's style: counts that do not contain each other, and lists that divide them.

Four dialects say the same thing: generateContent and Live on Vertex (`candidates…`), Live on AI Studio
(`response…`), the snake_case dumps of the SDKs, and Interactions (`total_…_tokens`, `…_by_modality`).
Thoughts stand beside the visible output and tool-use prompts beside the prompt; in the record they are inside
(AUB-GEM-9c30, AUB-GEM-9697). A zero is left out on the wire, and so is a list that would say nothing new.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from decibill_reference.usage import weaker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decibill_reference.extract.draft import Draft
    from decibill_reference.extract.wire import WireObject

__all__ = ["INTERACTIONS", "METADATA", "Meaning", "Names", "has_counts", "read_gemini_tokens"]

_REPORTED = "provider_reported"
_DERIVED = "derived"
_ASSUMED = "assumed"


class Names(NamedTuple):
    """The names of one dialect; of several spellings of one thing the first that says something is read."""

    prompt: tuple[str, ...]
    prompt_details: tuple[str, ...]
    tool: tuple[str, ...]
    tool_details: tuple[str, ...]
    cached: tuple[str, ...]
    cached_details: tuple[str, ...]
    output: tuple[str, ...]
    output_details: tuple[str, ...]
    thoughts: tuple[str, ...]
    total: tuple[str, ...]
    tokens: tuple[str, ...]
    """The count in an entry of a list, beside its `modality`."""


class Meaning(NamedTuple):
    """What an operation makes of what the counts leave open."""

    input: str | None
    """The modality of the input where no list divides it; None leaves it unattributed."""

    output: str | None
    """The same of the visible output."""

    is_live: bool = False
    """Live alone has totals without thoughts, and lists that come to more than their count."""


class _Count(NamedTuple):
    value: int
    member: str


class _Part(NamedTuple):
    """One modality's share of a count."""

    value: int
    basis: str
    place: tuple[WireObject, str] | None = None


def _spellings(*names: str) -> tuple[str, ...]:
    """Return *names* as the wire has them and as the dumps of SDKs write them."""
    return names + tuple(re.sub(r"(?=[A-Z])", "_", name).lower() for name in names)


METADATA = Names(
    prompt=_spellings("promptTokenCount"),
    prompt_details=_spellings("promptTokensDetails"),
    tool=_spellings("toolUsePromptTokenCount"),
    tool_details=_spellings("toolUsePromptTokensDetails"),
    cached=_spellings("cachedContentTokenCount"),
    cached_details=_spellings("cacheTokensDetails"),
    output=_spellings("candidatesTokenCount", "responseTokenCount"),
    output_details=_spellings("candidatesTokensDetails", "responseTokensDetails"),
    thoughts=_spellings("thoughtsTokenCount"),
    total=_spellings("totalTokenCount"),
    tokens=_spellings("tokenCount"),
)
"""The names in `usageMetadata`, on every surface (AUB-GEM-3f25, AUB-GEM-52e9, AUB-GEM-297a)."""

INTERACTIONS = Names(
    prompt=("total_input_tokens",),
    prompt_details=("input_tokens_by_modality",),
    tool=("total_tool_use_tokens",),
    tool_details=("tool_use_tokens_by_modality",),
    cached=("total_cached_tokens",),
    cached_details=("cached_tokens_by_modality",),
    output=("total_output_tokens",),
    output_details=("output_tokens_by_modality",),
    thoughts=("total_thought_tokens",),
    total=("total_tokens",),
    tokens=("tokens",),
)
"""The names in the `usage` of an interaction (AUB-GEM-6e75)."""

_INPUT: Mapping[str, str] = {
    "TEXT": "text",
    "MODALITY_UNSPECIFIED": "text",
    "AUDIO": "audio",
    "IMAGE": "image",
    "DOCUMENT": "image",
    "VIDEO": "video",
}
_OUTPUT: Mapping[str, str] = {"TEXT": "text", "MODALITY_UNSPECIFIED": "text", "AUDIO": "audio"}
_CUT_FIRST = ("text", "unattributed", "image", "video", "audio")


def has_counts(usage: WireObject, names: Names) -> bool:
    """Tell whether *usage* counts any tokens; early chunks of a stream hold only a traffic type."""
    counts = (names.prompt, names.tool, names.output, names.thoughts, names.total)
    return any(usage.members.get(member) is not None for spellings in counts for member in spellings)


def read_gemini_tokens(usage: WireObject, names: Names, meaning: Meaning, draft: Draft) -> None:
    """State the tokens that *usage* counts, of each direction and together.

    A count that is absent is zero where the total equals the other counts, else unknown (AUB-GEM-5cb5).

    Raises:
        DecibillReferenceError: `invalid_number`, `negative_quantity`, or `malformed_body` for details that
            are not an array of objects. Parts that exceed their whole are left to `Draft.finish`.
    """
    prompt, tool = _count(usage, names.prompt), _count(usage, names.tool)
    visible, thoughts = _count(usage, names.output), _count(usage, names.thoughts)
    total = _count(usage, names.total)
    together = sum(count.value for count in (prompt, tool, visible, thoughts) if count)
    sums = {together, together - thoughts.value} if thoughts and meaning.is_live else {together}
    adds_up = total is not None and total.value in sums
    if _state_whole("input_tokens", usage, (prompt, tool), draft, absent_is_zero=adds_up):
        named = _named(usage, names.prompt_details, names, _INPUT)
        named = _joined(named, _named(usage, names.tool_details, names, _INPUT))
        whole = draft.count("input_tokens")
        _state("input", _divided(whole, named, meaning.input, draft, may_cut=meaning.is_live), draft)
        _state_cached(usage, names, draft)
    if _state_whole("output_tokens", usage, (visible, thoughts), draft, absent_is_zero=adds_up):
        named = _named(usage, names.output_details, names, _OUTPUT)
        whole = visible.value if visible else 0
        parts = _divided(whole, named, meaning.output, draft, may_cut=meaning.is_live)
        _state("output", _with_thoughts(parts, usage, thoughts, draft), draft)
    draft.state_sum("total_tokens", "input_tokens", "output_tokens")
    if prompt and visible and total and not adds_up:
        draft.flags.add("total_mismatch")


def _count(usage: WireObject, spellings: tuple[str, ...]) -> _Count | None:
    member = usage.first(spellings)
    value = usage.count(member) if member else None
    return None if member is None or value is None else _Count(value, member)


def _state_whole(
    quantity: str,
    usage: WireObject,
    counts: tuple[_Count | None, _Count | None],
    draft: Draft,
    *,
    absent_is_zero: bool,
) -> bool:
    """State a direction's total, its count and what stands beside it, and tell whether it is known."""
    count, beside = counts
    if count is None and not absent_is_zero:
        draft.unknown.add(quantity)
        return False
    place = count or beside
    value = (count.value if count else 0) + (beside.value if beside else 0)
    draft.state(quantity, value, _REPORTED if count else _DERIVED, (usage, place.member) if place else None)
    return True


def _named(
    usage: WireObject, spellings: tuple[str, ...], names: Names, modalities: Mapping[str, str]
) -> dict[str, _Part]:
    """Return what a list names: entries in any order, one without a count is zero (AUB-GEM-f596)."""
    member = usage.first(spellings)
    named: dict[str, _Part] = {}
    for entry in usage.items(member) if member else ():
        count = _count(entry, names.tokens)
        part = _Part(count.value, _REPORTED, (entry, count.member)) if count else _Part(0, _REPORTED)
        _join(named, _modality(entry, modalities), part)
    return named


def _modality(entry: WireObject, modalities: Mapping[str, str]) -> str:
    if entry.members.get("modality") is None:  # the zero of the enumeration is left out like any zero
        return modalities["MODALITY_UNSPECIFIED"]
    return modalities.get((entry.text("modality") or "").upper(), "unattributed")


def _joined(parts: dict[str, _Part], more: Mapping[str, _Part]) -> dict[str, _Part]:
    if not more:
        return parts
    joined = dict(parts)
    for modality, part in more.items():
        _join(joined, modality, part)
    return joined


def _join(parts: dict[str, _Part], modality: str, part: _Part) -> None:
    before = parts.get(modality)
    if before is not None:
        basis = weaker(before.basis, part.basis)
        part = _Part(before.value + part.value, basis, before.place or part.place)
    parts[modality] = part


def _divided(
    whole: int, named: dict[str, _Part], unnamed: str | None, draft: Draft, *, may_cut: bool
) -> dict[str, _Part]:
    """Return what *whole* is made of: what is named, and what the rest has to be."""
    parts = named
    together = sum(part.value for part in parts.values())
    if not parts and whole:
        draft.flags.add("details_missing")
        parts = _unlisted(whole, unnamed)
    elif together > whole and may_cut:
        draft.flags.add("details_exceed_count")
        parts = _cut(parts, together - whole)
    elif together < whole:
        draft.flags.add("details_short")
        parts = _joined(parts, {"unattributed": _Part(whole - together, _DERIVED)})
    if parts.keys() == {"unattributed"}:
        return parts
    nothing = _Part(0, _DERIVED)  # a modality that is not named is not there
    return {"text": nothing, "audio": nothing, **parts}


def _unlisted(whole: int, modality: str | None) -> dict[str, _Part]:
    """Return what *whole* is made of where no list says it (AUB-GEM-688e)."""
    if modality is None:
        return {"unattributed": _Part(whole, _DERIVED)}
    nothing = _Part(0, _ASSUMED)
    return {"text": nothing, "audio": nothing, modality: _Part(whole, _ASSUMED)}


def _cut(parts: Mapping[str, _Part], excess: int) -> dict[str, _Part]:
    """Return *parts* less *excess*: the total agrees with the count, text is context (AUB-GEM-87ee)."""
    cut = dict(parts)
    for modality in _CUT_FIRST:
        part = cut.get(modality)
        if part and excess:
            less = min(part.value, excess)
            excess -= less
            cut[modality] = _Part(part.value - less, _DERIVED) if less else part
    return cut


def _with_thoughts(
    parts: dict[str, _Part], usage: WireObject, thoughts: _Count | None, draft: Draft
) -> dict[str, _Part]:
    """Return *parts* with the thoughts inside their text (AUB-USE-5cb4)."""
    if thoughts is None:
        return parts
    draft.state("reasoning_output_tokens", thoughts.value, _REPORTED, (usage, thoughts.member))
    if not thoughts.value:
        return parts
    return _joined(parts, {"text": _Part(thoughts.value, _REPORTED)})


def _state(direction: str, parts: Mapping[str, _Part], draft: Draft) -> None:
    for modality, part in parts.items():
        draft.state(f"{modality}_{direction}_tokens", part.value, part.basis, part.place)


def _state_cached(usage: WireObject, names: Names, draft: Draft) -> None:
    """State the cached part of the input, and its modalities where the provider splits it (AUB-USE-ffb3)."""
    split = _named(usage, names.cached_details, names, _INPUT)
    cached = _count(usage, names.cached)
    if cached:
        draft.state("cached_input_tokens", cached.value, _REPORTED, (usage, cached.member))
    elif split:
        draft.state("cached_input_tokens", sum(part.value for part in split.values()), _REPORTED)
    split.pop("unattributed", None)
    for modality, part in split.items():
        draft.state(f"cached_{modality}_input_tokens", part.value, part.basis, part.place)
