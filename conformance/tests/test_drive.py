"""Against gateways that are right, late, broken, hostile or gone, every instance gets its observation."""

from __future__ import annotations

import copy
import socket
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill.case import Case
from decibill.cases import load_cases, parse_case
from decibill.declaration import Declaration
from decibill.declaration_read import at_url, parse
from decibill.drive import Driven, DriveOptions, drive
from decibill.errors import HarnessError, InvalidFileError, PreflightError, UsageError
from decibill.plan import plan
from decibill.process import free_port
from decibill.statements import Kind, Observation
from tests.miniature import Miniature, Reply

TEXT_CHAT = next(case for case in load_cases() if case.id == "gateway/preflight-text-chat")
PRICE = "0.0000198"

DECLARED: dict[str, Any] = {
    "format": 1,
    "gateway": {"id": "mini", "name": "Miniature", "version": "1", "url": "", "dialects": ["openai"]},
    "features": {"operations": ["chat"], "stream": ["chat"], "price_scope": "alias", "retry": True},
    "model": {"name": "{case.alias}"},
    "upstream": {"how": "manual", "select": "path", "base": {"openai": "{upstream}/c/{case.token}/v1"}},
    "prices": {"how": "book"},
    "routes": {"openai": {"chat": "/v1/chat/completions"}},
    "correlate": {"response_header": "x-call"},
    "observe": [
        {"id": "header", "from": "header", "cost": {"name": "x-cost"}},
        {
            "id": "ledger",
            "from": "poll",
            "get": "/usage",
            "rows": "/data",
            "match": {"/model": "{case.alias}"},
            "call": "/id",
            "identity": ["/row"],
            "cost": {"pointer": "/cost"},
        },
        {"id": "body", "from": "body", "usage": "dialect"},
    ],
}


def variant(name: str, client: Any = "read_all", **changes: Any) -> Case:
    """Return the plain text call under another id, with another client or other members."""
    document: dict[str, Any] = copy.deepcopy(dict(TEXT_CHAT.document))
    document["id"] = f"test/{name}"
    document["when"]["client"] = client
    return parse_case({**document, **changes}, name)


def declared(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(DECLARED), **changes}


@contextmanager
def running(data: dict[str, Any] | None = None, **facts: Any) -> Iterator[tuple[Miniature, Declaration, int]]:
    """Yield a running miniature, its declaration, and the port at which it expects the upstream."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    path = "/c/{model}/v1" if data is None or data["upstream"]["select"] == "path" else "/v1"
    with Miniature(base + path, **{"cost": lambda _: PRICE, **facts}) as gateway:
        document = copy.deepcopy(data or DECLARED)
        document["gateway"]["url"] = gateway.url
        yield gateway, parse(document, "mini.toml"), port


def run(
    cases: list[Case], data: dict[str, Any] | None = None, options: DriveOptions | None = None, **facts: Any
) -> tuple[Driven, Miniature]:
    with running(data, **facts) as (gateway, declaration, port):
        chosen = replace(options or DriveOptions(timeout_s=3), upstream_port=port)
        return drive(plan(declaration, cases), declaration, chosen), gateway


def only(driven: Driven) -> Observation:
    (observation,) = driven.observations.values()
    return observation


def test_one_call_is_observed_at_every_declared_source() -> None:
    driven, gateway = run([variant("one")])
    observation = only(driven)
    assert list(driven.observations) == ["test/one"]
    assert observation.deliveries[0].status == 200
    assert [attempt.path for attempt in observation.attempts] == ["/c/test--one/v1/chat/completions"]
    header, ledger, body = observation.sources[0]
    assert header.cost is not None
    assert header.cost.value == Decimal(PRICE)
    assert ledger.cost is not None
    assert ledger.cost.value == Decimal(PRICE)
    assert len(ledger.records) == 1
    assert body.usage["input_tokens"].value == 24
    assert observation.curl.startswith(f"curl -sS -X POST {driven.gateway_url}/v1/chat/completions")
    assert driven.notes == ()
    assert len(gateway.seen) == 2  # the preflight call and the instance's own


def test_the_preflight_call_is_not_blamed_on_the_case_that_it_borrows() -> None:
    driven, _ = run([TEXT_CHAT])
    assert len(only(driven).attempts) == 1
    assert len(only(driven).sources[0][1].records) == 1


@pytest.mark.parametrize(("client", "calls"), [({"repeat": 3}, 3), ({"parallel": 4}, 4)])
def test_every_call_of_the_client_has_its_own_observation(client: Any, calls: int) -> None:
    driven, _ = run([variant("several", client)])
    observation = only(driven)
    assert len(observation.deliveries) == len(observation.sources) == len(observation.attempts) == calls
    records = [source.records for _, source, _ in observation.sources]
    assert len({record for each in records for record in each}) == calls
    assert all(len(each) == 1 for each in records)


def test_each_repeated_call_begins_with_the_first_step() -> None:
    well = TEXT_CHAT.document["given"]["upstream"][0]
    broken = copy.deepcopy(well)
    broken["answers"][0]["exchange"]["response"] = {"status": 500, "json": {}}
    given = {**TEXT_CHAT.document["given"], "upstream": [broken, well]}
    driven, _ = run([variant("steps", {"repeat": 2}, given=given)])
    assert [attempt.step for attempt in only(driven).attempts] == [0, 0]
    assert [delivery.status for delivery in only(driven).deliveries] == [500, 500]


def test_a_client_that_goes_away_keeps_its_bytes_and_the_call_its_record() -> None:
    driven, _ = run([variant("leaves", {"disconnect_after": 10})])
    observation = only(driven)
    assert len(observation.deliveries[0].body) >= 10
    assert observation.deliveries[0].error is None
    assert len(observation.sources[0][1].records) == 1


def test_several_jobs_see_the_same_as_one() -> None:
    cases = [variant(f"job{number}") for number in range(8)]
    done: list[tuple[int, int, str]] = []
    options = DriveOptions(timeout_s=3, jobs=4, progress=lambda *each: done.append(each))
    driven, _ = run(cases, options=options)
    assert [len(each.attempts) for each in driven.observations.values()] == [1] * 8
    assert [len(each.sources[0][1].records) for each in driven.observations.values()] == [1] * 8
    assert [(count, total) for count, total, _ in done] == [(count, 8) for count in range(1, 9)]


# ledgers


def test_a_row_written_twice_is_seen_after_the_settle_period() -> None:
    driven, _ = run([variant("twice")], rows_per_call=2)
    assert len(only(driven).sources[0][1].records) == 2


def test_a_late_row_is_waited_for() -> None:
    driven, _ = run([variant("late")], row_delay_s=0.5)
    ledger = only(driven).sources[0][1]
    assert ledger.cost is not None
    assert ledger.cost.value == Decimal(PRICE)


def test_a_second_row_that_comes_late_is_seen_with_a_settle_period() -> None:
    data = declared()
    data["observe"][1]["settle_s"] = "0.6"

    class Twice(Miniature):
        def post(self, handler: Any) -> None:
            super().post(handler)
            again = {**self.rows[-1], "row": "again-" + str(self.rows[-1]["row"])}
            timer = threading.Timer(0.3, self.rows.append, [again])
            timer.start()
            self._timers.append(timer)

    port = free_port()
    with Twice(f"http://127.0.0.1:{port}/c/{{model}}/v1", cost=lambda _: PRICE) as gateway:
        data["gateway"]["url"] = gateway.url
        declaration = parse(data, "mini.toml")
        driven = drive(plan(declaration, [variant("x")]), declaration, DriveOptions(upstream_port=port))
    assert len(only(driven).sources[0][1].records) == 2


def test_a_row_that_never_comes_is_nothing_and_takes_no_other_case_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("decibill.drive._ROW_WITHIN_S", 0.3)
    options = DriveOptions(timeout_s=3, preflight=False)
    driven, _ = run([variant("never"), variant("other")], options=options, rows_per_call=0)
    for observation in driven.observations.values():
        ledger = observation.sources[0][1]
        assert ledger.cost is not None
        assert ledger.cost.kind is Kind.NOTHING
        assert ledger.records == ()
        assert observation.sources[0][0].cost is not None


@pytest.mark.parametrize(
    ("facts", "says"),
    [({"ledger_status": 500}, "GET /usage answered 500"), ({"raw_ledger": b"<html>"}, "not JSON")],
)
def test_a_ledger_that_cannot_be_read_is_a_problem_of_its_source(
    facts: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decibill.drive._ROW_WITHIN_S", 0.2)
    driven, _ = run([variant("one")], **facts)
    assert says in (only(driven).sources[0][1].problem or "")


def test_rows_of_an_earlier_run_are_nobodys() -> None:
    old = {"id": "old", "row": "old", "model": "test--one", "cost": "9", "usage": {}}
    driven, _ = run([variant("one")], rows=[old])
    ledger = only(driven).sources[0][1]
    assert ledger.cost is not None
    assert ledger.cost.value == Decimal(PRICE)
    assert len(ledger.records) == 1


# selection


@pytest.mark.parametrize("select", ["key", "armed"])
def test_a_gateway_with_one_base_address_is_driven_by_key_or_by_arming(select: str) -> None:
    base = {"openai": "{upstream}/v1"}
    upstream = {"how": "manual", "select": select, "base": base, "key": "key-{case.token}"}
    cases = [variant("one"), variant("two", {"parallel": 2})]
    driven, _ = run(cases, declared(upstream=upstream))
    assert {id_: len(each.attempts) for id_, each in driven.observations.items()} == {
        "test/one": 1,
        "test/two": 2,
    }
    assert driven.notes == ()


def test_records_without_any_id_are_told_apart_by_order() -> None:
    data = declared(correlate={})
    del data["observe"][1]["call"]
    data["observe"][1]["match"] = {"/cost": PRICE}
    driven, _ = run([variant("one"), variant("two", {"repeat": 2})], data, row_delay_s=0.1)
    one, two = driven.observations.values()
    assert [len(sources[1].records) for sources in one.sources] == [1]
    assert [len(sources[1].records) for sources in two.sources] == [1, 1]


def test_an_id_of_ours_is_sent_where_the_gateway_takes_one() -> None:
    driven, gateway = run([variant("one")], declared(correlate={"send_header": "X-Trace"}))
    ids = [headers["x-trace"] for headers in gateway.seen]
    assert len(set(ids)) == 2
    assert only(driven).deliveries[0].status == 200


def test_a_plain_gateway_is_driven_by_its_url_alone() -> None:
    port = free_port()
    with Miniature(f"http://127.0.0.1:{port}/v1") as gateway:
        declaration = at_url(gateway.url)
        driven = drive(plan(declaration, [variant("one")]), declaration, DriveOptions(upstream_port=port))
    (body,) = only(driven).sources[0]
    assert body.usage["input_tokens"].value == 24
    assert body.cost is None
    assert driven.notes == ("its prices were not checked: it declares no place where it states a cost",)


# gateways that are broken


def test_a_gateway_that_answers_500_to_everything_is_not_ready() -> None:
    def broken(_: Reply) -> Reply:
        return Reply(500, {}, b"oops")

    with pytest.raises(
        PreflightError, match="answered 500 although the upstream answered 200; it said: oops"
    ):
        run([variant("one")], change=broken)


def test_without_preflight_its_answers_are_observed() -> None:
    driven, _ = run(
        [variant("one")],
        options=DriveOptions(preflight=False, timeout_s=3),
        change=lambda _: Reply(500, {}, b"oops"),
    )
    assert only(driven).deliveries[0].status == 500


def test_an_unreachable_gateway_is_said_at_once() -> None:
    declaration = at_url(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(PreflightError, match="cannot be reached"):
        drive(plan(declaration, [variant("one")]), declaration, DriveOptions(upstream_port=0))


def test_other_prices_are_said_at_once() -> None:
    with pytest.raises(
        PreflightError, match=r"prices not applied: .* 0\.0000198 USD .* header x-cost says 0\.000009"
    ):
        run([variant("one")], cost=lambda _: "0.000009")


def test_a_wrong_key_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINI_KEY", "wrong")
    data = declared(auth={"headers": {"Authorization": "Bearer {env.MINI_KEY}"}})
    with pytest.raises(
        PreflightError, match="answered 401: it does not accept the key that Authorization gives"
    ):
        run([variant("one")], data, key="right")
    monkeypatch.setenv("MINI_KEY", "right")
    driven, _ = run([variant("one")], data, key="right")
    assert "$MINI_KEY" in only(driven).curl.replace("{", "").replace("}", "")
    assert "right" not in only(driven).curl


def test_a_key_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINI_KEY", raising=False)
    with pytest.raises(InvalidFileError, match="the environment variable MINI_KEY is not set"):
        run([variant("one")], declared(auth={"headers": {"Authorization": "Bearer {env.MINI_KEY}"}}))


def test_a_gateway_that_never_calls_the_upstream_is_said_at_once() -> None:
    with pytest.raises(PreflightError, match="without calling the upstream"):
        run([variant("one")], calls_upstream=False)


def test_a_gateway_that_hangs_is_given_up_after_a_few_calls() -> None:
    options = DriveOptions(timeout_s=0.1, preflight=False)
    driven, _ = run([variant(f"hangs{n}") for n in range(9)], options=options, answer_delay_s=0.3)
    errors = [each.deliveries[0].error for each in driven.observations.values()]
    assert errors[:5] == ["no complete answer within 0.1 s"] * 5
    assert errors[5:] == ["not sent: the last 5 calls got no answer at all"] * 4


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {"content-type": "application/json"}, b"<html>"),
        Reply(200, {"content-type": "application/json"}, b'{"usage": {"prompt_tokens": 1e400}}'),
        Reply(200, {"content-type": "text/event-stream"}, b"data: {\n\n" * 1000),
        Reply(204, {}, b""),
    ],
    ids=["no JSON", "1e400", "broken stream", "empty"],
)
def test_an_answer_of_any_kind_becomes_an_observation(reply: Reply) -> None:
    options = DriveOptions(preflight=False, timeout_s=3)
    driven, _ = run([variant("one")], options=options, change=lambda _: reply)
    body = only(driven).sources[0][2]
    assert body.usage["input_tokens"].kind is Kind.NOTHING


def test_a_case_whose_file_is_gone_takes_no_other_down() -> None:
    when = {
        "openai": {"json": {"model": "{model}", "x": {"$base64": "audio/gone.wav"}}},
        "client": "read_all",
    }
    driven, _ = run([variant("broken", when=when), variant("fine")])
    broken, fine = driven.observations["test/broken"], driven.observations["test/fine"]
    assert (
        broken.deliveries[0].error
        == "decibill could not send it: audio/gone.wav cannot be read: No such file or directory"
    )
    assert all(source.cost is None for source in broken.sources[0])
    assert fine.deliveries[0].status == 200


def test_requests_that_belong_to_no_case_are_noted() -> None:
    class Chatty(Miniature):
        def forward(self, handler: Any, model: str, body: bytes) -> Reply:
            super().forward(handler, "nobody", body)
            return super().forward(handler, model, body)

    port = free_port()
    with Chatty(f"http://127.0.0.1:{port}/c/{{model}}/v1", cost=lambda _: PRICE) as gateway:
        document = declared()
        document["gateway"]["url"] = gateway.url
        declaration = parse(document, "mini.toml")
        driven = drive(plan(declaration, [variant("x")]), declaration, DriveOptions(upstream_port=port))
    assert driven.notes == (
        "2 requests of the gateway belonged to no case, such as POST /c/nobody/v1/chat/completions: "
        "there is no case 'nobody' in this run",
    )


def test_what_nobody_thought_of_is_a_problem_of_its_source_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def surprised(*_: object) -> None:
        raise OverflowError("a number of a new kind")

    monkeypatch.setattr("decibill.drive.observe_caller", surprised)
    driven, _ = run([variant("one")], options=DriveOptions(preflight=False))
    header, ledger, _ = only(driven).sources[0]
    assert header.problem == "decibill could not read it: a number of a new kind"
    assert ledger.cost is not None
    assert ledger.cost.kind is Kind.NUMBER


def test_nothing_more_is_sent_after_an_interruption() -> None:
    def interrupt(count: int, *_: object) -> None:
        if count == 2:
            raise KeyboardInterrupt

    options = DriveOptions(jobs=2, preflight=False, progress=interrupt)
    cases = [variant(f"case{number}") for number in range(30)]
    with running(None) as (gateway, declaration, port):
        planned = plan(declaration, cases)
        with pytest.raises(KeyboardInterrupt):
            drive(planned, declaration, replace(options, upstream_port=port))
        assert len(gateway.seen) < 10


# addresses


def test_an_upstream_port_in_use_is_a_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        declaration = at_url("http://127.0.0.1:9")
        options = DriveOptions(upstream_port=taken.getsockname()[1])
        with pytest.raises(HarnessError, match="in use by another program"):
            drive(plan(declaration, [variant("one")]), declaration, options)


def test_an_upstream_address_off_this_machine_needs_leave() -> None:
    declaration = at_url("http://127.0.0.1:9")
    options = DriveOptions(upstream_url="http://192.0.2.7:8471", upstream_port=0)
    with pytest.raises(UsageError, match="--allow-remote-upstream"):
        drive(plan(declaration, []), declaration, options)
    with pytest.raises(PreflightError, match="cannot be reached"):
        drive(plan(declaration, []), declaration, replace(options, allow_remote_upstream=True))


def test_what_a_gateway_without_chat_or_cost_leaves_unchecked_is_noted() -> None:
    plain = declared(observe=[DECLARED["observe"][2]])
    assert run([variant("one")], plain)[0].notes == (
        "its prices were not checked: it declares no place where it states a cost",
    )
    speech = declared(
        features={"operations": ["speech"]}, routes={"openai": {"speech": "/v1/audio/speech"}}, observe=[]
    )
    del speech["prices"]
    assert run([], speech)[0].notes == (
        "its prices were not checked: it has no plain text call to check them with",
    )


# gateways that are started

PROGRAM = textwrap.dedent(
    """
    import http.server, json, sys, time, urllib.request
    config = json.load(open(sys.argv[1]))
    prices = json.load(urllib.request.urlopen(sys.argv[2] + "/prices.json"))
    print("key", len(config["key"]), flush=True)
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200); self.end_headers()
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            model = json.loads(body)["model"]
            if "dies" in model:
                import os; print("out of memory", flush=True); os._exit(9)
            ok = self.headers["authorization"] == "Bearer " + config["key"]
            request = urllib.request.Request(config["models"][model] + "/chat/completions", body,
                                             {"content-type": "application/json"})
            answer = urllib.request.urlopen(request).read()
            self.send_response(200 if ok else 401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.send_header("x-cost", prices["gpt-4o-mini"]["cost"])
            self.end_headers()
            self.wfile.write(answer)
        def log_message(self, *args): pass
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[3])), Handler).serve_forever()
    """
)


@pytest.fixture
def startable(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "gateway.py").write_text(PROGRAM)
    data = declared(
        start={
            "argv": ["{python}", str(tmp_path / "gateway.py"), "{file.config}", "{files.url}", "{port}"],
            "ready": {"get": "/", "within_s": 10},
            "secrets": {"MINI_SECRET": "sk-"},
            "serve_files": True,
        },
        auth={"headers": {"Authorization": "Bearer {env.MINI_SECRET}"}},
        files={
            "config": {
                "path": "config.json",
                "content": {
                    "key": "{env.MINI_SECRET}",
                    "models": {"$for_map": "case", "key": "{case.alias}", "value": "{case.upstream}"},
                },
            },
            "prices": {
                "path": "prices.json",
                "content": {
                    "$for_map": "model",
                    "key": "{case.model}",
                    "value": {"$prices": True, "cost": PRICE},
                },
            },
        },
        observe=[DECLARED["observe"][0]],
        correlate={},
    )
    data["prices"] = {"how": "served", "fields": {"text_input_tokens": "in", "text_output_tokens": "out"}}
    data["gateway"]["url"] = "http://127.0.0.1:{port}"
    return data


def test_a_declared_gateway_is_configured_started_driven_and_stopped(startable: dict[str, Any]) -> None:
    declaration = parse(startable, "mini.toml")
    driven = drive(plan(declaration, [variant("one"), variant("two")]), declaration, DriveOptions(start=True))
    assert [each.deliveries[0].status for each in driven.observations.values()] == [200, 200]
    assert [each.sources[0][0].cost is not None for each in driven.observations.values()] == [True, True]
    with socket.socket() as probe:
        probe.settimeout(1)
        assert probe.connect_ex(("127.0.0.1", int(driven.gateway_url.rpartition(":")[2]))) != 0


def test_a_gateway_that_dies_in_the_middle_leaves_a_note_and_errors(startable: dict[str, Any]) -> None:
    declaration = parse(startable, "mini.toml")
    cases = [variant("a-fine"), variant("dies"), variant("z-after")]
    driven = drive(plan(declaration, cases), declaration, DriveOptions(start=True, timeout_s=3))
    fine, dies, after = driven.observations.values()
    assert fine.deliveries[0].status == 200
    assert "broke off" in (dies.deliveries[0].error or "")
    assert "cannot be reached" in (after.deliveries[0].error or "")
    assert any(
        "the gateway ended during the run; its output ends: key 51\nout of memory" in n for n in driven.notes
    )


def test_extra_arguments_reach_the_program(startable: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "gateway.py").write_text("import sys; sys.exit(' '.join(sys.argv[-2:]))")
    declaration = parse(startable, "mini.toml")
    options = DriveOptions(start=True, start_arguments=("--defect", "silent-zero"))
    with pytest.raises(PreflightError, match="--defect silent-zero"):
        drive(plan(declaration, [variant("one")]), declaration, options)


def test_a_gateway_is_not_started_where_another_listens(startable: dict[str, Any]) -> None:
    with Miniature("http://127.0.0.1:9/{model}") as other:
        startable["gateway"]["port"] = int(other.url.rpartition(":")[2])
        declaration = parse(startable, "mini.toml")
        with pytest.raises(PreflightError, match=r"something answers at .* already"):
            drive(plan(declaration, [variant("one")]), declaration, DriveOptions(start=True))


def test_a_program_is_started_only_on_request(startable: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "gateway.py").write_text(f"open({str(tmp_path / 'started')!r}, 'w')")
    startable["gateway"]["port"] = free_port()
    startable["auth"] = {}
    declaration = parse(startable, "mini.toml")
    with pytest.raises(PreflightError, match="cannot be reached"):
        drive(plan(declaration, [variant("one")]), declaration, DriveOptions(upstream_port=0))
    assert not (tmp_path / "started").exists()
