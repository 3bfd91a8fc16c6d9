"""Each named defect spoils the cases of its own kind, is caught by its requirements, and touches no other.

What a defect has to spoil is told from what the cases expect, worked out by hand, and not by the calculator.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from decibill_reference import jsonio
from decibill_reference.defects import DEFECTS
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.gateway_metering import SOUND, Seams
from decibill_reference.gateway_stream import GeminiDigest, StreamDigest
from decibill_reference.ledger import LedgerRow
from decibill_reference.prices import PriceBook

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = Path(__file__).parents[2] / "fixtures"
KINDS = {
    "json": "application/json",
    "text": "text/plain",
    "sse": "text/event-stream",
    "media": "audio/mpeg",
    "events": "application/json",
}


@dataclass(frozen=True, eq=False)
class Case:
    """One call of the corpus as the gateway meters it, and what is right."""

    id: str
    document: dict[str, Any]
    exchange: dict[str, Any]
    book: PriceBook
    body: bytes

    @property
    def quantities(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["then"].get("usage", {}).get("quantities", {})
        return found

    @property
    def charge(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["then"]["charge"]
        return found

    def line_quantities(self) -> set[str]:
        return {line["quantity"] for line in self.charge["lines"]}


@cache
def corpus() -> tuple[Case, ...]:
    """Return every call of the corpus whose usage is not refused, sessions apart."""
    return tuple(case for case in everything() if "events" not in case.exchange["response"])


@cache
def everything() -> tuple[Case, ...]:
    """Return every call and session of the corpus whose usage is not refused."""
    cases = []
    for path in sorted((FIXTURES / "cases").glob("*/*.json")):
        document = jsonio.loads(path.read_bytes())
        if "upstream" not in document["given"] or "charge" not in document["then"]:
            continue
        exchange = dict(document["given"]["upstream"][-1]["answers"][0]["exchange"])
        exchange.setdefault("request", {})
        body, exchange["response"] = inline(exchange["response"])
        book = prices(document["given"]["prices"])
        cases.append(Case(f"{path.parent.name}/{path.stem}", document, exchange, book, body))
    return tuple(cases)


@cache
def prices(name: str) -> PriceBook:
    """Return a price book of the fixtures; most cases have the same."""
    return PriceBook.from_json(jsonio.loads((FIXTURES / name).read_bytes()))


def inline(response: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Return the body of a recorded response, and the response as the gateway gives it to the calculator."""
    (member,) = {"json", "text", "sse", "media", "events"} & {name.removesuffix("_file") for name in response}
    if f"{member}_file" in response:
        body = (FIXTURES / response[f"{member}_file"]).read_bytes()
    elif member == "json":
        body = json.dumps(response[member], default=float).encode()
    else:
        body = b"" if member in {"media", "events"} else str(response[member]).encode()
    headers = {"content-type": KINDS[member], **response.get("headers", {})}
    inlined = {"status": response["status"], "headers": headers}
    if member == "events":
        return b"", {**inlined, "events": jsonio.loads(body) if body[:1] == b"[" else response[member]}
    if member == "media":
        return body, {**inlined, "media": {}}
    return body, {**inlined, "sse" if member == "sse" else "text": body.decode()}


ROW = LedgerRow("id", "at", "alias", "openai", "m", "chat", 200, 1, complete=True, status="priced")


def outcome(case: Case, seams: Seams) -> tuple[Any, ...]:
    """Return all that client and ledger see of a call."""
    delivered = seams.deliver(case.exchange["operation"], case.body)
    operation = case.exchange["operation"]
    dropped = any(entry.get("close") == 1006 for entry in case.exchange["response"].get("events", ()))
    row = replace(ROW, operation=operation, complete=not dropped)
    try:
        usage = seams.read(case.exchange)
        charge = seams.rate(usage, case.book)
    except DecibillReferenceError as error:
        return delivered, error.code, len(seams.rows(row))
    read = usage.to_json()
    parts = read.get("components")
    recorded = [each.usage and each.usage["quantities"] for each in seams.rows(replace(row, usage=read))]
    return delivered, read["quantities"], parts, recorded, seams.cost(charge), charge.status


def spoilt(name: str, cases: tuple[Case, ...] | None = None) -> set[str]:
    """Return the cases of which a defect changes anything."""
    seams = DEFECTS[name].seams
    return {case.id for case in cases or corpus() if outcome(case, seams) != sound(case)}


@cache
def sound(case: Case) -> tuple[Any, ...]:
    """Return all that client and ledger of the gateway as it should be see of a call."""
    return outcome(case, SOUND)


def carries_usage(case: Case) -> bool:
    answers_json = "text" in case.exchange["response"] and case.exchange["response"]["status"] < 400
    return case.exchange["operation"] == "transcription" and answers_json and b'"usage"' in case.body


def has_audio_tokens(case: Case) -> bool:
    return any(case.quantities.get(f"audio_{direction}_tokens") for direction in ("input", "output"))


def said(request: dict[str, Any]) -> str:
    text: str = request.get("input", request.get("text", ""))
    return text


OWN: dict[str, Callable[[Case], bool]] = {
    "usage-dropped": carries_usage,
    "audio-at-text-rate": has_audio_tokens,
    "unit-dropped": lambda case: (
        case.charge["total"] != "0"
        and bool(case.line_quantities() & {"audio_duration_seconds", "tts_characters"})
    ),
    "cached-as-fresh": lambda case: any(name.startswith("cached_") for name in case.line_quantities()),
    "silent-zero": lambda case: case.charge["total"] is None,
    "wrong-character-count": lambda case: (
        "tts_characters" in case.quantities and not said(case.exchange["request"].get("json", {})).isascii()
    ),
    "stream-usage-lost": lambda case: "sse" in case.exchange["response"] and bool(case.quantities),
    "charged-twice": lambda _: True,
}
"""Which cases are a defect's own, told from the recording and the expected answer."""

# Where text and audio cost the same, or neither has a price, nobody can tell them apart by the cost.
INDISTINGUISHABLE = {"audio-at-text-rate"}


@pytest.mark.parametrize("name", OWN)
def test_a_defect_spoils_exactly_the_cases_of_its_kind(name: str) -> None:
    own = {case.id for case in corpus() if OWN[name](case)}

    assert spoilt(name) <= own
    if name not in INDISTINGUISHABLE:
        assert spoilt(name) == own


BEHAVIOURS = {"header-believed", "bitrate-guessed", "stream-counts-summed", "cache-hit-charged"} | {
    "client-gone-forgotten",
    "calls-mixed-up",
    "attempts-charged",
    "replayed-audio-unseen",
    "audio-heard-again",
}
"""Defects of which a single exchange without its request shows nothing."""


@pytest.mark.parametrize("name", sorted(set(DEFECTS) - BEHAVIOURS))
def test_a_defect_spoils_something_and_not_everything(name: str) -> None:
    found = spoilt(name, everything())

    assert found
    assert name == "charged-twice" or len(found) < len(everything())


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_says_what_it_is_and_where_it_was_seen(name: str) -> None:
    told = DEFECTS[name].to_json()

    assert DEFECTS[name].name == name
    assert told["bug"] is None or told["bug"].startswith("https://")
    assert told["kind"]
    assert told["summary"][0].islower()
    assert told["requirements"]


def test_no_two_defects_are_the_same() -> None:
    assert len({defect.summary for defect in DEFECTS.values()}) == len(DEFECTS)


def test_a_header_that_lies_is_believed() -> None:
    upload = (FIXTURES / "audio" / "tone-3.7s-header-says-0.01s.wav").read_bytes()

    assert SOUND.measure(upload) == Decimal("3.7")
    assert DEFECTS["header-believed"].seams.measure(upload) == Decimal("0.01")
    assert DEFECTS["header-believed"].seams.measure(b"no audio") == SOUND.measure(b"no audio")


def test_a_bit_rate_is_guessed() -> None:
    assert DEFECTS["bitrate-guessed"].seams.measure(bytes(16_000)) == 1


def test_only_geminis_counts_are_summed() -> None:
    seams = DEFECTS["stream-counts-summed"].seams

    assert type(seams.digest(StreamDigest)) is StreamDigest
    digest = seams.digest(GeminiDigest)
    for count in (3, 4):
        digest.feed(b'data: {"usageMetadata": {"promptTokenCount": %d, "trafficType": "A"}}\n\n' % count)
    assert '"promptTokenCount": 7, "trafficType": "A"' in digest.text()


def test_the_first_call_of_a_model_is_recorded_for_all() -> None:
    rows = DEFECTS["calls-mixed-up"].seams.rows
    (first,) = rows(replace(ROW, alias="mixed", cost="1"))
    (second,) = rows(replace(ROW, alias="mixed", cost="2"))

    assert (first.cost, second.cost) == ("1", "1")


def test_each_attempt_is_charged() -> None:
    assert len(DEFECTS["attempts-charged"].seams.rows(replace(ROW, attempts=3))) == 3


def test_a_client_that_leaves_takes_its_call_along() -> None:
    async def leave() -> str:
        gone = asyncio.Event()
        messages = iter([{"type": "http.request"}, {"type": "http.disconnect"}])
        done: list[str] = []

        async def receive() -> dict[str, str]:
            return next(messages)

        async def work() -> None:
            await gone.wait()
            done.append("done")

        await DEFECTS["client-gone-forgotten"].seams.carry(receive, work())
        return ",".join(done)

    assert asyncio.run(leave()) == ""


@pytest.mark.parametrize(
    ("operation", "body", "delivered"),
    [
        ("transcription", b'{"text":"a","logprobs":null,"usage":{}}', b'{"text": "a"}'),
        ("chat", b'{"usage":{}}', b'{"usage":{}}'),
        ("transcription", b'{"text":"a"}', b'{"text":"a"}'),
        ("transcription", b'{"error":{},"usage":{}}', b'{"error":{},"usage":{}}'),
        ("transcription", b"1\n00:00", b"1\n00:00"),
        ("transcription", b"[]", b"[]"),
    ],
    ids=["its own", "another operation", "no usage", "an error", "subtitles", "an array"],
)
def test_usage_is_dropped_from_transcriptions_alone(operation: str, body: bytes, delivered: bytes) -> None:
    assert DEFECTS["usage-dropped"].seams.deliver(operation, body) == delivered


def test_a_ledger_without_audio_keeps_calls_without_usage() -> None:
    assert DEFECTS["ledger-without-audio"].seams.rows(ROW) == (ROW,)


def test_the_last_cue_of_subtitles_is_the_length_of_what_cannot_be_measured() -> None:
    subtitles = "1\n00:00:00,000 --> 00:01:02,500\nHello\n\n"
    exchange = {
        "provider": "openai",
        "surface": "api",
        "operation": "transcription",
        "model": "whisper-1",
        "at": "2026-06-05T22:25:54Z",
        "request": {"form": {"file": {}, "response_format": "srt"}},
        "response": {"status": 200, "headers": {"content-type": "text/plain"}, "text": subtitles},
    }

    assert "audio_duration_seconds" in SOUND.read(exchange).unknown
    quantities = DEFECTS["last-word-as-duration"].seams.read(exchange).quantities
    assert quantities["audio_duration_seconds"] == Decimal("62.5")


def test_what_the_request_holds_decides_how_chat_audio_is_misread() -> None:
    usage = {
        "prompt_tokens": 30,
        "completion_tokens": 1,
        "total_tokens": 31,
        "prompt_tokens_details": {"audio_tokens": 20, "text_tokens": 10},
        "completion_tokens_details": {"audio_tokens": 0, "text_tokens": 1},
    }

    def read(*messages: dict[str, Any], defect: str = "replayed-audio-unseen") -> Any:
        exchange = {
            "provider": "openai",
            "surface": "api",
            "operation": "chat",
            "model": "gpt-audio-1.5",
            "at": "2026-06-05T22:25:54Z",
            "request": {"json": {"messages": list(messages)}},
            "response": {
                "status": 200,
                "headers": {"content-type": "application/json"},
                "text": json.dumps({"usage": usage}),
            },
        }
        return DEFECTS[defect].seams.read(exchange).quantities

    assert read({"role": "user"})["audio_input_tokens"] == 20
    replayed = read({"role": "assistant", "audio": {"id": "audio_1"}}, {"role": "user"})
    assert (replayed["audio_input_tokens"], replayed["input_tokens"]) == (0, 10)
    said = {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}
    once, again = (read(said, *({},) * later, defect="audio-heard-again") for later in (0, 1))
    assert (once["audio_input_tokens"], again["audio_input_tokens"]) == (20, 40)
