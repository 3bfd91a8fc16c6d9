"""``decibill rate --lines`` and ``decibill totals``, as a user sees them."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from decibill_reference.commands import rate
from decibill_reference.files import load_price_book
from decibill_reference.rate_lines import command, processes
from decibill_reference.rate_lines.chunks import Chunk
from decibill_reference.rate_lines.command import totals
from decibill_reference.rate_lines.processes import WorkerLostError
from decibill_reference.rate_lines.progress import Progress, watched
from decibill_reference.rate_lines.rater import Rater
from tests.corpus import FIXTURES, exchanges, readable

NAME = "azure/transcription-founding-report"
EXCHANGE = exchanges()[NAME]
USAGE = readable()[NAME].to_json()
FOUNDING = str(FIXTURES / "price-books" / "founding.json")
REFUSED = {**EXCHANGE, "response": {"status": 200, "json": {"usage": {"type": "tokens", "input_tokens": -1}}}}
PAGE = Path(__file__).parents[1] / "LOGS.md"
SUITE = Path(__file__).parents[2] / "conformance"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def jsonl(*lines: object) -> str:
    return "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(rate, [*arguments, "--lines", "--prices", FOUNDING], input=stdin)


def test_lines_are_rated_one_by_one_and_summed(folder: Path) -> None:
    result = run("-", stdin=jsonl(EXCHANGE, REFUSED, "", USAGE))

    first, second, third = (json.loads(line) for line in result.stdout.splitlines())
    assert first["charge"] == third["charge"]
    assert first["charge"]["total"] == "0.003527"
    assert (second["line"], second["error"]["code"]) == (2, "negative_quantity")
    assert result.exit_code == 1
    refusal, *summary = result.stderr.splitlines()
    assert refusal.startswith("decibill: standard input line 2 at /response/json/usage/input_tokens: ")
    assert summary == [
        "decibill: azure gpt-4o-mini-transcribe  priced  2  0.007054  USD",
        "decibill: refused: negative_quantity 1",
        "decibill: total: at least 0.007054 USD",
        "decibill: 3 lines, 1 of them refused",
    ]


def test_a_log_without_a_bad_line_is_a_success(folder: Path) -> None:
    (folder / "log.jsonl").write_text(jsonl(USAGE, EXCHANGE))

    result = run("log.jsonl")

    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 2)


def test_a_line_that_is_no_json_is_not_the_end(folder: Path) -> None:
    (folder / "log.jsonl").write_text(jsonl(USAGE, "{", USAGE))

    result = run("log.jsonl")

    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 3)
    assert "decibill: log.jsonl line 2: not JSON" in result.stderr


def test_a_strict_run_ends_with_the_first_bad_line(folder: Path) -> None:
    result = run("-", "--strict", stdin=jsonl(USAGE, "{", USAGE))

    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 2)
    assert "2 lines, 1 of them refused" in result.stderr


def test_refusals_beyond_a_number_are_counted_and_not_told(folder: Path) -> None:
    result = run("-", stdin=jsonl(*["{"] * 500))

    assert result.stderr.count("not JSON") == 20
    assert result.stderr.count("further refused lines are not told here") == 1
    assert len(result.stdout.splitlines()) == 500


@pytest.mark.parametrize("before", [0, 19, 20])
def test_that_more_is_not_told_is_told_once(before: int, capsys: pytest.CaptureFixture[str]) -> None:
    rater = Rater(load_price_book(Path(FOUNDING)))
    lines = 0
    for more in (before, 23 - before, 23):
        command.tell("log", rater.chunk(Chunk(lines + 1, b"{\n" * more)), lines)
        lines += more

    told = capsys.readouterr().err
    assert (told.count("not JSON"), told.count("further refused lines")) == (20, 1)


def test_files_of_an_exchange_are_found_in_the_folder_of_the_log(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "body.json").write_text(json.dumps(EXCHANGE["response"]["json"]))
    loose = {**EXCHANGE, "response": {"status": 200, "json_file": "body.json"}}
    (folder / "deep" / "log.jsonl").write_text(jsonl(loose))

    assert json.loads(run("deep/log.jsonl").stdout)["charge"]["total"] == "0.003527"


@pytest.mark.parametrize(
    ("summary", "message"), [("no/summary.json", "No such file"), (".", "is a directory")]
)
def test_a_summary_that_cannot_be_written_is_told_before_the_work(
    folder: Path, summary: str, message: str
) -> None:
    result = run("-", "--summary", summary, stdin=jsonl(USAGE))

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_faulty_price_book_is_told_with_file_and_pointer(folder: Path) -> None:
    (folder / "prices.json").write_text('{"currency": "USD", "entries": [{"id": "a"}]}')

    result = CliRunner().invoke(rate, ["-", "--lines", "--prices", "prices.json"], input=jsonl(USAGE))

    assert (result.exit_code, result.stdout) == (2, "")
    assert "prices.json at /entries/0" in result.stderr


def test_summaries_of_shards_add_up_to_that_of_the_log(folder: Path) -> None:
    records = [{**record.to_json()} for record in list(readable().values())[:60]]
    for name, lines in {"whole": records, "one": records[:17], "two": records[17:]}.items():
        run("-", "--summary", f"{name}.json", stdin=jsonl(*lines, "{"))

    merged = CliRunner().invoke(totals, ["two.json", "one.json"])

    whole = json.loads((folder / "whole.json").read_text())
    assert merged.exit_code == 1  # as that of a part is
    assert json.loads(merged.stdout) == {**whole, "lines": 62, "refused": {"malformed_body": 2}}


def test_what_is_no_summary_is_not_added(folder: Path) -> None:
    (folder / "x.json").write_text("{}")

    result = CliRunner().invoke(totals, ["x.json"])

    assert (result.exit_code, result.stdout) == (2, "")
    assert "x.json: lacks the member 'lines'" in result.stderr


def test_a_lost_process_is_no_verdict_on_the_log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: Any) -> Any:
        raise WorkerLostError("a process ended")
        yield

    monkeypatch.setattr(command, "ordered", lost)

    result = run("-", stdin=jsonl(USAGE))

    assert (result.exit_code, result.stderr) == (3, "decibill: a process ended\n")


def test_the_page_shows_what_is_printed(folder: Path) -> None:
    log, shown = re.findall(r"^```(?:json)?\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)[
        :2
    ]
    (folder / "log.jsonl").write_text(log, "utf-8")
    asked, told = shown.split("\n", 1)

    arguments = asked.removeprefix("$ decibill rate ").partition(" > ")[0].split()
    result = CliRunner().invoke(rate, arguments)

    assert result.stderr == told
    assert (folder / "monday.json").is_file()


# As a program


def decibill(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    program = "from decibill.cli import main; main()"
    paths = os.pathsep.join([str(SUITE), str(SUITE.parent / "reference_impl")])
    return subprocess.Popen(
        [sys.executable, "-c", program, "rate", *arguments, "--lines", "--prices", FOUNDING],
        stdin=subprocess.PIPE,
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
        **options,
    )


def lines_of(size: int) -> bytes:
    line = jsonl(USAGE).encode()
    return line * (size // len(line) + 1)


def test_an_answer_does_not_wait_for_the_next_line() -> None:
    with decibill("-") as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for _ in range(3):
            program.stdin.write(jsonl(USAGE).encode())
            program.stdin.flush()
            assert json.loads(program.stdout.readline())["charge"]["total"] == "0.003527"
        program.stdin.close()
        assert program.wait() == 0


def test_several_processes_print_what_one_does(folder: Path) -> None:
    (folder / "log.jsonl").write_bytes(lines_of(processes.ALONE + 2**20) + b"{\n" + lines_of(2**20))
    printed: list[tuple[bytes, bytes, int]] = []
    for jobs in ("1", "2"):
        with decibill("log.jsonl", "--jobs", jobs) as program:
            printed.append((*program.communicate(), program.returncode))

    assert printed[0] == printed[1]
    assert printed[0][2] == 1


def test_a_reader_that_goes_is_no_verdict_and_leaves_no_process(folder: Path) -> None:
    (folder / "log.jsonl").write_bytes(lines_of(3 * processes.ALONE))
    with decibill("log.jsonl", "--jobs", "2") as program:
        assert program.stdout is not None
        program.stdout.readline()
        program.stdout.close()
        assert program.stderr is not None
        told = program.stderr.read()  # ends when every process has ended that could write to it
        assert program.wait() == 3

    assert b"Traceback" not in told


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent by a signal")
def test_ctrl_c_ends_everything_without_a_traceback() -> None:
    with decibill("-", "--jobs", "2", start_new_session=True, stdout=subprocess.DEVNULL) as program:
        assert program.stdin is not None
        program.stdin.write(lines_of(processes.ALONE + 2**21))  # all but the rest of a pipe is read now
        program.stdin.flush()
        os.killpg(program.pid, signal.SIGINT)
        assert program.stderr is not None
        told = program.stderr.read()
        assert program.wait() == 130

    assert b"Traceback" not in told


# Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_that_is_written_over_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 0.1, 1.0, 2.0])
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress(shown=True, size=400, clock=lambda: next(moments))

    progress.advance(100, 5, 0)  # too soon
    progress.advance(100, 2000, 1)
    progress.advance(100, 3000, 1)
    progress.end()

    assert terminal.getvalue().split("\r\x1b[K")[1:] == [
        "decibill: 50%, 2,000 lines, 1 refused, 2,000 a second",
        "decibill: 75%, 3,000 lines, 1 refused, 1,500 a second",
        "",
    ]


def test_progress_of_an_input_without_end_has_no_percentage(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    moments = iter([0.0, 1.0])

    Progress(shown=True, clock=lambda: next(moments)).advance(100, 5, 0)

    assert terminal.getvalue().endswith("decibill: 5 lines, 0 refused, 5 a second")


def test_where_nobody_watches_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    moments = iter([0.0, 1.0])
    progress = Progress(shown=False, clock=lambda: next(moments))

    progress.advance(100, 5, 0)
    progress.end()

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "output", "expected"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_somebody_watches_a_terminal_over_which_no_output_runs(
    monkeypatch: pytest.MonkeyPatch, error: bool, output: bool, expected: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal() if error else io.StringIO())
    monkeypatch.setattr(sys, "stdout", Terminal() if output else io.StringIO())

    assert watched() is expected
