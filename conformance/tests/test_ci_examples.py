"""What users are told to put into their CI works: each example is run, or compared with what it uses."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from decibill.vendor import Selection, plan
from decibill.vendor_tree import update

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "conformance" / "CI.md").read_text(encoding="utf-8")
ACTION: Any = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
FOUNDING = "azure/transcription-founding-report"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def job(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a job in which decibill is installed, with the action's default inputs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    path = os.pathsep.join(str(ROOT / each) for each in ("conformance", "reference_impl"))
    program = (
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(path)} exec {shlex.quote(sys.executable)} -m decibill "$@"\n'
    )
    (programs / "decibill").write_text(program)
    (programs / "decibill").chmod(0o755)
    inputs = {f"INPUT_{name.upper()}": str(each["default"]) for name, each in ACTION["inputs"].items()}
    return {
        **os.environ,
        **inputs,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        "RUNNER_TEMP": str(tmp_path),
    }


def act(job: dict[str, str], folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    step = ACTION["runs"]["steps"][0]
    return subprocess.run(
        ["bash", "-c", step["run"]],
        cwd=folder,
        env={**job, **inputs},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def outputs(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / "outputs").read_text().splitlines())


def test_the_action_hands_verdict_counts_and_report_to_the_job(job: dict[str, str], tmp_path: Path) -> None:
    done = act(job, tmp_path, INPUT_ONLY=f"  {FOUNDING}  \n\npricing/ambiguous\n", INPUT_OUT="here it is")

    assert done.returncode == 0, done.stdout + done.stderr
    found = outputs(tmp_path)
    assert set(found) == set(ACTION["outputs"])
    assert found["verdict"] == "conformant"
    assert int(found["passed"]) > 0
    assert found["failed"] == "0"
    assert (tmp_path / found["report"]).is_file()
    assert "conformant" in (tmp_path / "summary.md").read_text()


def test_the_exit_code_of_the_action_is_that_of_the_run(job: dict[str, str], tmp_path: Path) -> None:
    done = act(job, tmp_path, INPUT_ONLY="no/such-case")

    assert done.returncode == 2
    assert "came to no verdict" in (tmp_path / "summary.md").read_text()
    assert not (tmp_path / "outputs").exists()


def test_a_report_of_an_earlier_step_is_not_taken_for_this_one(job: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "decibill-report").mkdir()
    (tmp_path / "decibill-report" / "report.json").write_text("{}")

    done = act(job, tmp_path, INPUT_ONLY="no/such-case")

    assert done.returncode == 2
    assert "came to no verdict" in (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize("name", ["gateway", "url", "only", "feature", "provider", "baseline", "out"])
def test_an_input_never_becomes_part_of_a_script(job: dict[str, str], tmp_path: Path, name: str) -> None:
    attack = "$(touch owned)`touch owned`; touch owned #' \""

    act(
        job,
        tmp_path,
        **{"INPUT_ONLY": FOUNDING, f"INPUT_{name.upper()}": attack, "INPUT_START": "$(touch owned)"},
    )

    assert not list(tmp_path.rglob("owned"))


def test_the_action_takes_each_input_from_the_environment_alone() -> None:
    step = ACTION["runs"]["steps"][0]

    assert set(step["env"]) == {f"INPUT_{name.upper()}" for name in ACTION["inputs"]}
    assert [step["env"][f"INPUT_{name.upper()}"] for name in ACTION["inputs"]] == [
        f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]
    ]
    assert "${{" not in step["run"]
    used = set(re.findall(r"INPUT_[A-Z]+", (ROOT / "packaging/action/run").read_text()))
    assert used == set(step["env"])


def test_every_output_is_one_of_the_step() -> None:
    for name, each in ACTION["outputs"].items():
        assert each["value"] == f"${{{{ steps.{ACTION['runs']['steps'][0]['id']}.outputs.{name} }}}}"
        assert each["description"]


def test_the_github_example_uses_inputs_and_outputs_that_the_action_has() -> None:
    workflow: Any = yaml.safe_load(blocks("yaml")[0])
    steps = workflow["jobs"]["audio-billing"]["steps"]
    step = next(each for each in steps if each.get("id") == "decibill")

    assert set(step["with"]) <= set(ACTION["inputs"])
    used = re.findall(r"steps\.decibill\.outputs\.([a-z-]+)", blocks("yaml")[0])
    assert used
    assert set(used) <= set(ACTION["outputs"])
    text = PAGE.split("## GitLab", maxsplit=1)[0]
    assert all(
        f"`{name}`" in text or name in step["with"] for name in [*ACTION["inputs"], *ACTION["outputs"]]
    )


def test_the_gitlab_example_runs(job: dict[str, str], tmp_path: Path) -> None:
    described: Any = yaml.safe_load(blocks("yaml")[1])
    shutil.copy(ROOT / "conformance/gateways/reference.toml", tmp_path / "my-gateway.toml")
    install, run, *rest = described["audio-billing"]["script"]
    assert install.startswith("pip install ")

    done = subprocess.run(
        ["bash", "-ec", "\n".join([f"{run} --only {FOUNDING}", *rest])],
        cwd=tmp_path,
        env=job,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "| MUST |" in done.stdout
    artifacts = described["audio-billing"]["artifacts"]
    for name in (*artifacts["paths"], artifacts["reports"]["junit"]):
        assert (tmp_path / name).exists()


class Session:
    """What the example needs of nox: its commands are run, and nothing is installed."""

    def __init__(self, job: dict[str, str], folder: Path) -> None:
        self.job, self.folder = job, folder
        self.installed: list[str] = []
        self.said: list[str] = []

    def install(self, *names: str) -> None:
        self.installed += names

    def run(self, *argv: str) -> None:
        more = ["--only", FOUNDING] if argv[:2] == ("decibill", "run") else []
        done = subprocess.run(
            [*argv, *more],
            cwd=self.folder,
            env=self.job,
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        self.said.append(done.stdout)


def test_the_nox_example_runs(job: dict[str, str], tmp_path: Path) -> None:
    shutil.copy(ROOT / "conformance/gateways/reference.toml", tmp_path / "my-gateway.toml")
    update(tmp_path / "fixtures/audio-billing", plan(Selection(providers=("azure",))))
    nox = ModuleType("nox")
    vars(nox).update(session=lambda function: function, Session=Session)
    names: dict[str, Any] = {}
    session = Session(job, tmp_path)

    example = compile(blocks("python")[0].replace("import nox\n", ""), "CI.md", "exec")
    exec(example, {"nox": nox}, names)
    names["audio_billing"](session)

    assert session.installed == ["decibill"]
    checked, judged = session.said
    assert "files are as copied from decibill" in checked
    assert "Conformant" in judged


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("github-actions", (ROOT / "action.yml").read_text(encoding="utf-8")),
        ("github-workflows", blocks("yaml")[0]),
        ("gitlab-ci", blocks("yaml")[1]),
    ],
    ids=["action", "workflow", "gitlab"],
)
def test_an_example_has_the_shape_that_its_service_asks_for(tmp_path: Path, schema: str, text: str) -> None:
    file = tmp_path / "action.yml"
    file.write_text(text, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_shell_examples_run(job: dict[str, str], tmp_path: Path) -> None:
    judged, copied = blocks("sh")
    shutil.copy(ROOT / "conformance/gateways/reference.toml", tmp_path / "my-gateway.toml")
    judged = judged.replace("--out report", f"--out report --only {FOUNDING}")
    if shutil.which("node") is None:
        copied = "\n".join(line for line in copied.splitlines() if not line.startswith("node "))

    done = subprocess.run(
        ["bash", "-ec", judged + copied],
        cwd=tmp_path,
        env=job,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "cases in" in done.stdout
