"""Runs every trial at full length."""

from __future__ import annotations

import argparse
import sys

from tests.durability.trials import clock_trial, disk_trial, kill_trial, lock_trial


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--requests", type=int, default=10_000, help="calls of the trial with kills, at least"
    )
    parser.add_argument("--kills", type=int, default=45)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    _say(f"seed {options.seed}")
    for trial in (
        lambda: kill_trial(options.requests, options.kills, options.seed),
        lambda: lock_trial(1000, 20, 11.0, options.seed),
        lambda: disk_trial(2000, 12, options.seed),
        lambda: clock_trial(1000, 3, options.seed),
    ):
        _say(str(trial()))


if __name__ == "__main__":
    _main()
