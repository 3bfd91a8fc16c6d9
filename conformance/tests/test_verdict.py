"""From results to a verdict, with and without a baseline."""

from __future__ import annotations

from typing import Any

import pytest
from decibill.baseline import Baseline, KnownFailure
from decibill.outcome import CheckResult, Outcome
from decibill.plan import NotDeclared
from decibill.prose import Requirement
from decibill.specification import Specification
from decibill.verdict import InstanceResult, RequirementResult, Verdict, give_verdict, instance_outcome
from tests.scene import case, instance

PASS, FAIL, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.ERROR
NOT_TESTABLE, NOT_DECLARED = Outcome.NOT_TESTABLE, Outcome.NOT_DECLARED
MUST, NOT, SHOULD, MAY = "AUB-CHG-c3cf", "AUB-GWY-3a9b", "AUB-GWY-3e04", "AUB-GWY-888a"
LEVELS = {MUST: "MUST", NOT: "MUST NOT", SHOULD: "SHOULD", MAY: "MAY"}


def _specification(**exclusions: str) -> Specification:
    return Specification(
        {
            name: Requirement(name, level, f"{level}.", f"spec/x.md#{name}", "0.1", "wire", (), "0")
            for name, level in LEVELS.items()
        },
        {name.replace("_", "-"): reason for name, reason in exclusions.items()},
    )


def _result(name: str, **outcomes: Outcome) -> InstanceResult:
    """Return an instance whose checks, one for each requirement, came out like this."""
    requirement = {"must": MUST, "no": NOT, "should": SHOULD, "may": MAY}
    checks = {"must": "cost", "no": "silent_zero", "should": "status", "may": "once"}
    return InstanceResult(
        instance(case(**{"/id": name})),
        tuple(
            CheckResult(checks[key], (requirement[key],), outcome, because=f"{key} {outcome}")
            for key, outcome in outcomes.items()
        ),
    )


def _verdict(*results: InstanceResult, entries: tuple[str, ...] = (), **options: Any) -> Verdict:
    baseline = Baseline(
        "baseline.json", tuple(KnownFailure(e, "known for years", "https://x") for e in entries)
    )
    return give_verdict(results, (), _specification(), baseline=baseline, **options)


def _row(verdict: Verdict, requirement: str) -> RequirementResult:
    return next(row for row in verdict.requirements if row.requirement.id == requirement)


@pytest.mark.parametrize(
    ("outcomes", "strict", "word", "code"),
    [
        ({"must": PASS}, False, "conformant", 0),
        ({"must": PASS, "no": FAIL}, False, "not conformant", 1),
        ({"must": FAIL, "no": ERROR}, False, "not conformant", 1),
        ({"must": PASS, "no": ERROR}, False, "inconclusive", 3),
        ({"must": PASS, "no": NOT_TESTABLE}, False, "inconclusive", 3),
        ({"must": PASS, "no": NOT_DECLARED}, False, "conformant", 0),
        ({"must": NOT_DECLARED}, False, "inconclusive", 3),
        ({}, False, "inconclusive", 3),
        ({"must": PASS, "should": FAIL}, False, "conformant", 0),
        ({"must": PASS, "should": FAIL}, True, "not conformant", 1),
        ({"must": PASS, "should": NOT_TESTABLE}, False, "conformant", 0),
        ({"must": PASS, "should": NOT_TESTABLE}, True, "inconclusive", 3),
        ({"must": PASS, "may": FAIL}, True, "conformant", 0),
    ],
    ids=lambda value: (
        ",".join(f"{k}={v}" for k, v in value.items()) or "nothing" if isinstance(value, dict) else str(value)
    ),
)
def test_the_verdict(outcomes: dict[str, Outcome], strict: bool, word: str, code: int) -> None:
    verdict = _verdict(_result("openai/a", **outcomes), strict=strict)
    assert (verdict.word, verdict.exit_code) == (word, code)


def test_one_failing_case_fails_the_requirement_although_others_pass() -> None:
    verdict = _verdict(_result("openai/a", must=PASS), _result("openai/b", must=FAIL))
    row = _row(verdict, MUST)
    assert row.outcome is FAIL
    assert row.instances == (("openai/a", PASS), ("openai/b", FAIL))


def test_a_failure_of_one_requirement_is_not_one_of_another() -> None:
    verdict = _verdict(_result("openai/a", must=PASS, no=FAIL))
    assert verdict.failed == (NOT,)


@pytest.mark.parametrize(
    ("outcomes", "outcome", "is_must"),
    [
        ({"must": FAIL, "should": PASS}, FAIL, True),
        ({"must": PASS, "should": FAIL}, FAIL, False),
        ({"must": FAIL, "should": FAIL}, FAIL, True),
        ({"must": NOT_TESTABLE, "should": FAIL}, NOT_TESTABLE, True),
        ({"must": PASS, "should": PASS}, PASS, True),
        ({"must": NOT_DECLARED}, NOT_DECLARED, True),
    ],
    ids=["a MUST", "a SHOULD", "both", "a MUST not testable", "neither", "nothing declared"],
)
def test_a_case_against_a_recommendation_only_is_told_apart(
    outcomes: dict[str, Outcome], outcome: Outcome, is_must: bool
) -> None:
    result = _result("openai/a", **outcomes)
    assert instance_outcome(result, _specification().requirements) == (outcome, is_must)


class TestBaseline:
    """A baseline covers what does not pass, and turns stale when all of it does."""

    @pytest.mark.parametrize(
        "entry", [MUST, "openai/a", "openai/a:cost"], ids=["requirement", "case", "check of a case"]
    )
    @pytest.mark.parametrize("outcome", [FAIL, NOT_TESTABLE, ERROR])
    def test_a_known_failure_does_not_count(self, entry: str, outcome: Outcome) -> None:
        verdict = _verdict(_result("openai/a", must=outcome, no=PASS), entries=(entry,))
        assert (verdict.word, verdict.exit_code, verdict.known) == ("conformant", 0, (entry,))
        assert _row(verdict, MUST).outcome is outcome

    def test_a_known_requirement_does_not_hide_another(self) -> None:
        verdict = _verdict(_result("openai/a", must=FAIL, no=FAIL), entries=(MUST,))
        assert (verdict.word, verdict.failed) == ("not conformant", (NOT,))

    def test_a_known_case_does_not_hide_another(self) -> None:
        verdict = _verdict(
            _result("openai/a", must=FAIL), _result("openai/b", must=FAIL), entries=("openai/a",)
        )
        assert verdict.failed == (MUST,)

    def test_a_known_check_does_not_hide_another(self) -> None:
        verdict = _verdict(_result("openai/a", must=FAIL, no=FAIL), entries=("openai/a:cost",))
        assert verdict.failed == (NOT,)

    @pytest.mark.parametrize("entry", [MUST, "openai/a", "openai/a:cost"])
    def test_an_entry_that_passes_now_fails_the_run(self, entry: str) -> None:
        verdict = _verdict(_result("openai/a", must=PASS, no=PASS), entries=(entry,))
        assert (verdict.word, verdict.exit_code, verdict.stale) == ("conformant", 1, (entry,))

    @pytest.mark.parametrize("entry", ["AUB-GWY-888a", "openai/other", "openai/a:once"])
    def test_an_entry_of_which_nothing_was_judged_is_not_stale(self, entry: str) -> None:
        verdict = _verdict(_result("openai/a", must=PASS), entries=(entry,))
        assert (verdict.exit_code, verdict.stale, verdict.unused) == (0, (), (entry,))


class TestReasons:
    """What was not judged has a reason."""

    def test_an_exclusion_is_quoted(self) -> None:
        verdict = give_verdict((), (), _specification(AUB_CHG_c3cf="Shown by a test of durability."))
        assert _row(verdict, MUST).reason == "Shown by a test of durability."

    def test_what_the_check_says_is_quoted(self) -> None:
        assert _row(_verdict(_result("openai/a", must=NOT_DECLARED)), MUST).reason == "must not_declared"

    def test_what_the_gateway_lacks_is_named(self) -> None:
        lacking = NotDeclared(case(), "the operation transcription")
        verdict = give_verdict((), (lacking,), _specification())
        assert _row(verdict, MUST).reason == "it needs the operation transcription"

    def test_what_only_records_show_is_said(self) -> None:
        """The case ran and proves the requirement, but not by a check of gateways."""
        assert (
            _row(_verdict(_result("openai/a", no=PASS)), MUST).reason == "only a calculator's records show it"
        )

    def test_a_selection_may_leave_a_requirement_without_a_case(self) -> None:
        assert _row(_verdict(), MUST).reason == "no case of this run proves it"
