"""What the client received: a JSON body, or the events of a stream, and the usage object in it.

The usage object of a dialect is read from the recorded answer and from the delivered one by the same rules.
A place is declared for every quantity that either states, so that usage that the provider never sent is not
missed in the gateway's answer, and usage that it did send is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard, cast

from decibill import jsonio
from decibill.errors import InvalidFileError
from decibill.observe_elevenlabs import elevenlabs_usage
from decibill.observe_gemini import gemini_usage
from decibill.pointer import MISSING, resolve

__all__ = ["documents", "first_place", "last_with", "usage_of", "with_the_rest_as_text"]

_MOST_EVENTS = 20_000
_INPUT_DETAILS = ("input_token_details", "input_tokens_details", "prompt_tokens_details")
_OUTPUT_DETAILS = ("output_token_details", "output_tokens_details", "completion_tokens_details")
_OWN_TOKENS = ("audio_input_tokens", "audio_output_tokens")
_MODALITIES = ("text", "audio", "image", "video")


def documents(body: bytes, content_type: str) -> tuple[tuple[Any, ...], str | None]:
    """Return the JSON documents in *body*, in order, and why there are none.

    A stream of server-sent events has one document for each event whose data is JSON.
    """
    if not body:
        return (), None
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        return tuple(_events(body)), None
    if kind and "json" not in kind:
        return (), None
    try:
        return (jsonio.loads(body, "the answer"),), None
    except InvalidFileError as error:
        return (), f"the answer says it is {kind or 'of no type'}, but is {error.problem}"


def _events(body: bytes) -> Iterator[Any]:
    """Yield the JSON data of server-sent events; data that is no JSON, such as ``[DONE]``, is passed over."""
    data: list[str] = []
    lines = body.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    for count, line in enumerate(lines.split("\n")):
        if count > _MOST_EVENTS * 10:
            return
        field, _, value = line.partition(":")
        if field == "data":
            data.append(value.removeprefix(" "))
        elif line == "" and data:
            with contextlib.suppress(InvalidFileError):
                yield jsonio.loads("\n".join(data), "an event")
            data = []


def last_with(found: Sequence[Any], pointer: str) -> Any:
    """Return the value at *pointer* in the last document that has it, or `MISSING`."""
    for document in reversed(found):
        value = resolve(document, pointer)
        if value is not MISSING:
            return value
    return MISSING


def first_place(found: Sequence[Any], pointers: Sequence[str]) -> tuple[str, Any]:
    """Return the first of *pointers* that leads somewhere, with its value; else the first and `MISSING`."""
    for pointer in pointers:
        value = last_with(found, pointer)
        if value is not MISSING:
            return pointer, value
    return pointers[0], MISSING


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def usage_of(found: Sequence[Any], headers: Mapping[str, str] | None = None) -> dict[str, tuple[str, Any]]:
    """Return the quantities that an answer states, each with its pointer or header and its value.

    An answer with `usageMetadata` is Gemini's, one with the members or headers of ElevenLabs is theirs, and
    every other is read in OpenAI's style.
    The three spellings of the details, the flat usage of speech and transcription, and usage under decibill's
    own names are read alike. OpenAI's counts are inclusive. The usage is the last that is not null, wherever
    in a stream it stands; its type decides between tokens and seconds, and without a type tokens win
    (AUB-EXT-6f40, AUB-EXT-28aa). The provider's own total is not read: it may hold more than its parts.
    """
    known = gemini_usage(found)
    if known is None:
        known = elevenlabs_usage(found, headers or {})
    return _openai_usage(found) if known is None else known


def with_the_rest_as_text(
    stated: Mapping[str, tuple[str, Any]], sent: Mapping[str, tuple[str, Any]]
) -> dict[str, tuple[str, Any]]:
    """Return *stated* with the text of an answer that was made of Gemini's into one of OpenAI's style.

    OpenAI's own chat names the audio in its details and leaves the text to be worked out (AUB-EXT-7d80), so
    a text that follows has reached the caller.
    """
    result = dict(stated)
    if not any(place.startswith("/usageMetadata") for place, _ in sent.values()):
        return result
    for direction in ("input", "output"):
        text, audio, total = (f"{part}{direction}_tokens" for part in ("text_", "audio_", ""))
        if text in sent and text not in stated and {audio, total} <= set(stated):
            (at, whole), (_, part) = stated[total], stated[audio]
            if type(whole) is int and type(part) is int and at.startswith("/usage/"):
                result[text] = (f"{at} less the audio", whole - part)
    return result


def _openai_usage(found: Sequence[Any]) -> dict[str, tuple[str, Any]]:
    stated: dict[str, tuple[str, Any]] = {}
    usage: Mapping[str, Any] = {}
    for document in found:
        part = resolve(document, "/usage")
        usage = part if _is_object(part) else usage
    if usage.get("type") != "duration":
        _totals(usage, stated)
        for names, direction in ((_INPUT_DETAILS, "input"), (_OUTPUT_DETAILS, "output")):
            for name in names:
                details = usage.get(name)
                if _is_object(details):
                    _details(details, f"/usage/{name}", direction, stated)
                    break
        _put_reasoning_into_text(stated)
        for name in _OWN_TOKENS:
            if name not in stated:
                _put(stated, name, f"/usage/{name}", usage.get(name, MISSING))
    if not stated:
        for name in ("seconds", "audio_duration_seconds", "audio_seconds"):
            _put(stated, "audio_duration_seconds", f"/usage/{name}", usage.get(name, MISSING))
        name = "media_duration_seconds" if stated else "audio_duration_seconds"
        _put(stated, name, "/duration", last_with(found, "/duration"))
    _put(stated, "tts_characters", "/usage/tts_characters", usage.get("tts_characters", MISSING))
    return stated


def _totals(usage: Mapping[str, Any], stated: dict[str, tuple[str, Any]]) -> None:
    for direction, names in (
        ("input", ("input_tokens", "prompt_tokens")),
        ("output", ("output_tokens", "completion_tokens")),
    ):
        for name in names:
            if name in usage:
                _put(stated, f"{direction}_tokens", f"/usage/{name}", usage[name])
                break


def _details(details: Mapping[str, Any], at: str, direction: str, stated: dict[str, tuple[str, Any]]) -> None:
    for modality in _MODALITIES:
        name = f"{modality}_tokens"
        _put(stated, f"{modality}_{direction}_tokens", f"{at}/{name}", details.get(name, MISSING))
    if direction == "output":
        _put(
            stated,
            "reasoning_output_tokens",
            f"{at}/reasoning_tokens",
            details.get("reasoning_tokens", MISSING),
        )
        return
    _put(stated, "cached_input_tokens", f"{at}/cached_tokens", details.get("cached_tokens", MISSING))
    split = cast("Any", details.get("cached_tokens_details"))
    if _is_object(split):
        for modality in _MODALITIES:
            value = split.get(f"{modality}_tokens", MISSING)
            place = f"{at}/cached_tokens_details/{modality}_tokens"
            _put(stated, f"cached_{modality}_input_tokens", place, value)


def _put_reasoning_into_text(stated: dict[str, tuple[str, Any]]) -> None:
    """State the text with the reasoning in it, as a record has it, where the counts say that it is beside.

    A gateway that answers in OpenAI's style for a provider that counts thoughts apart may leave them apart.
    """
    parts = [stated[name] for name in stated if name.endswith("_output_tokens") and name != "output_tokens"]
    text, reasoning = stated.get("text_output_tokens"), stated.get("reasoning_output_tokens")
    if text is None or reasoning is None or not all(type(value) is int for _, value in parts):
        return
    _, total = stated.get("output_tokens", ("", None))
    if type(total) is int and sum(value for _, value in parts) == total:
        stated["text_output_tokens"] = (f"{text[0]} + reasoning_tokens", text[1] + reasoning[1])


def _put(stated: dict[str, tuple[str, Any]], name: str, place: str, value: Any) -> None:
    if value is not MISSING:
        stated[name] = (place, value)
