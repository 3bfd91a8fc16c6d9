"""The difference between two reports as text, Markdown and JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from decibill import jsonio
from decibill.judge_call import plain
from decibill.report.compare import CHANGES
from decibill.report.markdown import escaped, money
from decibill.report.text import printable

if TYPE_CHECKING:
    from decibill.report.compare import Changed, Comparison
    from decibill.report.model import Report
    from decibill.report.money import Stake, Sums

__all__ = ["comparison_json", "comparison_markdown", "comparison_text"]

_MOST: Final = 12
"""Rows of one change that are named; JSON has them all."""

_MOST_ROWS: Final = 40
_LABEL: Final = 15


def comparison_text(found: Comparison, *, width: int = 100, verbose: bool = False) -> str:
    """Return the difference as lines of text.

    Args:
        found: the difference.
        width: columns to wrap at.
        verbose: every row by name.
    """
    lines: list[str] = []
    for label, text in _facts(found):
        lines += textwrap.wrap(
            text,
            max(width, 60),
            initial_indent=f"{label} ".ljust(_LABEL),
            subsequent_indent=" " * _LABEL,
            break_long_words=False,
            break_on_hyphens=False,
        )
    for change, meaning in CHANGES.items():
        rows = found.of(change)
        if rows:
            lines += ["", f"{change.upper()}  {len(rows)} case{_s(len(rows))}, {meaning}"]
        for row in rows if verbose else rows[:_MOST]:
            lines.append(f"  {row.id}  {_told(row)}")
        if len(rows) > _MOST and not verbose:
            lines.append(f"  and {len(rows) - _MOST} more (-v shows all)")
    if found.requirements:
        lines.append("")
    for change in CHANGES:
        names = [row.id for row in found.requirements if row.change == change]
        for label, text in [(f"{change},", f"{len(names)} requirement{_s(len(names))}: {', '.join(names)}")]:
            lines += textwrap.wrap(f"{label} {text}", max(width, 60), subsequent_indent="  ") if names else []
    lines += ["", _conclusion(found)]
    return "".join(f"{printable(line)}\n" for line in lines)


def comparison_markdown(found: Comparison) -> str:
    """Return the difference as Markdown, for the page of a job or of a pull request."""
    lines = [f"## {escaped(_conclusion(found))}", ""]
    lines += [f"* {escaped(label)}: {escaped(text)}" for label, text in _facts(found)]
    if found.cases:
        lines += ["", "| case | | was | is | billed before | billed now | right |"]
        lines += ["| --- | --- | --- | --- | ---: | ---: | ---: |"]
    for row in found.cases[:_MOST_ROWS]:
        before, after = row.before_money, row.after_money
        right = after or before
        cells = (
            row.id,
            row.change,
            _word(row.before),
            _word(row.after),
            _billed(before),
            _billed(after),
            "" if right is None else _figure(right.right),
        )
        lines.append(f"| {' | '.join(map(escaped, cells))} |")
    if len(found.cases) > _MOST_ROWS:
        lines += ["", f"{len(found.cases) - _MOST_ROWS} more differ."]
    return "\n".join(lines) + "\n"


def comparison_json(found: Comparison) -> str:
    """Return the difference as JSON text ending in a newline."""
    return jsonio.dumps(
        {
            "before": _side(found.before),
            "after": _side(found.after),
            "counts": {change: len(found.of(change)) for change in CHANGES} | {"same": found.unchanged},
            "cases": [_row(row) for row in found.cases],
            "requirements": [_row(row) for row in found.requirements],
            "money": {
                "before": [_sum(each) for each in found.before_sums],
                "after": [_sum(each) for each in found.after_sums],
            },
            "doubts": list(found.doubts),
            "worse": found.is_worse,
        }
    )


def _side(report: Report) -> dict[str, Any]:
    gateway, verdict = report.gateway, report.verdict
    return {
        "gateway": {"id": gateway.id, "name": gateway.name, "version": gateway.version},
        "started": report.started,
        "verdict": verdict.word,
    }


def _row(row: Changed) -> dict[str, Any]:
    result: dict[str, Any] = {
        "id": row.id,
        "change": row.change,
        "before": str(row.before),
        "after": str(row.after),
    }
    for name, stake in (("before_money", row.before_money), ("after_money", row.after_money)):
        if stake is not None:
            amounts = {"billed": stake.billed, "right": stake.right}
            result[name] = {
                "currency": stake.currency,
                **{key: None if value is None else plain(value) for key, value in amounts.items()},
            }
    return result


def _sum(of: Sums) -> dict[str, Any]:
    amounts = {"billed": of.billed, "right": of.right, "under": of.under, "over": of.over}
    shown = {key: plain(value) for key, value in amounts.items()}
    return {"currency": of.currency, "calls": of.calls, **shown, "unfounded": plain(of.unfounded)}


def _facts(found: Comparison) -> Iterator[tuple[str, str]]:
    yield "before", _named(found.before)
    yield "after", _named(found.after)
    for doubt in found.doubts:
        yield "note", doubt
    for label, sums in (("money before", found.before_sums), ("money after", found.after_sums)):
        for each in sums:
            yield label, money(each)
    counts = [f"{len(found.of(change))} {change}" for change in CHANGES if found.of(change)]
    yield "cases", ", ".join([*counts, f"{found.unchanged} as before"])


def _named(report: Report) -> str:
    return f"{report.gateway.name} {report.gateway.version}, {report.started}: {report.verdict.sentence}"


def _told(row: Changed) -> str:
    before, after = row.before_money, row.after_money
    words = f"{_word(row.before)} -> {_word(row.after)}"
    right = after or before
    if right is None:
        return words
    sides = " -> ".join(dict.fromkeys(_billed(stake) for stake in (before, after) if stake is not None))
    known = "" if right.right is None else f" {right.currency}"
    return f"{words}   billed {sides}, right {_figure(right.right)}{known}"


def _word(outcome: object) -> str:
    return str(outcome).replace("_", " ")


def _billed(stake: Stake | None) -> str:
    return "" if stake is None else _figure(stake.billed)


def _figure(number: Decimal | None) -> str:
    return "unknown" if number is None else plain(number)


def _conclusion(found: Comparison) -> str:
    fixed, broken = len(found.of("fixed")), len(found.of("broken"))
    if not found.cases and not found.requirements:
        return "Nothing is different"
    return f"{fixed} case{_s(fixed)} fixed, {broken} broken; the verdict was {_verdicts(found)}"


def _verdicts(found: Comparison) -> str:
    before, after = found.before.verdict.word, found.after.verdict.word
    return f"{before} and is so still" if before == after else f"{before} and is {after}"


def _s(count: int | Iterable[object]) -> str:
    return "" if count == 1 else "s"
