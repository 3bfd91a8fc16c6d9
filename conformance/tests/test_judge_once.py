"""One call is charged once, and what stands in the way of judging anything at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from decibill.judge_call import RunFacts
from decibill.outcome import CheckResult, Money, Outcome
from decibill.statements import Delivery, SourceObservation
from tests.scene import UNSET, attempt, case, checks, declaration, ledger, seen

RIGHT = "0.0085276"
TWICE = case(**{"/when/client": {"repeat": 2}})
RETRIED = case(
    **{
        "/given/upstream": [
            {"answers": [{"exchange": {"provider": "openai", "operation": "transcription", "model": "m",
                                       "response": {"status": 500, "json": {}}}}]},
            case().document["given"]["upstream"][0],
        ]
    }
)  # fmt: skip


def _once(*records: tuple[str, ...], **facts: frozenset[str]) -> CheckResult:
    """Return the result of ``once`` for calls with these records each."""
    of = case(**{"/when/client": {"repeat": len(records)}}) if len(records) > 1 else case()
    observation = seen(
        calls=tuple((ledger(RIGHT, records=each),) for each in records),
        deliveries=(Delivery(200),) * len(records),
        attempts=(attempt(),) * len(records),
    )
    return checks(of, observation, facts=RunFacts(records=facts))["once"]


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        ((("a",),), Outcome.PASS),
        ((("a", "a"),), Outcome.PASS),
        ((("a", "b"),), Outcome.FAIL),
        ((("a",), ("b",)), Outcome.PASS),
        ((("a",), ("a",)), Outcome.FAIL),
        ((("a",), ()), Outcome.FAIL),
        (((),), Outcome.NOT_TESTABLE),
    ],
    ids=["one", "one seen twice", "two", "one each", "one for both", "one of two", "none at all"],
)
def test_records_are_told_apart_by_identity(records: tuple[tuple[str, ...], ...], outcome: Outcome) -> None:
    assert _once(*records).outcome is outcome


def test_a_call_without_a_record_fails_where_other_calls_have_one() -> None:
    result = _once((), ledger=frozenset({"openai/other"}))
    assert result.outcome is Outcome.FAIL
    assert result.because == "the ledger has records of other calls and none of this one"


def test_the_money_of_a_double_charge_is_said() -> None:
    result = _once(("a", "b"))
    assert result.money == Money(Decimal("0.0170552"), Decimal(RIGHT))
    assert result.because == "one call has 2 records of its own, so it is charged 2 times"


def test_records_of_a_call_that_costs_nothing_do_not_count() -> None:
    of = case(**{"/then/charge/status": "not_billable", "/then/charge/total": "0", "/then/charge/lines": []})
    observation = seen(ledger(None, records=("a", "b")))
    assert checks(of, observation)["once"].outcome is Outcome.PASS


def test_a_gateway_whose_records_cannot_be_told_apart_is_not_judged() -> None:
    source = SourceObservation("header", "caller")
    assert checks(case(), seen(source))["once"].outcome is Outcome.NOT_DECLARED


def test_a_ledger_that_could_not_be_read_cannot_be_judged() -> None:
    observation = seen(ledger(UNSET, records=(), problem="it answered 500"))
    result = checks(case(), observation, facts=RunFacts(records={"ledger": frozenset({"other"})}))["once"]
    assert (result.outcome, result.because) == (
        Outcome.NOT_TESTABLE,
        "the source could not be read (it answered 500)",
    )


class TestObstacles:
    """Where the recorded answer never came into play, nothing is judged, and it is said why."""

    def test_the_upstream_was_never_called(self) -> None:
        results = checks(case(), seen(ledger(RIGHT), attempts=(), deliveries=(Delivery(404),)))
        assert {result.outcome for result in results.values()} == {Outcome.ERROR}
        assert results["cost"].because == "the gateway never called the upstream and answered 404"

    def test_the_upstream_was_never_called_since_there_was_no_connection(self) -> None:
        results = checks(
            case(), seen(attempts=(), deliveries=(Delivery(None, error="timed out after 30 s"),))
        )
        assert results["cost"].because == "the gateway never called the upstream: timed out after 30 s"

    def test_a_request_without_a_recording_is_named_by_its_member(self) -> None:
        asked = attempt(("/form/response_format",), form={"response_format": "verbose_json"})
        result = checks(case(), seen(ledger(RIGHT), attempts=(asked,)))["cost"]
        assert result.outcome is Outcome.NOT_TESTABLE
        assert result.because == (
            "the gateway asked the upstream for something that no recording answers: "
            "/form/response_format is 'verbose_json'"
        )

    def test_a_missing_member_is_named_as_missing(self) -> None:
        result = checks(case(), seen(attempts=(attempt(("/json/stream",)),)))["cost"]
        assert result.because.endswith("/json/stream is absent")

    def test_a_cache_is_suspected_where_two_calls_make_one_attempt(self) -> None:
        observation = seen(ledger(RIGHT), calls=((ledger(RIGHT),),) * 2, deliveries=(Delivery(200),) * 2)
        result = checks(TWICE, observation)["cost"]
        assert result.outcome is Outcome.ERROR
        assert result.because == "the gateway called the upstream once for 2 calls; is a cache on?"

    def test_a_retry_that_was_not_made(self) -> None:
        result = checks(RETRIED, seen(ledger(None)))["cost"]
        assert result.outcome is Outcome.NOT_TESTABLE
        assert result.because == "the gateway called the upstream once and did not try again"

    def test_a_retry_that_was_made(self) -> None:
        observation = seen(ledger(RIGHT), attempts=(attempt(), attempt(step=1)))
        assert checks(RETRIED, observation)["cost"].outcome is Outcome.PASS


def test_the_upstream_check_passes_where_every_attempt_was_recorded() -> None:
    of = case(**{"/then/proves/AUB-GWY-ed3d": ["upstream"]})
    result = checks(of, seen(ledger(RIGHT)))["upstream"]
    assert (result.outcome, result.got) == (Outcome.PASS, "1 call")


class TestSeveralCalls:
    """A check of several calls comes out as its worst call does."""

    def _results(self, *costs: str) -> dict[str, CheckResult]:
        observation = seen(
            calls=tuple((ledger(cost, records=(cost + str(n),)),) for n, cost in enumerate(costs)),
            deliveries=(Delivery(200),) * len(costs),
            attempts=(attempt(),) * len(costs),
        )
        return checks(case(**{"/when/client": {"parallel": len(costs)}}), observation)

    def test_all_right(self) -> None:
        assert self._results(RIGHT, RIGHT, RIGHT)["cost"].outcome is Outcome.PASS

    def test_one_wrong_is_named_by_its_number(self) -> None:
        result = self._results(RIGHT, "0.1", RIGHT)["cost"]
        assert (result.outcome, result.where) == (Outcome.FAIL, "/cost of GET /usage, call 2")


class TestRefusedByTheGateway:
    """An error of the gateway where the upstream answered well is the reason of what then fails."""

    def _result(self, cost: object, status: int | None = 502) -> CheckResult:
        observation = seen(ledger(cost), deliveries=(Delivery(status, error="connection reset"),))
        return checks(case(), observation)["cost"]

    @pytest.mark.parametrize("cost", [UNSET, None, "0"], ids=["nothing", "unknown", "zero"])
    def test_what_does_not_pass_fails_for_that_reason(self, cost: object) -> None:
        result = self._result(cost)
        assert result.outcome is Outcome.FAIL
        assert result.because == "the gateway answered 502 where the upstream answered 200"

    def test_a_right_cost_stays_right(self) -> None:
        assert self._result(RIGHT).outcome is Outcome.PASS

    def test_no_answer_at_all_is_said_with_its_cause(self) -> None:
        because = self._result(UNSET, None).because
        assert because == "the gateway gave no answer (connection reset) where the upstream answered 200"

    def test_an_error_passed_on_is_no_such_thing(self) -> None:
        of = case(
            **{
                "/given/upstream/0/answers/0/exchange/response": {"status": 400, "json": {}},
                "/then/charge/status": "not_billable",
                "/then/charge/total": "0",
                "/then/charge/lines": [],
            }
        )
        results = checks(of, seen(ledger(None), deliveries=(Delivery(400),)), declaration())
        assert results["cost"].outcome is Outcome.PASS
