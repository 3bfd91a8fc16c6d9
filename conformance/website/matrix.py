"""The first page, and the money of all: requirement areas down, gateways and calculators across."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from decibill.outcome import Outcome
from decibill.report.causes import causes
from decibill.report.html.markup import Html, clean, el
from decibill.report.html.words import counted
from decibill.report.money import sums

from website.marks import amount, billed, counts_of, tally
from website.page import Page, case_path, cell_path, subject_path, table
from website.subjects import AREAS, area_of

if TYPE_CHECKING:
    from website.subjects import Site, Subject

__all__ = ["matrix_page", "money_page"]

_LEAD = (
    "What gateways and calculators do with calls that carry audio: what they record, and what they bill. "
    "Each was judged by the same cases and the same made-up prices, so no public price list decides a row."
)


def matrix_page(site: Site) -> tuple[str, str]:
    """Return the path and the text of the first page."""
    page = Page("index.html")
    return page.path, page.render("Who bills audio right", _matrix(site, page), lead=_LEAD)


def heads(site: Site, page: Page) -> list[Html]:
    """Return the heads of columns, one for each subject."""
    return [
        el(
            "span",
            page.link(subject_path(each), each.name),
            " ",
            el("span", each.report.gateway.version, class_="version"),
        )
        for each in site.subjects
    ]


def _matrix(site: Site, page: Page) -> Iterator[Html]:
    subjects = site.subjects
    yield table(
        ["", *heads(site, page)],
        [
            ["verdict", *(_verdict(each) for each in subjects)],
            ["judged", *(each.report.verdict.scope for each in subjects)],
            ["on", *(el("td", each.report.started[:10], class_="day") for each in subjects)],
            *([AREAS[area], *(_cell(each, area, page) for each in subjects)] for area in site.areas),
        ],
        caption="Requirements by area",
        class_="grid matrix",
    )
    yield el(
        "p",
        "\u2713 requirements met, \u2717 not met, ? could not be judged: not testable, in error, or hidden ",
        "behind a mistake that is counted already. A dash: nothing of it is declared. ",
        "A cell opens to its cases.",
        class_="where",
    )
    areas = sorted(
        {
            row.area
            for each in subjects
            for row in each.report.cases
            if row.outcome is not Outcome.NOT_DECLARED
        }
    )
    yield table(
        ["", *heads(site, page)],
        ([_spoken(area), *(_operation(each, area, page) for each in subjects)] for area in areas),
        caption="Cases by kind of call",
        class_="grid matrix",
    )
    total: Counter[str] = Counter()
    found = {each.slug: dict(causes(each.report.cases)) for each in subjects}
    for each in found.values():
        total.update(each)
    yield el("h2", "Why", id="why")
    yield table(
        ["cases that fail because", *heads(site, page)],
        (
            [clean(cause, 200), *(_number(found[each.slug].get(cause), each, page) for each in subjects)]
            for cause, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))
        ),
        caption="Causes, most cases first",
    )


def _verdict(subject: Subject) -> Html:
    """Return the verdict; one that a baseline makes is told from one that the subject earns."""
    word = subject.report.verdict.word
    baseline = subject.report.baseline
    if word == "conformant" and baseline is not None and baseline.known:
        words = f"= conformant but for {counted(len(baseline.known), 'known failure')}"
        return el("td", el("span", words, class_="sign known"))
    sign = {"conformant": "\u2713", "not conformant": "\u2717"}.get(word, "?")
    class_ = {"conformant": "pass", "not conformant": "fail"}.get(word, "not_testable")
    return el("td", el("span", f"{sign} {word}", class_=f"sign {class_}"))


def _spoken(area: str) -> str:
    return area.replace("_", " ")


def _cell(subject: Subject, area: str, page: Page) -> Html:
    rows = [row for row in subject.report.requirements if area_of(row.id) == area]
    return tally(counts_of(row.outcome for row in rows), page.to(cell_path(subject, area)))


def _operation(subject: Subject, area: str, page: Page) -> Html:
    rows = [row for row in subject.report.cases if row.area == area]
    return tally(counts_of(row.outcome for row in rows), page.to(subject_path(subject), f"kind-{area}"))


def _number(number: int | None, subject: Subject, page: Page) -> Html:
    if number is None:
        return el("td")
    return el("td", page.link(subject_path(subject), number, fragment="causes"), class_="number")


def money_page(site: Site) -> tuple[str, str]:
    """Return the path and the text of the page of all wrong costs."""
    page = Page("money.html")
    lead = (
        "Every case whose cost at least one of them gets wrong: what was billed, and how many times the "
        "right cost that is. Nothing is shown where a case was not asked or could not be judged."
    )
    return page.path, page.render("The money", _money(site, page), lead=lead)


def _money(site: Site, page: Page) -> Iterator[Html]:
    priced = [each for each in site.subjects if each.stakes]
    columns = [head for head, each in zip(heads(site, page), site.subjects, strict=True) if each.stakes]
    yield table(
        ["", *columns],
        [
            ["costs judged", *(_count(len(each.stakes)) for each in priced)],
            ["of them wrong", *(_count(_wrong(each)) for each in priced)],
            ["billed too little", *(_sums(each, "under") for each in priced)],
            ["billed too much", *(_sums(each, "over") for each in priced)],
            ["billed for what nobody can know", *(_sums(each, "unfounded") for each in priced)],
        ],
        caption="Sums over the corpus: one call of each case, not a month of traffic",
    )
    wrong = [
        name
        for name in site.corpus.cases
        if any((stake := each.stake(name)) is not None and not stake.is_right for each in priced)
    ]
    yield el("p", f"{counted(len(wrong), 'case')} with a wrong cost.", class_="where")
    yield table(
        ["case", "right", *columns],
        (
            [page.link(case_path(name), name), _right(priced, name), *_billed(priced, name, page)]
            for name in wrong
        ),
        caption="Wrong costs, case by case",
    )


def _count(number: int) -> Html:
    return el("td", number, class_="number")


def _wrong(subject: Subject) -> int:
    return sum(not stake.is_right for stake in subject.stakes.values())


def _sums(subject: Subject, name: str) -> Html:
    shown = [
        f"{amount(getattr(each, name))} {each.currency}"
        for each in sums(subject.stakes.values())
        if getattr(each, name)
    ]
    return el("td", ", ".join(shown) or "0", class_="number")


def _right(priced: list[Subject], name: str) -> Html:
    stake = next(found for each in priced if (found := each.stake(name)) is not None)
    currency = "" if stake.right is None or stake.currency == "USD" else f" {stake.currency}"
    return el("td", f"{amount(stake.right)}{currency}", class_="number")


def _billed(priced: list[Subject], name: str, page: Page) -> Iterator[Html]:
    for each in priced:
        yield billed(each.stake(name), page.to(case_path(name), each.slug))
