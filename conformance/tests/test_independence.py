"""The suite and the reference implementation share data, never code."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "conformance" / "decibill"
REFERENCE = ROOT / "reference_impl" / "decibill_reference"

NAMED_IN = {
    "cli/__init__.py",  # mounts the reference's commands
    "process.py",  # lets a started gateway find both packages, which it does not import itself
}


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def _modules(package: Path) -> list[Path]:
    found = sorted(package.rglob("*.py"))
    assert len(found) > 5, f"{package} holds too few modules for this test to mean anything"
    return found


@pytest.mark.parametrize("module", _modules(SUITE), ids=lambda path: path.relative_to(SUITE).as_posix())
def test_no_module_of_the_suite_imports_the_reference(module: Path) -> None:
    assert "decibill_reference" not in _imported(module)


@pytest.mark.parametrize(
    "module", _modules(REFERENCE), ids=lambda path: path.relative_to(REFERENCE).as_posix()
)
def test_no_module_of_the_reference_imports_the_suite(module: Path) -> None:
    assert "decibill" not in _imported(module)


def test_only_the_mount_and_the_starter_name_the_reference_as_text() -> None:
    """An import by name would pass the tests above, so the text is looked for as well."""
    naming = {
        path.relative_to(SUITE).as_posix()
        for path in _modules(SUITE)
        if "decibill_reference" in path.read_text(encoding="utf-8")
    }
    assert naming == NAMED_IN


def test_a_run_does_not_load_the_reference() -> None:
    code = (
        "import sys; import decibill.cli.run, decibill.engine, decibill.judge; "
        "print(sorted(m for m in sys.modules if m.startswith('decibill_reference')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{SUITE.parent}:{REFERENCE.parent}"},
    )
    assert done.stdout.strip() == "[]"


def test_the_calculator_needs_the_standard_library_alone() -> None:
    code = (
        "import decibill_reference.extract, decibill_reference.charge, decibill_reference.refund; "
        "tops = {m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names); "
        "print(sorted(t for t in tops if t not in ('__main__', 'decibill_reference')))"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(REFERENCE.parent)!r}); {code}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
