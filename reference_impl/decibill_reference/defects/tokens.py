"""Defects in reading the token counts of OpenAI's and Azure's answers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from decibill_reference.defects.defect import Defect
from decibill_reference.defects.edits import json_objects, misread, requested, usages
from decibill_reference.gateway_metering import SOUND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decibill_reference.defects.edits import Exchange, Json

__all__ = ["TOKENS"]

_INPUT_DETAILS = ("input_token_details", "input_tokens_details", "prompt_tokens_details")
_OUTPUT_DETAILS = ("output_token_details", "output_tokens_details", "completion_tokens_details")
_CANONICAL = {"transcription": "input_token_details", "chat": "prompt_tokens_details"}
_KNOWN = ("input_tokens", "output_tokens", "total_tokens", "prompt_tokens", "completion_tokens", "seconds")


def _details(usage: Json, names: tuple[str, ...]) -> Iterator[Json]:
    for name in names:
        if isinstance(usage.get(name), dict):
            yield usage[name]


def _add(usage: Json, names: tuple[str, ...], count: int) -> None:
    """Add to the counts of these names, where there are such."""
    for name in names:
        if isinstance(usage.get(name), int):
            usage[name] += count


def _without_details(document: Json, exchange: Exchange) -> None:
    if exchange["operation"] == "transcription":
        _drop_details(document)


def _without_details_of_sessions(document: Json, exchange: Exchange) -> None:
    if exchange["operation"] == "realtime":
        _drop_details(document)


def _drop_details(document: Json) -> None:
    for usage in usages(document):
        for name in [name for name in usage if name.lower().endswith(("_details", "tokensdetails"))]:
            del usage[name]


def _one_spelling(document: Json, exchange: Exchange) -> None:
    known = _CANONICAL.get(exchange["operation"])
    for usage in usages(document):
        for name in _INPUT_DETAILS:
            if known is not None and name != known:
                usage.pop(name, None)


def _own_names_only(document: Json, exchange: Exchange) -> None:
    if exchange["operation"] == "transcription":
        for usage in usages(document):
            usage.pop("prompt_tokens", None)
            usage.pop("completion_tokens", None)


def _total_taken_for_text(document: Json, _: Exchange) -> None:
    for usage in usages(document):
        for name in ("input_tokens", "prompt_tokens"):
            for details in _details(usage, _INPUT_DETAILS):
                audio = details.get("audio_tokens")
                if name in usage and audio and "text_tokens" not in details:
                    details["text_tokens"] = usage[name]
                    usage[name] += audio
                    usage["total_tokens"] = usage.get("total_tokens", 0) + audio


def _unknown_members_added(document: Json, _: Exchange) -> None:
    for usage in usages(document):
        extra = sum(
            value
            for name, value in usage.items()
            if name not in _KNOWN and isinstance(value, int) and not isinstance(value, bool)
        )
        _add(usage, ("output_tokens", "completion_tokens"), extra)


def _seconds_before_type(document: Json, _: Exchange) -> None:
    for usage in usages(document):
        if usage.get("type") != "duration" and usage.get("seconds"):
            usage["type"] = "duration"


def _tokens_before_type(document: Json, _: Exchange) -> None:
    for usage in usages(document):
        if usage.get("type") == "duration" and "input_tokens" in usage:
            usage["type"] = "tokens"


def _chat_without_details_is_text(document: Json, exchange: Exchange) -> None:
    if exchange["operation"] != "chat":
        return
    for usage in usages(document):
        if "prompt_tokens" in usage and not any(name in usage for name in _INPUT_DETAILS):
            usage["prompt_tokens_details"] = {"text_tokens": usage["prompt_tokens"], "audio_tokens": 0}
        if "completion_tokens" in usage and not any(name in usage for name in _OUTPUT_DETAILS):
            text = {"text_tokens": usage["completion_tokens"], "audio_tokens": 0}
            usage["completion_tokens_details"] = text


def _transcription_without_details_is_text(document: Json, exchange: Exchange) -> None:
    if exchange["operation"] != "transcription":
        return
    for usage in usages(document):
        if "input_tokens" in usage and not any(name in usage for name in _INPUT_DETAILS):
            usage["input_token_details"] = {"text_tokens": usage["input_tokens"], "audio_tokens": 0}


def _output_from_the_total(document: Json, _: Exchange) -> None:
    for usage in usages(document):
        for whole, part in (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")):
            if {whole, part, "total_tokens"} <= set(usage) and isinstance(usage["total_tokens"], int):
                usage[part] = usage["total_tokens"] - usage[whole]


def _own_members_ignored(document: Json, _: Exchange) -> None:
    own = ("audio_input_tokens", "audio_output_tokens", "audio_duration_seconds", "audio_seconds")
    for usage in usages(document):
        for name in own:
            usage.pop(name, None)


def _replayed_audio_unseen(document: Json, exchange: Exchange) -> None:
    if not any("audio" in each for each in json_objects(requested(exchange).get("messages"))):
        return
    _unsee(document, "audio_tokens", "prompt_tokens")


def _heard_again(document: Json, exchange: Exchange) -> None:
    """Add the audio of a message once more for every message after it."""
    messages = json_objects(requested(exchange).get("messages"))
    heard = [place for place, message in enumerate(messages) if '"input_audio"' in json.dumps(message)]
    again = len(messages) - 1 - heard[-1] if heard else 0
    for usage in usages(document) if again else ():
        for details in _details(usage, _INPUT_DETAILS):
            audio = details.get("audio_tokens", 0)
            _add(details, ("audio_tokens",), audio * again)
            _add(usage, ("prompt_tokens", "total_tokens"), audio * again)


def _prompt_unseen(document: Json, exchange: Exchange) -> None:
    if exchange["operation"] != "transcription":
        return
    _unsee(document, "text_tokens", "input_tokens")


def _unsee(document: Json, part: str, whole: str) -> None:
    """Take one modality out of the input."""
    for usage in usages(document):
        for details in _details(usage, _INPUT_DETAILS):
            unseen = details.get(part, 0)
            if isinstance(unseen, int):
                details[part] = 0
                _add(usage, (whole, "total_tokens"), -unseen)


def _diarized_by_duration(document: Json, _: Exchange) -> None:
    speakers = any(isinstance(each, dict) and "speaker" in each for each in document.get("segments") or ())
    if speakers and "duration" in document:
        document["usage"] = {"type": "duration", "seconds": document["duration"]}


TOKENS = (
    Defect(
        "details-dropped",
        "of a transcription the totals are kept and their split by modality is not",
        "detail-field-lost",
        "https://github.com/pipecat-ai/pipecat/pull/5050",
        ("AUB-EXT-2633", "AUB-EXT-5812", "AUB-OAI-7b0d"),
        replace(SOUND, read=misread(_without_details)),
    ),
    Defect(
        "session-details-dropped",
        "of a session the totals are kept and their split by modality is not",
        "detail-field-lost",
        "https://github.com/pipecat-ai/pipecat/pull/5050",
        (
            "AUB-AZU-0f0d",
            "AUB-AZU-9209",
            "AUB-AZU-b359",
            "AUB-CHG-17f0",
            "AUB-EXT-74ed",
            "AUB-EXT-dd4f",
            "AUB-GEM-52e9",
            "AUB-GEM-87ee",
            "AUB-GEM-ee57",
            "AUB-GWY-e8e3",
            "AUB-OAI-17ce",
            "AUB-OAI-1bdd",
            "AUB-OAI-23ed",
            "AUB-OAI-2b98",
            "AUB-OAI-779a",
            "AUB-OAI-eccf",
            "AUB-OAI-f9eb",
        ),
        replace(SOUND, read=misread(_without_details_of_sessions)),
    ),
    Defect(
        "one-spelling-of-details",
        "details are read under the name that the endpoint's own page gives them, and no other",
        "detail-field-lost",
        "https://github.com/sierra-research/tau2-bench/pull/454",
        ("AUB-EXT-2633", "AUB-EXT-5812", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_one_spelling)),
    ),
    Defect(
        "chat-names-unread",
        "a transcription's counts are not read under the names of chat",
        "usage-not-propagated",
        "https://github.com/BerriAI/litellm/issues/17302",
        ("AUB-EXT-2633", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_own_names_only)),
    ),
    Defect(
        "total-taken-for-text",
        "where the details name audio alone, the whole total is taken for text beside it",
        "subset-overlap",
        "https://github.com/sanand0/aipipe/pull/14",
        ("AUB-EXT-5812", "AUB-EXT-7d80", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_total_taken_for_text)),
    ),
    Defect(
        "unknown-members-added",
        "every number of a usage object is added up as tokens",
        "subset-overlap",
        "https://github.com/langfuse/langfuse/pull/15415",
        ("AUB-EXT-74ed", "AUB-GWY-e8e3", "AUB-USE-6266"),
        replace(SOUND, read=misread(_unknown_members_added)),
    ),
    Defect(
        "seconds-before-type",
        "seconds are billed wherever they stand, whatever type the usage has",
        "wrong-billing-unit",
        "https://github.com/xorbitsai/xagent/pull/997",
        ("AUB-EXT-28aa", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_seconds_before_type)),
    ),
    Defect(
        "tokens-before-type",
        "tokens are billed wherever they stand, also where the usage is a duration",
        "unit-mismatch-card-vs-usage",
        "https://github.com/Portkey-AI/models/pull/931",
        ("AUB-EXT-6f40", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_tokens_before_type)),
    ),
    Defect(
        "chat-without-details-as-text",
        "tokens whose modality nobody states are taken for text",
        "audio-misrated",
        "https://github.com/MemberJunction/MJ/issues/4558",
        ("AUB-CHG-0d16", "AUB-EXT-0636", "AUB-GWY-e8e3"),
        replace(SOUND, read=misread(_chat_without_details_is_text)),
    ),
    Defect(
        "upload-tokens-as-text",
        "a transcription's input without details is taken for text",
        "audio-misrated",
        "https://github.com/MemberJunction/MJ/issues/4558",
        ("AUB-CHG-f286", "AUB-EXT-1597", "AUB-GWY-e8e3", "AUB-USE-6266"),
        replace(SOUND, read=misread(_transcription_without_details_is_text)),
    ),
    Defect(
        "output-from-the-total",
        "output is what the total leaves after the input, whatever output the provider states",
        "usage-not-propagated",
        None,
        ("AUB-GWY-e8e3", "AUB-USE-a8e5"),
        replace(SOUND, read=misread(_output_from_the_total)),
    ),
    Defect(
        "metered-upstream-ignored",
        "usage that an earlier gateway has put into the normal form is read again as if it had not",
        "unit-dropped",
        "https://github.com/ENTERPILOT/GoModel/pull/750",
        ("AUB-GWY-e8e3", "AUB-USE-6266"),
        replace(SOUND, read=misread(_own_members_ignored)),
    ),
    Defect(
        "replayed-audio-unseen",
        "audio of earlier turns, replayed by its id, is not charged, since the request does not hold it",
        "aggregation-error",
        "https://github.com/openai/openai-realtime-console/issues/50",
        ("AUB-EXT-d606", "AUB-GWY-e8e3", "AUB-OAI-7f05"),
        replace(SOUND, read=misread(_replayed_audio_unseen)),
    ),
    Defect(
        "audio-heard-again",
        "the audio of one message is added again for every message after it",
        "aggregation-error",
        "https://github.com/Laisky/one-api/commit/874bab81",
        ("AUB-GWY-e8e3", "AUB-USE-dd54"),
        replace(SOUND, read=misread(_heard_again)),
    ),
    Defect(
        "prompt-unseen",
        "a transcription is charged for its audio alone, without the text of its prompt",
        "catalog-missing-meter",
        "https://github.com/pydantic/genai-prices/pull/353",
        ("AUB-EXT-5812", "AUB-GWY-e8e3", "AUB-OAI-7b0d"),
        replace(SOUND, read=misread(_prompt_unseen)),
    ),
    Defect(
        "diarized-by-duration",
        "a diarized transcription is charged by its duration, which it states beside its tokens",
        "wrong-billing-unit",
        "https://github.com/livekit/agents/pull/4542",
        ("AUB-EXT-6f40", "AUB-GWY-e8e3", "AUB-OAI-b3e6"),
        replace(SOUND, read=misread(_diarized_by_duration)),
    ),
)
"""Defects of this kind."""
