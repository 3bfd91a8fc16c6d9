"""A stream that is cut at any byte, framed in any way or fed in any pieces says the same or says nothing.

Every recorded stream of the corpus is tried, cut at every border of a line and at bytes in between.
"""

from __future__ import annotations

from typing import Any

import pytest
from decibill_reference import jsonio, sse
from decibill_reference.charge import rate
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.gateway_stream import GeminiDigest, StreamDigest
from decibill_reference.prices import PriceBook
from decibill_reference.usage import UsageRecord
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import FIXTURES, exchanges, outcome, readable

STREAMS = sorted(name for name in readable() if "sse" in exchanges()[name]["response"])
BOOK = PriceBook.from_json(jsonio.loads((FIXTURES / "price-books/conformance.json").read_bytes()))
NO_NUMBER = {"unmetered", "unpriced"}


def raw(name: str) -> bytes:
    """Return the bytes of a recorded stream."""
    return exchanges()[name]["response"]["sse"].encode()


def told(name: str, stream: str | bytes) -> UsageRecord | DecibillReferenceError:
    """Return what the calculator makes of *stream* in place of the recorded one."""
    text = stream if isinstance(stream, str) else stream.decode("utf-8", "replace")
    exchange = exchanges()[name]
    return outcome({**exchange, "response": {**exchange["response"], "sse": text}})


def check_cut(name: str, place: int) -> None:
    """Check that a stream without what stands after *place* costs the same, or an unknown amount."""
    cut = told(name, raw(name)[:place])
    whole = readable()[name]
    assert isinstance(cut, UsageRecord)
    if (cut.quantities, cut.unknown, cut.features) == (whole.quantities, whole.unknown, whole.features):
        return
    assert "stream_incomplete" in cut.flags
    asked = {
        key: value for key, value in whole.quantities.items() if whole.basis[key] in {"request", "media"}
    }
    assert {
        key: value for key, value in cut.quantities.items() if cut.basis[key] not in {"request", "media"}
    } == {}
    assert cut.quantities.keys() <= asked.keys()
    charge = rate(cut, BOOK)
    assert charge.status in NO_NUMBER
    assert charge.total is None


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_cut_between_events_costs_the_same_or_nobody_knows_what(name: str) -> None:
    stream = raw(name)
    borders = {place for place in range(1, len(stream)) if stream[place - 1 : place] in {b"\n", b"\r"}}
    for place in sorted(
        {0, *borders, *(border - 1 for border in borders), *(border + 1 for border in borders)}
    ):
        check_cut(name, place)


@given(st.sampled_from(STREAMS), st.data())
def test_a_stream_that_is_cut_at_any_byte_costs_the_same_or_nobody_knows_what(
    name: str, data: st.DataObject
) -> None:
    check_cut(name, data.draw(st.integers(0, len(raw(name)))))


@given(
    st.sampled_from(STREAMS),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.sampled_from([": keep-alive", "id: 7", "retry: 3000", "nonsense"]), max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_the_framing_of_a_stream_changes_nothing(
    name: str, end: str, extra: list[str], mark: bool, packed: bool
) -> None:
    events = list(sse.events(raw(name)))
    blocks: list[str] = ["\ufeff" if mark else ""]
    for event in events:
        lines = [*extra, f"event: {event.type}"]
        lines += [f"data:{'' if packed else ' '}{line}" for line in event.data.split("\n")]
        blocks.append(end.join(lines) + end * 2)
    framed = told(name, "".join(blocks))

    assert isinstance(framed, UsageRecord)
    assert framed.to_json() == readable()[name].to_json()


@given(st.sampled_from(STREAMS), st.data())
def test_a_stream_that_arrives_in_any_pieces_means_what_the_whole_means(
    name: str, data: st.DataObject
) -> None:
    stream = raw(name)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(stream) - 1)), max_size=30)))
    end = data.draw(st.integers(0, len(stream)))
    digest = GeminiDigest() if b"usageMetadata" in stream or b"candidates" in stream else StreamDigest()
    for first, last in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        digest.feed(stream[first : min(last, end)])

    assert meaning(told(name, digest.text())) == meaning(told(name, stream[:end]))


def meaning(found: UsageRecord | DecibillReferenceError) -> Any:
    """Return what is billed; at which event a number stood is another matter once events are left out."""
    assert isinstance(found, UsageRecord)
    return found.quantities, found.basis, found.unknown, found.flags, found.service_tier


# Found by fuzzing


def test_a_document_after_half_a_byte_order_mark_is_still_a_document() -> None:
    document = b'\xef\xbb\xbf{"text": "a",\n\n"usage": {"type": "duration", "seconds": 7}}'
    digest = StreamDigest()
    for place in range(len(document)):
        digest.feed(document[place : place + 1])

    assert digest.text().encode() == document


def test_a_stream_of_which_only_an_event_without_a_field_is_kept_is_no_document() -> None:
    digest = StreamDigest()
    digest.feed(b'data: {"type": "x"}\n\n{"usage": 1}\n\n')
    kept = digest.text()

    assert kept.startswith(":")
    assert not list(sse.events(kept))


@pytest.mark.parametrize("count", ["1e2", "1E+2", "100.0"])
def test_a_number_is_a_number_still_when_the_chunks_of_a_stream_are_merged(count: str) -> None:
    usage = f'{{"promptTokenCount": {count}, "candidatesTokenCount": 1, "totalTokenCount": 101}}'
    stream = f'data: {{"candidates": [{{"finishReason": "STOP"}}], "usageMetadata": {usage}}}\n\n'
    digest = GeminiDigest()
    digest.feed(stream.encode())
    name = next(name for name in STREAMS if exchanges()[name]["provider"] == "gemini")

    assert meaning(told(name, digest.text())) == meaning(told(name, stream))
