"""Opening a run: the replay upstream, the gateway where it is to be started, and what reads its records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from decibill import template
from decibill.bootstrap import bootstrap
from decibill.declaration import Declaration, Source
from decibill.declaration_read import is_http, is_loopback
from decibill.drive_send import Sender
from decibill.drive_values import case_values, configuration, environment_values, run_values
from decibill.egress import Egress
from decibill.errors import PreflightError, UsageError
from decibill.observe_ledger import Ledger
from decibill.observe_metrics import MetricsLedger
from decibill.observe_poll import PolledLedger
from decibill.observe_sink import SINK_PORT, Sink, SinkLedger
from decibill.observe_sqlite import SqliteLedger
from decibill.plan import Instance
from decibill.process import FileServer, Gateway, WorkFolder, free_port, fresh_secrets
from decibill.secrets_hidden import Secrets, in_declaration, in_url
from decibill.target import Target
from decibill.upstream_server import FOREIGN_PORT, ReplayUpstream

__all__ = ["DriveOptions", "Run", "open_run"]


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
    workdir: Path | None = None
    """The folder with the files of a gateway that decibill does not start."""

    settle_s: Decimal | None = None
    """Overrides every source's own time to settle."""

    jobs: int = 1
    """Instances in flight at once, where the gateway's records can be told apart."""

    timeout_s: float = 30.0
    preflight: bool = True
    progress: Callable[[int, int, str], None] | None = None
    """Called with the number of instances done, their number, and the id of the last."""


@dataclass(slots=True)
class Run:
    """What a run works with."""

    declaration: Declaration
    options: DriveOptions
    sender: Sender
    target: Target
    upstream: ReplayUpstream
    upstream_url: str
    root: Path
    ledgers: dict[str, Ledger]
    egress: Egress | None = None
    """What notices that the gateway tries to reach another machine, where decibill starts it."""

    notes: list[str] = field(default_factory=list[str])
    secrets: Secrets = field(default_factory=Secrets)


def open_run(  # noqa: PLR0913 - each of them a fact of its own
    stack: ExitStack,
    known: Sequence[Instance],
    declaration: Declaration,
    options: DriveOptions,
    root: Path,
    *,
    secrets: Secrets | None = None,
) -> tuple[Run, Gateway | None]:
    """Start the upstream and, if asked to, the gateway; return the run that uses them.

    What the declaration keeps secret is added to *secrets* as soon as it is known.
    """
    if options.upstream_url and not is_http(options.upstream_url):
        raise UsageError(
            f"--upstream-url: {options.upstream_url!r} is not an HTTP address; write http://HOST:PORT"
        )
    if options.upstream_url and not (options.allow_remote_upstream or is_loopback(options.upstream_url)):
        raise UsageError(
            f"{options.upstream_url} is not on this machine; allow it with --allow-remote-upstream"
        )
    secrets = secrets or Secrets()
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
    values = {
        **environment_values(fresh_secrets(started) if started else {}),
        **run_values(
            declaration,
            upstream=upstream_url,
            url=url,
            port=gateway_port,
            workdir=folder.path if folder else options.workdir,
        ),
    }
    secrets.add([*in_declaration(declaration, values), *in_url(url), *in_url(upstream_url)])
    pushed = [source.id for source in declaration.observe if source.origin == "sink"]
    sink = stack.enter_context(Sink(pushed, port=0 if started else SINK_PORT)) if pushed else None
    if sink is not None:
        values |= {f"sink.{source}": sink.url(source) for source in pushed}
    gateway = egress = None
    if started is not None and folder is not None:
        contents: dict[str, bytes] = {}
        if started.serve_files:
            values["files.url"] = stack.enter_context(FileServer(contents)).url
        values |= {f"file.{name}": str(folder.path / path) for name, (path, _) in declaration.files.items()}
        for path, text in configuration(declaration, known, values, root).items():
            folder.write(path, text)
            contents[path] = text.encode()
        _refuse_taken(url)
        egress = stack.enter_context(Egress([urlsplit(upstream_url).hostname or ""]))
        gateway = stack.enter_context(
            Gateway(
                replace(started, argv=(*started.argv, *options.start_arguments)),
                values,
                url=declaration.url,
                folder=folder.path,
                file=declaration.file,
                egress=egress,
            )
        )
        values |= {"url": gateway.url, "port": gateway.port}
    if declaration.bootstrap:
        with Target(values["url"], {}, timeout_s=options.timeout_s) as unauthorised:
            values |= bootstrap(declaration, values, unauthorised)
        secrets.add(in_declaration(declaration, values))
    headers = {
        name: template.fill(value, values, declaration.file)
        for name, value in declaration.auth.headers.items()
    }
    target = stack.enter_context(Target(values["url"], headers, timeout_s=options.timeout_s))
    sender = Sender(declaration, target, upstream, values, root)
    sender.load(known)
    ledgers = {
        source.id: ledger
        for source in declaration.observe
        if (ledger := _ledger(source, declaration, values, target, sink)) is not None
    }
    if gateway is None:
        for ledger in ledgers.values():
            ledger.forget_what_is_there(case_values(each, declaration, values, root) for each in known)
    run = Run(declaration, options, sender, target, upstream, upstream_url, root, ledgers, egress)
    run.secrets = secrets
    return run, gateway


def _ledger(
    source: Source, declaration: Declaration, values: Mapping[str, str], target: Target, sink: Sink | None
) -> Ledger | None:
    """Return what reads the records of *source*; None where each answer holds what it states."""
    if source.origin == "poll":
        return PolledLedger(source, target=target)
    if source.origin == "sink" and sink is not None:
        return SinkLedger(source, sink=sink)
    if source.origin == "sqlite":
        return SqliteLedger(source, file=Path(template.fill(source.file or "", values, declaration.file)))
    return MetricsLedger(source, target=target) if source.origin == "metrics" else None


def _refuse_taken(url: str) -> None:
    """Refuse to start a gateway where something answers already: that would be judged instead."""
    with Target(url, {}, timeout_s=2.0) as target:
        if target.get("/").status is not None:
            raise PreflightError(
                f"something answers at {url} already; stop it before the gateway is started there"
            )
