"""Token counts in OpenAI's style: totals by direction, and details that say what they are made of.

The same object comes in three spellings and is sent by many providers. Totals are inclusive, details are
parts of them. What no detail names is settled by `Unnamed`, the only thing in which operations differ.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from decibill_reference.extract.token_counts import place_in, read_by_member, read_plain
from decibill_reference.extract.token_names import CACHED_PARTS, INPUT, OUTPUT, TOTAL, TOTAL_MEMBER
from decibill_reference.numbers import LARGEST_COUNT

if TYPE_CHECKING:
    from decibill_reference.extract.draft import Draft
    from decibill_reference.extract.token_names import Direction
    from decibill_reference.extract.wire import WireObject

__all__ = ["SPEECH", "TRANSCRIPTION", "UNATTRIBUTED", "Unnamed", "has_tokens", "read_tokens"]

_DERIVED = "derived"
_ASSUMED = "assumed"


class Unnamed(NamedTuple):
    """What a total is made of when nothing names a modality (AUB-EXT-1597, AUB-EXT-0636)."""

    modality: str | None
    """The modality of all of it; None leaves it unattributed."""

    basis: str = _DERIVED
    """`derived` where the endpoint never sends details in this direction, else `assumed`."""


TRANSCRIPTION = (Unnamed("audio", _ASSUMED), Unnamed("text"))
"""Audio in, which details usually say; text out, of which no details are sent."""

SPEECH = (Unnamed("text"), Unnamed("audio"))
"""Text in and audio out; the endpoint sends no details (AUB-OAI-2b10)."""

UNATTRIBUTED = (Unnamed(None), Unnamed(None))
"""Any modality can be on either side, so none is guessed."""

_TEXT = Unnamed("text")
_CACHED = frozenset(quantity for quantity, _ in CACHED_PARTS)
_MEMBERS = frozenset(
    member
    for direction in (INPUT, OUTPUT)
    for member in (*direction.totals, *direction.details, direction.text, direction.audio)
) | {TOTAL_MEMBER}


def has_tokens(usage: WireObject) -> bool:
    """Tell whether *usage* counts tokens at all (AUB-EXT-28aa)."""
    return any(value is not None and member in _MEMBERS for member, value in usage.members.items())


def read_tokens(
    usage: WireObject, unnamed: tuple[Unnamed, Unnamed], draft: Draft, *, normal_form: bool = False
) -> None:
    """State the tokens that *usage* counts, of each direction and together.

    Args:
        usage: a usage object that counts tokens.
        unnamed: what the input and the output are made of when nothing names a modality.
        draft: the record that is being made.
        normal_form: whether parts can stand at the top of the object too, under the names of the record.

    Raises:
        DecibillReferenceError: `invalid_number`, `negative_quantity`, or `malformed_body` for details that
            are not an object. Parts that exceed their whole are left to `Draft.finish`.
    """
    counts = None if normal_form else read_plain(usage)
    if counts is None:
        counts, place = read_by_member(usage, normal_form=normal_form)
        draft.doubt()
    else:
        place = partial(place_in, usage)
    own = counts.pop(TOTAL, None)
    if normal_form:
        unnamed = _in_normal_form(unnamed)
        _add_wholes(counts, draft)
    named_input, named_output = _named(tuple(counts))
    input_fits = _complete(INPUT, named_input, unnamed[0], counts, draft)
    output_fits = _complete(OUTPUT, named_output, unnamed[1], counts, draft)
    _add_total(own, counts, draft)
    draft.state_counts(counts, place, fits=input_fits and output_fits)


def _in_normal_form(unnamed: tuple[Unnamed, Unnamed]) -> tuple[Unnamed, Unnamed]:
    """Return what totals are made of in normal form: what it does not name as audio is text."""
    alone_input, alone_output = unnamed
    return (
        _TEXT if alone_input.modality is None else alone_input,
        _TEXT if alone_output.modality is None else alone_output,
    )


class _Named(NamedTuple):
    """What an object names of one direction."""

    parts: tuple[str, ...]
    is_full: bool
    """Whether whole, text and audio are named; then parts that come to the whole leave nothing to state."""

    is_partition: bool
    """Whether nothing else is named that is a part of anything."""


@lru_cache(maxsize=1024)  # few sets of names occur, and answers are many
def _named(names: tuple[str, ...]) -> tuple[_Named, ...]:
    """Return which of *names* divide each direction."""
    return tuple(
        _Named(
            tuple(part for part, _ in direction.parts if part in names),
            {direction.whole, direction.text, direction.audio} <= set(names),
            direction.subset[0] not in names and _CACHED.isdisjoint(names),
        )
        for direction in (INPUT, OUTPUT)
    )


def _complete(
    direction: Direction, named: _Named, unnamed: Unnamed, counts: dict[str, int], draft: Draft
) -> bool:
    """Add to *counts* what a direction's whole is made of beyond what is named.

    Returns:
        Whether it is certain that no part is larger than its whole.
    """
    whole, together = counts.get(direction.whole), 0
    for part in named.parts:
        together += counts[part]
    if named.is_full and together == whole:
        return named.is_partition
    if whole is None:
        draft.unknown.add(direction.whole)
        return named.is_partition
    if named.parts:
        _complete_parts(direction, whole - together, counts, draft)
    else:
        _divide(direction, whole, unnamed, counts, draft)
    return named.is_partition and together <= whole


def _complete_parts(direction: Direction, rest: int, counts: dict[str, int], draft: Draft) -> None:
    """Add what details that name a modality leave open.

    A rest below zero is a contradiction, which is refused when the draft is finished.
    """
    has_text, has_audio = direction.text in counts, direction.audio in counts
    if rest > 0 and (has_text or not has_audio):  # AUB-EXT-4fb7
        counts[direction.unattributed], draft.basis[direction.unattributed] = rest, _DERIVED
        draft.flags.add("details_short")
        rest = 0
    if not has_text:  # next to audio, text is all the rest (AUB-EXT-7d80)
        counts[direction.text], draft.basis[direction.text] = max(rest, 0), _DERIVED
    if not has_audio:  # a modality that is not named is not there
        counts[direction.audio], draft.basis[direction.audio] = 0, _DERIVED


def _divide(direction: Direction, whole: int, unnamed: Unnamed, counts: dict[str, int], draft: Draft) -> None:
    """Add what a whole is made of when nothing names a modality."""
    if unnamed.modality is None or unnamed.basis == _ASSUMED:
        draft.flags.add("details_missing")
    if unnamed.modality is None:
        _leave_unattributed(direction, whole, counts, draft)
    else:
        is_text = unnamed.modality == "text"
        counts[direction.text], counts[direction.audio] = (whole, 0) if is_text else (0, whole)
        draft.basis[direction.text] = draft.basis[direction.audio] = unnamed.basis


def _leave_unattributed(direction: Direction, whole: int, counts: dict[str, int], draft: Draft) -> None:
    """Add a whole as unattributed, but for its reasoning, which is text wherever it is stated."""
    reasoning = counts.get("reasoning_output_tokens", 0) if direction is OUTPUT else 0
    if 0 < reasoning <= whole:
        counts[direction.text] = reasoning
        whole -= reasoning
    counts[direction.unattributed], draft.basis[direction.unattributed] = whole, _DERIVED


def _add_wholes(counts: dict[str, int], draft: Draft) -> None:
    """Add the wholes that normal form leaves out: what parts come to that stand alone is all."""
    for direction in (INPUT, OUTPUT):
        parts = [counts[part] for part, _ in direction.parts if part in counts]
        if parts and direction.whole not in counts:
            counts[direction.whole], draft.basis[direction.whole] = sum(parts), _DERIVED


def _add_total(own: int | None, counts: dict[str, int], draft: Draft) -> None:
    """Add the sum of both directions; *own*, the provider's, is only compared with it (AUB-USE-d32a)."""
    whole_input, whole_output = counts.get("input_tokens"), counts.get("output_tokens")
    if whole_input is None or whole_output is None:
        return
    total = counts["total_tokens"] = whole_input + whole_output
    if "input_tokens" in draft.basis or "output_tokens" in draft.basis:
        draft.basis["total_tokens"] = _DERIVED
    if total > LARGEST_COUNT:
        draft.doubt()
    if own is not None and own != total:
        draft.flags.add("total_mismatch")
