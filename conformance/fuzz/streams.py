"""Server-sent events: read whole, cut off, fed in pieces to the gateway's digest, and looked at by the suite.

Any bytes are a stream. A stream that is cut has a beginning of the events of the whole; a stream that is fed
to the digest in pieces of any size means what the whole means; and every stream is refused by a declared code
or becomes a record that holds together.
"""

from __future__ import annotations

import re
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from decibill import observe_body
from decibill_reference import sse
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.gateway_stream import GeminiDigest, StreamDigest

from fuzz import extraction
from fuzz.trees import changed_json, strings_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from decibill_reference.usage import UsageRecord

LARGEST: Final = 4000
"""Bytes of a seed; larger ones are slow and teach the same."""

HEADS: Final = (
    ("openai", "api", "chat", "gpt-audio", StreamDigest),
    ("openai", "api", "transcription", "gpt-4o-transcribe", StreamDigest),
    ("openai", "api", "speech", "gpt-4o-mini-tts", StreamDigest),
    ("gemini", "ai_studio", "chat", "gemini-2.5-flash", GeminiDigest),
    ("gemini", "ai_studio", "chat", "gemini-2.5-flash", StreamDigest),  # by OpenAI's dialect
)
_NOT_OF: Final = {
    GeminiDigest: (b'"usage"', b'"choices"'),
    StreamDigest: (b"usageMetadata", b"usage_metadata"),
}
"""What the streams of a dialect never hold: a gateway knows by which of the two it asked."""

_ENDS: Final = (b"\n", b"\r\n", b"\r")
_EVENT_END: Final = re.compile(rb"(?:\r\n|\n|\r){2}")


def seeds() -> Iterator[bytes]:
    """Yield the recorded streams, and the bodies that only claim to be one."""
    for path in sorted((extraction.FIXTURES / "upstream").glob("*/*.sse")):
        if path.stat().st_size <= LARGEST:
            yield path.read_bytes()
    yield b'{"usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}'


def changed(data: bytes, random: Random) -> bytes | None:
    """Return the stream with another event, other line ends, or its events in another order."""
    events = _EVENT_END.split(data)
    end = random.choice(_ENDS)
    for _ in range(random.choice((1, 1, 2))):
        place = random.randrange(len(events))
        choice = random.randrange(7)
        if choice < 3:
            head, colon, payload = events[place].partition(b"data:")
            new = changed_json(payload, random, words()) if colon else None
            if new is not None:
                events[place] = head + b"data: " + new
        elif choice == 3:
            events.insert(random.randrange(len(events) + 1), events[place])
        elif choice == 4 and len(events) > 1:
            del events[place]
        elif choice == 5:
            extra = random.choice(
                (b": x", b"event: speech.audio.done", b"data: [DONE]", b"data", b"id: 1", b"\xff")
            )
            events[place] = random.choice((extra + end + events[place], events[place] + end + extra))
        else:
            events[place] = events[place].replace(b", ", b"," + end + b"data: ", 1)
    return (end * 2).join(events)


@cache
def words() -> tuple[str, ...]:
    """Return the vocabulary of the recorded streams."""
    found: set[str] = set()
    for path in sorted((extraction.FIXTURES / "upstream").glob("*/*.sse")):
        for event in sse.events(path.read_bytes()):
            try:
                found.update(strings_of(extraction.jsonio.loads(event.data)))
            except DecibillReferenceError:
                continue
    return tuple(sorted(found))


def attempt(data: bytes) -> None:
    """Read one stream in every way."""
    number = zlib.crc32(data)
    whole = list(sse.events(data))
    beginning = list(sse.events(data[: number % (len(data) + 1)]))
    assert beginning == whole[: len(beginning)]
    observe_body.documents(data, "text/event-stream")
    for provider, surface, operation, model, digest in HEADS:
        got = outcome(provider, surface, operation, model, data.decode("utf-8", "replace"))
        if isinstance(got, DecibillReferenceError):
            assert got.code in extraction.REFUSALS, got
            continue
        extraction.check(got, thorough=number % 16 == 0)
        if any(member in data for member in _NOT_OF[digest]):
            continue
        fed = digest()
        size = number % 97 + 1
        for place in range(0, len(data), size):
            fed.feed(data[place : place + size])
        again = outcome(provider, surface, operation, model, fed.text())
        assert meaning(again) == meaning(got), (operation, meaning(again), meaning(got))


def outcome(
    provider: str, surface: str, operation: str, model: str, text: str
) -> UsageRecord | DecibillReferenceError:
    """Return the record of a streamed answer, or its refusal."""
    exchange: dict[str, Any] = {
        "provider": provider,
        "surface": surface,
        "operation": operation,
        "model": model,
        "at": "2026-06-01T10:00:00Z",
        "request": {"json": {"input": "Hello", "stream": True}},
        "response": {"status": 200, "sse": text},
    }
    try:
        return extract(exchange)
    except DecibillReferenceError as error:
        return error


def meaning(outcome: UsageRecord | DecibillReferenceError) -> object:
    """Return what a bill hangs on; where a number stood is another matter in a digest."""
    if isinstance(outcome, DecibillReferenceError):
        return outcome.code
    tier = (
        outcome.service_tier if outcome.quantities else None
    )  # it sets a price, and here is nothing to price
    return dict(outcome.quantities), dict(outcome.basis), outcome.unknown, tier
