"""What sessions share: a transcript of both directions, and a sum for each of the session's other models."""

from __future__ import annotations

from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.exchange import Exchange
from decibill_reference.extract import extract
from decibill_reference.extract.draft import Draft
from decibill_reference.extract.session import Components, server_events
from decibill_reference.usage import Component, UsageRecord

SESSION: dict[str, Any] = {
    "provider": "openai",
    "surface": "api",
    "operation": "realtime",
    "model": "gpt-realtime",
    "at": "2026-07-30T10:00:00Z",
}


def exchange_of(events: Any) -> dict[str, Any]:
    return {**SESSION, "response": {"status": 101, "events": events}}


def used(*, unknown: tuple[str, ...] = (), flags: tuple[str, ...] = (), **quantities: int) -> Draft:
    draft = Draft()
    for name, value in quantities.items():
        draft.state(name, value, "provider_reported")
    draft.unknown.update(unknown)
    draft.flags.update(flags)
    return draft


def stated(components: Components) -> tuple[Component, ...]:
    session = Draft()
    components.state(session)
    return session.components


# The transcript


def test_events_of_the_server_keep_their_order_and_their_place() -> None:
    frames = [
        {"from": "server", "frame": {"a": 1}},
        {"from": "client", "frame": {"b": 2}},
        {"from": "server", "frame": {"c": 3}},
    ]
    events = server_events(Exchange.open(exchange_of(frames)))

    assert [(event.members, event.pointer) for event in events] == [
        ({"a": 1}, "/response/events/0/frame"),
        ({"c": 3}, "/response/events/2/frame"),
    ]


def test_who_ended_a_session_is_not_usage() -> None:
    server = {"from": "server", "frame": {"type": "response.created"}}

    found = server_events(Exchange.open(exchange_of([{"from": "client", "close": 1000}, server])))

    assert [event.pointer for event in found] == ["/response/events/1/frame"]


@pytest.mark.parametrize(
    ("events", "pointer"),
    [
        ({}, "/response/events"),
        ([1], "/response/events/0"),
        ([{"frame": {}}], "/response/events/0/from"),
        ([{"from": "gateway", "frame": {}}], "/response/events/0/from"),
        ([{"from": "server"}], "/response/events/0/frame"),
        ([{"from": "server", "frame": "hello"}], "/response/events/0/frame"),
    ],
    ids=["object", "number", "no side", "third side", "no frame", "text"],
)
def test_what_is_no_transcript_is_refused(events: Any, pointer: str) -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        extract(exchange_of(events))

    assert (caught.value.code, caught.value.pointer) == ("malformed_body", pointer)


def test_a_body_that_is_no_session_is_refused() -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        extract({**SESSION, "response": {"status": 200, "json": {"usage": {"input_tokens": 1}}}})

    assert caught.value.code == "malformed_body"


def test_what_the_client_says_is_not_usage() -> None:
    said = {
        "type": "response.done",
        "response": {"id": "r", "usage": {"input_tokens": 9, "output_tokens": 9}},
    }

    assert extract(exchange_of([{"from": "client", "frame": said}])).quantities == {}


# The components


def test_usage_of_one_model_operation_and_unit_family_is_one_sum() -> None:
    components = Components()
    session = Draft()
    for model, event in [
        ("a", used(audio_duration_seconds=3)),
        ("b", used(audio_duration_seconds=4)),
        ("a", used(audio_duration_seconds=5)),
        ("a", used(input_tokens=6, output_tokens=1)),
    ]:
        components.add("transcription", model, event, session)
    components.add("chat", "a", used(input_tokens=7, output_tokens=1), session)

    assert [(part.model, part.operation, dict(part.quantities)) for part in stated(components)] == [
        ("a", "transcription", {"audio_duration_seconds": 8}),
        ("b", "transcription", {"audio_duration_seconds": 4}),
        ("a", "transcription", {"input_tokens": 6, "output_tokens": 1}),
        ("a", "chat", {"input_tokens": 7, "output_tokens": 1}),
    ]


def test_a_sum_has_the_weakest_basis_of_its_terms() -> None:
    components = Components()
    guessed = Draft()
    guessed.state("input_tokens", 2, "assumed")
    for event in (used(input_tokens=1), guessed):
        components.add("chat", "a", event, Draft())

    (part,) = stated(components)
    assert (part.quantities, part.basis) == ({"input_tokens": 3}, {"input_tokens": "assumed"})


def test_what_is_remarkable_about_a_component_is_said_of_the_session() -> None:
    session = Draft()
    Components().add("chat", "a", used(input_tokens=1, flags=("details_missing",)), session)

    assert session.flags == {"details_missing"}


def test_a_sum_that_lacks_a_summand_has_no_total() -> None:
    components = Components()
    components.add("chat", "a", used(input_tokens=1, output_tokens=2, total_tokens=3), Draft())
    components.add("chat", "a", used(unknown=("input_tokens", "output_tokens")), Draft())

    (part,) = stated(components)
    assert (part.quantities, part.unknown) == (
        {"input_tokens": 1, "output_tokens": 2},
        ("input_tokens", "output_tokens"),
    )


@pytest.mark.parametrize(
    ("before", "unknown"),
    [
        ([], [("audio_duration_seconds",)]),
        ([used(audio_duration_seconds=3)], [("audio_duration_seconds",)]),
        ([used(input_tokens=3, output_tokens=1)], [("input_tokens", "output_tokens")]),
        (
            [used(input_tokens=3, output_tokens=1), used(audio_duration_seconds=3)],
            [(), ("audio_duration_seconds",)],
        ),
    ],
    ids=["nothing", "seconds", "tokens", "both"],
)
def test_usage_that_nobody_stated_is_of_the_kind_that_the_model_is_known_by(
    before: list[Draft], unknown: list[tuple[str, ...]]
) -> None:
    components = Components()
    for event in before:
        components.add("transcription", "a", event, Draft())
    components.add_unmetered("transcription", "a")

    assert [part.unknown for part in stated(components)] == unknown


def test_a_component_of_which_a_part_exceeds_its_whole_is_refused() -> None:
    components = Components()

    with pytest.raises(DecibillReferenceError) as caught:
        components.add("chat", "a", used(input_tokens=1, audio_input_tokens=2), Draft())

    assert caught.value.code == "inconsistent_usage"


def test_a_record_with_components_can_be_read_back() -> None:
    events = [
        {"type": "session.updated", "session": {"input_audio_transcription": {"model": "whisper-1"}}},
        {
            "type": "conversation.item.input_audio_transcription.completed",
            "usage": {"type": "duration", "seconds": 3},
        },
    ]
    record = extract(exchange_of([{"from": "server", "frame": event} for event in events]))

    assert record.components
    assert UsageRecord.from_json(record.to_json()) == record
