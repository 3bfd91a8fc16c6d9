"""Defects in reading Gemini's usage."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from decibill_reference.defects.defect import Defect
from decibill_reference.defects.edits import misread, usages
from decibill_reference.extract import extract
from decibill_reference.gateway_metering import SOUND
from decibill_reference.gateway_stream import GeminiDigest

if TYPE_CHECKING:
    from decibill_reference.defects.edits import Exchange, Json
    from decibill_reference.gateway_stream import StreamDigest
    from decibill_reference.usage import UsageRecord

__all__ = ["GEMINI"]


def _less(usage: Json, name: str) -> None:
    """Forget a count, and that the total holds it."""
    left = usage.pop(name, 0)
    if left and "totalTokenCount" in usage:
        usage["totalTokenCount"] -= left


def _without_thoughts(document: Json, _: Exchange) -> None:
    for usage in usages(document):
        _less(usage, "thoughtsTokenCount")


def _without_tool_use(document: Json, _: Exchange) -> None:
    for usage in usages(document):
        _less(usage, "toolUsePromptTokenCount")
        usage.pop("toolUsePromptTokensDetails", None)


def _without_hidden_thoughts(document: Json, exchange: Exchange) -> None:
    if exchange["provider"] == "gemini":
        for usage in usages(document):
            if "prompt_tokens" in usage and "completion_tokens" in usage:
                usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]


def _speech_as_text(document: Json, exchange: Exchange) -> None:
    if exchange["operation"] == "speech":
        for usage in usages(document):
            count = usage.get("candidatesTokenCount")
            if count and "candidatesTokensDetails" not in usage:
                usage["candidatesTokensDetails"] = [{"modality": "TEXT", "tokenCount": count}]


def _absent_is_zero(document: Json, _: Exchange) -> None:
    for usage in usages(document):
        if "promptTokenCount" in usage:
            usage.setdefault("candidatesTokenCount", 0)


def _entries_counted(document: Json, _: Exchange) -> None:
    for usage in usages(document):
        for name in usage:
            if name.endswith("TokensDetails"):
                _count_entries(usage[name])


def _count_entries(details: list[Any]) -> None:
    audio = [each for each in details if each.get("modality") == "AUDIO" and each.get("tokenCount")]
    for each in audio:
        details.append({"modality": "TEXT", "tokenCount": each["tokenCount"] - 1})
        each["tokenCount"] = 1


class _SummingDigest(GeminiDigest):
    """A digest that takes every chunk's counts for its own."""

    def _joined(self, before: object, value: object) -> object:
        return before + value if isinstance(before, int) and isinstance(value, int) else value


def _summing(kind: type[StreamDigest]) -> StreamDigest:
    return _SummingDigest() if kind is GeminiDigest else kind()


def _standard_tier(exchange: Exchange) -> UsageRecord:
    return extract(exchange)._replace(service_tier=None)


GEMINI = (
    Defect(
        "thoughts-unbilled",
        "thoughts, which Gemini counts outside the visible output, are not charged",
        "usage-not-propagated",
        "https://github.com/router-for-me/CLIProxyAPI/issues/5733",
        (
            "AUB-EXT-dd4f",
            "AUB-GEM-52e9",
            "AUB-GEM-9697",
            "AUB-GEM-9c30",
            "AUB-GEM-ea33",
            "AUB-GWY-1cf8",
            "AUB-GWY-897f",
            "AUB-GWY-e8e3",
        ),
        replace(SOUND, read=misread(_without_thoughts)),
    ),
    Defect(
        "tool-use-unbilled",
        "the tokens of tool-use prompts are not charged",
        "detail-field-lost",
        "https://github.com/tutur3u/platform/pull/5293",
        ("AUB-GEM-9697", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_without_tool_use)),
    ),
    Defect(
        "hidden-thoughts-unbilled",
        "thoughts that only the total of the OpenAI-compatible endpoint holds are not charged",
        "provider-usage-wrong",
        "https://github.com/router-for-me/CLIProxyAPI/issues/5733",
        ("AUB-GEM-15d6", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_without_hidden_thoughts)),
    ),
    Defect(
        "speech-output-as-text",
        "speech without details of its output is charged as text",
        "audio-misrated",
        "https://github.com/BerriAI/litellm/pull/38412",
        ("AUB-CHG-c3cf", "AUB-GEM-688e", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_speech_as_text)),
    ),
    Defect(
        "absent-count-is-zero",
        "an output count that is missing is taken for no output",
        "zero-vs-unknown",
        "https://github.com/langchain-ai/langchain-google/issues/1821",
        ("AUB-CHG-b5cd", "AUB-EXT-dd4f", "AUB-GEM-52e9", "AUB-GEM-87ee", "AUB-GEM-ee57", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_absent_is_zero)),
    ),
    Defect(
        "modality-entries-counted",
        "audio tokens are the number of the list's entries, not the counts in them",
        "detail-field-lost",
        "https://github.com/livekit/agents/issues/2426",
        (
            "AUB-EXT-dd4f",
            "AUB-GEM-3f25",
            "AUB-GEM-52e9",
            "AUB-GEM-5cb5",
            "AUB-GEM-87ee",
            "AUB-GEM-9697",
            "AUB-GEM-9c30",
            "AUB-GEM-ee57",
            "AUB-GWY-1cf8",
            "AUB-GWY-e8e3",
        ),
        replace(SOUND, read=misread(_entries_counted)),
    ),
    Defect(
        "stream-counts-summed",
        "the growing counts of a stream's chunks are added up",
        "cumulative-vs-delta",
        "https://github.com/kazunori279/interpretab/issues/16",
        ("AUB-GEM-ea33", "AUB-GWY-1cf8", "AUB-GWY-e8e3"),
        replace(SOUND, digest=_summing),
    ),
    Defect(
        "tier-ignored",
        "every call is charged at the standard price, whatever service tier the provider states",
        "tier-uplift-addon",
        "https://github.com/majiayu000/litellm-rs/pull/1247",
        ("AUB-CHG-57df", "AUB-CHG-ec4c", "AUB-PRC-a7a7"),
        replace(SOUND, read=_standard_tier),
    ),
)
"""Defects of this kind."""
