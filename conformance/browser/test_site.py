"""The site of the published reports in a real browser: to the exchange, by keyboard, on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from website.build import pages, write
from website.subjects import load_site

from browser.accessible import serious

ROOT = Path(__file__).resolve().parents[2]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
WINDOWS: dict[str, dict[str, Any]] = {
    "desktop": {},
    "dark phone": {**PHONE, "color_scheme": "dark"},
}
STREAM = "openai/transcription-4o-stream"
SAMPLE = (
    "index.html",
    "money.html",
    "prices.html",
    "cases/index.html",
    f"cases/{STREAM}.html",
    "cases/pricing/addon-minimum.html",
    "requirements/index.html",
    "requirements/AUB-CHG-c3cf.html",
    "gateways/litellm/index.html",
    "gateways/litellm/GWY.html",
    "calculators/genai-prices/index.html",
    "spec/05-charge.html",
    "spec/providers/openai.html",
)
Visited = Callable[..., Page]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write(pages(load_site(ROOT)), folder)
    return folder


@pytest.fixture
def visited(browser: Browser, site: Path) -> Iterator[Visited]:
    """Open a page of the site; one that asks for anything off the site or complains fails its test."""
    complaints: list[str] = []
    contexts = []
    root = site.as_uri()

    def visit(path: str, **window: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **window})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on(
            "request",
            lambda sent: None if sent.url.startswith((root, "data:")) else complaints.append(sent.url),
        )
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{root}/{path}")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


def test_a_cell_leads_to_its_cases_and_to_the_exchange(visited: Visited) -> None:
    page = visited("index.html")
    page.locator('a[href="gateways/litellm/GWY.html"]').click()
    expect(page.locator("h1")).to_have_text("LiteLLM proxy: Gateway")
    page.locator("section#AUB-GWY-1cf8 a.id", has_text=STREAM).click()
    expect(page.locator(f'[id="{STREAM}"]')).to_be_visible()
    assert page.url.endswith(f"gateways/litellm/report.html#{STREAM}")


def test_a_case_says_who_bills_it_wrong(visited: Visited) -> None:
    page = visited(f"cases/{STREAM}.html")
    row = page.locator("tr", has=page.locator("#litellm"))
    expect(row).to_contain_text("silent zero")
    expect(page.locator("svg.path").first).to_be_visible()


def test_the_first_key_leads_past_the_head(visited: Visited) -> None:
    page = visited("index.html")
    page.keyboard.press("Tab")
    expect(page.locator("a.skip")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")


@pytest.mark.parametrize("path", SAMPLE)
def test_only_tables_scroll_sideways_on_a_phone(visited: Visited, path: str) -> None:
    page = visited(path, **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("window", WINDOWS.values(), ids=list(WINDOWS))
@pytest.mark.parametrize("path", SAMPLE)
def test_axe_finds_nothing_serious(visited: Visited, path: str, window: dict[str, Any]) -> None:
    assert serious(visited(path, **window)) == []
