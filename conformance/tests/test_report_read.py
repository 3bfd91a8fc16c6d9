"""A report that was read from report.json is the report that was written, in every form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from decibill import jsonio
from decibill.errors import InvalidFileError
from decibill.report.json import render_json, to_json
from decibill.report.junit import render_junit
from decibill.report.model import Report, Spread, Timing
from decibill.report.read import from_json, read_report
from decibill.report.text import render_text
from tests import story
from tests.story import tell
from tests.test_report import STORY, _known

PUBLISHED = sorted((Path(__file__).parents[1] / "reports").rglob("report.json"))
TIMING = Timing(
    cases=2, at_once=1, run_us=3_900_000, overhead_us=Spread(2100, 6000), gateway_us=Spread(3000, 9000)
)
REPORTS = {
    "everything": lambda: tell(*STORY),
    "strict": lambda: tell(story.right("openai/a"), story.other_status("openai/f"), strict=True),
    "known failures": _known,
    "nothing": tell,
    "timed": lambda: replace(tell(story.right("openai/a")), timing=TIMING),
}


def again(report: Report) -> Report:
    """Return the report that was written and read."""
    return from_json(jsonio.loads(render_json(report), "report.json"), "report.json")


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_that_was_read_reads_the_same_in_every_form(name: str) -> None:
    report = REPORTS[name]()

    read = again(report)

    assert render_json(read) == render_json(report)
    assert render_junit(read) == render_junit(report)
    assert render_text(read) == render_text(report)
    assert render_text(read, verbose=True) == render_text(report, verbose=True)
    assert (read.levels, read.areas, read.verdict) == (report.levels, report.areas, report.verdict)


def test_what_a_run_took_is_said_and_read_again() -> None:
    report = REPORTS["timed"]()

    assert again(report).timing == TIMING
    assert again(tell(story.right("openai/a"))).timing is None
    said = " ".join(render_text(report).split())
    assert "took 3.9 s; a case 2.1 ms of decibill and 3.0 ms of the gateway (medians of 2 cases)" in said


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_every_published_report_is_read_whole(path: Path) -> None:
    assert to_json(read_report(path)) == jsonio.load_file(path)


@pytest.mark.parametrize("text", ["{}", "[]", "3", "not JSON"])
def test_what_is_no_report_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)

    with pytest.raises(InvalidFileError, match=r"x\.json"):
        read_report(tmp_path / "x.json")


def test_a_requirement_that_no_run_can_show_stays_one() -> None:
    document = json.loads(render_json(tell(story.right("openai/a"))))

    assert [row["id"] for row in document["requirements"] if row.get("excluded")] == ["AUB-CNF-a732"]
    rows = from_json(document, "report.json").requirements
    assert [row.id for row in rows if row.is_excluded] == ["AUB-CNF-a732"]
