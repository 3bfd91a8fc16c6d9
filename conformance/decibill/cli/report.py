"""``decibill report``: what a report says, in other forms."""

from __future__ import annotations

from pathlib import Path

import click

from decibill import jsonio, schemas
from decibill.cli.defects import named_defects
from decibill.report.coverage import coverage, gaps, read_tested, render_json, render_text
from decibill.report.summary import outputs, summary
from decibill.report.text import printable
from decibill.specification import load_specification

__all__ = ["report"]


@click.group(short_help="Say more about a report.")
def report() -> None:
    """Read a report that a run has written."""


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


@report.command("summary", short_help="The verdict in a few lines of Markdown.")
@click.argument("file", metavar="REPORT", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(["markdown", "outputs"]),
    default="markdown",
    help="outputs: verdict and counts, one name=value a line.",
)
def summary_(file: Path, format_: str) -> None:
    """Print verdict, counts and the requirements that are not met, for the page of a job."""
    document = jsonio.load_file(file)
    schemas.validate("report", document, str(file))
    click.echo(summary(document) if format_ == "markdown" else outputs(document), nl=False)
