"""Whatever happens: the exit code accuses no gateway without reason, and a mistake shows no traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from decibill import cli

ROOT = Path(__file__).resolve().parents[2]
DECIBILL = f"{sys.executable} -m decibill"
FOUNDING = "azure/transcription-founding-report"


def _shell(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which ``decibill`` is the command."""
    path = os.pathsep.join(str(ROOT / each) for each in ("conformance", "reference_impl"))
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line.replace('decibill', DECIBILL, 1)}"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "line", ["decibill rate - <&-", "decibill price - --prices book.json <&-", "decibill check - <&-"]
)
def test_a_closed_standard_input_is_an_empty_one(tmp_path: Path, line: str) -> None:
    (tmp_path / "book.json").write_text('{"currency": "USD", "entries": []}')
    done = _shell(tmp_path, line)
    assert done.returncode == 2
    assert "standard input: not JSON: Expecting value at line 1 column 1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_nobody_reads_still_has_a_verdict(tmp_path: Path) -> None:
    done = _shell(tmp_path, f"decibill run --only {FOUNDING} >&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "decibill-report" / "report.json").is_file()


def test_the_exit_code_is_the_verdict_where_the_reader_has_gone(tmp_path: Path) -> None:
    done = _shell(tmp_path, f"decibill run --only {FOUNDING} | sleep 0")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_list_whose_reader_has_gone_ends_in_silence(tmp_path: Path) -> None:
    done = _shell(tmp_path, "decibill list | sleep 0")
    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no file that is always full")
def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    done = _shell(tmp_path, "decibill list >/dev/full")
    assert (done.returncode, done.stderr) == (3, "decibill: No space left on device\n")


def test_a_mistake_of_its_own_is_inconclusive_and_not_a_failure_of_the_gateway(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(cli.cli, "main", broken)
    with pytest.raises(SystemExit) as stopped:
        cli.main([])
    assert stopped.value.code == 3
    assert "ZeroDivisionError: a mistake" in (shown := capsys.readouterr().err)
    assert shown.endswith("this is a mistake of decibill's own; please report it with the lines above\n")


def test_what_a_file_is_called_cannot_steer_the_terminal(tmp_path: Path) -> None:
    done = _shell(tmp_path, "decibill run --gateway $'\\e[31mred.toml'")
    assert done.returncode == 2
    assert done.stderr == "decibill: \ufffd[31mred.toml: there is no such file\n"


def test_a_port_in_use_is_no_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "book.json").write_text('{"currency": "USD", "entries": []}')
    alias = '"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:9", "prices": "book.json"'
    (tmp_path / "gateway.json").write_text(f'{{"ledger": "l", "aliases": {{"m": {{{alias}}}}}}}')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        upstream = _shell(tmp_path, f"decibill upstream --port {port}")
        gateway = _shell(tmp_path, f"decibill serve --config gateway.json --port {port}")
    assert (upstream.returncode, gateway.returncode) == (3, 3)
    assert gateway.stderr.endswith(
        f"cannot listen on 127.0.0.1 port {port}: Address already in use; try --port 0\n"
    )
