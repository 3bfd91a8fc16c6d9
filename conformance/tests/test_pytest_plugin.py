"""The suite as tests of pytest, and as a library."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from decibill.library import load_cases, observed, run_case, select_cases, subject
from decibill.plan import Instance
from decibill.statements import Observation

ROOT = Path(__file__).resolve().parents[2]
FOUNDING = "azure/transcription-founding-report"
PAGE = (ROOT / "conformance/PYTEST.md").read_text("utf-8")
PLACES = os.pathsep.join(str(ROOT / each) for each in ("conformance", "reference_impl"))


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": PLACES, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def in_checkout(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run(
        ROOT, "-m", "pytest", "conformance/test_gateway.py", "-q", "-p", "no:cacheprovider", *arguments
    )


def elsewhere(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "-m", "decibill.pytest_plugin", "-q", *arguments, **environment)


class TestCheckout:
    """``pytest conformance/test_gateway.py``."""

    def test_cases_are_tests_and_junit_names_their_requirements(self, tmp_path: Path) -> None:
        junit = tmp_path / "junit.xml"
        done = in_checkout("-k", "founding-report or amount-as-published or verdict", f"--junitxml={junit}")
        assert done.returncode == 0, done.stdout
        assert "Conformant to spec 0.1" in done.stdout
        cases = {each.get("name"): each for each in ElementTree.parse(junit).getroot().iter("testcase")}
        assert set(cases) == {
            f"test_case[{FOUNDING}[azure]]",
            f"test_case[{FOUNDING}[openai]]",
            "test_case[pricing/amount-as-published]",
            "test_verdict",
        }
        proven = {each.get("value") for each in cases[f"test_case[{FOUNDING}[azure]]"].iter("property")}
        assert proven
        assert all(re.fullmatch("AUB-[A-Z]{3}-[0-9a-f]{4}", str(name)) for name in proven)
        skipped = cases["test_case[pricing/amount-as-published]"].find("skipped")
        assert skipped is not None
        assert "a calculator" in str(skipped.get("message"))

    def test_markers_choose_by_feature_level_and_provider(self) -> None:
        done = in_checkout("--collect-only", "-m", "must and feature_stream and provider_azure")
        names = re.findall(r"test_case\[(.+)\]", done.stdout)
        assert names
        by_id = {case.id: case for case in load_cases()}
        for name in names:
            case = by_id[name.partition("[")[0]]
            assert "stream" in case.features
            assert case.provider == "azure"

    def test_markers_are_listed(self) -> None:
        done = in_checkout("--markers")
        assert "@pytest.mark.feature_price_cached: the case needs it" in done.stdout
        assert "@pytest.mark.must: the case shows a requirement of this level" in done.stdout

    def test_workers_share_one_run(self) -> None:
        done = in_checkout("-n", "2", "-k", "founding or chat-audio or verdict")
        assert done.returncode == 0, done.stdout
        assert "failed" not in done.stdout


class TestElsewhere:
    """``python -m decibill.pytest_plugin`` in somebody's repository."""

    def test_their_settings_do_not_interfere(self, tmp_path: Path) -> None:
        (tmp_path / "conftest.py").write_text("raise SystemExit('their conftest')\n", "utf-8")
        (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n", "utf-8")
        done = elsewhere(tmp_path, "-k", "founding-report", PYTEST_ADDOPTS="--more-nonsense")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "2 passed" in done.stdout
        assert sorted(path.name for path in tmp_path.iterdir()) == ["conftest.py", "pytest.ini"]

    def test_a_gateway_that_is_not_there_is_one_message(self, tmp_path: Path) -> None:
        url = ("--gateway-url", "http://127.0.0.1:9")
        done = elsewhere(tmp_path, *url, "-k", "founding-report", DECIBILL_GATEWAY_KEY="x")
        assert done.returncode == 1
        assert "127.0.0.1:9" in done.stdout
        assert "Traceback" not in done.stdout

    def test_a_name_that_does_not_exist_is_wrong_usage(self, tmp_path: Path) -> None:
        done = elsewhere(tmp_path, "--gateway", "litelm")
        assert done.returncode == 2
        assert "litellm" in done.stdout + done.stderr

    def test_two_lines_beside_tests_of_ones_own(self, tmp_path: Path) -> None:
        lines = re.search(r"```python\n(from decibill.pytest_suite.*?)```", PAGE, re.DOTALL)
        assert lines is not None
        (tmp_path / "test_billing.py").write_text(lines[1], "utf-8")
        done = run(
            tmp_path, "-m", "pytest", "-q", "-p", "decibill.pytest_plugin", "-k", "founding-report", "-rN"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "2 passed" in done.stdout


class TestWrong:
    """What does not pass fails, is xfailed where it is known, and names what is stale."""

    @pytest.fixture
    def defective(self, tmp_path: Path) -> Path:
        text = (ROOT / "conformance/gateways/reference.toml").read_text("utf-8")
        assert '"--port"' in text
        wrong = text.replace('"--port"', '"--defect", "audio-at-text-rate", "--port"', 1)
        (tmp_path / "wrong.toml").write_text(wrong, "utf-8")
        return tmp_path

    def test_a_wrong_cost_fails_with_the_money(self, defective: Path) -> None:
        done = elsewhere(defective, "--gateway", "wrong.toml", "--start", "-k", "founding-report or verdict")
        assert done.returncode == 1, done.stdout
        assert "0.002155" in done.stdout
        assert "3 failed" in done.stdout

    def test_a_known_failure_is_xfailed(self, defective: Path) -> None:
        entry = {"id": FOUNDING, "reason": "it has a defect", "link": "https://example.org/1"}
        document = {"spec": "0.1", "gateway": "reference", "expected": [entry]}
        (defective / "known.json").write_text(json.dumps(document), "utf-8")
        options = ("--gateway", "wrong.toml", "--start", "--baseline", "known.json")
        done = elsewhere(defective, *options, "-k", "founding-report")
        assert done.returncode == 0, done.stdout
        assert "2 xfailed" in done.stdout


class TestLibrary:
    """Cases and their verdict inside a program."""

    def test_the_example_of_the_page_runs(self, tmp_path: Path) -> None:
        example = re.search(r"```python\n(from decibill.library.*?)```", PAGE, re.DOTALL)
        assert example is not None
        code = [line for line in example[1].splitlines() if line.strip()]
        assert len(code) <= 10
        done = run(tmp_path, "-c", example[1])
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [f"{FOUNDING}[azure] pass", f"{FOUNDING}[openai] pass"]

    @pytest.mark.parametrize(
        ("cost", "outcome"),
        [
            ("0.003527", "pass"),
            (Decimal("0.003527"), "pass"),
            ("0.002155", "fail"),
            (0, "fail"),
            (None, "fail"),
        ],
    )
    def test_what_a_transport_hands_over_is_judged(
        self, cost: str | int | Decimal | None, outcome: str
    ) -> None:
        found = [
            result.outcome
            for case in select_cases(load_cases(), only=[FOUNDING])
            for result in run_case(case, subject(), _stating(cost))
        ]
        assert found == [outcome, outcome]

    def test_a_float_is_refused(self) -> None:
        (case,) = select_cases(load_cases(), only=[FOUNDING])
        with pytest.raises(TypeError, match="cost is a float"):
            run_case(case, subject(), _stating(0.003527))  # type: ignore[arg-type]

    def test_a_case_of_something_else_has_no_results(self) -> None:
        (case,) = select_cases(load_cases(), only=[FOUNDING])
        assert run_case(case, subject(operations=["speech"]), _stating("1")) == ()


def _stating(cost: str | int | Decimal | None) -> Callable[[Instance], Observation]:
    return lambda instance: observed(instance, cost=cost)
