"""The six payloads that every calculator is asked to price, each with what it costs by hand.

All are cases of the corpus. What a case expects was worked out by hand from the provider's documents or from
recorded figures (its `why` has the arithmetic), so no calculator here is the measure of another.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FIXTURES", "Payload", "Rates", "mixed", "parsed", "payloads"]

Rates: TypeAlias = "Mapping[str, tuple[Decimal, Decimal]]"
"""Price of a quantity: an amount in USD for so many units."""

FIXTURES: Final = Path(__file__).resolve().parents[2] / "fixtures"
_AUDIO_BYTES: Final = 192 * 1024  # 256 KiB in base64


@dataclass(frozen=True, slots=True)
class Payload:
    """One answer of a provider, or the request where the answer is only audio."""

    name: str
    case: str
    head: Mapping[str, Any] = field(repr=False)
    """The exchange without what travels in the messages: provider, surface, operation, model, at."""

    messages: tuple[bytes, ...] = field(repr=False)
    """What has to be parsed: the body, each event of a session, or the request of a speech."""

    quantities: Mapping[str, int]
    """The usage that the case expects; for a tool that takes counts and reads no answers."""

    book: Path
    rates: Rates
    """The one entry of the price book for the model."""

    expected: Decimal
    why: str
    """The arithmetic of what is expected."""

    @property
    def model(self) -> str:
        """The model that is priced."""
        return str(self.head["model"])

    @property
    def operation(self) -> str:
        """What was asked for: chat, transcription, realtime or speech."""
        return str(self.head["operation"])


def parsed(messages: tuple[bytes, ...]) -> list[Any]:
    """Return the messages as the standard library reads them."""
    return [json.loads(message) for message in messages]


def payloads() -> tuple[Payload, ...]:
    """Return the payloads for calculators."""
    chat, transcription, gemini, realtime, speech = mixed()
    return chat, _with_long_audio(chat), transcription, _at_list_prices(gemini), realtime, speech


def mixed() -> tuple[Payload, ...]:
    """Return the payloads for a log: small, and all priced by one book."""
    return (
        _of_case("audio chat", "openai/chat-audio-in-audio-out"),
        _of_case("transcription", "openai/transcription-4o-json"),
        _of_case("Gemini with cached audio", "gemini/generate-cached-audio"),
        _of_case("realtime session", "openai/realtime-mostly-cached"),
        _of_case("speech (TTS)", "openai/speech-tts-1-binary"),
    )


def _of_case(name: str, case: str) -> Payload:
    """Return the payload of a case with one exchange."""
    document = _read(FIXTURES / f"cases/{case}.json")
    exchange: dict[str, Any] = document["given"]["upstream"][0]["answers"][0]["exchange"]
    book = FIXTURES / document["given"]["prices"]
    head = {key: exchange[key] for key in ("provider", "surface", "operation", "model", "at")}
    return Payload(
        name=name,
        case=case,
        head=head,
        messages=_messages(exchange),
        quantities=document["then"]["usage"]["quantities"],
        book=book,
        rates=_rates(book, head),
        expected=Decimal(document["then"]["charge"]["total"]),
        why=document["why"],
    )


def _messages(exchange: Mapping[str, Any]) -> tuple[bytes, ...]:
    response = exchange["response"]
    if "json_file" in response:
        return ((FIXTURES / response["json_file"]).read_bytes(),)
    if "events_file" in response:  # a client that bills reads what the server says
        entries = _read(FIXTURES / response["events_file"])
        return tuple(_text(entry["frame"]) for entry in entries if entry["from"] == "server")
    return (_text(exchange["request"]["json"]),)


def _with_long_audio(chat: Payload) -> Payload:
    """Return the chat with as much audio as a real reply has; no number of its usage hangs on it."""
    body = json.loads(chat.messages[0])
    sound = base64.b64encode(bytes(range(256)) * (_AUDIO_BYTES // 256)).decode()
    body["choices"][0]["message"]["audio"]["data"] = sound
    return Payload(
        "audio chat, 256 KiB of base64",
        chat.case,
        chat.head,
        (json.dumps(body, indent=2).encode(),),
        chat.quantities,
        chat.book,
        chat.rates,
        chat.expected,
        chat.why,
    )


def _at_list_prices(payload: Payload) -> Payload:
    """Return the payload at Google's list prices, where text and video cost the same.

    The case itself prices cached video apart, and LiteLLM has no field for that: the row would be about it.
    """
    book = FIXTURES / "price-books/public-2026-11.json"
    return Payload(
        payload.name,
        payload.case,
        payload.head,
        payload.messages,
        payload.quantities,
        book,
        _rates(book, payload.head),
        Decimal("0.00062202"),
        "Cached: 284 of 321 audio, 73 of 83 text, 2561 of 2893 video. Fresh: 10 text, 332 video, 37 audio. "
        "Output: 55 and 95 of thoughts, 150. 342 x 0.30 = 102.6, 37 x 1.00 = 37, 2634 x 0.03 = 79.02, "
        "284 x 0.10 = 28.4, 150 x 2.50 = 375; together 622.02 millionths, 0.00062202.",
    )


def _rates(book: Path, head: Mapping[str, Any]) -> Rates:
    """Return the prices of the one entry for the model without a condition."""
    (entry,) = (
        entry
        for entry in _read(book)["entries"]
        if entry["provider"] == head["provider"]
        and head["model"] in entry["models"]
        and entry["from"] <= head["at"] < entry.get("until", "9999")
        and not entry.keys() & {"service_tier", "surface", "region"}
    )
    return {
        quantity: (Decimal(rate["amount"]), Decimal(rate["per"])) for quantity, rate in entry["rates"].items()
    }


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _text(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
