"""The commands of the reference: ``rate``, ``price``, ``refund`` and ``serve``.

What each prints, and what its exit code means, is in `decibill_reference.talk`.
"""

from __future__ import annotations

import difflib
import errno
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from decibill_reference import jsonio
from decibill_reference.bare_answer import bare_answer
from decibill_reference.charge import rate as rate_usage
from decibill_reference.charge_record import Charge
from decibill_reference.extract import SURFACES, extract
from decibill_reference.files import FileError, load_price_book
from decibill_reference.refund import refund as refund_charge
from decibill_reference.refund_record import Refund, RefundRequest
from decibill_reference.talk import (
    Failure,
    Instant,
    TextType,
    Unusable,
    about,
    command,
    list_prices,
    named,
    own,
    print_json,
    say_gaps,
)
from decibill_reference.usage import UsageRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["price", "rate", "refund", "serve"]

_FILE: Final = click.Path(exists=True, dir_okay=False, allow_dash=True)
_BOOK: Final = click.Path(exists=True, dir_okay=False)


class _DefectName(TextType):
    """The name of a defect; `decibill list --defects` asks it what there is."""

    name = "name"

    @property
    def described(self) -> dict[str, dict[str, Any]]:
        """Every name and what it means, as JSON data."""
        from decibill_reference.defects import DEFECTS  # noqa: PLC0415 - not needed to price anything

        return {name: defect.to_json() for name, defect in DEFECTS.items()}

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
    "--at",
    type=Instant(),
    metavar="TIME",
    help="UTC instant whose prices are used, by default the exchange's own.",
)
@click.option("--provider", metavar="NAME", help="EXCHANGE is the bare body of an answer of this provider.")
@click.option("--operation", metavar="NAME", help="What a bare body answers, such as transcription.")
@click.option("--model", metavar="NAME", help="The model that a bare body is priced as.")
@click.option("--surface", metavar="NAME", help="The provider's interface that a bare body is from.")
@click.option("--lines", is_flag=True, help="EXCHANGE is JSON Lines, of any length; so is the output.")
@click.option("--strict", is_flag=True, help="With --lines: end at the first line that is refused.")
@click.option(
    "--jobs", type=click.IntRange(1), metavar="N", help="With --lines: processes, by default one a core."
)
@click.option(
    "--summary",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="With --lines: write the totals to FILE as JSON; `decibill totals` adds up several.",
)
@command
def rate(  # noqa: PLR0913 - the options of a command
    *,
    exchange: str,
    prices: str | None,
    at: str | None,
    lines: bool,
    strict: bool,
    jobs: int | None,
    summary: str | None,
    **bare: str | None,
) -> int | None:
    """Print the usage record and the charge of EXCHANGE as JSON.

    EXCHANGE is a file, or - for standard input: an exchange, or with --provider, --operation and --model the
    bare body of an answer, with or without the head that curl -i prints. Files that an exchange names are
    found in its own folder.

    With --lines it is a log of exchanges, of usage records, or of objects that hold one as `exchange` or
    `usage`. For each line there is one of output, in order, and a summary on standard error. A line that is
    refused gives its number and an error, and the exit code is 1 in the end.
    """
    book = Path(prices) if prices is not None else list_prices()
    root = Path.cwd() if exchange == "-" else Path(exchange).resolve().parent
    if lines:
        if any(bare.values()):
            raise click.UsageError("--lines goes with exchanges, not with a bare body")
        from decibill_reference.rate_lines.command import Log, rate_log  # noqa: PLC0415 - starts processes

        return rate_log(Log(exchange, book, at, root, strict, jobs, summary))
    if strict or jobs or summary:
        raise click.UsageError("--strict, --jobs and --summary go with --lines")
    content = _read(exchange)
    if any(bare.values()):
        document = _bare_exchange(content, exchange, at, bare)
    else:
        document = _exchange(_document(content, exchange), exchange)
    with about(exchange):
        usage = extract(document, root=root)
        charge = rate_usage(usage, load_price_book(book), at).to_json()
    print_json({"usage": usage.to_json(), "charge": charge})
    say_gaps(exchange, charge)
    return None


@click.command()
@click.argument("usage", type=_FILE)
@click.option("--prices", type=_BOOK, metavar="BOOK", required=True, help="Price book.")
@click.option(
    "--at",
    type=Instant(),
    metavar="TIME",
    help="UTC instant whose prices are used, by default the record's own.",
)
@command
def price(*, usage: str, prices: str, at: str | None) -> None:
    """Print the charge of a usage record as JSON.

    USAGE is a file, or - for standard input: a usage record, or what `decibill rate` printed.
    """
    book = load_price_book(Path(prices))
    document, place = _member(_document(_read(usage), usage), "usage")
    record = own(UsageRecord.from_json, document, usage, place)
    with about(usage):
        charge = rate_usage(record, book, at).to_json()
    print_json(charge)
    say_gaps(usage, charge)


@click.command()
@click.argument("charge", type=_FILE)
@click.argument("request", type=_FILE)
@click.option(
    "--earlier", type=_FILE, multiple=True, metavar="FILE", help="An earlier refund of it; repeatable."
)
@command
def refund(*, charge: str, request: str, earlier: tuple[str, ...]) -> None:
    """Print the record of refunding CHARGE as REQUEST asks.

    CHARGE is a charge, or what `decibill rate` printed. REQUEST is {"id": "…", "full": true}, or
    {"id": "…", "quantities": {"audio_input_tokens": 100}}. One of them may be - for standard input.
    """
    document, place = _member(_document(_read(charge), charge), "charge")
    charged = own(Charge.from_json, document, charge, place)
    asked = own(RefundRequest.from_json, _document(_read(request), request), request)
    records = [own(Refund.from_json, _document(_read(file), file), file) for file in earlier]
    with about(request):
        record = refund_charge(charged, asked, records)
    print_json(record.to_json())


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
@command
def serve(*, config: str, port: int, host: str, ledger: str | None, defect: str | None) -> None:
    """Serve the reference gateway: OpenAI's audio and chat routes, Azure's, and a usage ledger.

    Usage is read at GET /v1/usage/{id} and listed at GET /v1/usage?since=&until=&limit=. A call is
    given back at POST /v1/refunds.
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
        remedy = "; try --port 0" if error.errno == errno.EADDRINUSE else ""
        reason = f"cannot listen on {host} port {port}: {error.strerror or error}"
        raise Unusable(f"{reason}{remedy}") from None
    except LedgerError as error:
        raise Failure(str(error)) from None


def _exchange(document: Any, file: str) -> Any:
    """Return an exchange, or say what a file is that has no response at all."""
    members = _members(document)
    if "response" in members:
        return document
    if {"given", "then"} <= members.keys():
        raise FileError(named(file), "is a case, not an exchange; decibill show explains it")
    problem = "is no exchange, for it has no response"
    remedy = "the bare body of an answer needs --provider, --operation and --model"
    raise FileError(named(file), f"{problem}; {remedy}")


def _bare_exchange(
    content: bytes, file: str, at: str | None, bare: Mapping[str, str | None]
) -> dict[str, Any]:
    missing = [f"--{name}" for name in ("provider", "operation", "model") if not bare[name]]
    if missing:
        raise click.UsageError(f"a bare body needs {' and '.join(missing)} as well")
    response = bare_answer(content, lambda body: _document(body, file))
    if {"operation", "response"} <= _members(response.get("json")).keys():
        options = "--provider, --operation, --model and --surface"
        raise click.UsageError(f"{named(file)} is an exchange, not a bare body; leave out {options}")
    provider = bare["provider"]
    surfaces = [surface for known, surface in SURFACES if known == provider]
    if at is None:
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "provider": provider,
        "surface": bare["surface"] or (surfaces[0] if surfaces else "api"),
        "operation": bare["operation"],
        "model": bare["model"],
        "at": at,
        "response": response,
    }


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise FileError(file, f"cannot be read: {error.strerror or error}") from None


def _document(content: bytes, file: str) -> Any:
    """Return the JSON value in a file; a repeated key or an impossible number in it is a refusal."""
    return own(jsonio.loads, content, file)


def _member(document: Any, name: str) -> tuple[Any, str]:
    """Return a member of what `decibill rate` printed and its place, or the document itself."""
    members = _members(document)
    return (members[name], f"/{name}") if {"usage", "charge"} <= members.keys() else (document, "")


def _members(document: Any) -> Mapping[str, Any]:
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}
