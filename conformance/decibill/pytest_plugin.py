"""The suite as pytest tests: one test a case, markers for features and levels, one run for all workers.

In a checkout: ``pytest conformance/test_gateway.py --gateway NAME``. From any other repository, with none of
its ``conftest.py`` and settings::

    python -m decibill.pytest_plugin --gateway NAME [options of pytest]

The gateway is driven once, for the tests that are left after ``-k`` and ``-m``; every test then says what
came of its case. Under pytest-xdist one worker drives it and the others wait for the result.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

if TYPE_CHECKING:
    from decibill.case import Case
    from decibill.declaration import Declaration
    from decibill.plan import Plan

__all__ = ["main"]

_ARGUMENT: Final = "decibill_case"
_WAIT_S: Final = 3600
_KEY: Final = pytest.StashKey["_Suite"]()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite under pytest and return its exit code; no settings of the current folder are read."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    os.environ.pop("PYTEST_ADDOPTS", None)
    suite = Path(__file__).with_name("pytest_suite.py")
    with tempfile.TemporaryDirectory(prefix="decibill-") as folder:
        settings = Path(folder, "pytest.ini")
        settings.write_text("[pytest]\n", "utf-8")
        own = ["-c", str(settings), "--rootdir", str(suite.parent), "--noconftest", "-p", "no:cacheprovider"]
        return int(pytest.main([*own, "-p", "decibill.pytest_plugin", *given, str(suite)]))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `decibill run` that say what is judged and how."""
    group = parser.getgroup("decibill", "the gateway that is judged; none: the reference gateway")
    group.addoption("--gateway", metavar="NAME|FILE", help="Declaration of the gateway.")
    group.addoption("--gateway-url", metavar="URL", help="Where it listens, if the declaration is not right.")
    group.addoption("--start", action="store_true", help="Start the program that the declaration names.")
    group.addoption("--baseline", metavar="FILE", help="File of known failures; they are xfailed.")
    group.addoption("--count-should", action="store_true", help="SHOULD counts for the verdict.")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers where they are to be listed; else the cases register those that they have."""
    if config.getoption("markers", False):
        _suite(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each case, in each dialect that it shares with the gateway."""
    if _ARGUMENT not in metafunc.fixturenames:
        return
    suite = _suite(metafunc.config)
    rows: list[tuple[str, Case]] = [(each.id, each.case) for each in suite.plan.instances]
    rows += [(item.case.id, item.case) for item in suite.plan.not_declared]
    metafunc.parametrize(_ARGUMENT, [suite.parameter(name, case) for name, case in sorted(rows, key=_first)])


@pytest.fixture(scope="session")
def decibill_report(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Any]:
    """The report of one run over the cases of all tests that are left, as ``report.json`` has it."""
    chosen = {
        str(item.callspec.params[_ARGUMENT]).partition("[")[0]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and hasattr(item, "callspec")
        and _ARGUMENT in item.callspec.params
    }
    suite = _suite(request.config)
    if not hasattr(request.config, "workerinput"):  # the mark of a worker of pytest-xdist
        return _told(suite.run(chosen))
    folder = tmp_path_factory.getbasetemp().parent / "decibill"  # of this run, and shared by its workers
    return _told(_shared(folder, lambda: suite.run(chosen)))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the verdict, where it was reached in this process."""
    suite = config.stash.get(_KEY, None)
    if suite is not None and suite.sentence:
        terminalreporter.write_sep("-", "decibill")
        terminalreporter.write_line(suite.sentence)


def _first(row: tuple[str, Case]) -> str:
    return row[0]


def _told(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a report, or fail with the reason why there is none."""
    if "problem" in result:
        pytest.fail(str(result["problem"]), pytrace=False)
    return result


def _shared(folder: Path, run: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the result of *run*, made by whichever process is first; the others wait for it."""
    done = folder / "report.json"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        latest = time.monotonic() + _WAIT_S
        while not done.exists():
            if time.monotonic() > latest:
                return {"problem": "the worker that drives the gateway has given no result"}
            time.sleep(0.05)
        return cast("Mapping[str, Any]", json.loads(done.read_text("utf-8")))
    result: Mapping[str, Any] = {"problem": "the worker that drives the gateway has failed"}
    try:
        result = run()
    finally:
        new = folder / "report.new"
        new.write_text(json.dumps(result), "utf-8")
        new.replace(done)
    return result


def _suite(config: pytest.Config) -> _Suite:
    found = config.stash.get(_KEY, None)
    if found is None:
        found = config.stash[_KEY] = _Suite.of(config)
    return found


def _words(case: Case) -> list[str]:
    """Return the markers of a case, levels apart."""
    words = [f"feature_{name}" for name in case.features]
    words += [f"provider_{case.provider}"] if case.provider else []
    return [re.sub(r"[^a-z0-9]+", "_", word) for word in words]


@dataclass(slots=True)
class _Suite:
    """What is judged in this session of pytest."""

    declaration: Declaration
    cases: tuple[Case, ...]
    plan: Plan
    options: Mapping[str, Any]
    levels: Mapping[str, str]
    """Requirement → level."""

    sentence: str = ""

    @classmethod
    def of(cls, config: pytest.Config) -> _Suite:
        from decibill.cases import load_cases  # noqa: PLC0415
        from decibill.declaration_read import at_url, load  # noqa: PLC0415
        from decibill.errors import DecibillError  # noqa: PLC0415
        from decibill.plan import plan  # noqa: PLC0415
        from decibill.specification import load_specification  # noqa: PLC0415

        names = ("gateway", "gateway_url", "start", "baseline", "count_should")
        options = {name: config.getoption(name) for name in names}
        try:
            declaration = load(options["gateway"] or "reference")
            if options["gateway_url"]:
                declaration = at_url(options["gateway_url"], declaration)
        except DecibillError as error:
            raise pytest.UsageError(str(error)) from None
        cases = load_cases()
        requirements = load_specification().requirements
        levels = {name: each.level for name, each in requirements.items()}
        for level in ("must", "should", "may"):
            config.addinivalue_line("markers", f"{level}: the case shows a requirement of this level")
        for word in sorted({word for case in cases for word in _words(case)}):
            config.addinivalue_line("markers", f"{word}: the case needs it")
        return cls(declaration, cases, plan(declaration, cases), options, levels)

    def parameter(self, name: str, case: Case) -> Any:
        words = _words(case) + sorted({self.levels[each].split()[0].lower() for each in case.requirements})
        return pytest.param(name, id=name, marks=[getattr(pytest.mark, word) for word in words])

    def run(self, chosen: Iterable[str]) -> Mapping[str, Any]:
        """Drive the gateway through the chosen cases and return the report, or the reason for none."""
        from decibill.baseline import load_baseline  # noqa: PLC0415
        from decibill.drive import DriveOptions  # noqa: PLC0415
        from decibill.engine import RunOptions, run  # noqa: PLC0415
        from decibill.errors import DecibillError  # noqa: PLC0415
        from decibill.report.json import to_json  # noqa: PLC0415
        from decibill.report.model import Selection  # noqa: PLC0415

        ids = set(chosen)
        cases = [case for case in self.cases if case.id in ids]
        known = [*self.levels, *(case.id for case in self.cases)]
        name = self.options["gateway"]
        baseline = self.options["baseline"]
        start = self.options["start"] or not (name or self.options["gateway_url"])
        try:
            report = run(
                self.declaration,
                cases,
                RunOptions(
                    drive=DriveOptions(start=start),
                    selection=Selection(only=tuple(sorted(ids)) if len(ids) < len(self.cases) else ()),
                    strict=self.options["count_should"],
                    baseline=load_baseline(Path(baseline), gateway=self.declaration.id, known=known)
                    if baseline
                    else None,
                    gateway_option=f"--gateway {name}" if name else "",
                ),
            )
        except DecibillError as error:
            return {"problem": str(error)}
        self.sentence = report.verdict.sentence
        return to_json(report)


if __name__ == "__main__":
    sys.exit(main())
