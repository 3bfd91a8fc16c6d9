"""Named defects: the reference gateway made wrong in one way, each taken from a public bug.

A suite that has never seen a wrong gateway proves nothing. ``decibill serve --defect NAME`` starts one;
each defect replaces a step of metering (`Seams`) and breaks the requirements that it names, and only those.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from decibill_reference.charge import rate
from decibill_reference.extract import extract
from decibill_reference.gateway_metering import SOUND, Seams

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from decibill_reference.charge_record import Charge
    from decibill_reference.ledger import LedgerRow
    from decibill_reference.prices import PriceBook
    from decibill_reference.usage import UsageRecord

__all__ = ["DEFECTS", "Defect"]


@dataclass(frozen=True, slots=True)
class Defect:
    """One way of being wrong."""

    name: str
    summary: str
    bug: str
    """A public report of the same mistake."""

    requirements: tuple[str, ...]
    """What it breaks."""

    seams: Seams

    def __str__(self) -> str:
        return f"{self.summary}; breaks {' and '.join(self.requirements)}; seen at {self.bug}"


# usage-dropped: a new response object is built from the members that somebody thought of.

_COPIED: Final = ("text", "language", "task", "duration", "words", "segments")


def _without_usage(operation: str, body: bytes) -> bytes:
    if operation != "transcription":
        return body
    try:
        document: Any = json.loads(body)
    except ValueError:
        return body
    if not isinstance(document, dict) or "usage" not in document or "error" in document:
        return body
    kept: dict[str, Any] = {name: document[name] for name in _COPIED if name in document}
    return json.dumps(kept, ensure_ascii=False).encode()


# audio-at-text-rate: a price card with one input and one output price, which are those of text.


def _audio_as_text(usage: UsageRecord, book: PriceBook) -> Charge:
    quantities = dict(usage.quantities)
    for text, audio in (
        ("text_input_tokens", "audio_input_tokens"),
        ("cached_text_input_tokens", "cached_audio_input_tokens"),
        ("text_output_tokens", "audio_output_tokens"),
    ):
        moved = quantities.pop(audio, 0)
        if moved:
            quantities[text] = quantities.get(text, 0) + moved
    return rate(_with_quantities(usage, quantities), book)


# cached-as-fresh: the cached counts are read and never used.


def _cached_as_fresh(usage: UsageRecord, book: PriceBook) -> Charge:
    kept = {name: value for name, value in usage.quantities.items() if not name.startswith("cached_")}
    return rate(_with_quantities(usage, kept), book)


def _with_quantities(usage: UsageRecord, quantities: Mapping[str, int | Decimal]) -> UsageRecord:
    basis = {name: usage.basis.get(name, "derived") for name in quantities}
    return replace(usage, quantities=quantities, basis=basis)


# unit-dropped: seconds and characters are measured, and the record of spend has no member for them.


def _tokens_only(charge: Charge) -> str | None:
    other = any(line.quantity in {"audio_duration_seconds", "tts_characters"} for line in charge.lines)
    return "0" if other else SOUND.cost(charge)


# silent-zero: what is not known becomes the number that is easiest to store.


def _zero_for_unknown(charge: Charge) -> str | None:
    return SOUND.cost(charge) or "0"


# wrong-character-count: the length of the encoded text.


def _bytes_as_characters(exchange: Mapping[str, Any]) -> UsageRecord:
    usage = extract(exchange)
    text = exchange["request"].get("json", {}).get("input")
    if "tts_characters" not in usage.quantities or not isinstance(text, str):
        return usage
    return replace(usage, quantities={**usage.quantities, "tts_characters": len(text.encode())})


# stream-usage-lost: the stream is passed on, and its last events are not looked at.


def _streams_unread(exchange: Mapping[str, Any]) -> UsageRecord:
    response = exchange["response"]
    if "sse" in response:
        exchange = {**exchange, "response": {**response, "sse": ""}}
    return extract(exchange)


# charged-twice: an attempt and its answer are both taken for a call.


def _two_rows(row: LedgerRow) -> tuple[LedgerRow, ...]:
    return row, replace(row, row=2)


_ALL: Final = (
    Defect(
        "usage-dropped",
        "the answer to a transcription reaches the client without its usage",
        "https://github.com/BerriAI/litellm/issues/16270",
        ("AUB-GWY-3725",),
        replace(SOUND, deliver=_without_usage),
    ),
    Defect(
        "audio-at-text-rate",
        "audio tokens are charged at the text rate of their direction",
        "https://github.com/comet-ml/opik/pull/7137",
        ("AUB-CHG-c3cf", "AUB-CHG-b946"),
        replace(SOUND, rate=_audio_as_text),
    ),
    Defect(
        "unit-dropped",
        "seconds and characters are metered and never charged",
        "https://github.com/langwatch/langwatch/issues/6934",
        ("AUB-CHG-ea89", "AUB-CHG-d6d8"),
        replace(SOUND, cost=_tokens_only),
    ),
    Defect(
        "cached-as-fresh",
        "cached tokens are charged at the fresh rate",
        "https://github.com/livekit/agents/pull/5121",
        ("AUB-CHG-17f0", "AUB-CHG-5f0a"),
        replace(SOUND, rate=_cached_as_fresh),
    ),
    Defect(
        "silent-zero",
        "a cost that is not known is stated as 0",
        "https://github.com/pollinations/pollinations/pull/13416",
        ("AUB-GWY-3a9b",),
        replace(SOUND, cost=_zero_for_unknown),
    ),
    Defect(
        "wrong-character-count",
        "characters are counted in UTF-8 bytes",
        "https://github.com/AceDataCloud/Nexior/pull/1412",
        ("AUB-EXT-3ad2",),
        replace(SOUND, read=_bytes_as_characters),
    ),
    Defect(
        "stream-usage-lost",
        "the usage at the end of a stream is not read",
        "https://github.com/songquanpeng/one-api/pull/2032",
        ("AUB-GWY-1cf8",),
        replace(SOUND, read=_streams_unread),
    ),
    Defect(
        "charged-twice",
        "one call is recorded and charged twice",
        "https://github.com/elizaOS/eliza/issues/16425",
        ("AUB-GWY-888a",),
        replace(SOUND, rows=_two_rows),
    ),
)

DEFECTS: Final[Mapping[str, Defect]] = {defect.name: defect for defect in _ALL}
"""Every defect by its name."""
