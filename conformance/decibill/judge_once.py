"""The checks ``once`` and ``upstream``: one call is charged once, and it reached the upstream as recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from decibill.judge_breaks import LOST_RECORD, NO_RECORD
from decibill.judge_call import bare, join_words
from decibill.outcome import Finding, Money, Outcome
from decibill.pointer import MISSING, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decibill.case import ExchangeCase
    from decibill.judge_call import Call
    from decibill.statements import Attempt, Observation, SourceObservation

__all__ = ["Obstacle", "judge_once", "judge_upstream", "obstacle"]

_LONGEST: Final = 60
_NOT_OBSERVED: Final = "nothing was observed"
_NOT_CALLED: Final = "the upstream is not called"
_STUCK: Final = "a session does not go on"
_TWICE: Final = "a call is charged more than once"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why nothing about an instance can be judged."""

    outcome: Outcome
    because: str
    cause: str
    where: str = "the upstream's log"


def obstacle(case: ExchangeCase, observation: Observation) -> Obstacle | None:
    """Return why the instance cannot be judged: the recorded answer never came into play."""
    attempts, calls = observation.attempts, case.upstream_calls
    if observation.missing is not None:
        return Obstacle(Outcome.NOT_TESTABLE, observation.missing, _NOT_OBSERVED, where="")
    if not attempts:
        return Obstacle(
            Outcome.ERROR, f"the gateway never called the upstream{_answered(observation)}", _NOT_CALLED
        )
    unmatched = next((attempt for attempt in attempts if attempt.unmatched), None)
    if unmatched is not None:
        members = join_words([_member(pointer, unmatched) for pointer in unmatched.unmatched])
        because = f"the gateway asked the upstream for something that no recording answers: {members}"
        return Obstacle(Outcome.NOT_TESTABLE, because, "the gateway asks the upstream for something else")
    stuck = next((attempt.problem for attempt in attempts if attempt.problem), None)
    if stuck is not None:
        return Obstacle(Outcome.NOT_TESTABLE, f"the session stopped: {stuck}", _STUCK)
    if len(attempts) < calls:
        because = f"the gateway called the upstream {_times(len(attempts))} for {calls} calls; is a cache on?"
        return Obstacle(Outcome.ERROR, because, _NOT_CALLED)
    if len(attempts) > calls and case.client.calls > calls:
        because = (
            f"the gateway called the upstream {_times(len(attempts))} and answered no call from its cache"
        )
        return Obstacle(Outcome.NOT_TESTABLE, because, "the gateway does not answer from its cache")
    if len(attempts) < calls * len(case.steps):
        because = f"the gateway called the upstream {_times(len(attempts))} and did not try again"
        return Obstacle(Outcome.NOT_TESTABLE, because, "the gateway does not try again")
    return None


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _answered(observation: Observation) -> str:
    """Return what the client received instead, as a clause."""
    delivery = observation.deliveries[0] if observation.deliveries else None
    if delivery is None:
        return ""
    if delivery.status is None or (delivery.frames is not None and delivery.error):
        return f": {delivery.error}" if delivery.error else ""
    return f" and answered {delivery.status}"


def _member(pointer: str, attempt: Attempt) -> str:
    value: Any = resolve(attempt.request, pointer)
    if value is MISSING:
        return f"{pointer} is absent"
    text = str(value)
    return f"{pointer} is {text if len(text) <= _LONGEST else text[:_LONGEST] + '...'!r}"


def judge_upstream(case: ExchangeCase, attempts: Sequence[Attempt]) -> Finding:
    """Return the finding of ``upstream``: every attempt was one that the case holds a recording of."""
    expected = f"at least {_calls(case.upstream_calls * len(case.steps))}, each as recorded"
    return Finding("upstream", Outcome.PASS, expected, _calls(len(attempts)), "the upstream's log")


def _calls(count: int) -> str:
    return f"{count} call{'' if count == 1 else 's'}"


def judge_once(calls: Sequence[Call]) -> Iterator[Finding]:
    """Yield one finding of ``once`` for every source that keeps records, over all calls that are billed."""
    first = calls[0]
    if first.case.charge is None:
        return
    # whether a call that the cache answers has a record is the gateway's affair; its cost is judged
    billed = [call for call in calls if call.case.charge and call.case.charge.status != "not_billable"]
    calls = billed or calls
    kept = [index for index, source in enumerate(first.sources) if source.keeps_records]
    if not kept:
        because = "the gateway declares no source with records that can be told apart"
        yield Finding("once", Outcome.NOT_DECLARED, because=because)
        return
    for index in kept:
        yield _once(calls, [call.sources[index] for call in calls])


def _once(calls: Sequence[Call], sources: Sequence[SourceObservation]) -> Finding:
    call = calls[0]
    name = sources[0].source
    counts = [len(set(source.records)) for source in sources]
    several = len(calls) > 1
    expected = f"{len(calls)} records, one for each call" if several else "1 record"
    got = f"{sum(counts)} record{'' if sum(counts) == 1 else 's'}"
    status = call.case.charge.status if call.case.charge else None

    def finding(outcome: Outcome, because: str = "", cause: str = "", money: Money | None = None) -> Finding:
        return Finding("once", outcome, expected, got, f"records of the {name}", because, cause, money)

    problem = next((source.problem for source in sources if source.problem), None)
    if status == "not_billable":
        return finding(Outcome.PASS)  # however often a failed call is written down, it costs nothing
    if max(counts) > 1:
        because = f"one call has {max(counts)} records of its own, so it is charged {_times(max(counts))}"
        right = call.case.charge.exact_total if call.case.charge else None
        money = Money(bare(right * max(counts)), bare(right)) if right else None
        return finding(Outcome.FAIL, because, _TWICE, money)
    shared = sum(counts) - len({record for source in sources for record in source.records})
    if shared:
        return finding(Outcome.FAIL, f"{shared + 1} calls of the client share one record", NO_RECORD)
    if min(counts) == 0:
        if problem:
            return finding(Outcome.NOT_TESTABLE, f"the source could not be read ({problem})", NO_RECORD)
        if sum(counts) or call.facts.record_elsewhere(name, call.instance.id):
            because = f"the {name} has records of other calls and none of this one"
            return replace(finding(Outcome.FAIL, because, NO_RECORD), breaks=LOST_RECORD)
        because = "no record of any call appeared: raise --settle, or correct the declaration's match"
        return finding(Outcome.NOT_TESTABLE, because, NO_RECORD)
    return finding(Outcome.PASS)
