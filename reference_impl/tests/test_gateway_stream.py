from __future__ import annotations

import json
import tracemalloc

import pytest
from decibill_reference.extract import extract
from decibill_reference.gateway_stream import StreamDigest
from hypothesis import given
from hypothesis import strategies as st

USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
AUDIO = {"prompt_tokens_details": {"audio_tokens": 4, "text_tokens": 6}}


def digest(*chunks: bytes) -> StreamDigest:
    found = StreamDigest()
    for chunk in chunks:
        found.feed(chunk)
    return found


def event(data: object, end: bytes = b"\n\n") -> bytes:
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + end


def chat_stream(end: bytes = b"\n\n", usage_last: bool = True) -> bytes:
    pieces = [
        {"choices": [{"delta": {"content": word}}], "usage": None, "service_tier": "flex"} for word in "abc"
    ]
    final = {"choices": [], "usage": USAGE | AUDIO, "service_tier": "flex"}
    late = {"choices": [{"delta": {"audio": {"expires_at": 1}}}], "usage": None}
    events = [*pieces, final] if usage_last else [*pieces, final, late]
    return b"".join(event(one, end) for one in events) + event(b"[DONE]", end)


def quantities(stream: str) -> tuple[object, object, object]:
    record = extract(
        {
            "provider": "openai",
            "surface": "api",
            "operation": "chat",
            "model": "m",
            "at": "2026-01-01T00:00:00Z",
            "response": {"status": 200, "headers": {"content-type": "text/event-stream"}, "sse": stream},
        }
    )
    return record.quantities, record.flags, record.service_tier


@pytest.mark.parametrize(
    "end", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n"], ids=["LF", "CR LF", "CR", "mixed"]
)
@pytest.mark.parametrize("usage_last", [True, False], ids=["usage last", "a chunk after usage"])
@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
def test_the_digest_of_a_stream_says_what_the_stream_says(end: bytes, usage_last: bool, size: int) -> None:
    stream = chat_stream(end, usage_last)

    short = digest(*(stream[place : place + size] for place in range(0, len(stream), size))).text()

    assert quantities(short) == quantities(stream.decode())
    assert quantities(short)[2] == "flex"


@pytest.mark.parametrize("cut", range(0, len(chat_stream()), 9))
def test_a_cut_stream_stays_cut(cut: int) -> None:
    stream = chat_stream()[:cut]

    assert quantities(digest(stream).text()) == quantities(stream.decode())


def test_the_last_event_of_a_kind_is_not_crowded_out_by_those_of_another() -> None:
    done = event({"type": "transcript.text.done", "usage": USAGE})
    foreign = b"event: speech.audio.done\n" + event(b'[DONE] "usage": 1')

    assert done.decode() in digest(done, *[foreign] * 9).text()


def test_events_that_say_nothing_of_usage_are_not_kept() -> None:
    stream = b"".join(event({"type": "speech.audio.delta", "audio": "A" * 100}) for _ in range(50))
    done = event({"type": "speech.audio.done", "usage": {"input_tokens": 1, "output_tokens": 2}})

    assert digest(stream + done).text() == done.decode()


def test_memory_does_not_grow_with_the_stream() -> None:
    delta = event({"type": "speech.audio.delta", "audio": "A" * 10_000})
    usage = event({"choices": [], "usage": USAGE})
    found = StreamDigest()
    tracemalloc.start()
    try:
        for _ in range(2000):
            found.feed(delta)
            found.feed(usage)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 200_000


def test_an_event_without_end_does_not_fill_the_memory() -> None:
    found = StreamDigest()
    for _ in range(100):
        found.feed(b"A" * 1_000_000)
    found.feed(b"\n\n" + event({"usage": {"seconds": 1}}))

    assert found.text() == event({"usage": {"seconds": 1}}).decode()


def test_usage_within_a_text_is_not_taken_for_usage() -> None:
    said = event({"type": "transcript.text.delta", "delta": 'he said "usage": {"seconds": 9}'})

    assert digest(said).text() == ""


@pytest.mark.parametrize(
    "start",
    [b"", b"\xef\xbb\xbf", b" \r\n", b"\n\xef\xbb\xbf"],
    ids=["plain", "byte order mark", "space", "both"],
)
def test_a_json_document_that_claims_to_be_a_stream_is_kept_whole(start: bytes) -> None:
    document = start + json.dumps({"text": "a\n\nb", "usage": {"seconds": 1}}, indent=1).encode()

    found = digest(*(bytes([byte]) for byte in document))

    assert found.text() == document.decode()


def test_a_document_is_kept_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decibill_reference.gateway_stream._LARGEST_DOCUMENT", 10)

    assert len(digest(b'{"text":', b'"' + b"a" * 100).text()) == 10


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_taken(stream: bytes, size: int) -> None:
    digest(*(stream[place : place + size] for place in range(0, len(stream), size))).text()
