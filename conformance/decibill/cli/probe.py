"""``decibill probe``: find where a gateway states usage and cost, and draft that part of its declaration."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from decibill import jsonio, template
from decibill._data import data_directory
from decibill.errors import UsageError
from decibill.pricefields import entry_for
from decibill.probe import ProbeOptions, probe_cases
from decibill.probe import probe as probe_gateway
from decibill.probe_draft import draft
from decibill.report.text import printable
from decibill.upstream_server import FOREIGN_PORT

__all__ = ["probe"]

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(.+)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@click.command(short_help="Find where a gateway states usage and cost.")
@click.argument("url", required=False)
@click.option(
    "--header",
    "headers",
    metavar="NAME=ENV",
    multiple=True,
    help="Header of every call, its value from the environment variable ENV or a text with {env.ENV} in it.",
)
@click.option(
    "--api",
    "apis",
    metavar="PATH",
    multiple=True,
    help="Path that may hold the gateway's records or counters; {call.id} stands for an id from a header.",
)
@click.option(
    "--model",
    metavar="TEMPLATE",
    default="{case.model}",
    show_default=True,
    help="The gateway's name for a model, such as openai/{case.model}.",
)
@click.option(
    "--upstream-port",
    type=click.IntRange(0, 65535),
    default=FOREIGN_PORT,
    show_default=True,
    help="Port of the replay upstream, at which the gateway is aimed.",
)
@click.option(
    "--upstream-bind", metavar="ADDRESS", default="127.0.0.1", help="Address that the upstream binds to."
)
@click.option(
    "--settle",
    type=click.FloatRange(0, 60),
    default=3.0,
    show_default=True,
    help="Seconds that the gateway may take to write a record.",
)
@click.option("--prices", is_flag=True, help="List the models and prices to give the gateway, and stop.")
def probe(url: str | None, **options: Any) -> int:
    """Send a few calls to the gateway at URL and look everywhere for the right usage and the right cost.

    Aim the gateway at the replay upstream first, http://127.0.0.1:8471/v1, and give it the models and prices
    that --prices lists. What is found is printed as the `observe` part of a declaration, with comments that
    say how sure it is. Nothing is sent to any address but URL.

    Exit codes: 0 something was found, 2 wrong usage, 3 nothing was found.
    """
    if options["prices"]:
        _list_prices()
        return 0
    if url is None:
        raise UsageError("name the gateway's URL, or ask for --prices")
    for path in options["apis"]:
        if not path.startswith("/"):
            raise UsageError(f"--api {path}: a path of the gateway begins with /")
    calls = probe_gateway(
        url,
        ProbeOptions(
            headers=dict(_header(text) for text in options["headers"]),
            apis=options["apis"],
            model=_model(options["model"]),
            upstream_port=options["upstream_port"],
            upstream_bind=options["upstream_bind"],
            settle_s=options["settle"],
            progress=_show if sys.stderr.isatty() else None,
        ),
    )
    drafted = draft(calls, options["model"])
    click.echo(printable_lines(drafted.text), nl=False)
    return 0 if drafted.found else 3


def printable_lines(text: str) -> str:
    """Return *text* without anything that could steer a terminal, its lines kept."""
    return "".join(f"{printable(line)}\n" for line in text.splitlines())


def _show(case: str) -> None:
    click.echo(f"sending {printable(case)}", err=True)


def _header(text: str) -> tuple[str, str]:
    """Return a header's name and the template of its value."""
    match = _HEADER.fullmatch(text)
    if match is None:
        raise UsageError(f"--header {text}: write NAME=ENV, the name of an environment variable")
    name, value = match[1], match[2]
    if _VARIABLE.fullmatch(value):
        scheme = "Bearer " if name.lower() == "authorization" else ""
        return name, f"{scheme}{{env.{value}}}"
    if not any(place.startswith("env.") for place in template.names(value)):
        raise UsageError(f"--header {name}: a value is not given on a command line; write {name}=ENV")
    return name, value


def _model(text: str) -> str:
    template.check(text, template.CASE_NAMES - {"case.name"}, file="--model", pointer="/")
    return text


def _list_prices() -> None:
    """Print every model of the calls with its prices, one rate a line."""
    seen: set[str] = set()
    for case in probe_cases():
        if case.model in seen or case.book is None:
            continue
        seen.add(case.model)
        book = jsonio.load_file(data_directory("fixtures") / case.book, case.book)
        entry = entry_for(book, case.provider, case.model, case.operation)
        for name, rate in (entry or {"rates": {}})["rates"].items():
            click.echo(f"{case.model:<18} {name:<24} {rate['amount']:>7} USD per {rate['per']}")
