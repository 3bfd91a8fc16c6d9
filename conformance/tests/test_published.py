"""The page that compares the published reports says what they say, and is current."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from decibill.published import main, read_reports, render

PUBLISHED = Path(__file__).parents[1] / "reports" / "0.1"


def check(name: str, outcome: str, billed: str | None = None, right: str | None = None) -> dict[str, Any]:
    """Return one check of a report."""
    found: dict[str, Any] = {
        "check": name,
        "outcome": outcome,
        "cause": None if outcome == "pass" else "a cause",
    }
    if billed is not None:
        ratio = None if right is None else str(float(billed) / float(right))
        found["money"] = {"billed": billed, "right": right, "ratio": ratio}
    return found


def publish(folder: Path, name: str, cases: dict[str, dict[str, Any]], **requirements: str) -> None:
    """Write a report as far as the page reads it."""
    (folder / name).mkdir()
    report = {
        "gateway": {"name": name.title(), "version": "1.0"},
        "verdict": {"scope": "usage and cost"},
        "requirements": [
            {"id": f"AUB-{key.replace('_', '-')}", "outcome": outcome}
            for key, outcome in requirements.items()
        ],
        "cases": [{"id": case, "checks": [judged]} for case, judged in cases.items()],
    }
    (folder / name / "report.json").write_text(json.dumps(report))


def page(folder: Path) -> list[str]:
    """Return the lines of the page for the reports in a folder."""
    return render(read_reports(folder)).splitlines()


def test_an_area_counts_what_is_met_and_what_is_not(tmp_path: Path) -> None:
    publish(tmp_path, "one", {}, CHG_0001="pass", CHG_0002="fail", CHG_0003="not_testable", GWY_0001="pass")
    assert "| charge | 1 / 1, 1 ? |" in page(tmp_path)
    assert "| gateway | 1 / 0 |" in page(tmp_path)


def test_a_known_failure_is_a_failure(tmp_path: Path) -> None:
    publish(tmp_path, "one", {}, CHG_0001="known")
    assert "| charge | 0 / 1 |" in page(tmp_path)


def test_an_area_that_a_gateway_does_not_declare_is_a_dash(tmp_path: Path) -> None:
    publish(tmp_path, "one", {}, CHG_0001="pass")
    publish(tmp_path, "two", {}, CHG_0001="not_declared")
    assert "| charge | 1 / 0 | - |" in page(tmp_path)
    assert not any(line.startswith("| refund") for line in page(tmp_path))


def test_money_is_shown_beside_who_gets_it_right(tmp_path: Path) -> None:
    publish(tmp_path, "one", {"openai/a": check("cost", "fail", "0.5", "1")})
    publish(tmp_path, "two", {"openai/a": check("cost", "pass")})
    assert "| [openai/a](../../../fixtures/cases/openai/a.json) | 1 | 0.5 (x 0.5) | ok |" in page(tmp_path)


def test_a_silent_zero_stands_out(tmp_path: Path) -> None:
    publish(tmp_path, "one", {"openai/a": check("silent_zero", "known", "0")})
    assert "| [openai/a](../../../fixtures/cases/openai/a.json) | unknown | **0** |" in page(tmp_path)


def test_a_cause_counts_cases(tmp_path: Path) -> None:
    publish(tmp_path, "one", {"a": check("cost", "fail", "2", "1"), "b": check("once", "fail")})
    assert "| a cause | 2 |" in page(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [("{}", "is not a report: 'gateway'"), ("[]", "is not a report"), ("{", "not JSON")],
    ids=["empty", "list", "cut"],
)
def test_what_is_no_report_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, says: str
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "report.json").write_text(content)
    assert main([str(tmp_path)]) == 2
    assert f"one/report.json: {says}" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["a", "b"]], ids=["none", "two"])
def test_one_folder_is_asked_for(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(arguments) == 2
    assert "name one folder" in capsys.readouterr().err


def test_a_folder_without_reports_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "no folder here holds a report.json" in capsys.readouterr().err


def test_the_published_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(PUBLISHED)]) == 0
    assert (PUBLISHED / "README.md").read_text(encoding="utf-8") == capsys.readouterr().out
