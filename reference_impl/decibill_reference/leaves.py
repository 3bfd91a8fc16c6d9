"""The leaf rule: how the token counts of one record divide over the rates of one entry.

Tokens are billed by *leaf*: on input modality x (fresh, cached), on output text, reasoning and audio, and
tokens whose modality the provider does not state on a line of their own. Each leaf takes the first rate
that the entry has of a fixed list; the list never leads from audio to text (AUB-CHG-b946). Two steps,
because the first depends on the entry alone and is worked out once, when a price book is read:

* `LeafRates.of` finds the rate of every leaf among the rates of an entry;
* `token_leaves` divides the counts of a record over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from decimal import Decimal

__all__ = ["MODALITIES", "TOKEN_RATES", "Leaf", "LeafRates", "TokenLeaves", "token_leaves"]

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

_INPUTS: Final = tuple((m, f"{m}_input_tokens", f"cached_{m}_input_tokens") for m in MODALITIES)
_OUTPUTS: Final = ("text", "audio")


@dataclass(frozen=True, slots=True)
class _Unattributed:
    """How the tokens without a modality in one direction find a rate."""

    fixed: str | None
    """Their own rate or the direction's total rate."""

    text: str | None
    """The text rate, for a record that names a modality in the direction."""

    only: str | None
    """The one modality that the entry prices in the direction."""

    priced: int
    """How many modalities the entry prices in the direction."""

    def resolve(self, *, named: bool) -> tuple[str | None, bool]:
        """Return the modality or key that sets the rate, and whether it is text for want of better."""
        if self.fixed is not None:
            return self.fixed, False
        if named and self.text is not None:
            return self.text, True
        return self.only, False


@dataclass(frozen=True, slots=True)
class LeafRates:
    """Which rate of an entry each leaf takes; None where it has none."""

    fresh: tuple[str | None, ...]
    """For each of `MODALITIES`."""

    cached: tuple[str | None, ...]
    """For each of `MODALITIES`; a missing cached rate means the fresh one (AUB-CHG-17f0)."""

    any_cached: bool
    """Whether the entry has a cached rate at all."""

    cached_total: str | None
    text_out: str | None
    reasoning: str | None
    audio_out: str | None
    unattributed_in: _Unattributed
    unattributed_out: _Unattributed

    @classmethod
    def of(cls, rates: Collection[str]) -> LeafRates:
        """Work out the rate of every leaf from the keys of an entry's rates."""

        def first(*keys: str) -> str | None:
            return next((key for key in keys if key in rates), None)

        fresh = tuple(first(key, "input_tokens") for _, key, _ in _INPUTS)
        text_out = first("text_output_tokens", "output_tokens")
        priced_in = [key for _, key, cached in _INPUTS if key in rates or cached in rates]
        priced_out = [key for m in _OUTPUTS if (key := f"{m}_output_tokens") in rates]
        return cls(
            fresh=fresh,
            cached=tuple(
                first(cached, "cached_input_tokens") or rate
                for (_, _, cached), rate in zip(_INPUTS, fresh, strict=True)
            ),
            any_cached=any(key.startswith("cached_") for key in rates),
            cached_total=first("cached_input_tokens"),
            text_out=text_out,
            reasoning=first("reasoning_output_tokens") or text_out,
            audio_out=first("audio_output_tokens", "output_tokens"),
            unattributed_in=_Unattributed(
                fixed=first("unattributed_input_tokens", "input_tokens"),
                text=first("text_input_tokens"),
                only=priced_in[0] if len(priced_in) == 1 else None,
                priced=len(priced_in),
            ),
            unattributed_out=_Unattributed(
                fixed=first("unattributed_output_tokens", "output_tokens"),
                text=first("text_output_tokens"),
                only=priced_out[0] if len(priced_out) == 1 else None,
                priced=len(priced_out),
            ),
        )


@dataclass(frozen=True, slots=True)
class Leaf:
    """Tokens that take one rate, or the reason why they take none."""

    quantity: str
    """The quantity of the record that they are part of."""

    tokens: int
    rate: str | None
    reason: str | None = None
    """`no_rate` or `modality_unknown`, where there is no rate."""

    alone: bool = False
    """Whether they stand on a line of their own although another leaf may share the rate."""


@dataclass(frozen=True, slots=True)
class TokenLeaves:
    """All leaves of a record that hold tokens, and what had to be assumed to divide them."""

    leaves: tuple[Leaf, ...]
    flags: tuple[str, ...]


def token_leaves(quantities: Mapping[str, int | Decimal], rates: LeafRates) -> TokenLeaves:
    """Divide the token counts of a consistent record over the rates of an entry.

    What a total holds beyond its stated parts counts as unattributed, so that no token is lost.
    """
    leaves: list[Leaf] = []
    flags: list[str] = []
    _input_leaves(quantities, rates, leaves, flags)
    _output_leaves(quantities, rates, leaves, flags)
    return TokenLeaves(tuple(leaves), tuple(flags))


def _input_leaves(
    quantities: Mapping[str, int | Decimal], rates: LeafRates, leaves: list[Leaf], flags: list[str]
) -> None:
    counts = [int(quantities.get(key, 0)) for _, key, _ in _INPUTS]
    cached = [int(quantities.get(key, 0)) for _, _, key in _INPUTS]
    rest = int(quantities.get("unattributed_input_tokens", 0))
    if "input_tokens" in quantities:
        rest = int(quantities["input_tokens"]) - sum(counts)
    cached_rest = 0
    loose = int(quantities.get("cached_input_tokens", 0)) - sum(cached)
    if loose > 0 and rates.any_cached:
        flags.append("cached_split_assumed")
        for place, count in enumerate(counts):
            taken = min(loose, count - cached[place])
            cached[place] += taken
            loose -= taken
        cached_rest = min(loose, rest)
    for place, count in enumerate(counts):
        if count:
            key = _INPUTS[place][1]
            _add(leaves, key, count - cached[place], rates.fresh[place])
            _add(leaves, key, cached[place], rates.cached[place])
    if rest > 0:
        named = any(key in quantities for _, key, _ in _INPUTS)
        counts_as, as_text = rates.unattributed_in.resolve(named=named)
        if as_text:
            flags.append("unattributed_as_text")
        fresh_rate, cached_rate = _unattributed_input_rates(counts_as, rates)
        reason = "modality_unknown" if rates.unattributed_in.priced > 1 else "no_rate"
        _add_unattributed(leaves, "unattributed_input_tokens", rest - cached_rest, fresh_rate, reason)
        _add_unattributed(leaves, "unattributed_input_tokens", cached_rest, cached_rate, reason)


def _unattributed_input_rates(key: str | None, rates: LeafRates) -> tuple[str | None, str | None]:
    """Return the fresh and the cached rate of unattributed input that counts as what *key* prices."""
    for place, (_, modality_key, _) in enumerate(_INPUTS):
        if key == modality_key:
            return rates.fresh[place], rates.cached[place]
    return key, rates.cached_total or key


def _output_leaves(
    quantities: Mapping[str, int | Decimal], rates: LeafRates, leaves: list[Leaf], flags: list[str]
) -> None:
    reasoning = int(quantities.get("reasoning_output_tokens", 0))
    text = max(int(quantities.get("text_output_tokens", 0)), reasoning)
    audio = int(quantities.get("audio_output_tokens", 0))
    rest = int(quantities.get("unattributed_output_tokens", 0))
    if "output_tokens" in quantities:
        rest = int(quantities["output_tokens"]) - text - audio
    _add(leaves, "text_output_tokens", text - reasoning, rates.text_out)
    _add(
        leaves,
        "reasoning_output_tokens" if rates.reasoning == "reasoning_output_tokens" else "text_output_tokens",
        reasoning,
        rates.reasoning,
    )
    _add(leaves, "audio_output_tokens", audio, rates.audio_out)
    if rest > 0:
        # Reasoning names no modality: text that is all reasoning says nothing about the rest.
        named = "audio_output_tokens" in quantities or (
            "text_output_tokens" in quantities and not text == reasoning > 0
        )
        key, as_text = rates.unattributed_out.resolve(named=named)
        if as_text:
            flags.append("unattributed_as_text")
        reason = "modality_unknown" if rates.unattributed_out.priced > 1 else "no_rate"
        _add_unattributed(leaves, "unattributed_output_tokens", rest, key, reason)


def _add(leaves: list[Leaf], quantity: str, tokens: int, rate: str | None) -> None:
    if tokens > 0:
        leaves.append(Leaf(quantity, tokens, rate, None if rate else "no_rate"))


def _add_unattributed(leaves: list[Leaf], quantity: str, tokens: int, rate: str | None, reason: str) -> None:
    if tokens > 0:
        leaves.append(Leaf(quantity, tokens, rate, None if rate else reason, alone=True))
