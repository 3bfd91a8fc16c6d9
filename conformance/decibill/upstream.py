"""``decibill upstream``: the replay upstream by itself, for trying a gateway by hand."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import click

from decibill.case import ExchangeCase
from decibill.cases import load_cases, select_cases
from decibill.declaration import Probe
from decibill.statements import Attempt
from decibill.template_tree import plain_json
from decibill.upstream_server import FOREIGN_PORT, ReplayUpstream

__all__ = ["upstream"]

_PROBES = (Probe("GET", "*/models", {"object": "list", "data": []}),)


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=FOREIGN_PORT, show_default=True, help="0: any."
)
@click.option("--bind", "host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--case", "armed", metavar="ID", help="Answer requests that name no case with this one.")
@click.option("--list", "listing", is_flag=True, help="Print the base address of every case and stop.")
def upstream(port: int, host: str, armed: str | None, *, listing: bool) -> None:
    """Play the recorded provider answers, each at a base address of its own.

    Point a gateway at http://HOST:PORT/c/CASE/v1, where CASE is the id of a case with -- for its slash
    (/v1 for OpenAI alone). Whoever asks there for a WebSocket has a session played. Every request that
    arrives is printed on standard output as one line of JSON.
    """
    cases = {_token(case): case for case in load_cases() if isinstance(case, ExchangeCase)}
    if listing:
        for token, case in cases.items():
            ending = "/v1" if case.provider == "openai" else ""
            click.echo(f"http://{host}:{port}/c/{token}{ending}")
        return
    chosen = select_cases(tuple(cases.values()), only=(armed,)) if armed is not None else ()
    if len(chosen) > 1:
        raise click.UsageError(f"--case {armed} fits {len(chosen)} cases; name one")
    server = ReplayUpstream(host=host, port=port, probes=_PROBES, on_attempt=_print)
    with server:
        for token, case in cases.items():
            server.load(token, case.steps)
        for only in chosen:
            server.begin(_token(only), arm=True)
        click.echo(f"replaying {len(cases)} cases at {server.url}/c/CASE; end with Ctrl-C", err=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


def _token(case: Any) -> str:
    return str(case.id).replace("/", "--")


def _print(token: str | None, attempt: Attempt) -> None:
    line = {
        "case": token,
        "method": attempt.method,
        "path": attempt.path,
        "step": attempt.step,
        "unmatched": list(attempt.unmatched),
        "request": dict(attempt.request),
    }
    click.echo(plain_json(line, None))
