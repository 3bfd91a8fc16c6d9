"""Released cases never change their meaning: a list by version of the specification, each with a digest.

``spec/cases.lock.json`` holds the lists. The digest of a case covers what it gives, asks and expects:
``given``, ``when`` and ``then`` (but not which requirements that proves), the bytes of every file that it
names, and the price entries of its models. Titles, explanations and sources may be put better at any time.

Run as ``python -m decibill.frozen``: ``check`` compares the tree with the lists, ``freeze`` adds the list of
this version of the specification when it is released, ``changes`` prints the lines for the changelog.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from decibill import SPEC_VERSION, jsonio
from decibill._data import data_directory, fixture_bytes
from decibill.case import Case
from decibill.case_checks import files_of
from decibill.cases import load_cases
from decibill.errors import DecibillError, UsageError

__all__ = ["NAME", "changes", "faults", "freeze", "main", "meanings"]

NAME: Final = "cases.lock.json"

_EMPTY: Final[Mapping[str, Any]] = {"frozen": {}, "corrections": []}
_MOST: Final = 12
"""New cases that a changelog names one by one; the rest is counted."""


def meanings(root: Path) -> dict[str, tuple[str, str]]:
    """Return the digest and the version that each case of the fixtures at *root* came with, by id."""
    return {case.id: (_meaning(case, root), case.since) for case in load_cases(root)}


def faults(lock: Mapping[str, Any], now: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """Yield each way in which the cases of today break a list, one sentence each."""
    corrected = {each["case"]: each for each in lock["corrections"]}
    for each in lock["corrections"]:
        if not each.get("reason", "").strip():
            yield f"{each['case']} is corrected without a reason"
    for version, cases in lock["frozen"].items():
        for name, digest in cases.items():
            right = corrected[name]["to"] if name in corrected else digest
            if name not in now and right is not None:
                yield f"{name} is in {version} and is gone; ids are permanent"
            elif name in now and now[name][0] != right:
                yield f"{name} is in {version} and means something else now; give the new meaning a new id"
        for name, (_, since) in now.items():
            if name not in cases and _version(since) <= _version(version):
                yield f"{name} says that it came with {since}, and {version} was released without it"


def freeze(lock: Mapping[str, Any], version: str, now: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Return the lock with the list of *version*.

    Raises:
        UsageError: that version has a list already.
    """
    if version in lock["frozen"]:
        raise UsageError(f"spec {version} has been frozen; corrections go into {NAME}, each with a reason")
    cases = {
        name: digest for name, (digest, since) in sorted(now.items()) if _version(since) <= _version(version)
    }
    return {**lock, "frozen": {**lock["frozen"], version: cases}}


def changes(lock: Mapping[str, Any], now: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """Yield the lines of the changelog for what differs from the newest list."""
    newest = max(lock["frozen"], key=_version, default=None)
    before: Mapping[str, str] = lock["frozen"][newest] if newest else {}
    for each in lock["corrections"]:
        what = "Corrected" if each["to"] else "Removed"
        yield f"- {what} `{each['case']}`: {each['reason']}"
    new = sorted(set(now) - set(before))
    if len(new) <= _MOST:
        yield from (f"- New case `{name}`." for name in new)
    else:
        folders = sorted({name.split("/", 1)[0] for name in new})
        counts = (f"{sum(name.startswith(f'{folder}/') for name in new)} in `{folder}`" for folder in folders)
        yield f"- {len(new)} new cases: {', '.join(counts)}."


def _meaning(case: Case, root: Path) -> str:
    document = case.document
    parts: dict[str, Any] = {part: document[part] for part in ("given", "when", "then")}
    parts["then"] = {name: value for name, value in document["then"].items() if name != "proves"}
    names = sorted({name for _, name in files_of(document)})
    parts["files"] = {name: hashlib.sha256(fixture_bytes(root, name)).hexdigest() for name in names}
    if case.book is not None:
        parts["prices"] = _prices(jsonio.load_file(root / case.book, case.book), set(_models(document)))
    return hashlib.sha256(jsonio.dumps(_sorted(parts)).encode()).hexdigest()


def _prices(book: Mapping[str, Any], models: set[str]) -> Any:
    """Return what of a price book bears on *models*, so that a price for another model changes nothing."""
    entries = [
        {name: value for name, value in entry.items() if name != "source"}
        for entry in book["entries"]
        if models & set(entry["models"])
    ]
    return [book["currency"], sorted(entries, key=lambda entry: str(entry["id"]))]


def _models(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, member in value.items():  # pyright: ignore[reportUnknownVariableType]
            if name == "model" and isinstance(member, str):
                yield member
            else:
                yield from _models(member)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _models(item)  # pyright: ignore[reportUnknownArgumentType]


def _sorted(value: Any) -> Any:
    """Return *value* with the members of every object in the order of their names."""
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return [_sorted(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _lock(file: Path) -> Mapping[str, Any]:
    return jsonio.load_file(file, NAME) if file.is_file() else _EMPTY


@click.group(help="The lists of released cases: check, freeze, changes.")
@click.option(
    "--lock",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=lambda: data_directory("spec") / NAME,
    help="File with the lists.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=lambda: data_directory("fixtures"),
    help="Root of the fixtures.",
)
@click.pass_context
def main(context: click.Context, file: Path, root: Path) -> None:
    """Keep the two places for the commands."""
    context.obj = (file, root)


@main.command("check")
@click.pass_obj
def _check(places: tuple[Path, Path]) -> None:
    """Compare the cases with every list."""
    file, root = places
    lock = _lock(file)
    found = list(faults(lock, meanings(root)))
    for sentence in found:
        click.echo(sentence, err=True)
    if found:
        raise SystemExit(1)
    count = sum(len(cases) for cases in lock["frozen"].values())
    click.echo(f"cases as released: {count}" if count else "no version is released yet")


@main.command("freeze")
@click.pass_obj
def _freeze(places: tuple[Path, Path]) -> None:
    """Add the list of this version of the specification; done once, when it is released."""
    file, root = places
    lock = freeze(_lock(file), SPEC_VERSION, meanings(root))
    file.write_text(jsonio.dumps(lock), encoding="utf-8", newline="\n")
    click.echo(f"spec {SPEC_VERSION} is frozen; cases: {len(lock['frozen'][SPEC_VERSION])}")


@main.command("changes")
@click.pass_obj
def _changes(places: tuple[Path, Path]) -> None:
    """Print the lines for the changelog."""
    file, root = places
    for line in changes(_lock(file), meanings(root)):
        click.echo(line)


if __name__ == "__main__":
    try:
        main(standalone_mode=True)
    except DecibillError as error:
        sys.exit(f"decibill: {error}")
