"""Defects in metering Azure AI Speech."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from decibill_reference.defects.defect import Defect
from decibill_reference.defects.edits import misread
from decibill_reference.extract import extract
from decibill_reference.gateway_metering import SOUND

if TYPE_CHECKING:
    from decibill_reference.defects.edits import Exchange, Json
    from decibill_reference.usage import UsageRecord

__all__ = ["AZURE_SPEECH"]

_CHARACTERS: Final = "tts_characters"
_TAGS: Final = re.compile(r"<[^>]*>")


def _counted_as(count: int, exchange: Exchange) -> UsageRecord:
    usage = extract(exchange)
    return usage._replace(quantities={**usage.quantities, _CHARACTERS: count})


def _ssml(exchange: Exchange) -> str | None:
    if exchange["provider"] != "azure" or exchange["operation"] != "speech":
        return None
    text: Any = exchange["request"].get("text")
    return text if isinstance(text, str) and exchange["response"]["status"] < 400 else None


def _ideographs_once(exchange: Exchange) -> UsageRecord:
    usage = extract(exchange)
    text = _ssml(exchange)
    if text is None or _CHARACTERS not in usage.quantities:
        return usage
    twice = sum("\u4e00" <= character <= "\u9fff" for character in text)
    return _counted_as(int(usage.quantities[_CHARACTERS]) - twice, exchange)


def _markup_free(exchange: Exchange) -> UsageRecord:
    text = _ssml(exchange)
    if text is None:
        return extract(exchange)
    said = _TAGS.sub("", text)
    twice = sum("\u4e00" <= character <= "\u9fff" for character in said)
    return _counted_as(len(said) + twice, exchange)


def _milliseconds_taken_for_seconds(document: Json, exchange: Exchange) -> None:
    if exchange.get("surface") == "azure_speech":
        for name in ("durationMilliseconds", "duration"):
            if isinstance(document.get(name), int):
                document[name] *= 1000


def _recognised_speech(document: Json, exchange: Exchange) -> None:
    """Take the part of short audio in which speech was recognised for its length."""
    if exchange.get("surface") == "azure_speech" and {"RecognitionStatus", "Duration"} <= set(document):
        milliseconds = int(document["Duration"]) // 10_000
        document.clear()
        document.update({"durationMilliseconds": milliseconds, "combinedPhrases": []})


AZURE_SPEECH = (
    Defect(
        "ideographs-count-one",
        "in SSML for Azure an ideograph counts one character",
        "character-counting",
        "https://github.com/Azure-Samples/cognitive-services-speech-sdk/issues/2969",
        ("AUB-AZU-c78a", "AUB-GWY-e8e3"),
        replace(SOUND, read=_ideographs_once),
    ),
    Defect(
        "markup-not-counted",
        "in SSML for Azure only what stands between the tags is counted",
        "character-counting",
        "https://github.com/Azure-Samples/cognitive-services-speech-sdk/issues/2969",
        ("AUB-AZU-c78a", "AUB-AZU-e77d", "AUB-GWY-e8e3"),
        replace(SOUND, read=_markup_free),
    ),
    Defect(
        "azure-milliseconds-as-seconds",
        "the milliseconds that Azure AI Speech states are taken for seconds",
        "time-unit-mixup",
        "https://github.com/Floe-Labs/floe-guard/pull/76",
        ("AUB-AZU-0a3c", "AUB-AZU-1c4f", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_milliseconds_taken_for_seconds)),
    ),
    Defect(
        "recognised-speech-as-length",
        "the part of short audio in which speech was recognised is taken for its length",
        "duration-source-wrong",
        "https://github.com/pollinations/pollinations/pull/13320",
        ("AUB-AZU-5e4d", "AUB-AZU-b6b9", "AUB-EXT-b542", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_recognised_speech)),
    ),
)
"""Defects of this kind."""
