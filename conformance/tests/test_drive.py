"""A run sends every call, waits for the records, and gives every instance its observation."""

from __future__ import annotations

import copy
import threading
from decimal import Decimal
from typing import Any

import pytest
from decibill.declaration_read import at_url, parse
from decibill.drive import DriveOptions, drive
from decibill.plan import plan
from decibill.process import free_port
from decibill.statements import Kind
from tests.driven import PRICE, TEXT_CHAT, declared, only, run, variant
from tests.miniature import Miniature


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


def test_a_key_decides_where_a_gateway_leaves_the_base_path_out() -> None:
    base = {"openai": "{upstream}/c/{case.token}/v1"}
    upstream = {"how": "manual", "select": "path", "base": base, "key": "key-{case.token}"}
    port = free_port()
    with Miniature(f"http://127.0.0.1:{port}/v1", cost=lambda _: PRICE) as gateway:
        data = declared(upstream=upstream)
        data["gateway"]["url"] = gateway.url
        declaration = parse(data, "mini.toml")
        cases = [variant("one"), variant("two")]
        driven = drive(plan(declaration, cases), declaration, DriveOptions(upstream_port=port))
    attempts = [attempt.path for each in driven.observations.values() for attempt in each.attempts]
    assert attempts == ["/v1/chat/completions"] * 2
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
