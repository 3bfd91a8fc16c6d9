"""Defects in reading streams."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from decibill_reference.defects.defect import Defect
from decibill_reference.defects.edits import changed_documents, requested, with_body
from decibill_reference.extract import extract
from decibill_reference.gateway_metering import SOUND

if TYPE_CHECKING:
    from collections.abc import Callable

    from decibill_reference.defects.edits import Exchange, Json, Read
    from decibill_reference.usage import UsageRecord

__all__ = ["STREAMS"]

_DONE: Final = "data: [DONE]\n\n"


def _stream_as(change: Callable[[str], str]) -> Read:
    """Return a reading of streams as *change* leaves them."""

    def read(exchange: Exchange) -> UsageRecord:
        stream: Any = exchange["response"].get("sse")
        return extract(exchange if stream is None else with_body(exchange, "sse", change(stream)))

    return read


def _without_usage_of(kind: str) -> Read:
    def change(document: Json) -> None:
        if document.get("type") == kind:
            document.pop("usage", None)

    return lambda exchange: extract(changed_documents(exchange, change))


def _first_usage(exchange: Exchange) -> UsageRecord:
    seen: list[Json] = []

    def change(document: Json) -> None:
        if isinstance(document.get("usage"), dict):
            seen.append(document["usage"])
            document["usage"] = seen[0]

    return extract(changed_documents(exchange, change) if "sse" in exchange["response"] else exchange)


def _ended(stream: str) -> str:
    """Return a stream of chat that broke off as if it had ended."""
    if '"usage"' not in stream or "[DONE]" in stream or '"type"' in stream:
        return stream
    return stream[: stream.rfind("\n\n") + 2] + _DONE


def _line_by_line(stream: str) -> str:
    """Return what is left of a stream for a reader of lines that begin with ``data: {``."""
    lines = stream.split("\n")
    return "".join(f"{line}\n\n" for line in lines if line.startswith("data: ") and _is_whole(line[6:]))


def _is_whole(data: str) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return data.strip() == "[DONE]"
    return True


def _stream_expected(exchange: Exchange) -> UsageRecord:
    """Read the answer to a request for a stream as a stream, whatever it is."""
    form = cast("Json", exchange["request"].get("form", {}))
    asked = requested(exchange).get("stream") is True or form.get("stream") == "true"
    response = exchange["response"]
    if not asked or "text" not in response or response["status"] >= 400:
        return extract(exchange)
    return extract({**exchange, "response": {"status": response["status"], "headers": {}, "sse": ""}})


STREAMS = (
    Defect(
        "stream-usage-lost",
        "the usage at the end of a stream is not read",
        "stream-or-abort-usage-lost",
        "https://github.com/ferro-labs/ai-gateway/issues/281",
        ("AUB-CHG-57df", "AUB-EXT-d606", "AUB-GWY-1cf8", "AUB-GWY-e8e3", "AUB-OAI-2b10", "AUB-OAI-8527"),
        replace(SOUND, read=_stream_as(lambda _: "")),
    ),
    Defect(
        "transcription-stream-unread",
        "the usage in `transcript.text.done` is not read",
        "stream-or-abort-usage-lost",
        "https://github.com/api7/aisix/pull/865",
        ("AUB-GWY-1cf8", "AUB-GWY-e8e3", "AUB-OAI-8527"),
        replace(SOUND, read=_without_usage_of("transcript.text.done")),
    ),
    Defect(
        "speech-stream-unread",
        "the usage in `speech.audio.done` is not read",
        "stream-or-abort-usage-lost",
        None,
        ("AUB-CHG-57df", "AUB-EXT-1597", "AUB-EXT-dd4f", "AUB-GWY-e8e3", "AUB-OAI-2b10"),
        replace(SOUND, read=_without_usage_of("speech.audio.done")),
    ),
    Defect(
        "first-usage-of-stream",
        "the first usage of a stream is charged and the later ones are not looked at",
        "aggregation-error",
        "https://github.com/BerriAI/litellm/pull/38540",
        ("AUB-EXT-d606", "AUB-GWY-e8e3"),
        replace(SOUND, read=_first_usage),
    ),
    Defect(
        "cut-stream-charged",
        "a stream that broke off is charged by the usage that it happened to show",
        "stream-or-abort-usage-lost",
        "https://github.com/livekit/agents/issues/6584",
        ("AUB-EXT-463c", "AUB-GWY-e8e3"),
        replace(SOUND, read=_stream_as(_ended)),
    ),
    Defect(
        "stream-read-by-lines",
        "a stream is read line by line, each line taken for one event",
        "stream-or-abort-usage-lost",
        None,
        ("AUB-EXT-2a18", "AUB-GWY-e8e3"),
        replace(SOUND, read=_stream_as(_line_by_line)),
    ),
    Defect(
        "stream-expected",
        "what was asked for decides how an answer is read: a JSON body in place of a stream is lost",
        "usage-not-propagated",
        None,
        ("AUB-EXT-b80f", "AUB-GWY-e8e3"),
        replace(SOUND, read=_stream_expected),
    ),
)
"""Defects of this kind."""
