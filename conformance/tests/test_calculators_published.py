"""Published results of calculators: whole, current, and with a reason for every failure."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from decibill import jsonio, schemas
from decibill.baseline import load_baseline
from decibill.calculator import questions
from decibill.cases import load_cases
from decibill.specification import load_specification

ROOT = Path(__file__).resolve().parents[2]
ADAPTERS = ROOT / "conformance/calculators"
RESULTS = ROOT / "conformance/reports/0.1/calculators"
CASES = load_cases()
NAMES = sorted(path.parent.name for path in RESULTS.glob("*/report.json"))

SHARED = """
import sys
sys.path.insert(0, {folder!r})
from common import body_of, events_of, only_entry, serve

def answer(asked):
    entry = only_entry(asked)
    events = list(events_of(asked["exchange"]))
    return {{"cost": None if entry is None else "0", "quantities": {{"input_tokens": len(events)}}}}

serve("a tool", "1", answer)
"""


def published(name: str) -> dict[str, object]:
    return dict(jsonio.load_file(RESULTS / name / "report.json"))


def test_there_are_results() -> None:
    assert NAMES == ["genai-prices", "litellm-completion-cost"]


@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_one_of_a_calculator_of_that_name(name: str) -> None:
    document = published(name)
    assert list(schemas.faults("report", document)) == []
    gateway = document["gateway"]
    assert isinstance(gateway, dict)
    assert (gateway["id"], gateway["kind"]) == (name, "calculator")
    assert (ADAPTERS / f"{name.replace('-', '_')}.py").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_every_case_that_fails_has_a_reason_and_no_other_has(name: str) -> None:
    document = published(name)
    known = [*load_specification().requirements, *(case.id for case in CASES)]
    baseline = load_baseline(RESULTS / name / "baseline.json", gateway=name, known=known)
    rows = document["cases"]
    assert isinstance(rows, list)
    failing = {row["case"] for row in rows if row["outcome"] not in {"pass", "not_declared"}}
    assert {entry.id for entry in baseline.entries} == failing


@pytest.mark.parametrize("path", sorted(ADAPTERS.glob("*.py")), ids=lambda path: path.stem)
def test_an_adapter_needs_nothing_of_ours_but_what_adapters_share(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in imported if name.startswith("decibill")}


def test_what_adapters_share_answers_every_line(tmp_path: Path) -> None:
    program = tmp_path / "tool.py"
    program.write_text(SHARED.format(folder=str(ADAPTERS)), "utf-8")
    asked = questions(CASES)
    done = subprocess.run(
        [sys.executable, str(program)],
        input="".join(f"{question.line}\n" for question in asked),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=120,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [question.id for question in asked]
    for answer in answers:
        assert list(schemas.faults("calculator-answer", answer)) == []
    reasons = {answer["not_declared"] for answer in answers if "not_declared" in answer}
    assert {"records in place of an answer", "a choice between prices of one model"} <= reasons
    assert any(answer.get("cost") == "0" for answer in answers)
