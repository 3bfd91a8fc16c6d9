"""From the results of all instances to one outcome for each requirement, and to the verdict.

By AUB 0.1, chapter 8: a MUST that fails outside the baseline: *not conformant*. Else a MUST in error or
not testable, or nothing that passed: *inconclusive*. Else *conformant*. SHOULD counts where the run is
strict, MAY never.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from decibill.attribution import Attribution, attribute
from decibill.baseline import Baseline, KnownFailure
from decibill.outcome import CheckResult, Outcome, roll_up

if TYPE_CHECKING:
    from decibill.case import Case
    from decibill.plan import Instance, NotDeclared
    from decibill.prose import Requirement
    from decibill.specification import Specification

__all__ = [
    "InstanceResult",
    "Judged",
    "RequirementResult",
    "Result",
    "Verdict",
    "Word",
    "give_verdict",
    "instance_outcome",
    "is_known",
]

_FLAWS: Final = frozenset({Outcome.FAIL, Outcome.ERROR, Outcome.NOT_TESTABLE})
_BY_RECORDS: Final = "only a calculator's records show it"
_BY_GATEWAYS: Final = "only a gateway shows it"
Word = Literal["conformant", "not conformant", "inconclusive"]


class Judged(Protocol):
    """What was asked: a case in one dialect of a gateway, or a case of a calculator."""

    @property
    def id(self) -> str:
        """Its id in the report."""
        ...

    @property
    def case(self) -> Case:
        """The case."""
        ...


class Result(Protocol):
    """What was found about one of these."""

    @property
    def instance(self) -> Judged:
        """What was asked."""
        ...

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """What was found."""
        ...

    @property
    def outcome(self) -> Outcome:
        """The outcome of all its checks."""
        ...


@dataclass(frozen=True, slots=True)
class InstanceResult:
    """Everything found about one instance."""

    instance: Instance
    checks: tuple[CheckResult, ...]

    @property
    def outcome(self) -> Outcome:
        """The outcome of all its checks."""
        return roll_up(check.outcome for check in self.checks)


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """What the run says about one requirement."""

    requirement: Requirement
    outcome: Outcome
    """What came of its checks, the baseline apart."""

    open: Outcome
    """What came of those of its checks that the baseline does not cover."""

    instances: tuple[tuple[str, Outcome], ...] = ()
    """Every instance with a check of the requirement, sorted by id."""

    known: tuple[KnownFailure, ...] = ()
    """Entries of the baseline that cover a check that does not pass."""

    reason: str = ""
    """Why it was not judged, where it was not."""

    hidden_by: tuple[str, ...] = ()
    """Requirements that its failing checks speak against in its place, if that is why it is not testable."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run says about a gateway."""

    word: Word
    exit_code: int
    """0, 1 or 3, as the table of exit codes has it; a stale entry of the baseline makes 1."""

    strict: bool
    requirements: tuple[RequirementResult, ...]
    """In the order of the specification."""

    failed: tuple[str, ...]
    """Requirements that fail outside the baseline and count."""

    undecided: tuple[str, ...]
    """Requirements in error or not testable that count."""

    known: tuple[str, ...] = ()
    """Ids of the baseline's entries that cover something that does not pass."""

    stale: tuple[str, ...] = ()
    """Ids of the baseline's entries of which everything passes."""

    unused: tuple[str, ...] = ()
    """Ids of the baseline's entries of which nothing was judged."""

    attribution: Attribution = field(default_factory=Attribution)
    """What the run has shown of recognised mistakes."""


def counts(level: str, *, strict: bool) -> bool:
    """Say whether a requirement of that level counts for the verdict."""
    return level.startswith("MUST") or (strict and level.startswith("SHOULD"))


def instance_outcome(result: Result, requirements: Mapping[str, Requirement]) -> tuple[Outcome, bool]:
    """Return the outcome of an instance and whether a MUST is behind it, not merely a recommendation.

    What does not pass a MUST comes before anything that is only recommended.
    """
    binding = roll_up(
        check.outcome
        for check in result.checks
        if any(_level(name, requirements).startswith("MUST") for name in check.requirements)
    )
    if binding in _FLAWS or result.outcome not in _FLAWS:
        return (binding if binding in _FLAWS else result.outcome), True
    return result.outcome, False


def _level(name: str, requirements: Mapping[str, Requirement]) -> str:
    return requirements[name].level if name in requirements else "MUST"


def give_verdict(  # noqa: PLR0913 - named arguments, each of them a fact of its own
    results: Sequence[Result],
    not_declared: Sequence[NotDeclared],
    specification: Specification,
    *,
    baseline: Baseline | None = None,
    strict: bool = False,
    calculator: bool = False,
) -> Verdict:
    """Return the verdict on a gateway, or on a calculator.

    Args:
        results: what was found about every instance that ran.
        not_declared: the cases that the gateway was not asked.
        specification: what is judged by.
        baseline: the known failures.
        strict: whether SHOULD counts.
        calculator: whether records were judged, and not a gateway.
    """
    entries = baseline.entries if baseline else ()
    attribution = attribute(check for result in results for check in result.checks)
    rows = tuple(
        _requirement(
            requirement,
            _Evidence(
                results,
                not_declared,
                specification.exclusions.get(name, ""),
                entries,
                attribution,
                _BY_GATEWAYS if calculator else _BY_RECORDS,
            ),
        )
        for name, requirement in specification.requirements.items()
    )
    stale, unused = _stale(results, entries)
    counted = [row for row in rows if counts(row.requirement.level, strict=strict)]
    failed = tuple(row.requirement.id for row in counted if row.open is Outcome.FAIL)
    undecided = tuple(
        row.requirement.id for row in counted if row.open in {Outcome.ERROR, Outcome.NOT_TESTABLE}
    )
    passed = any(check.outcome is Outcome.PASS for result in results for check in result.checks)
    word: Word = "not conformant" if failed else "inconclusive" if undecided or not passed else "conformant"
    code = {"not conformant": 1, "inconclusive": 3, "conformant": 0}[word]
    return Verdict(
        word=word,
        exit_code=1 if stale else code,
        strict=strict,
        requirements=rows,
        failed=failed,
        undecided=undecided,
        known=tuple(dict.fromkeys(entry.id for row in rows for entry in row.known)),
        stale=stale,
        unused=unused,
        attribution=attribution,
    )


def is_known(result: Result, entries: Sequence[KnownFailure], attribution: Attribution) -> bool:
    """Say whether something of an instance does not pass, and the baseline covers all of that."""
    flaws = [
        _covering(entries, (requirement, *attribution.hidden_by(requirement, check)), result.instance, check)
        is not None
        for check in result.checks
        for requirement in check.requirements
        if check.outcome not in {Outcome.PASS, Outcome.NOT_DECLARED}
    ]
    return bool(flaws) and all(flaws)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What there is to judge one requirement by."""

    results: Sequence[Result]
    not_declared: Sequence[NotDeclared]
    exclusion: str
    """Why no run can show it, if so."""

    entries: Sequence[KnownFailure]
    attribution: Attribution
    elsewhere: str
    """What shows a requirement that no check of this kind of subject is for."""


def _requirement(requirement: Requirement, evidence: _Evidence) -> RequirementResult:
    outcomes: list[Outcome] = []
    open_: list[Outcome] = []
    instances: dict[str, Outcome] = {}
    known: dict[str, KnownFailure] = {}
    hidden: list[tuple[str, ...]] = []
    for result in evidence.results:
        checks = [check for check in result.checks if requirement.id in check.requirements]
        if not checks:
            continue
        said = [evidence.attribution.outcome(requirement.id, check) for check in checks]
        instances[result.instance.id] = roll_up(said)
        outcomes += said
        for check, outcome in zip(checks, said, strict=True):
            hiders = evidence.attribution.hidden_by(requirement.id, check)
            hidden += [hiders] if outcome is Outcome.NOT_TESTABLE else []
            entry = _covering(evidence.entries, (requirement.id, *hiders), result.instance, check)
            if entry is None or outcome in {Outcome.PASS, Outcome.NOT_DECLARED}:
                open_.append(outcome)
            else:
                known[entry.id] = entry
    outcome = roll_up(outcomes)
    reason = ""
    if outcome is Outcome.NOT_DECLARED:
        reason = _reason(requirement, evidence)
    is_hidden = outcome is Outcome.NOT_TESTABLE and all(hidden)
    return RequirementResult(
        requirement,
        outcome,
        roll_up(open_),
        tuple(sorted(instances.items())),
        tuple(known.values()),
        reason,
        tuple(sorted({name for names in hidden for name in names})) if is_hidden else (),
    )


def _covering(
    entries: Iterable[KnownFailure], requirements: tuple[str, ...], instance: Judged, check: CheckResult
) -> KnownFailure | None:
    return next(
        (
            entry
            for entry in entries
            if any(entry.covers(name, instance.case.id, instance.id, check.check) for name in requirements)
        ),
        None,
    )


def _reason(requirement: Requirement, evidence: _Evidence) -> str:
    """Return why a requirement was not judged."""
    if evidence.exclusion:
        return evidence.exclusion
    results, not_declared = evidence.results, evidence.not_declared
    lacks = [
        check.because
        for result in results
        for check in result.checks
        if requirement.id in check.requirements and check.because
    ]
    proving: list[Case] = [item.case for item in not_declared if requirement.id in item.case.requirements]
    elsewhere = requirement.observable == "record" and evidence.elsewhere == _BY_RECORDS
    if elsewhere or (not lacks and _only_elsewhere(requirement.id, results, proving)):
        return evidence.elsewhere
    if lacks:
        return lacks[0]
    reasons = dict.fromkeys(item.reason for item in not_declared if item.case in proving)
    if reasons:
        return f"it needs {'; '.join(reasons)}"
    return "no case of this run proves it"


def _only_elsewhere(requirement: str, results: Sequence[Result], proving: Sequence[Case]) -> bool:
    """Say whether a case ran that proves the requirement, but only by checks of another kind of subject."""
    return not proving and any(requirement in result.instance.case.requirements for result in results)


def _stale(
    results: Sequence[Result], entries: Sequence[KnownFailure]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the entries of which everything passes, and those of which nothing was judged."""
    stale: list[str] = []
    unused: list[str] = []
    for entry in entries:
        outcomes = {
            check.outcome
            for result in results
            for check in result.checks
            for requirement in check.requirements
            if entry.covers(requirement, result.instance.case.id, result.instance.id, check.check)
        } - {Outcome.NOT_DECLARED}
        if not outcomes:
            unused.append(entry.id)
        elif outcomes == {Outcome.PASS}:
            stale.append(entry.id)
    return tuple(stale), tuple(unused)
