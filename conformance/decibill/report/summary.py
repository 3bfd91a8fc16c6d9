"""A report in a few lines of Markdown, for the page of a job, and its figures for the steps after it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from decibill.report.text import printable

__all__ = ["outputs", "summary"]

_MOST: Final = 20
"""Requirements that are named; the report itself has them all."""

_MEANT: Final = re.compile(r"([\\`*_{}\[\]()#+!|<>&:~@-])")
"""What Markdown could take for more than text."""


def summary(report: Mapping[str, Any]) -> str:
    """Return what a valid report says, as Markdown; no text of the gateway can become a link or markup."""
    return "\n".join(_lines(report)) + "\n"


def outputs(report: Mapping[str, Any]) -> str:
    """Return the figures of a valid report, one ``name=value`` a line."""
    must = report["counts"]["MUST"]
    rows = {
        "verdict": report["verdict"]["word"],
        "passed": must["pass"],
        "failed": must["fail"] + must["error"],
        "not-checked": must["not_declared"] + must["not_testable"],
    }
    return "".join(f"{name}={value}\n" for name, value in rows.items())


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    gateway, suite = report["gateway"], report["suite"]
    yield f"## {_text(gateway['name'])} {_text(gateway['version'])}: {_text(report['verdict']['word'])}"
    yield ""
    yield _text(report["verdict"]["sentence"])
    yield ""
    yield "| | met | not met | known | in error | not checked |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for level, counts in report["counts"].items():
        not_checked = counts["not_declared"] + counts["not_testable"]
        cells = (counts["pass"], counts["fail"], counts["known"], counts["error"], not_checked)
        yield f"| {level} | {' | '.join(map(str, cells))} |"
    bad = [
        row for row in report["requirements"] if row["outcome"] in ("fail", "error") and not _is_known(row)
    ]
    if bad:
        yield ""
        yield "| not met | level | what it says | cases |"
        yield "| --- | --- | --- | --- |"
    for row in bad[:_MOST]:
        cases = [case["id"] for case in row["cases"] if case["outcome"] in ("fail", "error")]
        shown = ", ".join(map(_text, cases[:2])) + (f" and {len(cases) - 2} more" if len(cases) > 2 else "")
        yield f"| {_text(row['id'])} | {row['level']} | {_text(row['text'])} | {shown} |"
    if len(bad) > _MOST:
        yield ""
        yield f"{len(bad) - _MOST} more are in the report."
    yield ""
    yield f"decibill {_text(suite['version'])}, spec {_text(suite['spec'])}, {suite['cases']} cases"


def _is_known(row: Mapping[str, Any]) -> bool:
    """Whether the baseline has every failure of a requirement."""
    return bool(row.get("known", {}).get("all"))


def _text(value: object) -> str:
    """Return *value* as one line that Markdown shows as it stands."""
    return (
        _MEANT.sub(r"\\\1", printable(" ".join(str(value).split())))
        .replace(r"\<", "&lt;")
        .replace(r"\&", "&amp;")
    )
