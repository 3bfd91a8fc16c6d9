"""Driving a gateway through a plan: send every call, wait once, then read what the gateway states.

Phase 1 sends, phase 2 waits until the gateway's own records have settled, phase 3 observes. One broken case
never takes the others down: what goes wrong in it becomes part of its observation.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from decibill import preflight, template
from decibill._data import data_directory
from decibill.cases import load_cases
from decibill.declaration import Declaration, Source
from decibill.drive_open import DriveOptions, Run, open_run
from decibill.drive_send import Sent, in_order
from decibill.errors import DecibillError, InconclusiveError, PreflightError
from decibill.observe import applies, observe_caller, observe_ledger
from decibill.plan import Instance, Plan, plan
from decibill.process import Gateway
from decibill.secrets_hidden import Secrets
from decibill.statements import Delivery, Observation, SourceObservation

__all__ = ["DriveOptions", "Driven", "drive"]

_ROW_WITHIN_S: Final = 2.0
"""How long a record that is due may take, where the declaration gives no longer time."""

_SILENT_CALLS: Final = 5
"""After so many calls in a row without any answer, or without its end, the rest is not sent."""

_OVERDUE_CALLS: Final = 20
"""After so many calls in all that took the whole time allowed the rest is not sent."""

_ENDS_WITHIN_S: Final = 0.5
"""How long a gateway that answered nothing is given to end, so that the next call is not blamed on it."""

_POLL_S: Final = 0.05
_PREFLIGHT = "(preflight)"


@dataclass(frozen=True, slots=True)
class Driven:
    """What came of a run."""

    observations: Mapping[str, Observation]
    """Instance id to what was seen."""

    gateway_url: str
    upstream_url: str
    notes: tuple[str, ...]
    """What the reader of a report should know, one sentence each."""

    version: str | None = None
    """The gateway's version as it states it itself, where it is declared to."""

    secrets: Secrets = field(default_factory=Secrets)
    """What no report may show."""

    at_once: int = 1
    """Instances that were in flight at once."""


def drive(
    planned: Plan, declaration: Declaration, options: DriveOptions, *, fixtures: Path | None = None
) -> Driven:
    """Return what was seen of every instance of the plan.

    Args:
        planned: what to send.
        declaration: the gateway.
        options: how.
        fixtures: the fixtures root.

    Raises:
        PreflightError: the gateway is not ready to be judged.
        HarnessError: the upstream's port is taken, or a fixture cannot be read.
        InvalidFileError: the declaration names an environment variable that is not set.
    """
    root = fixtures or data_directory("fixtures")
    trial = _preflight_instance(planned, declaration, root) if options.preflight else None
    secrets = Secrets()
    try:
        return _drive(planned, declaration, options, root=root, trial=trial, secrets=secrets)
    except InconclusiveError as error:
        raise type(error)(secrets.hide(str(error))) from None


def _drive(  # noqa: PLR0913 - each of them a fact of its own
    planned: Plan,
    declaration: Declaration,
    options: DriveOptions,
    *,
    root: Path,
    trial: Instance | None,
    secrets: Secrets,
) -> Driven:
    known = tuple({each.token: each for each in (*planned.instances, *((trial,) if trial else ()))}.values())
    with ExitStack() as stack:
        run, gateway = open_run(stack, known, declaration, options, root, secrets=secrets)
        if options.preflight:
            run.notes += _preflight_or_why(run, trial)
        version = _version(run)
        at_once = _at_once(run)
        sent = _send_all(run, planned.instances, gateway, at_once)
        if gateway is not None and not gateway.running:
            run.notes.append(f"the gateway ended during the run; its output ends: {gateway.tail()[-500:]}")
        _settle(run, [each for each in sent if each.calls])
        run.notes += _strays(run)
        run.notes += _repeats(sent)
        run.notes += run.egress.notes() if run.egress is not None else ()
        return Driven(
            observations={each.instance.id: _observe(run, each) for each in sent},
            gateway_url=run.target.url,
            upstream_url=run.upstream_url,
            notes=tuple(run.notes),
            version=version,
            secrets=secrets,
            at_once=at_once,
        )


def _preflight_instance(planned: Plan, declaration: Declaration, root: Path) -> Instance | None:
    for instance in planned.instances:
        if instance.case.id == preflight.PREFLIGHT_CASE:
            return instance
    cases = [case for case in load_cases(root) if case.id == preflight.PREFLIGHT_CASE]
    return next(iter(plan(declaration, cases).instances), None)


def _preflight_or_why(run: Run, trial: Instance | None) -> tuple[str, ...]:
    """Try the gateway; where it is not ready, say whether it went off to another machine instead."""
    try:
        return _preflight(run, trial)
    except PreflightError as error:
        tried = run.egress.notes() if run.egress is not None else ()
        if not tried:
            raise
        raise PreflightError("; ".join((str(error), *tried))) from None


def _preflight(run: Run, trial: Instance | None) -> tuple[str, ...]:
    """Try the gateway with one plain text call; return what could not be tried."""
    preflight.check_reachable(run.declaration, run.target.url, run.target.get("/"))
    if trial is None:
        return ("its prices were not checked: it has no plain text call to check them with",)
    sent = run.sender.send(trial, _PREFLIGHT)
    # what it quotes of the answer it cuts short, and a secret must not be cut in two
    shown = replace(sent, deliveries=run.secrets.hide_in(sent.deliveries))
    preflight.check_call(run.declaration, run.target.url, run.upstream_url, shown)
    _note_calls(run, sent)
    _await_records(run, [sent])
    charge = trial.case.charge
    if charge is None or trial.left_out:
        return ("its prices were not checked: it has no field for the price of plain text",)
    return preflight.check_price(run.declaration, charge, _observe(run, sent).sources[0])


def _version(run: Run) -> str | None:
    """Return the version that the gateway states, and note where it is another than the declared one."""
    declared = run.declaration.version_from
    if declared is None:
        return None
    version = preflight.version_in(declared, run.target.get(declared.get))
    if version is None:
        run.notes.append(f"its version could not be read from {declared.pointer} of GET {declared.get}")
    elif version != run.declaration.version:
        run.notes.append(f"it is {version}; the declaration was tried with {run.declaration.version}")
    return version


def _one_after_another(declaration: Declaration) -> bool:
    """Return whether only the order of calls tells whose a recording or a record is."""
    if declaration.upstream.select == "armed":
        return True
    return any(
        _by_order(source)
        for source in declaration.observe
        if source.keeps_records or source.origin == "metrics"
    )


def _by_order(source: Source) -> bool:
    """Return whether a record of the source names neither its call nor its case."""
    texts = [source.get or "", *(value for values in source.match.values() for value in values)]
    telling = {"call.id", "case.alias", "case.token", "case.id"}
    named = any(telling & set(template.names(text)) for text in texts)
    if source.origin == "metrics":
        return True
    many = source.rows is not None or source.origin in {"sink", "sqlite"}
    return many and source.call is None and not named


class _Sending:
    """Sends one instance after another, and stops asking a gateway that answers nothing."""

    def __init__(self, run: Run, gateway: Gateway | None) -> None:
        self._run = run
        self._gateway = gateway
        self._silent = 0
        self._overdue = 0
        self.serial = _one_after_another(run.declaration)

    def send(self, instance: Instance) -> Sent:
        reason = self._reason_not_to_send()
        if reason is not None:
            return _broken(instance, f"not sent: {reason}")
        if self.serial:
            for ledger in self._run.ledgers.values():
                ledger.read()  # what comes late belongs to the calls before this one
        try:
            sent = self._run.sender.send(instance)
        except (DecibillError, OSError, RuntimeError) as error:
            return _broken(instance, f"decibill could not send it: {error}")
        self._note_silence(sent)
        _note_calls(self._run, sent)
        if self.serial:
            _await_records(self._run, [sent], only_by_order=True)
        return sent

    def _reason_not_to_send(self) -> str | None:
        if self._gateway is not None and not self._gateway.running:
            return "the gateway has ended"
        if self._silent >= _SILENT_CALLS:
            return f"the last {_SILENT_CALLS} calls got no complete answer"
        if self._overdue >= _OVERDUE_CALLS:
            return f"{_OVERDUE_CALLS} calls got no complete answer in time"
        return None

    def _note_silence(self, sent: Sent) -> None:
        overdue = sum(delivery.cut == "time" for delivery in sent.deliveries)
        self._overdue += overdue
        if any(delivery.status is not None and delivery.cut != "time" for delivery in sent.deliveries):
            self._silent = 0
            return
        self._silent += 1
        if self._gateway is not None:
            self._gateway.wait_for_end(_ENDS_WITHIN_S)  # its connections go before it does


def _at_once(run: Run) -> int:
    """Return how many instances may be in flight at once, and note where that is fewer than was asked for."""
    if run.options.jobs == 1 or not _one_after_another(run.declaration):
        return run.options.jobs
    run.notes.append(
        f"its cases were sent one after another and not {run.options.jobs} at once: only their order tells "
        "whose a request or a record of it is"
    )
    return 1


def _send_all(run: Run, instances: Sequence[Instance], gateway: Gateway | None, at_once: int) -> list[Sent]:
    sending = _Sending(run, gateway)
    done: list[Sent] = []

    def report(sent: Sent) -> Sent:
        done.append(sent)
        if run.options.progress is not None:
            run.options.progress(len(done), len(instances), sent.instance.id)
        return sent

    return [report(sent) for sent in in_order(sending.send, instances, at_once)]


def _broken(instance: Instance, error: str) -> Sent:
    return Sent(instance, (), (Delivery(None, error=error),), (), (None,), "")


def _note_calls(run: Run, sent: Sent) -> None:
    for source in run.declaration.observe:
        if source.id in run.ledgers and _asked(source, sent):
            run.ledgers[source.id].sent += sent.calls


def _asked(source: Source, sent: Sent) -> bool:
    return applies(source, sent.instance.case.operation, stream=sent.instance.case.stream)


def _settle_of(run: Run, source: Source) -> float:
    return float(source.settle_s if run.options.settle_s is None else run.options.settle_s)


def _await_records(run: Run, sent: Sequence[Sent], *, only_by_order: bool = False) -> None:
    """Read the ledgers until each of these calls has a record, or it is past its time."""
    for source in run.declaration.observe:
        ledger = run.ledgers.get(source.id)
        if ledger is None or (only_by_order and not _by_order(source)):
            continue
        calls = [call for each in sent if _asked(source, each) for call in each.calls]
        deadline = time.monotonic() + max(_settle_of(run, source), _ROW_WITHIN_S)
        while True:
            missing = [call for call in calls if not ledger.records(call)]
            if missing:
                ledger.read(missing)
                missing = [call for call in missing if not ledger.records(call)]
            if not missing or time.monotonic() >= deadline:
                break
            time.sleep(_POLL_S)


def _settle(run: Run, sent: Sequence[Sent]) -> None:
    """Wait for late records, then one settle period for second ones, and read everything once more."""
    if not run.ledgers:
        return
    _await_records(run, sent)
    time.sleep(max(_settle_of(run, ledger.source) for ledger in run.ledgers.values()))
    for ledger in run.ledgers.values():
        ledger.read()


def _strays(run: Run) -> list[str]:
    strays = run.upstream.strays
    if not strays:
        return []
    first = strays[0]
    return [
        f"{len(strays)} request{'s' if len(strays) > 1 else ''} of the gateway belonged to no case, such as "
        f"{first.method} {first.path}: {first.why}"
    ]


def _repeats(sent: Sequence[Sent]) -> list[str]:
    """Tell of calls that the gateway made more often than it had to: they were answered well."""
    often = [
        (each.instance.id, len(each.attempts))
        for each in sent
        if len(each.attempts) > each.instance.case.most_attempts
        and not any(
            int(answer.exchange["response"]["status"]) >= 400
            for step in each.instance.case.steps
            for answer in step.answers
        )
    ]
    if not often:
        return []
    name, count = often[0]
    calls = "1 call" if len(often) == 1 else f"{len(often)} calls"
    return [
        f"{calls} reached the upstream more often than its answers ask for, such as {name} ({count} times); "
        "a provider charges for each"
    ]


def _observe(run: Run, sent: Sent) -> Observation:
    started = time.monotonic()
    sources = tuple(
        tuple(_source(run, source, sent, number) for source in run.declaration.observe)
        for number in range(len(sent.deliveries))
    )
    return Observation(
        deliveries=sent.deliveries,
        attempts=sent.attempts,
        sources=sources,
        curl=sent.curl,
        spent=sent.spent and sent.spent.with_more(time.monotonic() - started),
    )


def _source(run: Run, source: Source, sent: Sent, number: int) -> SourceObservation:
    if not _asked(source, sent) or not sent.calls:
        return SourceObservation(source.id, source.place)
    ledger = run.ledgers.get(source.id)
    try:
        if ledger is None:
            return observe_caller(source, sent.deliveries[number], sent.exchanges[number], run.root)
        records = ledger.records(sent.calls[number])
        return observe_ledger(source, records, None if records else ledger.problem)
    except (ArithmeticError, RecursionError, ValueError) as error:
        # whatever a gateway found to say that nobody thought of: the other cases are judged all the same
        return SourceObservation(source.id, source.place, problem=f"decibill could not read it: {error}")
