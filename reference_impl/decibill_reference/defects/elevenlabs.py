"""Defects in metering ElevenLabs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from decibill_reference.charge import rate
from decibill_reference.defects.defect import Defect
from decibill_reference.defects.edits import json_objects, misread, with_quantities
from decibill_reference.extract import extract
from decibill_reference.gateway_metering import SOUND

if TYPE_CHECKING:
    from decibill_reference.charge_record import Charge
    from decibill_reference.defects.edits import Exchange, Json
    from decibill_reference.prices import PriceBook
    from decibill_reference.usage import UsageRecord

__all__ = ["ELEVENLABS"]

_CREDITS: Final = "provider_credits"
_CHARACTERS: Final = "tts_characters"
_COST: Final = "character-cost"


def _cost_header(exchange: Exchange, value: str | None) -> UsageRecord:
    """Read an exchange as if its header of credits had another value; None takes it away."""
    if exchange["provider"] != "elevenlabs" or exchange["response"]["status"] >= 400:
        return extract(exchange)
    response = exchange["response"]
    headers = {name: text for name, text in response["headers"].items() if name.lower() != _COST}
    if value is not None:
        headers[_COST] = value
    return extract({**exchange, "response": {**response, "headers": headers}})


def _without_cost_header(exchange: Exchange) -> UsageRecord:
    return _cost_header(exchange, None)


def _absent_as_zero(exchange: Exchange) -> UsageRecord:
    usage = extract(exchange)
    return _cost_header(exchange, "0") if _CREDITS in usage.unknown else usage


def _characters_as_credits(exchange: Exchange) -> UsageRecord:
    usage = extract(exchange)
    characters = usage.quantities.get(_CHARACTERS)
    if _CREDITS not in usage.quantities or characters is None:
        return usage
    return usage._replace(quantities={**usage.quantities, _CREDITS: characters})


def _channels_unseen(usage: UsageRecord, book: PriceBook) -> Charge:
    kept = {name: value for name, value in usage.quantities.items() if name != "audio_channels"}
    return rate(with_quantities(usage, kept), book)


def _options_unseen(usage: UsageRecord, book: PriceBook) -> Charge:
    return rate(usage._replace(features=()), book)


def _last_word(document: Json, exchange: Exchange) -> None:
    if exchange["provider"] != "elevenlabs" or "audio_duration_secs" not in document:
        return
    words = json_objects(document.get("words"))
    if words:
        document["audio_duration_secs"] = max(each.get("end", 0) for each in words)


ELEVENLABS = (
    Defect(
        "credits-header-unread",
        "the header in which ElevenLabs states the credits of a call is not read",
        "credits-currency-plan",
        "https://github.com/receptron/mulmocast-cli/issues/1420",
        (
            "AUB-CHG-4688",
            "AUB-CHG-ec4c",
            "AUB-ELV-26be",
            "AUB-ELV-7dbe",
            "AUB-ELV-8022",
            "AUB-ELV-9dad",
            "AUB-ELV-de7f",
            "AUB-GWY-1cf8",
            "AUB-GWY-e8e3",
        ),
        replace(SOUND, read=_without_cost_header),
    ),
    Defect(
        "absent-credits-as-zero",
        "a call without the header of credits is taken for one of 0 credits",
        "zero-vs-unknown",
        "https://github.com/pollinations/pollinations/pull/13416",
        ("AUB-ELV-8022", "AUB-GWY-3a9b", "AUB-PRC-19d1"),
        replace(SOUND, read=_absent_as_zero),
    ),
    Defect(
        "characters-as-credits",
        "every character is one credit, whatever the model",
        "credits-currency-plan",
        "https://github.com/Significant-Gravitas/AutoGPT/pull/12909",
        ("AUB-ELV-26be", "AUB-ELV-3239", "AUB-ELV-7dbe", "AUB-ELV-8022", "AUB-GWY-e8e3"),
        replace(SOUND, read=_characters_as_credits),
    ),
    Defect(
        "channels-unseen",
        "a recording is charged once, however many of its channels are billed",
        "tier-uplift-addon",
        "https://github.com/VapiAI/docs/pull/963",
        ("AUB-ELV-c289",),
        replace(SOUND, rate=_channels_unseen),
    ),
    Defect(
        "options-unseen",
        "options that cost extra are not charged",
        "tier-uplift-addon",
        "https://github.com/vercel/ai/pull/18941",
        ("AUB-AZU-b6b9", "AUB-ELV-c02a"),
        replace(SOUND, rate=_options_unseen),
    ),
    Defect(
        "last-word-of-scribe",
        "the end of the last word is charged in place of the stated duration",
        "duration-source-wrong",
        "https://github.com/pollinations/pollinations/pull/13320",
        ("AUB-ELV-c02a", "AUB-ELV-c289", "AUB-ELV-de7f", "AUB-EXT-dd4f", "AUB-EXT-f95b", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_last_word)),
    ),
)
"""Defects of this kind."""
