"""A link of the site that leads nowhere is found, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from website.links import broken, main


@pytest.mark.parametrize(
    "link",
    [
        "b.html",
        "b.html#there",
        "b.html#old",
        "#here",
        "#",
        "#top",
        "folder/c.html",
        "folder/",
        "folder/../b.html",
        "data.json",
        "style.css",
        "https://example.org/x#y",
        "mailto:a@example.org",
        "data:image/png;base64,AA",
        "b%2Ehtml",
    ],
)
def test_a_link_that_leads_somewhere_is_fine(link: str) -> None:
    assert list(broken(site(link))) == []


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("c.html", "leads to c.html, which is not there"),
        ("folder", "leads to folder, which is not there"),
        ("other/", "leads to other/index.html, which is not there"),
        ("b.html#nowhere", "leads to a place that b.html does not have"),
        ("#nowhere", "leads to a place that a.html does not have"),
        ("data.json#x", "leads to a place that data.json does not have"),
        ("/b.html", "does not stay below the root of the site"),
        ("//host/b.html", "does not stay below the root of the site"),
        ("file:///b.html", "does not stay below the root of the site"),
        ("javascript:alert(1)", "does not stay below the root of the site"),
        ("../b.html", "leads to ../b.html, which is not there"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(link: str, problem: str) -> None:
    assert list(broken(site(link))) == [f"a.html: {link} {problem}"]


def test_pictures_and_styles_are_links_too() -> None:
    pages = {"a.html": '<img src="x.png"><link href="y.css" rel="stylesheet">'}
    assert [problem.split()[1] for problem in broken(pages)] == ["x.png", "y.css"]


def test_a_place_that_two_elements_claim_is_named() -> None:
    assert list(broken({"a.html": '<p id="x"></p><p id="x"></p>'})) == ["a.html: 2 elements have the id x"]


def test_the_page_for_what_is_not_there_may_count_from_the_root() -> None:
    assert list(broken({"404.html": '<a href="/b.html">', "b.html": ""})) == []


def test_a_folder_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html">', encoding="utf-8")
    (tmp_path / "b.png").write_bytes(b"\x89PNG\xff")
    assert main([str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert said.err == "a.html: b.html leads to b.html, which is not there\n"
    assert said.out == "1 pages, 1 problem\n"


def test_a_folder_without_a_fault_is_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.html").write_text('<a href="#">', encoding="utf-8")
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 pages, 0 problems\n"


@pytest.mark.parametrize("arguments", [[], ["nowhere"]])
def test_no_folder_is_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "usage: " in capsys.readouterr().err


def site(link: str) -> dict[str, str]:
    """Return a site whose first page has a link."""
    return {
        "a.html": f'<a href="{link}" id="here">x</a>',
        "b.html": '<p id="there"><a name="old"></a>',
        "folder/index.html": "",
        "folder/c.html": "",
        "data.json": "",
        "style.css": "",
    }
