"""The usage of a session is the sum over the events that bill."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from decibill.observe_body import usage_of
from decibill.observe_session import session_usage
from tests.sessions import DONE


def _values(*frames: Any) -> dict[str, Any]:
    return {name: value for name, (_, value) in session_usage(frames, usage_of).items()}


def _done(identity: str | None, tokens: Any) -> dict[str, Any]:
    response: dict[str, Any] = {"usage": {"input_tokens": tokens}}
    return {"type": "response.done", "response": response | ({"id": identity} if identity else {})}


def test_the_usage_of_responses_is_summed() -> None:
    assert _values(DONE, _done("resp_2", 6), _done(None, 1), _done(None, 1))["input_tokens"] == 32


def test_a_response_that_is_told_twice_counts_once() -> None:
    assert _values(_done("a", 5), _done("a", 5)) == {"input_tokens": 5}


def test_the_place_of_a_sum_is_where_its_first_value_stands() -> None:
    place, _ = session_usage((DONE,), usage_of)["audio_output_tokens"]
    assert place == "response.done /response/usage/output_token_details/audio_tokens"


def test_a_response_without_usage_states_nothing() -> None:
    empty = {"type": "response.done", "response": {"id": "x", "usage": None}}
    assert _values(empty, {"type": "response.done", "response": "x"}, {"type": "response.done"}) == {}


def test_what_is_no_count_stands_for_the_sum() -> None:
    assert _values(_done("a", 5), _done("b", "six")) == {"input_tokens": "six"}
    assert _values(_done("a", True), _done("b", 6)) == {"input_tokens": True}


def test_the_last_count_of_seconds_is_the_usage_of_a_live_session() -> None:
    updated = {"type": "session.usage.updated", "usage": {"seconds": Decimal("1.5")}}
    closed = {"type": "session.closed", "usage": {"seconds": Decimal("4.25")}}
    assert _values(updated, closed, {"type": "session.closed"}) == {"audio_duration_seconds": Decimal("4.25")}


def test_the_frames_of_gemini_with_usage_are_summed() -> None:
    def frame(prompt: int, response: int) -> dict[str, Any]:
        usage = {"promptTokenCount": prompt, "responseTokenCount": response}
        return {"serverContent": {}, "usageMetadata": usage}

    assert _values(frame(3, 1), {"serverContent": {}}, frame(10, 4)) == {
        "input_tokens": 13,
        "output_tokens": 5,
    }


def test_the_usage_of_a_sessions_other_models_is_no_part_of_it() -> None:
    completed = {
        "type": "conversation.item.input_audio_transcription.completed",
        "usage": {"type": "duration", "seconds": 3},
    }
    assert _values(completed, ["no", "frame"], None) == {}
