"""A gateway as its declaration starts it, with one model behind it, on processors of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decibill import declaration_read, template
from decibill._data import data_directory
from decibill.drive_values import case_values, configuration, environment_values, run_values
from decibill.plan import plan
from decibill.process import Gateway, WorkFolder, free_port, fresh_secrets

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from decibill.case import ExchangeCase
    from decibill.declaration import Declaration

__all__ = ["Started", "on_processors", "started"]


@dataclass(frozen=True, slots=True)
class Started:
    """A gateway that serves."""

    id: str
    name: str
    url: str
    """Where the call of the case goes."""

    headers: Mapping[str, str]
    """What lets a client in."""

    model: str
    """What the client asks for."""

    cost_header: str | None
    """The header that states the cost, where one does."""

    folder: Path
    pid: int

    def processor_s(self) -> float | None:
        """Return how many seconds of a processor it has taken so far, where the system tells that."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.exists():
            return None
        fields = stat.read_text().rpartition(")")[2].split()  # the name before it can hold anything
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @contextlib.contextmanager
    def halted(self) -> Generator[None]:
        """Stop all its processes for a while, so that what it does in the background costs no other."""
        os.killpg(self.pid, signal.SIGSTOP)  # it leads a group of its own
        try:
            yield
        finally:
            os.killpg(self.pid, signal.SIGCONT)


@contextlib.contextmanager
def started(name: str, case: ExchangeCase, upstream: str) -> Generator[Started]:
    """Start a gateway by its declaration, as ``decibill run --start`` does, for the model of one case.

    Args:
        name: that of the declaration, or the path of its file.
        case: a case that the gateway declares.
        upstream: the provider's address; records that the gateway pushes go there too.
    """
    declaration = declaration_read.load(name)
    root = data_directory("fixtures")
    (instance,) = plan(declaration, [case]).instances
    assert declaration.start is not None
    with WorkFolder() as folder:
        port = free_port()
        url = template.fill(declaration.url, {"port": str(port)}, declaration.file)
        values = {
            **environment_values(fresh_secrets(declaration.start)),
            **run_values(declaration, upstream=upstream, url=url, port=port, workdir=folder.path),
            **{f"sink.{source.id}": f"{upstream}/{source.id}" for source in declaration.observe},
            **{f"file.{key}": str(folder.path / path) for key, (path, _) in declaration.files.items()},
        }
        for path, text in configuration(declaration, [instance], values, root).items():
            folder.write(path, text)
        gateway = Gateway(declaration.start, values, url=declaration.url, folder=folder.path)
        with gateway:
            of_case = case_values(instance, declaration, values, root)
            path = template.fill(
                declaration.routes[instance.dialect][case.operation], of_case, declaration.file
            )
            yield Started(
                declaration.id,
                f"{declaration.name} {_version(declaration)}",
                gateway.url + path,
                {
                    header: template.fill(value, values, declaration.file)
                    for header, value in declaration.auth.headers.items()
                },
                of_case["case.name"],
                next(_cost_headers(declaration), None),
                folder.path,
                gateway.pid,
            )


def _version(declaration: Declaration) -> str:
    found = re.search(r"[\d.]+$", declaration.version)
    return found[0] if found else declaration.version


def _cost_headers(declaration: Declaration) -> Iterator[str]:
    for source in declaration.observe:
        if source.origin == "header" and source.cost is not None:
            yield source.cost.at


@contextlib.contextmanager
def on_processors(chosen: Iterable[int]) -> Generator[None]:
    """Let this thread and what it starts meanwhile run on these processors alone, where that can be said."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
