"""Every form of a report is made from one value, and says the same verdict and the same counts."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from decibill.cli.report import report as command
from decibill.errors import UsageError
from decibill.outcome import Outcome
from decibill.report.badge import badge
from decibill.report.html.corpus import load_corpus
from decibill.report.html.page import render_html
from decibill.report.json import render_json, to_json
from decibill.report.junit import render_junit
from decibill.report.markdown import render_markdown, render_outputs
from decibill.report.model import Report
from decibill.report.read import from_json, read_report
from decibill.report.text import render_text
from tests import story
from tests.story import tell
from tests.test_report import FINE, STORY, _known

CORPUS = load_corpus()
CASES = CORPUS.cases
PUBLISHED = Path(__file__).parents[1] / "reports" / "0.1"


@cache
def published(path: Path) -> Report:
    """Return a published report, read once."""
    return read_report(path)


REPORTS = {
    "fine": lambda: tell(*FINE),
    "everything": lambda: tell(*STORY),
    "strict": lambda: tell(story.right("openai/a"), story.other_status("openai/f"), strict=True),
    "known failures": _known,
    "nothing was judged": tell,
    **{
        path.parent.name: lambda path=path: published(path) for path in sorted(PUBLISHED.rglob("report.json"))
    },
}
_LEVELS = r"(MUST|SHOULD|MAY)"


@pytest.fixture(params=REPORTS)
def report(request: pytest.FixtureRequest) -> Report:
    return REPORTS[request.param]()


def of_words(words: str) -> dict[str, int]:
    """Return the counts in words such as ``18 met, 43 not met``."""
    return {word: int(number) for number, _, word in (part.partition(" ") for part in words.split(", "))}


def in_words(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of the JSON as the text words them."""
    names = {
        "pass": "met",
        "fail": "not met",
        "known": "known to fail",
        "error": "in error",
        "not_testable": "not testable",
        "not_declared": "not checked",
    }
    return {word: counts[key] for key, word in names.items() if counts[key] or key in {"pass", "fail"}}


class TestVerdictAndCounts:
    """JSON is the measure of the other forms."""

    def test_of_the_text(self, report: Report) -> None:
        text = render_text(report)
        lines = dict(re.findall(rf"^{_LEVELS} +(.*)$", text, re.MULTILINE))
        counts = to_json(report)["counts"]
        assert {level: of_words(words) for level, words in lines.items()} == {
            level: in_words(values) for level, values in counts.items()
        }
        assert report.verdict.sentence in " ".join(text.split())

    def test_of_the_page(self, report: Report) -> None:
        page = render_html(report, CORPUS)
        rows = dict(re.findall(r'<tr data-level="(\w+)" title="([^"]*)">', page))
        counts = to_json(report)["counts"]
        assert {level: of_words(words) for level, words in rows.items()} == {
            level: in_words(values) for level, values in counts.items()
        }
        assert f'<p class="sentence">{escape(report.verdict.sentence)}</p>' in page

    def test_of_the_junit_file(self, report: Report) -> None:
        root = ElementTree.fromstring(render_junit(report))
        counts = to_json(report)["counts"]
        for suite in root:
            said = {
                each.get("name"): str(each.get("value")) for each in suite.findall("./properties/property")
            }
            assert said["verdict"] == report.verdict.sentence
            assert {level: of_words(said[level]) for level in counts} == {
                level: in_words(values) for level, values in counts.items()
            }

    def test_of_the_cases_of_the_junit_file(self, report: Report) -> None:
        root = ElementTree.fromstring(render_junit(report))
        areas = {
            suite.get("name"): (
                int(suite.get("tests", "")),
                int(suite.get("failures", "")) + int(suite.get("errors", "")),
            )
            for suite in root
        }
        counted = Counter(row["area"] for row in to_json(report)["cases"])
        assert {name: tests for name, (tests, _) in areas.items()} == counted
        bad = Counter(
            row.area
            for row in report.cases
            if row.outcome in {Outcome.FAIL, Outcome.ERROR} and not row.is_known
            if report.verdict.strict or not row.is_recommendation
        )
        assert Counter({name: number for name, (_, number) in areas.items()}) == bad

    def test_of_the_markdown(self, report: Report) -> None:
        text = render_markdown(report, CASES)
        rows = re.findall(
            rf"^\| {_LEVELS} \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE
        )
        counts = to_json(report)["counts"]
        assert {level: [int(each) for each in numbers] for level, *numbers in rows} == {
            level: [
                values["pass"],
                values["fail"],
                values["known"],
                values["error"],
                values["not_declared"] + values["not_testable"],
            ]
            for level, values in counts.items()
        }
        assert text.splitlines()[0].endswith(f": {report.verdict.word}")

    def test_of_the_outputs(self, report: Report) -> None:
        said = dict(line.split("=") for line in render_outputs(report).splitlines())
        must = to_json(report)["counts"].get("MUST", Counter())
        assert said["verdict"] == report.verdict.word
        assert int(said["passed"]) == must["pass"]
        assert int(said["failed"]) == must["fail"] + must["error"]

    def test_of_the_badge(self, report: Report) -> None:
        message = badge(report)["message"]
        must = to_json(report)["counts"].get("MUST", Counter())
        assert message.startswith(report.verdict.word)
        assert re.findall(r": (\d+) of (\d+) MUST", message) == (
            [(str(must["fail"]), str(must["fail"] + must["pass"]))]
            if report.verdict.word == "not conformant"
            else []
        )


class TestBadge:
    """What shields.io reads from an address."""

    def test_a_conformant_gateway_names_what_it_was_judged_by(self) -> None:
        assert badge(tell(*FINE)) == {
            "schemaVersion": 1,
            "label": "audio billing, AUB 0.1",
            "message": "conformant: usage and cost of transcription",
            "color": "brightgreen",
        }

    def test_streams_belong_to_the_claim(self) -> None:
        report = read_report(PUBLISHED / "litellm" / "report.json")
        document = to_json(report)
        document["verdict"]["word"] = "conformant"

        assert badge(from_json(document, "report.json"))["message"] == (
            "conformant: usage and cost of chat + realtime + speech + transcription, "
            "streams of chat + speech + transcription"
        )

    def test_what_is_declared_and_was_not_judged_is_not_claimed(self) -> None:
        document = to_json(tell(*FINE))
        document["gateway"]["declared"]["operations"] = ["sound_generation", "transcription"]

        assert "sound" not in badge(from_json(document, "report.json"))["message"]

    def test_known_failures_are_no_green_badge(self) -> None:
        shown = badge(_known())
        assert shown["message"].startswith("conformant but for 2 known failures: ")
        assert shown["color"] == "yellow"

    def test_a_failure_is_red_whatever_the_address_asks_for(self) -> None:
        shown = badge(tell(*STORY))
        assert (shown["color"], shown["isError"]) == ("red", True)

    def test_no_verdict_is_grey(self) -> None:
        assert badge(tell())["color"] == "lightgrey"

    def test_a_verdict_on_chosen_cases_says_so(self) -> None:
        document = json.loads(render_json(tell(*FINE)))
        document["selection"]["only"] = ["openai/*"]

        shown = badge(from_json(document, "report.json"))
        assert shown["message"].endswith(", 3 chosen cases only")
        assert shown["color"] == "yellow"


class TestCommand:
    """``decibill report FORM REPORT``."""

    @pytest.fixture
    def written(self, tmp_path: Path) -> Path:
        (tmp_path / "report.json").write_text(render_json(tell(*STORY)), encoding="utf-8")
        return tmp_path

    @pytest.mark.parametrize(
        ("arguments", "begin"),
        [
            (["text"], "decibill "),
            (["text", "-v"], "decibill "),
            (["json"], '{\n  "$schema": "urn:decibill:schema:report:0.1"'),
            (["junit"], "<?xml "),
            (["markdown"], "## "),
            (["summary"], "## "),
            (["markdown", "--format", "outputs"], "verdict=not conformant\n"),
            (["badge"], '{\n  "schemaVersion": 1'),
        ],
        ids=" ".join,
    )
    def test_it_prints_the_form(self, written: Path, arguments: list[str], begin: str) -> None:
        for subject in (written, written / "report.json"):
            done = CliRunner().invoke(command, [*arguments, str(subject)], standalone_mode=False)
            assert done.stdout.startswith(begin)
            assert not done.return_value

    def test_json_is_what_the_run_wrote(self, written: Path) -> None:
        done = CliRunner().invoke(command, ["json", str(written)])
        assert done.stdout == (written / "report.json").read_text(encoding="utf-8")

    def test_it_writes_to_a_file(self, written: Path) -> None:
        file = written / "new" / "badge.json"
        done = CliRunner().invoke(command, ["badge", str(written), "--out", str(file)])
        assert done.stdout == ""
        assert json.loads(file.read_text())["schemaVersion"] == 1

    def test_a_place_that_cannot_be_written_is_named(self, written: Path) -> None:
        file = written / "report.json" / "badge.json"
        done = CliRunner().invoke(command, ["badge", str(written), "--out", str(file)], standalone_mode=False)
        assert isinstance(done.exception, UsageError)
        assert "choose another --out" in str(done.exception)
