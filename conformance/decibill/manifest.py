"""``MANIFEST.json``: every file of the fixtures with its size and digest, so that a copy can be verified.

Run as ``python -m decibill.manifest``: ``generate`` writes it, ``verify`` compares the tree with it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from decibill import SPEC_VERSION, __version__, jsonio, schemas
from decibill._data import data_directory
from decibill.errors import DecibillError, Fault

__all__ = ["FORMAT", "NAME", "describe", "entry", "main", "render", "verify"]

NAME: Final = "MANIFEST.json"
FORMAT: Final = 1
"""Version of the layout of the tree; ``fixtures/README.md`` says what it means."""

_IGNORED: Final = frozenset({".DS_Store", "Thumbs.db", "__pycache__"})


def describe(root: Path) -> dict[str, Any]:
    """Return the manifest of the tree at *root*."""
    return {
        "$schema": schemas.schema_id("manifest"),
        "format": FORMAT,
        "spec": SPEC_VERSION,
        "version": __version__,
        "files": [entry(path.read_bytes(), name) for name, path in _files(root)],
    }


def render(root: Path) -> str:
    """Return the text of the manifest of the tree at *root*."""
    return jsonio.dumps(describe(root))


def verify(root: Path) -> tuple[Fault, ...]:
    """Return where the tree at *root* differs from its manifest; pointers are into the manifest.

    Raises:
        InvalidFileError: the manifest cannot be read or is not one.
    """
    manifest: Mapping[str, Any] = jsonio.load_file(root / NAME, NAME)
    schemas.validate("manifest", manifest, NAME)
    found: list[Fault] = []
    there = dict(_files(root))
    names = [listed["path"] for listed in manifest["files"]]
    if names != sorted(set(names)):
        found.append(Fault("/files", "is not sorted by path, or names a file twice"))
    for n, listed in enumerate(manifest["files"]):
        path = there.pop(listed["path"], None)
        if path is None:
            found.append(Fault(f"/files/{n}/path", f"there is no file {listed['path']}"))
        elif entry(path.read_bytes(), listed["path"]) != listed:
            found.append(
                Fault(f"/files/{n}", f"{listed['path']} is not what it was when the manifest was written")
            )
    found += [Fault("/files", f"{name} is not listed") for name in there]
    expected = {"format": FORMAT, "spec": SPEC_VERSION, "version": __version__}
    found += [
        Fault(
            f"/{member}", f"is {manifest[member]!r}; this is decibill {__version__} with {member} {value!r}"
        )
        for member, value in expected.items()
        if manifest[member] != value
    ]
    return tuple(found)


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of every file but the manifest, sorted by name."""
    found = [
        (path.relative_to(root).as_posix(), path)
        for path in root.rglob("*")
        if path.is_file() and not _IGNORED & set(path.relative_to(root).parts)
    ]
    yield from sorted((name, path) for name, path in found if name != NAME)


def entry(content: bytes, name: str) -> dict[str, Any]:
    """Return what a manifest says of one file."""
    return {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@click.group(help="The manifest of the fixtures: generate, verify.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=lambda: data_directory("fixtures"),
    help="Root of the fixtures.",
)
@click.pass_context
def main(context: click.Context, root: Path) -> None:
    """Keep the root for the commands."""
    context.obj = root


@main.command("generate")
@click.pass_obj
def _generate(root: Path) -> None:
    """Write the manifest of the tree as it is."""
    (root / NAME).write_text(render(root), encoding="utf-8", newline="\n")
    click.echo(f"{len(describe(root)['files'])} files")


@main.command("verify")
@click.pass_obj
def _verify(root: Path) -> None:
    """Compare the tree with its manifest, byte by byte."""
    found = verify(root)
    for fault in found:
        click.echo(f"{NAME} at {fault.pointer}: {fault.problem}", err=True)
    if found:
        click.echo("if the change is meant, run python -m decibill.manifest generate", err=True)
        raise SystemExit(1)
    click.echo("every file is as the manifest says")


if __name__ == "__main__":
    try:
        main(standalone_mode=True)
    except DecibillError as error:
        sys.exit(f"decibill: {error}")
