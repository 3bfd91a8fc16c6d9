"""Usage as Gemini states it: `usageMetadata`, whole or told in pieces by the chunks of a stream.

Its counts stand beside each other: thoughts are outside the visible output and tool-use prompts outside the
prompt, and are added here, because a record has them inside. Every member is taken from the last chunk that
has it. What no list names is not stated here; that a gateway may work it out is its own affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from decibill.pointer import MISSING, resolve

__all__ = ["gemini_usage"]

_AT = "/usageMetadata"
_OUTPUT = ("candidatesTokenCount", "responseTokenCount")
_OUTPUT_DETAILS = ("candidatesTokensDetails", "responseTokensDetails")
_INPUT_MODALITIES = {
    "MODALITY_UNSPECIFIED": "text",
    "TEXT": "text",
    "AUDIO": "audio",
    "IMAGE": "image",
    "DOCUMENT": "image",
    "VIDEO": "video",
}
_OUTPUT_MODALITIES = {"MODALITY_UNSPECIFIED": "text", "TEXT": "text", "AUDIO": "audio"}


def gemini_usage(found: Sequence[Any]) -> dict[str, tuple[str, Any]] | None:
    """Return the quantities in the `usageMetadata` of *found*, each with its place; None where there is none.

    Args:
        found: the documents of an answer; an array of chunks, the other form of a stream, is one document.
    """
    usage: dict[str, Any] = {}
    for document in _chunks(found):
        part = resolve(document, _AT)
        if _is_object(part):
            usage.update({name: value for name, value in part.items() if value is not None})
    if not usage:
        return None
    stated: dict[str, tuple[str, Any]] = {}
    thoughts = _known(usage, ("thoughtsTokenCount",))
    _whole("input_tokens", (("promptTokenCount",), ("toolUsePromptTokenCount",)), usage, stated)
    _parts("input", ("promptTokensDetails", "toolUsePromptTokensDetails"), usage, stated)
    _whole("cached_input_tokens", (("cachedContentTokenCount",),), usage, stated)
    _parts("input", ("cacheTokensDetails",), usage, stated, prefix="cached_")
    _whole("output_tokens", (_OUTPUT, ("thoughtsTokenCount",)), usage, stated)
    _parts("output", _OUTPUT_DETAILS, usage, stated)
    _whole("reasoning_output_tokens", (("thoughtsTokenCount",),), usage, stated)
    text = stated.get("text_output_tokens")
    if text is not None and thoughts is not None:  # thoughts are text
        stated["text_output_tokens"] = (f"{text[0]} + thoughtsTokenCount", _sum((text[1], usage[thoughts])))
    seconds = resolve(usage, "/billablePromptUsage/audioDurationSeconds")
    if seconds is not MISSING:
        stated["media_duration_seconds"] = (f"{_AT}/billablePromptUsage/audioDurationSeconds", seconds)
    return stated


def _chunks(found: Sequence[Any]) -> Iterator[Any]:
    for document in found:
        if _is_list(document):
            yield from document
        else:
            yield document


def _whole(
    quantity: str,
    terms: tuple[tuple[str, ...], ...],
    usage: Mapping[str, Any],
    stated: dict[str, tuple[str, Any]],
) -> None:
    """State a quantity as the sum of the counts that are there; the first is what the others are added to."""
    names = [name for term in terms if (name := _known(usage, term)) is not None]
    if names:
        stated[quantity] = (f"{_AT}/{' + '.join(names)}", _sum([usage[name] for name in names]))


def _known(usage: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in usage), None)


def _parts(
    direction: str,
    lists: tuple[str, ...],
    usage: Mapping[str, Any],
    stated: dict[str, tuple[str, Any]],
    prefix: str = "",
) -> None:
    modalities = _INPUT_MODALITIES if direction == "input" else _OUTPUT_MODALITIES
    for name in lists:
        entries = usage.get(name)
        for entry in entries if _is_list(entries) else ():
            modality = modalities.get(str(entry.get("modality", "TEXT"))) if _is_object(entry) else None
            if modality is None:
                continue
            quantity = f"{prefix}{modality}_{direction}_tokens"
            count = entry.get("tokenCount", 0)  # a zero is left out
            before = stated.get(quantity)
            place = f"{_AT}/{name}/{entry.get('modality')}"
            stated[quantity] = (place, count) if before is None else (before[0], _sum((before[1], count)))


def _sum(values: Sequence[Any]) -> Any:
    """Return the sum of counts; the first value that is no count stands for all, to be called unreadable."""
    total = 0
    for value in values:
        if type(value) is not int:
            return value
        total += value
    return total


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
