"""How many outcomes become one, and which checks prove which requirement."""

from __future__ import annotations

from decimal import Decimal

import pytest
from decibill.checks import gateway_checks, requirements_of
from decibill.outcome import Money, Outcome, roll_up

PASS, FAIL, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.ERROR
NOT_TESTABLE, NOT_DECLARED = Outcome.NOT_TESTABLE, Outcome.NOT_DECLARED


@pytest.mark.parametrize(
    ("outcomes", "result"),
    [
        ([PASS, FAIL, ERROR, NOT_TESTABLE, NOT_DECLARED], FAIL),
        ([PASS, ERROR, NOT_TESTABLE, NOT_DECLARED], ERROR),
        ([PASS, NOT_TESTABLE, NOT_DECLARED], NOT_TESTABLE),
        ([PASS, NOT_DECLARED], PASS),
        ([NOT_DECLARED, NOT_DECLARED], NOT_DECLARED),
        ([], NOT_DECLARED),
    ],
    ids=["fail", "error", "not testable", "pass", "not declared", "nothing"],
)
def test_a_failure_outweighs_all_and_a_pass_only_what_is_not_declared(
    outcomes: list[Outcome], result: Outcome
) -> None:
    assert roll_up(outcomes) is result


PROVES = {
    "AUB-CHG-c3cf": ["charge", "cost"],
    "AUB-EXT-1597": ["ledger.audio_output_tokens"],
    "AUB-GWY-e8e3": ["ledger.*"],
    "AUB-GWY-3725": ["caller.*"],
}


class TestProving:
    """A requirement fails only through its own checks."""

    @pytest.mark.parametrize(
        ("check", "requirements"),
        [
            ("cost", ("AUB-CHG-c3cf",)),
            ("ledger.input_tokens", ("AUB-GWY-e8e3",)),
            ("ledger.audio_output_tokens", ("AUB-EXT-1597",)),
            ("caller.audio_output_tokens", ("AUB-GWY-3725",)),
            ("ledger.*", ("AUB-GWY-e8e3",)),
            ("once", ()),
        ],
    )
    def test_a_star_covers_what_no_other_entry_names(self, check: str, requirements: tuple[str, ...]) -> None:
        assert requirements_of(PROVES, check) == requirements

    def test_agreement_always_proves_its_own_requirement(self) -> None:
        assert requirements_of(PROVES, "agree") == ("AUB-GWY-989b",)

    def test_a_case_may_name_another_requirement_for_it(self) -> None:
        assert requirements_of({"AUB-GWY-3e04": ["agree"]}, "agree") == ("AUB-GWY-3e04",)

    def test_checks_of_records_are_not_for_gateways(self) -> None:
        assert gateway_checks({"A": ["charge", "usage", "error", "refund"], "B": ["cost"]}) == ["cost"]


@pytest.mark.parametrize(
    ("billed", "right", "ratio"),
    [
        ("0.00085", "0.00735", "0.1156"),
        ("2", "1", "2"),
        ("0", "1", "0"),
        (None, "1", None),
        ("1", None, None),
        ("1", "0", None),
    ],
    ids=["too little", "twice", "nothing", "unknown", "right unknown", "right zero"],
)
def test_a_ratio_has_four_figures(billed: str | None, right: str | None, ratio: str | None) -> None:
    money = Money(Decimal(billed) if billed else None, Decimal(right) if right else None)
    assert money.ratio == (None if ratio is None else Decimal(ratio))
