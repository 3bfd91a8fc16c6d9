"""A started gateway gets a fresh folder and a clean environment, and nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from decibill.declaration import Ready, Start
from decibill.errors import HarnessError, InvalidFileError, PreflightError
from decibill.process import FileServer, Gateway, WorkFolder, free_port, fresh_secrets

SERVER = textwrap.dedent(
    """
    import http.server, json, os, subprocess, sys, time
    port, mode = int(sys.argv[1]), sys.argv[2]
    print("hello from the gateway", flush=True)
    if mode == "dies":
        sys.exit("no licence found")
    if mode == "silent":
        time.sleep(60)
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    child = subprocess.Popen(sleeper) if mode == "child" else None
    if mode == "stubborn":
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"env": dict(os.environ), "child": child and child.pid, "cwd": os.getcwd()})
            self.send_response(503 if mode == "busy" else 200)
            self.end_headers()
            self.wfile.write(body.encode())
        def log_message(self, *args):
            pass
    http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
    """
)


@pytest.fixture
def folder() -> Iterator[Path]:
    with WorkFolder() as work:
        work.write("server.py", SERVER)
        yield work.path


def gateway(folder: Path, mode: str = "well", **changes: Any) -> tuple[Gateway, str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    facts: dict[str, Any] = {
        "argv": ("{python}", "server.py", "{port}", mode),
        "ready": Ready("/health", within_s=5),
        **changes,
    }
    values = {"python": sys.executable, "port": str(port), "env.GATEWAY_SECRET": "s3cret"}
    return Gateway(Start(**facts), values, url=url, folder=folder), url


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


def test_it_listens_when_entered_and_is_gone_when_left(folder: Path) -> None:
    started, url = gateway(folder)
    with started:
        pid = started.pid
        answer = httpx.get(url, trust_env=False).json()
        assert started.running
        assert Path(answer["cwd"]).samefile(folder)
    assert not started.running
    assert not alive(pid)


def test_what_it_started_itself_is_gone_too(folder: Path) -> None:
    started, url = gateway(folder, "child")
    with started:
        child = httpx.get(url, trust_env=False).json()["child"]
        assert alive(child)
    deadline = time.monotonic() + 2
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(child)


def test_one_that_ignores_the_polite_request_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decibill.process._STOP_WITHIN_S", 0.2)
    started, _ = gateway(folder, "stubborn")
    with started:
        pid = started.pid
    assert not alive(pid)


def test_it_is_stopped_when_the_run_fails(folder: Path) -> None:
    started, _ = gateway(folder)
    pid = started.__enter__().pid
    started.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not alive(pid)


def test_its_environment_holds_what_was_declared_and_no_key_of_the_user(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-users-own")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    started, url = gateway(folder, env={"UPSTREAM": "x{port}"}, secrets={"GATEWAY_SECRET": "sk-"})
    with started:
        env = httpx.get(url, trust_env=False).json()["env"]
    assert env["UPSTREAM"].startswith("x")
    assert env["GATEWAY_SECRET"] == "s3cret"
    assert env["NO_PROXY"] == "127.0.0.1,localhost"
    assert env["PATH"] == os.environ["PATH"]
    assert not {"OPENAI_API_KEY", "HTTPS_PROXY"} & set(env)


def test_secrets_are_fresh_for_each_run() -> None:
    start = Start(("g",), Ready("/"), secrets={"KEY": "sk-"})
    first, second = fresh_secrets(start), fresh_secrets(start)
    assert first["KEY"].startswith("sk-")
    assert len(first["KEY"]) == 3 + 48
    assert first != second


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("dies", r"ended with code 1 before .*; its output ends:\nhello from the gateway\nno licence found"),
        ("silent", r"not ready within 1 s: GET http://127\.0\.0\.1:\d+/health must .* cannot be reached"),
        ("busy", r"not ready within 1 s: .* must answer 200, but it answered 503; its output ends:\nhello"),
    ],
    ids=["dies", "silent", "busy"],
)
def test_a_gateway_that_does_not_start_shows_its_last_words(folder: Path, mode: str, says: str) -> None:
    started, _ = gateway(folder, mode, ready=Ready("/health", within_s=1))
    with pytest.raises(PreflightError, match=says):
        started.__enter__()
    assert not started.running


def test_a_program_that_is_not_there_is_named(folder: Path) -> None:
    started, _ = gateway(folder, argv=("no-such-gateway", "serve"))
    with pytest.raises(PreflightError, match="there is no program 'no-such-gateway'"):
        started.__enter__()


def test_only_the_end_of_much_output_is_shown(folder: Path) -> None:
    (folder / "server.py").write_text("print('x' * 100000 + '\\x1b[2J the end'); raise SystemExit(3)")
    started, _ = gateway(folder)
    with pytest.raises(PreflightError) as caught:
        started.__enter__()
    assert str(caught.value).endswith("xxx\ufffd[2J the end")
    assert len(str(caught.value)) < 5000


def test_an_environment_variable_that_is_not_set_is_an_error(folder: Path) -> None:
    with pytest.raises(InvalidFileError, match="environment variable ACME_LICENCE is not set"):
        gateway(folder, env={"LICENCE": "{env.ACME_LICENCE}"})


RUN = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from decibill.declaration import Ready, Start
    from decibill.process import Gateway, WorkFolder, free_port
    port = free_port()
    start = Start(("{python}", sys.argv[1], "{port}", "well"), Ready("/"))
    with WorkFolder() as work:
        values = {"python": sys.executable, "port": str(port)}
        with Gateway(start, values, url=f"http://127.0.0.1:{port}", folder=work.path) as gateway:
            print(gateway.pid, work.path, flush=True)
            time.sleep(60)
    """
)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminated"])
def test_nothing_is_left_when_the_run_itself_is_stopped(folder: Path, how: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder / "server.py")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    pid, work = process.stdout.readline().split()
    assert alive(int(pid))
    process.send_signal(how)
    process.communicate(timeout=10)
    assert not alive(int(pid))
    assert not Path(work).exists()


def test_a_work_folder_is_fresh_private_and_removed() -> None:
    with WorkFolder() as first, WorkFolder() as second:
        assert first.path != second.path
        path = first.write("a/b.json", "{}")
        assert path.stat().st_mode & 0o077 == 0
        assert first.path.stat().st_mode & 0o077 == 0
    assert not first.path.exists()


def test_the_file_server_serves_what_it_was_given_and_nothing_else() -> None:
    contents: dict[str, bytes] = {}
    with FileServer(contents) as server:
        contents["prices.json"] = b'{"a": 1}'
        assert httpx.get(f"{server.url}/prices.json?v=1", trust_env=False).json() == {"a": 1}
        for path in ("/", "/../prices.json/x", "/etc/passwd"):
            assert httpx.get(server.url + path, trust_env=False).status_code == 404


def test_a_free_port_is_none_that_an_outgoing_connection_is_given() -> None:
    assert all(20_000 <= free_port() < 32_000 for _ in range(20))


def test_an_address_without_a_port_to_listen_on_is_said() -> None:
    with pytest.raises(HarnessError, match=r"no port of 192\.0\.2\.1 can be listened on"):
        free_port("192.0.2.1")
