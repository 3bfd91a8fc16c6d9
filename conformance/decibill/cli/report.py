"""``decibill report``: what a report says, in other forms."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from decibill import jsonio
from decibill.cases import load_cases
from decibill.cli.defects import named_defects
from decibill.errors import UsageError
from decibill.report.badge import render_badge
from decibill.report.compare import compare
from decibill.report.compare_shown import comparison_json, comparison_markdown, comparison_text
from decibill.report.coverage import coverage, gaps, read_tested, render_json, render_text
from decibill.report.html.corpus import load_corpus
from decibill.report.html.page import render_html
from decibill.report.json import render_json as report_json
from decibill.report.junit import render_junit
from decibill.report.markdown import render_markdown, render_outputs
from decibill.report.read import read_report
from decibill.report.text import printable
from decibill.report.text import render_text as report_text
from decibill.specification import load_specification

if TYPE_CHECKING:
    from decibill.case import Case

__all__ = ["report"]

_WIDEST: Final = 120

_file = click.argument("file", metavar="REPORT", type=click.Path(exists=True, path_type=Path))
_out = click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, not to the terminal."
)


@click.group(short_help="Show a report in another form, or compare two.")
def report() -> None:
    """Read a report that a run has written: the file report.json, or the folder that it lies in."""


def _path(file: Path) -> Path:
    return file / "report.json" if file.is_dir() else file


def _corpus() -> Mapping[str, Case]:
    return {case.id: case for case in load_cases()}


def _width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, _WIDEST)


def _tell(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot write to {out}: {error.strerror or error}; choose another --out") from None


@report.command("text", short_help="As the run printed it.")
@_file
@_out
@click.option("--verbose", "-v", is_flag=True, help="Every failing case in full, with what was received.")
def text_(file: Path, out: Path | None, *, verbose: bool) -> None:
    """Print REPORT as lines of text."""
    _tell(report_text(read_report(_path(file)), width=_width(), verbose=verbose), out)


@report.command("json", short_help="Checked against its schema, and written again.")
@_file
@_out
def json_(file: Path, out: Path | None) -> None:
    """Print REPORT as JSON, as `decibill run` writes it; one that is at odds with its schema is refused."""
    _tell(report_json(read_report(_path(file))), out)


@report.command("junit", short_help="JUnit XML, for a build server.")
@_file
@_out
def junit_(file: Path, out: Path | None) -> None:
    """Print REPORT as JUnit XML: failures are exactly what makes the verdict not conformant."""
    _tell(render_junit(read_report(_path(file))), out)


@report.command("markdown", short_help="The verdict in a few lines, for the page of a job.")
@_file
@_out
@click.option(
    "--format",
    "format_",
    type=click.Choice(["markdown", "outputs"]),
    default="markdown",
    help="outputs: verdict and counts, one name=value a line.",
)
def markdown_(file: Path, out: Path | None, format_: str) -> None:
    """Print verdict, counts, money and the requirements that are not met, for the page of a job."""
    read = read_report(_path(file))
    _tell(render_markdown(read, _corpus()) if format_ == "markdown" else render_outputs(read), out)


_summary = copy(markdown_)
_summary.hidden = True  # the name from before there were other forms; it goes on to work
report.add_command(_summary, "summary")


@report.command("html", short_help="A page for people: one file that loads nothing.")
@_file
@_out
@click.option(
    "--spec-base",
    metavar="URL",
    default="",
    help="What stands before spec/... where the specification can be read; links lead there.",
)
def html_(file: Path, out: Path | None, spec_base: str) -> None:
    """Write REPORT as one HTML page: what is wrong, why the suite is right, what it costs.

    It goes to report.html beside REPORT, or to --out; `--out -` prints it.
    """
    path = _path(file)
    page = render_html(read_report(path), load_corpus(), spec_base=spec_base)
    target = out or path.with_suffix(".html")
    if str(target) == "-":
        click.echo(page, nl=False)
        return
    _tell(page, target)
    click.echo(target)


@report.command("badge", short_help="JSON of a badge, as shields.io reads it.")
@_file
@_out
def badge_(file: Path, out: Path | None) -> None:
    """Print the verdict as an endpoint badge of shields.io: publish the file, and name its address there."""
    _tell(render_badge(read_report(_path(file))), out)


@report.command("compare", short_help="Fixed, broken, new, gone, with the money.")
@click.argument("before", metavar="BEFORE", type=click.Path(exists=True, path_type=Path))
@click.argument("after", metavar="AFTER", type=click.Path(exists=True, path_type=Path))
@_out
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    help="markdown: for the page of a pull request.",
)
@click.option("--verbose", "-v", is_flag=True, help="Name every case that differs.")
def compare_(before: Path, after: Path, out: Path | None, format_: str, *, verbose: bool) -> int:
    """Print what is different in AFTER: cases fixed, broken, new and gone, and what that does to the money.

    A failure that a baseline knows is a failure here. Exit code 1 where anything is broken.
    """
    found = compare(read_report(_path(before)), read_report(_path(after)), _corpus())
    if format_ == "json":
        _tell(comparison_json(found), out)
    elif format_ == "markdown":
        _tell(comparison_markdown(found), out)
    else:
        _tell(comparison_text(found, width=_width(), verbose=verbose), out)
    return 1 if found.is_worse else 0


@report.command("coverage", short_help="Which requirements a run tested, and which defects they catch.")
@click.argument("file", metavar="REPORT", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    help="json: every case and defect by name.",
)
@click.pass_context
def coverage_(context: click.Context, file: Path, format_: str) -> int:
    """Print which requirements the run of REPORT tested, by which cases, and which named defects break them.

    Exit code 1 where a MUST that a gateway can show has no case in the run, or no defect.
    """
    defects = named_defects(context).values()
    covered = coverage(load_specification().requirements.values(), read_tested(file), defects)
    if format_ == "json":
        click.echo(jsonio.dumps(render_json(covered)))
    else:
        for line in render_text(covered):
            click.echo(printable(line))
    missing = list(gaps(covered))
    for sentence in missing:
        click.echo(f"decibill: {sentence}", err=True)
    return 1 if missing else 0
