"""The commands of the reference: ``rate``, ``price``, ``refund`` and ``serve``.

Standard output is data alone. A refusal is data too: it is printed as ``{"error": …}``, with exit code 1. A
file that is not what it should be is a mistake of the user's: one line on standard error, and exit code 2.
"""

from __future__ import annotations

import difflib
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from decibill_reference import jsonio
from decibill_reference.charge import rate as rate_usage
from decibill_reference.charge_record import Charge
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import SURFACES, extract
from decibill_reference.files import FileError, load_price_book, public_price_book
from decibill_reference.refund import refund as refund_charge
from decibill_reference.refund_record import Refund, RefundRequest
from decibill_reference.usage import UsageRecord, read_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from decibill_reference.prices import PriceBook

    _TextType = click.ParamType[str]
else:
    _TextType = click.ParamType  # not generic before click 8.2

__all__ = ["COMMANDS", "price", "rate", "refund", "serve"]

T = TypeVar("T")

_FILE: Final = click.Path(exists=True, dir_okay=False, allow_dash=True)
_BOOK: Final = click.Path(exists=True, dir_okay=False)
_REFUSED: Final = 1


class _Failure(click.ClickException):
    """A mistake of the user's."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print one line on standard error."""
        click.echo(f"decibill: {self.format_message()}", err=True, file=file)


def _command(function: Callable[..., int | None]) -> Callable[..., None]:
    """Turn errors into what a user of the command line gets, and a result into the exit code."""

    @wraps(function)
    def wrapped(*args: Any, **options: Any) -> None:
        try:
            code = function(*args, **options)
        except FileError as error:
            raise _Failure(str(error)) from None
        except DecibillReferenceError as error:
            _print(error.to_json())
            code = _REFUSED
        if code:
            click.get_current_context().exit(code)

    return wrapped


class _DefectName(_TextType):
    """The name of a defect; `decibill list --defects` asks it what there is."""

    name = "name"

    @property
    def described(self) -> dict[str, str]:
        """Every name and what it means."""
        from decibill_reference.defects import DEFECTS  # noqa: PLC0415 - not needed to price anything

        return {name: str(defect) for name, defect in DEFECTS.items()}

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, or fail with the names that are close to it."""
        known = self.described
        if value not in known:
            close = difflib.get_close_matches(value, known, n=3, cutoff=0.4)
            hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(known)}"
            self.fail(f"there is no defect {value!r}; {hint}", param, ctx)
        return value


@click.command()
@click.argument("exchange", type=_FILE)
@click.option("--prices", type=_BOOK, metavar="BOOK", help="Price book, by default the bundled list prices.")
@click.option(
    "--at", metavar="TIME", help="UTC instant whose prices are used, by default the exchange's own."
)
@click.option("--provider", metavar="NAME", help="EXCHANGE is the bare body of an answer of this provider.")
@click.option("--operation", metavar="NAME", help="What a bare body answers, such as transcription.")
@click.option("--model", metavar="NAME", help="The model that a bare body is priced as.")
@click.option("--surface", metavar="NAME", help="The provider's interface that a bare body is from.")
@click.option("--lines", is_flag=True, help="EXCHANGE is JSON Lines, one exchange a line; so is the output.")
@_command
def rate(*, exchange: str, prices: str | None, at: str | None, lines: bool, **bare: str | None) -> int | None:
    """Print the usage record and the charge of EXCHANGE as JSON.

    EXCHANGE is a file, or - for standard input: an exchange, or with --provider, --operation and --model the
    bare body of an answer. Files that an exchange names are found in its own folder.
    """
    book = load_price_book(Path(prices)) if prices is not None else _public_prices()
    root = Path.cwd() if exchange == "-" else Path(exchange).resolve().parent
    content = _read(exchange)
    if any(bare.values()):
        if lines:
            raise click.UsageError("--lines goes with exchanges, not with a bare body")
        _print(_rated(_bare_exchange(content, exchange, at, bare), book, at, root))
        return None
    if not lines:
        _print(_rated(_document(content, exchange), book, at, root))
        return None
    code = 0
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            result = _rated(_document(line, f"{exchange} line {number}"), book, at, root)
        except DecibillReferenceError as error:
            result, code = error.to_json(), _REFUSED
        click.echo(json.dumps(result, ensure_ascii=False))
    return code


@click.command()
@click.argument("usage", type=_FILE)
@click.option("--prices", type=_BOOK, metavar="BOOK", required=True, help="Price book.")
@click.option("--at", metavar="TIME", help="UTC instant whose prices are used, by default the record's own.")
@_command
def price(*, usage: str, prices: str, at: str | None) -> None:
    """Print the charge of a usage record as JSON.

    USAGE is a file, or - for standard input: a usage record, or what `decibill rate` printed.
    """
    book = load_price_book(Path(prices))
    document = _member(_document(_read(usage), usage), "usage")
    _print(rate_usage(_own(UsageRecord.from_json, document, usage), book, at).to_json())


@click.command()
@click.argument("charge", type=_FILE)
@click.argument("request", type=_FILE)
@click.option(
    "--earlier", type=_FILE, multiple=True, metavar="FILE", help="An earlier refund of it; repeatable."
)
@_command
def refund(*, charge: str, request: str, earlier: tuple[str, ...]) -> None:
    """Print the record of refunding CHARGE as REQUEST asks.

    CHARGE is a charge, or what `decibill rate` printed. REQUEST is {"id": "…", "full": true}, or
    {"id": "…", "quantities": {"audio_input_tokens": 100}}. One of them may be - for standard input.
    """
    charged = _own(Charge.from_json, _member(_document(_read(charge), charge), "charge"), charge)
    asked = _own(RefundRequest.from_json, _document(_read(request), request), request)
    records = [_own(Refund.from_json, _document(_read(file), file), file) for file in earlier]
    _print(refund_charge(charged, asked, records).to_json())


@click.command()
@click.option(
    "--config", type=_BOOK, metavar="FILE", required=True, help="Models, prices and the ledger (JSON)."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port; 0, the default, is any free one."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--ledger", type=click.Path(dir_okay=False), help="Ledger file, in place of the configured one."
)
@click.option(
    "--defect", type=_DefectName(), help="Be wrong in one way; `decibill list --defects` names them."
)
@_command
def serve(*, config: str, port: int, host: str, ledger: str | None, defect: str | None) -> None:
    """Serve the reference gateway: OpenAI's audio and chat routes, Azure's, and a usage ledger.

    Usage is read at GET /v1/usage/{id} and listed at GET /v1/usage?since=&until=&limit=.
    """
    # The server's dependencies are none of the calculator's.
    from decibill_reference.defects import DEFECTS  # noqa: PLC0415
    from decibill_reference.gateway import SOUND, GatewayConfig, LedgerError, serve_forever  # noqa: PLC0415

    settings = GatewayConfig.load(Path(config))
    if ledger is not None:
        settings = replace(settings, ledger=Path(ledger))

    def started(url: str) -> None:
        wrong = f", with the defect {defect}" if defect else ""
        click.echo(f"decibill gateway at {url}{wrong}; ledger {settings.ledger}", err=True)

    try:
        serve_forever(
            settings, host=host, port=port, seams=DEFECTS[defect].seams if defect else SOUND, started=started
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise _Failure(f"cannot listen on {host} port {port}: {reason}; try --port 0") from None
    except LedgerError as error:
        raise _Failure(str(error)) from None


COMMANDS: Final[tuple[click.Command, ...]] = (rate, price, refund, serve)
"""The commands that `decibill` mounts."""


def _public_prices() -> PriceBook:
    path = public_price_book()
    if path is None:
        raise click.UsageError("no price book is bundled; give one with --prices")
    click.echo(f"decibill: list prices of {path.stem}; give yours with --prices", err=True)
    return load_price_book(path)


def _rated(exchange: Any, book: PriceBook, at: str | None, root: Path) -> dict[str, Any]:
    usage = extract(exchange, root=root)
    return {"usage": usage.to_json(), "charge": rate_usage(usage, book, at).to_json()}


def _bare_exchange(
    content: bytes, file: str, at: str | None, named: Mapping[str, str | None]
) -> dict[str, Any]:
    missing = [f"--{name}" for name in ("provider", "operation", "model") if not named[name]]
    if missing:
        raise click.UsageError(f"a bare body needs {' and '.join(missing)} as well")
    provider = named["provider"]
    surfaces = [surface for known, surface in SURFACES if known == provider]
    if at is None:
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "provider": provider,
        "surface": named["surface"] or (surfaces[0] if surfaces else "api"),
        "operation": named["operation"],
        "model": named["model"],
        "at": read_time(at, "/at"),
        "response": {"status": 200, **_bare_body(content, file)},
    }


def _bare_body(content: bytes, file: str) -> dict[str, Any]:
    """Return a body as the member of a response that it looks like."""
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:6]
    if start.startswith((b"{", b"[")):
        return {"json": _document(content, file)}
    text = content.decode("utf-8", "replace")
    if start.startswith((b"data:", b"event:", b":", b"id:", b"retry:")):
        return {"sse": text}
    if "\0" in text:
        return {"media": {}}
    return {"text": text}


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise FileError(file, f"cannot be read: {error.strerror or error}") from None


def _document(content: bytes, file: str) -> Any:
    """Return the JSON value in a file; a repeated key or an impossible number in it is a refusal."""
    return _own(jsonio.loads, content, file)


def _own(read: Callable[[Any], T], document: Any, file: str) -> T:
    """Return what *read* makes of a document; one that is not of the right shape is the wrong file."""
    try:
        return read(document)
    except DecibillReferenceError as error:
        if error.code != "malformed_body":
            raise
        name = "standard input" if file == "-" else file
        raise FileError(name, error.message, error.pointer) from None


def _member(document: Any, name: str) -> Any:
    """Return a member of what `decibill rate` printed, or the document itself."""
    if not isinstance(document, dict):
        return document
    members = cast("dict[str, Any]", document)
    return members[name] if {"usage", "charge"} <= members.keys() else members


def _print(document: Mapping[str, Any]) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
