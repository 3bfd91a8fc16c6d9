"""Which requirements a recognised mistake breaks: those that are about it, by whatever case it is seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from decibill.judge_because import SILENT_ZERO
from decibill.judge_mistakes import (
    AT_TEXT_RATE,
    CACHED_AS_FRESH,
    CACHED_TWICE,
    COMPONENT_AT_SESSION_PRICE,
    COMPONENT_LOST,
    LIST_PRICE,
    OTHER_CHARACTERS,
    OTHER_DURATION,
    OTHER_UNIT,
    REASONING_TWICE,
)

if TYPE_CHECKING:
    from decibill.case import ExchangeCase

__all__ = [
    "BY_BASIS",
    "BY_CAUSE",
    "BY_QUANTITY",
    "LOST_RECORD",
    "NO_RECORD",
    "OF_STREAMS",
    "UNKNOWN_COST",
    "UNMARKED",
    "ZERO",
    "broken_by",
    "loss_of",
    "of_duration",
]

NO_RECORD: Final = "a call has no record"
UNMARKED: Final = "a lower bound is not marked as incomplete"
UNKNOWN_COST: Final = "the cost is said to be unknown where it is known"

BY_CAUSE: Final[Mapping[str, tuple[str, ...]]] = {
    AT_TEXT_RATE: ("AUB-CHG-c3cf", "AUB-CHG-b946"),
    CACHED_AS_FRESH: ("AUB-CHG-17f0", "AUB-CHG-5f0a"),
    CACHED_TWICE: ("AUB-CHG-17f0", "AUB-CHG-5f0a"),
    REASONING_TWICE: ("AUB-CHG-258f",),
    COMPONENT_LOST: ("AUB-OAI-17ce", "AUB-AZU-0f0d", "AUB-OAI-604a"),
    COMPONENT_AT_SESSION_PRICE: ("AUB-OAI-17ce", "AUB-AZU-0f0d", "AUB-OAI-604a"),
    UNMARKED: ("AUB-CHG-b5cd",),
    OTHER_CHARACTERS: ("AUB-EXT-3ad2", "AUB-OAI-a103"),
}
BY_QUANTITY: Final[Mapping[str, str]] = {
    "audio_duration_seconds": "AUB-CHG-ea89",
    "tts_characters": "AUB-CHG-d6d8",
    "audio_input_tokens": "AUB-CHG-c3cf",
    "audio_output_tokens": "AUB-CHG-c3cf",
}
"""That a quantity which is known and priced is charged at all, and at the configured price."""

BY_BASIS: Final[Mapping[str, tuple[str, ...]]] = {
    "provider_billed": ("AUB-EXT-54ad", "AUB-OAI-ce8d"),
    "provider_reported": ("AUB-EXT-280a",),
    "media": ("AUB-EXT-b542",),
}
"""Which duration is the billable one."""

OF_STREAMS: Final = ("AUB-GWY-1cf8", "AUB-OAI-8527", "AUB-OAI-2b10", "AUB-EXT-d606")
"""That the usage of a stream is read."""

ZERO: Final = ("AUB-GWY-3a9b",)
"""That no 0 stands for a cost that is not known."""

LOST_RECORD: Final = ("AUB-GWY-888a", "AUB-GWY-5793")
"""That every call has a record: what a lost one would have said cannot be judged."""

_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "transcription": ("AUB-OAI-ecfe",),
    "chat": ("AUB-OAI-8bf2",),
}
"""That the usage of an operation is read from the members where the provider states it."""


def broken_by(case: ExchangeCase, cause: str) -> tuple[str, ...]:
    """Return the requirements that a wrong cost breaks; none for a mistake not known."""
    if cause == UNKNOWN_COST:
        return OF_STREAMS if case.stream else ()
    if cause in {SILENT_ZERO, LIST_PRICE, OTHER_UNIT}:
        lines = case.charge.lines if case.charge else ()
        named = [BY_QUANTITY[line.quantity] for line in lines if line.quantity in BY_QUANTITY]
        unread = OF_STREAMS if case.stream and cause == SILENT_ZERO else ()
        return (*dict.fromkeys(named), *unread)
    if cause == OTHER_DURATION:
        return of_duration(case)
    return BY_CAUSE.get(cause, ())


def of_duration(case: ExchangeCase) -> tuple[str, ...]:
    """Return the requirements that say which duration of a case is the billable one."""
    basis: Mapping[str, str] = case.usage.record.get("basis", {}) if case.usage else {}
    return BY_BASIS.get(basis.get("audio_duration_seconds", ""), ())


def loss_of(case: ExchangeCase) -> tuple[str, tuple[str, ...]]:
    """Return the cause and the requirements that usage breaks which is lost in a gateway's records."""
    if case.stream:
        return "the usage of a stream is lost in the ledger", OF_STREAMS
    return "usage is lost in the ledger", _MEMBERS.get(case.operation, ())
