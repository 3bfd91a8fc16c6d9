"""Logs: ``decibill rate --lines`` over generated files, its totals compared with the sum by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final, Literal

from bench.machine import our_path, processors
from bench.payloads import mixed
from bench.tool_decibill import exchange_line, usage_line

if TYPE_CHECKING:
    from bench.payloads import Payload

__all__ = ["measured"]

_ENVIRONMENT = os.environ | {"PYTHONPATH": our_path()}

_LINE: Final = {"usage records": usage_line, "exchanges": exchange_line}


def measured(*, lines: int, rounds: int) -> dict[str, Any]:
    """Return what was measured, ready for JSON.

    Args:
        lines: how many usage records; exchanges are half as many.
        rounds: how often each file is rated.
    """
    asked = mixed()
    with tempfile.TemporaryDirectory() as temporary:
        return {
            "rounds": rounds,
            "cases": [payload.case for payload in asked],
            "logs": [
                _of_log(Path(temporary), "usage records", lines, rounds, asked),
                _of_log(Path(temporary), "exchanges", lines // 2, rounds, asked),
            ],
        }


def _of_log(
    folder: Path,
    kind: Literal["usage records", "exchanges"],
    lines: int,
    rounds: int,
    asked: tuple[Payload, ...],
) -> dict[str, Any]:
    log = folder / "log.jsonl"
    repeats = max(1, lines // len(asked))
    block = b"".join(_LINE[kind](payload) + b"\n" for payload in asked)
    with log.open("wb") as file:
        for _ in range(repeats):
            file.write(block)
    count = repeats * len(asked)
    right = sum((payload.expected for payload in asked), Decimal(0)) * repeats
    jobs = (1, processors())
    taken: dict[str, list[float]] = {str(number): [] for number in (*jobs, "json.loads")}
    totals = set[str]()
    for _ in range(rounds):
        begin = time.perf_counter()
        with log.open("rb") as file:
            for line in file:
                json.loads(line)
        taken["json.loads"].append(time.perf_counter() - begin)
        for number in jobs:
            begin = time.perf_counter()
            totals.add(_rated(log, asked[0].book, number, folder / "summary.json"))
            taken[str(number)].append(time.perf_counter() - begin)
    return {
        "of": kind,
        "lines": count,
        "mib": round(log.stat().st_size / 2**20, 1),
        "right_total": format(right.normalize(), "f"),
        "totals": sorted(totals),
        "exact": {Decimal(total) for total in totals} == {right},
        "json_loads_a_second": _rate(count, taken["json.loads"]),
        "a_second": {str(number): _rate(count, taken[str(number)]) for number in jobs},
    }


def _rated(log: Path, book: Path, jobs: int, summary: Path) -> str:
    """Rate the log in a process of its own, start and all, and return the total in its summary."""
    options = ["--lines", str(log), "--prices", str(book), "--jobs", str(jobs), "--summary", str(summary)]
    command = [sys.executable, "-m", "decibill", "rate", *options]
    with (summary.parent / "charges.jsonl").open("wb") as charges:
        done = subprocess.run(  # noqa: S603 - our own command
            command, stdout=charges, stderr=subprocess.PIPE, check=False, text=True, env=_ENVIRONMENT
        )
    if done.returncode != 0:
        raise RuntimeError(f"decibill rate --lines ended with {done.returncode}: {done.stderr[-1000:]}")
    (total,) = json.loads(summary.read_bytes())["totals"]
    return str(total["total"])


def _rate(count: int, seconds: list[float]) -> int:
    return round(count / median(seconds))
