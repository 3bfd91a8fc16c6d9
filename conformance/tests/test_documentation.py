"""What the documentation shows is what happens: every command of a page is run, in the order of the page."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page for folder in ("tutorials", "explanation") for page in (DOCS / folder).glob("*.md"))

BLOCK = re.compile(r"^```console\n(?P<shown>.*?)^```$|^% run: (?P<hidden>[^\n]*)$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```\{literalinclude\} (\S+)", re.MULTILINE)
NEEDS = re.compile(r"^% needs: (\S+)$", re.MULTILINE)
ANYTHING = "…"
"""On a line of its own any lines, inside a line any characters."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command and the lines that it is shown to print; None where it is run out of sight."""

    line: str
    printed: tuple[str, ...] | None


def commands(page: str) -> Iterator[Command]:
    for block in BLOCK.finditer(page):
        if block["hidden"] is not None:
            yield Command(block["hidden"], None)
            continue
        for part in re.split(r"^\$ ", block["shown"], flags=re.MULTILINE)[1:]:
            line, *printed = part.replace("\\\n", "").splitlines()
            yield Command(line, tuple(printed))


def pattern(printed: tuple[str, ...]) -> re.Pattern[str]:
    lines = (
        "(?:.*\n)*?" if line == ANYTHING else ".*".join(map(re.escape, line.rstrip().split(ANYTHING))) + "\n"
        for line in printed
    )
    return re.compile("".join(lines))


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """Return the environment of somebody who has installed decibill."""
    programs = tmp_path / "bin"
    programs.mkdir()
    path = os.pathsep.join(str(ROOT / each) for each in ("conformance", "reference_impl"))
    program = programs / "decibill"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(path)} exec {shlex.quote(sys.executable)} -m decibill "$@"\n'
    )
    program.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }


def named() -> list[Any]:
    return [pytest.param(page, id=page.relative_to(DOCS).as_posix()) for page in PAGES]


@pytest.mark.parametrize("page", named())
def test_the_commands_of_a_page_print_what_the_page_shows(
    page: Path, shell: dict[str, str], tmp_path: Path
) -> None:
    text = page.read_text(encoding="utf-8")
    for program in NEEDS.findall(text):
        if shutil.which(program) is None:
            pytest.skip(f"the page needs {program}, which is not installed")
    folder = tmp_path / "work"
    folder.mkdir()
    for name in FILE.findall(text):
        shutil.copy(page.parent / name, folder)
    last = 0
    for command in commands(text):
        done = subprocess.run(
            ["bash", "-c", f"(exit {last}); {command.line}"],
            cwd=folder,
            env=shell,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        last = done.returncode
        if command.printed is None:
            assert last == 0, f"{command.line}\n{done.stdout}"
            continue
        printed = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
        assert pattern(command.printed).fullmatch(printed), f"$ {command.line}\n{done.stdout}"


def test_every_page_shows_at_least_one_command() -> None:
    assert [page.name for page in PAGES if not list(commands(page.read_text(encoding="utf-8")))] == []


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        (("one", ANYTHING, "four"), "one\ntwo\nthree\nfour\n"),
        (("port …",), "port 8471\n"),
        ((ANYTHING,), ""),
    ],
)
def test_an_ellipsis_stands_for_what_differs(printed: tuple[str, ...], found: str) -> None:
    assert pattern(printed).fullmatch(found)


def test_anything_else_has_to_be_as_shown() -> None:
    assert not pattern(("one", ANYTHING)).fullmatch("two\nthree\n")
