"""``decibill run``: drive a gateway through the cases and give a verdict."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decibill import SPEC_VERSION, engine, jsonio
from decibill.baseline import Baseline, load_baseline, updated, write_baseline
from decibill.calculator import questions
from decibill.calculators import CalculatorOptions, calculator_id, run_calculator, split_command
from decibill.cases import load_cases, select_cases
from decibill.cli import drop_output
from decibill.cli.defects import named_defects
from decibill.declaration_read import at_url, is_loopback, load
from decibill.drive import DriveOptions
from decibill.engine import RunOptions
from decibill.errors import UnknownNameError, UsageError
from decibill.observations import Replay
from decibill.observations_read import parse as parse_observations
from decibill.outcome import Outcome
from decibill.plan import plan
from decibill.report.json import render_json
from decibill.report.junit import render_junit
from decibill.report.model import Selection
from decibill.report.text import printable, render_text
from decibill.specification import load_specification
from decibill.verdict import counts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from decibill.cases import Case
    from decibill.declaration import Declaration
    from decibill.observations_read import Recorded
    from decibill.report.model import Report

__all__ = ["run"]

_TOP_COLUMNS = 120
_FILES = ("report.json", "junit.xml")
_COLOURS = {
    "FAILED": "red",
    "ERROR": "red",
    "NOT TESTABLE": "yellow",
    "Conformant": "green",
    "Not conf": "red",
}


class _Seconds(click.ParamType[Decimal]):
    """A number of seconds, not negative."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Return the number in *value*."""
        try:
            seconds = Decimal(value)
        except InvalidOperation:
            seconds = Decimal(-1)
        if not seconds.is_finite() or not 0 <= seconds <= 600:
            self.fail(f"{value!r} is not a number of seconds between 0 and 600", param, ctx)
        return seconds


@click.command(short_help="Judge a gateway or a calculator.")
@click.option(
    "--gateway", metavar="NAME|FILE", help="Declaration of the gateway; see `decibill list --gateways`."
)
@click.option(
    "--url", metavar="URL", help="Where the gateway listens; alone: a plain OpenAI-compatible gateway."
)
@click.option(
    "--observations",
    metavar="FILE",
    help="Judge what this file says was answered and recorded, and send nothing; - reads standard input.",
)
@click.option(
    "--calculator",
    metavar="CMD",
    help="Judge a program that answers lines of JSON, such as 'decibill calculator'; no shell reads CMD.",
)
@click.option("--start", is_flag=True, help="Start the program that the declaration names.")
@click.option(
    "--defect",
    metavar="NAME",
    help="Start the reference gateway with a named defect, to see it caught; see `decibill list --defects`.",
)
@click.option(
    "--only", metavar="GLOB", multiple=True, help="Only cases with such an id, or that prove a requirement."
)
@click.option("--feature", metavar="NAME", multiple=True, help="Only cases with this feature.")
@click.option("--provider", metavar="NAME", multiple=True, help="Only cases of this provider.")
@click.option(
    "--spec", metavar="VERSION", default=SPEC_VERSION, help="Version of the specification to judge by."
)
@click.option("--baseline", type=click.Path(path_type=Path, dir_okay=False), help="File of known failures.")
@click.option("--update-baseline", is_flag=True, help="Write what fails to the baseline; reasons are kept.")
@click.option("--strict", is_flag=True, help="SHOULD counts for the verdict.")
@click.option("--settle", type=_Seconds(), help="Seconds to wait for the gateway's late records.")
@click.option(
    "--timeout", type=_Seconds(), default="30", show_default=True, help="Seconds that a call may take in all."
)
@click.option(
    "--jobs", type=click.IntRange(1, 64), help="Cases in flight at once, where the gateway allows it."
)
@click.option("--upstream-port", type=click.IntRange(0, 65535), help="Port of the replay upstream; 0: any.")
@click.option(
    "--upstream-bind", metavar="ADDRESS", default="127.0.0.1", help="Address that the upstream binds to."
)
@click.option(
    "--upstream-url", metavar="URL", help="How the gateway reaches the upstream, if not by that address."
)
@click.option(
    "--workdir",
    type=click.Path(path_type=Path, file_okay=False, exists=True, resolve_path=True),
    help="Folder with the files of a gateway that runs already, as `decibill configure` wrote them.",
)
@click.option("--allow-remote-upstream", is_flag=True, help="Allow upstream addresses off this machine.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("decibill-report"),
    show_default=True,
    help="Folder for report.json and junit.xml.",
)
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="What is printed."
)
@click.option("--verbose", "-v", is_flag=True, help="Every failing case in full, with what was received.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
def run(**options: Any) -> int:
    """Send every case through a gateway and say whether it bills audio correctly.

    Without --gateway, --url, --observations and --calculator the reference gateway is started and judged. The
    report goes to standard output and, as report.json and junit.xml, to the folder --out.

    Exit codes: 0 conformant, 1 not conformant, 2 wrong usage, 3 inconclusive.
    """
    if options["spec"] != SPEC_VERSION:
        raise UnknownNameError("version of the specification", options["spec"], [SPEC_VERSION])
    if options["update_baseline"] and options["baseline"] is None:
        raise UsageError("--update-baseline needs --baseline FILE, the file to write")
    every = load_cases()
    if options["calculator"] is not None:
        return _calculator(options, every)
    recorded = _recorded(options, every)
    if recorded is not None:
        declaration, gateway_option = recorded.declaration, f"--observations {options['observations']}"
    else:
        declaration, gateway_option = _declaration(options)
    selection = Selection(options["only"], options["feature"], options["provider"])
    cases = select_cases(
        every, only=selection.only, features=selection.features, providers=selection.providers
    )
    if options["dry_run"]:
        _dry_run(declaration, cases)
        return 0
    specification = load_specification()
    known = [*specification.requirements, *(case.id for case in every)]
    baseline = _baseline(options, declaration.id, known)
    _make_room(options["out"])
    with _progress() as progress:
        report = engine.run(
            declaration,
            cases,
            RunOptions(
                drive=_drive_options(options, progress),
                selection=selection,
                strict=options["strict"],
                baseline=baseline,
                gateway_option=gateway_option,
                specification=specification,
            ),
            driver=Replay(recorded) if recorded is not None else None,
        )
    if options["defect"] is not None:
        report = replace(report, notes=(_defect_note(options["defect"]), *report.notes))
    return _told(report, baseline, options)


def _calculator(options: dict[str, Any], every: Sequence[Case]) -> int:
    """Judge a program by its records, and return the exit code."""
    for other in ("gateway", "url", "observations", "start", "defect"):
        if options[other]:
            raise UsageError(f"--calculator and --{other} contradict each other: one subject is judged")
    argv = split_command(options["calculator"])
    selection = Selection(options["only"], options["feature"], options["provider"])
    cases = select_cases(
        every, only=selection.only, features=selection.features, providers=selection.providers
    )
    if options["dry_run"]:
        for question in questions(cases):
            click.echo(question.line)
        return 0
    specification = load_specification()
    known = [*specification.requirements, *(case.id for case in every)]
    baseline = _baseline(options, calculator_id(argv), known)
    _make_room(options["out"])
    report = run_calculator(
        argv,
        cases,
        CalculatorOptions(
            command=options["calculator"],
            selection=selection,
            strict=options["strict"],
            baseline=baseline,
            specification=specification,
        ),
    )
    return _told(report, baseline, options)


def _told(report: Report, baseline: Baseline | None, options: dict[str, Any]) -> int:
    """Print and write the report, update the baseline if that is asked for, and return the exit code."""
    _show(report, options)
    if options["update_baseline"]:
        _update(report, baseline or Baseline(str(options["baseline"])), options["baseline"])
    return report.verdict.exit_code


def _recorded(options: dict[str, Any], every: Sequence[Case]) -> Recorded | None:
    """Return the observations to be judged, where the verdict is on a file."""
    name: str | None = options["observations"]
    if name is None:
        return None
    for other in ("gateway", "url", "start"):
        if options[other]:
            raise UsageError(f"--observations and --{other} contradict each other: the file says all")
    if name == "-":
        where = "standard input"
        return parse_observations(jsonio.loads(sys.stdin.buffer.read(), where), where, every)
    return parse_observations(jsonio.load_file(Path(name), name), name, every)


def _declaration(options: dict[str, Any]) -> tuple[Declaration, str]:
    """Return the gateway, and how a command line names it."""
    name, url = options["gateway"], options["url"]
    if url is not None and options["start"]:
        raise UsageError(
            "--start and --url contradict each other: a started gateway listens where it is told to"
        )
    if options["defect"] is not None and (name or url):
        raise UsageError("--defect is one of the reference gateway: leave out --gateway and --url")
    named = f"--gateway {name}" if name else ""
    declaration = load(name or "reference", allow_remote_upstream=options["allow_remote_upstream"])
    if url is not None:
        declaration = at_url(url, declaration if name else None)
        named = f"{named} --url {url if is_loopback(url) else '$GATEWAY_URL'}"
    elif options["start"]:
        if declaration.start is None:
            raise UsageError(f"{declaration.file} has no [start], so --start has nothing to start")
        named = f"{named} --start"
    if options["defect"] is not None:
        defects = named_defects(click.get_current_context())
        if options["defect"] not in defects:
            raise UnknownNameError("defect", options["defect"], defects)
        declaration = replace(declaration, name=f"{declaration.name} with the defect {options['defect']}")
        named = f"--defect {options['defect']}"
    return declaration, named.strip()


def _defect_note(name: str) -> str:
    return f"the gateway was made wrong on purpose: {named_defects(click.get_current_context())[name]}"


def _drive_options(options: dict[str, Any], progress: Callable[[int, int, str], None] | None) -> DriveOptions:
    reference = options["gateway"] is None and options["url"] is None
    return DriveOptions(
        start=options["start"] or reference,
        start_arguments=("--defect", options["defect"]) if options["defect"] is not None else (),
        upstream_port=options["upstream_port"],
        upstream_bind=options["upstream_bind"],
        upstream_url=options["upstream_url"],
        allow_remote_upstream=options["allow_remote_upstream"],
        workdir=options["workdir"],
        settle_s=options["settle"],
        timeout_s=float(options["timeout"]),
        jobs=options["jobs"] or (2 if reference else 1),
        progress=progress,
    )


def _baseline(options: dict[str, Any], subject: str, known: list[str]) -> Baseline | None:
    path: Path | None = options["baseline"]
    update: bool = options["update_baseline"]
    if path is None or (update and not path.exists()):
        return None
    return load_baseline(path, gateway=subject, known=known, drafts=update)


def _dry_run(declaration: Declaration, cases: Any) -> None:
    """Print what would be sent, one instance a line; the reasons for the rest go to standard error."""
    planned = plan(declaration, cases)
    for instance in planned.instances:
        click.echo(f"{instance.id}  {instance.dialect} {instance.case.operation}")
    for item in planned.not_declared:
        click.echo(f"{item.case.id}: not declared, needs {item.reason}", err=True)
    count = len(planned.instances)
    click.echo(f"{count} to send, {len(planned.not_declared)} not declared; nothing was sent", err=True)


def _make_room(out: Path) -> None:
    """Make the folder, without the report of an earlier run: a run without a verdict must not leave one.

    A folder that cannot be written is refused before the run and not after it.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {out}: {error.strerror or error}; choose another --out") from None
    if not os.access(out, os.W_OK):
        raise UsageError(f"cannot write to {out}; choose another --out")


def _show(report: Report, options: dict[str, Any]) -> None:
    out: Path = options["out"]
    files = dict(zip(_FILES, (render_json(report), render_junit(report)), strict=True))
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    if options["format_"] == "json":
        _print(files["report.json"])
        return
    width = min(shutil.get_terminal_size((100, 24)).columns, _TOP_COLUMNS)
    named = [str(out / name) for name in files]
    text = render_text(report, width=width, verbose=options["verbose"], files=named)
    _print("".join(_coloured(line) for line in text.splitlines(keepends=True)))


def _print(text: str) -> None:
    """Print the report; the exit code stays the verdict where its reader has gone (``run | head``)."""
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        drop_output()


def _coloured(line: str) -> str:
    """Return the line with its first word coloured, on a terminal that wants it."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return line
    for word, colour in _COLOURS.items():
        if line.startswith(word):
            return click.style(word, fg=colour, bold=True) + line.removeprefix(word)
    return line


def _update(report: Report, old: Baseline, path: Path) -> None:
    stale = report.baseline.stale if report.baseline else ()
    failing = [
        row.id
        for row in report.requirements
        if row.outcome in {Outcome.FAIL, Outcome.ERROR, Outcome.NOT_TESTABLE}
        and not row.is_known
        and not row.hidden_by  # covered with what hides it
        and counts(row.level, strict=report.verdict.strict)
    ]
    waiting = write_baseline(
        path, updated(old, stale, failing, datetime.now(UTC).date().isoformat()), report.gateway.id
    )
    click.echo(f"wrote {path}: {len(failing)} new, {len(stale)} removed", err=True)
    if waiting:
        noun = "entry waits" if waiting == 1 else "entries wait"
        click.echo(f"{waiting} {noun} for a reason and a link before the file is accepted", err=True)


@contextmanager
def _progress() -> Generator[Callable[[int, int, str], None] | None]:
    """Yield what shows progress on standard error, or None where that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[name]}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, name="starting")

        def show(done: int, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, name=printable(name))

        yield show
