"""Millions of usage records through `decibill rate --lines`, their totals held to sums of whole numbers.

::

    python -m tests.many 10000000
    python -m tests.many 1000000 --spark

With --spark it is the worked example of a cluster that sums them, on this machine.
The expectation is worked out here, beside the calculator: every total in units of 10^-12, as an integer.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BOOK", "Expected", "charges", "records", "summary_of"]

REFERENCE = Path(__file__).parents[1]
PATHS = os.pathsep.join([str(REFERENCE.parent / "conformance"), str(REFERENCE)])
UNIT = 10**12


def _entry(model: str, family: str, rates: dict[str, tuple[str, str]]) -> dict[str, Any]:
    return {
        "id": model,
        "provider": "openai",
        "models": [model],
        "from": "2023-01-01",
        "pricing_model": family,
        "rates": {name: {"amount": amount, "per": per} for name, (amount, per) in rates.items()},
        "source": {"url": "urn:decibill:constructed:many", "read": "2026-11-21"},
    }


BOOK: dict[str, Any] = {
    "currency": "USD",
    "entries": [
        _entry(
            "chat",
            "audio_token_based",
            {
                "text_input_tokens": ("2.5", "1000000"),
                "audio_input_tokens": ("32", "1000000"),
                "text_output_tokens": ("10", "1000000"),
                "audio_output_tokens": ("64", "1000000"),
            },
        ),
        _entry("seconds", "audio_per_minute", {"audio_duration_seconds": ("0.22", "3600")}),
        _entry("speech", "audio_per_character", {"tts_characters": ("15", "1000000")}),
    ],
}
"""A third of a third is among its prices, so that totals are rounded."""


class Expected:
    """What the records come to that were drawn until now: their number and the sum, by model."""

    def __init__(self) -> None:
        self.records: dict[str, int] = {}
        self.units: dict[str, int] = {}

    def count(self, model: str, units: int) -> None:
        """Count one record that costs so many units of 10^-12."""
        self.records[model] = self.records.get(model, 0) + 1
        self.units[model] = self.units.get(model, 0) + units


class _Record(NamedTuple):
    model: str
    quantities: dict[str, int | str]
    units: int


def _record(number: int) -> _Record:
    """Return a record that depends on its number alone."""
    kind = number % 8
    if kind < 4:
        text, audio = number * 7919 % 5003, number * 104729 % 20011
        out, spoken = number * 31 % 997, number * 613 % 3001
        tokens = {
            "input_tokens": text + audio,
            "text_input_tokens": text,
            "audio_input_tokens": audio,
            "output_tokens": out + spoken,
            "text_output_tokens": out,
            "audio_output_tokens": spoken,
        }
        return _Record("chat", {**tokens}, 10**5 * (25 * text + 320 * audio + 100 * out + 640 * spoken))
    if kind < 6:
        tenths = number * 37 % 36007
        whole, tenth = divmod(tenths, 10)
        seconds = f"{whole}.{tenth}" if tenth else str(whole)
        return _Record(
            "seconds", {"audio_duration_seconds": seconds}, _half_even(tenths * 22 * UNIT, 3_600_000)
        )
    if kind < 7:
        characters = number * 13 % 4099
        return _Record("speech", {"tts_characters": characters}, characters * 15 * 10**6)
    return _Record("unknown", {"tts_characters": number}, 0)


def _half_even(dividend: int, divisor: int) -> int:
    quotient, rest = divmod(dividend, divisor)
    return quotient + (2 * rest > divisor or (2 * rest == divisor and quotient % 2))


def records(count: int, expected: Expected) -> Iterator[bytes]:
    """Yield so many lines, and count what they come to."""
    head = '{"provider": "openai", "surface": "api", "operation": "chat", "at": "2025-06-01T00:00:00Z", '
    for number in range(count):
        model, quantities, units = _record(number)
        expected.count(model, units)
        stated = json.dumps(quantities)
        basis = json.dumps(dict.fromkeys(quantities, "provider_reported"))
        rest = f'"model": "{model}", "quantities": {stated}, "basis": {basis}, "unknown": [], "flags": []}}\n'
        yield (head + rest).encode()


def charges(expected: Expected) -> dict[str, tuple[int, str | None]]:
    """Return how many records of a model there are, and their total as a summary has it."""
    found: dict[str, tuple[int, str | None]] = {}
    for model, count in expected.records.items():
        whole, part = divmod(expected.units[model], UNIT)
        total = f"{whole}.{part:012d}".rstrip("0").rstrip(".")
        found[model] = count, None if model == "unknown" else total
    return found


def summary_of(count: int, expected: Expected, *options: str) -> dict[str, Any]:
    """Return the summary that the program writes of so many records."""
    with tempfile.TemporaryDirectory() as folder:
        book, summary = Path(folder, "book.json"), Path(folder, "summary.json")
        book.write_text(json.dumps(BOOK))
        program = [sys.executable, "-c", "from decibill.cli import main; main()", "rate", "-", "--lines"]
        with subprocess.Popen(
            [*program, "--prices", str(book), "--summary", str(summary), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": PATHS},
        ) as running:
            assert running.stdin is not None
            running.stdin.writelines(records(count, expected))
            running.stdin.close()
            assert running.wait() == 0
        document: dict[str, Any] = json.loads(summary.read_text())
        return document


def summary_by_spark(count: int, expected: Expected) -> dict[str, Any]:
    """Return the summary that the example prints of as many records, in a folder of several files."""
    with tempfile.TemporaryDirectory() as folder:
        book, log = Path(folder, "book.json"), Path(folder, "log")
        book.write_text(json.dumps(BOOK))
        log.mkdir()
        for shard, lines in enumerate(batched(records(count, expected), 100_000)):
            (log / f"{shard}.jsonl").write_bytes(b"".join(lines))
        printed = subprocess.run(
            [sys.executable, str(REFERENCE / "examples" / "spark_totals.py"), str(log), str(book)],
            check=True,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": PATHS, "PYSPARK_PYTHON": sys.executable},
        )
        document: dict[str, Any] = json.loads(printed.stdout)
        return document


def batched(lines: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    """Yield the lines in lists of so many."""
    while batch := list(islice(lines, size)):
        yield batch


def main(count: int, *options: str) -> int:
    """Print what was expected and what was found; return the exit code."""
    expected, start = Expected(), time.perf_counter()
    summary = (
        summary_by_spark(count, expected)
        if options == ("--spark",)
        else summary_of(count, expected, *options)
    )
    seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    wanted, found = charges(expected), {r["model"]: (r["records"], r["total"]) for r in summary["charges"]}
    for model in wanted | found:
        click.echo(f"{model:8} expected {wanted.get(model)}, found {found.get(model)}")
    used_up = f"{seconds:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processors"
    memory = f"at most {used.ru_maxrss / 1024:.0f} MiB a process"
    click.echo(f"{count:,} records, {used_up}, {memory}: {'equal' if found == wanted else 'NOT EQUAL'}")
    return 0 if found == wanted else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
