"""``python -m bench``: measure, print the page, and write it with its figures where ``--out`` says."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench import bulk, calculators, gateway, machine, starts, suite
from bench.page import page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["main"]

_RESULTS: Final = "results.json"
FULL: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "starts": lambda: starts.measured(rounds=5),
    "calculators": lambda: calculators.measured(rounds=31, turn=0.005),
    "logs": lambda: bulk.measured(lines=150_000, rounds=3),
    "suite": lambda: suite.measured(rounds=3),
    "gateways": gateway.measured,
}
LIGHT: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "starts": lambda: starts.measured(rounds=1),
    "calculators": lambda: calculators.measured(rounds=2, turn=0.0005),
    "logs": lambda: bulk.measured(lines=50, rounds=1),
    "suite": lambda: suite.measured(rounds=1, only="azure/transcription-founding-report"),
    "gateways": lambda: gateway.measured(("reference",), rounds=1, seconds=0.2),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure speed beside peers.")
    parser.add_argument("--only", action="append", choices=FULL, help="a part; all of them by default")
    parser.add_argument("--light", action="store_true", help="see that it runs; the figures mean nothing")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="gets README.md and results.json")
    parser.add_argument(
        "--again", type=Path, metavar="FOLDER", help="write its page anew, and measure nothing"
    )
    options = parser.parse_args(arguments)
    if options.again is not None:
        _write_page(options.again, json.loads(Path(options.again, _RESULTS).read_bytes()))
        return 0
    parts = LIGHT if options.light else FULL
    before = machine.load()
    measured = dict[str, Any]()
    for name, part in parts.items():
        if not options.only or name in options.only:
            print(f"measuring: {name}", file=sys.stderr, flush=True)  # noqa: T201 - it takes minutes
            measured[name] = part()
    found = {
        "format": 1,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine.described(),
        "load": [before, machine.load()],
        **measured,
    }
    print(page(found))  # noqa: T201 - a program's output
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        results = json.dumps(found, indent=2, ensure_ascii=False)
        Path(options.out, _RESULTS).write_text(f"{results}\n", encoding="utf-8")
        _write_page(options.out, found)
    return 0


def _write_page(folder: Path, found: Mapping[str, Any]) -> None:
    Path(folder, "README.md").write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
