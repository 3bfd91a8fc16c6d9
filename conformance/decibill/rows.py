"""Compare what a gateway was measured to answer by hand with what a report says of the same calls.

``python -m decibill.rows conformance/reports/0.1/litellm`` reads ``rows.toml`` and ``report.json`` of that
folder and prints ``ROWS.md``. Where the two differ, one of them is wrong or judges something else, and the
row's note says which.
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from decibill import jsonio
from decibill.errors import DecibillError, InvalidFileError, UsageError
from decibill.outcome import Outcome, roll_up

__all__ = ["Judged", "Measured", "Row", "main", "read_judged", "read_measured", "render"]

_MEANS: Final = {"ok": "pass", "wrong": "fail", "silent zero": "fail", "no cost": "fail"}
"""Verdict of the measurement → outcome that agrees with it; an estimate may be either."""

_VERDICTS: Final = ("ok", "wrong", "silent zero", "no cost", "estimate")
_TEXTS: Final = ("id", "says", "right", "answered", "verdict")
_OPTIONAL: Final = ("case", "waits_for", "reason", "outcome", "note")


@dataclass(frozen=True, slots=True)
class Row:
    """One call as it was measured by hand."""

    id: str
    says: str
    right: str
    answered: str
    verdict: str
    """Of the measurement: one of ``ok``, ``wrong``, ``silent zero``, ``no cost``, ``estimate``."""

    case: str | None = None
    """The case that says the same; its figures may differ."""

    waits_for: str | None = None
    """What the specification must have before there is a case."""

    reason: str | None = None
    """Why there will be no case."""

    outcome: str | None = None
    """What the suite is to say."""

    by: tuple[str, ...] = ()
    """The checks that are to fail."""

    note: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """All rows of one gateway."""

    gateway: str
    version: str
    day: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a report says of one case, all its dialects together."""

    outcome: str
    failing: frozenset[str] = frozenset()
    """Its checks with that outcome, where it is not a pass."""


def read_measured(path: Path) -> Measured:
    """Return the rows in the file at *path*.

    Raises:
        InvalidFileError: the file is not such a list, with the row.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidFileError(str(path), f"cannot be read: {error}") from None
    rows = [_row(path, index, item) for index, item in enumerate(cast("Sequence[Any]", data.get("row", [])))]
    if not rows or not all(isinstance(data.get(key), str) for key in ("gateway", "version", "measured")):
        raise InvalidFileError(str(path), "needs gateway, version, measured and at least one [[row]]")
    twice = [name for name, count in Counter(row.id for row in rows).items() if count > 1]
    if twice:
        raise InvalidFileError(str(path), f"the row {twice[0]} stands twice")
    return Measured(data["gateway"], data["version"], data["measured"], tuple(rows))


def _row(path: Path, index: int, item: Any) -> Row:
    at = f"/row/{index}"
    if not isinstance(item, Mapping):
        raise InvalidFileError(str(path), "must be a table", pointer=at)
    data = cast("Mapping[str, Any]", item)
    for key in data:
        if key not in {*_TEXTS, *_OPTIONAL, "by"}:
            raise InvalidFileError(str(path), f"there is no member {key!r}", pointer=f"{at}/{key}")
    for key in (*_TEXTS, *(name for name in _OPTIONAL if name in data)):
        if not isinstance(data.get(key), str) or not data[key]:
            raise InvalidFileError(str(path), "must be a text", pointer=f"{at}/{key}")
    if data["verdict"] not in _VERDICTS:
        raise InvalidFileError(str(path), f"must be one of {', '.join(_VERDICTS)}", pointer=f"{at}/verdict")
    if sum(key in data for key in ("case", "waits_for", "reason")) != 1:
        raise InvalidFileError(str(path), "needs one of case, waits_for and reason", pointer=at)
    optional: dict[str, Any] = {key: data[key] for key in _OPTIONAL if key in data}
    return Row(**{key: data[key] for key in _TEXTS}, **optional, by=tuple(data.get("by", ())))


def read_judged(path: Path) -> Mapping[str, Judged]:
    """Return what the report in the file at *path* says of every case.

    Raises:
        InvalidFileError: the file is not a report.
    """
    document = jsonio.load_file(path)
    cases = cast("Any", document).get("cases") if isinstance(document, Mapping) else None
    if not isinstance(cases, list):
        raise InvalidFileError(str(path), "is not a report", pointer="/cases")
    instances: dict[str, list[Mapping[str, Any]]] = {}
    for case in cast("Sequence[Mapping[str, Any]]", cases):
        instances.setdefault(case["case"], []).append(case)
    return {name: _judged(several) for name, several in instances.items()}


def _judged(instances: Sequence[Mapping[str, Any]]) -> Judged:
    outcome = roll_up(Outcome(instance["outcome"]) for instance in instances)
    if outcome in {Outcome.PASS, Outcome.NOT_DECLARED}:
        return Judged(outcome.value)
    checks = (check for instance in instances for check in instance["checks"])
    return Judged(outcome.value, frozenset(check["check"] for check in checks if check["outcome"] == outcome))


def render(measured: Measured, judged: Mapping[str, Judged], version: str) -> str:
    """Return the comparison as Markdown.

    Args:
        measured: the rows.
        judged: what the report says, by case.
        version: of the gateway that the report is about.
    """
    return "\n".join(_lines(measured, judged, version)) + "\n"


def _lines(measured: Measured, judged: Mapping[str, Judged], version: str) -> Iterator[str]:
    compared = [(row, judged[row.case]) for row in measured.rows if row.case and row.case in judged]
    differing = [(row, found) for row, found in compared if _differs(row, found)]
    without = [row for row in measured.rows if row.case not in judged]
    yield f"# {len(measured.rows)} calls measured by hand, and what decibill says of them"
    yield ""
    yield (
        f"{measured.gateway} {measured.version} was measured on {measured.day}, call by call, before there "
        f"was a suite (`rows.toml`); `report.json` is about {version}. Made by `python -m decibill.rows`; do "
        f"not edit."
    )
    yield ""
    agree = f"{len(compared) - len(differing)} of them come out as they were measured"
    others = f", {len(differing)} otherwise, as explained below" if differing else ""
    yield (
        f"{len(compared)} rows have a case; {agree}{others}. {len(without)} rows have none, for the reasons "
        f"at the end."
    )
    yield ""
    yield "| row | call | measured | right → answered | case | decibill | |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row, found in compared:
        mark = "differs" if _differs(row, found) else ""
        answered = f"{row.right} → {row.answered}"
        cells = (row.id, row.says, row.verdict, answered, f"`{row.case}`", _said(found), mark)
        yield f"| {' | '.join(_cell(cell) for cell in cells)} |"
    yield ""
    yield "The figures of a case differ from those of its row; what is compared is whether they are right."
    yield from _section("Where they differ", [(row, _because(row, found)) for row, found in differing])
    notes = [(row, row.note) for row, found in compared if row.note and not _differs(row, found)]
    yield from _section("Remarks", notes)
    yield from _section("Rows without a case", [(row, _why_not(row)) for row in without])


def _section(title: str, items: Sequence[tuple[Row, str]]) -> Iterator[str]:
    if not items:
        return
    grouped: dict[str, list[str]] = {}
    for row, text in items:
        grouped.setdefault(text, []).append(row.id)
    yield ""
    yield f"## {title}"
    yield ""
    for text, names in grouped.items():
        yield f"- {', '.join(names)}: {text}"


def _differs(row: Row, found: Judged) -> bool:
    """Say whether the case comes out other than the measurement, or than the row expects."""
    return found.outcome != (row.outcome or found.outcome) or found.outcome != _MEANS.get(
        row.verdict, found.outcome
    )


def _said(found: Judged) -> str:
    outcome = found.outcome.replace("_", " ")
    checks = sorted({_short(check) for check in found.failing})
    return f"{outcome}: {', '.join(checks)}" if checks else outcome


def _short(check: str) -> str:
    """Return a check's name without the quantity: which part of the usage is wrong, the report says."""
    place, _, quantity = check.partition(".")
    return (
        f"usage at the {place}"
        if quantity and place == "caller"
        else "usage in the ledger"
        if quantity
        else check
    )


def _because(row: Row, found: Judged) -> str:
    expected = f" (expected: {row.outcome})" if row.outcome and row.outcome != found.outcome else ""
    return f"{row.note or 'no reason is written down'}{expected}"


def _why_not(row: Row) -> str:
    if row.reason is not None:
        return row.reason
    if row.waits_for is not None:
        return f"waits for {row.waits_for}"
    return f"the case `{row.case}` is not in the report"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: Sequence[str]) -> int:
    """Print the comparison for the folder that *arguments* name; return the exit code."""
    try:
        if len(arguments) != 1:
            raise UsageError("usage: python -m decibill.rows FOLDER, with rows.toml and report.json in it")
        folder = Path(arguments[0])
        report = jsonio.load_file(folder / "report.json")
        text = render(
            read_measured(folder / "rows.toml"),
            read_judged(folder / "report.json"),
            str(report["gateway"]["version"]),
        )
    except DecibillError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
