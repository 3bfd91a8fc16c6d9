"""What a call adds to a counter is told by the order of calls, and nothing is made of a counter at rest."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from decibill.declaration import Cost, Source
from decibill.observe import observe_ledger
from decibill.observe_ledger import SentCall
from decibill.observe_metrics import MetricsLedger
from decibill.statements import Kind, SourceObservation
from decibill.target import Target
from tests.driven import PRICE, declared, only, run, variant
from tests.miniature import Miniature, Reply

COST = 'cost_sum{model="{case.model}"}'
TOKENS = 'tokens_total{type="input"}'
COUNTERS = Source(
    "counters", "metrics", "ledger", get="/metrics", cost=Cost(COST), usage={"input_tokens": (TOKENS,)}
)


@dataclass
class Page:
    """A page of counters that a test can change."""

    text: str = ""
    status: int = 200
    url: str = field(default="", init=False)


@pytest.fixture
def page() -> Iterator[Page]:
    shown = Page()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = shown.text.encode()
            self.send_response(shown.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        shown.url = f"http://127.0.0.1:{server.server_port}"
        yield shown
        server.shutdown()
        thread.join()


@pytest.fixture
def ledger(page: Page) -> Iterator[MetricsLedger]:
    with Target(page.url, {}) as target:
        yield MetricsLedger(COUNTERS, target=target)


def call(name: str, number: int = 0, model: str = "m") -> SentCall:
    return SentCall(name, number, {"case.model": model})


def stated(ledger: MetricsLedger, sent: SentCall) -> SourceObservation:
    records = ledger.records(sent)
    return observe_ledger(COUNTERS, records, None if records else ledger.problem)


def cost_of(ledger: MetricsLedger, sent: SentCall) -> Decimal | None:
    observed = stated(ledger, sent).cost
    assert observed is not None
    return observed.value


def test_a_change_belongs_to_the_last_call(page: Page, ledger: MetricsLedger) -> None:
    page.text = 'cost_sum{model="m"} 1.5\ncost_sum{model="n"} 7\ntokens_total{type="input"} 100\n'
    ledger.forget_what_is_there([])
    ledger.sent.append(call("one"))
    page.text = 'cost_sum{model="m"} 1.75\ncost_sum{model="n"} 7\ntokens_total{type="input"} 128\n'
    ledger.read()
    ledger.sent.append(call("two", model="n"))
    page.text = 'cost_sum{model="m"} 1.75\ncost_sum{model="n"} 7.125\ntokens_total{type="input"} 130\n'
    ledger.read()
    assert cost_of(ledger, call("one")) == Decimal("0.25")
    assert cost_of(ledger, call("two")) == Decimal("0.125")
    observed = stated(ledger, call("one"))
    assert observed.usage["input_tokens"].value == 28
    assert observed.cost is not None
    assert observed.cost.where == "cost_sum of what the call added in GET /metrics"
    assert observed.cost.is_float
    assert not observed.keeps_records


def test_a_counter_that_is_there_for_the_first_time_began_at_nothing(
    page: Page, ledger: MetricsLedger
) -> None:
    ledger.sent.append(call("one"))
    page.text = 'cost_sum{model="m"} 0.5\n'
    ledger.read()
    assert cost_of(ledger, call("one")) == Decimal("0.5")


def test_a_counter_that_shrank_began_anew(page: Page, ledger: MetricsLedger) -> None:
    page.text = 'cost_sum{model="m"} 9\n'
    ledger.forget_what_is_there([])
    ledger.sent.append(call("one"))
    page.text = 'cost_sum{model="m"} 0.5\n'
    ledger.read()
    assert cost_of(ledger, call("one")) == Decimal("0.5")


def test_a_counter_that_did_not_move_states_nothing(page: Page, ledger: MetricsLedger) -> None:
    page.text = 'cost_sum{model="m"} 9\n'
    ledger.forget_what_is_there([])
    ledger.sent.append(call("one"))
    ledger.read()
    observed = stated(ledger, call("one")).cost
    assert observed is not None
    assert observed.kind is Kind.NOTHING


def test_counters_that_move_one_after_another_are_put_together(page: Page, ledger: MetricsLedger) -> None:
    ledger.sent.append(call("one"))
    page.text = 'tokens_total{type="input"} 24\n'
    ledger.read()
    page.text = 'tokens_total{type="input"} 25\ncost_sum{model="m"} 0.5\n'
    ledger.read()
    assert cost_of(ledger, call("one")) == Decimal("0.5")
    assert stated(ledger, call("one")).usage["input_tokens"].value == 25


def test_what_several_calls_of_one_instance_added_is_nobodys(page: Page, ledger: MetricsLedger) -> None:
    ledger.sent += [call("one"), call("one", 1)]
    page.text = 'cost_sum{model="m"} 1\n'
    ledger.read()
    ledger.sent.append(call("two"))
    page.text = 'cost_sum{model="m"} 1.5\n'
    ledger.read()
    assert ledger.records(call("one")) == ledger.records(call("one", 1)) == ()
    assert cost_of(ledger, call("two")) == Decimal("0.5")


def test_a_page_that_cannot_be_read_changes_nothing(page: Page, ledger: MetricsLedger) -> None:
    page.text = 'cost_sum{model="m"} 1\n'
    ledger.forget_what_is_there([])
    ledger.sent.append(call("one"))
    page.status = 503
    ledger.read()
    assert stated(ledger, call("one")).problem == "GET /metrics answered 503"
    page.status, page.text = 200, 'cost_sum{model="m"} 1.5\n'
    ledger.read()
    assert cost_of(ledger, call("one")) == Decimal("0.5")


class WithCounters(Miniature):
    """A miniature whose cost is in a counter too."""

    def get(self, handler: Any) -> None:
        total = sum(Decimal(str(row["cost"])) for row in self.rows)
        if handler.path == "/metrics":
            self.answer(handler, Reply(200, {"content-type": "text/plain"}, f"cost_total {total}".encode()))
        else:
            super().get(handler)


def test_a_run_reads_the_counters_of_a_gateway_that_it_drives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.driven.Miniature", WithCounters)
    data = declared()
    data["observe"].append({"id": "m", "from": "metrics", "get": "/metrics", "cost": {"name": "cost_total"}})
    driven, _ = run([variant("one"), variant("two")], data, row_delay_s=0.1)
    for observation in driven.observations.values():
        counter = observation.sources[0][-1]
        assert counter.place == "ledger"
        assert counter.cost is not None
        assert counter.cost.value == Decimal(PRICE)
    assert only(run([variant("one")], data, row_delay_s=0.1)[0]).sources[0][-1].problem is None
