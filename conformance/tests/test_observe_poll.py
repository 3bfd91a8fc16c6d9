"""A polled record belongs to its own call, and is told from others by identity."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from decibill.declaration import Cost, Source
from decibill.observe import observe_ledger
from decibill.observe_ledger import Ledger, Record, SentCall
from decibill.observe_poll import PolledLedger
from decibill.statements import Kind, Statement
from decibill.target import Target

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
