"""Chunks rated in several processes, the results in the order of the input.

One thread reads the input and deals the chunks out in turn; the caller's thread takes the results in the same
turn. A queue of tickets between the two holds so few of them that memory stays as it is. No result is
waited for whose chunk could be kept from its process: the chunks are dealt in the order of the results.

A process ends when its connection does, so none outlives the program, however that ends; those of
`concurrent.futures` stay behind when the program is killed, which is why they are not used here.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from decibill_reference.prices import PriceBook
from decibill_reference.rate_lines.rater import Rater

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from decibill_reference.rate_lines.chunks import Chunk
    from decibill_reference.rate_lines.rater import Done

__all__ = ["ALONE", "Setting", "WorkerLostError", "cores", "ordered"]

ALONE: Final = 4 * 1024 * 1024
"""Bytes of the input that are rated before processes are started: less is done sooner than they are there."""

_WAITING: Final = 3
"""Chunks on their way for each process: one that is rated, one that waits, one whose result does."""


class WorkerLostError(Exception):
    """A process ended before its work did."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a process has to know to rate lines; like a `Rater`, but of data that can be sent."""

    prices: Any
    """The price book as JSON data."""

    at: str | None
    root: Path | None
    strict: bool

    def rater(self) -> Rater:
        """Return what rates the lines."""
        return Rater(PriceBook.from_json(self.prices), self.at, self.root, self.strict)


def cores() -> int:
    """Return how many processes can run at the same time."""
    if hasattr(os, "sched_getaffinity"):  # what this program may use, not what the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # pragma: no cover - other systems


def ordered(chunks: Iterator[Chunk], setting: Setting, jobs: int, alone: int = ALONE) -> Generator[Done]:
    """Yield what each chunk comes to, in order.

    Args:
        chunks: the input, which is read as far as it is rated, and a few chunks more.
        setting: how to rate it.
        jobs: processes that rate; with 1 it is this one.
        alone: bytes that this process rates itself before it starts others.

    Raises:
        WorkerLostError: a process ended before its work did.
    """
    rater = setting.rater()
    read = 0
    for chunk in chunks:
        yield rater.chunk(chunk)
        read += len(chunk.content)
        if jobs > 1 and read >= alone:
            yield from _in_processes(chunks, setting, jobs)


def _in_processes(chunks: Iterator[Chunk], setting: Setting, jobs: int) -> Generator[Done]:
    with _without_ctrl_c():
        workers = [_Worker.start(setting) for _ in range(jobs)]
    dealer = _Dealer(chunks, workers)
    dealer.thread.start()
    try:
        while (ticket := dealer.tickets.get()) is not None:
            if isinstance(ticket, BaseException):
                raise ticket
            yield ticket.result()
    except BaseException:  # also where the results are wanted no longer
        for worker in workers:
            worker.process.terminate()
        dealer.stop()
        raise
    else:
        for worker in workers:
            worker.connection.close()
    finally:
        for worker in workers:
            worker.process.join()


@contextmanager
def _without_ctrl_c() -> Generator[None]:
    """Ignore Ctrl-C, which goes to the whole group, while processes start: they inherit that and keep it."""
    if threading.current_thread() is not threading.main_thread():  # only that one may
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(frozen=True, slots=True)
class _Worker:
    """One process and the connection to it."""

    process: BaseProcess
    connection: Connection

    @classmethod
    def start(cls, setting: Setting) -> _Worker:
        # A process from scratch, since this one may have threads, which do not survive a fork.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, setting), daemon=True)
        process.start()
        theirs.close()
        return cls(process, ours)

    def result(self) -> Done:
        """Return the result of the oldest chunk that was sent."""
        try:
            done: Done = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            reason = f"a process that rates lines ended with the code {self.process.exitcode}"
            raise WorkerLostError(f"{reason}; what was printed is whole, the rest is missing") from None
        return done


class _Dealer:
    """The thread that reads the input and sends the chunks."""

    def __init__(self, chunks: Iterator[Chunk], workers: list[_Worker]) -> None:
        self._chunks = chunks
        self._workers = workers
        self._stopped = threading.Event()
        self.tickets: queue.Queue[_Worker | BaseException | None] = queue.Queue(_WAITING * len(workers))
        # It may be waiting for input when all else is over, and must not keep the program from ending.
        self.thread = threading.Thread(target=self._deal, name="reader", daemon=True)

    def _deal(self) -> None:
        last: BaseException | None = None
        try:
            for number, chunk in enumerate(self._chunks):
                worker = self._workers[number % len(self._workers)]
                self.tickets.put(worker)
                if self._stopped.is_set():
                    return
                with suppress(OSError):  # the process is gone: who waits for its result finds out
                    worker.connection.send(chunk)
        except BaseException as error:  # noqa: BLE001 - it is raised where the results are taken
            last = error
        self.tickets.put(last)

    def stop(self) -> None:
        """Let the thread end as soon as it has something to do."""
        self._stopped.set()
        with suppress(queue.Empty):
            while True:
                self.tickets.get_nowait()


def work(connection: Connection, setting: Setting) -> None:
    """Rate the chunks that arrive until the connection ends; what a process does."""
    rater = setting.rater()
    with suppress(EOFError, OSError):
        while True:
            connection.send(rater.chunk(connection.recv()))
