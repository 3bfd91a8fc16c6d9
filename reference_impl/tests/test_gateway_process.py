"""``decibill serve`` as a process: what it says, how it ends, and what a crash leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from pytest_httpserver import HTTPServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'conformance'}{os.pathsep}{ROOT / 'reference_impl'}"}
SPEECH = {"model": "speak", "input": "Hello"}


@pytest.fixture(scope="module")
def provider() -> Iterator[HTTPServer]:
    with HTTPServer("127.0.0.1", threaded=True) as server:
        server.expect_request("/v1/audio/speech", method="POST").respond_with_data(
            b"mp3", content_type="audio/mpeg"
        )
        yield server


@pytest.fixture
def config(tmp_path: Path, provider: HTTPServer) -> Path:
    path = tmp_path / "gateway.json"
    alias = {
        "provider": "openai",
        "model": "tts-1",
        "base_url": provider.url_for("/v1"),
        "prices": str(ROOT / "fixtures" / "price-books" / "conformance.json"),
    }
    path.write_text(json.dumps({"ledger": "usage.sqlite", "aliases": {"speak": alias}}))
    return path


def serve(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "decibill", "serve", *arguments],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a gateway; give its process and its address."""
    with serve(*arguments) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            found = re.search(r"http://\S+:\d+", said)
            assert found is not None, said + process.stderr.read()
            yield process, found[0]
        finally:
            process.kill()


def failing(*arguments: str, code: int = 2) -> str:
    """Return what a gateway says that cannot start, without a traceback."""
    with serve(*arguments) as process:
        out, error = process.communicate(timeout=20)
    assert (process.returncode, out) == (code, "")
    assert "Traceback" not in error
    return error


def test_a_crash_right_after_the_response_loses_nothing(config: Path) -> None:
    with serving("--config", str(config)) as (process, url):
        answer = httpx.post(f"{url}/v1/audio/speech", json=SPEECH, trust_env=False)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    call = answer.headers["x-decibill-request-id"]

    with serving("--config", str(config)) as (_, url):
        row = httpx.get(f"{url}/v1/usage/{call}", trust_env=False).json()

    assert (row["id"], row["cost"]) == (call, "0.000086")  # 5 x 17.2 millionths


def test_the_ledger_can_be_put_elsewhere(config: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sqlite"
    with serving("--config", str(config), "--ledger", str(elsewhere)):
        pass

    assert elsewhere.exists()
    assert not (tmp_path / "usage.sqlite").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_gateway_that_is_told_to_stop_stops_quietly(config: Path, number: signal.Signals) -> None:
    with serving("--config", str(config)) as (process, _):
        process.send_signal(number)
        out, error = process.communicate(timeout=10)

    assert (process.returncode, out, error) == (0, "", "")
    assert not (config.parent / "usage.sqlite-wal").exists()  # the ledger was closed in order


def test_a_defect_is_named_and_works(config: Path) -> None:
    with serving("--config", str(config), "--defect", "unit-dropped") as (_, url):
        answer = httpx.post(f"{url}/v1/audio/speech", json=SPEECH, trust_env=False)

    assert answer.headers["x-decibill-cost"] == "0"


def test_an_unknown_defect_is_refused_with_close_matches(config: Path) -> None:
    assert "did you mean silent-zero" in failing("--config", str(config), "--defect", "silent-zeros")


def test_a_port_in_use_is_said(config: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert f"cannot listen on 127.0.0.1 port {port}" in failing(
            "--config", str(config), "--port", str(port), code=3
        )


def test_a_faulty_configuration_is_said_with_file_and_pointer(config: Path) -> None:
    config.write_text('{"ledger": "usage.sqlite", "aliases": {"a": {}}}')

    assert "gateway.json at /aliases/a: lacks the member 'provider'" in failing("--config", str(config))


def test_a_ledger_that_cannot_be_opened_is_said(config: Path) -> None:
    (config.parent / "usage.sqlite").mkdir()

    assert "the ledger cannot be opened" in failing("--config", str(config))


def test_a_gateway_listens_on_ipv6_where_there_is_any(config: Path) -> None:
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        with serving("--config", str(config), "--host", "::1") as (_, url):
            assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
        return
    pytest.skip("this machine has no IPv6")


def test_the_command_line_decides_where_the_ledger_is(config: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sqlite"

    with serving("--config", str(config), "--ledger", str(elsewhere)) as (process, _):
        process.terminate()
        assert process.wait(60) == 0

    assert elsewhere.exists()
    assert not (tmp_path / "usage.sqlite").exists()
