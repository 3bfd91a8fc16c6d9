"""Defects in what a gateway does with calls, answers and records."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from decibill_reference.defects.defect import Defect
from decibill_reference.defects.edits import json_object
from decibill_reference.extract import extract
from decibill_reference.gateway_metering import SOUND

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from starlette.types import Receive

    from decibill_reference.charge_record import Charge
    from decibill_reference.defects.edits import Exchange, Json
    from decibill_reference.gateway_metering import Seams
    from decibill_reference.ledger import LedgerRow
    from decibill_reference.usage import UsageRecord

__all__ = ["GATEWAY"]

_COPIED: Final = ("text", "language", "task", "duration", "words", "segments")
_OTHER_UNITS: Final = frozenset({"audio_duration_seconds", "tts_characters"})


def _body(operation: str, body: bytes) -> Json | None:
    """Return the answer to a transcription that carries usage."""
    if operation != "transcription":
        return None
    try:
        document = json_object(json.loads(body))
    except ValueError:
        return None
    if document is None or "usage" not in document or "error" in document:
        return None
    return document


def _without_usage(operation: str, body: bytes) -> bytes:
    """Build a new answer from the members that somebody thought of."""
    document = _body(operation, body)
    if document is None:
        return body
    kept: Json = {name: document[name] for name in _COPIED if name in document}
    return json.dumps(kept, ensure_ascii=False).encode()


def _totals_only(operation: str, body: bytes) -> bytes:
    document = _body(operation, body)
    usage = json_object(document["usage"]) if document is not None else None
    if usage is None:
        return body
    for name in [name for name in usage if name.endswith("_details")]:
        del usage[name]
    return json.dumps(document, ensure_ascii=False).encode()


def _tokens_only(charge: Charge) -> str | None:
    other = any(line.quantity in _OTHER_UNITS for line in charge.lines)
    return "0" if other else SOUND.cost(charge)


def _zero_for_unknown(charge: Charge) -> str | None:
    return SOUND.cost(charge) or "0"


def _two_rows(row: LedgerRow) -> tuple[LedgerRow, ...]:
    return row, replace(row, row=2)


def _row_for_each_attempt(row: LedgerRow) -> tuple[LedgerRow, ...]:
    return tuple(replace(row, row=number) for number in range(1, max(row.attempts, 1) + 1))


def _reservation_kept(charge: Charge) -> str | None:
    return "0.002" if charge.status == "not_billable" else SOUND.cost(charge)


def _error_usage_read(exchange: Exchange) -> UsageRecord:
    response = exchange["response"]
    if response["status"] < 400 or '"usage"' not in str(response.get("text")):
        return extract(exchange)
    return extract({**exchange, "response": {**response, "status": 200}})


def _ledger_without_audio(row: LedgerRow) -> tuple[LedgerRow, ...]:
    """Record the columns that a ledger of text has."""
    if row.usage is None:
        return (row,)
    kept = {name: value for name, value in row.usage["quantities"].items() if "audio" not in name}
    return (replace(row, usage={**row.usage, "quantities": kept}),)


def _remembering() -> Seams:
    """Return a gateway that keeps the usage of a model's first call for all its calls."""
    first: dict[str, LedgerRow] = {}

    def rows(row: LedgerRow) -> tuple[LedgerRow, ...]:
        known = first.setdefault(row.alias, row)
        return (replace(row, usage=known.usage, charge=known.charge, cost=known.cost, status=known.status),)

    return replace(SOUND, rows=rows)


async def _with_the_client(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Stop working, and forget the call, as soon as the client has gone."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.create_task(work), asyncio.create_task(gone())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


GATEWAY = (
    Defect(
        "usage-dropped",
        "the answer to a transcription reaches the client without its usage",
        "usage-not-propagated",
        "https://github.com/BerriAI/litellm/issues/16270",
        ("AUB-GWY-3725",),
        replace(SOUND, deliver=_without_usage),
    ),
    Defect(
        "details-not-delivered",
        "the answer to a transcription reaches the client with the totals of its usage alone",
        "detail-field-lost",
        "https://github.com/pipecat-ai/pipecat/pull/5050",
        ("AUB-GWY-3725",),
        replace(SOUND, deliver=_totals_only),
    ),
    Defect(
        "unit-dropped",
        "seconds and characters are metered and never charged",
        "unit-dropped",
        "https://github.com/langwatch/langwatch/issues/6934",
        ("AUB-CHG-d6d8", "AUB-CHG-ea89", "AUB-GWY-3a9b"),
        replace(SOUND, cost=_tokens_only),
    ),
    Defect(
        "silent-zero",
        "a cost that is not known is stated as 0",
        "zero-vs-unknown",
        "https://github.com/pollinations/pollinations/pull/13416",
        ("AUB-GWY-3a9b",),
        replace(SOUND, cost=_zero_for_unknown),
    ),
    Defect(
        "charged-twice",
        "one call is recorded and charged twice",
        "retry-failure-cache-charged",
        "https://github.com/elizaOS/eliza/issues/16425",
        ("AUB-GWY-5793", "AUB-GWY-888a", "AUB-GWY-897f"),
        replace(SOUND, rows=_two_rows),
    ),
    Defect(
        "attempts-charged",
        "every attempt of a call is charged like a call of its own",
        "retry-failure-cache-charged",
        "https://github.com/ZuodaoTech/everyone-can-use-english/issues/1096",
        ("AUB-GWY-888a",),
        replace(SOUND, rows=_row_for_each_attempt),
    ),
    Defect(
        "reservation-kept",
        "what was set aside for a call is kept when the upstream refuses it",
        "budget-or-estimate",
        "https://github.com/songquanpeng/one-api/issues/1217",
        ("AUB-GWY-ed3d",),
        replace(SOUND, cost=_reservation_kept),
    ),
    Defect(
        "error-usage-charged",
        "usage in the body of an error is charged",
        "retry-failure-cache-charged",
        None,
        ("AUB-CHG-63e1", "AUB-EXT-d1ab", "AUB-GWY-ed3d"),
        replace(SOUND, read=_error_usage_read),
    ),
    Defect(
        "cache-hit-charged",
        "an answer from the gateway's own cache is charged like a fresh one",
        "retry-failure-cache-charged",
        "https://github.com/promptfoo/promptfoo/pull/6022",
        ("AUB-GWY-8601",),
        replace(SOUND, cached_is_free=False),
    ),
    Defect(
        "ledger-without-audio",
        "the ledger has no place for audio",
        "unit-dropped",
        "https://github.com/nickna/Conduit/issues/856",
        (
            "AUB-CHG-17f0",
            "AUB-CHG-ea89",
            "AUB-GEM-52e9",
            "AUB-GEM-688e",
            "AUB-GWY-1cf8",
            "AUB-GWY-e8e3",
            "AUB-OAI-2e2e",
            "AUB-OAI-3e48",
            "AUB-OAI-8bf2",
            "AUB-OAI-ecfe",
            "AUB-OAI-f9eb",
        ),
        replace(SOUND, rows=_ledger_without_audio),
    ),
    Defect(
        "calls-mixed-up",
        "usage is kept by model, and the first call's is recorded for all",
        "aggregation-error",
        None,
        ("AUB-GWY-897f", "AUB-GWY-e8e3"),
        _remembering(),
    ),
    Defect(
        "client-gone-forgotten",
        "a call is forgotten when its client goes away",
        "stream-or-abort-usage-lost",
        "https://github.com/BerriAI/litellm/pull/33736",
        ("AUB-GWY-5793", "AUB-GWY-888a", "AUB-GWY-e8e3"),
        replace(SOUND, carry=_with_the_client),
    ),
)
"""Defects of this kind."""
