"""The cost table of AUB 0.1, chapter 8, row by row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from decibill.case import ExchangeCase
from decibill.judge_call import RunFacts
from decibill.outcome import Money, Outcome
from tests.scene import UNSET, case, checks, declaration, found, header, ledger, seen, unpriced

FREE = {
    "/then/charge/status": "free",
    "/then/charge/total": "0",
    "/then/charge/lines/0/amount": "0",
    "/then/charge/lines/0/subtotal": "0",
    "/then/charge/lines/1/amount": "0",
    "/then/charge/lines/1/subtotal": "0",
}
NOT_BILLABLE = {
    "/then/charge/status": "not_billable",
    "/then/charge/total": "0",
    "/then/charge/lines": [],
    "/given/upstream/0/answers/0/exchange/response": {"status": 400, "json": {"error": {}}},
}
REFUSED = {
    "/then/charge": UNSET,
    "/then/usage": UNSET,
    "/then/error": {"code": "inconsistent_usage", "pointer": "/response/json/usage"},
}
CASES = {
    "priced": case(),
    "free": case(**FREE),
    "not_billable": case(**NOT_BILLABLE),
    "partial": unpriced("partial", "no_rate", 1),
    "unpriced": unpriced("unpriced", "no_rate"),
    "unmetered": unpriced("unmetered"),
    "refused": case(**REFUSED),
}
T = {"priced": "0.0085276", "partial": "0.002726"}
MARKED: dict[str, dict[str, Any]] = {
    "estimate": {"estimate": True},
    "incomplete": {"incomplete": True},
    "plain": {},
}


@pytest.mark.parametrize(
    ("status", "stated", "mark", "outcome"),
    [
        ("priced", "0.0085276", "plain", Outcome.PASS),
        ("priced", "0.0085275", "plain", Outcome.FAIL),
        ("priced", "0.0085275", "estimate", Outcome.FAIL),
        ("priced", None, "plain", Outcome.FAIL),
        ("priced", "0", "plain", Outcome.FAIL),
        ("priced", UNSET, "plain", Outcome.NOT_TESTABLE),
        ("free", "0", "plain", Outcome.PASS),
        ("free", "0.1", "plain", Outcome.FAIL),
        ("free", None, "plain", Outcome.FAIL),
        ("free", UNSET, "plain", Outcome.NOT_TESTABLE),
        ("not_billable", "0", "plain", Outcome.PASS),
        ("not_billable", None, "plain", Outcome.PASS),
        ("not_billable", UNSET, "plain", Outcome.PASS),
        ("not_billable", "0.001", "plain", Outcome.FAIL),
        ("partial", None, "plain", Outcome.PASS),
        ("partial", "0.002726", "incomplete", Outcome.PASS),
        ("partial", "0.002726", "plain", Outcome.FAIL),
        ("partial", "0.002726", "estimate", Outcome.FAIL),
        ("partial", "0.003", "incomplete", Outcome.FAIL),
        ("partial", UNSET, "plain", Outcome.NOT_TESTABLE),
        ("unpriced", None, "plain", Outcome.PASS),
        ("unpriced", "0.001", "plain", Outcome.FAIL),
        ("unpriced", "0.001", "estimate", Outcome.FAIL),
        ("unpriced", UNSET, "plain", Outcome.NOT_TESTABLE),
        ("unmetered", None, "plain", Outcome.PASS),
        ("unmetered", "0.001", "estimate", Outcome.PASS),
        ("unmetered", "0.001", "plain", Outcome.FAIL),
        ("unmetered", UNSET, "plain", Outcome.NOT_TESTABLE),
        ("refused", None, "plain", Outcome.PASS),
        ("refused", "0.001", "estimate", Outcome.PASS),
        ("refused", "0.001", "plain", Outcome.FAIL),
        ("refused", "0", "plain", Outcome.FAIL),
        ("refused", UNSET, "plain", Outcome.NOT_TESTABLE),
    ],
    ids=lambda value: "nothing" if value is UNSET else "unknown" if value is None else str(value),
)
def test_what_the_table_lists_passes_and_all_else_fails(
    status: str, stated: object, mark: str, outcome: Outcome
) -> None:
    assert found("cost", CASES[status], ledger(stated, **MARKED[mark])).outcome is outcome


@pytest.mark.parametrize("status", ["partial", "unpriced", "unmetered"])
@pytest.mark.parametrize("mark", ["plain", "estimate"])
def test_a_zero_for_what_is_not_known_is_a_silent_zero_even_if_marked(status: str, mark: str) -> None:
    result = found("silent_zero", CASES[status], ledger("0", **MARKED[mark]))
    assert result.outcome is Outcome.FAIL
    assert "silent zero" in result.because


@pytest.mark.parametrize("status", ["partial", "unpriced", "unmetered"])
def test_a_silent_zero_fails_once_and_leaves_the_price_requirements_alone(status: str) -> None:
    assert found("cost", CASES[status], ledger("0")).outcome is Outcome.NOT_TESTABLE


@pytest.mark.parametrize("status", ["partial", "unpriced", "unmetered"])
@pytest.mark.parametrize("stated", [None, "0.5"], ids=["unknown", "a wrong number"])
def test_only_a_zero_is_a_silent_zero(status: str, stated: object) -> None:
    assert found("silent_zero", CASES[status], ledger(stated)).outcome is Outcome.PASS


@pytest.mark.parametrize("status", ["free", "not_billable"])
def test_a_zero_that_is_right_is_not_silent(status: str) -> None:
    assert found("silent_zero", CASES[status], ledger("0")).outcome is Outcome.PASS


def test_a_zero_where_a_price_is_right_is_both_a_wrong_cost_and_a_silent_zero() -> None:
    results = checks(case(), seen(ledger("0")))
    assert results["cost"].outcome is results["silent_zero"].outcome is Outcome.FAIL
    assert results["cost"].because == (
        "0 is the silent zero: the provider reported 784 audio input tokens and 235 text output tokens, "
        "and the price book prices them"
    )


def test_the_money_at_stake_is_what_was_billed_and_what_is_right() -> None:
    result = found("cost", case(), ledger("0.0042638"))
    assert result.money == Money(Decimal("0.0042638"), Decimal("0.0085276"))
    assert result.money.ratio == Decimal("0.5")


def test_where_unknown_is_right_there_is_no_right_amount() -> None:
    result = found("cost", CASES["unmetered"], ledger("0.5"))
    assert result.money == Money(Decimal("0.5"), None)
    assert result.money.ratio is None


class TestDeciding:
    """The first source in declared order that states something decides."""

    def test_a_source_that_states_nothing_is_passed_over(self) -> None:
        result = found("cost", case(), header(UNSET), ledger("0.0085276"))
        assert (result.outcome, result.where) == (Outcome.PASS, "/cost of GET /usage")

    def test_the_first_source_decides_although_a_later_one_is_right(self) -> None:
        result = found("cost", case(), header("1"), ledger("0.0085276"))
        assert (result.outcome, result.where) == (Outcome.FAIL, "header x-cost")

    def test_unknown_is_a_statement(self) -> None:
        assert found("cost", case(), header(None), ledger("0.0085276")).outcome is Outcome.FAIL

    def test_a_source_that_could_not_be_read_is_named(self) -> None:
        result = found("cost", case(), ledger(UNSET, problem="it answered 500"))
        assert result.outcome is Outcome.NOT_TESTABLE
        assert result.because == "the source could not be read (ledger: it answered 500)"

    def test_a_missing_record_is_told_from_a_missing_member(self) -> None:
        assert "no record of this call" in found("cost", case(), ledger(UNSET, records=())).because
        assert "states no cost" in found("cost", case(), ledger(UNSET)).because


class TestAbsent:
    """A source may declare that leaving the cost out means unknown."""

    GATEWAY = declaration(**{"/observe/1/cost": {"pointer": "/cost", "absent": "unknown"}})
    ELSEWHERE = RunFacts(numbers={("ledger", "transcription"): frozenset({"openai/other"})})

    def test_it_passes_where_unknown_is_right_and_the_source_works_elsewhere(self) -> None:
        result = found("cost", CASES["unmetered"], ledger(UNSET), gateway=self.GATEWAY, facts=self.ELSEWHERE)
        assert (result.outcome, result.got) == (Outcome.PASS, "unknown")

    def test_it_does_not_pass_for_a_source_that_never_stated_a_number(self) -> None:
        result = found("cost", CASES["unmetered"], ledger(UNSET), gateway=self.GATEWAY)
        assert result.outcome is Outcome.NOT_TESTABLE

    def test_a_number_for_the_same_call_is_not_a_number_elsewhere(self) -> None:
        own = RunFacts(numbers={("ledger", "transcription"): frozenset({"openai/tokens"})})
        result = found("cost", CASES["unmetered"], ledger(UNSET), gateway=self.GATEWAY, facts=own)
        assert result.outcome is Outcome.NOT_TESTABLE

    def test_it_does_not_make_a_missing_price_right(self) -> None:
        result = found("cost", case(), ledger(UNSET), gateway=self.GATEWAY, facts=self.ELSEWHERE)
        assert result.outcome is Outcome.NOT_TESTABLE

    def test_it_never_makes_a_zero_unknown(self) -> None:
        result = found(
            "silent_zero", CASES["unmetered"], ledger("0"), gateway=self.GATEWAY, facts=self.ELSEWHERE
        )
        assert result.outcome is Outcome.FAIL


def _tolerating(**tolerance: str) -> Any:
    return declaration(**{"/observe/1/cost": {"pointer": "/cost", "tolerance": tolerance}})


@pytest.mark.parametrize(
    ("tolerance", "stated", "outcome"),
    [
        ({}, "0.0085276001", Outcome.FAIL),
        ({"absolute": "1e-10"}, "0.0085276001", Outcome.PASS),
        ({"absolute": "1e-11"}, "0.0085276001", Outcome.FAIL),
        ({"relative": "1e-3"}, "0.0085361", Outcome.PASS),
        ({"relative": "1e-4"}, "0.0085361", Outcome.FAIL),
        ({"resolution": "1e-6"}, "0.008528", Outcome.PASS),
        ({"resolution": "1e-6"}, "0.0085271", Outcome.PASS),
        ({"resolution": "1e-6"}, "0.008527", Outcome.FAIL),
        ({"resolution": "1e-6", "rounds": "down"}, "0.008527", Outcome.PASS),
        ({"absolute": "1e-12", "relative": "1e-3", "resolution": "1e-12"}, "0.0085361", Outcome.PASS),
    ],
    ids=str,
)
def test_the_tolerance_is_the_largest_of_what_the_source_declares(
    tolerance: dict[str, str], stated: str, outcome: Outcome
) -> None:
    assert found("cost", case(), ledger(stated), gateway=_tolerating(**tolerance)).outcome is outcome


@pytest.mark.parametrize(
    ("stated", "outcome"),
    [("0.008527600000000001", Outcome.PASS), ("0.0085276001", Outcome.FAIL)],
    ids=["residue", "an error"],
)
def test_a_number_from_binary_floating_point_is_forgiven_its_residue(stated: str, outcome: Outcome) -> None:
    assert found("cost", case(), header(stated)).outcome is outcome


def test_above_one_percent_of_the_cost_nothing_can_be_told() -> None:
    """A gateway that counts in cents cannot be judged on a call that costs a hundredth of one."""
    result = found("cost", case(), ledger("0.01"), gateway=_tolerating(resolution="0.01"))
    assert result.outcome is Outcome.NOT_TESTABLE
    assert result.because == "below resolution: 0.005 either way is more than 1 % of the right cost"


def test_a_cost_is_compared_with_the_sum_before_rounding() -> None:
    """Seconds times 0.01 / 60 do not end; the rounded total and the long one are both right."""
    seconds: ExchangeCase = case(
        **{
            "/then/charge/lines": [
                {
                    "model": "gpt-4o-transcribe",
                    "quantity": "audio_duration_seconds",
                    "measured": "8.47",
                    "billed": "8.47",
                    "amount": "0.01",
                    "per": "60",
                    "subtotal": "0.001411666667",
                }
            ],
            "/then/charge/total": "0.001411666667",
        }
    )
    for stated in ("0.001411666667", "0.00141166666666666667"):
        assert found("cost", seconds, ledger(stated)).outcome is Outcome.PASS
    assert found("cost", seconds, ledger("0.001411666")).outcome is Outcome.FAIL


class TestLeftOut:
    """A rate that the gateway has no field for: the price or unknown, never the text rate and never 0."""

    @pytest.mark.parametrize(
        ("stated", "outcome"),
        [
            ("0.0085276", Outcome.PASS),
            (None, Outcome.PASS),
            ("0.0052348", Outcome.FAIL),
            ("0.002726", Outcome.FAIL),
            ("0", Outcome.FAIL),
        ],
        ids=["the price", "unknown", "audio at the text rate", "audio for nothing", "zero"],
    )
    def test_the_price_or_unknown(self, stated: object, outcome: Outcome) -> None:
        result = found("cost", case(), ledger(stated), left_out=("audio_input_tokens",))
        assert result.outcome is outcome

    def test_it_is_said_in_what_is_expected(self) -> None:
        result = found("cost", case(), ledger(None), left_out=("audio_input_tokens",))
        assert result.expected == "0.0085276, or unknown (no field for the price of audio_input_tokens)"


class TestAccepted:
    """Other right answers pass, with their reason."""

    CUT = case(
        **{
            "/then/accepted": [
                {"status": "unmetered", "reason": "The client was gone.", "arithmetic": "none"},
                {"total": "0.0058016", "reason": "Only the input is billed.", "arithmetic": "784 x 7.4 / 1M"},
            ]
        }
    )

    @pytest.mark.parametrize(
        ("stated", "outcome", "because"),
        [
            ("0.0085276", Outcome.PASS, ""),
            (None, Outcome.PASS, "accepted as another right answer: The client was gone."),
            ("0.0058016", Outcome.PASS, "accepted as another right answer: Only the input is billed."),
            ("0.0058", Outcome.FAIL, None),
            ("0", Outcome.FAIL, None),
        ],
        ids=["right", "unmetered", "another total", "neither", "zero"],
    )
    def test_each_is_judged_by_its_own_row(
        self, stated: object, outcome: Outcome, because: str | None
    ) -> None:
        result = found("cost", self.CUT, ledger(stated))
        assert result.outcome is outcome
        assert because is None or result.because == because


def test_a_gateway_that_takes_no_prices_is_not_judged_on_cost() -> None:
    gateway = declaration(**{"/features/price_scope": "none", "/prices/how": "none"})
    results = checks(case(), seen(ledger("1")), gateway)
    assert results["cost"].outcome is results["silent_zero"].outcome is Outcome.NOT_DECLARED


def test_a_gateway_that_states_no_cost_of_such_a_call_is_not_judged_on_cost() -> None:
    silent = ledger()
    result = found(
        "cost", case(), type(silent)("ledger", "ledger", None, keeps_records=True, records=("r1",))
    )
    assert result.outcome is Outcome.NOT_DECLARED
