"""What a gateway pushes is taken whole or refused aloud, and belongs to the call that it names."""

from __future__ import annotations

import http.client
import json
import socket
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from decibill import observe_sink
from decibill.declaration import Cost, Declaration, Mark, Source
from decibill.declaration_read import parse
from decibill.drive import DriveOptions, drive
from decibill.errors import HarnessError, InvalidFileError
from decibill.observe import observe_ledger
from decibill.observe_ledger import Record, SentCall
from decibill.observe_sink import Sink, SinkLedger
from decibill.plan import plan
from decibill.statements import SourceObservation
from tests.driven import PRICE, declared, variant

LOG = Source(
    "log",
    "sink",
    "ledger",
    call="/call",
    identity=("/id",),
    failed=Mark("/status", ("failure",)),
    cost=Cost("/cost"),
)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink(["log", "other"]) as running:
        yield running


def post(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=5)
    try:
        connection.request("POST", where.path, body, dict(headers or {}))
        return connection.getresponse().status
    finally:
        connection.close()


def push(sink: Sink, *records: Mapping[str, Any]) -> None:
    assert post(sink.url("log"), json.dumps(records).encode()) == 200


def sent(name: str = "one", call_id: str = "x") -> SentCall:
    return SentCall(name, 0, {"call.id": call_id})


def identities(ledger: SinkLedger, call: SentCall) -> list[str]:
    return [json.loads(record.identity)[0] for record in ledger.records(call)]


# what is posted


def test_an_object_is_one_record_and_an_array_is_several(sink: Sink) -> None:
    assert post(sink.url("log"), b'{"id": 1, "cost": 0.10}') == 200
    assert post(sink.url("log"), b'[{"id": 2}, {"id": 3}]') == 200
    records, problem = sink.take("log")
    assert records == ({"id": 1, "cost": Decimal("0.10")}, {"id": 2}, {"id": 3})
    assert problem is None
    assert sink.take("log") == ((), None)


def test_each_source_has_an_address_of_its_own(sink: Sink) -> None:
    post(sink.url("other"), b'{"id": 1}')
    assert sink.take("log") == ((), None)
    assert sink.take("other") == (({"id": 1},), None)


def test_what_no_source_declares_is_not_taken(sink: Sink) -> None:
    assert post(sink.url("log").replace("/log", "/elsewhere"), b'{"id": 1}') == 404
    assert sink.take("log") == sink.take("other") == ((), None)


@pytest.mark.parametrize(
    ("body", "headers", "status", "says"),
    [
        (b"{]", {}, 400, "is not JSON"),
        (b'{"a": 1, "a": 2}', {}, 400, "'a' stands twice"),
        (b'{"cost": NaN}', {}, 400, "NaN is not a JSON number"),
        (b'[{"id": 1}, 2]', {}, 400, "holds something that is no JSON object"),
        (b"3", {}, 400, "holds something that is no JSON object"),
        (b"\x1f\x8b", {"content-encoding": "gzip"}, 415, "is encoded as gzip"),
        (b"2\r\n{}\r\n0\r\n\r\n", {"transfer-encoding": "chunked"}, 411, "does not say how long it is"),
        (b"", {"content-length": "99999999999"}, 413, "is longer than"),
    ],
    ids=["no JSON", "repeated key", "not finite", "mixed", "a number", "encoded", "chunked", "too long"],
)
def test_what_cannot_be_taken_is_refused_and_stays_said(
    sink: Sink, body: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    assert post(sink.url("log"), body, headers) == status
    assert post(sink.url("log"), b'{"id": 1}') == 200
    for _ in range(2):
        _, problem = sink.take("log")
        assert says in (problem or "")
        assert (problem or "").startswith("a POST of the gateway to /log ")


def test_a_record_that_breaks_off_is_said(sink: Sink) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(sink.url("log")).port)) as gateway:
        gateway.sendall(b'POST /log HTTP/1.1\r\ncontent-length: 20\r\n\r\n{"id": 1')
        gateway.shutdown(socket.SHUT_WR)
        assert gateway.recv(100).startswith(b"HTTP/1.1 400 ")
    records, problem = sink.take("log")
    assert records == ()
    assert "is not JSON" in (problem or "")


def test_a_gateway_that_stalls_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe_sink, "_CLIENT_WAITS_S", 0.2)
    with Sink(["log"]) as sink:
        with socket.create_connection(("127.0.0.1", urlsplit(sink.url("log")).port)) as gateway:
            gateway.sendall(b'POST /log HTTP/1.1\r\ncontent-length: 20\r\n\r\n{"id": 1')
            assert gateway.recv(100).startswith(b"HTTP/1.1 408 ")
        assert sink.take("log") == ((), "a POST of the gateway to /log broke off: timed out")


def test_the_number_of_waiting_records_is_bounded(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe_sink, "_MOST", 2)
    assert post(sink.url("log"), b"[{}, {}]") == 200
    assert post(sink.url("log"), b"{}") == 413
    records, problem = sink.take("log")
    assert (len(records), problem) == (
        2,
        "a POST of the gateway to /log is one too many: 2 records wait already",
    )


def test_a_taken_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(HarnessError, match="pushes its records, cannot be listened on"):
            Sink(["log"], port=taken.getsockname()[1])


# whose it is


def test_a_record_belongs_to_the_call_whose_id_it_carries(sink: Sink) -> None:
    one, two = sent("one", "x"), sent("two", "y")
    ledger = SinkLedger(LOG, [one, two], sink=sink)
    push(sink, {"id": 1, "call": "y"}, {"id": 2, "call": "x"})
    ledger.read()
    assert (identities(ledger, one), identities(ledger, two)) == (["2"], ["1"])
    assert ledger.records(one)[0].where == "the record pushed to sink log"


def test_a_record_that_comes_before_its_call_is_known_is_kept_for_it(sink: Sink) -> None:
    ledger = SinkLedger(LOG, [], sink=sink)
    push(sink, {"id": 1, "call": "x"})
    ledger.read()
    ledger.sent.append(sent())
    ledger.read()
    assert identities(ledger, sent()) == ["1"]


def test_a_record_pushed_again_is_one_and_another_is_two(sink: Sink) -> None:
    ledger = SinkLedger(LOG, [sent()], sink=sink)
    push(sink, {"id": 1, "call": "x"})
    ledger.read()
    push(sink, {"id": 1, "call": "x"})
    ledger.read()
    assert identities(ledger, sent()) == ["1"]
    push(sink, {"id": 2, "call": "x"})
    ledger.read()
    assert identities(ledger, sent()) == ["1", "2"]


def test_what_was_pushed_before_the_run_belongs_to_nobody(sink: Sink) -> None:
    ledger = SinkLedger(LOG, [sent()], sink=sink)
    push(sink, {"id": 1, "call": "x"})
    ledger.forget_what_is_there([])
    push(sink, {"id": 2, "call": "x"})
    ledger.read()
    assert identities(ledger, sent()) == ["2"]


def test_what_was_refused_is_the_ledgers_problem(sink: Sink) -> None:
    post(sink.url("log"), b"?")
    ledger = SinkLedger(LOG, [sent()], sink=sink)
    ledger.read()
    assert "is not JSON" in (ledger.problem or "")


# attempts that failed


def observed(*rows: Mapping[str, Any]) -> SourceObservation:
    return observe_ledger(LOG, [Record(str(row["id"]), row, "the log") for row in rows], None)


FAILURE = {"id": "a", "status": "failure", "cost": Decimal("0.0")}
SUCCESS = {"id": "b", "status": "success", "cost": Decimal("0.25")}


def test_the_record_of_a_failed_attempt_is_no_charge() -> None:
    observation = observed(FAILURE, SUCCESS)
    assert observation.records == ("b",)
    assert observation.cost is not None
    assert observation.cost.value == Decimal("0.25")


def test_a_failed_attempt_that_states_a_cost_is_a_charge() -> None:
    assert observed({**FAILURE, "cost": Decimal("0.1")}, SUCCESS).records == ("a", "b")


def test_of_failed_attempts_alone_the_last_stands_for_the_call() -> None:
    observation = observed(FAILURE, {**FAILURE, "id": "c"})
    assert observation.records == ("c",)
    assert observation.cost is not None
    assert observation.cost.value == 0


def test_without_the_mark_every_record_counts() -> None:
    rows = [Record("a", FAILURE, "the log"), Record("b", SUCCESS, "the log")]
    assert observe_ledger(replace(LOG, failed=None), rows, None).records == ("a", "b")


# the declaration


SINK: dict[str, Any] = {"id": "log", "from": "sink", "identity": ["/id"], "cost": {"pointer": "/cost"}}


def read(source: dict[str, Any], **changes: Any) -> Declaration:
    data = declared(observe=[source], correlate={}, **changes)
    data["gateway"]["url"] = "http://127.0.0.1:8080"
    return parse(data, "mine.toml")


@pytest.mark.parametrize(
    ("source", "pointer", "says"),
    [
        (SINK | {"identity": []}, "/observe/0/identity", "told apart"),
        (SINK | {"id": "my log"}, "/observe/0/id", "letters, digits"),
        (SINK | {"id": "7"}, "/observe/0/id", "letters, digits"),
        (SINK | {"get": "/log"}, "/observe/0/get", "member"),
        (SINK | {"rows": "/data"}, "/observe/0/rows", "member"),
        (SINK | {"failed": "status"}, "/observe/0/failed", "JSON pointer"),
    ],
)
def test_what_a_sink_cannot_mean_is_refused(source: dict[str, Any], pointer: str, says: str) -> None:
    with pytest.raises(InvalidFileError, match=says) as caught:
        read(source)
    assert caught.value.pointer == pointer


def test_only_a_declared_sink_has_an_address() -> None:
    start = {"argv": ["gateway"], "ready": {"get": "/"}, "env": {"HOOK": "{sink.log}"}}
    assert read(SINK, start=start).start is not None
    with pytest.raises(InvalidFileError, match="template name"):
        read(SINK | {"id": "events"}, start=start)


# a run

PROGRAM = textwrap.dedent(
    """
    import http.server, json, os, sys, threading, urllib.request
    upstream, waiting = json.load(open(sys.argv[1])), []
    def deliver():
        body = json.dumps(waiting).encode()
        urllib.request.urlopen(urllib.request.Request(os.environ["HOOK"], body)).read()
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(b'{"version": "2.0"}')
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            url = upstream[json.loads(body)["model"]] + "/chat/completions"
            request = urllib.request.Request(url, body, {"content-type": "application/json"})
            answer = urllib.request.urlopen(request).read()
            call = self.headers["x-call-id"]
            waiting.append({"id": len(waiting), "call": call, "cost": os.environ["COST"], "version": 1})
            threading.Timer(0.4, deliver).start()
            self.answer(answer)
        def answer(self, body):
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def log_message(self, *args): pass
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
    """
)


@pytest.fixture
def pushing(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "gateway.py").write_text(PROGRAM)
    data = declared(
        start={
            "argv": ["{python}", str(tmp_path / "gateway.py"), "{file.config}", "{port}"],
            "ready": {"get": "/", "within_s": 10},
            "env": {"HOOK": "{sink.log}", "COST": PRICE},
        },
        files={
            "config": {
                "path": "config.json",
                "content": {"$for_map": "case", "key": "{case.alias}", "value": "{case.upstream}"},
            }
        },
        correlate={"send_header": "x-call-id"},
        observe=[SINK | {"call": "/call", "settle_s": 1}],
    )
    data["gateway"] |= {
        "url": "http://127.0.0.1:{port}",
        "version_from": {"get": "/version", "pointer": "/version"},
    }
    return data


def test_records_pushed_in_batches_reach_their_calls(pushing: dict[str, Any]) -> None:
    declaration = parse(pushing, "mini.toml")
    cases = [variant("one"), variant("two", {"repeat": 2})]
    driven = drive(plan(declaration, cases), declaration, DriveOptions(start=True))
    calls = [call for each in driven.observations.values() for call in each.sources]
    assert len(calls) == 3
    assert len({call[0].records for call in calls}) == 3
    for (log,) in calls:
        assert len(log.records) == 1
        assert log.cost is not None
        assert log.cost.value == Decimal(PRICE)


def test_the_version_that_runs_is_told_and_another_than_declared_is_noted(pushing: dict[str, Any]) -> None:
    declaration = parse(pushing, "mini.toml")
    driven = drive(plan(declaration, [variant("one")]), declaration, DriveOptions(start=True))
    assert driven.version == "2.0"
    assert driven.notes == ("it is 2.0; the declaration was tried with 1",)


def test_a_version_that_cannot_be_read_is_noted(pushing: dict[str, Any]) -> None:
    pushing["gateway"]["version_from"]["pointer"] = "/release"
    declaration = parse(pushing, "mini.toml")
    driven = drive(plan(declaration, [variant("one")]), declaration, DriveOptions(start=True))
    assert driven.version is None
    assert driven.notes == ("its version could not be read from /release of GET /version",)
