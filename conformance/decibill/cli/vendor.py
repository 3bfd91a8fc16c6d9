"""``decibill vendor``: copy fixtures into another repository, verify a copy, tell what a release changes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from decibill import SPEC_VERSION, __version__, vendor_diff, vendor_tree
from decibill.errors import InvalidFileError, UsageError
from decibill.manifest import NAME
from decibill.report.text import printable
from decibill.vendor import Selection, plan

__all__ = ["vendor"]


@click.command(short_help="Copy fixtures into your repository, or verify such a copy.")
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--provider", metavar="NAME", multiple=True, help="Only cases of this provider.")
@click.option("--feature", metavar="NAME", multiple=True, help="Only cases with this feature.")
@click.option("--spec", metavar="VERSION", help="Only cases that this version of the specification has.")
@click.option("--with-audio", is_flag=True, help="Audio files too; only tests of a gateway need them.")
@click.option("--plain", is_flag=True, help="Leave each case a file of its own, and do not pack them.")
@click.option("--runner", metavar="LANGUAGE", multiple=True, help="A runner too: go, java or javascript.")
@click.option("--everything", is_flag=True, help="Forget the choice of the copy that is there.")
@click.option("--force", is_flag=True, help="Overwrite and remove files that were changed by hand.")
@click.option("--check", is_flag=True, help="Write nothing; find what differs from the copy's manifest.")
@click.option("--diff", is_flag=True, help="Write nothing; tell which cases this release adds or changes.")
def vendor(target: Path, **options: Any) -> int:
    """Copy fixtures into the folder DIR, with all that they need, their licence and a manifest.

    Run again, it updates the copy and removes what is gone; without choices it keeps those of the copy. A
    file that was changed by hand is never overwritten or removed, unless with --force. Exit codes: 0; with
    --check 1 if anything differs; 2 if nothing could be done.
    """
    chosen = {
        name for name in ("provider", "feature", "spec", "with_audio", "plain", "runner") if options[name]
    }
    if options["check"]:
        if options["diff"] or options["force"] or options["everything"] or chosen:
            raise UsageError("--check takes no other option: the manifest says what the copy holds")
        return _check(target)
    if options["everything"] and chosen:
        raise UsageError("--everything stands alone")
    if options["diff"] and options["force"]:
        raise UsageError("--diff writes nothing, so there is nothing to force")
    if target.is_symlink():
        raise UsageError(f"{target} is a symbolic link; name the folder itself")
    selection = _selection(target, options, keep=not chosen and not options["everything"])
    if options["diff"]:
        return _diff(target, selection)
    return _write(target, selection, force=options["force"])


def _selection(target: Path, options: dict[str, Any], *, keep: bool) -> Selection:
    """Return what is asked for: the choices on the command line, else those of the copy that is there."""
    if keep and os.path.lexists(target / NAME):
        try:
            return Selection.from_json(vendor_tree.read_manifest(target)["selection"])
        except InvalidFileError as error:
            remedy = "say what the copy shall hold, such as --everything, with --force"
            raise InvalidFileError(error.file, error.problem, pointer=error.pointer, remedy=remedy) from None
    return Selection(
        providers=options["provider"],
        features=options["feature"],
        spec=options["spec"],
        audio=options["with_audio"],
        packed=not options["plain"],
        runners=options["runner"],
    )


def _write(target: Path, selection: Selection, *, force: bool) -> int:
    copy = plan(selection)
    changes = vendor_tree.update(target, copy, force=force)
    for name in changes.foreign:
        click.echo(
            printable(f"{name} is not decibill's; it is left alone, and --check will name it"), err=True
        )
    counts = ", ".join(
        f"{len(names)} {what}"
        for what, names in (
            ("added", changes.added),
            ("changed", changes.changed),
            ("removed", changes.removed),
        )
        if names
    )
    size = sum(len(content) for content in copy.files.values())
    click.echo(
        f"{len(copy.cases)} cases in {len(copy.files) + 1} files, {size / 1_000_000:.2f} MB, of decibill"
        f" {__version__} (spec {SPEC_VERSION}): {counts or 'nothing to change'}"
    )
    return 0


def _check(target: Path) -> int:
    problems = vendor_tree.check(target)
    for problem in problems:
        click.echo(printable(str(problem)))
    if problems:
        count = f"{len(problems)} difference{'s' if len(problems) > 1 else ''}"
        click.echo(f"{count}; decibill vendor {printable(str(target))} --force restores the copy", err=True)
        return 1
    manifest = vendor_tree.read_manifest(target)
    click.echo(
        f"{len(manifest['files'])} files are as copied from decibill {manifest['version']}"
        f" (spec {manifest['spec']}), content {manifest['content']}"
    )
    return 0


def _diff(target: Path, selection: Selection) -> int:
    manifest = vendor_tree.read_manifest(target)
    click.echo(f"from decibill {manifest['version']} to {__version__}", err=True)
    lines = [printable(line) for line in vendor_diff.differences(target, plan(selection))]
    for line in lines:
        click.echo(line)
    if not lines:
        click.echo("no case differs", err=True)
    return 0
