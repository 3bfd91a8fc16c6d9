"""The gateway of a trial: real processes, one after another, over one ledger."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.durability.money import KINDS, model_of

if TYPE_CHECKING:
    from tests.durability.money import Prices

__all__ = ["SERVE", "GatewayProcess", "configure"]

_ROOT: Final = Path(__file__).parents[3]
SERVE: Final = ("-m", "decibill", "serve")
"""What Python runs for a gateway as it is."""


def configure(folder: Path, provider: str, prices: Prices) -> Path:
    """Write the configuration of a gateway with an alias for each kind of call; return its path."""
    (folder / "prices.json").write_text(json.dumps(prices.book()))
    aliases = {
        kind: {
            "provider": "openai",
            "model": model_of(kind),
            "base_url": f"{provider}/v1",
            "prices": "prices.json",
            "retries": 1 if kind == "retry" else 0,
        }
        for kind in KINDS
    }
    path = folder / "gateway.json"
    path.write_text(json.dumps({"ledger": "usage.sqlite", "aliases": aliases}))
    return path


class GatewayProcess:
    """A gateway that is started again and again; clients ask it where it is."""

    def __init__(self, config: Path, program: tuple[str, ...]) -> None:
        self.said: list[str] = []
        """What it wrote to standard error, in all its lives."""

        self._command = (sys.executable, *program, "--config", str(config))
        paths = (_ROOT / "conformance", _ROOT / "reference_impl")
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._there = threading.Condition()
        self._address: tuple[str, int] | None = None
        self._over = False
        self._ending = False

    @property
    def pid(self) -> int:
        """The process that is running."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start a process, and do not wait for it."""
        self._ending = False
        self._process = subprocess.Popen(
            self._command, env=self._environment, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,))
        self._reader.start()

    def kill(self) -> None:
        """End the process as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Tell the process to end; return its exit code."""
        return self._end(signal.SIGTERM)

    def give_up(self) -> None:
        """Let nobody ask or wait for the gateway any more."""
        with self._there:
            self._over = True
            self._there.notify_all()

    def address(self) -> tuple[str, int] | None:
        """Return where the gateway listens, once it does; None if nobody is to ask it any more."""
        with self._there:
            self._there.wait_for(lambda: self._over or self._address is not None)
            return None if self._over else self._address

    def _end(self, number: int) -> int:
        assert self._process is not None
        assert self._reader is not None
        with self._there:
            self._address = None
            self._ending = True
        self._process.send_signal(number)
        code = self._process.wait()
        self._reader.join()
        with self._there:
            self._address = None  # it may have begun to listen in between
        return code

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                found = re.search(r" at http://([\d.]+):(\d+)", line)
                if found is None:
                    self.said.append(line)
                    continue
                with self._there:
                    self._address = found[1], int(found[2])
                    self._there.notify_all()
        if not self._ending:  # it ended by itself, and nobody must wait for it for ever
            self.give_up()
