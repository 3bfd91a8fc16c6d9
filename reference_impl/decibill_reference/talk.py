"""How the commands of the reference talk: data on standard output, words for people on standard error.

A refusal is data, printed as ``{"error": …}`` with exit code 1, and is told with its file on standard error
too, like a charge that is not complete. A user's mistake is one line on standard error, with exit code 2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.files import FileError, public_price_book
from decibill_reference.usage import read_time

if TYPE_CHECKING:
    TextType = click.ParamType[str]
else:
    TextType = click.ParamType  # not generic before click 8.2

__all__ = [
    "REFUSED",
    "Failure",
    "Instant",
    "RefusalError",
    "TextType",
    "Unusable",
    "about",
    "command",
    "json_text",
    "list_prices",
    "named",
    "own",
    "print_json",
    "refusal_line",
    "say",
    "say_gaps",
]

T = TypeVar("T")

REFUSED: Final = 1
"""The exit code of a refusal."""

_LONGEST: Final = 2000
"""Characters of one message: a file may hold a name of any length."""

_STEERING: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""What JSON may hold as it stands, and a terminal obeys or an editor reorders."""


class Failure(click.ClickException):
    """A mistake of the user's."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print one line on standard error."""
        del file
        say(self.format_message())


class Unusable(Failure):
    """Something outside the command line is in the way, such as a port in use."""

    exit_code = 3


class Instant(TextType):
    """A UTC instant on the command line."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the instant as given."""
        try:
            return read_time(value, "/at")
        except DecibillReferenceError as error:
            self.fail(error.message, param, ctx)


class RefusalError(Exception):
    """A refusal, and the file that it is about."""

    def __init__(self, file: str, refused: DecibillReferenceError) -> None:
        self.file = file
        self.refused = refused
        super().__init__(file, refused)


def command(function: Callable[..., int | None]) -> Callable[..., None]:
    """Turn errors into what a user of the command line gets, and a result into the exit code."""

    @wraps(function)
    def wrapped(*args: Any, **options: Any) -> None:
        try:
            code = function(*args, **options)
        except FileError as error:
            raise Failure(str(error)) from None
        except RefusalError as error:
            print_json(error.refused.to_json())
            say(refusal_line(error.file, error.refused))
            code = REFUSED
        if code:
            click.get_current_context().exit(code)

    return wrapped


def list_prices() -> Path:
    """Return the bundled price book, and say which it is.

    Raises:
        UsageError: none is bundled.
    """
    path = public_price_book()
    if path is None:
        raise click.UsageError("no price book is bundled; give one with --prices")
    say(f"list prices of {path.stem}; give yours with --prices")
    return path


def own(read: Callable[[Any], T], document: Any, file: str, place: str = "") -> T:
    """Return what *read* makes of the document at *place*; one of the wrong shape is the wrong file."""
    try:
        return read(document)
    except DecibillReferenceError as error:
        if error.code != "malformed_body":
            raise RefusalError(file, error) from None
        raise FileError(named(file), error.message, place + error.pointer) from None


@contextmanager
def about(file: str) -> Generator[None]:
    """Say of a refusal which file it is about."""
    try:
        yield
    except DecibillReferenceError as error:
        raise RefusalError(file, error) from None


def named(file: str) -> str:
    """Return what people call a file."""
    return "standard input" if file == "-" else file


def refusal_line(file: str, refused: DecibillReferenceError) -> str:
    """Return a refusal in words, with file and pointer."""
    place = f" at {refused.pointer}" if refused.pointer else ""
    return f"{named(file)}{place}: {refused.message} ({refused.code})"


def say_gaps(file: str, charge: Mapping[str, Any]) -> None:
    """Tell a person what a charge does not cover."""
    if charge["unpriced"]:
        gaps = [
            f"{gap.get('quantity') or gap.get('model')} ({gap['reason'].replace('_', ' ')})"
            for gap in charge["unpriced"]
        ]
        say(f"{named(file)}: {charge['status']}, for want of {', '.join(gaps)}")


def say(message: str) -> None:
    """Print one line on standard error, in which nothing from a file can steer a terminal."""
    shown = "".join(character if character.isprintable() else "\ufffd" for character in message[:_LONGEST])
    more = len(message) - _LONGEST
    click.echo(f"decibill: {shown}{f' [and {more} more characters]' if more > 0 else ''}", err=True)


def print_json(document: Mapping[str, Any]) -> None:
    """Print a record, indented."""
    click.echo(json_text(document, indent=2))


def json_text(document: Mapping[str, Any], indent: int | None = None) -> str:
    """Return JSON in UTF-8.

    Half a character, which UTF-8 cannot hold, stays an escape, and so does what could steer a terminal.
    """
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    text = _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
