"""The pages of one gateway or calculator: its own, one for each cell of the matrix, and the whole report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from decibill.outcome import Outcome
from decibill.report.badge import render_badge
from decibill.report.counts import counted as in_words
from decibill.report.html.case_part import anchor
from decibill.report.html.causes import causes_of
from decibill.report.html.markup import Html, clean, el
from decibill.report.html.page import render_html
from decibill.report.html.svg_money import money_svg
from decibill.report.html.words import case_class, counted, sign
from decibill.report.markdown import money
from decibill.report.money import sums

from website.marks import counts_of, quoted, tally
from website.page import (
    Page,
    case_link,
    case_path,
    cell_path,
    report_path,
    requirement_link,
    requirement_path,
    subject_path,
    table,
)
from website.prose_pages import readme_part
from website.subjects import AREAS, area_of

if TYPE_CHECKING:
    from decibill.report.html.causes import Cause
    from decibill.report.model import CaseRow, Report, RequirementRow

    from website.subjects import Site, Subject

__all__ = ["subject_pages"]

_EXAMPLES = 3


def subject_pages(site: Site, subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every page of one subject."""
    page = Page(subject_path(subject))
    gateway = subject.report.gateway
    title = f"{gateway.name} {gateway.version}"
    yield page.path, page.render(title, _about(site, subject, page), lead=subject.report.verdict.sentence)
    for area in site.areas:
        cell = Page(cell_path(subject, area))
        yield cell.path, cell.render(f"{gateway.name}: {AREAS[area]}", _cell(site, subject, area, cell))
    whole = Page(report_path(subject))
    yield whole.path, render_html(_linked(site, subject.report), site.corpus, spec_base=f"{whole.to('.')}/")
    yield f"{subject.folder}/badge.json", render_badge(subject.report)
    yield f"{subject.folder}/report.json", subject.file.read_text("utf-8")


def _linked(site: Site, report: Report) -> Report:
    """Return the report with this site's pages of the requirements in place of the specification's files."""
    known = site.specification.requirements
    index = "requirements/index.html"
    rows = (
        replace(row, href=requirement_path(row.id) if row.id in known else index)
        for row in report.requirements
    )
    return replace(report, requirements=tuple(rows))


def _about(site: Site, subject: Subject, page: Page) -> Iterator[Html]:
    report = subject.report
    yield el(
        "ul",
        el("li", page.link(report_path(subject), "The whole report"), ", with every exchange"),
        el("li", page.link(f"{subject.folder}/report.json", "report.json"), ", unmodified"),
        el("li", page.link(f"{subject.folder}/badge.json", "badge.json"), ", as shields.io reads it"),
        class_="plain",
    )
    yield table(
        ["level", "requirements"],
        ([level, in_words(counts)] for level, counts in report.levels.items()),
        caption="Requirements by level",
    )
    yield el("h2", "What it costs")
    if subject.stakes:
        links = {
            row.id: page.to(case_path(row.case)) for row in report.cases if row.case in site.corpus.cases
        }
        yield el("div", money_svg(subject.stakes.values(), links=links), class_="drawn")
        yield el("ul", *(el("li", money(each)) for each in sums(subject.stakes.values())), class_="plain")
    else:
        yield el("p", "No cost was judged: it states none, or none could be compared.")
    yield el("h2", "Why cases fail", id="causes")
    yield from _causes(site, subject, page)
    yield el("h2", "By area of requirements")
    yield table(
        ["area", "requirements"],
        (
            [AREAS[area], tally(_outcomes(subject, area), page.to(cell_path(subject, area)))]
            for area in site.areas
        ),
        caption="Requirements by area",
    )
    yield el("h2", "By kind of call")
    for area in report.areas:
        rows = [
            row for row in report.cases if row.area == area.name and row.outcome is not Outcome.NOT_DECLARED
        ]
        said = counted(len(rows), "case") if rows else "nothing was asked"
        yield el(
            "details",
            el("summary", area.name.replace("_", " "), ": ", said),
            el("ul", *(_case(site, row, subject, page) for row in rows), class_="plain"),
            id=f"kind-{area.name}",
        )
    yield from _declared(report)
    if subject.readme:
        yield el("h2", "The notes published with it")
        yield readme_part(site, subject, page)


def _outcomes(subject: Subject, area: str) -> dict[Outcome, int]:
    rows = [row.outcome for row in subject.report.requirements if area_of(row.id) == area]
    return dict(counts_of(rows))


def _causes(site: Site, subject: Subject, page: Page) -> Iterator[Html]:
    found = causes_of(subject.report, site.corpus.cases, tuple(subject.stakes.values()))
    if not found:
        yield el("p", "Nothing that was judged fails.")
        return
    yield table(
        ["because", "cases", "where", "such as"],
        (
            [
                clean(cause.words, 300),
                el("td", len(cause.rows), class_="number"),
                ", ".join(f"{clean(where, 80)} {number}" for where, number in cause.surfaces.items()),
                _examples(site, cause, subject, page),
            ]
            for cause in found
        ),
        caption="Causes, most cases first",
    )


def _examples(site: Site, cause: Cause, subject: Subject, page: Page) -> Html:
    links = [case_link(site, page, row.case, row.case, subject.slug) for row in cause.rows[:_EXAMPLES]]
    return el("td", *(part for link in links for part in (link, " ")))


def _case(site: Site, row: CaseRow, subject: Subject, page: Page) -> Html:
    link = case_link(site, page, row.case, clean(row.title, 300), subject.slug)
    return el("li", sign(case_class(row)), " ", link, " ", el("code", clean(row.id, 200), class_="id"))


def _declared(report: Report) -> Iterator[Html]:
    yield el("h2", "What is declared, and so judged")
    words = {name: ", ".join(each) for name, each in report.gateway.declared.items() if each}
    yield table(
        ["what", "declared"],
        ([name, clean(each, 2000)] for name, each in words.items()),
        caption="Declared",
    )
    if report.gateway.not_declared:
        yield el(
            "details",
            el("summary", "What cases needed, and is not declared"),
            table(
                ["needed", "cases"],
                ([clean(name, 300), each] for name, each in report.gateway.not_declared.items()),
                caption="Needed, and not declared",
            ),
        )
    if report.notes:
        yield el("ul", *(el("li", clean(note, 1000)) for note in report.notes))


def _cell(site: Site, subject: Subject, area: str, page: Page) -> Iterator[Html]:
    rows = [row for row in subject.report.requirements if area_of(row.id) == area]
    judged = [row for row in rows if row.outcome is not Outcome.NOT_DECLARED]
    rest = [row for row in rows if row.outcome is Outcome.NOT_DECLARED]
    yield el("p", page.link(subject_path(subject), f"All of {subject.name}"))
    order = [Outcome.FAIL, Outcome.ERROR, Outcome.NOT_TESTABLE, Outcome.PASS]
    for row in sorted(judged, key=lambda row: (order.index(row.outcome), row.id)):
        yield _requirement(site, row, subject, page)
    if rest:
        reasons = [
            el("li", requirement_link(site, page, row.id), ": ", clean(row.reason, 500)) for row in rest
        ]
        yield el(
            "details",
            el("summary", f"{counted(len(rest), 'requirement')} not checked"),
            el("ul", *reasons),
            open=not judged,
        )


def _requirement(site: Site, row: RequirementRow, subject: Subject, page: Page) -> Html:
    cases = {each.id: each for each in subject.report.cases}
    listed: dict[bool, list[Html]] = {True: [], False: []}
    for name, outcome in row.cases:
        item = el(
            "li",
            sign(str(outcome)),
            " ",
            case_link(site, page, cases[name].case, clean(cases[name].title, 300), subject.slug),
            " ",
            page.link(report_path(subject), name, fragment=anchor(name), class_="id"),
        )
        listed[outcome is Outcome.PASS].append(item)
    passed = el("ul", *listed[True], class_="plain")
    if listed[False] and listed[True]:
        passed = el("details", el("summary", f"{counted(len(listed[True]), 'case')} passed"), passed)
    hidden = None
    if row.hidden_by:
        links = (part for name in row.hidden_by for part in (" ", requirement_link(site, page, name)))
        hidden = el("p", "Its cases fail, and speak against these in its place:", *links, class_="where")
    return el(
        "section",
        el("h2", sign(str(row.outcome)), " ", requirement_link(site, page, row.id), f" {row.level}"),
        el("blockquote", quoted(row.text)),
        hidden,
        el("ul", *listed[False], class_="plain") if listed[False] else None,
        passed if listed[True] else None,
        class_="requirement",
        id=row.id,
    )
