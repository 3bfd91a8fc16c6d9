"""Several processes rate a log as one does: the same output, in the same order."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from decibill_reference import jsonio
from decibill_reference.rate_lines import processes
from decibill_reference.rate_lines.chunks import Chunk
from decibill_reference.rate_lines.processes import Setting, WorkerLostError, cores, ordered, work
from tests.corpus import FIXTURES, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

PRICES = jsonio.loads((FIXTURES / "price-books" / "conformance.json").read_bytes())
SETTING = Setting(PRICES, None, None, strict=False)
RECORDS = [json.dumps(record.to_json()).encode() for record in list(readable().values())[:20]]


def log(chunks: int) -> Iterator[Chunk]:
    """Yield chunks of one to five lines, of which every seventh is bad."""
    number = 1
    for turn in range(chunks):
        lines = [
            b"{" if line % 7 == 0 else RECORDS[line % len(RECORDS)]
            for line in range(number, number + 1 + turn % 5)
        ]
        yield Chunk(number, b"".join(line + b"\n" for line in lines))
        number += len(lines)


def children() -> list[Any]:
    return multiprocessing.active_children()


@pytest.mark.parametrize("jobs", [2, 3])
def test_the_results_of_several_processes_are_those_of_one(jobs: int) -> None:
    expected = list(ordered(log(40), SETTING, 1))

    got = list(ordered(log(40), SETTING, jobs, alone=0))

    assert [done.output for done in got] == [done.output for done in expected]
    assert [done.summary.to_json() for done in got] == [done.summary.to_json() for done in expected]
    assert [[bad.line for bad in done.refused] for done in got] == [
        [bad.line for bad in done.refused] for done in expected
    ]
    assert not children()


def test_a_short_input_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_in_processes", None)  # calling it fails

    assert len(list(ordered(log(5), SETTING, 8))) == 5


def test_who_wants_no_more_results_leaves_no_process_behind() -> None:
    def endless() -> Iterator[Chunk]:
        while True:
            yield from log(5)

    with closing(ordered(endless(), SETTING, 2, alone=0)) as results:
        assert [next(results).output for _ in range(7)]

    assert not children()


def test_no_more_chunks_are_read_ahead_than_processes_can_use() -> None:
    read = 0

    def counted() -> Iterator[Chunk]:
        nonlocal read
        for chunk in log(200):
            read += 1
            yield chunk

    ahead: list[int] = []
    for taken, _ in enumerate(ordered(counted(), SETTING, 2, alone=0), 1):
        ahead.append(read - taken)

    assert max(ahead) <= 3 * 2 + 2  # three a process, one in the reader's hand, one that is handed over


def test_a_fault_of_the_input_is_raised_after_what_was_read_before_it() -> None:
    def broken() -> Iterator[Chunk]:
        yield from log(3)
        raise OSError(5, "the disk is gone")

    results = ordered(broken(), SETTING, 2, alone=0)
    assert [next(results).output for _ in range(3)] == [done.output for done in ordered(log(3), SETTING, 1)]
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)
    assert not children()


def test_a_process_that_is_killed_is_told_and_not_waited_for() -> None:
    def killing() -> Iterator[Chunk]:
        for number, chunk in enumerate(log(30)):
            if number == 8:
                os.kill(children()[0].pid, signal.SIGKILL)
            yield chunk

    with pytest.raises(WorkerLostError, match="ended with the code -9"):
        list(ordered(killing(), SETTING, 2, alone=0))
    assert not children()


def test_a_process_rates_until_its_connection_ends() -> None:
    ours, theirs = multiprocessing.Pipe()
    chunk = next(log(1))
    thread = threading.Thread(target=work, args=(theirs, SETTING))
    thread.start()
    ours.send(chunk)
    done = ours.recv()
    ours.close()
    thread.join()
    theirs.close()

    assert done.output == SETTING.rater().chunk(chunk).output


def test_processes_are_as_many_as_can_run() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)


def test_processes_can_be_started_by_any_thread() -> None:
    got: list[bytes] = []
    thread = threading.Thread(
        target=lambda: got.extend(done.output for done in ordered(log(4), SETTING, 2, alone=0))
    )
    thread.start()
    thread.join()

    assert got == [done.output for done in ordered(log(4), SETTING, 1)]
