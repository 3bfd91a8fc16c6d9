"""Exchanges with Gemini for the tests of its extraction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract

if TYPE_CHECKING:
    from collections.abc import Iterable

    from decibill_reference.usage import UsageRecord

__all__ = ["answered", "chunk", "listed", "parts", "record_of", "refusal", "sse", "turn", "usage_of"]


def answered(
    response: dict[str, Any], operation: str = "chat", surface: str = "ai_studio", **more: Any
) -> dict[str, Any]:
    """Return an exchange with that response."""
    return {
        "provider": "gemini",
        "surface": surface,
        "operation": operation,
        "model": "gemini-2.5-flash",
        "at": "2026-11-01T09:30:00Z",
        "response": {"status": 200, "headers": {}, **response},
        **more,
    }


def record_of(usage: dict[str, Any], operation: str = "chat") -> UsageRecord:
    """Return the record of an answer with that `usageMetadata`."""
    return extract(answered({"json": {"usageMetadata": usage}}, operation))


def refusal(exchange: dict[str, Any]) -> tuple[str, str]:
    """Return the code and pointer with which an exchange is refused."""
    try:
        record = extract(exchange)
    except DecibillReferenceError as error:
        return error.code, error.pointer
    raise AssertionError(f"not refused: {record}")


def listed(**tokens: int | None) -> list[dict[str, Any]]:
    """Return a list of details; None leaves the count out."""
    return [
        {"modality": modality, **({} if count is None else {"tokenCount": count})}
        for modality, count in tokens.items()
    ]


def usage_of(prompt: int, output: int, **more: Any) -> dict[str, Any]:
    """Return a `usageMetadata` whose total is right, thoughts and tool use included."""
    beside = more.get("thoughtsTokenCount", 0) + more.get("toolUsePromptTokenCount", 0)
    return {
        "promptTokenCount": prompt,
        "candidatesTokenCount": output,
        "totalTokenCount": prompt + output + beside,
        **more,
    }


def chunk(usage: dict[str, Any] | None, **candidate: Any) -> dict[str, Any]:
    """Return one chunk of a stream."""
    candidates = [{"content": {"parts": [{"text": "…"}]}, "index": 0, **candidate}]
    return {"candidates": candidates, **({} if usage is None else {"usageMetadata": usage})}


def sse(chunks: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the response that streams those chunks."""
    return {"sse": "".join(f"data: {json.dumps(each)}\r\n\r\n" for each in chunks)}


def turn(usage: dict[str, Any] | None = None, **content: Any) -> dict[str, Any]:
    """Return a server frame of a session."""
    frame = {"serverContent": content, **({} if usage is None else {"usageMetadata": usage})}
    return {"from": "server", "frame": frame}


def parts(record: UsageRecord, direction: str) -> dict[str, tuple[int, str]]:
    """Return what a direction is made of, by modality, each with its basis."""
    ending = f"_{direction}_tokens"
    return {
        name.removesuffix(ending): (int(value), record.basis[name])
        for name, value in record.quantities.items()
        if name.endswith(ending)
    }
