"""``decibill configure``: write the configuration that points a gateway at the replay upstream."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from decibill import configure as configuring
from decibill._data import data_directory
from decibill.cases import load_cases, select_cases
from decibill.declaration_read import is_loopback, load
from decibill.errors import UsageError
from decibill.preflight import PREFLIGHT_CASE
from decibill.report.text import printable
from decibill.upstream_server import FOREIGN_PORT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decibill.cases import Case
    from decibill.configure import Configured, Variable
    from decibill.declaration import Declaration

__all__ = ["configure"]

_CALCULATOR = "a calculator"
_DEFAULT_URL = f"http://127.0.0.1:{FOREIGN_PORT}"


@click.command(short_help="Write a gateway's configuration.")
@click.argument("name", metavar="NAME|FILE")
@click.option(
    "--upstream-url",
    metavar="URL",
    default=_DEFAULT_URL,
    show_default=True,
    help="How the gateway reaches the upstream.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port of the gateway, where the declaration leaves it open."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the files; by default decibill-ID.",
)
@click.option("--only", metavar="GLOB", multiple=True, help="Only cases with such an id.")
@click.option("--feature", metavar="NAME", multiple=True, help="Only cases with this feature.")
@click.option("--provider", metavar="NAME", multiple=True, help="Only cases of this provider.")
@click.option("--allow-remote-upstream", is_flag=True, help="Allow upstream addresses off this machine.")
@click.option("--force", is_flag=True, help="Overwrite files that hold something else.")
def configure(name: str, **options: Any) -> None:
    """Write the files of the gateway NAME, with the models, prices and upstream addresses of the cases.

    What is printed is a script for a shell: the environment to set, the start command, and the run that
    fits. Secrets are placeholders. Nothing is started.
    """
    upstream: str = options["upstream_url"].rstrip("/")
    remote: bool = options["allow_remote_upstream"]
    _refuse_address(upstream, allow_remote=remote)
    declaration = load(name, allow_remote_upstream=remote)
    every = load_cases()
    chosen = select_cases(
        every, only=options["only"], features=options["feature"], providers=options["provider"]
    )
    trial = [case for case in every if case.id == PREFLIGHT_CASE and case not in chosen]
    folder: Path = (options["out"] or Path(f"decibill-{declaration.id}")).absolute()
    configured = configuring.configure(
        declaration,
        [*chosen, *trial],
        configuring.Address(upstream, options["port"]),
        folder=folder,
        root=data_directory("fixtures"),
    )
    _write(configured, folder, force=options["force"])
    words = _run_words(name, configured, options, chosen, every)
    run = shlex.join([*words, *(["--workdir", str(folder)] if configured.needs_folder else [])])
    for line in _script(declaration, configured, folder, upstream, run):
        click.echo(printable(line))


def _refuse_address(url: str, *, allow_remote: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--upstream-url: {url!r} is not an HTTP address; write http://HOST:PORT")
    if not (allow_remote or is_loopback(url)):
        raise UsageError(f"{url} is not on this machine; allow it with --allow-remote-upstream")


def _write(configured: Configured, folder: Path, *, force: bool) -> None:
    """Write the files, readable by this user alone; nothing is written where one of them is refused."""
    for name, text in configured.files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"{path} leads out of {folder}, by a link; choose another --out")
        if not force and path.exists() and (not path.is_file() or path.read_bytes() != text.encode()):
            raise UsageError(f"{path} is there and holds something else; overwrite it with --force")
    try:
        for name, text in configured.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise UsageError(
            f"cannot write to {folder}: {error.strerror or error}; choose another --out"
        ) from None


def _run_words(
    name: str, configured: Configured, options: dict[str, Any], chosen: Sequence[Case], every: Sequence[Case]
) -> list[str]:
    words = ["decibill", "run", "--gateway", name, "--url", configured.url]
    upstream: str = options["upstream_url"].rstrip("/")
    if upstream != _DEFAULT_URL:
        parts = urlsplit(upstream)
        if parts.port is not None and parts.port != FOREIGN_PORT:
            words += ["--upstream-port", str(parts.port)]
        if upstream != f"http://127.0.0.1:{parts.port}":
            words += ["--upstream-url", upstream]
    words += ["--allow-remote-upstream"] if options["allow_remote_upstream"] else []
    if len(chosen) < len(every):
        for option in ("only", "feature", "provider"):
            words += [word for value in options[option] for word in (f"--{option}", value)]
    return words


def _script(
    declaration: Declaration, configured: Configured, folder: Path, upstream: str, run: str
) -> Iterator[str]:
    what = f"{_count(configured.models, 'model')} of {_count(configured.cases, 'case')}"
    yield f"# {declaration.name} {declaration.version}: {what}, the upstream at {upstream}."
    for name in configured.files:
        yield f"# wrote {folder / name}"
    for name in configured.holes:
        yield f"# {folder / name} names variables as ${{NAME}}: put their values in"
    yield from _lacking(declaration, configured)
    yield ""
    yield "# 1. Start the gateway in one shell."
    for variable in configured.variables:
        yield _export(variable)
    if configured.serve is not None:
        yield f"{configured.serve} &"
        yield "sleep 2   # it fetches its prices from there, once"
    yield configured.command or f"# Start it yourself: it must listen at {configured.url}."
    yield ""
    yield "# 2. Judge it from another."
    for variable in configured.variables:
        if variable.client:
            yield _export(variable)
    if configuring.PORT in configured.url:
        yield f"# {configuring.PORT} is the port that it printed."
    yield run


def _lacking(declaration: Declaration, configured: Configured) -> Iterator[str]:
    if declaration.not_run is not None:
        yield f"# The declaration was never tried on this gateway: {declaration.not_run}"
    if declaration.prices.how == "none":
        yield "# It takes no prices, so it is judged by the usage that it states."
    for item in configured.left_out:
        yield f"# left out, for lack of a place: {item.rate} of {', '.join(item.models)}"
    for reason, number in configured.not_declared.items():
        if reason != _CALCULATOR:
            yield f"# not declared: {_count(number, 'case')}, for lack of {reason}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _export(variable: Variable) -> str:
    line = f"export {variable.name}={variable.word}"
    if not variable.secret:
        return line
    same = ", the same in both shells" if variable.client else ""
    return f"{line}   # a secret: choose your own{same}"
