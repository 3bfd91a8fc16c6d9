"""The requirements of a run by area, those first that are not met, each with its cases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from decibill.outcome import Outcome
from decibill.report.html.case_part import anchor, sentence
from decibill.report.html.markup import Html, clean, el
from decibill.report.html.words import FLAWS, counted, outcome_mark, proper, sign

if TYPE_CHECKING:
    from decibill.report.html.case_part import Context
    from decibill.report.model import Report, RequirementRow

__all__ = ["area_of", "requirements_part", "spec_link"]

_HREF: Final = re.compile(r"spec/[A-Za-z0-9_./-]+#[A-Z0-9a-z-]+")
_SOME: Final = 12


def area_of(row: RequirementRow) -> str:
    """Return the chapter that a requirement stands in, such as ``streams`` or ``openai``."""
    name = row.href.partition("#")[0].rpartition("/")[2].removesuffix(".md")
    return re.sub(r"^\d+-", "", name).replace("-", " ") or "other"


def spec_link(row: RequirementRow, base: str) -> Html:
    """Return where a requirement stands: a link where the page knows the address of the specification."""
    where = clean(row.href, 200)
    if not base or not _HREF.fullmatch(row.href):
        return el("span", where, class_="where")
    return el("a", where, href=base + row.href, class_="where", rel="noreferrer noopener")


def requirements_part(report: Report, context: Context) -> Html:
    """Return all requirements of a report."""
    areas: dict[str, list[RequirementRow]] = {}
    for row in report.requirements:
        areas.setdefault(area_of(row), []).append(row)
    ordered = sorted(areas.items(), key=lambda item: (-sum(map(_is_open, item[1])), item[0]))
    return el(
        "section",
        el("h2", "Requirements"),
        *(_area(name, rows, context) for name, rows in ordered),
        id="requirements",
    )


def _is_open(row: RequirementRow) -> bool:
    return row.outcome in {Outcome.FAIL, Outcome.ERROR} and not row.is_known


def _kind(row: RequirementRow) -> str:
    return "known" if row.is_known else str(row.outcome)


def _area(name: str, rows: Sequence[RequirementRow], context: Context) -> Html:
    words = {"fail": "not met", "error": "in error", "known": "known to fail", "pass": "met"}
    words |= {"not_testable": "not testable", "not_declared": "not checked"}
    counts = [
        f"{number} {word}"
        for kind, word in words.items()
        if (number := sum(_kind(row) == kind for row in rows))
    ]
    rank = list(words)
    ordered = sorted(rows, key=lambda row: (rank.index(_kind(row)), not row.level.startswith("MUST"), row.id))
    return el(
        "details",
        el(
            "summary",
            el("span", proper(name), class_="title"),
            " ",
            el("span", ", ".join(counts), class_="where"),
        ),
        *(_requirement(row, context) for row in ordered),
        class_="area",
    )


def _requirement(row: RequirementRow, context: Context) -> Html:
    return el(
        "article",
        el(
            "h3",
            sign("known") if row.is_known else sign(row.outcome),
            f" {row.id} ",
            el("span", row.level, class_="level"),
        ),
        el("blockquote", sentence(row.text, 2000), el("footer", spec_link(row, context.spec_base))),
        *_cases(row),
        class_=f"requirement {_kind(row)}",
        id=anchor(row.id),
    )


def _cases(row: RequirementRow) -> Iterator[Html]:
    """Yield the cases of a requirement, failing ones first, or why there are none."""
    if row.hidden_by:
        links = [el("a", name, href=f"#{anchor(name)}") for name in row.hidden_by]
        yield el("p", "behind the failure of ", *_comma(links), class_="where")
    elif row.reason:
        yield el("p", clean(row.reason, 400), class_="where")
    flawed = [name for name, outcome in row.cases if outcome in FLAWS]
    rest = len(row.cases) - len(flawed)
    if flawed:
        links = [el("a", clean(name, 200), href=f"#{anchor(name)}") for name in flawed]
        yield el(
            "p",
            outcome_mark(row.outcome) if row.outcome in FLAWS else None,
            " ",
            *_comma(links[:_SOME]),
            class_="cases",
        )
        if len(links) > _SOME:
            yield el(
                "details",
                el("summary", f"{len(links) - _SOME} more"),
                el("p", *_comma(links[_SOME:]), class_="cases"),
                class_="small",
            )
    if rest:
        yield el("p", f"{counted(rest, 'case')} of it passed", class_="where")


def _comma(links: Sequence[Html]) -> Sequence[object]:
    return [part for link in links for part in (link, ", ")][:-1]
