"""``decibill prices``: between a gateway's own price list and a price book, in either direction."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from decibill import jsonio, schemas
from decibill.book_checks import instant
from decibill.declaration_read import load
from decibill.pricemap import Carried, NotCarried
from decibill.pricemap_read import ReadOptions, read_book
from decibill.pricemap_write import WriteOptions, write_list
from decibill.report.text import printable
from decibill.template_tree import plain_json

__all__ = ["prices"]

_STANDARD_INPUT = "-"
_URL = re.compile(r"(https?://|urn:[a-z0-9]+:)\S+\Z")


class _Instant(click.ParamType[str]):
    """A date, or a UTC timestamp, as price books write them."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text of the instant in *value*."""
        if schemas.definition("usage-record", "instant")(value) or instant(value) is None:
            self.fail(
                f"{value!r} is neither a date, 2026-11-21, nor a UTC time, 2026-11-21T08:00:00Z", param, ctx
            )
        return str(value)


class _Page(click.ParamType[str]):
    """The address of a page."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address in *value*."""
        if not _URL.match(value):
            self.fail(f"{value!r} is no address: write https://… or urn:…", param, ctx)
        return str(value)


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of both directions."""
    options = (
        click.option("--model", metavar="GLOB", multiple=True, help="Only these models."),
        click.option(
            "--format",
            "format_",
            type=click.Choice(["text", "json"]),
            default="text",
            help="json: what is not carried over stands in the output too.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(short_help="Read or write a gateway's own price list.")
def prices() -> None:
    """Carry prices between a gateway's own price list and a price book.

    GATEWAY is the name of a declaration, or a file: its [prices] say which member prices what. Every number
    is carried over to its last digit or not at all; what is not carried over is listed on standard error.
    """


@prices.command(short_help="Print a gateway's price list as a price book.")
@click.argument("gateway")
@click.argument("file")
@_common
@click.option("--provider", metavar="NAME", help="The provider of entries that name none.")
@click.option(
    "--from", "since", type=_Instant(), help="From when prices without a date hold; default: --read."
)
@click.option(
    "--read", "read_on", type=_Instant(), help="The day on which the list was read; default: today."
)
@click.option("--source", type=_Page(), help="The page that the prices are from, where the list names none.")
def read(gateway: str, file: str, **options: Any) -> None:
    """Print the price book in FILE, a price list in GATEWAY's own members; - is standard input.

    A plain token price becomes the rate of text, and an audio price that is missing stays missing.
    """
    declaration = load(gateway)
    name, document = _document(file)
    day = options["read_on"] or datetime.now(UTC).date().isoformat()
    read_options = ReadOptions(
        file=name,
        read=day.partition("T")[0],
        since=options["since"] or day,
        provider=options["provider"],
        source=options["source"],
        models=options["model"],
    )
    carried = read_book(document, declaration, read_options)
    schemas.validate("price-book", carried.document, f"the price book of {name}")
    _show(carried, name, "book", options["format_"])


@prices.command(short_help="Print a price book as a gateway's price list.")
@click.argument("gateway")
@click.argument("book")
@_common
@click.option("--provider", metavar="NAME", help="Only entries of this provider.")
@click.option("--at", type=_Instant(), help="Which instant's prices; default: now.")
def write(gateway: str, book: str, **options: Any) -> None:
    """Print the prices of BOOK, a price book, in GATEWAY's own members; - is standard input."""
    declaration = load(gateway)
    name, document = _document(book)
    schemas.validate("price-book", document, name)
    at = instant(options["at"]) if options["at"] is not None else None
    write_options = WriteOptions(
        file=name,
        at=at or datetime.now(UTC),
        models=options["model"],
        provider=options["provider"],
    )
    _show(write_list(document, declaration, write_options), name, "prices", options["format_"])


def _document(file: str) -> tuple[str, Any]:
    """Return the name and the content of a JSON file."""
    if file == _STANDARD_INPUT:
        return "standard input", jsonio.loads(sys.stdin.buffer.read(), "standard input")
    return file, jsonio.load_file(Path(file), file)


def _show(carried: Carried, name: str, member: str, format_: str) -> None:
    lost = carried.not_carried
    if format_ == "json":
        whole = {member: carried.document, "not_carried": [item.to_json() for item in lost]}
        click.echo(plain_json(whole))
    else:
        click.echo(plain_json(carried.document))
    for line in _lines(lost, name):
        click.echo(printable(line), err=True)


def _lines(lost: Iterable[NotCarried], name: str) -> Iterable[str]:
    """Yield what people are told about what was not carried over."""
    items = list(lost)
    for item in items:
        yield f"{name} at {item.pointer or '/'}: {item.problem}"
    if items:
        yield f"{len(items)} not carried over"
