"""Token counts in Gemini's style: counts that do not contain each other, and lists that divide them.

Thoughts stand beside the visible output and tool-use prompts beside the prompt; in the record they are inside
(AUB-GEM-9c30, AUB-GEM-9697). A zero is left out on the wire, and so is a list that would say nothing new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from decibill_reference.extract.gemini_counts import adds_up, place_of, plain_counts, read_counts
from decibill_reference.extract.gemini_names import TOOL_USE, TOTAL

if TYPE_CHECKING:
    from decibill_reference.extract.draft import Draft
    from decibill_reference.extract.gemini_counts import Counted
    from decibill_reference.extract.gemini_names import Dialect, Listing
    from decibill_reference.extract.wire import WireObject

__all__ = ["Meaning", "read_gemini_tokens"]

_DERIVED = "derived"
_ASSUMED = "assumed"


class Meaning(NamedTuple):
    """What an operation makes of what the counts leave open."""

    input: str | None
    """The modality of the input where no list divides it; None leaves it unattributed."""

    output: str | None
    """The same of the visible output."""

    is_live: bool = False
    """Live alone has totals without thoughts, and lists that come to more than their count."""


@dataclass(frozen=True, slots=True)
class _Direction:
    """The quantities of one direction."""

    whole: str
    listing: Listing
    text: str
    audio: str
    unattributed: str
    parts: tuple[str, ...]
    """All of them, in the order in which they lose what lists have too much."""


_INPUT = _Direction(
    whole="input_tokens",
    listing="prompt",
    text="text_input_tokens",
    audio="audio_input_tokens",
    unattributed="unattributed_input_tokens",
    parts=(
        "text_input_tokens",
        "unattributed_input_tokens",
        "image_input_tokens",
        "video_input_tokens",
        "audio_input_tokens",
    ),
)
_OUTPUT = _Direction(
    whole="output_tokens",
    listing="output",
    text="text_output_tokens",
    audio="audio_output_tokens",
    unattributed="unattributed_output_tokens",
    parts=("text_output_tokens", "unattributed_output_tokens", "audio_output_tokens"),
)


def read_gemini_tokens(usage: WireObject, names: Dialect, meaning: Meaning, draft: Draft) -> bool:
    """State the tokens that *usage* counts, of each direction and together, before anything else is stated.

    A count that is absent is zero where the total equals the other counts, else unknown (AUB-GEM-5cb5).

    Returns:
        Whether *usage* is plain, so that no number in it is left unread but what `Dialect.read_apart` holds.

    Raises:
        DecibillReferenceError: `invalid_number`, `negative_quantity`, or `malformed_body` for details that
            are not an array of objects. Parts that exceed their whole are left to `Draft.finish`.
    """
    plain = plain_counts(usage.members, names)
    counted = plain or read_counts(usage, names, is_live=meaning.is_live)
    _complete(counted, meaning, draft)
    draft.basis.update(counted.bases)
    draft.state_counts(counted.counts, lambda quantity: place_of(quantity, usage, names))
    # Sums of entries may be larger than a record can hold; no other count is larger than the total below.
    if not plain:
        draft.doubt()
    draft.state_sum("total_tokens", "input_tokens", "output_tokens")
    return plain is not None


def _complete(counted: Counted, meaning: Meaning, draft: Draft) -> None:
    """Make the quantities of a record of what is counted: put inside what stands beside, add what follows."""
    counts, listed = counted.counts, counted.listed
    is_sum = adds_up(counts, is_live=meaning.is_live)
    tool_use, total = counts.pop(TOOL_USE, 0), counts.pop(TOTAL, None)
    if "input_tokens" not in counts or "output_tokens" not in counts:
        _settle_absent(counted, draft, is_zero=is_sum)
    elif total is not None and not is_sum:
        draft.flags.add("total_mismatch")
    if "input_tokens" in counts:
        counts["input_tokens"] += tool_use
        if "tool_use" in listed:
            listed["prompt"] = listed.get("prompt", 0) + listed["tool_use"]
        _attribute(counted, _INPUT, meaning, draft)
        if "cached" in listed:  # its parts may be all that is said of it (AUB-USE-ffb3)
            counts.setdefault("cached_input_tokens", listed["cached"])
    if "output_tokens" in counts:
        _attribute(counted, _OUTPUT, meaning, draft)
        thoughts = counts.get("reasoning_output_tokens")
        if thoughts:  # they are text beside the visible output (AUB-USE-5cb4)
            counts["output_tokens"] += thoughts
            counts["text_output_tokens"] = counts.get("text_output_tokens", 0) + thoughts
    else:
        counts.pop("reasoning_output_tokens", None)


def _settle_absent(counted: Counted, draft: Draft, *, is_zero: bool) -> None:
    """Settle what a direction's count is that is absent."""
    for whole in ("input_tokens", "output_tokens"):
        if whole not in counted.counts and is_zero:
            counted.counts[whole] = 0
            counted.bases[whole] = _DERIVED
        elif whole not in counted.counts:
            draft.unknown.add(whole)


def _attribute(counted: Counted, direction: _Direction, meaning: Meaning, draft: Draft) -> None:
    """Settle what a direction's count is made of beyond what its lists name."""
    counts, bases = counted.counts, counted.bases
    whole, together = counts[direction.whole], counted.listed.get(direction.listing)
    if together is None and whole:
        draft.flags.add("details_missing")
        _attribute_all(counted, direction, meaning.input if direction is _INPUT else meaning.output)
        return
    rest = whole - (together or 0)
    is_divided = direction.unattributed not in counts or any(
        part in counts for part in direction.parts if part != direction.unattributed
    )
    if rest > 0:
        draft.flags.add("details_short")
        counts[direction.unattributed] = counts.get(direction.unattributed, 0) + rest
        bases[direction.unattributed] = _DERIVED
    elif rest < 0 and meaning.is_live:
        draft.flags.add("details_exceed_count")
        _cut(counted, direction, -rest)
    if is_divided:
        for quantity in (direction.text, direction.audio):
            if quantity not in counts:  # a modality that is not named is not there
                counts[quantity] = 0
                bases[quantity] = _DERIVED


def _attribute_all(counted: Counted, direction: _Direction, modality: str | None) -> None:
    """Settle what a whole is made of where no list says it (AUB-GEM-688e)."""
    counts, bases = counted.counts, counted.bases
    whole = counts[direction.whole]
    if modality is None:
        counts[direction.unattributed] = whole
        bases[direction.unattributed] = _DERIVED
        return
    counts[direction.text], counts[direction.audio] = (whole, 0) if modality == "text" else (0, whole)
    bases[direction.text] = bases[direction.audio] = _ASSUMED


def _cut(counted: Counted, direction: _Direction, excess: int) -> None:
    """Take *excess* from the parts: the total agrees with the count, text is context (AUB-GEM-87ee)."""
    counts, bases = counted.counts, counted.bases
    for quantity in direction.parts:
        less = min(counts.get(quantity, 0), excess)
        if less:
            excess -= less
            counts[quantity] -= less
            bases[quantity] = _DERIVED
