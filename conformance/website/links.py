"""Every link of a site that stays on it leads somewhere: to a file that there is, and to a place in it.

``python -m website.links FOLDER`` checks any folder of built pages, whatever built them.
"""

from __future__ import annotations

import posixpath
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["broken", "main", "read_folder"]

_REFERENCES: Final = frozenset({"href", "src", "poster", "data", "xlink:href"})
_ELSEWHERE: Final = frozenset({"http", "https", "mailto", "data"})
_TOP: Final = frozenset({"", "top"})
"""Fragments that every page has: its beginning."""

_NOT_FOUND: Final = "404.html"
"""The page that a server shows at any address: its links can only be from the root."""


class _Reader(HTMLParser):
    """What a page links, and what can be linked on it."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in _REFERENCES and value is not None:
                self.links.append(value)
            elif value and (name == "id" or (name == "name" and tag == "a")):
                self.places.append(value)


def broken(pages: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for every link that leads nowhere, and for every place that two elements claim.

    Args:
        pages: path from the root of the site → text; what is no page can be linked, and links nothing.
    """
    read = {path: _read(text) for path, text in pages.items() if path.endswith(".html")}
    places = {path: frozenset(reader.places) | _TOP for path, reader in read.items()}
    for path, reader in read.items():
        yield from (
            f"{path}: {number} elements have the id {name}"
            for name, number in Counter(reader.places).items()
            if number > 1
        )
        for link in dict.fromkeys(reader.links):
            problem = _problem(path, link, pages, places)
            if problem:
                yield f"{path}: {link} {problem}"


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader


def _problem(
    path: str, link: str, pages: Mapping[str, str], places: Mapping[str, frozenset[str]]
) -> str | None:
    parts = urlsplit(link)
    if parts.scheme in _ELSEWHERE:
        return None
    if path == _NOT_FOUND and parts.path.startswith("/"):
        parts = parts._replace(path=parts.path[1:])
    if parts.scheme or parts.netloc or parts.path.startswith("/"):
        return "does not stay below the root of the site"
    target = path
    if parts.path:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path)))
        if parts.path.endswith(("/", "..")) or parts.path == ".":
            target = posixpath.normpath(f"{target}/index.html")
    if target not in pages:
        return f"leads to {target}, which is not there"
    if unquote(parts.fragment) not in places.get(target, _TOP):
        return f"leads to a place that {target} does not have"
    return None


def read_folder(folder: Path) -> Mapping[str, str]:
    """Return the pages in a folder by their path, and every other file as an empty text."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {
        file.relative_to(folder).as_posix(): file.read_text("utf-8") if file.suffix == ".html" else ""
        for file in files
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is wrong with the links in a folder; return 1 if anything is."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) != 1 or not Path(given[0]).is_dir():
        print("usage: python -m website.links FOLDER", file=sys.stderr)  # noqa: T201 - a command line
        return 2
    pages = read_folder(Path(given[0]))
    problems = list(broken(pages))
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201
    checked = sum(path.endswith(".html") for path in pages)
    print(f"{checked} pages, {len(problems)} problem{'' if len(problems) == 1 else 's'}")  # noqa: T201
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
