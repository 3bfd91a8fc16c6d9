"""The command line of logs: `rate_log` behind ``decibill rate --lines``, and ``totals``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from decibill_reference.files import FileError, load_json, load_price_book, read_document
from decibill_reference.prices import PriceBook
from decibill_reference.rate_lines.chunks import chunks
from decibill_reference.rate_lines.processes import Setting, WorkerLostError, cores, ordered
from decibill_reference.rate_lines.progress import Progress, watched
from decibill_reference.rate_lines.rater import TOLD
from decibill_reference.rate_lines.summary import Summary
from decibill_reference.rate_lines.table import is_table, rate_table
from decibill_reference.talk import (
    REFUSED,
    Instant,
    Unusable,
    command,
    json_text,
    list_prices,
    named,
    print_json,
    refusal_line,
    say,
)

if TYPE_CHECKING:
    from decibill_reference.rate_lines.rater import Done

__all__ = ["Log", "rate_log", "tell", "totals"]


@dataclass(frozen=True, slots=True)
class Log:
    """A log, and what is wanted of it."""

    file: str
    """A path, or - for standard input."""

    book: Path
    """The price book."""

    at: str | None = None
    """The instant whose prices are used, or None for each record's own."""

    root: Path | None = None
    """The folder of the files that exchanges name."""

    strict: bool = False
    """Whether to end at the first line that is refused."""

    jobs: int | None = None
    """Processes that rate; None is as many as there are cores."""

    summary: str | None = None
    """The file that takes the summary as JSON."""


def rate_log(log: Log) -> int:
    """Print the charges of a log and its summary; return the exit code.

    Raises:
        FileError: one of the files is not what it should be.
    """
    prices = load_json(log.book)
    read_document(PriceBook.from_json, prices, str(log.book))
    setting = Setting(prices, log.at, log.root, log.strict)
    if log.summary is None:
        summary = _rate(log, setting)
    else:
        with _opened(log.summary, "w") as file:  # now: after hours of work it would be late to find it locked
            summary = _rate(log, setting)
            file.write(f"{json_text(summary.to_json(), indent=2)}\n")
    _say_summary(summary)
    return REFUSED if summary.refused else 0


def _rate(log: Log, setting: Setting) -> Summary:
    summary = Summary()
    output = sys.stdout.buffer
    with _input(log.file) as (read, size):
        progress = Progress(shown=watched(), size=size)
        with closing(ordered(chunks(read), setting, log.jobs or cores())) as done_in_order:
            try:
                for done in done_in_order:
                    tell(log.file, done, summary.refusals)
                    summary.merge(done.summary)
                    output.write(done.output)
                    output.flush()
                    progress.advance(done.read, summary.lines, summary.refusals)
                    if log.strict and done.refused:
                        break
            except WorkerLostError as error:
                raise Unusable(str(error)) from None
            finally:
                progress.end()
    return summary


def tell(file: str, done: Done, before: int) -> None:
    """Tell of refused lines, unless that was done often enough *before*."""
    for found in done.refused[: max(0, TOLD - before)]:
        say(refusal_line(f"{named(file)} line {found.line}", found.error))
    if before <= TOLD < before + done.summary.refusals:
        say("further refused lines are not told here; each has its error in the output")


@contextmanager
def _input(file: str) -> Generator[tuple[Callable[[int], bytes], int | None]]:
    """Give what reads the input as it comes, without a buffer that waits for more, and its size if known."""
    if file == "-":
        stream = sys.stdin.buffer
        yield getattr(stream, "raw", stream).read, None
        return
    with _opened(file, "rb", buffering=0) as opened:
        yield opened.read, os.fstat(opened.fileno()).st_size


def _opened(file: str, mode: str, buffering: int = -1) -> IO[Any]:
    try:
        return Path(file).open(mode, buffering, encoding=None if "b" in mode else "utf-8")
    except OSError as error:
        raise FileError(file, f"cannot be opened: {error.strerror or error}") from None


@click.command()
@click.argument("files", type=click.Path(exists=True, dir_okay=False), nargs=-1, required=True)
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False),
    metavar="BOOK",
    help="Price book for tables, by default the bundled list prices.",
)
@click.option(
    "--at",
    type=Instant(),
    metavar="TIME",
    help="UTC instant whose prices are used for tables, by default each record's own.",
)
@click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="Threads for tables, by default one a core."
)
@command
def totals(*, files: tuple[str, ...], prices: str | None, at: str | None, threads: int | None) -> int:
    """Add up FILES and print what they come to together, as JSON.

    A file is a summary that `decibill rate --lines --summary FILE` wrote or that this command printed, or a
    table of usage records: Parquet (.parquet) or CSV (.csv), for which DuckDB is needed. The sum is exactly
    that of all records, in whatever parts and order they were rated. The exit code is 1 if any was refused.
    """
    tables = {Path(file) for file in files if is_table(Path(file))}
    book = load_price_book(Path(prices) if prices else list_prices()) if tables else None
    whole = Summary()
    for path in map(Path, files):
        if path in tables:
            assert book is not None  # since there are tables
            table = rate_table(path, book, at, threads)
            if table.unread:
                say(f"{path}: columns that are not read: {', '.join(table.unread)}")
            whole.merge(table.summary)
        else:
            whole.merge(read_document(Summary.from_json, load_json(path), str(path)))
    print_json(whole.to_json())
    _say_summary(whole)
    return REFUSED if whole.refused else 0


def _say_summary(summary: Summary) -> None:
    for line in summary.text():
        say(line)
