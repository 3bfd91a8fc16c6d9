"""What a source states: a number, unknown, or nothing; never 0 for what it did not say."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill.declaration import Cost, Mark, Only, Source
from decibill.observe import applies, observe_caller, observe_ledger
from decibill.observe_body import documents, usage_of
from decibill.observe_ledger import Ledger, Record, SentCall
from decibill.observe_number import inclusive, marked, scaled, statement
from decibill.observe_poll import PolledLedger
from decibill.pointer import MISSING
from decibill.statements import Delivery, Kind, SourceObservation, Statement
from decibill.target import Target
from hypothesis import given
from hypothesis import strategies as st

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream; charset=utf-8"}


# numbers


@pytest.mark.parametrize(
    ("value", "kind", "number", "is_float"),
    [
        (0, Kind.NUMBER, "0", False),
        (Decimal("0.0"), Kind.NUMBER, "0.0", True),
        (784, Kind.NUMBER, "784", False),
        (-5, Kind.NUMBER, "-5", False),
        (Decimal("0.0008500000000000001"), Kind.NUMBER, "0.0008500000000000001", True),
        (Decimal("1E-5"), Kind.NUMBER, "0.00001", True),
        ("0.003527", Kind.NUMBER, "0.003527", False),
        (" 1e-05 ", Kind.NUMBER, "0.00001", False),
        (".5", Kind.NUMBER, "0.5", False),
        (None, Kind.UNKNOWN, None, False),
        (MISSING, Kind.NOTHING, None, False),
        ("", Kind.NOTHING, None, False),
    ],
    ids=repr,
)
def test_a_value_states_a_number_unknown_or_nothing(
    value: Any, kind: Kind, number: str | None, is_float: bool
) -> None:
    stated, problem = statement(value, "here")
    assert stated.kind is kind
    assert stated.value == (None if number is None else Decimal(number))
    assert stated.is_float is is_float
    assert problem is None


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        "NaN",
        "Infinity",
        "-inf",
        "0x10",
        "1,5",
        "$0.01",
        "1_000",
        "٣",
        "1" * 50,
        Decimal("1E+400"),
        Decimal("1E-99999"),
        10**5000,
        {},
        [1],
        "free",
    ],
    ids=lambda value: str(value)[:12] if not isinstance(value, int) or value < 2 else "huge",
)
def test_what_is_no_usable_number_is_nothing_and_said_so(value: Any) -> None:
    stated, problem = statement(value, "/cost of the body")
    assert stated.kind is Kind.NOTHING
    assert stated.value is None
    assert (problem or "").startswith("/cost of the body is ")
    assert "not a usable number" in (problem or "")
    assert len(problem or "") < 200


def test_a_number_in_a_header_is_forgiven_its_residue() -> None:
    stated, _ = statement("0.1", "header x-cost", text_is_float=True)
    assert stated.is_float


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=12))
def test_a_decimal_string_is_read_to_its_last_digit(number: Decimal) -> None:
    stated, problem = statement(format(number, "f"), "here")
    assert (stated.value, problem) == (number, None)


@pytest.mark.parametrize(
    ("per_usd", "usd"), [("1", "500"), ("100", "5"), ("500000", "0.001"), ("1000000000", "0.0000005")]
)
def test_a_cost_is_brought_to_dollars(per_usd: str, usd: str) -> None:
    stated = scaled(Statement(Kind.NUMBER, "", value=Decimal(500)), Decimal(per_usd))
    assert stated.value == Decimal(usd)
    assert scaled(Statement(Kind.UNKNOWN, ""), Decimal(per_usd)).value is None


@pytest.mark.parametrize(
    ("value", "among", "set_"),
    [
        (True, None, True),
        ("yes", None, True),
        (1, None, True),
        (False, None, False),
        (None, None, False),
        (0, None, False),
        ("", None, False),
        (MISSING, None, False),
        ("partial", ("partial",), True),
        ("priced", ("partial",), False),
        (True, ("true",), True),
        (None, ("partial",), False),
        (MISSING, ("",), False),
    ],
)
def test_a_mark_is_set_by_a_value_that_says_something(
    value: Any, among: tuple[str, ...] | None, set_: bool
) -> None:
    assert marked(value, among) is set_


def numbers(**values: int | None) -> dict[str, Statement]:
    return {
        name: Statement(Kind.UNKNOWN, "")
        if value is None
        else Statement(Kind.NUMBER, "", value=Decimal(value))
        for name, value in values.items()
    }


@pytest.mark.parametrize(
    ("stated", "whole"),
    [
        ({"input_tokens": 20, "audio_input_tokens": 80}, {"input_tokens": 100, "audio_input_tokens": 80}),
        (
            {
                "input_tokens": 1,
                "audio_input_tokens": 2,
                "cached_audio_input_tokens": 4,
                "cached_input_tokens": 8,
            },
            {
                "input_tokens": 15,
                "audio_input_tokens": 6,
                "cached_audio_input_tokens": 4,
                "cached_input_tokens": 8,
            },
        ),
        (
            {"output_tokens": 1, "text_output_tokens": 2, "reasoning_output_tokens": 4},
            {"output_tokens": 7, "text_output_tokens": 6, "reasoning_output_tokens": 4},
        ),
        (
            {"input_tokens": 20, "audio_input_tokens": None},
            {"input_tokens": None, "audio_input_tokens": None},
        ),
        ({"input_tokens": None, "audio_input_tokens": 3}, {"input_tokens": None, "audio_input_tokens": 3}),
        ({"audio_duration_seconds": 5}, {"audio_duration_seconds": 5}),
    ],
)
def test_disjoint_quantities_are_made_inclusive(
    stated: dict[str, int | None], whole: dict[str, int | None]
) -> None:
    values = {name: each.value for name, each in inclusive(numbers(**stated)).items()}
    assert values == {name: None if value is None else Decimal(value) for name, value in whole.items()}


# bodies


def stream(*events: object, end: str = "\n") -> bytes:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in events]
    return "".join(f"data: {text}{end}{end}" for text in texts).encode()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_a_stream_is_read_by_the_standard_of_its_line_ends(end: str) -> None:
    body = b": hello" + end.encode() * 2 + stream({"a": 1}, "[DONE]", {"b": 2}, end=end)
    assert documents(body, SSE["content-type"]) == (({"a": 1}, {"b": 2}), None)


def test_data_over_several_lines_is_one_event() -> None:
    assert documents(b'event: x\ndata: {"a":\ndata: 1}\nid: 3\n\n', "text/event-stream")[0] == ({"a": 1},)


def test_an_event_that_was_cut_is_no_event() -> None:
    assert documents(b'data: {"a": 1}\n\ndata: {"b": 2}', "text/event-stream")[0] == ({"a": 1},)


@pytest.mark.parametrize(
    ("body", "kind", "found", "problem"),
    [
        (b"", "application/json", (), None),
        (b'{"a": 1}', "application/json; charset=utf-8", ({"a": 1},), None),
        (b'{"a": 1}', "application/problem+json", ({"a": 1},), None),
        (b'{"a": 1}', "", ({"a": 1},), None),
        (b"ID3\x04", "audio/mpeg", (), None),
        (b"hello", "text/plain", (), None),
        (b"<html>", "application/json", (), "is not JSON"),
        (b'{"a": 1, "a": 2}', "application/json", (), "stands twice"),
        (b'{"a": NaN}', "application/json", (), "but is"),
        (b'{"a": "\xff"}', "application/json", (), "not UTF-8"),
        (b"[" * 200_000, "application/json", (), "nested too deeply"),
        (b'{"a": ' + b"9" * 6000 + b"}", "application/json", (), "but is"),
    ],
    ids=[
        "empty",
        "json",
        "problem",
        "no-type",
        "media",
        "text",
        "html",
        "twice",
        "NaN",
        "bytes",
        "deep",
        "long",
    ],
)
def test_a_body_is_read_by_its_type(
    body: bytes, kind: str, found: tuple[Any, ...], problem: str | None
) -> None:
    read, why = documents(body, kind)
    assert read == found
    assert (why is None) is (problem is None)
    assert (problem or "") in (why or "")


def usage(**members: Any) -> dict[str, Any]:
    return {name: value for name, (_, value) in usage_of(({"usage": members},)).items()}


@pytest.mark.parametrize(
    ("members", "quantities"),
    [
        (
            {
                "type": "tokens",
                "input_tokens": 14,
                "input_token_details": {"audio_tokens": 4, "text_tokens": 10},
            },
            {"input_tokens": 14, "audio_input_tokens": 4, "text_input_tokens": 10},
        ),
        (
            {"input_tokens": 14, "input_tokens_details": {"audio_tokens": 14}},
            {"input_tokens": 14, "audio_input_tokens": 14},
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 8,
                "total_tokens": 17,
                "prompt_tokens_details": {
                    "cached_tokens": 5,
                    "cached_tokens_details": {"text_tokens": 2, "audio_tokens": 3},
                },
                "completion_tokens_details": {"reasoning_tokens": 1, "audio_tokens": 7, "text_tokens": 1},
            },
            {
                "input_tokens": 9,
                "output_tokens": 8,
                "cached_input_tokens": 5,
                "cached_text_input_tokens": 2,
                "cached_audio_input_tokens": 3,
                "reasoning_output_tokens": 1,
                "audio_output_tokens": 7,
                "text_output_tokens": 1,
            },
        ),
        ({"type": "duration", "seconds": 9, "input_tokens": 0}, {"audio_duration_seconds": 9}),
        ({"type": "tokens", "seconds": 9, "input_tokens": 3}, {"input_tokens": 3}),
        ({"seconds": 9, "input_tokens": 3}, {"input_tokens": 3}),
        ({"seconds": 9}, {"audio_duration_seconds": 9}),
        ({"audio_seconds": "3.7"}, {"audio_duration_seconds": "3.7"}),
        ({"audio_duration_seconds": 3}, {"audio_duration_seconds": 3}),
        (
            {"prompt_tokens": 5, "audio_input_tokens": 4, "audio_output_tokens": 2, "tts_characters": 7},
            {"input_tokens": 5, "audio_input_tokens": 4, "audio_output_tokens": 2, "tts_characters": 7},
        ),
        ({"input_tokens": None}, {"input_tokens": None}),
        ({"prompt_tokens_details": 3, "input_token_details": None}, {}),
    ],
)
def test_the_usage_of_the_dialect_is_read_under_all_its_names(
    members: dict[str, Any], quantities: dict[str, Any]
) -> None:
    assert usage(**members) == quantities


def test_the_last_usage_of_a_stream_that_is_not_null_counts() -> None:
    found = ({"usage": {"input_tokens": 1}}, {"usage": {"input_tokens": 2}}, {"usage": None}, {"x": 1})
    assert usage_of(found) == {"input_tokens": ("/usage/input_tokens", 2)}


def test_a_stated_duration_counts_where_usage_is_not_in_tokens() -> None:
    assert usage_of(({"duration": 8.5},)) == {"audio_duration_seconds": ("/duration", 8.5)}
    both = usage_of(({"duration": 8.47, "usage": {"type": "duration", "seconds": 9}},))
    assert both["audio_duration_seconds"] == ("/usage/seconds", 9)
    assert both["media_duration_seconds"] == ("/duration", 8.47)
    assert "audio_duration_seconds" not in usage_of(({"duration": 8, "usage": {"input_tokens": 1}},))


# what the caller received

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
    observation = seen(source, delivered(b'{"c": 1e400}'))
    assert observation.cost is not None
    assert observation.cost.kind is Kind.NOTHING
    assert observation.problem == "/c of the body is 1E+400, not a usable number"


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


# ledgers

LIST = Source(
    "ledger",
    "poll",
    "ledger",
    get="/rows",
    rows="/data",
    match={"/model": ("{case.model}",)},
    identity=("/id",),
    cost=Cost("/cost"),
)


class Rows:
    """A ledger over HTTP that answers what a test puts into it."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []

    def set(self, *rows: object, path: str = "/rows", status: int = 200) -> None:
        self.answers[path] = (status, json.dumps({"data": list(rows)}).encode())


@pytest.fixture
def rows() -> Iterator[tuple[Rows, Target]]:
    content = Rows()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content.asked.append(self.path)
            status, body = content.answers.get(self.path, (404, b"{}"))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    with Target(f"http://127.0.0.1:{server.server_port}", {}) as target:
        yield content, target
    server.shutdown()
    thread.join()
    server.server_close()


def sent(instance: str = "one", number: int = 0, model: str = "m", call_id: str = "") -> SentCall:
    return SentCall(instance, number, {"case.model": model, "call.id": call_id})


def polled(source: Source, target: Target, calls: list[SentCall]) -> PolledLedger:
    return PolledLedger(source, calls, target=target)


def identities(ledger: Ledger, call: SentCall) -> list[str]:
    return [json.loads(record.identity)[0] for record in ledger.records(call)]


def test_a_row_belongs_to_the_call_that_it_matches(rows: tuple[Rows, Target]) -> None:
    content, target = rows
    one, two = sent("one", model="a"), sent("two", model="b")
    ledger = polled(LIST, target, [one, two])
    content.set({"id": 1, "model": "b"}, {"id": 2, "model": "a"}, {"id": 3, "model": "c"})
    ledger.read()
    assert (identities(ledger, one), identities(ledger, two)) == (["2"], ["1"])
    assert content.asked == ["/rows"]


def test_rows_that_were_there_before_belong_to_nobody(rows: tuple[Rows, Target]) -> None:
    content, target = rows
    ledger = polled(LIST, target, [sent()])
    content.set({"id": 1, "model": "m"})
    ledger.forget_what_is_there([sent().values])
    content.set({"id": 2, "model": "m"}, {"id": 1, "model": "m"})
    ledger.read()
    assert identities(ledger, sent()) == ["2"]


def test_a_row_seen_twice_is_one_record_and_two_rows_are_two(rows: tuple[Rows, Target]) -> None:
    content, target = rows
    ledger = polled(LIST, target, [sent()])
    content.set({"id": 1, "model": "m"}, {"id": 1, "model": "m"})
    ledger.read()
    ledger.read()
    assert identities(ledger, sent()) == ["1"]
    content.set({"id": 1, "model": "m"}, {"id": 2, "model": "m"})
    ledger.read()
    assert identities(ledger, sent()) == ["1", "2"]


def test_calls_of_one_instance_get_one_row_each_and_the_last_what_is_too_many(
    rows: tuple[Rows, Target],
) -> None:
    content, target = rows
    calls = [sent(number=0), sent(number=1)]
    ledger = polled(LIST, target, calls)
    content.set(*({"id": number, "model": "m"} for number in range(3)))
    ledger.read()
    assert [identities(ledger, call) for call in calls] == [["0"], ["1", "2"]]


def test_a_row_belongs_to_the_call_whose_id_it_carries(rows: tuple[Rows, Target]) -> None:
    content, target = rows
    calls = [sent(number=0, call_id="x"), sent(number=1, call_id="y")]
    ledger = polled(replace(LIST, call="/call"), target, calls)
    content.set({"id": 1, "model": "m", "call": "y"}, {"id": 2, "model": "m", "call": "x"})
    ledger.read()
    assert [identities(ledger, call) for call in calls] == [["2"], ["1"]]


def test_a_row_with_a_foreign_id_is_not_lost(rows: tuple[Rows, Target]) -> None:
    content, target = rows
    call = sent(call_id="x")
    ledger = polled(replace(LIST, call="/call"), target, [call])
    content.set({"id": 1, "model": "m", "call": "x"}, {"id": 2, "model": "m", "call": "retry-of-x"})
    ledger.read()
    assert identities(ledger, call) == ["1", "2"]


def test_without_any_id_a_row_belongs_to_the_last_call_that_it_matches(rows: tuple[Rows, Target]) -> None:
    content, target = rows
    ledger = polled(LIST, target, [sent("one")])
    content.set({"id": 1, "model": "m"})
    ledger.read()
    ledger.sent.append(sent("two"))
    content.set({"id": 2, "model": "m"}, {"id": 1, "model": "m"})
    ledger.read()
    assert identities(ledger, sent("one")) == ["1"]
    assert identities(ledger, sent("two")) == ["2"]


@pytest.mark.parametrize(
    ("value", "fits"),
    [("m", True), (["x", "m"], True), ("x", False)],
)
def test_a_match_is_one_of_the_values(rows: tuple[Rows, Target], value: Any, fits: bool) -> None:
    content, target = rows
    values = tuple(value) if isinstance(value, list) else (value,)
    ledger = polled(replace(LIST, match={"/model": values}), target, [sent()])
    content.set({"id": 1, "model": "m"})
    ledger.read()
    assert bool(ledger.records(sent())) is fits


@pytest.mark.parametrize(("member", "text"), [(3, "3"), (True, "true"), (None, "null"), ("a", "a")])
def test_a_match_compares_as_text(rows: tuple[Rows, Target], member: Any, text: str) -> None:
    content, target = rows
    ledger = polled(replace(LIST, match={"/n": (text,)}), target, [sent()])
    content.set({"id": 1, "n": member}, {"id": 2})
    ledger.read()
    assert identities(ledger, sent()) == ["1"]


ONE = replace(LIST, get="/row/{call.id}", rows=None, row="", match={}, identity=("/id",))


def test_one_record_is_asked_for_by_its_id(rows: tuple[Rows, Target]) -> None:
    content, target = rows
    ledger = polled(ONE, target, [sent(call_id="x"), sent("two", call_id="y"), sent("three")])
    content.answers["/row/x"] = (200, b'{"id": "x", "cost": "0.1"}')
    ledger.read()
    assert identities(ledger, sent(call_id="x")) == ["x"]
    assert ledger.records(sent("two")) == ()
    assert ledger.problem is None
    assert content.asked == ["/row/x", "/row/y"]


def test_an_id_that_the_gateway_made_up_cannot_lead_elsewhere(rows: tuple[Rows, Target]) -> None:
    content, target = rows
    polled(ONE, target, [sent(call_id="../admin?x=1#")]).read()
    assert content.asked == ["/row/..%2Fadmin%3Fx%3D1%23"]


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (500, b"{}", "GET /rows answered 500"),
        (404, b"{}", "GET /rows answered 404"),
        (401, b"{}", "GET /rows answered 401"),
        (200, b"<html>", "the answer to GET /rows: not JSON"),
        (200, b'{"data": 3}', "GET /rows holds no list at /data"),
        (200, b'{"rows": []}', "GET /rows holds no list at /data"),
        (200, b'{"data": [{"model": "m"}]}', "records have nothing at /id"),
    ],
)
def test_a_ledger_that_cannot_be_read_says_why(
    rows: tuple[Rows, Target], status: int, body: bytes, says: str
) -> None:
    content, target = rows
    content.answers["/rows"] = (status, body)
    ledger = polled(LIST, target, [sent()])
    ledger.read()
    assert says in (ledger.problem or "")
    content.set()
    ledger.read()
    assert ledger.problem is None


def test_an_empty_ledger_may_be_null(rows: tuple[Rows, Target]) -> None:
    content, target = rows
    content.answers["/rows"] = (200, b'{"data": null}')
    ledger = polled(LIST, target, [sent()])
    ledger.read()
    assert (ledger.records(sent()), ledger.problem) == ((), None)


def test_an_unreachable_ledger_says_so(rows: tuple[Rows, Target]) -> None:
    with Target("http://127.0.0.1:9", {}) as target:
        ledger = polled(LIST, target, [sent()])
        ledger.read()
    assert "GET /rows cannot be reached" in (ledger.problem or "")


def test_of_several_records_the_first_is_read_and_all_are_named() -> None:
    records = [Record("a", {"cost": "1"}, "GET /rows"), Record("b", {"cost": "2"}, "GET /rows")]
    observation = observe_ledger(LIST, records, None)
    assert observation.cost == Statement(Kind.NUMBER, "/cost of GET /rows", Decimal(1), "1")
    assert observation.records == ("a", "b")
    assert observation.keeps_records


def test_no_record_states_nothing_and_a_problem_is_kept() -> None:
    observation = observe_ledger(LIST, (), "GET /rows answered 500")
    assert observation.cost is not None
    assert observation.cost.kind is Kind.NOTHING
    assert observation.problem == "GET /rows answered 500"
    assert observation.records == ()


def test_a_ledger_with_disjoint_quantities_states_inclusive_ones() -> None:
    source = replace(
        LIST, usage={"input_tokens": ("/in",), "audio_input_tokens": ("/audio",)}, convention="disjoint"
    )
    observation = observe_ledger(source, [Record("a", {"in": 20, "audio": 80}, "GET /rows")], None)
    assert observation.usage["input_tokens"].value == 100
