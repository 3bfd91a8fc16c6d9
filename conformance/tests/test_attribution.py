"""One mistake is one accusation: what its failures say nothing about is hidden, and only then."""

from __future__ import annotations

from dataclasses import replace

import pytest
from decibill.attribution import attribute, explained
from decibill.baseline import Baseline, KnownFailure
from decibill.judge_breaks import BY_BASIS, BY_CAUSE, BY_QUANTITY, OF_STREAMS, ZERO, broken_by, loss_of
from decibill.judge_mistakes import AT_TEXT_RATE, LIST_PRICE, OTHER_DURATION
from decibill.outcome import CheckResult, Outcome
from decibill.report.text import render_text
from decibill.specification import load_specification
from decibill.verdict import InstanceResult, RequirementResult, Verdict, give_verdict, is_known
from tests import story
from tests.scene import UNSET, case, found, instance, ledger, stated, unpriced
from tests.story import SPECIFICATION, tell

ABOUT, OTHER, USAGE, READING = "AUB-CHG-c3cf", "AUB-GWY-888a", "AUB-GWY-e8e3", "AUB-GWY-3a9b"


def _cost(
    name: str, requirement: str, *, breaks: tuple[str, ...] = (ABOUT,), cause: str = "x"
) -> InstanceResult:
    check = CheckResult("cost", (requirement,), Outcome.FAIL, because="wrong", cause=cause, breaks=breaks)
    return InstanceResult(instance(case(**{"/id": name})), (check,))


def _verdict(*results: InstanceResult, entries: tuple[str, ...] = ()) -> Verdict:
    known = tuple(KnownFailure(entry, "known for years", "https://example.org") for entry in entries)
    return give_verdict(results, (), SPECIFICATION, baseline=Baseline("known.json", known))


def _row(verdict: Verdict, requirement: str) -> RequirementResult:
    return next(row for row in verdict.requirements if row.requirement.id == requirement)


def test_a_requirement_is_hidden_behind_one_that_the_mistake_is_about() -> None:
    verdict = _verdict(_cost("openai/a", ABOUT), _cost("openai/b", OTHER))
    assert verdict.failed == (ABOUT,)
    row = _row(verdict, OTHER)
    assert (row.outcome, row.hidden_by) == (Outcome.NOT_TESTABLE, (ABOUT,))
    assert row.instances == (("openai/b", Outcome.NOT_TESTABLE),)


def test_it_is_not_hidden_where_nothing_shows_what_the_mistake_is_about() -> None:
    """Or a run of that one case would find nothing wrong."""
    assert _verdict(_cost("openai/b", OTHER)).failed == (OTHER,)


def test_it_is_not_hidden_by_another_mistake() -> None:
    assert _verdict(_cost("openai/a", ABOUT, cause="y"), _cost("openai/b", OTHER)).failed == (ABOUT, OTHER)


def test_it_is_not_hidden_where_another_of_its_checks_fails_in_another_way() -> None:
    own = _cost("openai/c", OTHER, breaks=(), cause="charged twice")
    row = _row(_verdict(_cost("openai/a", ABOUT), _cost("openai/b", OTHER), own), OTHER)
    assert (row.outcome, row.hidden_by) == (Outcome.FAIL, ())


def test_a_requirement_about_any_usage_is_never_hidden() -> None:
    assert _verdict(_cost("openai/a", ABOUT), _cost("openai/b", USAGE)).failed == (ABOUT, USAGE)


def test_an_entry_of_the_baseline_covers_what_it_hides() -> None:
    results = (_cost("openai/a", ABOUT), _cost("openai/b", OTHER))
    verdict = _verdict(*results, entries=(ABOUT,))
    assert (verdict.failed, verdict.undecided, verdict.known) == ((), (), (ABOUT,))
    attribution = attribute(check for result in results for check in result.checks)
    assert is_known(results[1], [KnownFailure(ABOUT, "known for years", "https://x")], attribution)


def test_the_report_names_what_is_hidden_in_one_line() -> None:
    own = case(**{"/id": "openai/a", "/then/proves": {ABOUT: ["cost"]}})
    other = case(**{"/id": "openai/b", "/then/proves": {OTHER: ["cost"]}})
    wrong = story.at_text_rate("openai/a")[1]
    text = render_text(tell((own, wrong), (other, wrong)))
    assert f"hidden         {OTHER}, behind the failure of {ABOUT}\n" in text
    assert f"FAILED  {ABOUT}" in text
    assert f"FAILED  {OTHER}" not in text


def test_what_hinders_many_requirements_is_told_once() -> None:
    """A gateway that stops answering is one block, not one for every requirement."""
    text = render_text(tell(story.never_called("openai/a"), story.never_called("openai/b")))
    assert text.count("ERROR  ") == 1
    assert (
        "in error       for the same reasons: AUB-GWY-3725, AUB-GWY-3a9b, AUB-GWY-888a and 1 more (-v" in text
    )


def test_every_requirement_that_a_mistake_breaks_exists() -> None:
    named = [
        *(name for names in BY_CAUSE.values() for name in names),
        *BY_QUANTITY.values(),
        *OF_STREAMS,
        *ZERO,
    ]
    for operation in ("transcription", "chat"):
        of = case(**{"/given/upstream/0/answers/0/exchange/operation": operation})
        named += loss_of(of)[1]
    assert set(named) <= set(load_specification().requirements)


def test_audio_at_the_text_rate_is_about_the_audio_rate() -> None:
    result = found("cost", case(), ledger("0.0052348"))
    assert (result.cause, result.breaks) == (AT_TEXT_RATE, BY_CAUSE[AT_TEXT_RATE])


def test_a_zero_is_about_charging_the_quantity_at_all() -> None:
    assert found("cost", case(), ledger("0")).breaks == (ABOUT,)


def test_a_number_where_none_can_be_right_speaks_against_the_cases_own_requirement() -> None:
    assert found("cost", unpriced("unmetered"), ledger("0.5")).breaks == ()


def test_a_cost_behind_a_silent_zero_is_hidden_by_it() -> None:
    for name in ("cost", "silent_zero"):
        assert found(name, unpriced("unmetered"), ledger("0")).breaks == ZERO


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_stream_that_is_not_read_is_about_reading_streams(stream: bool) -> None:
    of = case(**{"/features": ["transcription", "stream"] if stream else ["transcription"]})
    unknown = found("cost", of, ledger(None))
    assert unknown.breaks == (OF_STREAMS if stream else ())
    lost = ledger("0.0085276", usage={"audio_input_tokens": stated(UNSET, "/audio")})
    assert found("ledger.audio_input_tokens", of, lost).breaks == loss_of(of)[1]
    assert loss_of(of)[1] == (OF_STREAMS if stream else ("AUB-OAI-ecfe",))


def test_a_list_price_is_about_charging_the_quantity_as_configured() -> None:
    assert broken_by(case(), LIST_PRICE) == (ABOUT,)


@pytest.mark.parametrize("basis", sorted(BY_BASIS))
def test_another_duration_is_about_which_one_is_billable(basis: str) -> None:
    of = case(**{"/then/usage/basis": {"audio_duration_seconds": basis}})
    assert broken_by(of, OTHER_DURATION) == BY_BASIS[basis]


@pytest.mark.parametrize("basis", sorted(BY_BASIS))
def test_a_zero_for_seconds_may_be_a_duration_that_was_never_read(basis: str) -> None:
    of = case(**{"/then/usage/basis": {"audio_duration_seconds": basis}})
    assert found("cost", of, ledger("0")).else_breaks == BY_BASIS[basis]


def _zero(name: str, requirement: str) -> InstanceResult:
    result = _cost(name, requirement)
    (check,) = result.checks
    return replace(result, checks=(replace(check, else_breaks=(READING,)),))


def test_a_mistake_is_about_reading_where_nothing_shows_that_it_is_about_charging() -> None:
    verdict = _verdict(_zero("openai/a", READING), _zero("openai/b", OTHER))
    assert verdict.failed == (READING,)
    assert _row(verdict, OTHER).hidden_by == (READING,)


def test_it_is_about_charging_where_that_is_shown() -> None:
    verdict = _verdict(_zero("openai/a", READING), _zero("openai/b", OTHER), _zero("openai/c", ABOUT))
    assert verdict.failed == (ABOUT,)
    assert _row(verdict, READING).hidden_by == (ABOUT,)


def test_an_unknown_mistake_hides_nothing() -> None:
    assert broken_by(case(), "the sum is wrong") == ()


def _instance(*wrong: str, quantity: str = "audio_input_tokens") -> InstanceResult:
    """Return a call with a wrong cost and a wrong record of these quantities."""
    checks = (
        CheckResult("cost", (OTHER,), Outcome.FAIL, cause="other"),
        *(CheckResult(f"ledger.{name}", (USAGE,), Outcome.FAIL, cause="z") for name in wrong),
    )
    return InstanceResult(instance(case()), explained(checks, [quantity]))


def test_the_cost_of_usage_that_was_read_wrongly_says_nothing_about_pricing() -> None:
    verdict = _verdict(_instance("audio_input_tokens"))
    assert _row(verdict, OTHER).hidden_by == (USAGE,)
    assert verdict.failed == (USAGE,)


def test_it_speaks_against_a_rule_of_reading_all_the_same() -> None:
    (cost, _) = _instance("audio_input_tokens").checks
    assert attribute([]).hidden_by("AUB-EXT-d606", cost) == ()


@pytest.mark.parametrize("wrong", [(), ("output_tokens",)], ids=["right", "another-quantity"])
def test_a_wrong_cost_stands_where_what_it_depends_on_was_read_rightly(wrong: tuple[str, ...]) -> None:
    assert OTHER in _verdict(_instance(*wrong)).failed


def test_a_rule_that_the_wrong_usage_itself_fails_is_not_hidden_by_it() -> None:
    checks = (
        CheckResult("cost", (OTHER,), Outcome.FAIL, cause="other"),
        CheckResult("ledger.audio_input_tokens", (OTHER,), Outcome.FAIL, cause="z"),
    )
    result = InstanceResult(instance(case()), explained(checks, ["audio_input_tokens"]))
    assert _verdict(result).failed == (OTHER,)
