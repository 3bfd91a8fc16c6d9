"""The money of a run: exact sums, the calls of which a side is unknown beside them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from decibill.cases import load_cases
from decibill.outcome import CheckResult, Money, Outcome
from decibill.report.model import CaseRow
from decibill.report.money import Stake, stake_of, stakes, sums
from tests.story import tell
from tests.test_report import STORY


def row(*checks: CheckResult) -> CaseRow:
    return CaseRow("openai/a", "openai/a", "A", "transcription", "openai", Outcome.FAIL, checks=checks)


def cost(
    outcome: Outcome, billed: str | None = None, right: str | None = None, check: str = "cost"
) -> CheckResult:
    def number(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    return CheckResult(check, (), outcome, money=Money(number(billed), number(right)))


def passed(expected: str, got: str) -> CheckResult:
    return CheckResult("cost", (), Outcome.PASS, expected=expected, got=got)


def stake(billed: str | None, right: str | None, *, is_right: bool = False, currency: str = "USD") -> Stake:
    numbers = [None if text is None else Decimal(text) for text in (billed, right)]
    return Stake("openai/a", currency, numbers[0], numbers[1], is_right)


@pytest.mark.parametrize(
    ("billed", "right", "kind"),
    [
        ("0", "0.5", "zero"),
        ("0.1", "0.5", "under"),
        ("0.9", "0.5", "over"),
        (None, "0.5", "unknown"),
        ("0.5", None, "unfounded"),
        ("0.5", "0", "over"),
    ],
)
def test_how_two_numbers_differ(billed: str | None, right: str | None, kind: str) -> None:
    assert stake(billed, right).kind == kind
    assert stake(billed, right, is_right=True).kind == "right"


def test_a_ratio_is_none_where_it_says_nothing() -> None:
    assert stake("0.25", "0.5").ratio == Decimal("0.5")
    assert stake(None, "0.5").ratio is None


def test_a_failing_check_stands_for_its_case() -> None:
    found = stake_of(row(passed("0.5", "0.5"), cost(Outcome.FAIL, "0", "0.5", "silent_zero")))

    assert found == Stake("openai/a", "USD", Decimal(0), Decimal("0.5"), is_right=False)


def test_a_passing_check_says_the_numbers_it_compared() -> None:
    assert stake_of(row(passed("0.5", "0.50000001"))) == Stake(
        "openai/a", "USD", Decimal("0.50000001"), Decimal("0.5"), is_right=True
    )


@pytest.mark.parametrize(
    "checks",
    [
        (),
        (CheckResult("cost", (), Outcome.NOT_TESTABLE),),
        (passed("unknown", "unknown"),),
        (passed("0.5", "NaN"),),
        (CheckResult("once", (), Outcome.FAIL),),
    ],
    ids=["no check", "not testable", "no number", "not finite", "another check"],
)
def test_where_no_cost_was_judged_there_is_none(checks: tuple[CheckResult, ...]) -> None:
    assert stake_of(row(*checks)) is None


def test_sums_are_exact_and_leave_the_unknown_out() -> None:
    (found,) = sums(
        [
            stake("0.1", "0.3"),
            stake("0.9", "0.5"),
            stake("7", "7", is_right=True),
            stake(None, "0.5"),
            stake("0.4", None),
            stake("1e-20", "0.2"),
        ]
    )

    assert (found.calls, found.wrong) == (4, 3)
    assert (found.wrong_billed, found.wrong_right) == (Decimal(1) + Decimal("1e-20"), Decimal("1.0"))
    assert (found.billed, found.right) == (Decimal(8) + Decimal("1e-20"), Decimal("8.0"))
    assert (found.under, found.over) == (Decimal("0.4") - Decimal("1e-20"), Decimal("0.4"))
    assert found.unfounded == Decimal("0.4")
    assert found.kinds == {"under": 2, "over": 1, "right": 1, "unknown": 1, "unfounded": 1}
    assert found.ratio == Decimal("1.000")


def test_every_currency_has_its_own_sums() -> None:
    found = sums([stake("1", "2"), stake("1", "2"), stake("1", "2", currency="EUR")])

    assert [(each.currency, each.calls) for each in found] == [("USD", 2), ("EUR", 1)]


def test_a_run_has_a_stake_for_each_judged_cost() -> None:
    report = tell(*STORY)

    found = stakes(report, {})

    assert {each.id for each in found} <= {case.id for case in report.cases}
    assert found


def test_the_currency_is_that_of_the_case() -> None:
    case = next(case for case in load_cases() if case.charge is not None and case.charge.currency == "EUR")

    found = stake_of(row(passed("1", "1")), case)

    assert found is not None
    assert found.currency == "EUR"
