"""``python -m fuzz [NAME…] [-OPTION=VALUE…]``: try targets, each in a process of its own.

Options are those of libFuzzer (``-max_total_time=600``, ``-runs=100000``, ``-seed=7``). Exit code 0: nothing
was found; 1: something was, and the message names the file with the input. New inputs that reach new code are
written to the folder that ``--corpus FOLDER`` names, else to one that is removed afterwards.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from fuzz.targets import TARGETS, Target, kept, load

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULTS = (
    "-max_total_time=60",
    "-artifact_prefix=found-",
    "-max_len=20000",
    "-timeout=30",
    "-rss_limit_mb=2048",
    "-seed=1",
    "-print_final_stats=1",
    "-verbosity=0",
)


def main() -> int:
    """Try the targets that the command line names, all of them by default."""
    parser = argparse.ArgumentParser(
        prog="python -m fuzz", description="Try targets, all of them by default."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TARGETS))
    parser.add_argument("--corpus", metavar="FOLDER", help="keep new inputs there, one folder a target")
    parser.add_argument("--from", dest="begin", metavar="FOLDER", help=argparse.SUPPRESS)
    given, options = parser.parse_known_args()
    for name in given.names:
        if name not in TARGETS:
            parser.error(f"there is no target {name!r}; known are {', '.join(TARGETS)}")
    if given.begin:
        fuzz(given.names[0], options, Path(given.begin), Path(given.corpus))
    names: Sequence[str] = given.names or TARGETS
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tried = [pool.submit(try_target, name, options, given.corpus) for name in names]
    return 1 if any(each.result() for each in tried) else 0


def try_target(name: str, options: Sequence[str], folder: str | None) -> bool:
    """Try one target in a process of its own, say what came of it, and return whether something was found."""
    with tempfile.TemporaryDirectory() as temporary:
        begin, corpus = Path(temporary, "begin"), Path(folder or temporary, name)
        begin.mkdir()
        corpus.mkdir(parents=True, exist_ok=True)
        folders = ["--from", str(begin), "--corpus", str(corpus)]
        here = [sys.executable, "-m", "fuzz", *folders, name, *options]
        done = subprocess.run(  # noqa: S603 - this very program
            here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
        )
    print(said(name, done), flush=True)  # noqa: T201 - a program's output
    return done.returncode != 0


def said(name: str, done: subprocess.CompletedProcess[str]) -> str:
    """Return what is to be said of one target: its executions, or all that the engine wrote on a finding."""
    if done.returncode != 0:
        return f"{name}: FOUND\n{done.stdout}"
    stated = dict(line[6:].split(":") for line in done.stdout.splitlines() if line.startswith("stat::"))
    executions = stated.get("number_of_executed_units", "?").strip()
    new = stated.get("new_units_added", "?").strip()
    return f"{name}: {executions} inputs tried, {new} of them reached new code, nothing found"


def fuzz(name: str, options: Sequence[str], begin: Path, corpus: Path) -> None:
    """Try one target in this process, which ends with the engine; *begin* takes the inputs to begin with."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["decibill", "decibill_reference"], enable_loader_override=False):
        target = load(name)
    for number, seed in enumerate(target.seeds()):
        Path(begin, f"seed-{number:04}").write_bytes(seed)
    for path in kept(name):
        Path(begin, path.name).write_bytes(path.read_bytes())
    arguments = [sys.argv[0], *DEFAULTS, *options, str(corpus), str(begin)]
    atheris.Setup(arguments, target.attempt, custom_mutator=mutator(atheris, target))
    atheris.Fuzz()


def mutator(atheris: Any, target: Target) -> Any:
    """Return the engine's mutator: mostly changes that keep the form, else changes of bytes."""

    def change(data: bytes, largest: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311 - reproducible on purpose
        if random.random() < 0.85:
            made = target.changed(bytes(data), random)
            if made is not None and len(made) <= largest:
                return made
        return bytes(atheris.Mutate(data, len(data)))

    return change


if __name__ == "__main__":
    sys.exit(main())
