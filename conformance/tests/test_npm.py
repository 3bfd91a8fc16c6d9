"""The npm package says of itself what the release says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "packaging" / "npm"


def test_what_the_package_exports_and_ships_is_there_once_it_is_built() -> None:
    described = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))
    built = {path.name for path in PACKAGE.iterdir()} | {"fixtures", "schemas", "runners", "LICENSE"}

    assert {name.rstrip("/") for name in described["files"]} <= built
    assert described["version"] == "0.0.0"
    assert "dependencies" not in described


def test_the_types_declare_every_export() -> None:
    exported = re.findall(
        r"^export const (\w+)|^export function (\w+)", (PACKAGE / "index.mjs").read_text(), re.MULTILINE
    )
    declared = re.findall(
        r"^export (?:const|function) (\w+)", (PACKAGE / "index.d.ts").read_text(), re.MULTILINE
    )

    assert sorted(a or b for a, b in exported) == sorted(declared)


def test_its_cases_are_those_of_the_release(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed; the package needs version 20")
    shutil.copytree(PACKAGE, tmp_path / "package")
    for name in ("fixtures", "schemas"):
        (tmp_path / "package" / name).symlink_to(ROOT / name)
    script = (
        f"import {{ cases }} from '{tmp_path}/package/index.mjs';"
        "for (const { id } of cases()) console.log(id);"
    )

    done = subprocess.run(
        ["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True, timeout=120
    )

    files = (ROOT / "fixtures" / "cases").rglob("*.json")
    right = {path.relative_to(ROOT / "fixtures" / "cases").with_suffix("").as_posix() for path in files}
    assert set(done.stdout.split()) == right
