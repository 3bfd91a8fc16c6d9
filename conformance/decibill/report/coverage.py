"""Which requirements a run tested, by which cases, and which defects show that the test can fail.

A requirement that nothing tests, or whose test nothing can fail, is worth nothing to its reader. Requirements
that only a calculator's records show, and rules for the judge, are none that a gateway's run can test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from decibill import jsonio, schemas

if TYPE_CHECKING:
    from decibill.cli.defects import NamedDefect
    from decibill.prose import Requirement

__all__ = ["Covered", "coverage", "gaps", "read_tested", "render_json", "render_text"]


@dataclass(frozen=True, slots=True)
class Covered:
    """What tests one requirement."""

    id: str
    level: str
    observable: str
    """``wire``: a gateway's run shows it; ``record``: a calculator's records; ``internal``: neither."""

    cases: tuple[str, ...]
    defects: tuple[str, ...]

    @property
    def is_due(self) -> bool:
        """Whether a gateway's run has to test it, and a defect to show that the test can fail."""
        return self.level.startswith("MUST") and self.observable == "wire"


def read_tested(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Return the cases that tested each requirement, by the report in the file at *path*.

    Raises:
        InvalidFileError: the file is not a report.
    """
    document = jsonio.load_file(path)
    schemas.validate("report", document, str(path))
    rows = cast("Sequence[Mapping[str, Any]]", document["requirements"])
    return {row["id"]: tuple(dict.fromkeys(_case(item["id"]) for item in row["cases"])) for row in rows}


def _case(instance: str) -> str:
    return instance.partition("[")[0]


def coverage(
    requirements: Iterable[Requirement],
    tested: Mapping[str, tuple[str, ...]],
    defects: Iterable[NamedDefect],
) -> list[Covered]:
    """Return what tests each requirement, in the order of the specification."""
    breaking: dict[str, list[str]] = {}
    for defect in defects:
        for name in defect.requirements:
            breaking.setdefault(name, []).append(defect.name)
    return [
        Covered(
            row.id,
            row.level,
            row.observable,
            tested.get(row.id, ()),
            tuple(sorted(breaking.get(row.id, ()))),
        )
        for row in requirements
    ]


def gaps(covered: Iterable[Covered]) -> Iterator[str]:
    """Yield what is missing, a sentence each."""
    for row in covered:
        if row.is_due and not row.cases:
            yield f"{row.id}: no case of the run tests it"
        elif row.is_due and not row.defects:
            yield f"{row.id}: no named defect shows that its test can fail"


def render_text(covered: Sequence[Covered]) -> Iterator[str]:
    """Yield the lines of the table, and then what they add up to."""
    for row in covered:
        if row.cases or row.is_due:
            shown = row.cases[0] if row.cases else "-"
            more = f" and {len(row.cases) - 1} more" if len(row.cases) > 1 else ""
            yield f"{row.id}  {row.level:<10}  {shown}{more}; {_named(row.defects)}"
    due = [row for row in covered if row.is_due]
    both = sum(bool(row.cases and row.defects) for row in due)
    yield ""
    yield f"{both} of {len(due)} MUSTs that a gateway can show have a case and a defect"
    elsewhere = sum(row.level.startswith("MUST") and not row.is_due for row in covered)
    yield f"{elsewhere} other MUSTs are for a calculator's records, or for the judge"


def _named(defects: Sequence[str]) -> str:
    if not defects:
        return "no defect"
    return f"{defects[0]}{f' and {len(defects) - 1} more' if len(defects) > 1 else ''}"


def render_json(covered: Iterable[Covered]) -> list[dict[str, Any]]:
    """Return the table as JSON data, every case and defect named."""
    return [
        {
            "id": row.id,
            "level": row.level,
            "observable": row.observable,
            "cases": list(row.cases),
            "defects": list(row.defects),
        }
        for row in covered
    ]
