"""Markdown of the repository as pages: the chapters of the specification, and the notes on the reports."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from decibill.report.html.markup import Html, el
from markdown_it import MarkdownIt

from website.page import Page, chapter_path, subject_path

if TYPE_CHECKING:
    from markdown_it.token import Token

    from website.subjects import Site, Subject

__all__ = ["chapter_pages", "readme_part"]

_NOT_A_WORD: Final = re.compile(r"[^\w\- ]")
_HEAD: Final = '<th><span class="unseen">what</span></th>'
_TITLE: Final = re.compile(r"\A# (.+)\n")


def chapter_pages(site: Site) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every chapter's page."""
    for name, text in site.chapters.items():
        page = Page(chapter_path(name))
        title = _TITLE.match(text)
        yield (
            page.path,
            page.render(
                title[1] if title else name,
                [_rendered(site, text, page, f"spec/{name}", trusted=True)],
            ),
        )


def readme_part(site: Site, subject: Subject, page: Page) -> Html:
    """Return the notes beside a report, their headings below those of the page."""
    return _rendered(site, subject.readme, page, subject.readme_file, trusted=False)


def _rendered(site: Site, text: str, page: Page, base: str, *, trusted: bool) -> Html:
    """Return Markdown as markup.

    Args:
        site: what can be linked.
        text: the Markdown; its title is left out, since the page has it.
        page: the page that it stands on.
        base: its file, from the root of the repository.
        trusted: whether markup in it is markup: the anchors of requirements are.
    """
    reader = MarkdownIt("commonmark", {"html": trusted}).enable("table")
    tokens = reader.parse(_TITLE.sub("", text))
    _name_headings(tokens)
    for token in tokens:
        _lead_on(token.children or [], site, page, base)
    options: Any = reader.options
    text = reader.renderer.render(tokens, options, {})
    return el("div", Html(text.replace("<th></th>", _HEAD)), class_="prose")


def _lead_on(tokens: Sequence[Token], site: Site, page: Page, base: str) -> None:
    """Lead every link to a page of the site; one that would lead nowhere becomes plain text."""
    dropped = False
    for token in tokens:
        if token.type == "link_open":
            href = _target(site, str(token.attrGet("href")), page, base)
            dropped = href is None
            token.attrSet("href", href or "")
        if dropped and token.type in {"link_open", "link_close"}:
            dropped = token.type == "link_open"
            token.type, token.content = "text", ""  # links never nest


def _name_headings(tokens: Sequence[Token]) -> None:
    """Give every heading the fragment by which files of the repository link it."""
    seen: dict[str, int] = {}
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            words = _NOT_A_WORD.sub("", tokens[index + 1].content.lower()).replace(" ", "-")
            number = seen.get(words, -1) + 1
            seen[words] = number
            token.attrSet("id", f"{words}-{number}" if number else words)


def _target(site: Site, href: str, page: Page, base: str) -> str | None:
    """Return what a link of a file leads to on the site; None where there is nothing to lead to."""
    if href.startswith(("https://", "http://", "#", "mailto:")):
        return href
    path, _, fragment = href.partition("#")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(base), path))
    found = _pages(site).get(path)
    if found is not None:
        return page.to(found, fragment)
    return f"{site.repository}{path}{f'#{fragment}' if fragment else ''}" if site.repository else None


def _pages(site: Site) -> Mapping[str, str]:
    """Return file of the repository → page of the site."""
    pages = {f"spec/{name}": chapter_path(name) for name in site.chapters}
    return pages | {each.readme_file: subject_path(each) for each in reversed(site.subjects)}
