"""Debian's Chromium, and the pages that it is shown. ``nox -s browser`` brings what these tests need."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from decibill.report.html.corpus import Corpus, load_corpus
from playwright.sync_api import Browser, Page, sync_playwright

from browser.pages import hostile_page, many_failures, published_page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """Return the program: the one that ``CHROMIUM`` names, or the one on the path."""
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no chromium; Debian and Ubuntu have it as a package, or CHROMIUM names another")
    # a process of root has no sandbox to go into
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return load_corpus()


@pytest.fixture(scope="session")
def files(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages by name: ``litellm``, ``hostile`` and ``many`` (five hundred failures)."""
    folder = tmp_path_factory.mktemp("pages")
    pages = {
        "litellm": published_page("litellm", corpus),
        "hostile": hostile_page(corpus),
        "many": many_failures(500, corpus),
    }
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8", newline="\n")
    return {name: folder / f"{name}.html" for name in pages}


Opened = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, files: dict[str, Path]) -> Iterator[Opened]:
    """Open a page: its name, what stands after ``#``, and what makes the window another one.

    A page that asks for anything but itself, says anything to the console or opens a dialog fails its test.
    """
    complaints: list[str] = []
    contexts = []

    def open_(name: str = "litellm", fragment: str = "", **window: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **window})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        address = files[name].as_uri()
        page.on(
            "request",
            lambda request: (
                complaints.append(request.url) if request.url.partition("#")[0] != address else None
            ),
        )
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.goto(f"{address}#{fragment}" if fragment else address)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
