"""Refunds over HTTP: what was charged is given back once, however often and by whomever it is asked for."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from decibill_reference.gateway import Gateway, GatewayConfig
from decibill_reference.gateway_config import Alias
from decibill_reference.gateway_metering import SOUND
from decibill_reference.ledger import Ledger, LedgerError
from tests.gateway_scene import BOOK, answering, as_json, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx
    from pytest_httpserver import HTTPServer
    from tests.gateway_scene import Running

TRANSCRIPTION = "/v1/audio/transcriptions"
USAGE = {
    "type": "tokens",
    "input_tokens": 37,
    "output_tokens": 12,
    "total_tokens": 49,
    "input_token_details": {"audio_tokens": 37, "text_tokens": 0},
}
CONTRADICTORY = {**USAGE, "input_token_details": {"audio_tokens": 38, "text_tokens": 0}}
OUTPUT = "text_output_tokens"


@pytest.fixture
def config(tmp_path: Path, upstream: HTTPServer) -> GatewayConfig:
    base = f"{upstream.url_for('')}/v1"
    alias = Alias("transcribe", "openai", "gpt-4o-transcribe", base, BOOK)
    return GatewayConfig(tmp_path / "usage.sqlite", {"transcribe": alias})


@pytest.fixture
def gateway(config: GatewayConfig) -> Iterator[Running]:
    with running(config, SOUND) as found:
        yield found


@pytest.fixture
def call(gateway: Running, upstream: HTTPServer) -> str:
    """The id of a call that was charged for 37 audio tokens and 12 text tokens."""
    answering(upstream, TRANSCRIPTION, as_json({"text": "Hello", "usage": USAGE}))
    return gateway.transcribe().headers["x-decibill-request-id"]


def ask(gateway: Running, call: str, identity: str = "r", **members: Any) -> httpx.Response:
    return gateway.client.post("/v1/refunds", json={"call": call, "id": identity, **members})


def total(gateway: Running, call: str) -> str:
    cost: str = gateway.client.get(f"/v1/usage/{call}").json()["cost"]
    return cost


def refunds(gateway: Running, call: str) -> dict[str, Any]:
    found: dict[str, Any] = gateway.client.get(f"/v1/usage/{call}/refunds").json()
    return found


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    assert error["message"]
    return answer.status_code, error["code"], error["param"]


def test_a_refund_of_everything_is_minus_the_charge(gateway: Running, call: str) -> None:
    answer = ask(gateway, call, full=True)

    assert answer.status_code == 201
    assert (answer.json()["call"], answer.json()["id"]) == (call, "r")
    assert answer.json()["refund"]["total"] == f"-{total(gateway, call)}"


def test_a_refund_names_its_lines(gateway: Running, call: str) -> None:
    record = ask(gateway, call, quantities={OUTPUT: 5}).json()["refund"]

    assert [(line["quantity"], line["refunded"]) for line in record["lines"]] == [(OUTPUT, "5")]
    assert record["request"] == {"id": "r", "quantities": {OUTPUT: 5}}


@pytest.mark.parametrize("again", [{OUTPUT: 5}, {OUTPUT: "5"}], ids=["same", "same by value"])
def test_the_same_request_gets_the_same_refund(gateway: Running, call: str, again: Any) -> None:
    first = ask(gateway, call, quantities={OUTPUT: 5})
    second = ask(gateway, call, quantities=again)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(refunds(gateway, call)["data"]) == 1


@pytest.mark.parametrize(
    "other",
    [{"quantities": {"audio_input_tokens": 5}}, {"quantities": {OUTPUT: 6}}, {"full": True}],
    ids=["another quantity", "another amount", "everything"],
)
def test_an_id_with_another_content_is_a_conflict(gateway: Running, call: str, other: Any) -> None:
    ask(gateway, call, quantities={OUTPUT: 5})

    assert refused(ask(gateway, call, **other)) == (409, "refund_conflict", "/id")


def test_an_id_with_another_call_is_a_conflict(gateway: Running, call: str) -> None:
    other = gateway.transcribe().headers["x-decibill-request-id"]
    ask(gateway, call, full=True)

    assert refused(ask(gateway, other, full=True)) == (409, "refund_conflict", "/id")
    assert refunds(gateway, other)["data"] == []


@pytest.mark.parametrize(
    ("members", "answer"),
    [
        pytest.param(*row[1:], id=row[0])
        for row in (
            (
                "too much",
                {"quantities": {OUTPUT: 13}},
                (422, "refund_exceeds_charge", f"/quantities/{OUTPUT}"),
            ),
            ("no line", {"quantities": {"pages": 1}}, (422, "no_such_line", "/quantities/pages")),
            ("nothing", {"quantities": {OUTPUT: 0}}, (400, "invalid_amount", f"/quantities/{OUTPUT}")),
            ("negative", {"quantities": {OUTPUT: -1}}, (400, "invalid_amount", f"/quantities/{OUTPUT}")),
            ("half a token", {"quantities": {OUTPUT: 0.5}}, (400, "invalid_amount", f"/quantities/{OUTPUT}")),
            ("no quantity", {"quantities": {}}, (400, "invalid_amount", "/quantities")),
            ("no amount", {}, (400, "malformed_body", None)),
            ("unknown member", {"full": True, "reason": "useless"}, (400, "malformed_body", "/reason")),
            ("half a pair", {"full": True, "id": "\ud83d"}, (400, "malformed_body", "/id")),
            ("call is a number", {"full": True, "call": 4}, (400, "malformed_body", "/call")),
            ("unknown call", {"full": True, "call": "nobody"}, (404, "call_not_found", "/call")),
        )
    ],
)
def test_a_request_that_cannot_be_met_is_refused(
    gateway: Running, call: str, members: Any, answer: tuple[int, str, str | None]
) -> None:
    content = json.dumps({"call": call, "id": "r", **members})  # the client's own encoder knows no half pairs

    assert refused(gateway.client.post("/v1/refunds", content=content)) == answer
    assert refunds(gateway, call)["data"] == []


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"{", "malformed_body"), (b"[]", "malformed_body"), (b'{"id":"a","id":"b"}', "duplicate_key")],
    ids=["no JSON", "no object", "a repeated key"],
)
def test_what_is_no_request_is_refused(gateway: Running, content: bytes, code: str) -> None:
    answer = gateway.client.post("/v1/refunds", content=content)

    assert refused(answer)[:2] == (400, code)


def test_half_a_surrogate_pair_is_quoted_as_it_came(gateway: Running, call: str) -> None:
    content = json.dumps({"call": call, "id": "r", "quantities": {"\ud83d": 1}})

    answer = gateway.client.post("/v1/refunds", content=content)

    assert refused(answer) == (422, "no_such_line", "/quantities/\ud83d")


def test_what_was_refunded_in_full_cannot_be_refunded_again(gateway: Running, call: str) -> None:
    ask(gateway, call, "first", full=True)

    assert refused(ask(gateway, call, "second", full=True)) == (422, "refund_exceeds_charge", None)


@pytest.mark.parametrize(
    "answer",
    [as_json({"error": {}}, 500), as_json({"text": "", "usage": CONTRADICTORY})],
    ids=["not billable", "not known"],
)
def test_a_call_that_was_not_charged_cannot_be_refunded(
    gateway: Running, upstream: HTTPServer, answer: Any
) -> None:
    answering(upstream, TRANSCRIPTION, answer)
    call = gateway.transcribe().headers["x-decibill-request-id"]

    assert refused(ask(gateway, call, full=True)) == (422, "no_such_line", None)


def test_the_refunds_of_a_call_are_listed_with_what_is_left(gateway: Running, call: str) -> None:
    made = [ask(gateway, call, name, quantities={OUTPUT: 5}).json() for name in ("b", "a")]
    listed = refunds(gateway, call)

    assert listed["data"] == made
    assert listed["charge_total"] == total(gateway, call)
    assert Decimal(listed["refunded"]) == sum(Decimal(one["refund"]["total"]) for one in made)
    assert Decimal(listed["left"]) == Decimal(listed["charge_total"]) + Decimal(listed["refunded"])


def test_a_call_without_a_charge_has_nothing_left_that_is_known(
    gateway: Running, upstream: HTTPServer
) -> None:
    answering(upstream, TRANSCRIPTION, as_json({"text": "", "usage": CONTRADICTORY}))
    call = gateway.transcribe().headers["x-decibill-request-id"]

    assert refunds(gateway, call) == {
        "call": call,
        "charge_total": None,
        "refunded": "0",
        "left": None,
        "data": [],
    }


def test_the_refunds_of_a_call_that_is_not_there_are_not_found(gateway: Running) -> None:
    assert refused(gateway.client.get("/v1/usage/nobody/refunds")) == (404, "call_not_found", None)


def test_refunds_at_once_never_exceed_the_charge(gateway: Running, call: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: ask(gateway, call, f"r{n}", quantities={OUTPUT: 5}), range(24)))

    assert sorted(answer.status_code for answer in answers) == [201, 201] + [422] * 22
    assert len(refunds(gateway, call)["data"]) == 2


def test_one_request_made_by_many_at_once_is_one_refund(gateway: Running, call: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(gateway, call, quantities={OUTPUT: 5}), range(24)))

    assert sorted(answer.status_code for answer in answers) == [200] * 23 + [201]
    assert len({answer.text for answer in answers}) == 1


def test_two_gateways_over_one_ledger_never_exceed_the_charge(
    gateway: Running, config: GatewayConfig, call: str
) -> None:
    with running(config, SOUND) as other, ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: ask((gateway, other)[n % 2], call, f"r{n}", quantities={OUTPUT: 5}), range(16))
        )

    assert sorted(answer.status_code for answer in answers) == [201, 201] + [422] * 14


def test_a_refund_is_there_when_the_gateway_is_started_again(
    config: GatewayConfig, upstream: HTTPServer
) -> None:
    answering(upstream, TRANSCRIPTION, as_json({"text": "Hello", "usage": USAGE}))
    with running(config, SOUND) as before:
        call = before.transcribe().headers["x-decibill-request-id"]
        first = ask(before, call, full=True)
    with running(config, SOUND) as after:
        second = ask(after, call, full=True)

    assert (second.status_code, second.json()) == (200, first.json())


def test_a_refund_needs_the_gateway_s_key(config: GatewayConfig) -> None:
    with running(replace(config, key="secret"), SOUND) as closed:
        assert ask(closed, "call", full=True).status_code == 401
        assert closed.client.get("/v1/usage/call/refunds").status_code == 401


def test_a_refund_that_cannot_be_written_is_not_made(
    gateway: Running, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise LedgerError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "refund", full)
        assert refused(ask(gateway, call, full=True)) == (503, "ledger_unavailable", None)

    assert refunds(gateway, call)["data"] == []
    assert ask(gateway, call, full=True).status_code == 201


def test_a_ledger_that_cannot_be_read_is_said(gateway: Running, call: str) -> None:
    with closing(sqlite3.connect(gateway.ledger.path)) as connection:
        connection.execute("ALTER TABLE usage RENAME TO elsewhere")
        answers = [gateway.client.get(path) for path in ("/v1/usage", f"/v1/usage/{call}")]
        connection.execute("ALTER TABLE elsewhere RENAME TO usage")

    assert [refused(answer) for answer in answers] == [(503, "ledger_unavailable", None)] * 2
    assert gateway.client.get(f"/v1/usage/{call}").status_code == 200


def test_a_clock_that_jumps_changes_the_order_of_the_list_and_nothing_else(
    config: GatewayConfig, upstream: HTTPServer
) -> None:
    answering(upstream, TRANSCRIPTION, as_json({"text": "Hello", "usage": USAGE}))
    times = iter([datetime(year, 11, 21, tzinfo=UTC) for year in (2026, 2036, 2024, 2026, 2026)])
    with running(replace(config, clock=lambda: next(times)), SOUND) as gateway:
        calls = [gateway.transcribe().headers["x-decibill-request-id"] for _ in range(4)]
        ask(gateway, calls[1], full=True)  # in the past of its call
        rows = gateway.rows(4)

    assert [calls.index(row["id"]) for row in rows[:1] + rows[-1:]] == [2, 1]
    assert len({row["cost"] for row in rows}) == 1


def test_a_client_that_leaves_before_it_has_asked_is_no_fault(config: GatewayConfig) -> None:
    said: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/refunds",
        "headers": [],
        "query_string": b"",
    }
    with Ledger(config.ledger) as ledger:
        asyncio.run(Gateway(config, ledger).application()(scope, receive, send))

    assert [message.get("body", b"") for message in said] == [b"", b""]
