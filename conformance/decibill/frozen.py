"""Released cases never change their meaning: a list by version of the specification, each with a digest.

``spec/cases.lock.json`` holds the lists. The digest of a case covers what it gives, asks and expects:
``given``, ``when`` and ``then`` (but not which requirements that proves), the bytes of every file that it
names, and the price entries of its models. Titles, explanations and sources may be put better at any time.

The list of a version that is not released yet is a *draft*: it may change, but not unnoticed. A case that is
no longer right is *deprecated*: named in the lock with the version, the reason and what takes its place, and
marked by the feature ``deprecated``. It stays for the version that says so, and may then go.

Run as ``python -m decibill.frozen``: ``check`` compares the tree with the lists, ``changes`` prints the lines
for the changelog, ``draft`` then writes the list of this version as it is, and ``freeze`` makes it final.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from decibill import SPEC_VERSION, jsonio
from decibill._data import data_directory, fixture_bytes
from decibill.case import Case
from decibill.case_checks import files_of
from decibill.cases import DEPRECATED, load_cases
from decibill.errors import DecibillError, UsageError

__all__ = ["DEPRECATED", "NAME", "Meaning", "changes", "draft", "faults", "freeze", "main", "meanings"]

NAME: Final = "cases.lock.json"

_EMPTY: Final[Mapping[str, Any]] = {"frozen": {}, "draft": {}, "deprecated": {}, "corrections": []}
_REMEDY: Final = "put what `frozen changes` prints into the changelog, then run `frozen draft`"
_MOST: Final = 12
"""New cases that a changelog names one by one; the rest is counted."""


class Meaning(NamedTuple):
    """What the lists say of one case, and what they need to know of it."""

    digest: str
    since: str
    deprecated: bool = False
    why: str = ""


def meanings(root: Path) -> dict[str, Meaning]:
    """Return what each case of the fixtures at *root* means and with which version it came, by id."""
    return {
        case.id: Meaning(_meaning(case, root), case.since, DEPRECATED in case.features, case.why)
        for case in load_cases(root)
    }


def faults(lock: Mapping[str, Any], now: Mapping[str, Meaning]) -> Iterator[str]:
    """Yield each way in which the cases of today break a list, one sentence each."""
    corrected = {each["case"]: each for each in lock["corrections"]}
    for each in lock["corrections"]:
        if not each.get("reason", "").strip():
            yield f"{each['case']} is corrected without a reason"
    yield from _deprecation_faults(lock, now)
    for version, cases in lock["frozen"].items():
        right = {name: corrected[name]["to"] if name in corrected else cases[name] for name in cases}
        right = {name: digest for name, digest in right.items() if name in now or not _may_go(lock, name)}
        yield from _released_faults(version, right, now)
    for version, cases in lock["draft"].items():
        if cases != _list(version, now):
            yield f"the cases are not those of the draft of {version}: {_REMEDY}"


def _released_faults(
    version: str, right: Mapping[str, str | None], now: Mapping[str, Meaning]
) -> Iterator[str]:
    """Yield where the cases differ from a released list; without a digest a case has to be gone."""
    for name, digest in right.items():
        if name not in now and digest is not None:
            yield f"{name} is in {version} and is gone; ids are permanent, so deprecate it first"
        elif name in now and now[name].digest != digest:
            yield f"{name} is in {version} and means something else now; give the new meaning a new id"
    for name, meaning in now.items():
        if name not in right and _version(meaning.since) <= _version(version):
            yield f"{name} says that it came with {meaning.since}, and {version} was released without it"


def _deprecation_faults(lock: Mapping[str, Any], now: Mapping[str, Meaning]) -> Iterator[str]:
    for name, meaning in now.items():
        if meaning.deprecated and name not in lock["deprecated"]:
            yield f"{name} has the feature {DEPRECATED}; {NAME} has to say since when, why and what instead"
    for name, said in lock["deprecated"].items():
        instead = said["instead"]
        if not said["reason"].strip():
            yield f"{name} is deprecated without a reason"
        if name not in now:
            continue
        if not now[name].deprecated:
            yield f"{name} is deprecated since {said['since']} and lacks the feature {DEPRECATED}"
        if instead is not None and (instead not in now or now[instead].deprecated):
            yield f"{name} is deprecated for {instead}, which is no case that can take its place"
        if instead is not None and instead not in now[name].why:
            yield f"{name} is deprecated for {instead}, and its why does not name that"


def _may_go(lock: Mapping[str, Any], name: str) -> bool:
    """Tell whether a case was deprecated in a version that has been released."""
    return name in lock["deprecated"] and lock["deprecated"][name]["since"] in lock["frozen"]


def _list(version: str, now: Mapping[str, Meaning]) -> dict[str, str]:
    """Return the list of *version*: the cases that it has, each with its digest."""
    return {
        name: meaning.digest
        for name, meaning in sorted(now.items())
        if _version(meaning.since) <= _version(version)
    }


def draft(lock: Mapping[str, Any], version: str, now: Mapping[str, Meaning]) -> dict[str, Any]:
    """Return the lock with the list of *version* as the cases are now.

    Raises:
        UsageError: that version has been released.
    """
    _refuse_released(lock, version)
    return {**lock, "draft": {version: _list(version, now)}}


def freeze(lock: Mapping[str, Any], version: str, now: Mapping[str, Meaning]) -> dict[str, Any]:
    """Return the lock with the final list of *version*, which is no draft any more.

    Raises:
        UsageError: that version has a list already.
    """
    _refuse_released(lock, version)
    return {**lock, "frozen": {**lock["frozen"], version: _list(version, now)}, "draft": {}}


def _refuse_released(lock: Mapping[str, Any], version: str) -> None:
    if version in lock["frozen"]:
        raise UsageError(f"spec {version} has been frozen; corrections go into {NAME}, each with a reason")


def changes(
    lock: Mapping[str, Any], now: Mapping[str, Meaning], *, of_release: bool = False
) -> Iterator[str]:
    """Yield the lines of the changelog for what differs from the newest list.

    Args:
        lock: the lists.
        now: the cases of today.
        of_release: compare with the newest version that was released, and not with a draft.
    """
    lists = lock["frozen"] if of_release else {**lock["frozen"], **lock["draft"]}
    newest = max(lists, key=_version, default=None)
    before: Mapping[str, str] = lists[newest] if newest else {}
    corrected = {each["case"] for each in lock["corrections"]}
    for each in lock["corrections"]:
        what = "Corrected" if each["to"] else "Removed"
        yield f"- {what} `{each['case']}`: {each['reason']}"
    for name, said in lock["deprecated"].items():
        if name in now and said["since"] not in lock["frozen"]:
            instead = f"; `{said['instead']}` takes its place" if said["instead"] else ""
            yield f"- Deprecated `{name}`: {said['reason']}{instead}."
    for name in sorted(before):
        if name not in now and name not in corrected:
            since = lock["deprecated"].get(name, {}).get("since")
            yield f"- Removed `{name}`{f', deprecated since {since}' if since else ''}."
        elif name in now and name not in corrected and now[name].digest != before[name]:
            yield f"- Changed `{name}`."
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
    return {**_EMPTY, **jsonio.load_file(file, NAME)} if file.is_file() else _EMPTY


@click.group(help="The lists of the cases of each version: check, changes, draft, freeze.")
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
    for word, lists in (("released", lock["frozen"]), ("in the draft", lock["draft"])):
        for version, cases in lists.items():
            click.echo(f"spec {version}: {len(cases)} cases as {word}")
    if not lock["frozen"]:
        click.echo("no version is released yet")


@main.command("draft")
@click.pass_obj
def _draft(places: tuple[Path, Path]) -> None:
    """Write the list of this version of the specification as the cases are, until it is released."""
    file, root = places
    lock = draft(_lock(file), SPEC_VERSION, meanings(root))
    file.write_text(jsonio.dumps(lock), encoding="utf-8", newline="\n")
    click.echo(f"draft of spec {SPEC_VERSION}: {len(lock['draft'][SPEC_VERSION])} cases")


@main.command("freeze")
@click.pass_obj
def _freeze(places: tuple[Path, Path]) -> None:
    """Add the list of this version of the specification; done once, when it is released."""
    file, root = places
    lock = freeze(_lock(file), SPEC_VERSION, meanings(root))
    file.write_text(jsonio.dumps(lock), encoding="utf-8", newline="\n")
    click.echo(f"spec {SPEC_VERSION} is frozen; cases: {len(lock['frozen'][SPEC_VERSION])}")


@main.command("changes")
@click.option("--release", is_flag=True, help="Since the last released version, not since the draft.")
@click.pass_obj
def _changes(places: tuple[Path, Path], *, release: bool) -> None:
    """Print the lines for the changelog."""
    file, root = places
    for line in changes(_lock(file), meanings(root), of_release=release):
        click.echo(line)


if __name__ == "__main__":
    try:
        main(standalone_mode=True)
    except DecibillError as error:
        sys.exit(f"decibill: {error}")
