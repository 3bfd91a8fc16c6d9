"""What the documentation shows is what happens: every command of a page is run, in the order of the page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.shown import ANYTHING, ROOT, follow, needs, pattern

DOCS = ROOT / "docs"
PAGES = [
    *sorted(DOCS.glob("tutorials/*.md")),
    *sorted(DOCS.glob("explanation/*.md")),
    *sorted(DOCS.glob("how-to/add-*.md")),
    ROOT / "conformance/OBSERVATIONS.md",
]
"""Pages whose every command is run here; ``TRIED_BY`` says of all others by what."""


def named() -> list[Any]:
    return [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES]


@pytest.mark.parametrize("page", named())
def test_the_commands_of_a_page_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    for program in needs(page.read_text(encoding="utf-8")):
        if shutil.which(program) is None:
            pytest.skip(f"the page needs {program}, which is not installed")
    follow(page, tmp_path)


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        (("one", ANYTHING, "four"), "one\ntwo\nthree\nfour\n"),
        (("port …",), "port 8471\n"),
        ((ANYTHING,), ""),
    ],
)
def test_an_ellipsis_stands_for_what_differs(printed: tuple[str, ...], found: str) -> None:
    assert pattern(printed).fullmatch(found)


def test_anything_else_has_to_be_as_shown() -> None:
    assert not pattern(("one", ANYTHING)).fullmatch("two\nthree\n")
