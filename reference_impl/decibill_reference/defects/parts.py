"""Defects in dividing what was read rightly among the rates: audio, cached, reasoning, unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from decibill_reference.charge import rate
from decibill_reference.defects.defect import Defect
from decibill_reference.defects.edits import with_quantities
from decibill_reference.gateway_metering import SOUND

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from decibill_reference.charge_record import Charge
    from decibill_reference.defects.edits import Rated
    from decibill_reference.prices import PriceBook
    from decibill_reference.usage import UsageRecord

    Quantities = dict[str, int | Decimal]

__all__ = ["PARTS"]

_AUDIO_AND_TEXT: Final = (
    ("text_input_tokens", "audio_input_tokens"),
    ("cached_text_input_tokens", "cached_audio_input_tokens"),
    ("text_output_tokens", "audio_output_tokens"),
)


def _counting(change: Callable[[Quantities], None]) -> Rated:
    """Return a rating of other quantities than were read."""

    def rated(usage: UsageRecord, book: PriceBook) -> Charge:
        quantities = dict(usage.quantities)
        change(quantities)
        return rate(usage if quantities == usage.quantities else with_quantities(usage, quantities), book)

    return rated


def _audio_as_text(quantities: Quantities) -> None:
    for text, audio in _AUDIO_AND_TEXT:
        moved = quantities.pop(audio, 0)
        if moved:
            quantities[text] = quantities.get(text, 0) + moved


def _cached_audio_as_text(quantities: Quantities) -> None:
    moved = quantities.pop("cached_audio_input_tokens", 0)
    if moved:
        for name, change in (
            ("cached_text_input_tokens", moved),
            ("text_input_tokens", moved),
            ("audio_input_tokens", -moved),
        ):
            quantities[name] = quantities.get(name, 0) + change


def _cached_as_fresh(quantities: Quantities) -> None:
    for name in [name for name in quantities if name.startswith("cached_")]:
        del quantities[name]


def _cached_beside_fresh(quantities: Quantities) -> None:
    for modality in ("text", "audio"):
        cached = quantities.get(f"cached_{modality}_input_tokens", 0)
        for whole in (f"{modality}_input_tokens", "input_tokens", "total_tokens"):
            if cached and whole in quantities:
                quantities[whole] += cached


def _reasoning_beside_text(quantities: Quantities) -> None:
    reasoning = quantities.get("reasoning_output_tokens", 0)
    for name in ("text_output_tokens", "output_tokens", "total_tokens"):
        if reasoning and name in quantities:
            quantities[name] += reasoning


def _unattributed_as_text(quantities: Quantities) -> None:
    for direction in ("input", "output"):
        moved = quantities.pop(f"unattributed_{direction}_tokens", 0)
        if moved:
            name = f"text_{direction}_tokens"
            quantities[name] = quantities.get(name, 0) + moved


PARTS = (
    Defect(
        "audio-at-text-rate",
        "audio tokens are charged at the text rate of their direction",
        "audio-misrated",
        "https://github.com/comet-ml/opik/pull/7137",
        (
            "AUB-AZU-0f0d",
            "AUB-CHG-a645",
            "AUB-CHG-b5cd",
            "AUB-CHG-b946",
            "AUB-CHG-c3cf",
            "AUB-OAI-17ce",
            "AUB-OAI-2b98",
        ),
        replace(SOUND, rate=_counting(_audio_as_text)),
    ),
    Defect(
        "cached-as-fresh",
        "cached tokens are charged at the fresh rate",
        "cached-audio-misbilled",
        "https://github.com/langwatch/langwatch/issues/7048",
        ("AUB-CHG-17f0", "AUB-CHG-5f0a"),
        replace(SOUND, rate=_counting(_cached_as_fresh)),
    ),
    Defect(
        "cached-audio-at-text-rate",
        "cached audio is charged at the rate of cached text",
        "cached-audio-misbilled",
        "https://github.com/BerriAI/litellm/pull/38423",
        ("AUB-CHG-17f0", "AUB-GWY-1cf8", "AUB-OAI-17ce"),
        replace(SOUND, rate=_counting(_cached_audio_as_text)),
    ),
    Defect(
        "cached-beside-fresh",
        "cached tokens are charged twice, within the input and beside it",
        "subset-overlap",
        "https://github.com/langwatch/langwatch/issues/7018",
        ("AUB-CHG-17f0",),
        replace(SOUND, rate=_counting(_cached_beside_fresh)),
    ),
    Defect(
        "reasoning-beside-text",
        "reasoning tokens are charged twice, within the text and beside it",
        "subset-overlap",
        "https://github.com/BerriAI/litellm/pull/39850",
        ("AUB-CHG-258f",),
        replace(SOUND, rate=_counting(_reasoning_beside_text)),
    ),
    Defect(
        "unattributed-as-text",
        "tokens whose modality is not known are charged as text",
        "audio-misrated",
        "https://github.com/theopenco/llmgateway/pull/3315",
        ("AUB-CHG-0d16", "AUB-CHG-57df", "AUB-CHG-b5cd"),
        replace(SOUND, rate=_counting(_unattributed_as_text)),
    ),
)
"""Defects of this kind."""
