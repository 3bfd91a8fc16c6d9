"""A calculator's program while it runs: lines in, lines out, in bounded time and with bounded output.

All lines are written at once and then its input ends, so a program may answer each line as it comes or read
them all first.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final

from decibill.errors import HarnessError
from decibill.redact import legible

__all__ = ["Limits", "ask"]

_TAIL: Final = 2000
_CHUNK: Final = 65536
_LAST_WORDS_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a program may take and how much it may say."""

    silence_s: float = 120.0
    """From one line to the next, and to the first."""

    total_s: float = 1200.0
    line_bytes: int = 4 * 1024 * 1024
    end_s: float = 10.0
    """From its last answer until it ends by itself; then it is ended."""


def ask(
    argv: Sequence[str],
    lines: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> list[bytes]:
    """Return one answer for each of *lines*, in order and without line ends.

    Args:
        argv: the program and its arguments; no shell is between.
        lines: what it is asked, each without a line break.
        env: variables added to the environment.
        limits: time and output.

    Raises:
        HarnessError: the program is not there, ends too early, says too much or takes too long.
    """
    limits = limits or Limits()
    program = shutil.which(argv[0]) if argv else None
    if program is None:
        raise HarnessError(f"the calculator cannot be started: there is no program {' '.join(argv[:1])!r}")
    process = subprocess.Popen(  # noqa: S603 - the user asked for this program with --calculator
        [program, *argv[1:]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
        start_new_session=True,  # so that whatever it starts is ended with it
    )
    return _Talk(process, limits).all(lines)


class _Talk:
    """One program and what it says."""

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process, self._limits = process, limits
        self._pipes: tuple[IO[bytes], ...] = (process.stdin, process.stdout, process.stderr)
        self._said: queue.Queue[bytes | None] = queue.Queue(maxsize=1000)
        self._tail = b""
        self._over, self._kept = threading.Event(), threading.Event()

    def all(self, lines: Sequence[str]) -> list[bytes]:
        given, said, complaints = self._pipes
        threads = [
            threading.Thread(target=self._write, args=(given, lines)),
            threading.Thread(target=self._read, args=(said,)),
            threading.Thread(target=self._keep, args=(complaints,)),
        ]
        for thread in threads:
            thread.start()
        try:
            answers = self._answers(len(lines))
        finally:
            self._end()
            for thread in threads:
                thread.join()
            for pipe in self._pipes:
                with contextlib.suppress(OSError):
                    pipe.close()
        return answers

    def _answers(self, number: int) -> list[bytes]:
        """Return so many lines, and make sure that no more come."""
        answers: list[bytes] = []
        latest = time.monotonic() + self._limits.total_s
        while True:
            done = len(answers) == number
            allowed = self._limits.end_s if done else self._limits.silence_s
            try:
                line = self._said.get(timeout=max(0.0, min(allowed, latest - time.monotonic())))
            except queue.Empty:
                if done:
                    return answers
                slow = f"the calculator has given {len(answers)} of {number} answers and is silent"
                raise HarnessError(f"{slow}; give it less with --only{self._complaint()}") from None
            if line is None:
                if done:
                    return answers
                raise HarnessError(
                    f"the calculator ended {self._how()} after {len(answers)} of {number} answers"
                    f"{self._complaint()}"
                )
            if done:
                shown = legible(line[:80].decode("utf-8", "replace"))
                raise HarnessError(
                    f"the calculator says more than {number} lines, one for each case: {shown!r}"
                )
            if len(line) > self._limits.line_bytes:
                most = self._limits.line_bytes
                raise HarnessError(f"line {len(answers) + 1} of the calculator has more than {most} bytes")
            answers.append(line)

    def _how(self) -> str:
        try:
            code = self._process.wait(self._limits.end_s)
        except subprocess.TimeoutExpired:
            return "its output"
        return f"with code {code}" if code >= 0 else f"by signal {-code}"

    def _complaint(self) -> str:
        self._kept.wait(_LAST_WORDS_S)  # what it wrote before it ended may still be on its way
        tail = legible(self._tail.decode("utf-8", "replace").strip())
        return f"; it complains:\n{tail}" if tail else ""

    def _write(self, pipe: IO[bytes], lines: Sequence[str]) -> None:
        with contextlib.suppress(OSError):  # it may end before it has read everything
            for line in lines:
                pipe.write(line.encode("utf-8") + b"\n")
            pipe.close()

    def _read(self, pipe: IO[bytes]) -> None:
        most = self._limits.line_bytes + 2
        with contextlib.suppress(OSError, ValueError):
            while line := pipe.readline(most):
                if line.strip() and not self._put(line.rstrip(b"\r\n") if line.endswith(b"\n") else line):
                    return
        self._put(None)

    def _put(self, line: bytes | None) -> bool:
        """Hand a line over, and say whether anybody still waits for one."""
        while not self._over.is_set():
            with contextlib.suppress(queue.Full):
                self._said.put(line, timeout=0.1)
                return True
        return False

    def _keep(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while chunk := os.read(pipe.fileno(), _CHUNK):
                self._tail = (self._tail + chunk)[-_TAIL:]
        self._kept.set()

    def _end(self) -> None:
        self._over.set()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        self._process.wait()
