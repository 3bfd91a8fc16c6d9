"""A transcript is a list of frames of both sides, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from decibill.errors import HarnessError
from decibill.transcript import Entry, is_session, kind_of, transcript


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        ({"event_id": "e", "type": "response.done"}, "response.done"),
        ({"serverContent": {}, "usageMetadata": {}}, "serverContent"),
        ({"tool_response": {}}, "toolResponse"),
        ({"type": 7}, "type"),
        ({}, ""),
        ([1], ""),
        (None, ""),
    ],
)
def test_the_kind_of_a_frame_is_its_type_or_its_first_member(frame: Any, kind: str) -> None:
    assert kind_of(frame) == kind


def test_a_transcript_is_read_from_the_exchange_or_from_its_file(tmp_path: Path) -> None:
    events = [{"from": "client", "frame": {"setup": {}}}, {"from": "server", "close": 1000}]
    (tmp_path / "events.json").write_text(json.dumps(events))
    inline = transcript({"response": {"events": events}}, tmp_path)
    assert inline == (Entry(False, {"setup": {}}), Entry(True, None, 1000))
    assert transcript({"response": {"events_file": "events.json"}}, tmp_path) == inline


@pytest.mark.parametrize(
    "events",
    [
        {},
        None,
        ["x"],
        [{"from": "somebody", "frame": {}}],
        [{"from": "client"}],
        [{"from": "client", "frame": {}, "close": 1000}],
        [{"from": "client", "close": "1000"}],
    ],
)
def test_what_is_no_transcript_is_refused(events: Any, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="the exchange"):
        transcript({"response": {"events": events}}, tmp_path)


def test_an_answer_with_events_is_a_session() -> None:
    assert is_session({"response": {"events": []}})
    assert is_session({"response": {"events_file": "x"}})
    assert not is_session({"response": {"json": {}}})
    assert not is_session({})
