"""Gateways that are broken, hostile or gone: each is said clearly, and no case takes another down."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest
from decibill.declaration_read import at_url, parse
from decibill.drive import DriveOptions, drive
from decibill.errors import HarnessError, InvalidFileError, PreflightError, UsageError
from decibill.plan import plan
from decibill.process import free_port
from decibill.statements import Kind
from tests.driven import DECLARED, PRICE, declared, only, run, running, variant
from tests.miniature import Miniature, Reply


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
    assert errors[5:] == ["not sent: the last 5 calls got no complete answer"] * 4


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
