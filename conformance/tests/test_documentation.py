"""What the documentation shows is what happens: every command of a page is run, in the order of the page."""

from __future__ import annotations

import re
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
"""Pages whose every command is run here; ``test_commands_named.py`` says of all others by what."""
README = ROOT / "README.md"
AT_HOME = ("decibill rate ", "decibill run --gateway ferrogw ")
"""Commands of the README that are run in the checkout; the other ones are what ``nox -s build`` does."""


def named() -> list[Any]:
    return [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES]


@pytest.mark.parametrize("page", named())
def test_the_commands_of_a_page_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    for program in needs(page.read_text(encoding="utf-8")):
        if shutil.which(program) is None:
            pytest.skip(f"the page needs {program}, which is not installed")
    follow(page, tmp_path)


@pytest.mark.parametrize("start", AT_HOME)
def test_the_readme_shows_what_is_printed(start: str, tmp_path: Path) -> None:
    (block,) = re.findall(rf"^```\n(\$ {start}.*?^```)$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    if "ferrogw" in start and shutil.which("ferrogw") is None:
        pytest.skip("ferrogw is not installed")
    page = tmp_path / "page.md"
    page.write_text(f'<!-- run: ln -s "$CHECKOUT/fixtures" fixtures -->\n```console\n{block}\n', "utf-8")
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


DIRECTED = """
<!-- file: a.toml -->
```toml
[one]
x = 1
```

<!-- add to: a.toml -->
```toml
[one]
y = "2"
```

% start: echo started > told; exec sleep 600
% run: until [ -s told ]; do sleep 0.1; done

```console
$ cat a.toml told
"one" = {"x" = 1, "y" = "2"}
started
$ export WORD=kept
$ echo $WORD \\
    and said
kept and said
```

% stop: it
"""


def test_directions_are_followed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(DIRECTED, "utf-8")

    follow(page, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ echo one\ntwo\n```\n",
        "```console\n$ false\n```\n",
        "```console\n$ decibill run --only no/such-case\n…\n```\n",
        "% run: false\n",
        "% jump: high\n",
    ],
    ids=["prints something else", "fails", "ends in wrong usage", "fails out of sight", "no direction"],
)
def test_what_is_not_so_is_found(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, "utf-8")

    with pytest.raises(AssertionError):
        follow(page, tmp_path)
