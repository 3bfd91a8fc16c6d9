"""``decibill run``: the corpus against the reference gateway, from the start of the command to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.machine import our_path, processors

__all__ = ["measured"]

_ENVIRONMENT = os.environ | {"PYTHONPATH": our_path()}


def measured(*, rounds: int, only: str | None = None) -> dict[str, Any]:
    """Return what was measured, ready for JSON; *only* leaves it at some cases."""
    return {
        "rounds": rounds,
        "runs": [_of_jobs(jobs, rounds, only) for jobs in dict.fromkeys((1, processors()))],
    }


def _of_jobs(jobs: int, rounds: int, only: str | None) -> dict[str, Any]:
    seconds, timing = list[float](), dict[str, Any]()
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "decibill", "run", "--jobs", str(jobs), "--out", temporary]
        for _ in range(rounds):
            begin = time.perf_counter()
            done = subprocess.run(  # noqa: S603 - our own command
                [*command, *(["--only", only] if only else [])],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                text=True,
                env=_ENVIRONMENT,
            )
            seconds.append(time.perf_counter() - begin)
            if done.returncode != 0:
                raise RuntimeError(f"decibill run ended with {done.returncode}: {done.stdout[-1000:]}")
        report = json.loads(Path(temporary, "report.json").read_bytes())
        timing = report["timing"]
    return {
        "jobs": jobs,
        "seconds": round(median(seconds), 2),
        "cases": timing["cases"],
        "overhead_ms": timing["overhead_us"]["median"] / 1000,
        "overhead_p95_ms": timing["overhead_us"]["p95"] / 1000,
        "gateway_ms": timing["gateway_us"]["median"] / 1000,
    }
