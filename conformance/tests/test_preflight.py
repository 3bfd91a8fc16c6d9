"""One plain text call tells why a gateway cannot be judged yet; each cause has its own message."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from decibill.cases import load_cases
from decibill.declaration import Declaration, Tolerance
from decibill.declaration_read import at_url, load
from decibill.drive_send import Sent
from decibill.errors import PreflightError
from decibill.observe_ledger import SentCall
from decibill.plan import plan
from decibill.preflight import PREFLIGHT_CASE, check_call, check_price, check_reachable
from decibill.statements import Attempt, Delivery, Kind, SourceObservation, Statement

REFERENCE = load("reference")
CASE = next(case for case in load_cases() if case.id == PREFLIGHT_CASE)
INSTANCE = next(instance for instance in plan(REFERENCE, [CASE]).instances)
UPSTREAM = "http://127.0.0.1:8471"
CALLED = Attempt("POST", "/c/x/v1/chat/completions", {}, 0)


def sent(delivery: Delivery, *attempts: Attempt) -> Sent:
    calls = (SentCall("(preflight)", 0, {"case.name": "my-model"}),)
    return Sent(INSTANCE, calls, (delivery,), attempts, (None,), "", 0.0)


def test_the_preflight_case_is_a_plain_text_call_of_every_gateway_with_chat() -> None:
    for name in ("reference", "ferrogw"):
        assert [each.case.id for each in plan(load(name), [CASE]).instances] == [PREFLIGHT_CASE]
    assert CASE.charge is not None
    assert CASE.charge.status == "priced"
    assert not any("audio" in line.quantity for line in CASE.charge.lines)


@pytest.mark.parametrize(
    ("declaration", "remedy"),
    [(REFERENCE, "let decibill start it with --start"), (at_url("http://127.0.0.1:9"), r"is it running\?")],
    ids=["with start", "without"],
)
def test_an_unreachable_gateway_is_named_with_its_address(declaration: Declaration, remedy: str) -> None:
    gone = Delivery(None, error="cannot be reached: refused")
    with pytest.raises(PreflightError, match=rf"gateway at http://g: cannot be reached: refused; .*{remedy}"):
        check_reachable(declaration, "http://g", gone)


def test_any_answer_at_all_is_reachable() -> None:
    check_reachable(REFERENCE, "http://g", Delivery(404))


@pytest.mark.parametrize(
    ("delivery", "attempts", "says"),
    [
        (
            Delivery(401, body=b'{"error": "bad key"}'),
            (),
            r"answered 401: .*Authorization gives; it said: .*bad key",
        ),
        (Delivery(403), (), "answered 403: it does not accept the key"),
        (
            Delivery(None, error="no complete answer within 30 s"),
            (),
            "did not answer a plain text call: no complete",
        ),
        (
            Delivery(404, body=b"no model"),
            (),
            rf"404 to .* the model 'my-model' and never called .*{UPSTREAM}.*no model",
        ),
        (
            Delivery(200),
            (),
            rf"answered 200 without calling the upstream at {UPSTREAM}: it is pointed somewhere else",
        ),
        (
            Delivery(501),
            (replace(CALLED, unmatched=("/path",)),),
            r"does not need: /path of POST /c/x/v1/chat",
        ),
        (
            Delivery(502, body=b"\x1b[2Jbad gateway"),
            (CALLED,),
            "answered 502 although the upstream answered 200; it",
        ),
    ],
    ids=["401", "403", "silent", "no model", "not called", "other request", "502"],
)
def test_each_cause_has_its_own_message(delivery: Delivery, attempts: tuple[Attempt, ...], says: str) -> None:
    with pytest.raises(PreflightError, match=says) as caught:
        check_call(REFERENCE, "http://g", UPSTREAM, sent(delivery, *attempts))
    assert "\x1b" not in str(caught.value)
    assert str(caught.value).startswith("the gateway at http://g ")


def test_a_gateway_that_wants_a_key_where_none_is_declared_is_told_apart() -> None:
    with pytest.raises(PreflightError, match=r"it wants a key, and no key is declared; give one in \[auth\]"):
        check_call(at_url("http://g"), "http://g", UPSTREAM, sent(Delivery(401)))


def test_a_call_that_was_passed_on_and_back_is_well() -> None:
    check_call(
        REFERENCE, "http://g", UPSTREAM, sent(Delivery(200), replace(CALLED, unmatched=("/x",)), CALLED)
    )


def stated(kind: Kind = Kind.NUMBER, value: str | None = None, source: str = "header") -> SourceObservation:
    cost = Statement(kind, "header x-decibill-cost", Decimal(value) if value is not None else None, value)
    return SourceObservation(source, "caller", cost)


def check(*sources: SourceObservation, declaration: Declaration = REFERENCE) -> tuple[str, ...]:
    assert CASE.charge is not None
    return check_price(declaration, CASE.charge, sources)


@pytest.mark.parametrize("value", ["0.0000198", "0.00001980", "0.000019800000000000002"])
def test_the_suites_own_price_is_well(value: str) -> None:
    assert check(stated(value=value)) == ()


@pytest.mark.parametrize("value", ["0.000009", "0", "-0.0000198", "19.8", "0.0000199"])
def test_any_other_price_means_that_prices_were_not_applied(value: str) -> None:
    with pytest.raises(PreflightError) as caught:
        check(stated(value=value))
    assert str(caught.value) == (
        "prices not applied: a plain text call costs 0.0000198 USD at the suite's prices, but "
        f"header x-decibill-cost says {value}; give the gateway the suite's prices"
    )


def test_the_first_source_that_states_something_decides() -> None:
    assert check(stated(Kind.NOTHING), stated(value="0.0000198", source="ledger"), stated(value="1")) == ()


def test_an_unknown_cost_means_that_prices_were_not_applied() -> None:
    with pytest.raises(PreflightError, match=r"prices not applied: .* says that the cost is unknown"):
        check(stated(Kind.UNKNOWN))


def test_a_cost_that_is_nowhere_is_said_with_the_reason() -> None:
    broken = replace(stated(Kind.NOTHING), problem="GET /v1/usage answered 500")
    with pytest.raises(
        PreflightError, match=r"no declared source .* expected 0\.0000198 USD; GET /v1/usage answered 500"
    ):
        check(broken)
    with pytest.raises(PreflightError, match="no declared source"):
        check()


def test_a_ledger_that_never_shows_the_call_is_said_with_what_to_do() -> None:
    silent = stated(Kind.NOTHING)
    cost = Statement(Kind.NOTHING, "/cost of GET /ledger")
    ledger = SourceObservation("ledger", "ledger", cost, keeps_records=True)
    with pytest.raises(PreflightError) as caught:
        check(silent, ledger)
    assert str(caught.value).endswith(
        "header x-decibill-cost states nothing; no record of the call appeared in /cost of GET /ledger: "
        "raise --settle, or correct the declared match"
    )


@pytest.mark.parametrize(
    ("tolerance", "well"),
    [
        (Tolerance(resolution=Decimal("0.000002")), True),
        (Tolerance(absolute=Decimal("0.000002")), True),
        (Tolerance(relative=Decimal("0.1")), True),
        (Tolerance(absolute=Decimal("0.0000001")), False),
        (Tolerance(), False),
    ],
)
def test_a_source_may_be_as_coarse_as_it_declares(tolerance: Tolerance, well: bool) -> None:
    sources: list[Any] = [
        replace(each, cost=replace(each.cost, tolerance=tolerance)) if each.cost else each
        for each in REFERENCE.observe
    ]
    declaration = replace(REFERENCE, observe=tuple(sources))
    if well:
        assert check(stated(value="0.00002"), declaration=declaration) == ()
    else:
        with pytest.raises(PreflightError, match="prices not applied"):
            check(stated(value="0.00002"), declaration=declaration)


def test_a_gateway_that_states_no_cost_has_its_prices_unchecked_and_says_so() -> None:
    (note,) = check(declaration=at_url("http://127.0.0.1:9"))
    assert note == "its prices were not checked: it declares no place where it states a cost"
