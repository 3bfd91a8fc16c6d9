#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""Every check of the project: ``nox`` runs them all, ``nox -l`` lists them, ``nox -s NAME`` runs one."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = [  # `matrix`, `durability`, `bench`, `browser` and `fuzz` are asked for
    "lint",
    "typing",
    "fixtures",
    "requirements",
    "tests",
    "build",
    "npm",
    "conformance",
]

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)

ONE_PYTHON_IS_ENOUGH = (  # these start many programs, or go through the whole corpus again
    "conformance/tests/test_ci_examples.py",
    "conformance/tests/test_documentation.py",
    "conformance/tests/test_bench.py",
    "conformance/tests/test_fuzz.py",
    "conformance/tests/test_kill_matrix.py",
    "conformance/tests/test_miniatures_http.py",
    "conformance/tests/test_miniatures_session.py",
    "conformance/tests/test_pytest_plugin.py",
    "conformance/tests/test_runners.py",
    "conformance/tests/test_vendor_tree.py",
    "conformance/tests/test_website_whole.py",
    "reference_impl/tests/test_defects.py",
    "reference_impl/tests/test_durability.py",
)


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of one dependency group (pip before 25.1 cannot read groups)."""
    return tuple(nox.project.dependency_groups(PYPROJECT, name))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run our own tests; on the oldest Python all of them, with branch coverage (95 % and 100 %)."""
    session.install("-e.[media]", *group("test"))
    everything = ["-n", "auto", *session.posargs]
    # also where that is off: each of the hundreds of programs that tests start would compile everything again
    session.env["PYTHONDONTWRITEBYTECODE"] = ""
    if session.python != PYTHONS[0]:
        session.run("pytest", *everything, *(f"--ignore={name}" for name in ONE_PYTHON_IS_ENOUGH))
        return
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *everything)
    session.run("coverage", "combine", "--quiet")
    if not session.posargs:  # a part of the tests covers a part of the code
        for package, least in (("decibill", 95), ("decibill_reference", 100)):
            session.run("coverage", "report", f"--fail-under={least}", f"--include=*/{package}/*")


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
    session.run("python", "-m", "decibill.frozen", "check")


@nox.session
def requirements(session: nox.Session) -> None:
    """Check the requirements: extracted as committed, texts accepted, each covered by a case or excluded."""
    session.install("-e.")
    session.run("python", "-m", "decibill.requirements", "check")


@nox.session(python=PYTHONS[0])
def bench(session: nox.Session) -> None:
    """Measure speed beside peers, and whether their answers are right; ``-- --out FOLDER`` keeps the page."""
    peers = "conformance/bench/peers.requirements.txt"  # with what LiteLLM needs, and not LiteLLM
    session.install("-e.", "-r", peers)
    session.install("--no-deps", "litellm==1.109.1")
    session.run("python", "-m", "bench", *session.posargs)


@nox.session(python=PYTHONS[0])
def browser(session: nox.Session) -> None:
    """Try the pages in the system's Chromium; ``-- screenshots FOLDER`` makes pictures of them."""
    if not (os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")):
        session.skip("chromium is not installed; Debian and Ubuntu have it as a package")
    session.install("-e.", *group("browser"))
    paths = {"PYTHONPATH": "conformance"}
    if session.posargs[:1] == ["screenshots"]:
        session.run("python", "-m", "browser.screenshots", *session.posargs[1:], env=paths)
        return
    if shutil.which("npm") is None:
        session.warn("npm is not installed: the check of accessibility is left out")
    else:
        tools = Path(session.create_tmp()).absolute()
        with session.chdir(tools):
            quiet = ("--silent", "--no-fund", "--no-audit")
            session.run("npm", "install", *quiet, "--prefix", str(tools), "axe-core@4.14.1", external=True)
        paths["AXE_CORE"] = str(tools / "node_modules" / "axe-core" / "axe.min.js")
    session.run("pytest", "conformance/browser", *session.posargs, env=paths)


@nox.session(python=PYTHONS[0])
def fuzz(session: nox.Session) -> None:
    """Look for inputs that nobody thought of: a minute for everything that reads what others wrote."""
    session.install("-e.", *group("fuzz"))
    session.run("python", "-m", "fuzz", *session.posargs)


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
        session.run("python", "-c", READ_FROM_WHEEL)
        session.run("decibill", "vendor", "fixtures", "--provider", "openai", "--runner", "javascript")
        session.run("decibill", "vendor", "fixtures", "--check")
        session.run("decibill", "run", "--only", "azure/transcription-founding-report")


READ_FROM_WHEEL = """
import json
from importlib.resources import files

fixtures = files("decibill") / "fixtures"
manifest = json.loads((fixtures / "MANIFEST.json").read_text(encoding="utf-8"))
for entry in manifest["files"]:
    assert len((fixtures / entry["path"]).read_bytes()) == entry["bytes"], entry["path"]
assert json.loads((files("decibill") / "schemas" / "case.schema.json").read_bytes())["title"] == "Case"
"""
"""What fixtures/README.md promises of an installed wheel."""


def check_wheel(session: nox.Session, wheel: Path) -> None:
    """Fail unless the wheel holds exactly two packages and every data file byte for byte."""
    carried = {
        "schemas": "decibill/schemas",
        "fixtures": "decibill/fixtures",
        "conformance/gateways": "decibill/gateways",
        "conformance/runners": "decibill/runners",
    }
    both = ("requirements.json", "exclusions.json")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
        if tops != {"decibill", "decibill_reference"}:
            session.error(f"the wheel holds the top-level names {sorted(tops)}")
        files = {Path("spec", name): f"decibill/spec/{name}" for name in both}
        for source, target in carried.items():
            for path in sorted(Path(source).rglob("*")):
                if path.is_file():
                    files[path] = f"{target}/{path.relative_to(source).as_posix()}"
        for path, name in files.items():
            if name not in names or archive.read(name) != path.read_bytes():
                session.error(f"{path} is not in the wheel byte for byte as {name}")


@nox.session(python=False)
def npm(session: nox.Session) -> None:
    """Build the npm package of the fixtures, install it into an empty project, and use it there."""
    if shutil.which("npm") is None:
        session.skip("npm is not installed; the package needs Node.js 20")
    folder, project = (Path(session.create_tmp()).absolute() / name for name in ("package", "project"))
    for old in (folder, project):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree("packaging/npm", folder, ignore=shutil.ignore_patterns("try.mjs"))
    for source in ("fixtures", "schemas", "conformance/runners"):
        shutil.copytree(source, folder / Path(source).name, ignore=shutil.ignore_patterns("go", "java"))
    shutil.copy("LICENSE", folder)
    described = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    described["version"] = json.loads(Path("fixtures/MANIFEST.json").read_text(encoding="utf-8"))["version"]
    (folder / "package.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    project.mkdir()
    session.run("npm", "pack", "--silent", "--pack-destination", str(project), str(folder), external=True)
    shutil.copy("packaging/npm/try.mjs", project)
    manifest = Path("fixtures/MANIFEST.json").absolute()
    with session.chdir(project):
        tarball = next(Path().glob("*.tgz"))
        session.run("npm", "init", "-y", silent=True, external=True)
        session.run("npm", "install", "--offline", "--no-audit", "--no-fund", f"./{tarball}", external=True)
        session.run("node", "try.mjs", str(manifest), external=True)
        for level in ("extract", "price", "refund"):
            runner = f"node_modules/decibill-fixtures/runners/javascript/{level}.mjs"
            session.run("node", runner, external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, every warning an error, and check the links of what was built."""
    session.install("-e.", *group("docs"))
    out = Path(session.create_tmp()) / "html"
    shutil.rmtree(out, ignore_errors=True)
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", "-c", "docs", ".", str(out))
    session.run("python", "-m", "website.links", str(out), env={"PYTHONPATH": "conformance"})


@nox.session
def site(session: nox.Session) -> None:
    """Make the static site of the published reports in conformance/site, and check every link on it."""
    session.install("-e.[media]", *group("site"))
    session.run("python", "-m", "website", *session.posargs, env={"PYTHONPATH": "conformance"})


@nox.session
def conformance(session: nox.Session) -> None:
    """Run the suite: against the reference gateway, or with ``-- --gateway NAME`` against another one."""
    session.install("-e.[media]")
    if session.posargs:
        session.run("decibill", "run", *session.posargs)
        return
    out = Path(session.create_tmp())
    session.run("decibill", "run", "--out", str(out))
    session.run("decibill", "report", "coverage", str(out / "report.json"))


@nox.session
def matrix(session: nox.Session) -> None:
    """Start the reference gateway with each named defect and see it caught, by what it breaks alone."""
    session.install("-e.[media]")
    page = "conformance/KILL_MATRIX.md"
    session.run("python", "-m", "decibill.kill_matrix", "--page", page, *session.posargs)


@nox.session
def durability(session: nox.Session) -> None:
    """Kill, lock, fill and mislead the reference gateway under load; ``-- --kills N --seed N``."""
    session.install("-e.")
    session.run("python", "-m", "tests.durability", *session.posargs, env={"PYTHONPATH": "reference_impl"})


@nox.session
def logs(session: nox.Session) -> None:
    """Hold the totals of a million records to whole numbers, by processes and by Spark (needs Java 17)."""
    session.install("-e.", "pyspark>=4", "pandas>=2.2", "pyarrow>=15")
    count = session.posargs[0] if session.posargs else "1000000"
    for how in ([], ["--spark"]):
        session.run("python", "-m", "tests.many", count, *how, env={"PYTHONPATH": "reference_impl"})


def judge(session: nox.Session, name: str, programs: Path) -> None:
    """Judge the gateway whose programs are in a folder; conformant or not, a verdict is a success."""
    out = Path(session.create_tmp()) / "report"
    session.run(
        "decibill",
        "run",
        "--gateway",
        name,
        "--start",
        "--out",
        str(out),
        *session.posargs,
        env={"PATH": os.pathsep.join([str(programs), *session.bin_paths, os.environ["PATH"]])},
        success_codes=[0, 1],
    )


def own_environment(session: nox.Session, *installs: tuple[str, ...]) -> Path:
    """Return the programs of an environment for the gateway alone: its pins are not ours."""
    home = (Path(session.create_tmp()) / "gateway").absolute()
    if not home.exists():
        session.run("python", "-m", "venv", str(home))
    for arguments in installs:
        session.run(str(home / "bin" / "python"), "-m", "pip", "install", "-q", *arguments, external=True)
    return home / "bin"


@nox.session(name="gateway-ferrogw")
def gateway_ferrogw(session: nox.Session) -> None:
    """Judge ferrogw 1.5.10, installed into an environment of its own."""
    session.install("-e.")
    judge(session, "ferrogw", own_environment(session, ("ferrogw==1.5.10",)))


def do_what_is_said(session: nox.Session, page: str) -> None:
    """Run the commands of a page that installs something, as its reader would."""
    session.install("-e.")
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "2"}  # what pip warns of differs by machine
    session.run("python", "-m", "tests.shown", page, env={"PYTHONPATH": "conformance", **quiet})


@nox.session(name="tutorial-ferrogw")
def tutorial_ferrogw(session: nox.Session) -> None:
    """Do what the tutorial about a gateway says: install ferrogw, describe, start, probe and judge it."""
    do_what_is_said(session, "conformance/gateways/TUTORIAL.md")


@nox.session(name="calculator-genai-prices")
def calculator_genai_prices(session: nox.Session) -> None:
    """Judge genai-prices 0.2.3 as the page about calculators says."""
    do_what_is_said(session, "conformance/calculators/README.md")


@nox.session(name="gateway-litellm")
def gateway_litellm(session: nox.Session) -> None:
    """Judge the LiteLLM proxy 1.109.1; its own pins cannot be resolved, so it is installed in two steps."""
    session.install("-e.")
    pinned = ("-r", "conformance/gateways/litellm.requirements.txt")
    judge(session, "litellm", own_environment(session, pinned, ("--no-deps", "litellm==1.109.1")))


@nox.session(name="gateway-tensorzero")
def gateway_tensorzero(session: nox.Session) -> None:
    """Judge TensorZero 2026.6.0; it is started by a Python script, so it shares the session's environment."""
    session.install("-e.", "-r", "conformance/gateways/tensorzero.requirements.txt")
    judge(session, "tensorzero", Path(session.bin))


@nox.session(name="gateway-any-llm")
def gateway_any_llm(session: nox.Session) -> None:
    """Judge the any-llm gateway 1.14.0, installed into an environment of its own."""
    session.install("-e.")
    pinned = ("-r", "conformance/gateways/any-llm.requirements.txt")
    judge(session, "any-llm", own_environment(session, pinned))


@nox.session(name="gateway-mlflow")
def gateway_mlflow(session: nox.Session) -> None:
    """Judge the MLflow AI gateway 3.17.2, installed into an environment of its own."""
    session.install("-e.")
    pinned = ("-r", "conformance/gateways/mlflow.requirements.txt")
    judge(session, "mlflow", own_environment(session, pinned))


@nox.session(name="gateway-portkey")
def gateway_portkey(session: nox.Session) -> None:
    """Judge the Portkey gateway 1.15.2, installed by npm into a folder of its own."""
    session.install("-e.")
    home = Path(session.create_tmp()) / "portkey"
    home.mkdir(exist_ok=True)
    shutil.copy("conformance/gateways/portkey/package.json", home)
    with session.chdir(home):
        session.run("npm", "install", "--silent", "--no-fund", "--no-audit", external=True)
    judge(session, "portkey", (home / "node_modules" / ".bin").absolute())


if __name__ == "__main__":
    nox.main()
