"""``decibill check FILE…``: whether every file is what it should be, and where it is not.

A file's kind is told by ``$schema``, by its members, or by its ending (TOML is a gateway declaration). Beyond
the schema, charges and refunds must add up, usage records must be partitions, price books must leave no
choice open, and a case's numbers must follow from its own price book.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import click

from decibill import declaration_read, jsonio, observations_read, schemas
from decibill._data import data_directory
from decibill.arithmetic import charge_faults, refund_faults, usage_faults
from decibill.book_checks import book_faults
from decibill.case_checks import case_faults
from decibill.case_new import unfilled
from decibill.cases import load_cases
from decibill.errors import Fault, InvalidFileError
from decibill.pointer import join
from decibill.redact import legible
from decibill.toml_read import read_toml

__all__ = ["Checked", "check", "check_file", "check_text"]

_RATED: Final = ("usage", "charge")
"""Members of what ``decibill rate`` prints."""

_MOST: Final = 20
"""Faults that are told of one file."""

_LONGEST: Final = 2000
"""Characters that are told of one fault: a name or a number in a file can be of any length."""

_WORDS: Final[Mapping[str, str]] = {
    "gateway": "gateway declaration",
    "observations": "file of observations",
    "price-book": "price book",
    "rated": "usage record and charge",
    "refund": "refund record",
    "requirements": "list of requirements",
    "usage-record": "usage record",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one file."""

    file: str
    kind: str | None
    """Name of its schema, ``rated`` for a usage record with its charge; None where that cannot be told."""

    faults: tuple[Fault, ...] = ()

    def lines(self) -> list[str]:
        """Return the report on the file: one line where it is valid, else one a fault, up to a limit."""
        if not self.faults:
            assert self.kind is not None
            return [f"{self.file}: valid {_WORDS.get(self.kind, self.kind)}"]
        whole = "/" if self.kind is not None else ""  # how the whole document is called, once it is one
        places = [fault.pointer or whole for fault in self.faults]
        told = [
            _cut(f"{self.file}{f' at {place}' if place else ''}: {fault.problem}")
            for place, fault in zip(places, self.faults, strict=True)
        ]
        more = len(told) - _MOST
        return told if more <= 0 else [*told[:_MOST], f"{self.file}: {more} more faults"]


def _cut(line: str) -> str:
    more = len(line) - _LONGEST
    return line if more <= 0 else f"{line[:_LONGEST]} [and {more} more characters]"


def check_file(path: Path, name: str | None = None) -> Checked:
    """Return what is to be said of the file at *path*, called *name* in messages."""
    where = name or str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        return Checked(where, None, (Fault("", f"cannot be read: {error.strerror or error}"),))
    return check_text(raw, where, path)


def check_text(raw: bytes, where: str, path: Path | None = None) -> Checked:
    """Return what is to be said of the document *raw*, which came from *path* or from standard input."""
    kind: str | None = None
    try:
        if path is not None and path.suffix == ".toml":
            kind, document = "gateway", read_toml(raw, where)
        else:
            document = jsonio.loads(raw, where)
            kind = _kind(document, where)
        return Checked(where, kind, _faults(kind, document, where, path))
    except InvalidFileError as error:
        remedy = f"; {error.remedy}" if error.remedy else ""
        other = "" if error.file == where else f"{error.file}: "
        return Checked(where, kind, (Fault(error.pointer or "", f"{other}{error.problem}{remedy}"),))


def _kind(document: Any, where: str) -> str:
    if isinstance(document, Mapping) and set(cast("Mapping[str, Any]", document)) == set(_RATED):
        return "rated"
    return schemas.kind_of(document, where)


def _faults(kind: str, document: Any, where: str, path: Path | None) -> tuple[Fault, ...]:
    if kind == "rated":
        parts = {"usage": "usage-record", "charge": "charge"}
        return tuple(
            Fault(join(member) + fault.pointer, fault.problem)
            for member, name in parts.items()
            for fault in _faults(name, document[member], where, None)
        )
    found = schemas.faults(kind, document)
    if kind == "case" and (lacking := tuple(unfilled(document))):
        return (*(fault for fault in found if not _about(fault, lacking)), *lacking)
    if found:
        return found
    if kind == "case":
        return case_faults(document, _fixtures_root(path))
    if kind == "exchange":
        return _exchange_faults(document, path)
    if kind == "gateway":
        declaration_read.parse(document, where)
    if kind == "observations":
        observations_read.parse(document, where, load_cases())
    return _BEYOND_SCHEMA.get(kind, _nothing)(document)


def _about(fault: Fault, lacking: Sequence[Fault]) -> bool:
    """Return whether a fault is that of a member that has to be filled in."""
    return any(fault.pointer == each.pointer for each in lacking)


def _nothing(document: Any) -> tuple[Fault, ...]:
    del document
    return ()


_BEYOND_SCHEMA: Final[Mapping[str, Callable[[Any], tuple[Fault, ...]]]] = {
    "charge": charge_faults,
    "price-book": book_faults,
    "refund": refund_faults,
    "usage-record": usage_faults,
}


def _fixtures_root(path: Path | None) -> Path:
    """Return the tree that a case belongs to: the one it lies in, else the one that decibill carries."""
    for parent in path.resolve().parents if path is not None else ():
        if parent.name == "cases":
            return parent.parent
    return data_directory("fixtures")


def _exchange_faults(exchange: Mapping[str, Any], path: Path | None) -> tuple[Fault, ...]:
    """Return the bodies of a loose exchange that are not in its own folder; media may be absent."""
    if path is None:
        return ()
    folder = path.parent.resolve()
    bodies = [
        (join(part, member), name)
        for part in ("request", "response")
        for member, name in exchange.get(part, {}).items()
        if member.endswith("_file")
    ]
    return tuple(
        Fault(
            place,
            f"there is no file {name} beside the exchange"
            if (folder / name).resolve().is_relative_to(folder)
            else f"the file {name} leads out of the exchange's folder",
        )
        for place, name in bodies
        if not (folder / name).is_file() or not (folder / name).resolve().is_relative_to(folder)
    )


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def check(files: Sequence[str]) -> int:
    """Validate usage records, charges, refunds, price books, cases, exchanges and declarations.

    Their numbers must add up too. ``-`` reads standard input. Exit code 0: all are valid; 2: one is not.
    """
    faulty = 0
    for name in files:
        if name == "-":
            checked = check_text(sys.stdin.buffer.read(), "standard input")
        else:
            checked = check_file(Path(name), name)
        for line in checked.lines():
            click.echo(legible(line), err=bool(checked.faults))
        faulty += bool(checked.faults)
    return 2 if faulty else 0
