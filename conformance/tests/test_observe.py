"""What a source states of the answer that the caller received."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill.declaration import Cost, Mark, Only, Source
from decibill.observe import applies, observe_caller
from decibill.statements import Delivery, Kind, SourceObservation, Statement

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream; charset=utf-8"}


def stream(*events: object, end: str = "\n") -> bytes:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in events]
    return "".join(f"data: {text}{end}{end}" for text in texts).encode()


BODY = Source("body", "body", "caller", usage="dialect")
HEADER = Source("header", "header", "caller", cost=Cost("x-cost"), status="x-status")


def delivered(body: bytes, headers: Mapping[str, str] = JSON, status: int = 200) -> Delivery:
    return Delivery(status, headers, body)


def recorded(**response: Any) -> dict[str, Any]:
    return {"response": {"status": 200, **response}}


def seen(source: Source, delivery: Delivery, exchange: Mapping[str, Any] | None = None) -> SourceObservation:
    return observe_caller(source, delivery, exchange, Path())


def test_usage_that_was_sent_and_did_not_arrive_has_a_place_and_states_nothing() -> None:
    exchange = recorded(json={"usage": {"type": "tokens", "input_tokens": 784}})
    observation = seen(BODY, delivered(b'{"text": "hi"}'), exchange)
    assert observation.usage["input_tokens"].kind is Kind.NOTHING
    assert observation.usage["input_tokens"].where == "/usage/input_tokens of the body"


def test_usage_that_was_never_sent_has_no_place() -> None:
    assert seen(BODY, delivered(b"hi", {"content-type": "text/plain"}), recorded(text="hi")).usage == {}
    assert seen(BODY, delivered(b'{"text": "hi"}')).usage == {}


def test_usage_that_was_never_sent_and_arrives_is_stated() -> None:
    observation = seen(BODY, delivered(b'{"usage": {"seconds": 5}}'), recorded(text="hi"))
    assert observation.usage["audio_duration_seconds"].value == 5


@pytest.mark.parametrize("status", [400, 429, 500])
def test_an_error_carries_no_usage_whatever_stands_in_it(status: int) -> None:
    body = b'{"usage": {"input_tokens": 3}}'
    assert (
        seen(BODY, delivered(body, status=status), recorded(json={"usage": {"input_tokens": 3}})).usage == {}
    )


def test_an_answer_that_cannot_be_read_is_a_problem_unless_the_provider_sent_it() -> None:
    page = delivered(b"<html>")
    assert "not JSON" in (seen(BODY, page, recorded(json={})).problem or "")
    assert (
        seen(BODY, page, recorded(text="<html>", headers={"content-type": "application/json"})).problem
        is None
    )


def test_a_missing_file_of_the_recording_is_not_blamed_on_the_gateway() -> None:
    assert seen(BODY, delivered(b"<html>"), recorded(json_file="gone.json")).problem is None


def test_a_header_states_cost_and_status() -> None:
    observation = seen(HEADER, delivered(b"", {"x-cost": "0.0035", "x-status": "priced"}))
    assert observation.cost == Statement(Kind.NUMBER, "header x-cost", Decimal("0.0035"), "0.0035", True)
    assert observation.status == "priced"


def test_a_status_cannot_bring_control_characters_into_a_report() -> None:
    source = Source("body", "body", "caller", cost=Cost("/c"), status="/s")
    observation = seen(source, delivered(b'{"c": "\\u001b[2J", "s": "pr\\u0007iced\\ud800"}'))
    assert observation.status == "pr\ufffdiced\ufffd"
    assert observation.problem == "/c of the body is \ufffd[2J, not a usable number"


def test_a_header_that_is_missing_or_empty_states_nothing() -> None:
    for headers in ({}, {"x-cost": "", "x-status": ""}):
        observation = seen(HEADER, delivered(b"", headers))
        assert observation.cost is not None
        assert observation.cost.kind is Kind.NOTHING
        assert observation.status is None


def test_no_answer_at_all_states_nothing() -> None:
    observation = seen(HEADER, Delivery(None, error="cannot be reached"))
    assert observation.cost is not None
    assert observation.cost.kind is Kind.NOTHING
    assert seen(BODY, Delivery(None), recorded(json={"usage": {"seconds": 3}})).usage == {}


def test_a_header_may_carry_usage() -> None:
    source = replace(HEADER, usage={"input_tokens": ("x-in",)})
    assert seen(source, delivered(b"", {"x-in": "7"})).usage["input_tokens"].value == 7


def test_the_last_event_that_has_the_member_decides() -> None:
    source = Source(
        "body", "body", "caller", cost=Cost("/usage/cost"), usage={"input_tokens": ("/u/a", "/u/b")}
    )
    body = stream({"usage": {"cost": 1}, "u": {"b": 3}}, {"usage": {"cost": None}}, {"x": 1})
    observation = seen(source, delivered(body, SSE))
    assert observation.cost is not None
    assert observation.cost.kind is Kind.UNKNOWN
    assert observation.usage["input_tokens"].value == 3
    assert observation.usage["input_tokens"].where == "/u/b of the body"


def test_a_member_can_turn_a_number_into_unknown_but_not_zero_itself() -> None:
    cost = Cost("/cost", unknown_if=Mark("/unpriced"))
    source = Source("body", "body", "caller", cost=cost)
    for body, kind in (
        (b'{"cost": 0, "unpriced": true}', Kind.UNKNOWN),
        (b'{"cost": 0, "unpriced": false}', Kind.NUMBER),
        (b'{"cost": 0}', Kind.NUMBER),
        (b'{"unpriced": true}', Kind.NOTHING),
    ):
        stated = seen(source, delivered(body)).cost
        assert stated is not None
        assert (body, stated.kind) == (body, kind)


def test_marks_of_an_estimate_and_of_a_lower_bound_are_read() -> None:
    source = Source(
        "body", "body", "caller", cost=Cost("/c"), estimate=Mark("/e"), incomplete=Mark("/s", ("partial",))
    )
    first = seen(source, delivered(b'{"c": 1, "e": true, "s": "partial"}'))
    second = seen(source, delivered(b'{"c": 1, "e": false, "s": "priced"}'))
    assert (first.estimate, first.incomplete) == (True, True)
    assert (second.estimate, second.incomplete) == (False, False)


def test_a_cost_that_is_no_number_is_a_problem_not_a_zero() -> None:
    source = Source("body", "body", "caller", cost=Cost("/c"))
    observation = seen(source, delivered(b'{"c": 1e300}'))
    assert observation.cost is not None
    assert observation.cost.kind is Kind.NOTHING
    assert observation.problem == "/c of the body is 1E+300, not a usable number"


@pytest.mark.parametrize(
    ("only", "operation", "stream_", "asked"),
    [
        (Only(), "chat", True, True),
        (Only(stream=False), "chat", True, False),
        (Only(stream=False), "chat", False, True),
        (Only(operations=frozenset({"speech"})), "chat", False, False),
        (Only(operations=frozenset({"speech"})), "speech", True, True),
    ],
)
def test_a_source_is_asked_only_where_it_says(only: Only, operation: str, stream_: bool, asked: bool) -> None:
    assert applies(replace(BODY, only=only), operation, stream=stream_) is asked
