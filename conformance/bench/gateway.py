"""``python -m bench.gateway``: transcriptions a second, and the latency that a gateway adds, side by side.

Gateways are started by their declarations, so their programs must be on the PATH. All have the same provider
behind them, which gives one recorded answer, and get the same uploads of 60 KB from four clients that keep
their connections. They take turns in rounds, and so does the provider itself: what a call takes without a
gateway is what the added latency is counted from. While one is under load the others are halted. Where there
is more than one processor the gateways have one half to themselves, clients and provider the other.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from decibill import cases
from decibill._data import data_directory
from decibill.case import ExchangeCase

from bench.gateway_figures import Turn, alone, compared
from bench.gateway_load import Wanted, load
from bench.gateway_started import Started, on_processors, started
from bench.gateway_table import table
from bench.gateway_upstream import provider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["measured"]

CASE: Final = "openai/transcription-4o-json"
CLIENTS: Final = 4
UPLOAD_BYTES: Final = 60_000
GATEWAYS: Final = ("reference", "litellm")
_BOUNDARY: Final = "decibill-bench"


@dataclass
class _Subject:
    """What takes its turn: a gateway, or the provider without one."""

    wanted: Wanted
    gateway: Started | None = None
    calls: int = 0
    turns: list[Turn] = field(default_factory=list[Turn])

    def turn(self, seconds: float) -> Turn:
        """Let one client call, then four."""
        before = self._processor_s()
        alone, together = load(self.wanted, 1, seconds / 2), load(self.wanted, CLIENTS, seconds)
        after = self._processor_s()
        calls = alone.calls + together.calls
        self.calls += calls
        taken = None if before is None or after is None else (after - before) * 1000 / calls
        return Turn(alone, together, taken)

    def _processor_s(self) -> float | None:
        return None if self.gateway is None else self.gateway.processor_s()

    def result(self, direct: Sequence[Turn], peer: Sequence[Turn]) -> dict[str, Any]:
        """Return what was measured, ready for JSON."""
        if self.gateway is None:
            return {"id": "direct", "name": "no gateway", "calls": self.calls, **alone(self.turns)}
        header = self.gateway.cost_header
        return {
            "id": self.gateway.id,
            "name": self.gateway.name,
            "calls": self.calls,
            **alone(self.turns),
            **compared(self.turns, direct, peer),
            "cost_stated": self.turns[-1].together.headers.get(header) if header is not None else None,
            "durable_rows": _rows(self.gateway.folder),
        }


def measured(gateways: Sequence[str] = GATEWAYS, *, rounds: int = 10, seconds: float = 2.0) -> dict[str, Any]:
    """Return what was measured, ready for JSON.

    Args:
        gateways: names of declarations; the last one is what the others are compared with.
        rounds: how often each takes its turn.
        seconds: how long four clients call in a turn; one client calls half as long.
    """
    (case,) = (case for case in cases.load_cases() if case.id == CASE)
    assert isinstance(case, ExchangeCase)
    exchange = case.steps[0].answers[0].exchange
    answer = data_directory("fixtures") / exchange["response"]["json_file"]
    text = json.loads(answer.read_bytes())["text"]
    theirs, ours = _halves()
    with contextlib.ExitStack() as stack:
        stack.enter_context(on_processors(ours))
        upstream = stack.enter_context(provider(answer))
        subjects = [_Subject(_wanted(f"{upstream}/v1/audio/transcriptions", {}, "any", text))]
        for name in gateways:
            with on_processors(theirs):
                gateway = stack.enter_context(started(name, case, upstream))
            wanted = _wanted(gateway.url, gateway.headers, gateway.model, text)
            subjects.append(_Subject(wanted, gateway))
        _rounds(subjects, rounds, seconds)
        with urllib.request.urlopen(f"{upstream}/asked") as asked:  # noqa: S310 - our own address
            seen = int(asked.read())
        if seen != sum(subject.calls for subject in subjects):
            raise AssertionError(f"the provider answered {seen} calls, and not those that the clients made")
        assert case.charge is not None
        return {
            "case": CASE,
            "upload_bytes": UPLOAD_BYTES,
            "clients": CLIENTS,
            "rounds": rounds,
            "seconds": seconds,
            "processors": {"gateway": sorted(theirs), "clients_and_provider": sorted(ours)},
            "right_cost": str(case.charge.total),
            "subjects": [each.result(subjects[0].turns, subjects[-1].turns) for each in subjects],
        }


def _halves() -> tuple[set[int], set[int]]:
    """Return the processors of the gateways and those of everything else."""
    every = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    half = len(every) // 2
    return set(every[half:]), set(every[:half] or every)


def _wanted(url: str, headers: Mapping[str, str], model: str, text: str) -> Wanted:
    def part(name: str, value: bytes) -> bytes:
        return b'--%b\r\ncontent-disposition: form-data; name="%b%b\r\n' % (
            _BOUNDARY.encode(),
            name.encode(),
            value,
        )

    body = b"".join(
        (
            part("model", b'"\r\n\r\n' + model.encode()),
            part("response_format", b'"\r\n\r\njson'),
            part("file", b'"; filename="call.wav"\r\ncontent-type: audio/wav\r\n\r\n' + _upload()),
            f"--{_BOUNDARY}--\r\n".encode(),
        )
    )
    kind = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
    return Wanted(url, {**headers, **kind}, body, text)


def _upload() -> bytes:
    """Return a WAV file of silence: 16 bits, 8 kHz, one channel."""
    size = UPLOAD_BYTES - 44
    layout = b"WAVEfmt " + bytes.fromhex("10000000 0100 0100 401f0000 803e0000 0200 1000")
    return b"RIFF%b%bdata%b" % (
        (size + 36).to_bytes(4, "little"),
        layout,
        size.to_bytes(4, "little"),
    ) + bytes(size)


def _rounds(subjects: Sequence[_Subject], rounds: int, seconds: float) -> None:
    for number in range(-1, rounds):  # the first one warms up
        turn = number % len(subjects)
        for subject in (*subjects[turn:], *subjects[:turn]):
            with contextlib.ExitStack() as stack:
                for other in subjects:
                    if other is not subject and other.gateway is not None:
                        stack.enter_context(other.gateway.halted())
                taken = subject.turn(seconds)
            if number >= 0:
                subject.turns.append(taken)


def _rows(folder: Path) -> int | None:
    """Return how many calls the gateway has recorded on disk, where it keeps the reference's ledger."""
    ledger = folder / "usage.sqlite"
    if not ledger.exists():
        return None
    with contextlib.closing(sqlite3.connect(ledger)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM usage").fetchone()
        return int(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for, print the table, and write the figures if told where."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description="Measure gateways.")
    parser.add_argument("--gateway", action="append", metavar="NAME", help="the last one is compared with")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0, help="of four clients in a turn")
    parser.add_argument("--out", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    result = measured(options.gateway or GATEWAYS, rounds=options.rounds, seconds=options.seconds)
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result))  # noqa: T201 - a program's output
    return 0


if __name__ == "__main__":
    sys.exit(main())
