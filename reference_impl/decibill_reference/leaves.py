"""The leaf rule: how the token counts of one record divide over the rates of one entry.

Tokens are billed by *leaf*: on input modality x (fresh, cached), on output text, reasoning and audio, and
tokens whose modality the provider does not state on a line of their own. Each leaf takes the first rate
that the entry has of a fixed list; the list never leads from audio to text (AUB-CHG-b946). Two steps,
because the first depends on the entry alone and is worked out once, when a price book is read:

* `LeafPlan.of` finds where the tokens of every leaf go, from the rates of an entry;
* `token_shares` divides the counts of a record by that plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
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

# Lines and gaps have numbers, the same at every entry, which rise in the order of a charge: two for each
# rate, since unattributed tokens stand alone, and then one for each quantity of which a part can be a gap.
_LINES: Final = {key: 2 * place for place, key in enumerate(TOKEN_RATES)}
_GAPS: Final = {
    quantity: 2 * len(TOKEN_RATES) + place
    for place, quantity in enumerate(
        (*_INPUTS, "unattributed_input_tokens", *_OUTPUTS, "unattributed_output_tokens")
    )
}
_NUMBERS: Final = 2 * len(TOKEN_RATES) + len(_GAPS)


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """What the tokens of some leaves are together: one line of a charge, or one gap."""

    number: int
    quantity: str
    """Of a line, the key of its rate; of a gap, the quantity of the record that the tokens are part of."""

    reason: str | None
    """Of a gap, `no_rate` or `modality_unknown`."""


@dataclass(frozen=True, slots=True)
class _Input:
    """One input modality, and the numbers of the shares that its tokens go to."""

    quantity: str
    cached_quantity: str
    fresh: int
    cached: int


@dataclass(frozen=True, slots=True)
class _Unattributed:
    """The numbers of the shares that tokens without a modality go to."""

    fresh: int
    cached: int
    as_text: bool
    """Whether they are text for want of better."""


@dataclass(frozen=True, slots=True)
class LeafPlan:
    """Where the tokens of every leaf go at one entry.

    Where unattributed tokens go depends on the record too: the second of each pair holds for a record that
    names a modality in the direction.
    """

    shares: tuple[Share, ...]
    """Every share that tokens can go to, lines before gaps."""

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
        """Work out where every leaf goes from the keys of an entry's rates."""
        leaves = _Leaves(rates)
        return cls(
            inputs=tuple(
                _Input(
                    quantity,
                    f"cached_{quantity}",
                    leaves.number(quantity, quantity, "input_tokens"),
                    # A missing cached rate means the fresh one (AUB-CHG-17f0).
                    leaves.number(
                        quantity, f"cached_{quantity}", "cached_input_tokens", quantity, "input_tokens"
                    ),
                )
                for quantity in _INPUTS
            ),
            unattributed_input=leaves.unattributed("input_tokens", _INPUTS),
            text_output=leaves.number("text_output_tokens", "text_output_tokens", "output_tokens"),
            reasoning_output=leaves.number(
                "text_output_tokens", "reasoning_output_tokens", "text_output_tokens", "output_tokens"
            ),
            audio_output=leaves.number("audio_output_tokens", "audio_output_tokens", "output_tokens"),
            unattributed_output=leaves.unattributed("output_tokens", _OUTPUTS),
            any_cached=any(key.startswith("cached_") for key in rates),
            shares=tuple(sorted(leaves.shares)),
        )


class _Leaves:
    """The shares of an entry, as its leaves are gone through."""

    def __init__(self, rates: Collection[str]) -> None:
        self._rates = rates
        self.shares: set[Share] = set()

    def number(self, quantity: str, *keys: str, alone: bool = False, reason: str = "no_rate") -> int:
        """Return where tokens of *quantity* go that take the first of *keys* for which there is a rate."""
        key = self._first(*keys)
        share = (
            Share(_GAPS[quantity], quantity, reason) if key is None else Share(_LINES[key] + alone, key, None)
        )
        self.shares.add(share)
        return share.number

    def unattributed(self, total: str, modalities: Collection[str]) -> tuple[_Unattributed, _Unattributed]:
        """Return where tokens go that are part of *total* and of no modality that is known.

        They have their own rate or that of the total; else they are text, if the record names a modality;
        else they are of the one modality that the entry prices.
        """
        quantity, text = f"unattributed_{total}", f"text_{total}"
        fixed = self._first(quantity, total)
        priced = [key for key in modalities if key in self._rates or f"cached_{key}" in self._rates]
        reason = "modality_unknown" if len(priced) > 1 else "no_rate"

        def found(*, named: bool) -> _Unattributed:
            as_text = fixed is None and named and text in self._rates
            key = fixed or (text if as_text else priced[0] if len(priced) == 1 else quantity)
            fresh = self.number(quantity, key, alone=True, reason=reason)
            cached = self.number(quantity, f"cached_{key}", f"cached_{total}", key, alone=True, reason=reason)
            return _Unattributed(fresh, cached, as_text)

        return found(named=False), found(named=True)

    def _first(self, *keys: str) -> str | None:
        return next((key for key in keys if key in self._rates), None)


def token_shares(
    quantities: Mapping[str, int | Decimal], plan: LeafPlan
) -> tuple[list[tuple[Share, int]], list[str]]:
    """Divide the token counts of a consistent record over the rates of an entry.

    What a total holds beyond its stated parts counts as unattributed, so that no token is lost.

    Returns:
        The shares that hold tokens, in the order of a charge, and the flags of what had to be assumed.
    """
    counts = cast("Mapping[str, int]", quantities)  # those of tokens are whole numbers
    tokens = [0] * _NUMBERS
    flags: list[str] = []
    _divide_input(counts, plan, tokens, flags)
    _divide_output(counts, plan, tokens, flags)
    return [(share, count) for share in plan.shares if (count := tokens[share.number])], flags


def _divide_input(counts: Mapping[str, int], plan: LeafPlan, tokens: list[int], flags: list[str]) -> None:
    get = counts.get
    together = loose = 0
    is_split = True  # every cached token is of a modality that is stated, or cached ones cost no less
    if plan.any_cached and "cached_input_tokens" in counts:
        loose = counts["cached_input_tokens"] - sum([get(each.cached_quantity, 0) for each in plan.inputs])
        is_split = loose <= 0
        if not is_split:
            flags.append("cached_split_assumed")
    for modality in plan.inputs:
        count = get(modality.quantity, 0)
        if is_split and not count:
            continue
        cached = get(modality.cached_quantity, 0)
        if not is_split:
            taken = min(loose, count - cached)  # less than none of a modality of which no tokens are stated
            cached += taken
            loose -= taken
        if count:
            tokens[modality.fresh] += count - cached
            tokens[modality.cached] += cached
            together += count
    whole = get("input_tokens")
    rest = get("unattributed_input_tokens", 0) if whole is None else whole - together
    if rest > 0:
        goes = plan.unattributed_input[not counts.keys().isdisjoint(_INPUTS)]
        if goes.as_text:
            flags.append("unattributed_as_text")
        cached_rest = min(loose, rest)
        tokens[goes.fresh] += rest - cached_rest
        tokens[goes.cached] += cached_rest


def _divide_output(counts: Mapping[str, int], plan: LeafPlan, tokens: list[int], flags: list[str]) -> None:
    get = counts.get
    reasoning = get("reasoning_output_tokens", 0)
    text = max(get("text_output_tokens", 0), reasoning)
    audio = get("audio_output_tokens", 0)
    tokens[plan.text_output] += text - reasoning
    tokens[plan.reasoning_output] += reasoning
    tokens[plan.audio_output] += audio
    whole = get("output_tokens")
    rest = get("unattributed_output_tokens", 0) if whole is None else whole - text - audio
    if rest > 0:
        # Reasoning names no modality: text that is all reasoning says nothing about the rest.
        named = "audio_output_tokens" in counts or (
            "text_output_tokens" in counts and not text == reasoning > 0
        )
        goes = plan.unattributed_output[named]
        if goes.as_text:
            flags.append("unattributed_as_text")
        tokens[goes.fresh] += rest
