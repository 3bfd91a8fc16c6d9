"""The pages of the requirements: what each says, who meets it, and by which cases that is judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from decibill.outcome import Outcome
from decibill.report.html.markup import Html, clean, el
from decibill.report.html.words import sign

from website.marks import mark, quoted
from website.matrix import heads
from website.page import (
    Page,
    case_path,
    cell_path,
    chapter_path,
    requirement_link,
    requirement_path,
    subject_path,
    table,
)
from website.subjects import AREAS, area_of

if TYPE_CHECKING:
    from decibill.case import Case
    from decibill.prose import Requirement

    from website.subjects import Site, Subject

__all__ = ["requirement_index", "requirement_pages"]

_SEEN = {
    "wire": "It shows on a gateway.",
    "record": "It shows in the records of a calculator.",
    "internal": "It is a rule for the judge or for people, and no run can show it.",
}


def requirement_index(site: Site) -> tuple[str, str]:
    """Return the path and the text of the list of all requirements."""
    page = Page("requirements/index.html")
    rows: dict[str, list[Requirement]] = {}
    for requirement in site.specification.requirements.values():
        rows.setdefault(area_of(requirement.id), []).append(requirement)
    body = [
        el("p", *(part for area in site.areas for part in (el("a", AREAS[area], href=f"#{area}"), " "))),
        *(_of_area(site, area, rows[area], page) for area in site.areas),
    ]
    lead = f"{len(site.specification.requirements)} requirements; their ids never change."
    return page.path, page.render("The requirements", body, lead=lead)


def _of_area(site: Site, area: str, requirements: list[Requirement], page: Page) -> Html:
    rows = (
        [
            el(
                "th",
                page.link(requirement_path(each.id), each.id),
                f" {each.level}",
                el("br"),
                el("span", quoted(each.text), class_="said"),
                scope="row",
            ),
            *(
                mark(_outcome(subject, each.id), page.to(cell_path(subject, area), each.id))
                for subject in site.subjects
            ),
        ]
        for each in requirements
    )
    return el(
        "section",
        el("h2", AREAS[area], id=area),
        table(["requirement", *heads(site, page)], rows, caption=f"Requirements: {AREAS[area]}"),
    )


def _outcome(subject: Subject, name: str) -> Outcome:
    row = subject.requirements.get(name)
    return Outcome.NOT_DECLARED if row is None else row.outcome


def requirement_pages(site: Site) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every requirement's page."""
    proving: dict[str, list[Case]] = {}
    for case in site.corpus.cases.values():
        for name in case.proves:
            proving.setdefault(name, []).append(case)
    for requirement in site.specification.requirements.values():
        page = Page(requirement_path(requirement.id))
        body = _requirement(site, requirement, proving.get(requirement.id, []), page)
        yield page.path, page.render(requirement.id, body, lead=requirement.level)


def _requirement(site: Site, requirement: Requirement, cases: list[Case], page: Page) -> Iterator[Html]:
    name, fragment = requirement.href.removeprefix("spec/").split("#")
    yield el("blockquote", el("p", quoted(requirement.text)))
    yield el(
        "p",
        page.link(chapter_path(name), "Where it stands in the specification", fragment=fragment),
        f". {_SEEN[requirement.observable]} Since {requirement.since}.",
    )
    excluded = site.specification.exclusions.get(requirement.id)
    if excluded is not None:
        yield el("p", "No case proves it. ", excluded)
    yield el("h2", "Who meets it")
    yield table(
        ["", "outcome", "why it was not judged"],
        (_subject(site, each, requirement, page) for each in site.subjects),
        caption="Outcomes",
    )
    if cases:
        yield el("h2", "By which cases it is judged")
        yield table(
            ["case", *heads(site, page)],
            (_case(site, case, requirement.id, page) for case in cases),
            caption="Cases, with what came of their checks of this requirement",
        )


def _subject(site: Site, subject: Subject, requirement: Requirement, page: Page) -> list[object]:
    row = subject.requirements.get(requirement.id)
    link = page.link(subject_path(subject), subject.name)
    if row is None:
        return [link, sign("not_declared"), "it is newer than the report"]
    why: list[object] = [clean(row.reason, 500)] if row.reason else []
    for name in row.hidden_by:
        why += [" hidden behind ", requirement_link(site, page, name)]
    return [link, el("td", sign(str(row.outcome))), el("td", *why)]


def _case(site: Site, case: Case, requirement: str, page: Page) -> list[object]:
    cells: list[object] = [
        el(
            "th",
            page.link(case_path(case.id), case.title),
            el("br"),
            el("code", case.id, class_="id"),
            scope="row",
        )
    ]
    for subject in site.subjects:
        row = subject.requirements.get(requirement)
        outcomes = (
            [] if row is None else [out for name, out in row.cases if name.partition("[")[0] == case.id]
        )
        worst = Outcome.NOT_DECLARED
        for outcome in (Outcome.PASS, Outcome.NOT_TESTABLE, Outcome.ERROR, Outcome.FAIL):
            worst = outcome if outcome in outcomes else worst
        cells.append(mark(worst, page.to(case_path(case.id), subject.slug)))
    return cells
