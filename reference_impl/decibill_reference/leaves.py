"""The leaf rule: how the token counts of one record divide over the rates of one entry.

Tokens are billed by *leaf*: on input modality x (fresh, cached), on output text, reasoning and audio, and
tokens whose modality the provider does not state on a line of their own. Each leaf takes the first rate
that the entry has of a fixed list; the list never leads from audio to text (AUB-CHG-b946). Two steps,
because the first depends on the entry alone and is worked out once, when a price book is read:

* `LeafPlan.of` finds where the tokens of every leaf go, from the rates of an entry;
* `token_shares` divides the counts of a record by that plan: what the record states goes to its leaves, and
  only then is there, in few records, a rest to be divided.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from decimal import Decimal

__all__ = ["MODALITIES", "TOKEN_RATES", "LeafPlan", "Share", "token_shares"]

MODALITIES: Final = ("text", "audio", "image", "video")
"""Input modalities, in the order in which cached tokens without a modality are taken from them."""

TOKEN_RATES: Final = (
    "input_tokens",
    *(f"{modality}_input_tokens" for modality in MODALITIES),
    "unattributed_input_tokens",
    "cached_input_tokens",
    *(f"cached_{modality}_input_tokens" for modality in MODALITIES),
    "output_tokens",
    "text_output_tokens",
    "reasoning_output_tokens",
    "audio_output_tokens",
    "unattributed_output_tokens",
)
"""Every token quantity that can have a rate, in the order of lines; `total_tokens` takes none."""

_INPUTS: Final = tuple(f"{modality}_input_tokens" for modality in MODALITIES)
_OUTPUTS: Final = ("text_output_tokens", "audio_output_tokens")

# Lines and gaps have ranks, the same at every entry, which rise in the order of a charge: two for each
# rate, since unattributed tokens stand alone, and then one for each quantity of which a part can be a gap.
_LINES: Final = {key: 2 * place for place, key in enumerate(TOKEN_RATES)}
_GAPS: Final = {
    quantity: 2 * len(TOKEN_RATES) + place
    for place, quantity in enumerate(
        (*_INPUTS, "unattributed_input_tokens", *_OUTPUTS, "unattributed_output_tokens")
    )
}


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """What the tokens of some leaves are together: one line of a charge, or one gap."""

    rank: int
    quantity: str
    """Of a line, the key of its rate; of a gap, the quantity of the record that the tokens are part of."""

    reason: str | None
    """Of a gap, `no_rate` or `modality_unknown`."""


@dataclass(frozen=True, slots=True)
class _Input:
    """One input modality, and the places of the shares that its tokens go to."""

    quantity: str
    cached_quantity: str
    fresh: int
    cached: int


@dataclass(frozen=True, slots=True)
class _Unattributed:
    """The places of the shares that tokens without a modality go to."""

    fresh: int
    cached: int
    as_text: bool
    """Whether they are text for want of better."""


@dataclass(frozen=True, slots=True, eq=False)  # found by identity among the keys of `_stated`
class LeafPlan:
    """Where the tokens of every leaf go at one entry.

    Where unattributed tokens go depends on the record too: the second of each pair holds for a record that
    names a modality in the direction.
    """

    shares: tuple[Share, ...]
    """Every share that tokens can go to, lines before gaps; the others are places among them."""

    any_cached: bool
    """Whether the entry has a cached rate at all."""

    inputs: tuple[_Input, ...]
    unattributed_input: tuple[_Unattributed, _Unattributed]
    text_output: int
    reasoning_output: int
    audio_output: int
    unattributed_output: tuple[_Unattributed, _Unattributed]

    @classmethod
    def of(cls, rates: Collection[str]) -> LeafPlan:
        """Return where every leaf goes by the keys of an entry's rates; many entries have the same ones."""
        return _plan(frozenset(rates))


@lru_cache(maxsize=256)
def _plan(rates: frozenset[str]) -> LeafPlan:
    unordered = _Leaves(rates)
    _through(unordered)  # to see which shares there are
    return _through(_Leaves(rates, unordered.seen))


def _through(leaves: _Leaves) -> LeafPlan:
    """Go through the leaves of an entry and note where each goes."""
    return LeafPlan(
        inputs=tuple(
            _Input(
                quantity,
                f"cached_{quantity}",
                leaves.place(quantity, quantity, "input_tokens"),
                # A missing cached rate means the fresh one (AUB-CHG-17f0).
                leaves.place(quantity, f"cached_{quantity}", "cached_input_tokens", quantity, "input_tokens"),
            )
            for quantity in _INPUTS
        ),
        unattributed_input=leaves.unattributed("input_tokens", _INPUTS),
        text_output=leaves.place("text_output_tokens", "text_output_tokens", "output_tokens"),
        reasoning_output=leaves.place(
            "text_output_tokens", "reasoning_output_tokens", "text_output_tokens", "output_tokens"
        ),
        audio_output=leaves.place("audio_output_tokens", "audio_output_tokens", "output_tokens"),
        unattributed_output=leaves.unattributed("output_tokens", _OUTPUTS),
        any_cached=any(key.startswith("cached_") for key in leaves.rates),
        shares=leaves.shares,
    )


class _Leaves:
    """The leaves of an entry and the shares that they go to, in order once all have been seen."""

    def __init__(self, rates: Collection[str], shares: Iterable[Share] = ()) -> None:
        self.rates = rates
        self.shares = tuple(sorted(shares))
        self.seen: set[Share] = set()

    def place(self, quantity: str, *keys: str, alone: bool = False, reason: str = "no_rate") -> int:
        """Return where tokens of *quantity* go that take the first of *keys* for which there is a rate."""
        key = self._first(*keys)
        share = (
            Share(_GAPS[quantity], quantity, reason) if key is None else Share(_LINES[key] + alone, key, None)
        )
        self.seen.add(share)
        return self.shares.index(share) if self.shares else 0

    def unattributed(self, total: str, modalities: Collection[str]) -> tuple[_Unattributed, _Unattributed]:
        """Return where tokens go that are part of *total* and of no modality that is known.

        They have their own rate or that of the total; else they are text, if the record names a modality;
        else they are of the one modality that the entry prices.
        """
        quantity, text = f"unattributed_{total}", f"text_{total}"
        fixed = self._first(quantity, total)
        priced = [key for key in modalities if key in self.rates or f"cached_{key}" in self.rates]
        reason = "modality_unknown" if len(priced) > 1 else "no_rate"

        def found(*, named: bool) -> _Unattributed:
            as_text = fixed is None and named and text in self.rates
            key = fixed or (text if as_text else priced[0] if len(priced) == 1 else quantity)
            fresh = self.place(quantity, key, alone=True, reason=reason)
            cached = self.place(quantity, f"cached_{key}", f"cached_{total}", key, alone=True, reason=reason)
            return _Unattributed(fresh, cached, as_text)

        return found(named=False), found(named=True)

    def _first(self, *keys: str) -> str | None:
        return next((key for key in keys if key in self.rates), None)


_Leaf = tuple[int, str, str | None]
"""A leaf whose tokens a record states: the place of the share that they go to, the quantity, and the part of
the quantity that is a leaf of its own and goes elsewhere, if there is one."""


class _Stated(NamedTuple):
    """The leaves that are stated by every record with quantities of the same names."""

    leaves: tuple[_Leaf, ...]
    """In the order of the shares."""

    can_be_shares: bool
    """Whether, where each whole is the sum of its parts, each leaf is a share and no other has tokens."""


@lru_cache(maxsize=1024)  # few sets of names occur, as in `quantities`
def _stated(plan: LeafPlan, names: tuple[str, ...]) -> _Stated:
    text, reasoning, audio = "text_output_tokens", "reasoning_output_tokens", "audio_output_tokens"
    known = [(each.quantity, each.fresh, each.cached_quantity, each.cached) for each in plan.inputs]
    known.append((text, plan.text_output, reasoning, plan.reasoning_output))
    leaves: list[_Leaf] = []
    for quantity, place, part, part_place in known:
        if quantity in names and part in names and place != part_place:
            leaves += [(place, quantity, part), (part_place, part, None)]
        elif quantity in names:
            leaves.append((place, quantity, None))
    if audio in names:
        leaves.append((plan.audio_output, audio, None))
    without_text = reasoning in names and text not in names
    if without_text:
        leaves.append((plan.reasoning_output, reasoning, None))
    are_apart = len({place for place, _, _ in leaves}) == len(leaves)
    unattributed = {"unattributed_input_tokens", "unattributed_output_tokens"}
    can_be_shares = are_apart and not without_text and unattributed.isdisjoint(names)
    return _Stated(tuple(sorted(leaves)), can_be_shares)


def token_shares(
    quantities: Mapping[str, int | Decimal], plan: LeafPlan, *, is_complete: bool
) -> tuple[list[tuple[Share, int]], list[str]]:
    """Divide the token counts of a consistent record over the rates of an entry.

    What a total holds beyond its stated parts counts as unattributed, so that no token is lost.

    Args:
        quantities: those of the record.
        plan: that of the entry.
        is_complete: what `check_parts` says of the quantities.

    Returns:
        Shares with the tokens that they hold, which can be none, in the order of a charge; and the flags of
        what had to be assumed.
    """
    counts: Mapping[str, Any] = quantities  # those of tokens are whole numbers
    shares, stated = plan.shares, _stated(plan, tuple(quantities))
    if is_complete and stated.can_be_shares:
        return [
            (shares[place], counts[quantity] if part is None else counts[quantity] - counts[part])
            for place, quantity, part in stated.leaves
        ], []
    tokens = [0] * len(shares)
    for place, quantity, part in stated.leaves:
        tokens[place] += counts[quantity] if part is None else counts[quantity] - counts[part]
    flags: list[str] = []
    loose = _move_loose(counts, plan, tokens, flags)
    _add_rest_of_input(counts, plan, loose, tokens, flags)
    _add_rest_of_output(counts, plan, tokens, flags)
    return list(zip(shares, tokens, strict=True)), flags


def _move_loose(counts: Mapping[str, int], plan: LeafPlan, tokens: list[int], flags: list[str]) -> int:
    """Take cached tokens without a modality from those of one modality after the other; return the rest."""
    if not plan.any_cached or "cached_input_tokens" not in counts:
        return 0  # none, or they cost no less
    get = counts.get
    loose = counts["cached_input_tokens"] - sum([get(each.cached_quantity, 0) for each in plan.inputs])
    if loose <= 0:
        return 0
    flags.append("cached_split_assumed")
    for modality in plan.inputs:
        count = get(modality.quantity, 0)
        # Less than none of a modality of which no tokens are stated.
        taken = min(loose, count - get(modality.cached_quantity, 0))
        loose -= taken
        if count:
            tokens[modality.fresh] -= taken
            tokens[modality.cached] += taken
    return loose


def _add_rest_of_input(
    counts: Mapping[str, int], plan: LeafPlan, loose: int, tokens: list[int], flags: list[str]
) -> None:
    get = counts.get
    whole = get("input_tokens")
    if whole is None:
        rest = get("unattributed_input_tokens", 0)
    else:
        rest = whole - sum([get(each.quantity, 0) for each in plan.inputs])
    if rest > 0:
        goes = plan.unattributed_input[not counts.keys().isdisjoint(_INPUTS)]
        if goes.as_text:
            flags.append("unattributed_as_text")
        cached = min(loose, rest)
        tokens[goes.fresh] += rest - cached
        tokens[goes.cached] += cached


def _add_rest_of_output(
    counts: Mapping[str, int], plan: LeafPlan, tokens: list[int], flags: list[str]
) -> None:
    get = counts.get
    whole, reasoning = get("output_tokens"), get("reasoning_output_tokens", 0)
    text = get("text_output_tokens", reasoning)  # of which reasoning is a part
    if whole is None:
        rest = get("unattributed_output_tokens", 0)
    else:
        rest = whole - text - get("audio_output_tokens", 0)
    if rest > 0:
        # Reasoning names no modality: text that is all reasoning says nothing about the rest.
        named = "audio_output_tokens" in counts or (
            "text_output_tokens" in counts and not text == reasoning > 0
        )
        goes = plan.unattributed_output[named]
        if goes.as_text:
            flags.append("unattributed_as_text")
        tokens[goes.fresh] += rest
