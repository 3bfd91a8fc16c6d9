"""A page of the site: where it stands, how others are linked from it, and what stands around its content."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from decibill import SPEC_VERSION, __version__
from decibill.report.html.markup import Html, clean, el, joined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from website.subjects import Site, Subject

__all__ = [
    "PARTS",
    "Page",
    "case_link",
    "case_path",
    "cell_path",
    "chapter_path",
    "report_path",
    "requirement_link",
    "requirement_path",
    "subject_path",
    "table",
]

STYLE: Final = "style.css"
PARTS: Final = {
    "index.html": "Matrix",
    "money.html": "Money",
    "cases/index.html": "Cases",
    "requirements/index.html": "Requirements",
    "prices.html": "Prices",
    "spec/README.html": "Specification",
}
"""What the head of every page leads to."""

_POLICY: Final = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'none'"
)
"""No page runs a script."""


def case_path(case: str) -> str:
    """Return the page of a case."""
    return f"cases/{case}.html"


def requirement_path(requirement: str) -> str:
    """Return the page of a requirement."""
    return f"requirements/{requirement}.html"


def subject_path(subject: Subject) -> str:
    """Return the page of a gateway or calculator."""
    return f"{subject.folder}/index.html"


def cell_path(subject: Subject, area: str) -> str:
    """Return the page of one cell of the matrix."""
    return f"{subject.folder}/{area}.html"


def report_path(subject: Subject) -> str:
    """Return the whole report of a gateway or calculator."""
    return f"{subject.folder}/report.html"


def chapter_path(name: str) -> str:
    """Return the page of a chapter of the specification, by its path from ``spec/``."""
    return f"spec/{name.removesuffix('.md')}.html"


@dataclass(frozen=True, slots=True)
class Page:
    """One page, by its path from the root of the site."""

    path: str

    def to(self, path: str, fragment: str = "") -> str:
        """Return the address of another page as this one names it."""
        address = posixpath.relpath(path, posixpath.dirname(self.path) or ".")
        return f"{address}#{fragment}" if fragment else address

    def link(self, path: str, words: object, *, fragment: str = "", class_: str | None = None) -> Html:
        """Return a link to another page."""
        return el("a", words, href=self.to(path, fragment), class_=class_)

    def render(self, title: str, body: Iterable[object], *, lead: object = None) -> str:
        """Return the whole page.

        Args:
            title: its heading.
            body: what stands below that.
            lead: the first sentence, if any.
        """
        head = el(
            "head",
            el("meta", charset="utf-8"),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("meta", name="color-scheme", content="light dark"),
            el("meta", name="referrer", content="no-referrer"),
            el("title", f"{clean(title, 200)} - decibill"),
            el("link", rel="stylesheet", href=self.to(STYLE)),
            el("link", rel="icon", href="data:,"),
        )
        top = el(
            "header",
            el("a", "Skip to the content", href="#content", class_="skip"),
            el(
                "nav",
                el("strong", "decibill"),
                *(
                    el("a", words, href=self.to(path), aria_current="page" if path == self.path else None)
                    for path, words in PARTS.items()
                ),
                class_="site",
                aria_label="Site",
            ),
        )
        main = el(
            "main",
            el("h1", clean(title, 300)),
            None if lead is None else el("p", lead, class_="lead"),
            joined(body),
            id="content",
        )
        made = f"Made by decibill {__version__} from the published reports, spec {SPEC_VERSION}."
        foot = el("footer", el("p", made, class_="where"), class_="site")
        return f"<!doctype html>\n{el('html', head, el('body', top, main, foot), lang='en')}\n"


def case_link(site: Site, page: Page, case: str, words: object, fragment: str = "") -> Html:
    """Return a link to the page of a case; plain words for one that the corpus no longer has."""
    if case not in site.corpus.cases:
        return el("span", words)
    return page.link(case_path(case), words, fragment=fragment)


def requirement_link(site: Site, page: Page, name: str) -> Html:
    """Return a link to the page of a requirement; plain words for one that the specification lacks."""
    if name not in site.specification.requirements:
        return el("span", name)
    return page.link(requirement_path(name), name)


def table(
    heads: Iterable[object], rows: Iterable[Iterable[object]], *, caption: str, class_: str = "grid"
) -> Html:
    """Return a table that scrolls by itself where the screen is narrow; the first cell names its row.

    Args:
        heads: the heads of the columns; one without words gets some for those who do not see the table.
        rows: the cells.
        caption: what it shows; on a page no two tables have the same.
        class_: how it looks.
    """
    named = (el("span", "what", class_="unseen") if head == "" else head for head in heads)
    lines = [el("tr", *(_cell(cell, first=index == 0) for index, cell in enumerate(row))) for row in rows]
    return el(
        "div",
        el(
            "table",
            el("caption", caption),
            el("thead", el("tr", *(el("th", head, scope="col") for head in named))),
            el("tbody", lines),
            class_=class_,
        ),
        class_="wide",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def _cell(cell: object, *, first: bool) -> Html:
    if isinstance(cell, Html) and cell.startswith(("<td", "<th")):
        return cell
    return el("th", cell, scope="row") if first else el("td", cell)
