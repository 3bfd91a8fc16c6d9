"""A run as a library: no output, no files, any transport."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from decibill.cases import load_cases, select_cases
from decibill.declaration import Declaration
from decibill.declaration_read import load
from decibill.drive import Driven, DriveOptions
from decibill.engine import RunOptions, run, run_case
from decibill.outcome import Outcome
from decibill.plan import Instance, Plan
from decibill.statements import Observation
from tests import story
from tests.scene import UNSET, case, declaration, ledger, seen, unpriced
from tests.story import SPECIFICATION, tell


def test_the_verdict_and_the_report_are_of_one_run() -> None:
    report = tell(story.right("openai/a"), story.at_text_rate("openai/b"))
    assert (report.verdict.word, report.verdict.exit_code) == ("not conformant", 1)
    assert [row.outcome for row in report.cases] == [Outcome.PASS, Outcome.FAIL]


def test_it_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    tell(story.at_text_rate("openai/b"))
    assert capsys.readouterr() == ("", "")


def test_nothing_to_send_is_inconclusive_and_starts_nothing() -> None:
    def driver(planned: Plan, declared: Declaration, options: DriveOptions) -> Driven:
        raise AssertionError("nothing was to be driven")

    cases = select_cases(load_cases(), only=["pricing/*"])
    report = run(load("reference"), cases, driver=driver)
    assert (report.verdict.word, report.verdict.exit_code) == ("inconclusive", 3)
    assert report.notes == ("nothing was sent: no case fits the gateway",)
    assert report.gateway.not_declared == {"a calculator": len(cases)}


def test_the_time_is_given_in_universal_time() -> None:
    east = timezone(timedelta(hours=2))
    options = RunOptions(specification=SPECIFICATION, clock=lambda: datetime(2026, 11, 21, 14, tzinfo=east))
    report = run(declaration(), [], options)
    assert report.started == "2026-11-21T12:00:00Z"


def test_the_digest_of_the_fixtures_is_that_of_their_manifest(tmp_path: Path) -> None:
    def digest(folder: Path) -> str | None:
        options = RunOptions(specification=SPECIFICATION, fixtures=folder, clock=lambda: datetime.now(UTC))
        return run(declaration(), [], options).suite.fixtures_sha256

    assert digest(tmp_path) is None
    (tmp_path / "MANIFEST.json").write_bytes(b"{}")
    assert digest(tmp_path) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_what_one_case_shows_of_a_source_counts_for_another() -> None:
    """A source that leaves an unknown cost out passes if it states numbers elsewhere in the run."""
    gateway = declaration(**{"/observe/1/cost": {"pointer": "/cost", "absent": "unknown"}})
    gap, fine = unpriced("unmetered", **{"/id": "openai/gap"}), case(**{"/id": "openai/fine"})
    observations = {"openai/gap": seen(ledger(UNSET)), "openai/fine": seen(ledger("0.0085276"))}

    def outcome(*cases: object) -> Outcome:
        def driver(planned: Plan, declared: Declaration, options: DriveOptions) -> Driven:
            return Driven({each.id: observations[each.id] for each in planned.instances}, "g", "u", ())

        options = RunOptions(specification=SPECIFICATION)
        report = run(gateway, cases, options, driver=driver)  # type: ignore[arg-type]
        row = next(each for each in report.cases if each.id == "openai/gap")
        return next(check.outcome for check in row.checks if check.check == "cost")

    assert outcome(gap) is Outcome.NOT_TESTABLE
    assert outcome(gap, fine) is Outcome.PASS


class TestOneCase:
    """One case inside another test runner, with any transport."""

    def _transport(self, instance: Instance) -> Observation:
        assert instance.dialect == "openai"
        return seen(ledger("0.0085276"))

    def test_it_is_judged_like_in_a_run(self) -> None:
        (result,) = run_case(case(), declaration(), self._transport)
        assert (result.instance.id, result.outcome) == ("openai/tokens", Outcome.PASS)
        (wrong,) = run_case(case(), declaration(), lambda _: seen(ledger("0.1")))
        assert wrong.outcome is Outcome.FAIL

    def test_a_case_that_the_gateway_does_not_declare_has_no_result(self) -> None:
        gateway = declaration(**{"/features/operations": ["chat"]})
        assert run_case(case(), gateway, self._transport) == ()


def test_the_reference_gateway_passes_a_case_of_every_operation() -> None:
    """The whole path over HTTP: plan, drive, judge, verdict, report."""
    only = [
        "azure/transcription-founding-report",
        "openai/chat-stream-cut",
        "openai/speech-tts-1-founding",
        "openai/translation-srt",
    ]
    report = run(
        load("reference"),
        select_cases(load_cases(), only=only),
        RunOptions(drive=DriveOptions(start=True, jobs=2)),
    )
    flawed = [
        (row.id, check) for row in report.cases for check in row.checks if check.outcome is Outcome.FAIL
    ]
    assert flawed == []
    assert report.verdict.word == "conformant"
    assert len(report.cases) == 5
