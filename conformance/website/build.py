"""The whole site: every page by its path, and its writing into a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from decibill.errors import HarnessError, UsageError
from decibill.report.html.look import style

from website.case_pages import case_index, case_pages
from website.matrix import matrix_page, money_page
from website.page import STYLE
from website.price_page import price_page
from website.prose_pages import chapter_pages
from website.requirement_pages import requirement_index, requirement_pages
from website.subject_pages import subject_pages

if TYPE_CHECKING:
    from website.subjects import Site

__all__ = ["MARKER", "pages", "write"]

MARKER: Final = ".decibill-site"
"""A folder with this file was written by the generator, and may be written again."""


def pages(site: Site) -> Mapping[str, str]:
    """Return path from the root of the site → text.

    Raises:
        HarnessError: two pages have one path.
    """
    found: dict[str, str] = {}
    for path, text in _every(site):
        if path in found:
            raise HarnessError(f"two pages of the site are {path}")
        found[path] = text
    return found


def _every(site: Site) -> Iterator[tuple[str, str]]:
    yield STYLE, f"{style()}\n{(files('website') / 'site.css').read_text(encoding='utf-8')}"
    yield matrix_page(site)
    yield money_page(site)
    for subject in site.subjects:
        yield from subject_pages(site, subject)
    yield case_index(site)
    yield from case_pages(site)
    yield requirement_index(site)
    yield from requirement_pages(site)
    yield price_page(site.catalogues)
    yield from chapter_pages(site)


def write(found: Mapping[str, str], out: Path) -> None:
    """Write the pages into a folder, in place of an older site there.

    Raises:
        UsageError: the folder holds something else, which is not touched.
    """
    if out.exists() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise UsageError(f"{out} holds something that is no site; name another folder")
    for old in sorted(out.rglob("*"), reverse=True):
        if old.is_dir():
            old.rmdir()
        else:
            old.unlink()
    for path, text in found.items():
        file = out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
    (out / MARKER).write_text("written by python -m website\n", encoding="utf-8")
