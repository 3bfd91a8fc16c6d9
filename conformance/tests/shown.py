"""A page of the documentation as somebody who does what it says: files saved, commands run in their order.

A page says so itself. ``console`` blocks hold commands after ``$``, and what they print. A line of its own,
``% word: value`` or ``<!-- word: value -->``, is a direction that readers do not see:

    run: COMMAND      run it out of sight
    needs: PROGRAM    without it the page cannot be tried
    in: checkout      the folder is a copy of this repository; otherwise it is empty
    file: NAME        the next block is saved as that file
    add to: NAME      the next block, TOML, is added to that file; what is there already gives way
    start: COMMAND    start a program that runs until ``stop``, or to the end of the page

``python -m tests.shown PAGE`` does what a page says, in an empty folder.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from decibill.toml_text import toml_text

__all__ = ["ANYTHING", "ROOT", "Command", "Direction", "Shell", "follow", "needs", "pattern", "steps"]

ROOT: Final = Path(__file__).parents[2]
ANYTHING: Final = "…"
"""On a line of its own any lines, inside a line any characters."""

_STEP: Final = re.compile(
    r"^[ ]*```console\n(?P<shown>.*?)^[ ]*```$"
    r"|^(?:% (?P<word>[a-z ]+): (?P<value>[^\n]+)|<!-- (?P<word_>[a-z ]+): (?P<value_>[^\n]+?) -->)$"
    r"|^```\{literalinclude\} (?P<included>\S+)\n.*?^```$"
    r"|^```[^\n]*\n(?P<block>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_JUDGES: Final = "decibill "
"""What may end with 1 or 2, which is an answer, where the page shows the answer."""
_IN_A_CHECKOUT: Final = ("fixtures", "schemas", "spec", "conformance", "reference_impl")
_AS_LEFT: Final = '[ -f "$STATE" ] && . "$STATE"'
"""The variables that the commands before have exported."""
_LEFT_OUT: Final = ("__pycache__", "reports", "site", "website", "bench", "fuzz", "browser")


@dataclass(frozen=True, slots=True)
class Command:
    """A command and the lines that it is shown to print."""

    line: str
    printed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Direction:
    """What is to be done out of sight, and the block that it is about."""

    word: str
    value: str
    block: str = ""


def steps(page: str) -> Iterator[Command | Direction]:
    """Yield what a page shows and says, in its order."""
    about: Direction | None = None
    for found in _STEP.finditer(page):
        if found["shown"] is not None:
            yield from _commands(found["shown"])
        elif found["included"] is not None:
            yield Direction("include", found["included"])
        elif found["block"] is not None:
            if about is not None:
                yield Direction(about.word, about.value, found["block"])
            about = None
        else:
            direction = Direction(found["word"] or found["word_"], found["value"] or found["value_"])
            if direction.word in ("file", "add to"):
                about = direction
            else:
                yield direction


def _commands(shown: str) -> Iterator[Command]:
    margin = len(shown) - len(shown.lstrip(" "))
    text = re.sub(f"^ {{0,{margin}}}", "", shown, flags=re.MULTILINE)
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, *printed = part.replace("\\\n", "").splitlines()
        yield Command(line, tuple(printed))


def needs(page: str) -> list[str]:
    """Return the programs that a page cannot be tried without."""
    return [step.value for step in steps(page) if isinstance(step, Direction) and step.word == "needs"]


def pattern(printed: tuple[str, ...]) -> re.Pattern[str]:
    """Return what an output has to match as a whole."""
    lines = (
        "(?:.*\n)*?"
        if line.strip() == ANYTHING
        else ".*".join(map(re.escape, line.rstrip().split(ANYTHING))) + "\n"
        for line in printed
    )
    return re.compile("".join(lines))


@dataclass(slots=True)
class Shell:
    """The shell of a reader: a folder, an environment, and programs that were started."""

    folder: Path
    environment: Mapping[str, str]
    code: int = 0
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, line: str) -> str:
        """Run a command after those before it, and return what it prints on both streams."""
        script = f'{_AS_LEFT}\n(exit {self.code})\n{line}\ncode=$?\nexport -p > "$STATE"\nexit $code'
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        self.code = done.returncode
        return "".join(f"{each.rstrip()}\n" for each in done.stdout.splitlines())

    def start(self, line: str) -> None:
        """Start a program beside the commands."""
        self.started.append(
            subprocess.Popen(
                ["bash", "-c", f"{_AS_LEFT}\n{line}"],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )

    def stop(self) -> None:
        """End what was started, with all that belongs to it."""
        while self.started:
            process = self.started.pop()
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def follow(page: Path, folder: Path, *, installed: bool = False) -> None:
    """Do what a page says, in *folder*.

    Args:
        page: the page.
        folder: an empty folder.
        installed: ``decibill`` is what the path says; otherwise the one of this checkout, run by this Python.

    Raises:
        AssertionError: a command prints something else than the page shows, or fails.
    """
    text = page.read_text(encoding="utf-8")
    checkout = any(step == Direction("in", "checkout") for step in steps(text))
    work = folder / "work"
    work.mkdir()
    if checkout:
        for name in _IN_A_CHECKOUT:
            shutil.copytree(ROOT / name, work / name, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    shell = Shell(work, _environment(folder, work if checkout else ROOT, installed=installed))
    try:
        for step in steps(text):
            _take(step, shell, page)
    finally:
        shell.stop()


def _take(step: Command | Direction, shell: Shell, page: Path) -> None:
    if isinstance(step, Command):
        printed = shell.run(step.line)
        assert pattern(step.printed).fullmatch(printed), f"$ {step.line}\n{printed}"
        fine = (0, 1, 2) if step.line.startswith(_JUDGES) and step.printed != (ANYTHING,) else (0,)
        assert shell.code in fine, f"$ {step.line}\n{printed}exit code {shell.code}"
        return
    match step.word:
        case "run":
            printed = shell.run(step.value)
            assert shell.code == 0, f"{step.value}\n{printed}"
        case "include":
            shutil.copy(page.parent / step.value, shell.folder)
        case "file":
            (shell.folder / step.value).write_text(step.block, encoding="utf-8")
        case "add to":
            file = shell.folder / step.value
            tree = _merged(_toml(file.read_text(encoding="utf-8")), _toml(step.block))
            file.write_text(toml_text(tree, step.value), encoding="utf-8")
        case "start":
            shell.start(step.value)
        case "stop":
            shell.stop()
        case _:
            assert step.word in ("needs", "in"), f"{page.name} has a direction that is none: {step.word}"


def _toml(text: str) -> dict[str, Any]:
    return tomllib.loads(text, parse_float=Decimal)


def _merged(into: dict[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in part.items():
        into[name] = _merged(into.get(name, {}), value) if isinstance(value, dict) else value
    return into


def _environment(folder: Path, checkout: Path, *, installed: bool) -> dict[str, str]:
    """Return the environment of somebody who has installed decibill."""
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            # nor is the coverage of a copy of the checkout that of the checkout
            if not name.startswith(("COVERAGE_", "PYTHONPATH", "PYTEST_"))
        },
        "CHECKOUT": str(ROOT),
        "STATE": str(folder / "state"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    if installed:
        return environment
    programs = folder / "bin"
    programs.mkdir()
    path = os.pathsep.join(str(checkout / each) for each in ("conformance", "reference_impl"))
    for name, module in {"decibill": "-m decibill", "pytest": "-m pytest", "python": ""}.items():
        program = programs / name
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH={shlex.quote(path)} exec {shlex.quote(sys.executable)} {module} "$@"\n'
        )
        program.chmod(0o755)
    return {**environment, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}


def main(arguments: list[str]) -> None:
    """Do what the pages say that are named, with the programs that are on the path."""
    for name in arguments:
        with tempfile.TemporaryDirectory() as folder:
            follow(Path(name), Path(folder), installed=True)


if __name__ == "__main__":
    main(sys.argv[1:])
