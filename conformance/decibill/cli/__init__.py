"""The command line: ``decibill COMMAND``.

Standard output carries data, standard error is for people. A user's mistake ends in one message and an exit
code, never in a traceback.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from decibill import SPEC_VERSION, __version__
from decibill.errors import DecibillError, UnknownNameError
from decibill.redact import legible

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["cli", "drop_output", "main"]

_COMMANDS: Final = {
    "run": "decibill.cli.run:run",
    "list": "decibill.cli.show:list_",
    "show": "decibill.cli.show:show",
    "report": "decibill.cli.report:report",
    "check": "decibill.check:check",
    "case": "decibill.cli.case:case",
    "prices": "decibill.cli.prices:prices",
    "configure": "decibill.cli.configure:configure",
    "vendor": "decibill.cli.vendor:vendor",
    "probe": "decibill.cli.probe:probe",
    "upstream": "decibill.upstream:upstream",
    # The only bridge to the reference implementation: its commands, imported when one is called.
    "rate": "decibill_reference.commands:rate",
    "price": "decibill_reference.commands:price",
    "refund": "decibill_reference.commands:refund",
    "totals": "decibill_reference.rate_lines.command:totals",
    "calculator": "decibill_reference.lines:calculator",
    "serve": "decibill_reference.commands:serve",
}

_FAILED: Final = 3
_LONGEST: Final = 20_000
"""Characters of a message: what it quotes can be of any length."""


class _LazyGroup(click.Group):
    """A group that imports a command when it is called, so that ``decibill rate`` starts no server code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        target = _COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            raise UnknownNameError("command", args[0], _COMMANDS)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 conformant, 1 not conformant, 2 wrong usage, 3 inconclusive.",
)
@click.version_option(__version__, message=f"decibill {__version__} (spec {SPEC_VERSION})")
def cli() -> None:
    """Tell whether a gateway bills audio correctly, and price one response or a log exactly."""


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code (0 to 3).

    A mistake of decibill's own is a harness error (3): exit code 1 would accuse the gateway.
    """
    _open_closed_streams()
    try:
        code: Any = cli.main(args=args, standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(max(error.exit_code, 2))  # click's own 1 would accuse the gateway
    except click.Abort:
        _say("interrupted")
        sys.exit(130)
    except DecibillError as error:
        _say(f"decibill: {error}")
        sys.exit(error.exit_code)
    except SystemExit:  # click's answer to a reader that has gone (``decibill list | head``) is code 1
        sys.exit(_FAILED)
    except OSError as error:
        drop_output()
        file = f"{error.filename}: " if error.filename else ""
        _say(f"decibill: {file}{error.strerror or error}")
        sys.exit(_FAILED)
    except Exception:  # noqa: BLE001 - whatever it is, it is told, and is no verdict
        traceback.print_exc()
        _say("decibill: this is a mistake of decibill's own; please report it with the lines above")
        sys.exit(_FAILED)
    sys.exit(code if isinstance(code, int) else 0)


def drop_output() -> None:
    """Send what is still to be printed nowhere: its reader has gone, and a flush at exit would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(message: str) -> None:
    more = len(message) - _LONGEST
    click.echo(legible(message[:_LONGEST]) + (f" [and {more} more characters]" if more > 0 else ""), err=True)


def _open_closed_streams() -> None:
    """Give a program that was started without a standard stream an empty one."""
    nothing = Path(os.devnull)
    sys.stdin = sys.stdin or nothing.open(encoding="utf-8")
    sys.stdout = sys.stdout or nothing.open("w", encoding="utf-8")
    sys.stderr = sys.stderr or nothing.open("w", encoding="utf-8")
