"""Driving a gateway through a plan: send every call, wait once, then read what the gateway states.

Phase 1 sends, phase 2 waits until the gateway's own records have settled, phase 3 observes. One broken case
never takes the others down: what goes wrong in it becomes part of its observation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from decibill import preflight, template
from decibill._data import data_directory
from decibill.cases import load_cases
from decibill.declaration import Declaration, Source
from decibill.declaration_read import is_loopback
from decibill.drive_send import Sender, Sent, in_order
from decibill.drive_values import case_values, configuration, environment_values, run_values
from decibill.errors import DecibillError, PreflightError, UsageError
from decibill.observe import applies, observe_caller, observe_ledger
from decibill.observe_ledger import Ledger
from decibill.observe_poll import PolledLedger
from decibill.observe_sink import SINK_PORT, Sink, SinkLedger
from decibill.plan import Instance, Plan, plan
from decibill.process import FileServer, Gateway, WorkFolder, free_port, fresh_secrets
from decibill.statements import Delivery, Observation, SourceObservation
from decibill.target import Target
from decibill.upstream_server import FOREIGN_PORT, ReplayUpstream

__all__ = ["DriveOptions", "Driven", "drive"]

_ROW_WITHIN_S: Final = 2.0
"""How long a record that is due may take, where the declaration gives no longer time."""

_SILENT_CALLS: Final = 5
"""After so many calls in a row without any answer the rest is not sent."""

_POLL_S: Final = 0.05
_PREFLIGHT = "(preflight)"


@dataclass(frozen=True, slots=True)
class DriveOptions:
    """How a run is made."""

    start: bool = False
    """Whether the declared program is started."""

    start_arguments: tuple[str, ...] = ()
    """Put at the end of its arguments."""

    upstream_port: int | None = None
    """None: any free port for a gateway that is started, the fixed one for any other."""

    upstream_bind: str = "127.0.0.1"
    upstream_url: str | None = None
    """How the gateway reaches the upstream, where that is not the address it listens on."""

    allow_remote_upstream: bool = False
    settle_s: Decimal | None = None
    """Overrides every source's own time to settle."""

    jobs: int = 1
    """Instances in flight at once, where the gateway's records can be told apart."""

    timeout_s: float = 30.0
    preflight: bool = True
    progress: Callable[[int, int, str], None] | None = None
    """Called with the number of instances done, their number, and the id of the last."""


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


@dataclass(slots=True)
class _Run:
    declaration: Declaration
    options: DriveOptions
    sender: Sender
    target: Target
    upstream: ReplayUpstream
    upstream_url: str
    root: Path
    ledgers: dict[str, Ledger]
    notes: list[str] = field(default_factory=list[str])


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
    known = tuple({each.token: each for each in (*planned.instances, *((trial,) if trial else ()))}.values())
    with ExitStack() as stack:
        run, gateway = _open(stack, known, declaration, options, root)
        if options.preflight:
            run.notes += _preflight(run, trial)
        version = _version(run)
        sent = _send_all(run, planned.instances)
        if gateway is not None and not gateway.running:
            run.notes.append(f"the gateway ended during the run; its output ends: {gateway.tail()[-500:]}")
        _settle(run, [each for each in sent if each.calls])
        run.notes += _strays(run)
        return Driven(
            observations={each.instance.id: _observe(run, each) for each in sent},
            gateway_url=run.target.url,
            upstream_url=run.upstream_url,
            notes=tuple(run.notes),
            version=version,
        )


def _open(
    stack: ExitStack,
    known: Sequence[Instance],
    declaration: Declaration,
    options: DriveOptions,
    root: Path,
) -> tuple[_Run, Gateway | None]:
    """Start the upstream and, if asked to, the gateway; return the run that uses them."""
    if options.upstream_url and not (options.allow_remote_upstream or is_loopback(options.upstream_url)):
        raise UsageError(
            f"{options.upstream_url} is not on this machine; allow it with --allow-remote-upstream"
        )
    started = declaration.start if options.start else None
    port = options.upstream_port
    upstream = stack.enter_context(
        ReplayUpstream(
            host=options.upstream_bind,
            port=port if port is not None else (0 if started else FOREIGN_PORT),
            probes=declaration.upstream.probes,
            fixtures=root,
        )
    )
    upstream_url = (options.upstream_url or upstream.url).rstrip("/")
    gateway_port = declaration.port or (free_port() if started else 0)
    url = template.fill(declaration.url, {"port": str(gateway_port)}, declaration.file).rstrip("/")
    folder = stack.enter_context(WorkFolder()) if started else None
    secrets = fresh_secrets(started) if started else {}
    values = {
        **environment_values(secrets),
        **run_values(
            upstream=upstream_url, url=url, port=gateway_port, workdir=folder.path if folder else None
        ),
    }
    pushed = [source.id for source in declaration.observe if source.origin == "sink"]
    sink = stack.enter_context(Sink(pushed, port=0 if started else SINK_PORT)) if pushed else None
    if sink is not None:
        values |= {f"sink.{source}": sink.url(source) for source in pushed}
    gateway = None
    if started is not None and folder is not None:
        contents: dict[str, bytes] = {}
        if started.serve_files:
            values["files.url"] = stack.enter_context(FileServer(contents)).url
        values |= {f"file.{name}": str(folder.path / path) for name, (path, _) in declaration.files.items()}
        for path, text in configuration(declaration, known, values, root).items():
            folder.write(path, text)
            contents[path] = text.encode()
        _refuse_taken(url)
        program = replace(started, argv=(*started.argv, *options.start_arguments))
        gateway = stack.enter_context(
            Gateway(program, values, url=url, folder=folder.path, file=declaration.file)
        )
    headers = {
        name: template.fill(value, values, declaration.file)
        for name, value in declaration.auth.headers.items()
    }
    target = stack.enter_context(Target(url, headers, timeout_s=options.timeout_s))
    sender = Sender(declaration, target, upstream, values, root)
    sender.load(known)
    ledgers: dict[str, Ledger] = {
        source.id: PolledLedger(source, target=target)
        for source in declaration.observe
        if source.origin == "poll"
    }
    if sink is not None:
        ledgers |= {name: SinkLedger(declaration.source(name), sink=sink) for name in pushed}
    if gateway is None:
        for ledger in ledgers.values():
            ledger.forget_what_is_there(case_values(each, declaration, values, root) for each in known)
    return _Run(declaration, options, sender, target, upstream, upstream_url, root, ledgers), gateway


def _refuse_taken(url: str) -> None:
    """Refuse to start a gateway where something answers already: that would be judged instead."""
    with Target(url, {}, timeout_s=2.0) as target:
        if target.get("/").status is not None:
            raise PreflightError(
                f"something answers at {url} already; stop it before the gateway is started there"
            )


def _preflight_instance(planned: Plan, declaration: Declaration, root: Path) -> Instance | None:
    for instance in planned.instances:
        if instance.case.id == preflight.PREFLIGHT_CASE:
            return instance
    cases = [case for case in load_cases(root) if case.id == preflight.PREFLIGHT_CASE]
    return next(iter(plan(declaration, cases).instances), None)


def _preflight(run: _Run, trial: Instance | None) -> tuple[str, ...]:
    """Try the gateway with one plain text call; return what could not be tried."""
    preflight.check_reachable(run.declaration, run.target.url, run.target.get("/"))
    if trial is None:
        return ("its prices were not checked: it has no plain text call to check them with",)
    sent = run.sender.send(trial, _PREFLIGHT)
    preflight.check_call(run.declaration, run.upstream_url, sent)
    _note_calls(run, sent)
    _await_records(run, [sent])
    charge = trial.case.charge
    if charge is None or trial.left_out:
        return ("its prices were not checked: it has no field for the price of plain text",)
    return preflight.check_price(run.declaration, charge, _observe(run, sent).sources[0])


def _version(run: _Run) -> str | None:
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
    return any(_by_order(source) for source in declaration.observe if source.keeps_records)


def _by_order(source: Source) -> bool:
    """Return whether a record of the source names neither its call nor its case."""
    texts = [source.get or "", *(value for values in source.match.values() for value in values)]
    telling = {"call.id", "case.alias", "case.token", "case.id"}
    named = any(telling & set(template.names(text)) for text in texts)
    many = source.rows is not None or source.origin == "sink"
    return many and source.call is None and not named


def _send_all(run: _Run, instances: Sequence[Instance]) -> list[Sent]:
    serial = _one_after_another(run.declaration)
    done: list[Sent] = []
    silent = 0

    def send(instance: Instance) -> Sent:
        nonlocal silent
        if silent >= _SILENT_CALLS:
            return _broken(instance, f"not sent: the last {_SILENT_CALLS} calls got no answer at all")
        if serial:
            for ledger in run.ledgers.values():
                ledger.read()  # what comes late belongs to the calls before this one
        try:
            sent = run.sender.send(instance)
        except (DecibillError, OSError, RuntimeError) as error:
            return _broken(instance, f"decibill could not send it: {error}")
        silent = silent + 1 if all(delivery.status is None for delivery in sent.deliveries) else 0
        _note_calls(run, sent)
        if serial:
            _await_records(run, [sent], only_by_order=True)
        return sent

    def report(sent: Sent) -> Sent:
        done.append(sent)
        if run.options.progress is not None:
            run.options.progress(len(done), len(instances), sent.instance.id)
        return sent

    return [report(sent) for sent in in_order(send, instances, 1 if serial else run.options.jobs)]


def _broken(instance: Instance, error: str) -> Sent:
    return Sent(instance, (), (Delivery(None, error=error),), (), (None,), "", 0.0)


def _note_calls(run: _Run, sent: Sent) -> None:
    for source in run.declaration.observe:
        if source.id in run.ledgers and _asked(source, sent):
            run.ledgers[source.id].sent += sent.calls


def _asked(source: Source, sent: Sent) -> bool:
    return applies(source, sent.instance.case.operation, stream=sent.instance.case.stream)


def _settle_of(run: _Run, source: Source) -> float:
    return float(source.settle_s if run.options.settle_s is None else run.options.settle_s)


def _await_records(run: _Run, sent: Sequence[Sent], *, only_by_order: bool = False) -> None:
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


def _settle(run: _Run, sent: Sequence[Sent]) -> None:
    """Wait for late records, then one settle period for second ones, and read everything once more."""
    if not run.ledgers:
        return
    _await_records(run, sent)
    time.sleep(max(_settle_of(run, ledger.source) for ledger in run.ledgers.values()))
    for ledger in run.ledgers.values():
        ledger.read()


def _strays(run: _Run) -> list[str]:
    strays = run.upstream.strays
    if not strays:
        return []
    first = strays[0]
    return [
        f"{len(strays)} request{'s' if len(strays) > 1 else ''} of the gateway belonged to no case, such as "
        f"{first.method} {first.path}: {first.why}"
    ]


def _observe(run: _Run, sent: Sent) -> Observation:
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
        harness_seconds=sent.harness_seconds + time.monotonic() - started,
    )


def _source(run: _Run, source: Source, sent: Sent, number: int) -> SourceObservation:
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
