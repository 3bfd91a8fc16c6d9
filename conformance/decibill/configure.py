"""What a gateway that decibill does not start must be given: its own files, its environment, its command.

All addresses are fixed, so that a configuration is written once and serves every later run.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from decibill import jsonio, template
from decibill.cases import Case
from decibill.declaration import Declaration
from decibill.drive_values import configuration, run_values
from decibill.observe_sink import SINK_PORT
from decibill.plan import Instance, plan
from decibill.preflight import PREFLIGHT_CASE
from decibill.pricefields import entry_for, price_fields
from decibill.template_tree import plain_json
from decibill.upstream_server import FOREIGN_PORT

__all__ = ["FILES_PORT", "GATEWAY_PORT", "PORT", "Address", "Configured", "LeftOut", "Variable", "configure"]

GATEWAY_PORT: Final = 8470
"""Where a gateway listens whose declaration leaves the port open."""

FILES_PORT: Final = 8473
"""Where the files of a gateway are served that fetches its prices over HTTP."""

PORT: Final = "PORT"
"""Stands for the port that a gateway chooses itself and prints."""

_PLACEHOLDER: Final = "CHANGE-ME"


@dataclass(frozen=True, slots=True)
class Address:
    """Where everything is."""

    upstream: str = f"http://127.0.0.1:{FOREIGN_PORT}"
    """How the gateway reaches the replay upstream."""

    port: int | None = None
    """Port of the gateway; None: the declared one, or the fixed one where any will do."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable."""

    name: str
    word: str
    """Its value as a word of a shell, which can name other variables; for a secret a placeholder."""

    secret: bool = False
    client: bool = False
    """Whether the client needs it too: it stands in a header that decibill sends."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One rate that the gateway's configuration has no place for."""

    rate: str
    models: tuple[str, ...]
    """Models that are priced by it, each as ``provider/model``."""


@dataclass(frozen=True, slots=True)
class Configured:
    """Everything that the gateway must be given."""

    files: Mapping[str, str]
    """Path in the folder to text."""

    holes: tuple[str, ...]
    """Files in which ``${NAME}`` stands for the value of an environment variable."""

    variables: tuple[Variable, ...]
    """What is to be set before the start, secrets first."""

    command: str | None
    """The start command as a line of a shell, None where the declaration has none."""

    serve: str | None
    """The command that serves the files, where the gateway fetches them."""

    url: str
    """Where it listens; ``PORT`` stands in it where it chooses the port itself and prints it."""

    needs_folder: bool
    """Whether the run reads something in the folder, such as a database."""

    models: int
    cases: int
    left_out: tuple[LeftOut, ...]
    not_declared: Mapping[str, int]
    """What cases need and the gateway does not declare, with how many cases."""


def configure(
    declaration: Declaration, cases: Sequence[Case], address: Address, *, folder: Path, root: Path
) -> Configured:
    """Return what the gateway must be given to be judged by *cases*.

    Args:
        declaration: the gateway.
        cases: the cases chosen; the call that tries it before a run should be among them.
        address: where everything is.
        folder: the folder that its files will be in, absolute.
        root: the fixtures root.

    Raises:
        InvalidFileError: a template has no value, or a price book cannot be read.
    """
    planned = plan(declaration, cases)
    port = address.port or declaration.port or GATEWAY_PORT
    start = declaration.start
    chosen_later = start is not None and start.ready.stdout is not None
    shown = PORT if chosen_later and not address.port else str(port)
    url = template.fill(declaration.url, {"port": shown}, declaration.file).rstrip("/")
    asked = _asked_for(declaration)
    values = {
        **{f"env.{name}": f"${{{name}}}" for name in asked},
        **run_values(declaration, upstream=address.upstream, url=url, port=port, workdir=folder),
        **{f"file.{name}": str(folder / path) for name, (path, _) in declaration.files.items()},
        **{
            f"sink.{source.id}": f"http://127.0.0.1:{SINK_PORT}/{source.id}"
            for source in declaration.observe
            if source.origin == "sink"
        },
        "files.url": f"http://127.0.0.1:{FILES_PORT}",
    }
    files = configuration(declaration, planned.instances, values, root)
    command = None
    if start is not None:
        words = " ".join(_word(each, values, declaration.file) for each in start.argv)
        command = f"(cd {shlex.quote(str(folder))} && {words})"
    judged = [each for each in planned.instances if each.case.id != PREFLIGHT_CASE]
    return Configured(
        files=files,
        holes=tuple(path for path, text in files.items() if any(f"${{{name}}}" in text for name in asked)),
        variables=tuple(_variables(declaration, values)),
        command=command,
        serve=_serve(folder) if start is not None and start.serve_files else None,
        url=url,
        needs_folder=any("workdir" in template.names(each.file or "") for each in declaration.observe),
        models=len({(each.case.provider, each.case.model) for each in planned.instances}),
        cases=len({each.case.id for each in judged}),
        left_out=tuple(_left_out(declaration, planned.instances, root)),
        not_declared=_counted(item.reason for item in planned.not_declared),
    )


def _serve(folder: Path) -> str:
    where = shlex.quote(str(folder))
    return f"python3 -m http.server {FILES_PORT} --bind 127.0.0.1 --directory {where}"


def _counted(reasons: Iterable[str]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for reason in reasons:
        found[reason] = found.get(reason, 0) + 1
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _environment_names(texts: Iterable[str]) -> list[str]:
    found = (name for text in texts for name in template.names(text) if name.startswith("env."))
    return list(dict.fromkeys(name.removeprefix("env.") for name in found))


def _client_texts(declaration: Declaration) -> Iterator[str]:
    """Yield everything that decibill fills in when it calls the gateway."""
    yield from declaration.auth.headers.values()
    yield from declaration.request.headers.values()
    yield plain_json(declaration.request.json, None)
    for call in declaration.bootstrap:
        yield call.post
        yield from call.headers.values()
        yield plain_json(call.json, None)


def _asked_for(declaration: Declaration) -> list[str]:
    """Return every environment variable that something in the declaration names."""
    start = declaration.start
    texts = [*_client_texts(declaration)]
    texts += [plain_json(content, None) for _, content in declaration.files.values()]
    texts += [*start.argv, *start.env.values()] if start is not None else []
    own = [*start.secrets] if start is not None else []
    return list(dict.fromkeys([*own, *_environment_names(texts)]))


def _variables(declaration: Declaration, values: Mapping[str, str]) -> Iterator[Variable]:
    """Yield secrets, then what someone must know, then what is known; each before what names it."""
    start = declaration.start
    secrets: Mapping[str, str] = start.secrets if start is not None else {}
    given: Mapping[str, str] = start.env if start is not None else {}
    client = set(_environment_names(_client_texts(declaration)))
    for name in _asked_for(declaration):
        if name not in given:
            word = shlex.quote(secrets.get(name, "") + _PLACEHOLDER)
            yield Variable(name, word, secret=True, client=name in client)
    for name, text in given.items():
        yield Variable(name, _word(text, values, declaration.file), client=name in client)


def _word(text: str, values: Mapping[str, str], file: str) -> str:
    """Return a template as one word of a shell, in which only environment variables are looked up."""
    named = {f"env.{name}" for name in _environment_names([text])}
    if not named:
        return shlex.quote(template.fill(text, values, file))
    marks = {name: f"\0{name.removeprefix('env.')}\0" for name in named}
    filled = template.fill(text, {**values, **marks}, file)
    quoted = "".join(f"\\{char}" if char in '\\"$`' else char for char in filled)
    for name, mark in marks.items():
        quoted = quoted.replace(mark, "${" + name.removeprefix("env.") + "}")
    return f'"{quoted}"'


def _left_out(declaration: Declaration, instances: Iterable[Instance], root: Path) -> Iterator[LeftOut]:
    """Yield the rates that the configuration cannot hold, with the models that have one."""
    if declaration.prices.how in {"none", "book"}:
        return
    found: dict[str, dict[str, None]] = {}
    for case in (instance.case for instance in instances):
        if case.book is None:
            continue
        book = jsonio.load_file(root / case.book, case.book)
        entry = entry_for(book, case.provider, case.model, case.operation)
        for rate in price_fields(declaration.prices, entry).missing if entry is not None else ():
            found.setdefault(rate, {})[f"{case.provider}/{case.model}"] = None
    for rate, models in sorted(found.items()):
        yield LeftOut(rate, tuple(sorted(models)))
