"""What goes with a cost: agreement of all surfaces, the charge's status, the mark of an estimate."""

from __future__ import annotations

import pytest
from decibill.outcome import Outcome
from tests.scene import UNSET, case, checks, declaration, found, header, ledger, seen, unpriced

PROVES = "/then/proves/AUB-GWY-3e04"
STATUS = declaration(**{"/features/charge_status": True, "/observe/1/status": "/status"})
MARKING = declaration(**{"/features/estimate_mark": True, "/observe/1/estimate": {"pointer": "/estimated"}})


class TestAgreement:
    """All places in which a gateway states the cost of one call SHOULD state the same."""

    @pytest.mark.parametrize(
        ("first", "later", "outcome"),
        [
            ("0.0085276", "0.0085276", Outcome.PASS),
            ("0.008527600000000001", "0.0085276", Outcome.PASS),
            ("0.0085276", "0.0085", Outcome.FAIL),
            ("0.0085276", None, Outcome.FAIL),
            (None, "0.0085276", Outcome.FAIL),
            (None, None, Outcome.PASS),
        ],
        ids=["equal", "residue", "other number", "number, unknown", "unknown, number", "unknown twice"],
    )
    def test_a_later_source_that_states_something_else_fails(
        self, first: object, later: object, outcome: Outcome
    ) -> None:
        assert found("agree", case(), header(first), ledger(later)).outcome is outcome

    def test_it_is_judged_in_every_case_with_two_statements_and_proves_its_own_requirement(self) -> None:
        assert found("agree", case(), header("1"), ledger("2")).requirements == ("AUB-GWY-989b",)

    def test_one_statement_has_nothing_to_agree_with(self) -> None:
        assert "agree" not in checks(case(), seen(header("1"), ledger(UNSET)))

    def test_both_sources_are_named(self) -> None:
        result = found("agree", case(), header("1"), ledger("2"))
        assert (result.expected, result.got) == ("1, as the header says", "2")
        assert result.because == "the header and the ledger state different costs for one call"


class TestStatus:
    """A gateway SHOULD state for every charge whether it is complete."""

    CASE = case(**{PROVES: ["status"]})
    GAP = unpriced("unpriced", "no_rate", **{PROVES: ["status"]})

    @pytest.mark.parametrize(
        ("stated", "outcome"),
        [
            ("priced", Outcome.PASS),
            ("partial", Outcome.FAIL),
            (None, Outcome.FAIL),
            ("complete", Outcome.NOT_TESTABLE),
        ],
        ids=["right", "wrong", "nothing", "not our word"],
    )
    def test_the_right_word_passes(self, stated: str | None, outcome: Outcome) -> None:
        result = found("status", self.CASE, ledger("0.0085276", status=stated), gateway=STATUS)
        assert result.outcome is outcome

    def test_what_is_missing_is_said(self) -> None:
        result = found("status", self.GAP, ledger(None, status="priced"), gateway=STATUS)
        assert (result.expected, result.got) == ("unpriced", "priced")
        gap = "the price book has no rate for the audio input tokens"
        assert result.because == f"{gap}, so the charge is unpriced"

    def test_a_gateway_without_the_rate_may_call_the_charge_unpriced(self) -> None:
        options = {"gateway": STATUS, "left_out": ("audio_input_tokens",)}
        assert found("status", self.CASE, ledger(None, status="unpriced"), **options).outcome is Outcome.PASS

    def test_an_accepted_status_is_right_as_well(self) -> None:
        of = case(
            **{
                PROVES: ["status"],
                "/then/accepted": [
                    {"status": "unmetered", "reason": "The client was gone.", "arithmetic": ""}
                ],
            }
        )
        assert found("status", of, ledger(None, status="unmetered"), gateway=STATUS).outcome is Outcome.PASS

    def test_a_gateway_without_a_status_is_not_judged(self) -> None:
        assert found("status", self.CASE, ledger("0.0085276")).outcome is Outcome.NOT_DECLARED


class TestEstimate:
    """A gateway that estimates a quantity SHOULD mark the charge as an estimate."""

    CASE = unpriced("unmetered", **{"/then/proves/AUB-GWY-b22b": ["estimate"]})

    @pytest.mark.parametrize(
        ("stated", "marked", "outcome"),
        [
            ("0.001", True, Outcome.PASS),
            ("0.001", False, Outcome.FAIL),
            (None, False, Outcome.PASS),
            (UNSET, False, Outcome.NOT_TESTABLE),
        ],
        ids=["marked", "not marked", "no estimate", "nothing"],
    )
    def test_a_number_for_what_was_not_metered_needs_the_mark(
        self, stated: object, marked: bool, outcome: Outcome
    ) -> None:
        result = found("estimate", self.CASE, ledger(stated, estimate=marked), gateway=MARKING)
        assert result.outcome is outcome

    def test_a_gateway_without_a_mark_is_not_judged(self) -> None:
        assert found("estimate", self.CASE, ledger("0.001")).outcome is Outcome.NOT_DECLARED
