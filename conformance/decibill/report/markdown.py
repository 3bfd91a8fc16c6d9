"""A report in a few lines of Markdown, for the page of a job, and its figures for the steps after it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Context
from typing import TYPE_CHECKING, Final

from decibill.judge_call import plain
from decibill.outcome import Outcome
from decibill.report.causes import causes
from decibill.report.money import stakes, sums
from decibill.report.text import printable
from decibill.report.timing import timing_words

if TYPE_CHECKING:
    from decimal import Decimal

    from decibill.case import Case
    from decibill.report.model import Report, RequirementRow
    from decibill.report.money import Sums

__all__ = ["escaped", "money", "render_markdown", "render_outputs"]

_MOST: Final = 20
"""Requirements that are named; the report itself has them all."""

_MOST_CAUSES: Final = 5
_SHORT: Final = Context(prec=6)
_BAD: Final = frozenset({Outcome.FAIL, Outcome.ERROR})
_MEANT: Final = re.compile(r"([\\`*_{}\[\]()#+!|<>&:~@-])")
"""What Markdown could take for more than text."""


def render_markdown(report: Report, cases: Mapping[str, Case]) -> str:
    """Return what a report says, as Markdown; no text of the gateway can become a link or markup.

    Args:
        report: the report.
        cases: the corpus by id, which knows the currency of each case.
    """
    return "\n".join(_lines(report, cases)) + "\n"


def render_outputs(report: Report) -> str:
    """Return the figures of a report, one ``name=value`` a line."""
    must = report.levels.get("MUST", {})
    rows = {
        "verdict": report.verdict.word,
        "passed": must.get("pass", 0),
        "failed": must.get("fail", 0) + must.get("error", 0),
        "not-checked": must.get("not_declared", 0) + must.get("not_testable", 0),
    }
    return "".join(f"{name}={value}\n" for name, value in rows.items())


def _lines(report: Report, cases: Mapping[str, Case]) -> Iterator[str]:
    gateway, suite = report.gateway, report.suite
    yield f"## {escaped(gateway.name)} {escaped(gateway.version)}: {escaped(report.verdict.word)}"
    yield ""
    yield escaped(report.verdict.sentence)
    yield ""
    yield "| | met | not met | known | in error | not checked |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for level, counts in report.levels.items():
        not_checked = counts["not_declared"] + counts["not_testable"]
        cells = (counts["pass"], counts["fail"], counts["known"], counts["error"], not_checked)
        yield f"| {level} | {' | '.join(map(str, cells))} |"
    for each in sums(stakes(report, cases)):
        yield ""
        yield escaped(money(each))
    found = causes(report.cases)
    if found:
        yield ""
    for cause, number in found[:_MOST_CAUSES]:
        yield f"* {number} case{'' if number == 1 else 's'}: {escaped(cause)}"
    if len(found) > _MOST_CAUSES:
        yield f"* and {len(found) - _MOST_CAUSES} more causes"
    yield from _not_met([row for row in report.requirements if row.outcome in _BAD and not row.is_known])
    yield ""
    took = f", {escaped(timing_words(report.timing))}" if report.timing is not None else ""
    yield f"decibill {escaped(suite.version)}, spec {escaped(suite.spec)}, {suite.cases} cases{took}"


def _not_met(rows: list[RequirementRow]) -> Iterator[str]:
    if rows:
        yield ""
        yield "| not met | level | what it says | cases |"
        yield "| --- | --- | --- | --- |"
    for row in rows[:_MOST]:
        names = [name for name, outcome in row.cases if outcome in _BAD]
        yield f"| {escaped(row.id)} | {row.level} | {escaped(row.text)} | {_few(names)} |"
    if len(rows) > _MOST:
        yield ""
        yield f"{len(rows) - _MOST} more are in the report."


def _few(names: Iterable[str]) -> str:
    shown = [escaped(name) for name in names]
    return ", ".join(shown[:2]) + (f" and {len(shown) - 2} more" if len(shown) > 2 else "")


def money(of: Sums) -> str:
    """Return in a sentence what is billed and what is right, over all calls in one currency."""
    wrong = sum(number for kind, number in of.kinds.items() if kind != "right")
    words = f"Billed {_amount(of.billed)} {of.currency} where {_amount(of.right)} is right"
    parts = [f"{_amount(of.under)} too little", f"{_amount(of.over)} too much"]
    if of.unfounded:
        parts.append(f"{_amount(of.unfounded)} for calls whose cost nobody can know")
    total = sum(of.kinds.values())
    return f"{words}: {', '.join(parts)}; {wrong} of {total} costs are wrong"


def _amount(number: Decimal) -> str:
    """Return an amount to six figures: it is to be read, and the report has it exactly."""
    return plain(_SHORT.plus(number))


def escaped(value: object) -> str:
    """Return *value* as one line that Markdown shows as it stands."""
    return (
        _MEANT.sub(r"\\\1", printable(" ".join(str(value).split())))
        .replace(r"\<", "&lt;")
        .replace(r"\&", "&amp;")
    )
