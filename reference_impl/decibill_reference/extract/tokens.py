"""Token counts in OpenAI's style: totals by direction, and details that say what they are made of.

The same object comes in three spellings and is sent by many providers. Totals are inclusive, details are
parts of them. What no detail names is settled by `Unnamed`, the only thing in which operations differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from decibill_reference.extract.draft import Draft
    from decibill_reference.extract.wire import WireObject

__all__ = ["SPEECH", "TRANSCRIPTION", "UNATTRIBUTED", "Unnamed", "has_tokens", "read_tokens"]

_REPORTED = "provider_reported"
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


class _Direction(NamedTuple):
    """The names of one direction, on the wire and in the record."""

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


_INPUT = _Direction(
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
_OUTPUT = _Direction(
    whole="output_tokens",
    totals=("output_tokens", "completion_tokens"),
    details=("output_token_details", "output_tokens_details", "completion_tokens_details"),
    text="text_output_tokens",
    audio="audio_output_tokens",
    unattributed="unattributed_output_tokens",
    parts=(("text_output_tokens", "text_tokens"), ("audio_output_tokens", "audio_tokens")),
    subset=("reasoning_output_tokens", "reasoning_tokens"),
)
_CACHED_DETAILS = "cached_tokens_details"
_CACHED_PARTS = tuple((f"cached_{quantity}", member) for quantity, member in _INPUT.parts)
_MEMBERS = frozenset(
    member
    for direction in (_INPUT, _OUTPUT)
    for member in (*direction.totals, *direction.details, direction.text, direction.audio)
) | {"total_tokens"}


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
    _read_direction(usage, _INPUT, unnamed[0], draft, normal_form=normal_form)
    _read_direction(usage, _OUTPUT, unnamed[1], draft, normal_form=normal_form)
    _state_total(usage, draft)


def _read_direction(
    usage: WireObject, direction: _Direction, unnamed: Unnamed, draft: Draft, *, normal_form: bool
) -> None:
    member = usage.first(direction.totals)
    whole = draft.read_count(direction.whole, usage, member) if member else None
    details = usage.children(direction.details)
    top = usage if normal_form else None
    named = _read_parts(direction, details, top, draft) if details or top else None
    if whole is None and normal_form and named is not None:  # what parts come to that stand alone is all
        whole = named
        draft.state(direction.whole, whole, _DERIVED)
    if whole is None:
        draft.unknown.add(direction.whole)
    elif named is not None:
        _attribute_rest(direction, whole - named, draft)
    elif unnamed.modality is None and normal_form:  # what normal form does not name as audio is text
        _attribute_all(direction, whole, Unnamed("text"), draft)
    else:
        _attribute_all(direction, whole, unnamed, draft)


def _read_parts(
    direction: _Direction, details: Sequence[WireObject], top: WireObject | None, draft: Draft
) -> int | None:
    """State what details, or the top of a usage object, say of a direction's parts.

    Returns:
        What the parts with a modality come to; None where no modality is named.
    """
    members = _members(details, top)
    named = None
    for quantity, part in direction.parts:
        if part in members or quantity in members:
            value = _read(quantity, details, part, top, draft)
            if value is not None:
                named = value + (named or 0)
    subset, part = direction.subset
    if part in members or subset in members:
        _read(subset, details, part, top, draft)
    if direction is _INPUT and (top or _CACHED_DETAILS in members):
        _read_cached_parts(details, top, draft)
    if top:
        top.count(direction.unattributed)  # found again as what the named parts leave open
    return named


def _members(details: Sequence[WireObject], top: WireObject | None) -> Collection[str]:
    """Return the members that anything stands in: mostly those of one object."""
    if top is None and len(details) == 1:
        return details[0].members
    return {member for wire in (*details, *((top,) if top else ())) for member in wire.members}


def _read(
    quantity: str, details: Sequence[WireObject], member: str, top: WireObject | None, draft: Draft
) -> int | None:
    """State *quantity* as the first details have it in *member*, else as it stands at the top in its name."""
    value: int | None = None
    for spelling in details:
        if value is None:
            value = draft.read_count(quantity, spelling, member)
        else:
            spelling.repeats(member, value)
    if top and value is None:
        value = draft.read_count(quantity, top, quantity)
    elif top:
        top.repeats(quantity, value)
    return value


def _read_cached_parts(details: Sequence[WireObject], top: WireObject | None, draft: Draft) -> None:
    """State the cached tokens by modality where the provider splits them (AUB-USE-ffb3)."""
    split = [part for spelling in details if (part := spelling.child(_CACHED_DETAILS)) is not None]
    present: dict[str, int] = {}
    for quantity, member in _CACHED_PARTS:
        value = _read(quantity, split, member, top, draft)
        if value is not None:
            present[quantity] = value
    if present and draft.stated("cached_input_tokens") is None:
        draft.state("cached_input_tokens", sum(present.values()), _REPORTED, of=next(iter(present)))


def _attribute_rest(direction: _Direction, rest: int, draft: Draft) -> None:
    """State what details that name a modality leave open.

    A rest below zero is a contradiction, which is refused when the draft is finished.
    """
    text, audio = draft.stated(direction.text), draft.stated(direction.audio)
    if rest > 0 and (text is not None or audio is None):  # AUB-EXT-4fb7
        draft.state(direction.unattributed, rest, _DERIVED)
        draft.flags.add("details_short")
        rest = 0
    if text is None:  # next to audio, text is all the rest (AUB-EXT-7d80)
        draft.state(direction.text, max(rest, 0), _DERIVED)
    if audio is None:  # a modality that is not named is not there
        draft.state(direction.audio, 0, _DERIVED)


def _attribute_all(direction: _Direction, whole: int, unnamed: Unnamed, draft: Draft) -> None:
    """State what a whole is made of when nothing names a modality."""
    if unnamed.modality is None or unnamed.basis == _ASSUMED:
        draft.flags.add("details_missing")
    if unnamed.modality is None:
        _leave_unattributed(direction, whole, draft)
    else:
        is_text = unnamed.modality == "text"
        draft.state(direction.text, whole if is_text else 0, unnamed.basis)
        draft.state(direction.audio, 0 if is_text else whole, unnamed.basis)


def _leave_unattributed(direction: _Direction, whole: int, draft: Draft) -> None:
    """State a whole as unattributed, but for its reasoning, which is text wherever it is stated."""
    reasoning = draft.count("reasoning_output_tokens") if direction is _OUTPUT else 0
    if 0 < reasoning <= whole:
        draft.state(direction.text, reasoning, _REPORTED)
        whole -= reasoning
    draft.state(direction.unattributed, whole, _DERIVED)


def _state_total(usage: WireObject, draft: Draft) -> None:
    """State the sum of both directions; the provider's own total is only compared with it (AUB-USE-d32a)."""
    own = usage.count("total_tokens")
    total = draft.state_sum("total_tokens", "input_tokens", "output_tokens")
    if own is not None and total is not None and own != total:
        draft.flags.add("total_mismatch")
