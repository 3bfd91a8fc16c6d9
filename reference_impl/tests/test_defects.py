"""Each named defect spoils the cases of its own kind, is caught by its requirements, and touches no other.

What a defect has to spoil is told from what the cases expect, worked out by hand, and not by the calculator.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from decibill_reference import jsonio
from decibill_reference.defects import DEFECTS
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.gateway_metering import SOUND, Seams
from decibill_reference.ledger import LedgerRow
from decibill_reference.prices import PriceBook

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = Path(__file__).parents[2] / "fixtures"
KINDS = {"json": "application/json", "text": "text/plain", "sse": "text/event-stream", "media": "audio/mpeg"}


@dataclass(frozen=True)
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
    """Return every call of the corpus whose usage is not refused."""
    cases = []
    for path in sorted((FIXTURES / "cases").glob("*/*.json")):
        document = jsonio.loads(path.read_bytes())
        if "upstream" not in document["given"] or "charge" not in document["then"]:
            continue
        exchange = dict(document["given"]["upstream"][-1]["answers"][0]["exchange"])
        if not {"events", "events_file"}.isdisjoint(exchange["response"]):
            continue  # sessions take another way through the gateway
        exchange.setdefault("request", {})
        body, exchange["response"] = inline(exchange["response"])
        book = PriceBook.from_json(jsonio.loads((FIXTURES / document["given"]["prices"]).read_bytes()))
        cases.append(Case(f"{path.parent.name}/{path.stem}", document, exchange, book, body))
    return tuple(cases)


def inline(response: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Return the body of a recorded response, and the response as the gateway gives it to the calculator."""
    (member,) = {"json", "text", "sse", "media"} & {name.removesuffix("_file") for name in response}
    if f"{member}_file" in response:
        body = (FIXTURES / response[f"{member}_file"]).read_bytes()
    elif member == "json":
        body = json.dumps(response[member], default=float).encode()
    else:
        body = b"" if member == "media" else str(response[member]).encode()
    headers = {"content-type": KINDS[member], **response.get("headers", {})}
    inlined = {"status": response["status"], "headers": headers}
    if member == "media":
        return body, {**inlined, "media": {}}
    return body, {**inlined, "sse" if member == "sse" else "text": body.decode()}


ROW = LedgerRow("id", "at", "alias", "openai", "m", "chat", 200, 1, complete=True, status="priced")


def outcome(case: Case, seams: Seams) -> tuple[Any, ...]:
    """Return all that client and ledger see of a call."""
    delivered = seams.deliver(case.exchange["operation"], case.body)
    try:
        usage = seams.read(case.exchange)
        charge = seams.rate(usage, case.book)
    except DecibillReferenceError as error:
        return delivered, error.code, len(seams.rows(ROW))
    return delivered, dict(usage.quantities), seams.cost(charge), len(seams.rows(ROW))


def spoilt(name: str) -> set[str]:
    """Return the cases of which a defect changes anything."""
    return {case.id for case in corpus() if outcome(case, DEFECTS[name].seams) != outcome(case, SOUND)}


def carries_usage(case: Case) -> bool:
    answers_json = "text" in case.exchange["response"] and case.exchange["response"]["status"] < 400
    return case.exchange["operation"] == "transcription" and answers_json and b'"usage"' in case.body


def has_audio_tokens(case: Case) -> bool:
    return any(case.quantities.get(f"audio_{direction}_tokens") for direction in ("input", "output"))


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
        "tts_characters" in case.quantities
        and not case.exchange["request"].get("json", {}).get("input", "").isascii()
    ),
    "stream-usage-lost": lambda case: "sse" in case.exchange["response"] and bool(case.quantities),
    "charged-twice": lambda _: True,
}
"""Which cases are a defect's own, told from the recording and the expected answer."""

# Where text and audio cost the same, or neither has a price, nobody can tell them apart by the cost.
INDISTINGUISHABLE = {"audio-at-text-rate"}


def test_there_are_eight_kinds_of_wrong() -> None:
    assert set(DEFECTS) == set(OWN)
    assert len(DEFECTS) == 8


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_spoils_exactly_the_cases_of_its_kind(name: str) -> None:
    own = {case.id for case in corpus() if OWN[name](case)}

    assert spoilt(name) <= own
    if name not in INDISTINGUISHABLE:
        assert spoilt(name) == own


@pytest.mark.parametrize(
    ("name", "requirement"),
    [(name, requirement) for name, defect in DEFECTS.items() for requirement in defect.requirements],
)
def test_a_defect_is_caught_by_a_case_of_each_requirement_that_it_breaks(name: str, requirement: str) -> None:
    proving = {case.id for case in corpus() if requirement in case.document["requirements"]}

    assert proving & spoilt(name)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_says_what_it_is_and_where_it_was_seen(name: str) -> None:
    defect = DEFECTS[name]

    assert defect.name == name
    assert defect.bug.startswith("https://")
    assert defect.summary in str(defect)


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
