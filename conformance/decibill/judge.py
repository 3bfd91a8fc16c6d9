"""From what was seen of one instance to what is right and wrong about it (AUB 0.1, chapter 8).

Pure functions over `decibill.statements`: nothing here reads a file, a clock or a socket, and nothing
here comes from the reference implementation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from decibill.attribution import explained
from decibill.checks import gateway_checks, requirements_of
from decibill.judge_call import Call, RunFacts
from decibill.judge_cost import judge_cost
from decibill.judge_once import judge_once, judge_upstream, obstacle
from decibill.judge_order import in_order_of_calls
from decibill.judge_usage import judge_usage
from decibill.outcome import CheckResult, Finding, Outcome, worse
from decibill.statements import Kind

if TYPE_CHECKING:
    from decibill.case import ExchangeCase
    from decibill.declaration import Declaration
    from decibill.plan import Instance
    from decibill.statements import Delivery, Observation

__all__ = ["judge", "priced_quantities", "run_facts"]


def run_facts(observed: Iterable[tuple[Instance, Observation]]) -> RunFacts:
    """Return what the run as a whole shows of each source."""
    numbers: dict[tuple[str, str], set[str]] = {}
    records: dict[str, set[str]] = {}
    for instance, observation in observed:
        for source in (source for call in observation.sources for source in call):
            if source.cost is not None and source.cost.kind is Kind.NUMBER:
                numbers.setdefault((source.source, instance.case.operation), set()).add(instance.id)
            if source.records:
                records.setdefault(source.source, set()).add(instance.id)
    return RunFacts(
        {key: frozenset(ids) for key, ids in numbers.items()},
        {key: frozenset(ids) for key, ids in records.items()},
    )


def judge(
    case: ExchangeCase,
    instance: Instance,
    observation: Observation,
    declaration: Declaration,
    facts: RunFacts | None = None,
) -> tuple[CheckResult, ...]:
    """Return the result of every check that the case proves something by, in a fixed order.

    Args:
        case: the case.
        instance: the case in one dialect.
        observation: what was seen of it.
        declaration: the gateway, which says what each source can state and how exactly.
        facts: what the rest of the run shows of each source; by default nothing.
    """
    blocked = obstacle(case, observation)
    if blocked is not None:
        findings: Iterable[Finding] = (
            Finding(check, blocked.outcome, where=blocked.where, because=blocked.because, cause=blocked.cause)
            for check in gateway_checks(case.proves)
        )
    else:
        calls = _calls(instance, observation, declaration, facts or RunFacts())
        findings = _merged(_findings(case, calls, observation))
    results = (
        CheckResult(
            finding.check,
            requirements_of(case.proves, finding.check),
            finding.outcome,
            finding.expected,
            finding.got,
            finding.where,
            finding.because,
            finding.cause,
            finding.money,
            finding.breaks,
            finding.else_breaks,
        )
        for finding in findings
    )
    proving = tuple(result for result in results if result.requirements)
    return explained(proving, priced_quantities(case))


def priced_quantities(case: ExchangeCase) -> Iterator[str]:
    """Yield the quantities that the cost of a case depends on."""
    if case.charge is not None:
        yield from (line.quantity for line in case.charge.lines)
        yield from (str(gap["quantity"]) for gap in case.charge.unpriced if "quantity" in gap)


def _calls(
    instance: Instance, observation: Observation, declaration: Declaration, facts: RunFacts
) -> list[Call]:
    """Return one value for every call of the client; a call without sources states nothing."""
    calls: list[Call] = []
    for index, sources in enumerate(observation.sources):
        case = instance.case.of_call(index)
        delivered = observation.deliveries[index : index + 1]
        refused = _refused(case, delivered[0]) if delivered else None
        calls.append(Call(replace(instance, case=case), declaration, facts, sources, refused))
    return in_order_of_calls(calls)


def _refused(case: ExchangeCase, delivery: Delivery) -> str | None:
    """Return what the gateway answered in place of the upstream's good answer, if it did."""
    upstream = int(case.exchange["response"]["status"])
    if upstream >= 400 or case.error is not None:
        return None
    if delivery.status is None:
        return f"the gateway gave no answer ({delivery.error}) where the upstream answered {upstream}"
    if delivery.frames is not None:
        return delivery.error
    if delivery.cut is not None:
        return f"the gateway's answer was not read to its end: {delivery.error}"
    if delivery.status >= 300:
        return f"the gateway answered {delivery.status} where the upstream answered {upstream}"
    return None


def _findings(
    case: ExchangeCase, calls: Sequence[Call], observation: Observation
) -> Iterator[tuple[int, Finding]]:
    """Yield every finding with the number of its call from 1, or 0 for what is judged over all calls."""
    for number, call in enumerate(calls, 1):
        found = [*judge_cost(call), *judge_usage(call, "caller"), *judge_usage(call, "ledger")]
        for finding in found:
            yield number if len(calls) > 1 else 0, _refusal_explains(finding, call.refused)
    for finding in judge_once(calls):
        yield 0, _refusal_explains(finding, calls[0].refused)
    yield 0, judge_upstream(case, observation.attempts)


def _refusal_explains(finding: Finding, refused: str | None) -> Finding:
    """Return the finding with the gateway's own error as its reason, where that is what went wrong."""
    if refused is None or finding.outcome not in {Outcome.FAIL, Outcome.NOT_TESTABLE}:
        return finding
    cause = "the gateway answered with an error of its own"
    return replace(finding, outcome=Outcome.FAIL, because=refused, cause=cause, breaks=(), else_breaks=())


def _merged(findings: Iterable[tuple[int, Finding]]) -> Iterator[Finding]:
    """Yield one finding for each check: that of the first call of which the worst was found."""
    worst: dict[str, tuple[int, Finding]] = {}
    for number, finding in findings:
        held = worst.get(finding.check)
        if held is None or worse(finding.outcome, held[1].outcome):
            worst[finding.check] = (number, finding)
    for number, finding in worst.values():
        passed = finding.outcome in {Outcome.PASS, Outcome.NOT_DECLARED}
        yield replace(finding, where=f"{finding.where}, call {number}") if number and not passed else finding
