"""Defects in finding a duration."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from decibill_reference.defects.defect import Defect
from decibill_reference.defects.edits import json_object, json_objects, misread, with_quantities
from decibill_reference.extract import extract
from decibill_reference.gateway_metering import SOUND

if TYPE_CHECKING:
    from decibill_reference.charge_record import Charge
    from decibill_reference.defects.edits import Exchange, Json, Rated
    from decibill_reference.prices import PriceBook
    from decibill_reference.usage import UsageRecord

__all__ = ["SECONDS"]

_SECONDS: Final = "audio_duration_seconds"
_CUE_END: Final = re.compile(r"--> (?:(\d+):)?(\d+):(\d+)[.,](\d+)")
_BYTES_A_SECOND: Final = 16_000


def _file_before_billed(document: Json, _: Exchange) -> None:
    usage, duration = json_object(document.get("usage")), document.get("duration")
    if usage is not None and usage.get("type") == "duration" and duration:
        usage["seconds"] = float(duration)


def _last_end(document: Json) -> float | None:
    heard = [*json_objects(document.get("words")), *json_objects(document.get("segments"))]
    ends = [each["end"] for each in heard if "end" in each]
    return max(ends, default=None)


def _last_word(exchange: Exchange) -> UsageRecord:
    """Read what has no duration by where its last word or cue ends."""

    def change(document: Json, _: Exchange) -> None:
        end = _last_end(document)
        if end is not None and "duration" not in document and "usage" not in document:
            document["duration"] = end

    usage = misread(change)(exchange)
    cues = _CUE_END.findall(str(exchange["response"].get("text", "")))
    if _SECONDS not in usage.unknown or not cues:
        return usage
    hours, minutes, seconds, parts = cues[-1]
    end = Decimal(f"{int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)}.{parts}")
    return with_quantities(usage, {**usage.quantities, _SECONDS: end})


def _unstated_is_free(exchange: Exchange) -> UsageRecord:
    usage = extract(exchange)
    if exchange["operation"] != "translation" or exchange["response"]["status"] >= 400:
        return usage
    return usage._replace(quantities={}, basis={}, unknown=(_SECONDS,))


def _stated_unread(document: Json, exchange: Exchange) -> None:
    if exchange["operation"] == "transcription" and "usage" not in document:
        document.pop("duration", None)


def _counted_in(unit: int, *, up: bool) -> Rated:
    """Return a rating that counts only whole units of so many seconds, or also the one begun."""

    def rated(usage: UsageRecord, book: PriceBook) -> Charge:
        seconds = usage.quantities.get(_SECONDS)
        if seconds is None:
            return SOUND.rate(usage, book)
        count = seconds / unit
        whole = Decimal(math.ceil(count) if up else math.floor(count)) * unit
        return SOUND.rate(with_quantities(usage, {**usage.quantities, _SECONDS: whole}), book)

    return rated


def _milliseconds(usage: UsageRecord, book: PriceBook) -> Charge:
    seconds = usage.quantities.get(_SECONDS)
    if seconds is None:
        return SOUND.rate(usage, book)
    return SOUND.rate(with_quantities(usage, {**usage.quantities, _SECONDS: seconds * 1000}), book)


def _header_believed(data: bytes) -> Decimal | None:
    """Return what the header of a WAV file claims, measured or not."""
    if data[:4] != b"RIFF" or data[36:40] != b"data":
        return SOUND.measure(data)
    rate = int.from_bytes(data[28:32], "little")
    return Decimal(int.from_bytes(data[40:44], "little")) / rate


def _bitrate_guessed(data: bytes) -> Decimal | None:
    return Decimal(len(data)) / _BYTES_A_SECOND


SECONDS = (
    Defect(
        "file-before-billed",
        "the length of the file is charged where the provider states the seconds that it bills",
        "duration-source-wrong",
        "https://github.com/BerriAI/litellm/issues/22622",
        ("AUB-EXT-54ad", "AUB-EXT-f95b", "AUB-GWY-e8e3", "AUB-OAI-ce8d"),
        replace(SOUND, read=misread(_file_before_billed)),
    ),
    Defect(
        "last-word-as-duration",
        "the end of the last word, segment or cue is taken for the duration",
        "duration-source-wrong",
        "https://github.com/pollinations/pollinations/pull/13320",
        ("AUB-EXT-b542", "AUB-EXT-f95b", "AUB-OAI-2e2e"),
        replace(SOUND, read=_last_word),
    ),
    Defect(
        "translation-free",
        "translations, which carry no usage, are recorded without a quantity",
        "usage-not-propagated",
        "https://github.com/traceloop/openllmetry/pull/3514",
        ("AUB-OAI-2e2e",),
        replace(SOUND, read=_unstated_is_free),
    ),
    Defect(
        "stated-duration-unread",
        "a duration that the answer states outside a usage object is not read",
        "duration-source-wrong",
        "https://github.com/pollinations/pollinations/pull/13320",
        ("AUB-EXT-280a",),
        replace(SOUND, read=misread(_stated_unread)),
    ),
    Defect(
        "fraction-of-a-second-lost",
        "a duration is stored in whole seconds",
        "numeric-precision",
        "https://github.com/maximhq/bifrost/issues/5019",
        (
            "AUB-AZU-b6b9",
            "AUB-ELV-c02a",
            "AUB-ELV-c289",
            "AUB-EXT-280a",
            "AUB-EXT-b542",
            "AUB-GWY-897f",
            "AUB-OAI-3e48",
        ),
        replace(SOUND, rate=_counted_in(1, up=False)),
    ),
    Defect(
        "minutes-begun",
        "every minute begun is charged in full",
        "rounding-or-minimum",
        "https://github.com/pollinations/pollinations/pull/12779",
        (
            "AUB-AZU-b6b9",
            "AUB-ELV-c02a",
            "AUB-ELV-c289",
            "AUB-EXT-280a",
            "AUB-EXT-54ad",
            "AUB-EXT-b542",
            "AUB-OAI-ce8d",
        ),
        replace(SOUND, rate=_counted_in(60, up=True)),
    ),
    Defect(
        "milliseconds-as-seconds",
        "milliseconds are charged as seconds",
        "time-unit-mixup",
        "https://github.com/Floe-Labs/floe-guard/pull/76",
        ("AUB-CHG-6162", "AUB-CHG-ea89", "AUB-ELV-c02a", "AUB-OAI-604a"),
        replace(SOUND, rate=_milliseconds),
    ),
    Defect(
        "header-believed",
        "an upload is as long as its header claims",
        "duration-source-wrong",
        "https://github.com/BerriAI/litellm/issues/22622",
        ("AUB-EXT-b542",),
        replace(SOUND, measure=_header_believed),
    ),
    Defect(
        "bitrate-guessed",
        "the length of an upload is its size over an assumed bit rate",
        "duration-source-wrong",
        "https://github.com/pollinations/pollinations/pull/11931",
        (
            "AUB-AZU-5e4d",
            "AUB-AZU-b6b9",
            "AUB-CHG-a645",
            "AUB-ELV-b56b",
            "AUB-ELV-de7f",
            "AUB-EXT-b542",
            "AUB-EXT-f95b",
            "AUB-GWY-897f",
            "AUB-GWY-e8e3",
            "AUB-OAI-2e2e",
        ),
        replace(SOUND, measure=_bitrate_guessed),
    ),
)
"""Defects of this kind."""
