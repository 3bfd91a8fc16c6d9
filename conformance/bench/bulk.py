"""Logs: ``decibill rate --lines`` over generated files, its totals compared with the sum by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from bench.machine import our_path, processors
from bench.payloads import mixed
from bench.tool_decibill import exchange_line, usage_line

if TYPE_CHECKING:
    from collections.abc import Generator

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
    jobs = tuple(dict.fromkeys((1, processors())))
    taken: dict[str, list[_Taken]] = {str(number): [] for number in (*jobs, "json.loads")}
    totals = set[str]()
    for _ in range(rounds):
        with _clock(taken["json.loads"]), log.open("rb") as file:
            for line in file:
                json.loads(line)
        for number in jobs:
            with _clock(taken[str(number)]):
                totals.add(_rated(log, asked[0].book, number, folder / "summary.json"))
    return {
        "of": kind,
        "lines": count,
        "mib": round(log.stat().st_size / 2**20, 1),
        "right_total": format(right.normalize(), "f"),
        "totals": sorted(totals),
        "exact": {Decimal(total) for total in totals} == {right},
        "ways": {name: _figures(count, each) for name, each in taken.items()},
    }


def _rated(log: Path, book: Path, jobs: int, summary: Path) -> str:
    """Rate the log in a process of its own, start and all, and return the total in its summary."""
    options = [str(log), "--lines", "--prices", str(book), "--jobs", str(jobs), "--summary", str(summary)]
    command = [sys.executable, "-m", "decibill", "rate", *options]
    with (summary.parent / "charges.jsonl").open("wb") as charges:
        done = subprocess.run(  # noqa: S603 - our own command
            command, stdout=charges, stderr=subprocess.PIPE, check=False, text=True, env=_ENVIRONMENT
        )
    if done.returncode != 0:
        raise RuntimeError(f"decibill rate --lines ended with {done.returncode}: {done.stderr[-1000:]}")
    (total,) = json.loads(summary.read_bytes())["totals"]
    return str(total["total"])


class _Taken(NamedTuple):
    """Seconds of the clock, and of processors."""

    clock: float
    processor: float


@contextmanager
def _clock(taken: list[_Taken]) -> Generator[None]:
    """Add to *taken* what passes within, with all processes that end within."""
    begin, spent = time.perf_counter(), _processor_seconds()
    yield
    taken.append(_Taken(time.perf_counter() - begin, _processor_seconds() - spent))


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _figures(count: int, taken: list[_Taken]) -> dict[str, Any]:
    clock, processor = median(each.clock for each in taken), median(each.processor for each in taken)
    return {
        "a_second": round(count / clock),
        "processor_us_a_line": round(processor / count * 1e6, 2),
    }
