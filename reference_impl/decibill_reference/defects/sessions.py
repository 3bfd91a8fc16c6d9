"""Defects in metering sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from decibill_reference.defects.defect import Defect
from decibill_reference.defects.edits import json_object, misread, usages, with_body, with_quantities
from decibill_reference.extract import extract
from decibill_reference.gateway_metering import SOUND

if TYPE_CHECKING:
    from decibill_reference.defects.edits import Exchange, Json
    from decibill_reference.ledger import LedgerRow
    from decibill_reference.usage import UsageRecord

__all__ = ["SESSIONS"]


def _events(exchange: Exchange) -> list[Json]:
    return cast("list[Json]", exchange["response"].get("events", []))


def _last_usage_alone(exchange: Exchange) -> UsageRecord:
    """Read a session as if only its last response or turn had been billed."""
    bearing = [event for event in _events(exchange) if _is_of_a_turn(event)]
    dropped = [id(event) for event in bearing[:-1]]
    left = [event for event in _events(exchange) if id(event) not in dropped]
    return extract(with_body(exchange, "events", left) if dropped else exchange)


def _is_of_a_turn(event: Json) -> bool:
    frame = event.get("frame", {})
    return frame.get("type") == "response.done" or "usageMetadata" in frame or "usage_metadata" in frame


def _main_alone(exchange: Exchange) -> UsageRecord:
    return extract(exchange)._replace(components=())


def _all_at_the_session_price(exchange: Exchange) -> UsageRecord:
    usage = extract(exchange)
    components = tuple(each._replace(model=usage.model) for each in usage.components)
    return usage._replace(components=components)


def _unstated_is_nothing(exchange: Exchange) -> UsageRecord:
    """Read a session that states no usage as one that used nothing."""
    usage = extract(exchange)
    if exchange["operation"] != "realtime" or not usage.unknown or usage.quantities:
        return usage
    return with_quantities(usage, dict.fromkeys(usage.unknown, 0))


def _failed_is_nothing(document: Json, _: Exchange) -> None:
    """Take the usage of a response that was not completed for none."""
    response = json_object(document.get("response")) if document.get("type") == "response.done" else None
    if response is not None and response.get("usage") is None:
        response["usage"] = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}


def _twice_where_a_tool_is_called(exchange: Exchange) -> UsageRecord:
    doubled: list[Json] = []
    for event in _events(exchange):
        doubled.append(event)
        frame: Json = event.get("frame", {})
        content: Json = frame.get("serverContent") or {}
        if "usageMetadata" in frame and "toolCall" in frame and content.get("turnComplete"):
            doubled.append(event)
    return extract(with_body(exchange, "events", doubled) if doubled else exchange)


def _details_as_they_stand(document: Json, exchange: Exchange) -> None:
    """Let the details of a Live frame decide, however many tokens they add up to."""
    if exchange["operation"] != "realtime":
        return
    for usage in usages(document):
        for count, details in (
            ("responseTokenCount", "responseTokensDetails"),
            ("candidatesTokenCount", "candidatesTokensDetails"),
            ("promptTokenCount", "promptTokensDetails"),
        ):
            if details in usage:
                usage[count] = sum(each.get("tokenCount", 0) for each in usage[details])


def _thoughts_within(document: Json, exchange: Exchange) -> None:
    """Take the thoughts of a Live frame for a part of its response."""
    if exchange["operation"] == "realtime":
        for usage in usages(document):
            usage.pop("thoughtsTokenCount", None)


def _first_named(exchange: Exchange) -> UsageRecord:
    """Read what a session transcribes with from its first event alone."""
    changed: list[Json] = [
        event
        for event in _events(exchange)
        if event.get("frame", {}).get("type") not in {"session.updated", "transcription_session.updated"}
    ]
    return extract(with_body(exchange, "events", changed) if _events(exchange) else exchange)


def _dropped_unrecorded(row: LedgerRow) -> tuple[LedgerRow, ...]:
    return () if row.operation == "realtime" and not row.complete else (row,)


SESSIONS = (
    Defect(
        "session-last-response",
        "a session is charged for its last response or turn alone",
        "aggregation-error",
        "https://github.com/pydantic/pydantic-ai/pull/5904",
        ("AUB-CHG-17f0", "AUB-GEM-87ee", "AUB-GEM-ee57", "AUB-GWY-e8e3", "AUB-OAI-17ce", "AUB-OAI-23ed"),
        replace(SOUND, read=_last_usage_alone),
    ),
    Defect(
        "input-transcription-lost",
        "the transcription of a session's input, a model of its own, is not charged",
        "realtime-input-transcription",
        "https://github.com/livekit/agents/pull/5029",
        (
            "AUB-AZU-0f0d",
            "AUB-CHG-a645",
            "AUB-CHG-b5cd",
            "AUB-CHG-ea89",
            "AUB-GWY-3a9b",
            "AUB-OAI-17ce",
            "AUB-OAI-604a",
            "AUB-OAI-779a",
            "AUB-OAI-9857",
        ),
        replace(SOUND, read=_main_alone),
    ),
    Defect(
        "input-transcription-at-session-price",
        "the transcription of a session's input is charged at the session's model",
        "realtime-input-transcription",
        None,
        ("AUB-AZU-0f0d", "AUB-CHG-b5cd", "AUB-OAI-17ce", "AUB-OAI-604a"),
        replace(SOUND, read=_all_at_the_session_price),
    ),
    Defect(
        "session-without-usage-free",
        "a session whose events state no usage is recorded as free",
        "provider-reports-nothing",
        "https://github.com/ENTERPILOT/GoModel/pull/781",
        ("AUB-GWY-3a9b", "AUB-GWY-e8e3"),
        replace(SOUND, read=_unstated_is_nothing),
    ),
    Defect(
        "failed-response-free",
        "a response that failed or was cancelled is taken for one without tokens",
        "usage-not-propagated",
        "https://github.com/openai/openai-agents-python/pull/3812",
        ("AUB-CHG-b5cd", "AUB-GWY-3a9b", "AUB-GWY-e8e3", "AUB-OAI-0afc"),
        replace(SOUND, read=misread(_failed_is_nothing)),
    ),
    Defect(
        "turn-counted-twice",
        "one frame that ends a turn and calls a tool is counted twice",
        "aggregation-error",
        "https://github.com/BerriAI/litellm/pull/26590",
        ("AUB-GEM-ee57", "AUB-GWY-e8e3"),
        replace(SOUND, read=_twice_where_a_tool_is_called),
    ),
    Defect(
        "live-details-uncut",
        "the details of a Live frame are charged in full where they exceed its count",
        "provider-usage-wrong",
        "https://github.com/theopenco/llmgateway/pull/3315",
        ("AUB-CHG-5310", "AUB-GEM-87ee", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_details_as_they_stand)),
    ),
    Defect(
        "live-thoughts-within",
        "the thoughts of a Live turn are taken for part of its response",
        "subset-overlap",
        "https://github.com/theopenco/llmgateway/pull/3315",
        ("AUB-EXT-dd4f", "AUB-GEM-52e9", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_thoughts_within)),
    ),
    Defect(
        "session-settings-unread",
        "the model that transcribes a session's input is the one of its first event, whatever changes later",
        "model-resolution",
        None,
        (
            "AUB-AZU-0f0d",
            "AUB-CHG-a645",
            "AUB-CHG-b5cd",
            "AUB-CHG-ea89",
            "AUB-CHG-ec4c",
            "AUB-OAI-17ce",
            "AUB-OAI-779a",
        ),
        replace(SOUND, read=_first_named),
    ),
    Defect(
        "session-dropped-unrecorded",
        "a session that breaks off without a close is not recorded",
        "stream-or-abort-usage-lost",
        "https://github.com/huggingface/speech-to-speech/issues/456",
        ("AUB-GWY-888a", "AUB-GWY-e8e3"),
        replace(SOUND, rows=_dropped_unrecorded),
    ),
)
"""Defects of this kind."""
