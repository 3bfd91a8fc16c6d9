from __future__ import annotations

import pytest
from decibill_reference.sse import Event, events
from hypothesis import given
from hypothesis import strategies as st

LINE_ENDS = pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])


def data(stream: str | bytes) -> list[str]:
    return [event.data for event in events(stream)]


@LINE_ENDS
def test_an_event_ends_at_an_empty_line_whatever_ends_a_line(end: str) -> None:
    assert data(f"data: a{end}{end}data: b{end}{end}") == ["a", "b"]


def test_line_ends_can_be_mixed() -> None:
    assert data("data: a\r\n\ndata: b\r\rdata: c\n\r\n") == ["a", "b", "c"]


@LINE_ENDS
def test_data_over_several_lines_is_joined_by_line_feeds(end: str) -> None:
    assert data(f"data: a{end}data:{end}data: c{end}{end}") == ["a\n\nc"]


def test_comments_and_unknown_fields_are_passed_over() -> None:
    assert data(": keep-alive\n\nid: 7\nretry: 10\nnonsense\ndata: a\n: more\n\n") == ["a"]


def test_one_space_after_the_colon_belongs_to_the_field() -> None:
    assert data("data:a\n\ndata:  b\n\n") == ["a", " b"]


def test_an_event_without_data_is_not_dispatched_and_leaves_no_type_behind() -> None:
    assert list(events("event: ping\n\ndata: a\n\n")) == [Event("message", "a")]


def test_the_event_field_is_the_type() -> None:
    assert list(events("event: speech.audio.done\ndata: a\n\n")) == [Event("speech.audio.done", "a")]


@pytest.mark.parametrize("stream", ["\ufeffdata: a\n\n", b"\xef\xbb\xbfdata: a\n\n"], ids=["text", "bytes"])
def test_a_byte_order_mark_is_skipped(stream: str | bytes) -> None:
    assert data(stream) == ["a"]


@pytest.mark.parametrize("tail", ["data: b", "data: b\n", "data", "\ndata: b\r\n"], ids=repr)
def test_an_event_that_the_end_of_the_stream_cuts_off_is_not_an_event(tail: str) -> None:
    assert data(f"data: a\n\n{tail}") == ["a"]


def test_a_line_separator_of_unicode_does_not_end_a_line() -> None:
    assert data("data: a\u2028b\x0bc\x85d\n\n") == ["a\u2028b\x0bc\x85d"]


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1), max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.data(),
)
def test_a_cut_stream_is_a_beginning_of_the_whole(payloads: list[str], end: str, draw: st.DataObject) -> None:
    stream = "".join(f"data: {payload}{end}{end}" for payload in payloads).encode()
    cut = draw.draw(st.integers(min_value=0, max_value=len(stream)))

    assert data(stream) == payloads
    assert payloads[: len(data(stream[:cut]))] == data(stream[:cut])
