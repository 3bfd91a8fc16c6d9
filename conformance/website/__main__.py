"""``python -m website``: write the site, and see that every link on it leads somewhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from decibill.errors import DecibillError

from website.build import pages, write
from website.links import broken
from website.subjects import load_site

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[2]
_MOST = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the site; return 1 where a link leads nowhere, 2 where it cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m website", description="Write the site from the reports.")
    parser.add_argument("--out", type=Path, default=ROOT / "conformance" / "site", help="folder to write")
    parser.add_argument(
        "--reports",
        type=Path,
        action="append",
        default=[],
        help="a folder with more reports, DIR/NAME/report.json",
    )
    parser.add_argument("--repository", default="", help="address that the path of a file is appended to")
    given = parser.parse_args(arguments)
    try:
        found = pages(load_site(ROOT, [each.resolve() for each in given.reports], given.repository))
        write(found, given.out)
    except DecibillError as error:
        print(f"website: {error}", file=sys.stderr)  # noqa: T201 - the message of the command line
        return error.exit_code
    problems = broken(found)
    first = list(islice(problems, _MOST))
    for problem in first:
        print(problem, file=sys.stderr)  # noqa: T201
    size = sum(len(text.encode()) for text in found.values()) / 1e6
    print(f"{given.out}: {len(found)} files, {size:.0f} MB")  # noqa: T201
    return 1 if first else 0


if __name__ == "__main__":
    sys.exit(main())
