"""Calls measured by hand against what a report says of them; and the published comparison is current."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from decibill import jsonio, rows, schemas
from decibill.baseline import load_baseline
from decibill.cases import load_cases
from decibill.errors import InvalidFileError
from decibill.rows import Judged, Measured, Row, read_judged, read_measured, render
from decibill.specification import load_specification

PUBLISHED = Path(__file__).parents[1] / "reports" / "0.1" / "litellm"


def row(name: str = "T1", **changes: Any) -> Row:
    facts = {"says": "a call", "right": "0.2", "answered": "0.2", "verdict": "ok", "case": "a/b", **changes}
    return Row(name, **facts)


def measured(*several: Row) -> Measured:
    return Measured("gw", "1.0", "2026-11-21", several)


def compared(one: Row, outcome: str, *failing: str) -> str:
    return render(measured(one), {"a/b": Judged(outcome, frozenset(failing))}, "1.1")


# reading


def written(folder: Path, text: str) -> Path:
    path = folder / "rows.toml"
    path.write_text(text, "utf-8")
    return path


HEAD = 'gateway = "gw"\nversion = "1.0"\nmeasured = "2026-11-21"\n'
ONE = '[[row]]\nid = "T1"\nsays = "a call"\nright = "0.2"\nanswered = "0.1"\nverdict = "wrong"\n'


def test_a_row_is_read_with_what_is_expected_of_its_case(tmp_path: Path) -> None:
    path = written(tmp_path, f'{HEAD}{ONE}case = "a/b"\noutcome = "fail"\nby = ["cost"]\nnote = "so"\n')
    assert read_measured(path) == measured(
        row(answered="0.1", verdict="wrong", outcome="fail", by=("cost",), note="so")
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD, "at least one"),
        (f'{ONE}case = "a/b"\n', "needs gateway"),
        (f"{HEAD}{ONE}", "one of case, waits_for and reason"),
        (f'{HEAD}{ONE}case = "a/b"\nreason = "none"\n', "one of case, waits_for and reason"),
        (f'{HEAD}{ONE}case = "a/b"\ncause = "x"\n', "there is no member 'cause'"),
        (f'{HEAD}{ONE.replace("wrong", "bad")}case = "a/b"\n', "must be one of"),
        (f'{HEAD}{ONE.replace("0.1", "")}case = "a/b"\n', "must be a text"),
        (f'{HEAD}{ONE}case = "a/b"\n{ONE}case = "a/c"\n', "T1 stands twice"),
        (f"{HEAD}row = [1]\n", "must be a table"),
        ("row = ", "cannot be read"),
    ],
)
def test_a_faulty_list_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InvalidFileError, match=says):
        read_measured(written(tmp_path, text))


def test_a_case_in_two_dialects_has_the_worse_outcome(tmp_path: Path) -> None:
    def check(name: str, outcome: str) -> dict[str, str]:
        return {"check": name, "outcome": outcome}

    path = tmp_path / "report.json"
    cases = [
        {"case": "a/b", "outcome": "pass", "checks": [check("cost", "pass")]},
        {"case": "a/b", "outcome": "fail", "checks": [check("cost", "fail"), check("once", "pass")]},
        {"case": "a/c", "outcome": "not_declared"},
    ]
    path.write_text(json.dumps({"cases": cases}))
    assert read_judged(path) == {
        "a/b": Judged("fail", frozenset({"cost"})),
        "a/c": Judged("not_declared", frozenset()),
    }


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("[]")
    with pytest.raises(InvalidFileError, match="is not a report"):
        read_judged(path)


# comparing


@pytest.mark.parametrize(
    ("verdict", "outcome", "differs"),
    [
        ("ok", "pass", False),
        ("ok", "fail", True),
        ("wrong", "fail", False),
        ("wrong", "pass", True),
        ("wrong", "not_declared", True),
        ("silent zero", "fail", False),
        ("no cost", "fail", False),
        ("estimate", "pass", False),
        ("estimate", "fail", False),
    ],
)
def test_a_verdict_agrees_with_one_outcome_and_an_estimate_with_either(
    verdict: str, outcome: str, differs: bool
) -> None:
    text = compared(row(verdict=verdict, note="because"), outcome, "cost")
    assert ("| differs |" in text) is differs
    assert ("## Where they differ\n\n- T1: because" in text) is differs


def test_an_outcome_other_than_the_row_expects_differs() -> None:
    text = compared(row(verdict="estimate", outcome="pass"), "fail", "cost")
    assert "- T1: no reason is written down (expected: pass)" in text


def test_the_table_names_the_checks_that_fail_and_not_every_quantity() -> None:
    text = compared(row(verdict="wrong"), "fail", "ledger.input_tokens", "ledger.output_tokens", "cost")
    assert "| fail: cost, usage in the ledger |" in text
    assert "| fail: usage at the caller |" in compared(row(verdict="wrong"), "fail", "caller.input_tokens")


def test_rows_without_a_case_say_why() -> None:
    several = [
        row("A", case=None, reason="another provider"),
        row("B", case=None, reason="another provider"),
        row("C", case=None, waits_for="realtime"),
        row("D", case="a/gone"),
    ]
    text = render(measured(*several), {}, "1.0")
    assert (
        "- A, B: another provider\n- C: waits for realtime\n- D: the case `a/gone` is not in the report"
        in text
    )


def test_a_pipe_in_a_text_stays_in_its_cell() -> None:
    assert "a \\| b" in compared(row(says="a | b"), "pass")


def test_the_command_prints_the_comparison(capsys: pytest.CaptureFixture[str]) -> None:
    assert rows.main([str(PUBLISHED)]) == 0
    assert capsys.readouterr().out.startswith("# 97 calls measured by hand")


@pytest.mark.parametrize("arguments", [[], ["nowhere"], ["one", "two"]])
def test_wrong_usage_is_said_without_a_traceback(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert rows.main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


# what is published


def published() -> dict[str, Any]:
    report: dict[str, Any] = json.loads((PUBLISHED / "report.json").read_text("utf-8"))
    return report


def test_the_published_comparison_is_current() -> None:
    text = render(
        read_measured(PUBLISHED / "rows.toml"),
        read_judged(PUBLISHED / "report.json"),
        published()["gateway"]["version"],
    )
    assert (PUBLISHED / "ROWS.md").read_text("utf-8") == text, "run python -m decibill.rows and write ROWS.md"


def test_every_measured_call_comes_out_as_expected() -> None:
    judged = read_judged(PUBLISHED / "report.json")
    with_case = [each for each in read_measured(PUBLISHED / "rows.toml").rows if each.case in judged]
    assert len(with_case) >= 56
    assert {each.id: judged[each.case or ""].outcome for each in with_case} == {
        each.id: each.outcome for each in with_case
    }


def test_the_published_report_fails_in_nothing_that_is_not_known_and_explained() -> None:
    report = published()
    known = [*load_specification().requirements, *(case.id for case in load_cases())]
    baseline = load_baseline(PUBLISHED / "baseline.json", gateway="litellm", known=known)
    failing = [case for case in report["cases"] if case["outcome"] not in {"pass", "not_declared"}]
    entries = {entry.id for entry in baseline.entries}
    assert entries <= {case["case"] for case in failing}
    assert entries >= {case["case"] for case in failing if not case.get("recommendation", False)}


@pytest.mark.parametrize("name", ["report", "baseline"])
def test_what_is_published_satisfies_its_schema(name: str) -> None:
    schemas.validate(name, jsonio.load_file(PUBLISHED / f"{name}.json"), name)
