"""What the site is about: the published reports with their notes, and the corpus they were judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from decibill import SPEC_VERSION
from decibill.errors import InvalidFileError
from decibill.outcome import Outcome, roll_up
from decibill.prose import CHAPTER_OF_AREA
from decibill.report.html.corpus import load_corpus
from decibill.report.money import stakes
from decibill.report.read import read_report
from decibill.specification import load_specification

from website.catalogue import compare_catalogues

if TYPE_CHECKING:
    from decibill.case import Case
    from decibill.report.html.corpus import Corpus
    from decibill.report.model import CaseRow, Report, RequirementRow
    from decibill.report.money import Stake
    from decibill.specification import Specification

    from website.catalogue import Comparison

__all__ = ["AREAS", "Site", "Subject", "area_of", "load_site", "read_subjects"]

BOOK: Final = "price-books/public-2026-11.json"
PUBLISHED: Final = f"conformance/reports/{SPEC_VERSION}"

AREAS: Final[Mapping[str, str]] = {
    "TRM": "Terms",
    "USE": "Usage record",
    "EXT": "Extraction",
    "PRC": "Price book",
    "CHG": "Charge",
    "REF": "Refund",
    "GWY": "Gateway",
    "CNF": "Conformance",
    "OAI": "OpenAI",
    "AZU": "Azure",
    "GEM": "Gemini",
    "ELV": "ElevenLabs",
}
"""The areas of requirements, by the letters of their ids, in the order of the specification."""


def area_of(requirement: str) -> str:
    """Return the area of a requirement: the letters in its id."""
    return requirement.split("-")[1]


@dataclass(frozen=True)
class Subject:
    """One gateway or calculator, as its report shows it."""

    slug: str
    """The name of its folder."""

    report: Report
    readme: str
    """The notes published with it, as Markdown; empty where there are none."""

    readme_file: str
    """Where that stands, from the root of the repository."""

    file: Path
    """Its report."""

    cases: Mapping[str, Case]
    """The corpus by id."""

    @property
    def folder(self) -> str:
        """Where its pages are."""
        return f"{self.report.gateway.kind}s/{self.slug}"

    @property
    def name(self) -> str:
        """Its name without the version."""
        return self.report.gateway.name

    @cached_property
    def stakes(self) -> Mapping[str, Stake]:
        """Instance → what it was billed."""
        return {stake.id: stake for stake in stakes(self.report, self.cases)}

    @cached_property
    def rows(self) -> Mapping[str, tuple[CaseRow, ...]]:
        """Case → its instances: one for each dialect that was asked, or one that was not."""
        found: dict[str, list[CaseRow]] = {}
        for row in self.report.cases:
            found.setdefault(row.case, []).append(row)
        return {name: tuple(rows) for name, rows in found.items()}

    @cached_property
    def requirements(self) -> Mapping[str, RequirementRow]:
        """Requirement → what came of it."""
        return {row.id: row for row in self.report.requirements}

    def outcome(self, case: str) -> Outcome:
        """Return how a case came out over all its dialects; one that the report lacks was not asked."""
        return roll_up(row.outcome for row in self.rows.get(case, ()))

    def stake(self, case: str) -> Stake | None:
        """Return what a case was billed, the first wrong answer of its dialects if there is one."""
        found = [self.stakes[row.id] for row in self.rows.get(case, ()) if row.id in self.stakes]
        return next((stake for stake in found if not stake.is_right), found[0] if found else None)


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that the pages are made from."""

    subjects: tuple[Subject, ...]
    """Gateways by name, then calculators."""

    corpus: Corpus
    specification: Specification
    catalogues: Comparison
    """Price catalogues beside each other."""

    chapters: Mapping[str, str]
    """Path from ``spec/`` → Markdown."""

    repository: str = ""
    """Address that the path of a file is appended to; empty: files are named and not linked."""

    @property
    def areas(self) -> tuple[str, ...]:
        """The areas of the requirements that there are."""
        found = {area_of(name) for name in self.specification.requirements}
        return tuple(area for area in AREAS if area in found)


def read_subjects(folders: Sequence[Path], cases: Mapping[str, Case], root: Path) -> tuple[Subject, ...]:
    """Return what is published in these folders, a report in each folder below them.

    Args:
        folders: where reports are looked for.
        cases: the corpus by id.
        root: the root of the repository, from which files are named.

    Raises:
        InvalidFileError: there is no report, two have one name, or one is none.
    """
    found: dict[str, Subject] = {}
    for folder in folders:
        for file in sorted(folder.rglob("report.json")):
            subject = Subject(file.parent.name, read_report(file), *_readme(file, folder, root), file, cases)
            if subject.folder in found:
                raise InvalidFileError(str(file), f"there is a second report named {subject.slug}")
            found[subject.folder] = subject
    if not found:
        raise InvalidFileError(", ".join(map(str, folders)), "no folder here holds a report.json")
    order = sorted(
        found.values(), key=lambda each: (each.report.gateway.kind != "gateway", each.name.lower())
    )
    return tuple(order)


def _readme(report: Path, folder: Path, root: Path) -> tuple[str, str]:
    """Return the notes on a report and their file; those of several reports lie in the folder around them."""
    above = report.parents[1]
    places = [report.parent] if above == folder else [report.parent, above]
    for file in (place / "README.md" for place in places):
        if file.is_file():
            name = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.as_posix()
            return file.read_text("utf-8"), name
    return "", ""


def load_site(root: Path, reports: Sequence[Path] = (), repository: str = "") -> Site:
    """Return what the site is made from.

    Args:
        root: the root of the repository.
        reports: folders with more reports than the published ones.
        repository: address that the path of a file is appended to.
    """
    corpus = load_corpus()
    spec = root / "spec"
    names = ["README.md", *dict.fromkeys(CHAPTER_OF_AREA.values())]
    return Site(
        subjects=read_subjects([root / PUBLISHED, *reports], corpus.cases, root),
        corpus=corpus,
        specification=load_specification(spec),
        catalogues=compare_catalogues(
            corpus.root / BOOK, Path(__file__).parent / "catalogues" / "prices.json"
        ),
        chapters={name: (spec / name).read_text("utf-8") for name in names},
        repository=repository,
    )
