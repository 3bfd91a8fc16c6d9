"""Text gets into a page in one way: escaped, without what steers or hides, and not too long."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from decibill.report.html.look import document, script, standalone, style
from decibill.report.html.markup import Html, clean, el, joined
from tests.page_reader import read


def test_text_is_escaped_in_elements_and_in_attributes() -> None:
    made = el("p", '<script>alert("1")</script>', title='" onclick="x')

    assert made == ('<p title="&quot; onclick=&quot;x">&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;</p>')


def test_markup_stays_markup_in_markup() -> None:
    assert el("p", el("b", "1 < 2"), [" and ", el("i", "3")]) == "<p><b>1 &lt; 2</b> and <i>3</i></p>"


def test_what_is_none_is_nothing() -> None:
    assert el("p", None, 0, title=None, hidden=False) == "<p>0</p>"


def test_an_attribute_without_value_and_names_that_python_reserves() -> None:
    assert el("input", class_="a", data_x="1", hidden=True) == '<input class="a" data-x="1" hidden>'


def test_a_generator_is_its_children() -> None:
    assert el("p", (el("b", number) for number in (1, 2))) == "<p><b>1</b><b>2</b></p>"


def test_children_can_have_something_between_them() -> None:
    assert joined(["a", None, Html("<b>")], ", ") == "a, <b>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a\u2400b"),
        ("a\x1b[31m", "a\u241b[31m"),
        ("a\x7fb", "a\u27e8U+007F\u27e9b"),
        ("\u202egnp.exe", "\u27e8U+202E\u27e9gnp.exe"),
        ("a\ud800b", "a\u27e8U+D800\u27e9b"),
        ("line\n\tline", "line\n\tline"),
        ("grün \u05d0\u05d1 音", "grün \u05d0\u05d1 音"),
    ],
    ids=["nul", "escape", "delete", "right-to-left override", "half a character", "line ends", "scripts"],
)
def test_what_steers_or_hides_is_shown_by_its_number(text: str, shown: str) -> None:
    assert clean(text) == shown
    clean(text).encode()


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    assert clean("x" * 30, 10) == "x" * 10 + "[and 20 more characters]"
    assert len(el("p", "x" * 1_000_000)) < 21_000


class TestDocument:
    def test_loads_nothing_and_runs_what_it_has_alone(self) -> None:
        page = document("a < b", el("p", "text"), script_text=script())
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)

        assert policy is not None
        rules = dict(part.strip().partition(" ")[::2] for part in policy[1].split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["base-uri"] == rules["form-action"] == "'none'"
        assert rules["script-src"] == f"'{_digest(script())}'"
        assert rules["style-src"] == f"'{_digest(style())}'"
        assert "<title>a &lt; b</title>" in page

    def test_runs_nothing_where_it_has_no_script(self) -> None:
        page = document("title", el("p", "text"), style_text="p{color:red}")

        assert "script-src 'none'" in page
        assert f"style-src '{_digest('p{color:red}')}'" in page
        assert read(page).all("script") == []

    def test_its_script_and_style_cannot_end_early(self) -> None:
        assert "</" not in script()
        assert "</" not in style()


def test_a_picture_alone_brings_its_colours() -> None:
    alone = standalone(el("svg", el("path", d="M0 0"), viewBox="0 0 1 1"))

    assert alone.startswith('<svg viewBox="0 0 1 1"><style>')
    assert "prefers-color-scheme: dark" in alone
    assert alone.endswith("</svg>\n")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
