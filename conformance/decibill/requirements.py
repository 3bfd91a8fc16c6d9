"""The requirements of the specification, accepted one by one and traced to cases.

The prose of ``spec/`` is the only source (see `decibill.prose`). Beside it lie three files:

- ``requirements.json``, generated from the prose, which is what the suite reads;
- ``requirements.lock.json``, the text of each requirement that a person has accepted, as a hash;
- ``exclusions.json``, why a requirement has no case.

Run as ``python -m decibill.requirements`` with ``check``, ``extract``, ``accept ID``, ``withdraw ID``,
``mint AREA`` or ``coverage``.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, cast

import click

from decibill import SPEC_VERSION, jsonio
from decibill._data import data_directory
from decibill.errors import DecibillError, InvalidFileError, UnknownNameError, UsageError
from decibill.pointer import resolve
from decibill.prose import CHAPTER_OF_AREA, Catalogue, Finding, Requirement, read_catalogue

__all__ = ["Coverage", "check", "coverage", "load", "mint", "render"]

CATALOGUE: Final = "requirements.json"
LOCK: Final = "requirements.lock.json"
EXCLUSIONS: Final = "exclusions.json"
WITHDRAWN: Final = "withdrawn"
_SHORTEST_REASON: Final = 20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_COMMAND: Final = "python -m decibill.requirements"


def load(spec: Path | None = None) -> dict[str, Requirement]:
    """Return the requirements of ``requirements.json`` by id.

    Raises:
        InvalidFileError: the file is missing or is not a list of requirements.
    """
    file = (spec or data_directory("spec")) / CATALOGUE
    document = jsonio.load_file(file)
    try:
        rows = [_requirement(row) for row in document["requirements"]]
    except (KeyError, TypeError) as error:
        problem = f"not a list of requirements ({type(error).__name__}: {error})"
        raise InvalidFileError(str(file), problem, remedy=f"run {_COMMAND} extract") from None
    return {row.id: row for row in rows}


def _requirement(row: Any) -> Requirement:
    return Requirement(
        id=row["id"],
        level=row["level"],
        text=row["text"],
        href=row["href"],
        since=row["since"],
        observable=row["observable"],
        features=tuple(row["features"]),
        sha256=row["sha256"],
    )


def render(catalogue: Catalogue) -> str:
    """Return the text of ``requirements.json`` for *catalogue*."""
    return jsonio.dumps(
        {"spec": SPEC_VERSION, "requirements": [asdict(row) for row in catalogue.requirements]}
    )


def mint(area: str, spec: Path) -> str:
    """Return an id of *area* that neither the prose nor the lock has ever used.

    Raises:
        UnknownNameError: there is no such area.
    """
    if area not in CHAPTER_OF_AREA:
        raise UnknownNameError("area", area, CHAPTER_OF_AREA)
    used = {row.id for row in read_catalogue(spec).requirements} | _mapping(spec / LOCK).keys()
    while (identity := f"AUB-{area}-{secrets.token_hex(2)}") in used:
        pass
    return identity


@dataclass(frozen=True, slots=True)
class Coverage:
    """How each requirement is shown to hold."""

    cases: Mapping[str, tuple[str, ...]]
    """Ids of the cases that prove a requirement, by the requirement's id; unknown ids included."""

    excluded: Mapping[str, str]
    """Reason why no case proves a requirement, by its id."""


def coverage(spec: Path, cases: Path) -> Coverage:
    """Return which cases prove which requirement, and which are excluded with what reason."""
    proofs = dict[str, list[str]]()
    for file in sorted(cases.rglob("*.json")):
        proves = resolve(jsonio.load_file(file), "/then/proves")
        if not isinstance(proves, dict):
            raise InvalidFileError(
                str(file), "proves nothing", pointer="/then/proves", remedy="name what it proves"
            )
        for identity in cast("dict[str, Any]", proves):
            proofs.setdefault(identity, []).append(file.relative_to(cases).with_suffix("").as_posix())
    return Coverage({key: tuple(value) for key, value in proofs.items()}, _mapping(spec / EXCLUSIONS))


def check(spec: Path, cases: Path) -> list[Finding]:
    """Return whatever keeps prose, catalogue, lock, exclusions and cases from agreeing."""
    catalogue = read_catalogue(spec)
    return [
        *catalogue.findings,
        *_check_catalogue(spec, catalogue),
        *_check_lock(_mapping(spec / LOCK), catalogue.by_id()),
        *_check_coverage(coverage(spec, cases), catalogue.by_id()),
    ]


def _check_catalogue(spec: Path, catalogue: Catalogue) -> Iterator[Finding]:
    file = spec / CATALOGUE
    if not file.is_file() or file.read_text(encoding="utf-8") != render(catalogue):
        yield Finding(f"spec/{CATALOGUE}", "is not what the prose says", f"run {_COMMAND} extract")


def _check_lock(lock: Mapping[str, str], stated: Mapping[str, Requirement]) -> Iterator[Finding]:
    where = f"spec/{LOCK}"
    for identity, row in stated.items():
        accepted = lock.get(identity)
        if accepted == WITHDRAWN:
            yield Finding(
                row.href, f"{identity} was withdrawn and is used again", "mint a new id: ids are never reused"
            )
        elif accepted is None:
            yield Finding(row.href, f"{identity} is new", f"read it, then run {_COMMAND} accept {identity}")
        elif accepted != row.sha256:
            yield Finding(
                row.href,
                f"the text of {identity} has changed since it was accepted",
                f"see that its cases still prove it, then run {_COMMAND} accept {identity}",
            )
    for identity, accepted in lock.items():
        if identity not in stated and accepted != WITHDRAWN:
            yield Finding(
                where,
                f"{identity} has vanished from the prose",
                f"put it back, or run {_COMMAND} withdraw {identity}",
            )
        if accepted != WITHDRAWN and not _SHA256.fullmatch(accepted):
            yield Finding(
                where, f"{identity} is accepted as {accepted!r}", f"run {_COMMAND} accept {identity}"
            )


def _check_coverage(found: Coverage, stated: Mapping[str, Requirement]) -> Iterator[Finding]:
    where = f"spec/{EXCLUSIONS}"
    for identity, cases in found.cases.items():
        if identity not in stated:
            yield Finding(
                f"fixtures/cases/{cases[0]}.json at /then/proves/{identity}",
                "no such requirement",
                "correct the id",
            )
    for identity, reason in found.excluded.items():
        if identity not in stated:
            yield Finding(where, f"{identity} does not exist", "remove the exclusion")
        elif identity in found.cases:
            yield Finding(
                where,
                f"{identity} is excluded and yet proven by {', '.join(found.cases[identity][:3])}",
                "remove the exclusion; a requirement with a case is not internal",
            )
        if len(reason.strip()) < _SHORTEST_REASON:
            yield Finding(where, f"{identity} is excluded without a reason", "say why no case can show it")
    for identity, row in stated.items():
        if identity in found.cases or identity in found.excluded:
            continue
        if row.observable == "internal":
            yield Finding(
                row.href,
                f"{identity} is internal without a reason",
                f"say in {where} how it is tested instead",
            )
        else:
            yield Finding(row.href, f"no case proves {identity}", f"write one, or give a reason in {where}")


def _mapping(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    document = jsonio.load_file(file)
    if isinstance(document, dict):
        texts = cast("dict[str, Any]", document)
        if all(isinstance(value, str) for value in texts.values()):
            return texts
    raise InvalidFileError(str(file), "not an object of strings")


def _write_lock(spec: Path, lock: Mapping[str, str]) -> None:
    text = json.dumps(dict(sorted(lock.items())), indent=2)
    (spec / LOCK).write_text(text + "\n", encoding="utf-8", newline="\n")


@click.group(help="Requirements of the specification: extract, accept, check.")
@click.option(
    "--spec",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=lambda: data_directory("spec"),
    help="Folder of the specification.",
)
@click.pass_context
def main(context: click.Context, spec: Path) -> None:
    """Keep the folder of the specification for the commands."""
    context.obj = spec


@main.command("extract")
@click.pass_obj
def _extract(spec: Path) -> None:
    """Write requirements.json from the prose."""
    catalogue = read_catalogue(spec)
    (spec / CATALOGUE).write_text(render(catalogue), encoding="utf-8", newline="\n")
    click.echo(f"{len(catalogue.requirements)} requirements")


@main.command("check")
@click.option(
    "--cases", type=click.Path(path_type=Path), default=lambda: data_directory("fixtures") / "cases"
)
@click.pass_obj
def _check(spec: Path, cases: Path) -> None:
    """Stop on changed, new or vanished text, and on requirements without a case or a reason."""
    findings = check(spec, cases)
    for finding in findings:
        click.echo(str(finding), err=True)
    if findings:
        raise SystemExit(1)
    click.echo("prose, catalogue, lock, exclusions and cases agree")


@main.command("accept")
@click.argument("identity", metavar="ID")
@click.pass_obj
def _accept(spec: Path, identity: str) -> None:
    """Accept the present text of one requirement; there is no way to accept all."""
    stated = read_catalogue(spec).by_id()
    if identity not in stated:
        raise UnknownNameError("requirement", identity, stated)
    lock = _mapping(spec / LOCK)
    if lock.get(identity) == WITHDRAWN:
        raise UsageError(f"{identity} was withdrawn; ids are never reused, so mint a new one")
    _write_lock(spec, {**lock, identity: stated[identity].sha256})
    click.echo(f"{identity}: {stated[identity].text}")


@main.command("withdraw")
@click.argument("identity", metavar="ID")
@click.pass_obj
def _withdraw(spec: Path, identity: str) -> None:
    """Record that one requirement is gone for good; its id stays taken."""
    lock = _mapping(spec / LOCK)
    if identity not in lock:
        raise UnknownNameError("accepted requirement", identity, lock)
    if identity in read_catalogue(spec).by_id():
        raise UsageError(f"{identity} is still in the prose; remove it there first")
    _write_lock(spec, {**lock, identity: WITHDRAWN})
    click.echo(f"{identity} is withdrawn")


@main.command("mint")
@click.argument("area")
@click.pass_obj
def _mint(spec: Path, area: str) -> None:
    """Print a fresh id of an area."""
    click.echo(mint(area, spec))


@main.command("coverage")
@click.option(
    "--cases", type=click.Path(path_type=Path), default=lambda: data_directory("fixtures") / "cases"
)
@click.pass_obj
def _coverage(spec: Path, cases: Path) -> None:
    """List every requirement with its cases or the reason why it has none."""
    found = coverage(spec, cases)
    for row in read_catalogue(spec).requirements:
        if row.id in found.cases:
            shown = ", ".join(found.cases[row.id])
        else:
            shown = f"excluded: {found.excluded[row.id]}" if row.id in found.excluded else "NOT COVERED"
        click.echo(f"{row.id}  {row.level:<10} {shown}")


def _run() -> None:
    try:
        main()
    except DecibillError as error:
        click.echo(f"decibill: {error}", err=True)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    _run()
