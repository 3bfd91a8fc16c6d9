#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""Every check of the project: ``nox`` runs them all, ``nox -l`` lists them, ``nox -s NAME`` runs one."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "typing", "fixtures", "requirements", "tests", "build", "conformance"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
FERROGW = "ferrogw==1.5.10"


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of one dependency group (pip before 25.1 cannot read groups)."""
    return tuple(nox.project.dependency_groups(PYPROJECT, name))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run our own tests with branch coverage: not less than 90 % in either package."""
    session.install("-e.[media]", *group("test"))
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    for package in ("decibill", "decibill_reference"):
        session.run("coverage", "report", "--fail-under=90", f"--include=*/{package}/*")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types with mypy and pyright, both strict."""
    session.install("-e.[media]", *group("typing"), "nox")
    session.run("mypy")
    session.run("pyright")


@nox.session
def fixtures(session: nox.Session) -> None:
    """Check the fixtures: schemas, wording, canonical form, exact media, every line recomputed, manifest."""
    session.install("-e.[media]")
    session.run("python", "-m", "decibill.sanity")
    session.run("python", "-m", "decibill.manifest", "verify")


@nox.session
def requirements(session: nox.Session) -> None:
    """Check the requirements: extracted as committed, texts accepted, each covered by a case or excluded."""
    session.install("-e.")
    session.run("python", "-m", "decibill.requirements", "check")


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel, check what they hold, and run the installed wheel from an empty directory."""
    session.install("build")
    dist = Path(session.create_tmp()) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(dist), ".", silent=True)
    wheel = next(dist.glob("*.whl"))
    check_wheel(session, wheel)
    session.install("--force-reinstall", "--no-deps", str(wheel))
    session.install(str(wheel))
    empty = Path(session.create_tmp()) / "empty"
    shutil.rmtree(empty, ignore_errors=True)
    empty.mkdir()
    with session.chdir(empty):
        session.run("decibill", "--version")
        session.run("decibill", "run", "--only", "azure/transcription-founding-report")


def check_wheel(session: nox.Session, wheel: Path) -> None:
    """Fail unless the wheel holds exactly two packages and every data file byte for byte."""
    carried = {
        "schemas": "decibill/schemas",
        "fixtures": "decibill/fixtures",
        "conformance/gateways": "decibill/gateways",
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
        if tops != {"decibill", "decibill_reference"}:
            session.error(f"the wheel holds the top-level names {sorted(tops)}")
        for source, target in carried.items():
            for path in sorted(Path(source).rglob("*")):
                if not path.is_file() or "__pycache__" in path.parts:
                    continue
                name = f"{target}/{path.relative_to(source).as_posix()}"
                if name not in names or archive.read(name) != path.read_bytes():
                    session.error(f"{path} is not in the wheel byte for byte as {name}")


@nox.session
def conformance(session: nox.Session) -> None:
    """Run the suite: against the reference gateway, or with ``-- --gateway NAME`` against another one."""
    session.install("-e.")
    session.run("decibill", "run", *(session.posargs or ["--out", session.create_tmp()]))


@nox.session(name="gateway-ferrogw")
def gateway_ferrogw(session: nox.Session) -> None:
    """Judge ferrogw, installed at a pinned version; it is expected not to conform (exit 1)."""
    session.install("-e.", FERROGW)
    out = Path(session.create_tmp()) / "ferrogw"
    session.run(
        "decibill",
        "run",
        "--gateway",
        "ferrogw",
        "--start",
        "--out",
        str(out),
        *session.posargs,
        success_codes=[1],
    )


if __name__ == "__main__":
    nox.main()
