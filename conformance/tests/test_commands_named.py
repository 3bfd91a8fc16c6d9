"""No command of the documentation is untried: each is run by a test or a session, and none is misspelt."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from decibill.cli import cli
from tests.shown import ROOT
from tests.test_documentation import PAGES

EVERYWHERE = [
    page
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "spec/**/*.md",
        "fixtures/*.md",
        "fixtures/price-books/*.md",
        "conformance/*.md",
        "conformance/*/README.md",
        "conformance/gateways/T*.md",
        "conformance/reports/**/*.md",
        "reference_impl/*.md",
        "packaging/npm/*.md",
    )
    for page in sorted(ROOT.glob(pattern))
    if page.name != "CHANGELOG.md"  # what was, also where it is no more
]
TRIED_BY = {
    "README.md": "conformance/tests/test_documentation.py",
    "CONTRIBUTING.md": "docs/how-to/add-a-case.md",
    "conformance/CI.md": "conformance/tests/test_ci_examples.py",
    "conformance/PYTEST.md": "conformance/tests/test_pytest_plugin.py",
    "conformance/calculators/README.md": "nox: calculator-genai-prices",
    "conformance/gateways/TUTORIAL.md": "nox: tutorial-ferrogw",
    "conformance/reports/0.1/any-llm/README.md": "nox: gateway-any-llm",
    "conformance/reports/bench/README.md": "nox: bench",
    "conformance/reports/0.1/ferrogw/README.md": "nox: gateway-ferrogw",
    "conformance/reports/0.1/litellm/README.md": "nox: gateway-litellm",
    "conformance/reports/0.1/mlflow/README.md": "nox: gateway-mlflow",
    "conformance/reports/0.1/portkey/README.md": "nox: gateway-portkey",
    "conformance/reports/0.1/tensorzero/README.md": "nox: gateway-tensorzero",
    "conformance/website/README.md": "conformance/tests/test_website_whole.py",
    "fixtures/README.md": "docs/tutorials/vendor-the-fixtures.md",
    "docs/index.md": "nox: conformance",
    "reference_impl/LOGS.md": "reference_impl/tests/test_rate_lines_command.py",
    "reference_impl/README.md": "reference_impl/tests/test_gateway_refunds.py",
}
"""What runs the commands of the other pages: a session, a test, or a page that shows the same."""

PROGRAMS = ("decibill", "python", "python3", "pip", "pytest", "nox", "node", "npm", "curl")
FENCE = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINE = re.compile(
    rf"^(?:\$ |    (?={'|'.join(PROGRAMS)})|(?=(?:{'|'.join(PROGRAMS)}) ))(?P<line>\S.*)$", re.MULTILINE
)
INLINE = re.compile(r"`((?:decibill|nox -s|python -m) [^`]+)`")


def lines(page: Path) -> Iterator[str]:
    """Yield the commands that a page shows, in blocks of any kind."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    for kind, block in FENCE.findall(text):
        if kind in ("", "sh", "console"):
            yield from (found["line"] for found in LINE.finditer(block))
    for found in re.finditer(
        rf"^    (?P<line>(?:{'|'.join(PROGRAMS)}) .*)$", FENCE.sub("", text), re.MULTILINE
    ):
        yield found["line"]


def mentioned(page: Path) -> Iterator[str]:
    """Yield the commands that a page shows, and those that stand in its sentences."""
    yield from lines(page)
    text = FENCE.sub("", page.read_text("utf-8"))
    yield from (" ".join(found.split()) for found in INLINE.findall(text))


def named(pages: list[Path]) -> list[Any]:
    return [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in pages]


def sessions() -> set[str]:
    """Return the names of the sessions of nox."""
    found: set[str] = set()
    for node in ast.parse((ROOT / "noxfile.py").read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call):
                    found |= {
                        str(each.value.value)
                        for each in decorator.keywords
                        if each.arg == "name" and isinstance(each.value, ast.Constant)
                    }
    return found


def test_every_page_with_commands_is_tried() -> None:
    shown = {page.relative_to(ROOT).as_posix() for page in EVERYWHERE if list(lines(page))}
    run = {page.relative_to(ROOT).as_posix() for page in PAGES}

    assert shown - run - set(TRIED_BY) == set()
    assert [page for page in TRIED_BY if (ROOT / page).is_file() and page not in shown] == []


@pytest.mark.parametrize("tried_by", sorted(set(TRIED_BY.values())))
def test_what_tries_a_page_is_there(tried_by: str) -> None:
    kind, _, name = tried_by.rpartition(": ")
    if kind:
        assert name in sessions()
    else:
        assert (ROOT / name).is_file()
        assert name.endswith(".py") or ROOT / name in PAGES


def wrong(command: str) -> Iterator[str]:
    """Yield what a command names and what is not there."""
    words = command.partition("  #")[0].split()
    if "decibill" in words and words[0] not in ("pip", "python"):
        yield from wrong_options(words[words.index("decibill") + 1 :])
    elif words[:2] == ["nox", "-s"]:
        known = sessions()
        for word in words[2:]:
            if word == "--":
                break
            name = word.rpartition("-3.")[0] or word
            if name not in known and word.islower():
                yield f"session {word}"
    elif words[:2] == ["python", "-m"] and not is_there(words[2]):
        yield f"module {words[2]}"


def is_there(module: str) -> bool:
    """Return whether a module is there, without what its packages would import."""
    path = module.replace(".", "/")
    return any(
        (ROOT / place / file).is_file()
        for place in ("conformance", "reference_impl")
        for file in (f"{path}.py", f"{path}/__main__.py")
    )


def wrong_options(words: list[str]) -> Iterator[str]:
    command: click.Command = cli
    for word in words:
        if isinstance(command, click.Group):
            if word.startswith("-"):
                continue
            found = command.get_command(click.Context(command), word)
            if found is None:
                if word.isalpha() and word.islower():
                    yield f"command {word}"
                return
            command = found
        elif word in ("|", "&&", ">", "#"):
            return
        elif re.fullmatch("--[a-z-]+", word) and word != "--help":
            known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
            if word not in known:
                yield f"option {word} of {command.name}"


@pytest.mark.parametrize("page", named(EVERYWHERE))
def test_every_command_that_is_named_is_there(page: Path) -> None:
    assert [(command, fault) for command in mentioned(page) for fault in wrong(command)] == []


@pytest.mark.parametrize(
    ("command", "faults"),
    [
        ("decibill rnu --gateway x", ["command rnu"]),
        ("decibill run --gatewy x", ["option --gatewy of run"]),
        ("decibill vendor DIR --check", []),
        ("nox -s lnit", ["session lnit"]),
        ("nox -s tests-3.12 -- -k cached", []),
        ("python -m decibill.sanitary", ["module decibill.sanitary"]),
    ],
)
def test_what_is_not_there_is_found(command: str, faults: list[str]) -> None:
    assert list(wrong(command)) == faults
