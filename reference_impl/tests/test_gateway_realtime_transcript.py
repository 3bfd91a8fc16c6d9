"""What metering keeps of a session: enough to say the same, and no more."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.gateway_realtime_transcript import GeminiTranscript, OpenAITranscript, Transcript
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[2] / "fixtures"


def sessions() -> dict[str, dict[str, Any]]:
    """Return the exchange of every session in the corpus, by the id of its case."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((FIXTURES / "cases").glob("*/*.json")):
        case = json.loads(path.read_text())
        steps = case["given"].get("upstream", [])
        for answer in steps[-1]["answers"] if steps else []:
            exchange = answer["exchange"]
            response = exchange["response"]
            if exchange["operation"] == "realtime" and {"events", "events_file"} & response.keys():
                found.setdefault(case["id"], exchange)
    return found


SESSIONS = sessions()


def kept(transcript: Transcript, *frames: Any) -> list[Any]:
    for frame in frames:
        transcript.take(frame if isinstance(frame, (str, bytes)) else json.dumps(frame))
    return [event["frame"] for event in transcript.events()]


def outcome(exchange: dict[str, Any]) -> dict[str, Any] | str:
    """Return what is read of a session, but for the places of what nobody reads."""
    try:
        record = extract(exchange, root=FIXTURES).to_json()
    except DecibillReferenceError as error:  # its place is another
        return error.code
    record.pop("unread", None)
    return record


@pytest.mark.parametrize("name", SESSIONS)
def test_what_is_kept_of_a_session_says_what_the_session_says(name: str) -> None:
    exchange = SESSIONS[name]
    response = exchange["response"]
    events = response.get("events") or json.loads((FIXTURES / response["events_file"]).read_text())
    transcript = GeminiTranscript() if exchange["provider"] == "gemini" else OpenAITranscript()

    kept(transcript, *(event["frame"] for event in events if event["from"] == "server" and "frame" in event))

    short = {**exchange, "response": {"status": 101, "headers": {}, "events": transcript.events()}}
    assert outcome(short) == outcome(exchange)


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (
            {"type": "session.updated", "session": {"instructions": "…", "audio": {"input": {"x": 1}}}},
            {"type": "session.updated", "session": {"audio": {"input": {}}}},
        ),
        (
            {"type": "session.created", "session": {"input_audio_transcription": None, "voice": "a"}},
            {"type": "session.created", "session": {"input_audio_transcription": None}},
        ),
        (
            {"type": "response.created", "response": {"id": "r", "instructions": "…"}},
            {"type": "response.created", "response": {"id": "r"}},
        ),
        (
            {"type": "response.done", "response": {"id": "r", "output": ["…"], "usage": {"x": 1}}},
            {"type": "response.done", "response": {"id": "r", "usage": {"x": 1}}},
        ),
        ({"type": "response.done", "response": 1}, {"type": "response.done", "response": 1}),
        (
            {"type": "session.closed", "reason": "…", "usage": {"seconds": 3}},
            {"type": "session.closed", "usage": {"seconds": 3}},
        ),
        (
            {"type": "response.event", "event": {"type": "response.completed", "response": {"model": "m"}}},
            {"type": "response.event", "event": {"type": "response.completed", "response": {"model": "m"}}},
        ),
    ],
    ids=lambda event: f"{event['type']} {len(str(event))}",
)
def test_of_an_event_only_what_says_something_of_usage_is_kept(event: Any, left: Any) -> None:
    assert kept(OpenAITranscript(), event) == [left]


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "response.output_audio.delta", "delta": "AAAA"},
        {"type": "response.output_text.delta", "delta": '"response.done"'},
        {"type": ["response.done"]},
        '["response.done"]',
        "not JSON",
        b"\x00\xff",
    ],
    ids=["audio", "a word in a text", "no type", "no object", "no JSON", "bytes"],
)
def test_frames_that_say_nothing_of_usage_are_not_kept(frame: Any) -> None:
    transcript = OpenAITranscript()

    assert kept(transcript, frame) == []
    assert transcript.fault is None


def test_of_a_counter_only_the_last_value_is_kept() -> None:
    counts = [{"type": "session.usage.updated", "usage": {"seconds": number}} for number in (1, 2, 3)]
    without = {"type": "session.usage.updated", "usage": None}

    assert kept(OpenAITranscript(), *counts, without) == [counts[-1], without]


def test_that_a_transcription_has_begun_is_kept_once() -> None:
    heard = [
        {"type": "conversation.item.input_audio_transcription.delta", "item_id": item, "content_index": 0}
        for item in "aab"
    ]

    assert kept(OpenAITranscript(), *({**event, "delta": "word"} for event in heard)) == heard[1:]


def test_of_the_words_of_a_transcription_only_the_first_is_kept() -> None:
    heard = "conversation.item.input_audio_transcription."
    words = [
        {"type": f"{heard}delta", "item_id": item, "content_index": 0, "delta": "Hello"}
        for item in ("i", "i", "j", "i")
    ]
    end = {"type": f"{heard}failed", "item_id": "i", "content_index": 0, "error": {"message": "…"}}

    assert kept(OpenAITranscript(), *words, end) == [
        {"type": f"{heard}delta", "item_id": "i", "content_index": 0},
        {"type": f"{heard}delta", "item_id": "j", "content_index": 0},
        {"type": f"{heard}failed", "item_id": "i", "content_index": 0},
    ]


def test_what_was_said_in_a_turn_is_not_kept() -> None:
    turn = {"modelTurn": {"parts": [{"text": "…", "thought": True}, {"inlineData": {"data": "AA"}}, 1]}}
    spoken = {"outputTranscription": {"text": "Good morning"}, "generationComplete": True}
    done = {"serverContent": {"turnComplete": True}, "usageMetadata": {"promptTokenCount": 1}}

    assert kept(
        GeminiTranscript(),
        {"setupComplete": {}},
        {"serverContent": turn},
        {"serverContent": turn},
        {"serverContent": spoken},
        {"serverContent": {"outputTranscription": {"text": ""}}},
        {"serverContent": {"modelTurn": None, "outputTranscription": None}},
        {"toolCall": {"functionCalls": [{"name": "f", "args": {"long": "…"}}]}},
        done,
        {"serverContent": turn},
    ) == [
        {"serverContent": {"modelTurn": {"parts": [{}, {"thought": True}]}}},
        {"serverContent": {"outputTranscription": {"text": "…"}}},
        {"serverContent": {"outputTranscription": {"text": ""}}},
        {"serverContent": {}},
        {"toolCall": {"functionCalls": []}},
        done,
        {"serverContent": {"modelTurn": {"parts": [{}, {"thought": True}]}}},
    ]


def test_the_first_frame_that_cannot_be_read_counts() -> None:
    transcript = OpenAITranscript()

    kept(transcript, {"type": "response.done"}, '{"type":"response.done",', '{"a":1,"a":2,"response.done":0}')

    assert transcript.fault is not None
    assert (transcript.fault.code, transcript.fault.pointer) == ("malformed_body", "/response/events/1/frame")


def test_memory_does_not_grow_with_the_audio_of_a_session() -> None:
    delta = json.dumps({"type": "response.output_audio.delta", "delta": "A" * 10_000})
    turn = json.dumps({"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": "A" * 10_000}}]}}})
    openai, gemini = OpenAITranscript(), GeminiTranscript()
    tracemalloc.start()
    try:
        for _ in range(1000):
            openai.take(delta)
            gemini.take(turn)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 200_000


@pytest.mark.parametrize("kind", [OpenAITranscript, GeminiTranscript])
@given(st.lists(st.binary(max_size=60) | st.text(max_size=60)), st.sampled_from(["{}", "[{}]", '"{}"']))
def test_any_frames_are_taken(kind: type[Transcript], frames: list[bytes | str], frame: str) -> None:
    transcript = kind()
    for mark in kind.marks:
        transcript.take(frame.replace("{}", f"{{{mark.decode().lstrip(chr(34)).join((chr(34), ''))}:1}}"))

    kept(transcript, *frames)

    assert transcript.is_full is False
