"""The runners in other languages agree with every case of the corpus, and in a copy with all of its cases.

They hold calculators that do not share a line with the reference implementation, so a case that only that can
pass, or a sentence that it alone obeys, shows here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from decibill.case import ExchangeCase
from decibill.cases import load_cases
from decibill.vendor import Copy, Selection, plan
from decibill.vendor_tree import update

ROOT = Path(__file__).parents[2]
RUNNERS = ROOT / "conformance" / "runners"
PROGRAMS = ["javascript-extract", "javascript-price", "javascript-refund", "java-price", "go-price"]

Run = Callable[..., subprocess.CompletedProcess[str]]


@lru_cache
def copy_of(provider: str, *, packed: bool) -> Copy:
    return plan(Selection(providers=(provider,), packed=packed, runners=("go", "java", "javascript")))


def needs(program: str, version: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed; these runners need {version}")


def started(argv: list[str], folder: Path, fixtures: Path | None, **variables: str) -> Any:
    environment = {**os.environ, **variables, **({"FIXTURES": str(fixtures)} if fixtures else {})}
    return subprocess.run(
        argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module", params=PROGRAMS)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that runs one runner from a folder of its sources, with or without named fixtures."""
    language, level = request.param.split("-")
    built = tmp_path_factory.mktemp("built")
    if language == "javascript":
        needs("node", "Node.js 20")
        return lambda folder, fixtures=None: started(
            ["node", f"{level}.mjs"], folder / "javascript", fixtures
        )
    if language == "java":
        needs("javac", "Java 17")
        sources = sorted(map(str, (RUNNERS / "java").glob("*.java")))
        subprocess.run(["javac", "-d", str(built), *sources], check=True, timeout=300)
        return lambda folder, fixtures=None: started(
            ["java", "-cp", str(built), "Price"], folder / "java", fixtures
        )
    needs("go", "Go 1.19")
    subprocess.run(
        ["go", "build", "-o", str(built / "price"), "."],
        cwd=RUNNERS / "go",
        env={**os.environ, "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"},
        check=True,
        timeout=300,
    )
    return lambda folder, fixtures=None: started([str(built / "price")], folder / "go", fixtures)


def test_every_case_passes(program: Run) -> None:
    run = program(RUNNERS)

    assert run.returncode == 0, run.stdout + run.stderr
    assert re.fullmatch(r"([1-9][0-9]* left out: .*\n)*[1-9][0-9]* passed, 0 failed", run.stdout.strip())


def test_a_runner_accounts_for_every_case_and_every_later_call(program: Run) -> None:
    cases = load_cases(ROOT / "fixtures")
    calls = sum("usage" in other for case in cases for other in case.document["then"].get("others", ()))

    run = program(RUNNERS)

    counts = re.findall(r"^([0-9]+) (?:passed|left out)", run.stdout, re.MULTILINE)
    assert sum(map(int, counts)) == len(cases) + calls


@pytest.mark.parametrize("program", ["javascript-extract"], indirect=True)
def test_of_calls_only_sessions_over_a_websocket_are_not_extracted(program: Run) -> None:
    exchanges = [case.exchange for case in load_cases(ROOT / "fixtures") if isinstance(case, ExchangeCase)]
    sessions = sum(any(name.startswith("events") for name in each["response"]) for each in exchanges)

    run = program(RUNNERS)

    assert f"{sessions} left out: a session over a WebSocket\n" in run.stdout
    assert {line.partition(": ")[2] for line in run.stdout.splitlines() if "left out" in line} == {
        "a session over a WebSocket",
        "no exchange to extract",
    }


def test_a_format_that_a_runner_does_not_know_is_refused(program: Run, tmp_path: Path) -> None:
    update(tmp_path, copy_of("azure", packed=True))
    manifest = tmp_path / "MANIFEST.json"
    manifest.write_text(manifest.read_text().replace('"format": 1,', '"format": 2,'))

    run = program(RUNNERS, tmp_path)

    assert run.returncode != 0
    assert "knows format 1" in run.stderr
    assert "passed" not in run.stdout


def test_every_case_of_a_copy_passes_beside_the_runner_that_came_with_it(
    program: Run, tmp_path: Path
) -> None:
    update(tmp_path / "fixtures", copy_of("openai", packed=True))

    run = program(tmp_path / "fixtures" / "runners")

    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.strip().endswith(" passed, 0 failed")


@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("azure/transcription-founding-report", lambda then: then["charge"].update(total="0.0035270")),
        ("azure/transcription-founding-report", lambda then: then["charge"]["lines"].pop()),
        ("azure/transcription-founding-report", lambda then: then["charge"].pop("entry")),
        ("pricing/parts-exceed-whole", lambda then: then["error"].update(pointer="/quantities")),
    ],
    ids=["total", "line", "entry", "refusal"],
)
@pytest.mark.parametrize("program", [each for each in PROGRAMS if each.endswith("price")], indirect=True)
def test_a_wrong_answer_fails_its_case_alone(
    program: Run, tmp_path: Path, case: str, change: Callable[[Any], None]
) -> None:
    update(tmp_path, copy_of("azure" if case.startswith("azure") else "openai", packed=False))
    file = tmp_path / "cases" / f"{case}.json"
    document = json.loads(file.read_text())
    change(document["then"])
    file.write_text(json.dumps(document))

    run = program(RUNNERS, tmp_path)

    assert run.returncode == 1
    assert f"FAIL {case}" in run.stdout
    assert f"why: {document['why']}" in run.stdout
    assert run.stdout.strip().endswith(" passed, 1 failed")


@pytest.mark.parametrize("program", [each for each in PROGRAMS if not each.endswith("refund")], indirect=True)
def test_a_deprecated_case_is_left_out_and_said_to_be(program: Run, tmp_path: Path) -> None:
    update(tmp_path, copy_of("azure", packed=False))
    before = program(RUNNERS, tmp_path).stdout
    file = tmp_path / "cases/azure/transcription-founding-report.json"
    document = json.loads(file.read_text())
    document["features"].append("deprecated")
    document["then"]["charge"]["total"] = document["then"]["usage"]["quantities"]["input_tokens"] = "1"
    file.write_text(json.dumps(document))

    run = program(RUNNERS, tmp_path)

    def left_out(text: str) -> int:
        return sum(map(int, re.findall(r"^([0-9]+) left out", text, re.MULTILINE)))

    assert run.returncode == 0, run.stdout
    assert "deprecated" in run.stdout
    assert left_out(run.stdout) == left_out(before) + 1


@pytest.mark.parametrize(
    "case",
    [
        "azure/stt-fast",
        "azure/transcription-founding-report",
        "elevenlabs/agent-call-cost-fiat",
        "gemini/generate-tool-use-prompt",
        "openai/transcription-whisper-verbose-json",
    ],
)
@pytest.mark.parametrize("program", ["javascript-extract"], indirect=True)
def test_a_wrong_quantity_fails_its_case_alone(program: Run, tmp_path: Path, case: str) -> None:
    update(tmp_path, copy_of(case.split("/", maxsplit=1)[0], packed=False))
    file = tmp_path / "cases" / f"{case}.json"
    document = json.loads(file.read_text())
    quantities = document["then"]["usage"]["quantities"]
    quantities[min(quantities)] = "0.1"
    file.write_text(json.dumps(document))

    run = program(RUNNERS, tmp_path)

    assert run.returncode == 1
    assert f"FAIL {case}" in run.stdout
    assert run.stdout.strip().endswith(" passed, 1 failed")


@pytest.mark.parametrize("language", ["go", "java", "javascript"])
def test_no_file_of_a_runner_is_longer_than_two_hundred_lines(language: str) -> None:
    sources = [path for path in (RUNNERS / language).iterdir() if path.suffix in {".go", ".java", ".mjs"}]

    assert sources
    assert {path.name: n for path in sources if (n := len(path.read_text().splitlines())) > 200} == {}
