"""Rules of extraction that hold for any JSON: it invents nothing, and refuses with its own codes alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from decibill_reference import jsonio, sse
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import SURFACES
from decibill_reference.usage import Component, UsageRecord
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import exchanges, outcome, readable

REFUSALS = {
    *("inconsistent_usage", "invalid_number", "negative_quantity", "duplicate_key"),
    *("malformed_body", "unsupported_exchange", "missing_time"),
}
OPERATIONS = [(*surface, operation) for surface, readers in SURFACES.items() for operation in readers]
REPORTED = {"provider_billed", "provider_reported"}


def words_of(value: Any) -> Iterator[str]:
    """Yield the names of all members in a JSON value."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from words_of(member)
    elif isinstance(value, list):
        for item in value:
            yield from words_of(item)


BODIES = [
    body for each in exchanges().values() if isinstance(body := each["response"].get("json"), dict | list)
]
NAMES = st.sampled_from(sorted({name for body in BODIES for name in words_of(body)}))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 10**16),
    st.decimals(-1, 10**6, places=3),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["tokens", "duration", "AUDIO", "TEXT", "12", "1.5", "response.done", "2026-06-01"]),
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=6) | st.lists(inner, max_size=4)
    ),
    max_leaves=25,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a JSON value: what holds it, and its name or number there."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


@st.composite
def changed(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an exchange of the corpus with something else in up to four places."""
    exchange = jsonio.loads(json.dumps(draw(st.sampled_from(list(exchanges().values()))), default=str))
    for _ in range(draw(st.integers(1, 4))):
        holder, key = draw(st.sampled_from(list(places(exchange))))
        holder[key] = draw(ANY_JSON)
    return exchange


def check(exchange: dict[str, Any]) -> UsageRecord | None:
    """Check that an exchange is refused by a declared code and a place, or gives a sound record."""
    record = outcome(exchange)
    if isinstance(record, DecibillReferenceError):
        assert record.code in REFUSALS
        assert not record.pointer or record.pointer.startswith("/")
        return None
    assert UsageRecord.from_json(record.to_json()).to_json() == record.to_json()
    return record


@given(ANY_JSON)
def test_anything_is_an_exchange_or_refused(anything: Any) -> None:
    check(anything)


@given(ANY_JSON, st.sampled_from(OPERATIONS), st.sampled_from(["json", "events", "text", "sse", "media"]))
def test_any_answer_is_read_or_refused(answer: Any, names: tuple[str, str, str], member: str) -> None:
    provider, surface, operation = names
    head = {"provider": provider, "surface": surface, "operation": operation, "model": "m"}
    check({**head, "at": "2026-06-01T10:00:00Z", "response": {member: answer}})


@given(changed())
def test_a_recorded_answer_that_was_changed_anywhere_is_read_or_refused(exchange: dict[str, Any]) -> None:
    check(exchange)


def mapped(value: Any, change: Callable[[Any], Any], but: frozenset[str] = frozenset()) -> Any:
    """Return a JSON value with every number in it changed, but those of some members."""
    if isinstance(value, dict):
        return {
            name: member if name in but else mapped(member, change, but) for name, member in value.items()
        }
    if isinstance(value, list):
        return [mapped(item, change, but) for item in value]
    if isinstance(value, str) and value.isdecimal():
        new = change(int(value))
        return "" if new is None else str(new)
    return change(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def answer_with(
    exchange: dict[str, Any], change: Callable[[Any], Any], but: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return an exchange with every number of the answer's body changed."""
    response = dict(exchange["response"])
    for member in ("json", "events"):
        if member in response:
            response[member] = mapped(response[member], change, but)
    if "sse" in response:
        blocks = [_event(event, change, but) for event in sse.events(response["sse"])]
        response["sse"] = "".join(blocks)
    return {**exchange, "response": response}


def _event(event: sse.Event, change: Callable[[Any], Any], but: frozenset[str]) -> str:
    data = event.data
    if data.strip() != "[DONE]":
        data = json.dumps(mapped(jsonio.loads(data), change, but), default=float)
    return f"event: {event.type}\ndata: {data}\n\n"


READABLE = sorted(readable())


COUNTED = {"audio_channels", "requests", "text_messages"}
"""Quantities that are how many items there are, which no number on the wire says."""


@pytest.mark.parametrize("name", READABLE)
def test_an_answer_without_numbers_reports_none(name: str) -> None:
    silent = answer_with(exchanges()[name], lambda _: None)
    silent["response"] = without_digits({**silent["response"], "headers": {}})
    record = outcome(silent)

    if not isinstance(record, DecibillReferenceError):
        parts = (record, *record.components)
        reported = {key for part in parts for key, basis in part.basis.items() if basis in REPORTED}
        assert {key for part in parts for key in reported if part.quantities.get(key)} <= COUNTED


def without_digits(value: Any) -> Any:
    """Return a JSON value with no digit in any of its texts, the numbers of files apart."""
    if isinstance(value, dict):
        return {
            name: member if name.endswith("_file") or name == "media" else without_digits(member)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [without_digits(item) for item in value]
    return "".join(each for each in value if not each.isdigit()) if isinstance(value, str) else value


HEADS = frozenset({"status", "status_code", "index", "channel_index", "content_index", "output_index"})


@pytest.mark.parametrize("name", READABLE)
def test_three_times_the_tokens_on_the_wire_are_three_times_the_tokens_of_the_record(name: str) -> None:
    once = readable()[name]
    more = outcome(answer_with(exchanges()[name], lambda number: number * 3, HEADS))

    assert isinstance(more, UsageRecord)
    for part, multiple in zip((once, *once.components), (more, *more.components), strict=True):
        assert tokens_of(multiple) == {key: value * 3 for key, value in tokens_of(part).items()}
        assert multiple.basis == part.basis
    assert (more.flags, more.unknown) == (once.flags, once.unknown)


def tokens_of(part: UsageRecord | Component) -> dict[str, int | Decimal]:
    """Return the token quantities of a record or of one of its components."""
    return {key: value for key, value in part.quantities.items() if key.endswith("_tokens")}


@given(changed())
def test_there_are_no_more_tokens_than_all_numbers_of_the_answer_together(exchange: dict[str, Any]) -> None:
    record = check(exchange)
    if record is None:
        return
    text = json.dumps(exchange["response"], default=str).replace("+", " ").replace("-", " ")
    everything = sum(Decimal(found) for found in re.findall(r"[0-9]+(?:\.[0-9]+)?(?:[eE][0-9]+)?", text))
    for part in (record, *record.components):
        assert all(value <= everything for value in tokens_of(part).values())


# Found by fuzzing

HEAD = {"provider": "openai", "surface": "api", "model": "m", "at": "2026-06-01T10:00:00Z"}
MOST = 999_999_999_999_999


def test_a_sum_that_no_record_can_hold_is_refused_where_its_first_part_stands() -> None:
    usage = {"prompt_tokens": MOST, "completion_tokens": 1}
    refused = outcome({**HEAD, "operation": "chat", "response": {"json": {"usage": usage}}})

    assert isinstance(refused, DecibillReferenceError)
    assert refused.code == "invalid_number"
    assert "more than 15 digits" in refused.message


def test_a_session_that_names_its_transcription_model_with_nothing_names_none() -> None:
    transcription = {"audio": {"input": {"transcription": {"model": ""}}}}
    heard = "conversation.item.input_audio_transcription.completed"
    events = [
        {"type": "session.updated", "session": transcription},
        {"type": heard, "item_id": "a", "usage": {"type": "duration", "seconds": 3}},
    ]
    frames = [{"from": "server", "frame": event} for event in events]
    record = outcome({**HEAD, "operation": "realtime", "response": {"status": 101, "events": frames}})

    assert isinstance(record, UsageRecord)
    assert [part.model for part in record.components] == [None]
