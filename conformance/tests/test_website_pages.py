"""The pages of the site, made from small reports: what each says, and what a hostile gateway cannot do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from decibill.baseline import Baseline, KnownFailure
from decibill.errors import HarnessError, InvalidFileError, UsageError
from decibill.report.json import render_json
from decibill.report.model import Report
from tests import story
from tests.story import tell
from tests.test_report import STORY
from website import __main__ as command
from website.build import pages, write
from website.links import broken
from website.subjects import Site, load_site, read_subjects

ROOT = Path(__file__).resolve().parents[2]
REAL = "azure/transcription-founding-report"
SOME = ("AUB-CHG-c3cf", "AUB-GWY-3725", "AUB-CNF-a732", "AUB-GWY-888a")
README = """# Title

See [another](../two/README.md), [the spec](../../spec/05-charge.md#leaves), [a file](baseline.json) and
[a page](https://example.org). <script>alert(1)</script>

## What was found
## What was found
"""


@pytest.fixture(scope="module")
def whole() -> Site:
    return load_site(ROOT)


def publish(folder: Path, name: str, report: Report, readme: str = "") -> None:
    """Write a report as it is published."""
    (folder / name).mkdir()
    (folder / name / "report.json").write_text(render_json(report), encoding="utf-8")
    if readme:
        (folder / name / "README.md").write_text(readme, encoding="utf-8")


def small(whole: Site, folder: Path, **changes: str) -> Site:
    """Return a site of what is published in a folder, with one case and a few requirements."""
    cases = {REAL: whole.corpus.cases[REAL]}
    requirements = {name: whole.specification.requirements[name] for name in SOME}
    return replace(
        whole,
        subjects=read_subjects([folder], cases, folder),
        corpus=replace(whole.corpus, cases=cases),
        specification=replace(whole.specification, requirements=requirements),
        **changes,
    )


@pytest.fixture
def site(whole: Site, tmp_path: Path) -> Mapping[str, str]:
    """Return the pages of a site of two gateways: one that fails in every way, and one of another corpus."""
    publish(tmp_path, "one", tell(*STORY, story.right(REAL)), README)
    publish(tmp_path, "two", tell(story.right("openai/a")))
    return pages(small(whole, tmp_path))


def test_every_link_leads_somewhere(site: Mapping[str, str]) -> None:
    assert list(broken(site)) == []


@pytest.mark.parametrize("name", ["one", "two"])
def test_a_gateway_has_its_pages(site: Mapping[str, str], name: str) -> None:
    for page in ("index.html", "report.html", "report.json", "badge.json", "CHG.html", "GWY.html"):
        assert site[f"gateways/{name}/{page}"]


def test_the_matrix_has_gateways_across_and_areas_down(site: Mapping[str, str]) -> None:
    text = site["index.html"]
    assert 'href="gateways/one/index.html"' in text
    assert 'href="gateways/one/CHG.html"' in text
    assert re.search(r"gateways/one/CHG\.html.*?>1 not met</span>", text)
    assert "not conformant</span>" in text
    assert 'href="gateways/two/CHG.html"' in text


def test_a_cell_opens_to_its_cases(site: Mapping[str, str]) -> None:
    text = site["gateways/one/GWY.html"]
    assert "What was not metered is not free" in text
    assert 'href="report.html#' in text


def test_a_case_says_what_each_made_of_it(site: Mapping[str, str]) -> None:
    text = site[f"cases/{REAL}.html"]
    assert "Right cost: <strong>0.003527 USD</strong>" in text
    assert '<th scope="row" id="one">' in text
    assert "1 were not asked" in text
    assert 'href="../../requirements/AUB-CHG-c3cf.html"' in text


def test_a_requirement_says_who_meets_it(site: Mapping[str, str]) -> None:
    text = site["requirements/AUB-CHG-c3cf.html"]
    assert 'href="../spec/05-charge.html#AUB-CHG-c3cf"' in text
    assert 'href="../gateways/one/index.html"' in text
    assert f'href="../cases/{REAL}.html"' in text


def test_a_requirement_that_no_case_proves_says_why(site: Mapping[str, str]) -> None:
    assert "No case proves it. " in site["requirements/AUB-CNF-a732.html"]


def test_all_wrong_costs_stand_on_the_page_of_the_money(whole: Site, tmp_path: Path) -> None:
    publish(tmp_path, "one", tell(story.billed(REAL, "0.0001"), story.silent_zero("openai/d")))
    text = pages(small(whole, tmp_path))["money.html"]
    assert "0.0001 (\u00d70.01173)" in text
    assert "1 case with a wrong cost." in text


def test_a_gateway_that_only_passes_has_no_causes(site: Mapping[str, str]) -> None:
    assert "Nothing that was judged fails." in site["gateways/two/index.html"]


def test_a_verdict_that_a_baseline_makes_is_told_from_one_that_is_earned(whole: Site, tmp_path: Path) -> None:
    known = Baseline("known.json", (KnownFailure("openai/a", "It is so.", "https://example.org/1"),))
    publish(tmp_path, "one", tell(story.at_text_rate("openai/a"), story.right("openai/b"), baseline=known))
    assert "= conformant but for 1 known failure</span>" in pages(small(whole, tmp_path))["index.html"]


class TestNotes:
    """The notes beside a report are Markdown of people, not markup."""

    def test_links_lead_to_pages_of_the_site_or_become_words(self, site: Mapping[str, str]) -> None:
        text = site["gateways/one/index.html"]
        assert '<a href="../two/index.html">another</a>' not in text  # two has no notes
        assert "See another, the spec, a file and" in text.replace("\n", " ")
        assert '<a href="https://example.org">a page</a>' in text

    def test_a_repository_that_is_named_is_linked(self, whole: Site, tmp_path: Path) -> None:
        publish(tmp_path, "one", tell(story.right("openai/a")), README)
        site = pages(small(whole, tmp_path, repository="https://example.org/tree/"))
        assert 'href="https://example.org/tree/one/baseline.json"' in site["gateways/one/index.html"]
        assert list(broken(site)) == []

    def test_markup_in_them_is_text(self, site: Mapping[str, str]) -> None:
        assert "<script>alert" not in site["gateways/one/index.html"]

    def test_headings_can_be_linked_though_they_repeat(self, site: Mapping[str, str]) -> None:
        text = site["gateways/one/index.html"]
        assert 'id="what-was-found"' in text
        assert 'id="what-was-found-1"' in text

    def test_several_reports_may_share_notes(self, tmp_path: Path) -> None:
        (tmp_path / "pair").mkdir()
        for name in ("a", "b"):
            publish(tmp_path / "pair", name, tell(story.right("openai/a")))
        (tmp_path / "pair/README.md").write_text("# Both\n\nA word about both.\n")
        (tmp_path / "README.md").write_text("# All\n\nNot about these.\n")
        found = read_subjects([tmp_path], {}, tmp_path)
        assert [each.readme_file for each in found] == ["pair/README.md", "pair/README.md"]


def test_nothing_that_a_gateway_says_becomes_markup(whole: Site, tmp_path: Path) -> None:
    attack = '"><script>alert(1)</script>\u202e'
    report = tell(*STORY)
    hostile = replace(
        report,
        gateway=replace(report.gateway, name=attack, version=attack),
        notes=(attack,),
        cases=tuple(replace(row, title=attack, reason=attack) for row in report.cases),
    )
    publish(tmp_path, "one", hostile)
    for path, text in pages(small(whole, tmp_path)).items():
        if path.endswith(".html"):
            assert "<script>alert" not in text, path
            assert "\u202e" not in text, path


class TestReports:
    """What is published is read as it is, or refused by name."""

    def test_a_folder_without_a_report_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidFileError, match=r"no folder here holds a report\.json"):
            read_subjects([tmp_path], {}, tmp_path)

    def test_two_reports_of_one_name_are_refused(self, tmp_path: Path) -> None:
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            publish(tmp_path / folder, "one", tell(story.right("openai/a")))
        with pytest.raises(InvalidFileError, match="there is a second report named one"):
            read_subjects([tmp_path], {}, tmp_path)


class TestWriting:
    """A folder that holds something else is not touched."""

    def test_a_site_takes_the_place_of_an_older_one(self, tmp_path: Path) -> None:
        write({"a/b.html": "x"}, tmp_path / "out")
        write({"c.html": "y"}, tmp_path / "out")
        names = sorted(file.name for file in (tmp_path / "out").rglob("*"))
        assert names == [".decibill-site", "c.html"]

    def test_another_folder_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("x")
        with pytest.raises(UsageError, match="holds something that is no site"):
            write({"a.html": "x"}, tmp_path)
        assert (tmp_path / "mine.txt").read_text() == "x"

    def test_two_pages_of_one_path_are_a_mistake(self, whole: Site, tmp_path: Path) -> None:
        publish(tmp_path, "one", tell(story.right("openai/a")))
        site = small(whole, tmp_path)
        with pytest.raises(HarnessError, match=r"two pages of the site are gateways/one"):
            pages(replace(site, subjects=(*site.subjects, *site.subjects)))


class TestCommand:
    """``python -m website``."""

    @pytest.fixture(autouse=True)
    def few(self, whole: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "reports").mkdir()
        publish(tmp_path / "reports", "one", tell(story.right("openai/a")))
        found = small(whole, tmp_path / "reports")
        monkeypatch.setattr(command, "load_site", lambda *_: found)

    def test_it_writes_the_site(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert command.main(["--out", str(tmp_path / "out")]) == 0
        assert (tmp_path / "out/gateways/one/index.html").is_file()
        assert " files, " in capsys.readouterr().out

    def test_a_link_that_leads_nowhere_fails(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(command, "pages", lambda _: {"a.html": '<a href="b.html">'})
        assert command.main(["--out", str(tmp_path / "out")]) == 1
        assert "a.html: b.html leads to" in capsys.readouterr().err

    def test_a_folder_that_cannot_be_written_is_told(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command.main(["--out", str(tmp_path)]) == 2
        assert "website: " in capsys.readouterr().err
