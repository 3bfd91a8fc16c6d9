"""The Markdown of a report says verdict and counts, and nothing that a gateway says becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from decibill import jsonio
from decibill.cases import load_cases
from decibill.cli.report import report as command
from decibill.errors import InvalidFileError
from decibill.report.markdown import render_markdown, render_outputs
from decibill.report.model import Spread, Timing
from decibill.report.read import from_json, read_report

CASES = {case.id: case for case in load_cases()}
PUBLISHED = Path(__file__).parents[1] / "reports" / "0.1" / "ferrogw" / "report.json"


@pytest.fixture
def document() -> Any:
    report = jsonio.load_file(PUBLISHED)
    report["verdict"]["word"] = "not conformant"
    row = {"outcome": "fail", "cases": [{"id": "a/b", "outcome": "fail"}]}
    known = {"entries": [], "all": False}
    report["requirements"] = [{**report["requirements"][0], **row, "known": known}]
    return report


def summary(document: Any) -> str:
    return render_markdown(from_json(document, "report.json"), CASES)


def outputs(document: Any) -> str:
    return render_outputs(from_json(document, "report.json"))


def test_it_states_the_verdict_and_every_level() -> None:
    document = jsonio.load_file(PUBLISHED)

    lines = summary(document).splitlines()

    assert lines[0].endswith(": not conformant")
    must = document["counts"]["MUST"]
    not_checked = must["not_declared"] + must["not_testable"]
    counts = (must["pass"], must["fail"], must["known"], must["error"], not_checked)
    assert f"| MUST | {' | '.join(map(str, counts))} |" in lines


def test_it_names_twenty_requirements_that_are_not_met_and_counts_the_rest(document: Any) -> None:
    row = next(each for each in document["requirements"] if each["outcome"] == "fail")
    document["requirements"] = [row] * 23

    text = summary(document)

    assert text.count(row["id"].replace("-", "\\-")) == 20
    assert "3 more are in the report." in text


def test_a_requirement_that_the_baseline_has_is_not_named(document: Any) -> None:
    document["requirements"][0]["known"] = {"entries": [], "all": True}

    assert "| not met | level |" not in summary(document)


def test_a_conformant_gateway_has_no_table_of_failures(document: Any) -> None:
    document["requirements"] = []

    assert "| not met | level |" not in summary(document)


@pytest.mark.parametrize(
    "attack",
    [
        "<img src=x>",
        "[x](https://evil.example)",
        "a | b | c",
        "`code`",
        "x\n## y",
        "https://evil.example",
        "\x1b[31m",
        "@you",
    ],
)
def test_what_a_gateway_says_stays_text(document: Any, attack: str) -> None:
    document["gateway"]["name"] = attack

    first, second, *_ = summary(document).splitlines()

    shown = first.removeprefix("## ").removesuffix(": not conformant")
    assert second == ""
    assert not {"<", "\x1b"} & set(shown)
    assert re.search(r"(?<!\\)[\[\](`|:@#]", shown) is None


def test_it_says_what_is_at_stake_and_why() -> None:
    text = summary(jsonio.load_file(PUBLISHED))

    assert re.search(r"\nBilled [\d.]+ USD where [\d.]+ is right\\: [\d.]+ too little, ", text)
    assert re.search(r"\n\* \d+ cases: \w", text)
    assert re.search(r"\n\* and \d+ more causes\n", text)


def test_outputs_are_one_line_each() -> None:
    document = jsonio.load_file(PUBLISHED)
    must = document["counts"]["MUST"]

    assert outputs(document).splitlines() == [
        "verdict=not conformant",
        f"passed={must['pass']}",
        f"failed={must['fail'] + must['error']}",
        f"not-checked={must['not_declared'] + must['not_testable']}",
    ]


def test_it_says_what_the_run_took_where_that_is_known() -> None:
    report = read_report(PUBLISHED)
    spread = Spread(median=2100, p95=4000)
    timed = replace(report, timing=Timing(10, 2, 3_900_000, spread, spread))

    assert re.search(r"\d+ cases\n$", render_markdown(replace(report, timing=None), CASES))
    assert ", 3.9 s; a case 2.1 ms of decibill and 2.1 ms of the gateway" in render_markdown(timed, CASES)


@pytest.mark.parametrize("name", ["markdown", "summary"])
def test_the_command_prints_either(name: str) -> None:
    run = CliRunner().invoke

    assert run(command, [name, str(PUBLISHED)]).stdout.startswith("## ")
    assert run(command, [name, "--format", "outputs", str(PUBLISHED)]).stdout.startswith("verdict=")


def test_a_file_that_is_no_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")

    done = CliRunner().invoke(command, ["summary", str(tmp_path / "x.json")], standalone_mode=False)

    assert isinstance(done.exception, InvalidFileError)
