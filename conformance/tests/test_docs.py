"""What the specification points at exists, and what it quotes from a fixture is what the fixture says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from decibill import jsonio, requirements
from decibill._data import data_directory
from decibill.pointer import resolve

ROOT = data_directory("spec").parent
FIXTURES = data_directory("fixtures")
SPEC = sorted(data_directory("spec").rglob("*.md"))
PAGES = [*SPEC, *sorted(ROOT.glob("*.md")), *sorted(FIXTURES.glob("*.md"))]

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#+\s+(.+?)\s*$", re.MULTILINE)
CASE = re.compile(r"`((?:openai|azure|gemini|elevenlabs|pricing|refund|gateway)/[a-z0-9.-]+)`")
FIXTURE = re.compile(r"`fixtures/([a-z0-9./-]+)`")
JSON_BLOCK = re.compile(r"(?P<lead>[^\n]*)\n\n```json\n(?P<json>.*?)```", re.DOTALL)
QUOTE = re.compile(r"`(?P<source>[a-z0-9./-]+)` at `(?P<pointer>[^`]*)`:$")


def named(paths: list[Path]) -> list[Any]:
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in paths]


def prose(page: Path) -> str:
    """Return the page without code, in which brackets are not links."""
    return CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """Return what a link into the page can name: headings, as they are rendered on the web, and anchors."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = (
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)
    )
    return {*headings, *re.findall(r'<a id="([^"]+)"', text)}


def broken_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(prose(page)):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, fragment = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists():
            yield f"{target}: there is no such file"
        elif fragment and fragment not in anchors(file):
            yield f"{target}: there is no such heading or anchor"


@pytest.mark.parametrize("page", named(PAGES))
def test_every_internal_link_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", named(SPEC))
def test_every_requirement_named_in_the_specification_exists(page: Path) -> None:
    known = requirements.load()
    assert [
        i for i in re.findall(r"AUB-[A-Z]{3}-[0-9a-f]{4}", page.read_text(encoding="utf-8")) if i not in known
    ] == []


@pytest.mark.parametrize("page", named(SPEC))
def test_every_case_named_in_the_specification_exists(page: Path) -> None:
    names = CASE.findall(page.read_text(encoding="utf-8"))
    assert [name for name in names if not (FIXTURES / "cases" / f"{name}.json").is_file()] == []


@pytest.mark.parametrize("page", named(SPEC))
def test_every_fixture_named_in_the_specification_exists(page: Path) -> None:
    names = FIXTURE.findall(page.read_text(encoding="utf-8"))
    assert [name for name in names if not (FIXTURES / name).exists()] == []


def quoted() -> list[Any]:
    return [
        pytest.param(block["lead"], block["json"], id=f"{page.stem}-{number}")
        for page in SPEC
        for number, block in enumerate(JSON_BLOCK.finditer(page.read_text(encoding="utf-8")), 1)
    ]


@pytest.mark.parametrize(("lead", "text"), quoted())
def test_json_in_the_specification_is_what_its_fixture_says(lead: str, text: str) -> None:
    claim = QUOTE.search(lead)
    assert claim, f"say before the block where it is from: `openai/x` at `/then/usage`: (found {lead!r})"
    source = claim["source"].removeprefix("fixtures/")
    file = FIXTURES / source if source.endswith(".json") else FIXTURES / "cases" / f"{source}.json"
    assert jsonio.loads(text, "the quotation") == resolve(jsonio.load_file(file), claim["pointer"])


def test_every_chapter_opens_with_a_worked_example_from_a_fixture() -> None:
    for page in SPEC:
        if page.name == "README.md":
            continue
        opening = page.read_text(encoding="utf-8").split("\n## ")[1]
        assert opening.startswith("A worked example"), page.name
        assert CASE.search(opening) or FIXTURE.search(opening), f"{page.name}: the example names no fixture"


def test_the_index_names_every_chapter_and_provider_page() -> None:
    index = (data_directory("spec") / "README.md").read_text(encoding="utf-8")
    pages = [page.relative_to(data_directory("spec")).as_posix() for page in SPEC if page.name != "README.md"]
    assert [page for page in pages if f"]({page})" not in index] == []
