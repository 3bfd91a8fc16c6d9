"""``decibill run`` as a person and a build server meet it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from decibill import jsonio, schemas
from syrupy.assertion import SnapshotAssertion
from tests.command import Done, decibill

ROOT = Path(__file__).resolve().parents[2]
FOUNDING = "azure/transcription-founding-report"


def _run(folder: Path, *arguments: str, **environment: str) -> Done:
    return decibill(folder, "run", *arguments, **environment)


def _process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as a process of its own, whose last words are heard too."""
    path = os.pathsep.join(str(ROOT / each) for each in ("conformance", "reference_impl"))
    return subprocess.run(
        [sys.executable, "-m", "decibill", "run", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def _steady(text: str) -> str:
    """Return *text* with everything that differs from run to run replaced."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    text = re.sub(r"\d+\.\d (m?s)\b", r"N \1", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
    return re.sub(r"\d+ requirements, \d+ cases?", "N requirements, N cases", text)


class TestReference:
    """Without a target the reference gateway is started and judged."""

    def test_it_is_conformant(self, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
        done = _process(tmp_path, "--only", FOUNDING)
        assert (done.returncode, done.stderr) == (0, "")
        assert _steady(re.sub(r"\d+ (met|not checked|requirements)", r"N \1", done.stdout)) == snapshot

    def test_the_report_is_written_beside(self, tmp_path: Path) -> None:
        _run(tmp_path, "--only", FOUNDING, "--out", "here/it is")
        document = jsonio.load_file(tmp_path / "here/it is/report.json")
        assert list(schemas.faults("report", document)) == []
        assert document["selection"]["only"] == [FOUNDING]
        root = ElementTree.parse(tmp_path / "here/it is/junit.xml").getroot()
        names = [case.get("name") for case in root.iter("testcase")]
        assert names == [f"{FOUNDING}[azure]", f"{FOUNDING}[openai]"]

    def test_json_is_all_that_is_printed_where_it_is_asked_for(self, tmp_path: Path) -> None:
        done = _run(tmp_path, "--only", FOUNDING, "--format", "json")
        assert json.loads(done.stdout)["verdict"]["word"] == "conformant"
        assert done.stdout == (tmp_path / "decibill-report/report.json").read_text("utf-8")


class TestDefect:
    """A gateway with a defect fails, and the report says how."""

    def test_what_is_printed(self, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
        done = _run(tmp_path, "--defect", "audio-at-text-rate", "--only", FOUNDING)
        assert (done.returncode, done.stderr) == (1, "")
        block = done.stdout[done.stdout.index("FAILED") : done.stdout.index("not checked")]
        assert _steady(block) == snapshot

    def test_the_report_says_what_was_made_wrong_on_purpose(self, tmp_path: Path) -> None:
        done = _run(tmp_path, "--defect", "charged-twice", "--only", FOUNDING)
        assert "reference gateway with the defect charged-twice 0.1.0 at" in done.stdout
        assert "made wrong on purpose: one call is recorded and charged twice" in done.stdout
        assert "again        decibill run --defect charged-twice --only" in done.stdout

    def test_a_baseline_turns_it_green_and_stale_turns_it_red(self, tmp_path: Path) -> None:
        """Written, refused without reasons, accepted with them, stale once all is put right."""
        target = ("--defect", "audio-at-text-rate", "--only", FOUNDING, "--baseline", "known.json")
        written = _run(tmp_path, *target, "--update-baseline")
        assert written.returncode == 1
        assert "wrote known.json: 1 new, 0 removed" in written.stderr
        assert "1 entry waits for a reason and a link" in written.stderr

        refused = _run(tmp_path, *target)
        assert refused.returncode == 2
        assert "known.json at /expected/0/reason: the entry AUB-CHG-c3cf has no reason yet" in refused.stderr

        baseline = tmp_path / "known.json"
        text = baseline.read_text("utf-8").replace("TODO reason", "The audio rate is not read.")
        baseline.write_text(text.replace("TODO link", "https://example.org/1"), "utf-8")
        accepted = _run(tmp_path, *target)
        assert accepted.returncode == 0
        assert "but for 1 known failure" in accepted.stdout

        put_right = _run(tmp_path, "--only", FOUNDING, "--baseline", "known.json")
        assert put_right.returncode == 1
        assert "stale          known.json lists AUB-CHG-c3cf" in put_right.stdout

    def test_colour_is_never_the_only_sign_and_never_in_a_pipe(self, tmp_path: Path) -> None:
        only = ("--only", "azure/transcription-text-only")
        done = _run(tmp_path, "--defect", "silent-zero", *only, FORCE_COLOR="1")
        assert done.returncode == 1
        assert "\x1b" not in done.stdout
        assert "FAILED  AUB-GWY-3a9b" in done.stdout


class TestTerminal:
    """Colour and progress are for terminals, and NO_COLOR is honoured."""

    def _shown(self, folder: Path, **environment: str) -> str:
        """Return everything that a run prints to a terminal."""
        main, other = os.openpty()
        path = os.pathsep.join(str(ROOT / each) for each in ("conformance", "reference_impl"))
        with subprocess.Popen(
            [sys.executable, "-m", "decibill", "run", "--only", FOUNDING],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, "TERM": "xterm", **environment},
            stdout=other,
            stderr=other,
        ) as process:
            os.close(other)
            shown = b""
            try:
                while part := os.read(main, 65536):
                    shown += part
            except OSError:  # the terminal is closed when the program ends
                pass
        os.close(main)
        assert process.returncode == 0
        return shown.decode("utf-8")

    def test_the_verdict_is_coloured_and_progress_is_shown(self, tmp_path: Path) -> None:
        shown = self._shown(tmp_path)
        assert "\x1b[32m\x1b[1mConformant" in shown
        assert "2/2" in shown

    def test_no_color_leaves_plain_words(self, tmp_path: Path) -> None:
        assert "\r\nConformant to spec" in self._shown(tmp_path, NO_COLOR="1")


class TestWrongUsage:
    """A user's mistake ends in one message, exit 2, and no traceback."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--gateway", "referense"], "there is no gateway 'referense'; did you mean reference?"),
            (["--gateway", "file"], "there is no gateway 'file'; known are "),
            (["--provider", "acme"], "there is no provider 'acme'; known are azure, elevenlabs"),
            (["--gateway", "missing.toml"], "missing.toml: there is no such file"),
            (["--only", "openai/speech-tts1-binary"], "did you mean openai/speech-tts-1-binary"),
            (["--feature", "streams"], "there is no feature 'streams'; did you mean stream"),
            (["--provider", "opneai"], "there is no provider 'opneai'; did you mean openai?"),
            (["--spec", "0.2"], "there is no version of the specification '0.2'"),
            (["--url", "ftp://x"], "'ftp://x' is not an HTTP address"),
            (["--url", "http://[::1"], "'http://[::1' is not an HTTP address"),
            (["--url", "http://127.0.0.1:99999"], "is not an HTTP address"),
            (["--upstream-url", "example.com"], "--upstream-url: 'example.com' is not an HTTP address"),
            (["--url", "http://127.0.0.1:9", "--start"], "--start and --url contradict each other"),
            (["--defect", "silent-zeros"], "there is no defect 'silent-zeros'; did you mean silent-zero"),
            (["--defect", "silent-zero", "--gateway", "ferrogw"], "leave out --gateway and --url"),
            (["--update-baseline"], "--update-baseline needs --baseline FILE"),
            (["--baseline", "missing.json"], "missing.json: cannot be read"),
            (["--settle", "soon"], "'soon' is not a number of seconds"),
            (["--settle", "-1"], "'-1' is not a number of seconds"),
            (["--upstream-port", "99999"], "99999 is not in the range"),
            (["--upstream-url", "http://example.com"], "allow it with --allow-remote-upstream"),
            (["--only", FOUNDING, "--out", "file"], "Directory 'file' is a file"),
            (
                ["--only", FOUNDING, "--out", "file/below"],
                "cannot write to file/below: Not a directory; choose",
            ),
            (["extra"], "unexpected extra argument"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_the_message_says_what_to_do(self, tmp_path: Path, arguments: list[str], message: str) -> None:
        (tmp_path / "file").write_text("in the way", "utf-8")
        done = _run(tmp_path, *arguments)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""

    def test_a_broken_baseline_is_named_with_its_pointer(self, tmp_path: Path) -> None:
        (tmp_path / "known.json").write_text('{"spec": "0.1", "expected": [{"id": "AUB-GWY-3a9c"}]}', "utf-8")
        done = _run(tmp_path, "--baseline", "known.json")
        assert done.returncode == 2
        assert "known.json at /expected/0/reason: is missing" in done.stderr


def test_an_unreachable_gateway_is_inconclusive_in_one_message(tmp_path: Path) -> None:
    done = _run(tmp_path, "--url", "http://127.0.0.1:9", "--upstream-port", "0")
    assert done.returncode == 3
    assert "the gateway at http://127.0.0.1:9" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_address_that_is_not_of_this_machine_cannot_be_bound(tmp_path: Path) -> None:
    done = _run(tmp_path, "--only", FOUNDING, "--upstream-bind", "192.0.2.1")
    assert done.returncode == 3
    assert "choose another with --upstream-bind" in done.stderr


def test_a_run_without_a_verdict_leaves_no_report_of_an_earlier_one(tmp_path: Path) -> None:
    report = tmp_path / "decibill-report" / "junit.xml"
    _run(tmp_path, "--only", FOUNDING)
    assert report.is_file()
    assert _run(tmp_path, "--url", "http://127.0.0.1:9", "--upstream-port", "0").returncode == 3
    assert not report.exists()


def test_a_selection_that_no_gateway_can_be_asked_is_inconclusive(tmp_path: Path) -> None:
    done = _run(tmp_path, "--only", "pricing/*")
    assert done.returncode == 3
    assert "nothing was sent: no case fits the gateway" in done.stdout


def test_a_dry_run_sends_nothing(tmp_path: Path) -> None:
    done = _run(tmp_path, "--dry-run", "--gateway", "ferrogw", "--provider", "azure", "--feature", "speech")
    assert done.returncode == 0
    assert done.stdout == ""
    assert "needs the provider azure" in done.stderr
    assert "nothing was sent" in done.stderr
    assert not (tmp_path / "decibill-report").exists()


def test_help_names_every_option_of_the_issue(tmp_path: Path) -> None:
    text = _run(tmp_path, "--help").stdout
    options = (
        "gateway url start only feature provider spec baseline update-baseline strict settle jobs out format"
    )
    others = "defect upstream-port upstream-bind upstream-url allow-remote-upstream verbose dry-run"
    assert all(f"--{name}" in text for name in f"{options} {others}".split())


class TestCalculator:
    """A program is judged by its records, with the options and exit codes of any run."""

    CALCULATOR = f"{sys.executable} -m decibill calculator"

    def test_the_reference_calculator(self, tmp_path: Path) -> None:
        done = _run(tmp_path, "--calculator", self.CALCULATOR, "--only", FOUNDING, "--only", "refund/*")
        assert (done.returncode, done.stderr) == (0, "")
        assert "calculator     decibill reference calculator" in done.stdout
        document = jsonio.load_file(tmp_path / "decibill-report/report.json")
        assert list(schemas.faults("report", document)) == []
        assert document["gateway"]["id"] == Path(sys.executable).stem.replace(".", "-")

    def test_a_dead_program_is_one_message(self, tmp_path: Path) -> None:
        done = _run(tmp_path, "--calculator", f"{sys.executable} -c pass", "--only", FOUNDING)
        assert (done.returncode, done.stdout) == (3, "")
        assert "ended with code 0 after 0 of 1 answers" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_line_that_the_reference_cannot_read_ends_it(self) -> None:
        path = os.pathsep.join(str(ROOT / each) for each in ("conformance", "reference_impl"))
        for line in (b"{", b"[]"):
            done = subprocess.run(
                [sys.executable, "-m", "decibill", "calculator"],
                input=b"\n" + line,
                env={**os.environ, "PYTHONPATH": path},
                capture_output=True,
                check=False,
                timeout=60,
            )
            assert (done.returncode, done.stdout) == (2, b"")
            assert b"line 2: " in done.stderr

    def test_one_subject_is_judged(self, tmp_path: Path) -> None:
        done = _run(tmp_path, "--calculator", "x", "--gateway", "litellm")
        assert done.returncode == 2
        assert "--calculator and --gateway contradict each other" in done.stderr

    def test_a_dry_run_prints_the_lines(self, tmp_path: Path) -> None:
        done = _run(tmp_path, "--calculator", "x", "--only", FOUNDING, "--dry-run")
        assert json.loads(done.stdout)["id"] == FOUNDING

    def test_a_baseline_is_written_for_it(self, tmp_path: Path) -> None:
        wrong = tmp_path / "wrong.py"
        wrong.write_text(
            "import json, sys\n"
            "for line in sys.stdin:\n"
            "    print(json.dumps({'id': json.loads(line)['id'], 'cost': '0.003527'}))\n",
            "utf-8",
        )
        cases = ("--only", FOUNDING, "--only", "openai/chat-audio-only")
        options = ("--calculator", f"{sys.executable} {wrong}", *cases, "--baseline", "b.json")
        assert _run(tmp_path, *options, "--update-baseline").returncode == 1
        baseline = tmp_path / "b.json"
        assert jsonio.load_file(baseline)["gateway"] == "wrong"
        text = baseline.read_text("utf-8").replace("TODO reason", "It always says 1.")
        baseline.write_text(text.replace("TODO link", "https://example.org/1"), "utf-8")
        assert _run(tmp_path, *options).returncode == 0
