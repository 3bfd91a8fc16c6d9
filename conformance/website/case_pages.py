"""The pages of the cases: what comes in, what is right and why, and what each gateway made of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from decibill import jsonio
from decibill.case import ExchangeCase
from decibill.judge_call import plain
from decibill.outcome import Outcome, worse
from decibill.report.html.case_part import anchor
from decibill.report.html.deciding import lines_of_json
from decibill.report.html.exchange import answer_lines, listing
from decibill.report.html.markup import Html, clean, el, joined
from decibill.report.html.svg_path import path_svg
from decibill.report.html.words import case_class, sign

from website.marks import amount, mark, quoted
from website.matrix import heads
from website.page import Page, case_path, report_path, requirement_link, subject_path, table

if TYPE_CHECKING:
    from decibill.case import Case
    from decibill.outcome import CheckResult
    from decibill.report.model import CaseRow

    from website.subjects import Site, Subject

__all__ = ["case_index", "case_pages"]

_LONGEST = 6000
_PROVIDERS = {"azure": "Azure", "elevenlabs": "ElevenLabs", "gemini": "Gemini", "openai": "OpenAI"}


def case_index(site: Site) -> tuple[str, str]:
    """Return the path and the text of the list of all cases."""
    page = Page("cases/index.html")
    areas: dict[str, list[Case]] = {}
    for case in site.corpus.cases.values():
        areas.setdefault(case.area, []).append(case)
    body = [
        el("p", *(part for area in sorted(areas) for part in (el("a", _spoken(area), href=f"#{area}"), " "))),
        *(_of_area(site, area, areas[area], page) for area in sorted(areas)),
    ]
    lead = f"{len(site.corpus.cases)} cases, each with its right answer, worked out by hand from its source."
    return page.path, page.render("The cases", body, lead=lead)


def _spoken(area: str) -> str:
    return area.replace("_", " ").capitalize()


def _of_area(site: Site, area: str, cases: list[Case], page: Page) -> Html:
    rows = (
        [
            el(
                "th",
                page.link(case_path(case.id), case.title),
                el("br"),
                el("code", case.id, class_="id"),
                scope="row",
            ),
            *(mark(each.outcome(case.id), page.to(case_path(case.id), each.slug)) for each in site.subjects),
        ]
        for case in cases
    )
    return el(
        "section",
        el("h2", _spoken(area), id=area),
        table(["case", *heads(site, page)], rows, caption=f"Cases: {_spoken(area)}"),
    )


def case_pages(site: Site) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every case's page."""
    for case in site.corpus.cases.values():
        page = Page(case_path(case.id))
        yield page.path, page.render(case.title, _case(site, case, page), lead=el("code", case.id))


def _case(site: Site, case: Case, page: Page) -> Iterator[Html]:
    yield el("div", path_svg(case), class_="drawn")
    yield from _given(site, case)
    yield el("h2", "What is right, and why")
    yield el("p", case.why, class_="why")
    yield from _right(case)
    yield el("h2", "What they do")
    rows = [row for each in site.subjects for row in _answers(each, case, page)]
    if rows:
        yield table(["", "outcome", "billed", "right", "ratio", "because"], rows, caption="Answers")
    yield from _not_asked(site, case, page)
    yield el("h2", "What it proves")
    yield el("ul", *(_proven(site, name, page) for name in sorted(case.proves)))
    yield el("h2", "Where it comes from")
    yield from _source(case)
    document = clean(jsonio.dumps(case.document), 2 * _LONGEST)
    yield el(
        "details", el("summary", "The case as it is written"), el("pre", el("code", document), tabindex=0)
    )


def _given(site: Site, case: Case) -> Iterator[Html]:
    """Yield what the case starts from, with the members that decide marked."""
    if isinstance(case, ExchangeCase):
        yield el("h2", f"What {_PROVIDERS.get(case.provider, case.provider)} answers")
        yield listing(answer_lines(case.exchange, site.corpus))
    else:
        yield el("h2", "What is given")
        given = case.document["given"]
        yield listing(lines_of_json({key: given[key] for key in given if key != "prices"}))


def _right(case: Case) -> Iterator[Html]:
    if case.error is not None:
        yield el("p", "Right is a refusal: ", el("code", case.error.code), ".")
    charge = case.charge
    if charge is None:
        return
    total = "unknown" if charge.total is None else f"{plain(charge.total)} {charge.currency or ''}"
    yield el("p", "Right cost: ", el("strong", total.strip()), f", status {charge.status}.")
    if charge.lines:
        yield table(
            ["quantity", "model", "billed", "amount", "per", "times", "subtotal"],
            (
                [
                    line.addon or line.quantity,
                    line.model,
                    *(
                        _number(each)
                        for each in (line.billed, line.amount, line.per, line.multiplier, line.subtotal)
                    ),
                ]
                for line in charge.lines
            ),
            caption="Lines of the right charge",
        )


def _number(number: Any) -> Html:
    return el("td", plain(number), class_="number")


def _answers(subject: Subject, case: Case, page: Page) -> Iterator[list[object]]:
    asked = [row for row in subject.rows.get(case.id, ()) if row.outcome is not Outcome.NOT_DECLARED]
    for index, row in enumerate(asked):
        stake = subject.stakes.get(row.id)
        link = page.link(subject_path(subject), subject.name)
        dialect = f", {row.dialect}" if row.dialect and len(asked) > 1 else ""
        in_report = page.link(report_path(subject), "in the report", fragment=anchor(row.id), class_="id")
        name = el("th", link, dialect, " ", in_report, scope="row", id=subject.slug if index == 0 else None)
        ratio = None if stake is None else stake.ratio
        yield [
            name,
            el("td", sign(case_class(row))),
            el("td", "" if stake is None else amount(stake.billed), class_="number"),
            el("td", "" if stake is None else amount(stake.right), class_="number"),
            el("td", "" if ratio is None else f"\u00d7{plain(ratio)}", class_="number"),
            clean(_because(row), 600),
        ]


def _because(row: CaseRow) -> str:
    """Return why a case did not pass, in the words of its worst check."""
    flaws = [check for check in row.checks if check.outcome not in {Outcome.PASS, Outcome.NOT_DECLARED}]
    worst: CheckResult | None = None
    for check in flaws:
        if worst is None or worse(check.outcome, worst.outcome) or check.check in {"cost", "silent_zero"}:
            worst = check
    return "" if worst is None else worst.because


def _not_asked(site: Site, case: Case, page: Page) -> Iterator[Html]:
    items: list[Html] = []
    for each in site.subjects:
        if each.outcome(case.id) is Outcome.NOT_DECLARED:
            reason = next((row.reason for row in each.rows.get(case.id, ()) if row.reason), "")
            needs = f": it would need {clean(reason, 200)}" if reason else ""
            items.append(el("li", page.link(subject_path(each), each.name), needs, id=each.slug))
    if items:
        yield el("details", el("summary", f"{len(items)} were not asked"), el("ul", *items))


def _proven(site: Site, name: str, page: Page) -> Html:
    requirement = site.specification.requirements.get(name)
    words = "" if requirement is None else joined([f" {requirement.level}: ", quoted(requirement.text)])
    return el("li", requirement_link(site, page, name), words)


def _source(case: Case) -> Iterator[Html]:
    source = case.source
    link = (
        el("a", source.url, href=source.url, rel="nofollow")
        if source.url.startswith("https://")
        else source.url
    )
    changed = f" {source.changed}" if source.changed else ""
    yield el("p", f"{source.kind.capitalize()}, read {source.read}: ", link, ".", changed)
    if case.flags:
        yield el("p", "Public bugs that it would have caught:")
        yield el(
            "ul",
            *(
                el("li", el("a", flag.bug, href=flag.bug, rel="nofollow"), f": {flag.effect}")
                for flag in case.flags
            ),
        )
    features = ", ".join(case.features)
    yield el(
        "p",
        f"Features: {features}. Since {case.since}." if features else f"Since {case.since}.",
        class_="where",
    )
