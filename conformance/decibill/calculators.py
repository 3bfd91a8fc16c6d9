"""A run of a calculator from end to end as a library: ask, read, judge, verdict, report; it prints nothing.

::

    report = run_calculator(["decibill", "calculator"], load_cases())
    assert report.verdict.word == "conformant"
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from decibill import SPEC_VERSION, __version__
from decibill._data import data_directory
from decibill.baseline import Baseline
from decibill.calculator import Question, RecordInstance, questions
from decibill.calculator_answer import Answer, read_answers
from decibill.calculator_process import Limits, ask
from decibill.case import Case, ExchangeCase
from decibill.errors import UsageError
from decibill.judge_records import judge_answers, stated_members
from decibill.outcome import CheckResult, Outcome, roll_up
from decibill.plan import NotDeclared
from decibill.report.build import (
    asked_words,
    baseline_use,
    not_asked,
    requirement_rows,
    shortened,
    verdict_info,
)
from decibill.report.counts import area_counts, level_counts
from decibill.report.model import CaseRow, GatewayInfo, Report, Selection, SuiteInfo
from decibill.specification import Specification, load_specification
from decibill.verdict import Verdict, give_verdict, instance_outcome, is_known

__all__ = [
    "FIXTURES",
    "CalculatorOptions",
    "RecordResult",
    "calculator_id",
    "run_calculator",
    "split_command",
]

FIXTURES: Final = "DECIBILL_FIXTURES"
"""The environment variable that names the fixtures' folder to a calculator."""

_FALLBACK: Final = "calculator"


@dataclass(frozen=True, slots=True)
class RecordResult:
    """Everything found about one case of a calculator."""

    instance: RecordInstance
    checks: tuple[CheckResult, ...]

    @property
    def outcome(self) -> Outcome:
        """The outcome of all its checks."""
        return roll_up(check.outcome for check in self.checks)


@dataclass(frozen=True, slots=True)
class CalculatorOptions:
    """How a run is made and judged."""

    command: str = ""
    """The command line of the calculator as the user gave it, for the lines that repeat a case."""

    selection: Selection = field(default_factory=Selection)
    strict: bool = False
    baseline: Baseline | None = None
    fixtures: Path | None = None
    specification: Specification | None = None
    limits: Limits | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


def split_command(command: str) -> list[str]:
    """Return the words of a command line, without a shell.

    Raises:
        UsageError: there are none, or a quotation is not closed.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--calculator {command!r} cannot be read: {error}") from None
    if not words:
        raise UsageError("--calculator needs a program")
    return words


def calculator_id(argv: Sequence[str]) -> str:
    """Return the id of a calculator: the name of its file, the last word of the command that names one."""
    files = [word for word in argv[1:] if Path(word).is_file()]
    stem = Path((files or [*argv[:1], _FALLBACK])[-1 if files else 0]).stem
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") or _FALLBACK


def run_calculator(
    argv: Sequence[str], cases: Sequence[Case], options: CalculatorOptions | None = None
) -> Report:
    """Return the report on a calculator.

    Args:
        argv: its program and arguments.
        cases: the cases to judge it by, already chosen.
        options: how.

    Raises:
        HarnessError: the program does not keep to the protocol.
    """
    options = options or CalculatorOptions()
    root = options.fixtures or data_directory("fixtures")
    specification = options.specification or load_specification()
    started = options.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = questions(cases, root)
    lines = [question.line for question in asked]
    said = ask(argv, lines, env={FIXTURES: str(root)}, limits=options.limits) if asked else []
    answers = read_answers(asked, said)
    judged = _judge(cases, asked, answers)
    verdict = give_verdict(
        judged.results,
        judged.not_declared,
        specification,
        baseline=options.baseline,
        strict=options.strict,
        calculator=True,
    )
    rows = _rows(judged, verdict, options, specification)
    requirements = requirement_rows(verdict, specification)
    manifest = root / "MANIFEST.json"
    return Report(
        suite=SuiteInfo(
            version=__version__,
            spec=SPEC_VERSION,
            requirements=len(specification.requirements),
            cases=len(cases),
            fixtures_sha256=hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else None,
        ),
        started=started,
        gateway=_info(argv, judged),
        upstream="(no upstream: the recorded exchanges were handed over)",
        selection=options.selection,
        verdict=verdict_info(
            verdict,
            _scope(judged.stated),
            _words([each.instance.case for each in judged.results]),
            judged=len(cases) if options.selection != Selection() else None,
        ),
        levels=level_counts(requirements),
        areas=area_counts(rows),
        requirements=requirements,
        cases=rows,
        baseline=baseline_use(options.baseline, verdict),
        notes=("a program was asked by lines of JSON; nothing was sent to any gateway",),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """What a run found, before it is a report."""

    results: tuple[RecordResult, ...]
    not_declared: tuple[NotDeclared, ...]
    answers: dict[str, list[tuple[Question, Answer]]]
    """Case → what was asked, and the answers."""

    stated: frozenset[str]


def _judge(cases: Sequence[Case], asked: Sequence[Question], answers: Sequence[Answer]) -> _Judged:
    by_case: dict[str, list[tuple[Question, Answer]]] = {}
    for question, answer in zip(asked, answers, strict=True):
        by_case.setdefault(question.id.partition("#")[0], []).append((question, answer))
    stated = stated_members(answers)
    results: list[RecordResult] = []
    lacking: list[NotDeclared] = []
    for case in sorted(cases, key=lambda case: case.id):
        answered = by_case[case.id]
        reason = next((answer.not_declared for _, answer in answered if answer.not_declared), None)
        if reason is not None:
            lacking.append(NotDeclared(case, shortened(reason)))
        else:
            checks = judge_answers(case, answered, stated)
            results.append(RecordResult(RecordInstance(case.id, case), checks))
    return _Judged(tuple(results), tuple(lacking), by_case, stated)


def _info(argv: Sequence[str], judged: _Judged) -> GatewayInfo:
    told = [answer for answered in judged.answers.values() for _, answer in answered]
    exchanges = _exchanges([each.instance.case for each in judged.results])
    needed = Counter(item.reason for item in judged.not_declared)
    own = calculator_id(argv)
    return GatewayInfo(
        id=own,
        name=next((answer.name for answer in told if answer.name), own),
        version=next((answer.version for answer in told if answer.version), "(no version)"),
        url="(a program)",
        declared={
            "operations": tuple(sorted({case.operation for case in exchanges})),
            "streams": tuple(sorted({case.operation for case in exchanges if case.stream})),
            "providers": tuple(sorted({case.provider for case in exchanges})),
            "dialects": (),
            "modifiers": (),
            "marks": (),
        },
        not_declared=dict(sorted(needed.items(), key=lambda item: (-item[1], item[0]))),
        kind="calculator",
    )


def _exchanges(cases: Sequence[Case]) -> list[ExchangeCase]:
    return [case for case in cases if isinstance(case, ExchangeCase)]


def _scope(stated: frozenset[str]) -> str:
    usage, cost = bool(stated & {"usage", "quantities"}), bool(stated & {"charge", "cost", "refund"})
    return "usage and cost" if usage and cost else "cost only" if cost else "usage only"


def _words(cases: Sequence[Case]) -> str:
    areas = sorted({case.area for case in cases if not isinstance(case, ExchangeCase)})
    exchanges = asked_words(_exchanges(cases))
    return "; ".join([*areas, *([exchanges] if exchanges != "nothing" or not areas else [])])


def _rows(
    judged: _Judged, verdict: Verdict, options: CalculatorOptions, specification: Specification
) -> tuple[CaseRow, ...]:
    entries = options.baseline.entries if options.baseline else ()
    rows: list[CaseRow] = []
    for result in judged.results:
        outcome, is_must = instance_outcome(result, specification.requirements)
        flawed = outcome not in {Outcome.PASS, Outcome.NOT_DECLARED}
        case = result.instance.case
        rows.append(
            CaseRow(
                id=case.id,
                case=case.id,
                title=case.title,
                area=case.area,
                dialect=None,
                outcome=outcome,
                is_recommendation=flawed and not is_must,
                is_known=is_known(result, entries, verdict.attribution),
                why=case.why,
                answer=f"fixtures/cases/{case.id}.json",
                checks=result.checks,
                again=f"decibill run --calculator {shlex.quote(options.command)} --only {case.id} -v",
                evidence=_evidence(judged.answers[case.id]) if flawed else {},
            )
        )
    return tuple(sorted([*rows, *not_asked(judged.not_declared)], key=lambda row: row.id))


def _evidence(answered: Sequence[tuple[Question, Answer]]) -> dict[str, object]:
    received = [dict(answer.members) for _, answer in answered]
    return {"received": received, "upstream": [], "problems": []}
