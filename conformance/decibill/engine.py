"""A run from end to end as a library: plan, drive, judge, verdict, report. It prints and writes nothing.

::

    declaration = decibill.declaration_read.load("reference")
    report = run(declaration, load_cases(), RunOptions(drive=DriveOptions(start=True)))
    assert report.verdict.word == "conformant"
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from decibill._data import data_directory
from decibill.baseline import Baseline
from decibill.case import Case
from decibill.declaration import Declaration
from decibill.drive import Driven, DriveOptions, drive
from decibill.judge import judge, run_facts
from decibill.plan import Instance, Plan, plan
from decibill.report.build import Found, build_report
from decibill.report.model import Report, Selection
from decibill.report.timing import timing
from decibill.specification import Specification, load_specification
from decibill.statements import Observation
from decibill.verdict import InstanceResult, give_verdict

__all__ = ["Driver", "RunOptions", "run", "run_case"]

_MANIFEST = "MANIFEST.json"


class Driver(Protocol):
    """Whatever carries out a plan: by default `decibill.drive.drive`, which speaks HTTP."""

    def __call__(self, planned: Plan, declaration: Declaration, options: DriveOptions) -> Driven:
        """Return what was seen of every instance of the plan."""
        ...


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is made and judged."""

    drive: DriveOptions = field(default_factory=DriveOptions)
    selection: Selection = field(default_factory=Selection)
    """How the cases were chosen; for the report."""

    strict: bool = False
    """Whether SHOULD counts."""

    baseline: Baseline | None = None
    gateway_option: str = ""
    """How a command line names the gateway, for the lines that repeat a case."""

    fixtures: Path | None = None
    specification: Specification | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Read once, for the report's ``started``."""


def run(
    declaration: Declaration,
    cases: Sequence[Case],
    options: RunOptions | None = None,
    *,
    driver: Driver | None = None,
) -> Report:
    """Return the report on a gateway.

    Args:
        declaration: the gateway.
        cases: the cases to judge it by, already chosen.
        options: how.
        driver: what carries out the plan.

    Raises:
        PreflightError: the gateway is not ready to be judged.
        HarnessError: the suite itself failed.
        InvalidFileError: a file of the suite, or something that the declaration names, is not there.
    """
    options = options or RunOptions()
    began = time.monotonic()
    started = options.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    planned = plan(declaration, cases)
    if not planned.instances:
        # Nothing to send: no program is started and no port is opened for a verdict that says so.
        driven = Driven({}, "(not called)", "(not started)", ("nothing was sent: no case fits the gateway",))
    elif driver is not None:
        driven = driver(planned, declaration, options.drive)
    else:
        driven = drive(planned, declaration, options.drive, fixtures=options.fixtures)
    specification = options.specification or load_specification()
    results, judging = _judge_all(planned.instances, driven.observations, declaration)
    verdict = give_verdict(
        results, planned.not_declared, specification, baseline=options.baseline, strict=options.strict
    )
    return build_report(
        Found(
            declaration=replace(declaration, version=driven.version or declaration.version),
            specification=specification,
            cases=cases,
            plan=planned,
            results=results,
            observations=driven.observations,
            verdict=verdict,
            started=started,
            gateway_url=driven.gateway_url,
            upstream_url=driven.upstream_url,
            gateway_option=options.gateway_option,
            selection=options.selection,
            baseline=options.baseline,
            notes=driven.notes,
            secrets=driven.secrets,
            fixtures_sha256=_fixtures_sha256(options.fixtures or data_directory("fixtures")),
            timing=timing(
                [
                    spent.with_more(judging[name])
                    for name, seen in driven.observations.items()
                    if (spent := seen.spent) is not None
                ],
                at_once=driven.at_once,
                run_s=time.monotonic() - began,
            ),
        )
    )


def run_case(
    case: Case, declaration: Declaration, transport: Callable[[Instance], Observation]
) -> tuple[InstanceResult, ...]:
    """Return the results of one case, one for each dialect that it shares with the gateway.

    For use inside another test runner, with any *transport*: a function that makes the call of an
    instance and returns what was seen of it.
    """
    instances = plan(declaration, [case]).instances
    return _judge_all(instances, {each.id: transport(each) for each in instances}, declaration)[0]


def _judge_all(
    instances: Sequence[Instance], observations: Mapping[str, Observation], declaration: Declaration
) -> tuple[tuple[InstanceResult, ...], Mapping[str, float]]:
    """Return the results, and how many seconds the judging of each instance took."""
    facts = run_facts([(each, observations[each.id]) for each in instances])
    results: list[InstanceResult] = []
    seconds: dict[str, float] = {}
    for each in instances:
        began = time.monotonic()
        results.append(
            InstanceResult(each, judge(each.case, each, observations[each.id], declaration, facts))
        )
        seconds[each.id] = time.monotonic() - began
    return tuple(results), seconds


def _fixtures_sha256(root: Path) -> str | None:
    """Return the digest of the fixtures' manifest, which in turn holds those of all files."""
    manifest = root / _MANIFEST
    return hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else None
