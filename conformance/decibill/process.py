"""Starting and stopping a declared gateway, in a fresh work folder, with an environment that leaks nothing.

Only `decibill run --start` (and the reference gateway) comes here: a declaration names a program to run.
"""

from __future__ import annotations

import contextlib
import http.server
import importlib.util
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final

from decibill import template
from decibill.declaration import Start
from decibill.egress import Egress
from decibill.errors import HarnessError, PreflightError
from decibill.redact import legible
from decibill.target import Target

__all__ = ["FileServer", "Gateway", "WorkFolder", "free_port", "fresh_secrets"]

_INHERITED: Final = ("HOME", "LANG", "LC_ALL", "PATH", "SYSTEMROOT", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV")
_FIRST_PORT: Final = 20_000
_PORTS: Final = 12_000
_ATTEMPTS: Final = 50
_TAIL_BYTES = 4000
_STOP_WITHIN_S = 8.0
_ASK_EVERY_S = 0.05
_LARGEST_OUTPUT = 1024 * 1024


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port of *host* that was free a moment ago.

    It lies below those that systems give to outgoing connections: one of these could take it before the
    program does for which it was chosen.
    """
    for _ in range(_ATTEMPTS):
        port = _FIRST_PORT + secrets.randbelow(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((host, port))
            return port
    raise HarnessError(f"no port of {host} can be listened on")


def fresh_secrets(start: Start) -> dict[str, str]:
    """Return the declared secrets, each its prefix and 192 random bits."""
    return {name: prefix + secrets.token_hex(24) for name, prefix in start.secrets.items()}


class WorkFolder:
    """A fresh folder for the files of one run, removed at the end."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="decibill-"))

    def __enter__(self) -> WorkFolder:
        return self

    def __exit__(self, *exception: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name: str, text: str) -> Path:
        """Write a file that only this user can read, and return its path."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")
        return path


class FileServer:
    """Serves files to a gateway that fetches its prices over HTTP.

    Args:
        contents: path to content; what is put in later is served too, and nothing else is.
    """

    def __init__(self, contents: Mapping[str, bytes]) -> None:

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = contents.get(self.path.partition("?")[0].removeprefix("/"))
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of http.server
                """Keep quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """The address under which the files are."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FileServer:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Gateway:
    """A declared gateway while it runs, as a context manager.

    Args:
        start: how it is started.
        values: what the templates of its program and environment are filled with.
        url: where it will listen, a template in which ``{port}`` may stand.
        folder: its work folder; its output is kept there.
        file: the declaration, for messages.
        egress: what notices that it tries to reach another machine.
    """

    def __init__(  # noqa: PLR0913 - named arguments, each of them a fact of its own
        self,
        start: Start,
        values: Mapping[str, str],
        *,
        url: str,
        folder: Path,
        file: str = "the declaration",
        egress: Egress | None = None,
    ) -> None:
        self._start = start
        self._argv = [template.fill(word, values, file) for word in start.argv]
        self._egress = egress
        self._env = _environment(start, values, file, egress.environment if egress is not None else {})
        self._address = url
        self._values = values
        self._file = file
        self._pattern = re.compile(start.ready.stdout) if start.ready.stdout is not None else None
        self.port = values.get("port", "")
        """The port that it listens on; known once it is ready."""
        self._folder = folder
        self._output = folder / "output.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._old_handler: Any = None

    def __enter__(self) -> Gateway:
        self._old_handler = _stop_on_termination()
        try:
            self._launch()
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens; known once it is ready."""
        return template.fill(self._address, {**self._values, "port": self.port}, self._file).rstrip("/")

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process is not None and self._process.poll() is None

    def wait_for_end(self, within_s: float) -> None:
        """Wait until the program has ended, at most *within_s* seconds."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(within_s)

    def tail(self) -> str:
        """Return the end of the gateway's output."""
        try:
            with self._output.open("rb") as output:
                output.seek(0, os.SEEK_END)
                output.seek(max(0, output.tell() - _TAIL_BYTES))
                return legible(output.read().decode("utf-8", "replace").replace("\r\n", "\n").strip())
        except OSError:
            return ""

    def _launch(self) -> None:
        program = shutil.which(self._argv[0], path=self._env.get("PATH"))
        if program is None:
            raise PreflightError(f"the gateway cannot be started: there is no program {self._argv[0]!r}")
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the user asked for this program with --start
                [program, *self._argv[1:]],
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that Ctrl-C reaches us first, and stop() everything it started
            )
        if self._egress is not None:
            self._egress.watch(self._process.pid)

    def _wait_until_ready(self) -> None:
        ready = self._start.ready
        deadline = time.monotonic() + ready.within_s
        if self._pattern is not None:
            self._find_port(self._pattern, deadline)
        problem = "it was never asked"
        with Target(self.url, {}, timeout_s=2.0) as target:
            while time.monotonic() < deadline:
                self._refuse_ended()
                answer = target.get(ready.get)
                if answer.status == ready.status:
                    return
                problem = f"it answered {answer.status}" if answer.status else str(answer.error)
                time.sleep(_ASK_EVERY_S)
        raise PreflightError(
            f"the gateway was not ready within {ready.within_s} s: GET {self.url}{ready.get} must answer "
            f"{ready.status}, but {problem}{self._said()}"
        )

    def _find_port(self, pattern: re.Pattern[str], deadline: float) -> None:
        """Wait until the gateway prints the port that it chose, and note it."""
        while time.monotonic() < deadline:
            with self._output.open("rb") as output:
                found = pattern.search(output.read(_LARGEST_OUTPUT).decode("utf-8", "replace"))
            if found is not None:
                self.port = found["port"]
                return
            self._refuse_ended()
            time.sleep(_ASK_EVERY_S)
        raise PreflightError(
            f"the gateway did not print its port within {self._start.ready.within_s} s: nothing that it "
            f"printed matches {pattern.pattern!r}{self._said()}"
        )

    def _refuse_ended(self) -> None:
        if not self.running:
            assert self._process is not None
            code = self._process.returncode
            raise PreflightError(f"the gateway ended with code {code} before it was ready{self._said()}")

    def _said(self) -> str:
        tried = "".join(f"; {note}" for note in (self._egress.notes() if self._egress is not None else ()))
        tail = self.tail()
        return f"{tried}; its output ends:\n{tail}" if tail else f"{tried}; it printed nothing"

    def stop(self) -> None:
        """End the process and everything it started."""
        if self._old_handler is not None:
            signal.signal(signal.SIGTERM, self._old_handler)
            self._old_handler = None
        process = self._process
        if process is None:
            return
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_WITHIN_S)
        _signal_group(process, signal.SIGKILL)  # what it started may outlive it
        process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)  # its own session, so its own group
    except (ProcessLookupError, PermissionError):
        return


def _stop_on_termination() -> Any:
    """Make SIGTERM raise, so that what was started is stopped; return the handler to put back, or None."""
    if threading.current_thread() is not threading.main_thread():
        return None
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return None

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    return signal.signal(signal.SIGTERM, leave)


def _environment(
    start: Start, values: Mapping[str, str], file: str, proxies: Mapping[str, str]
) -> dict[str, str]:
    """Return a small environment: the user's own keys and proxies are none of the gateway's business."""
    kept = (name for name in os.environ if name in _INHERITED or name.startswith("COVERAGE_"))
    env = {name: os.environ[name] for name in kept}
    env["NO_PROXY"] = env["no_proxy"] = "127.0.0.1,localhost"
    env |= proxies
    if start.argv[0] == "{python}":
        # a checkout that was never installed is found by the started interpreter too
        env["PYTHONPATH"] = os.pathsep.join(_our_packages())
    env.update({name: values[f"env.{name}"] for name in start.secrets})
    env.update({name: template.fill(value, values, file) for name, value in start.env.items()})
    return env


def _our_packages() -> list[str]:
    found: list[str] = []
    for name in ("decibill", "decibill_reference"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found.append(str(Path(spec.origin).parents[1]))
    return list(dict.fromkeys(found))
