"""The report as text for a terminal: what was judged, what did not pass and why, what was not checked.

One block stands for one requirement, with its first case in full and the others by name, so that eighty
failures stay readable. Whatever came from a gateway loses its control characters.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from decibill.judge_call import plain
from decibill.outcome import CheckResult, Outcome, worse
from decibill.report.causes import causes
from decibill.report.counts import counted
from decibill.report.timing import timing_words

if TYPE_CHECKING:
    from decibill.report.model import Area, CaseRow, Report, RequirementRow

__all__ = ["printable", "render_text"]

_LABEL: Final = 15
_MORE_CASES: Final = 3
_MOST_CAUSES: Final = 8
_LONGEST_COMMAND: Final = 600
_FLAWS: Final = (Outcome.FAIL, Outcome.ERROR, Outcome.NOT_TESTABLE)
_TITLES: Final = {Outcome.FAIL: "FAILED", Outcome.ERROR: "ERROR", Outcome.NOT_TESTABLE: "NOT TESTABLE"}
_BIDIRECTIONAL: Final = frozenset(
    "\u061c\u200e\u200f\u2028\u2029\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def printable(text: str) -> str:
    """Return *text* without anything that could steer a terminal: each such character becomes ``?``."""
    return "".join("?" if _steers(character) else character for character in text)


def _steers(character: str) -> bool:
    code = ord(character)
    half = 0xD800 <= code < 0xE000  # half a character, which no terminal and no file can be given
    return code < 32 or 127 <= code < 160 or half or character in _BIDIRECTIONAL


@dataclass(frozen=True, slots=True)
class _Layout:
    width: int
    verbose: bool


def render_text(report: Report, *, width: int = 100, verbose: bool = False, files: Iterable[str] = ()) -> str:
    """Return the report as lines of text.

    Args:
        report: the report.
        width: columns to wrap at.
        verbose: every case of a requirement in full, with what was received.
        files: files that hold the report, named in the last line.
    """
    layout = _Layout(max(width, 60), verbose)
    parts = [
        list(_head(report, layout)),
        [line for area in report.areas if _judged(area) for line in _area(area, layout)],
        list(_causes(report, layout)),
        *_blocks(report, layout),
        list(_not_checked(report, layout)),
        list(_notes(report, layout)),
        list(_foot(report, layout, files)),
    ]
    lines = [line for part in parts if part for line in (*part, "")]
    return "\n".join(printable(line) for line in lines[:-1]) + "\n"


def _labelled(label: str, text: str, layout: _Layout, indent: int = 0) -> Iterator[str]:
    """Yield *text* behind its label, wrapped below itself; a command or an address is never broken."""
    first = " " * indent + f"{label} ".ljust(_LABEL - indent)
    wrapped = textwrap.wrap(
        " ".join(text.split()),
        layout.width,
        initial_indent=first,
        subsequent_indent=" " * _LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from wrapped or [first.rstrip()]


def _unbroken(label: str, text: str) -> str:
    """Return a line that is meant to be copied, in one piece."""
    return "  " + label.ljust(_LABEL - 2) + text


def _head(report: Report, layout: _Layout) -> Iterator[str]:
    suite, gateway, declared = report.suite, report.gateway, report.gateway.declared
    counts = f"{suite.requirements} requirements, {suite.cases} case{'' if suite.cases == 1 else 's'}"
    yield f"decibill {suite.version}   spec {suite.spec}   {counts}"
    # what was not called or not started says so in brackets
    where = gateway.url if gateway.url.startswith("(") else f"at {gateway.url}"
    yield from _labelled(gateway.kind, f"{gateway.name} {gateway.version} {where}", layout)
    if gateway.kind == "gateway":
        shown = report.upstream if report.upstream.startswith("(") else f"{report.upstream}, started here"
        yield from _labelled("upstream", shown, layout)
    words = [", ".join(declared.get("operations", ())) or "no operation"]
    streams = declared.get("streams", ())
    words.append(f"streams of {', '.join(streams)}" if streams else "no streams")
    words.append(f"providers {', '.join(declared.get('providers', ()))}")
    yield from _labelled("declared", "; ".join(words), layout)
    lacking = [reason for reason in gateway.not_declared if reason != _CALCULATOR]
    if lacking:
        yield from _labelled("lacking", ", ".join(lacking), layout)


_CALCULATOR: Final = "a calculator"


def _judged(area: Area) -> int:
    return area.ok + area.failed + area.known + area.recommendations + area.not_testable + area.error


def _area(area: Area, layout: _Layout) -> Iterator[str]:
    cells = (
        (area.ok, "ok"),
        (area.failed, "failed"),
        (area.known, "known to fail"),
        (area.recommendations, "against a recommendation"),
        (area.error, "in error"),
        (area.not_testable, "not testable"),
        (area.not_declared, "not declared"),
    )
    shown = ", ".join(f"{number} {word}" for number, word in cells if number)
    yield from _labelled(area.name, shown, layout)


def _causes(report: Report, layout: _Layout) -> Iterator[str]:
    """Yield what went wrong, most often first: one mistake makes many cases fail."""
    ordered = causes(report.cases)
    for index, (cause, number) in enumerate(ordered[:_MOST_CAUSES]):
        text = f"{number} case{'' if number == 1 else 's'}: {cause}"
        yield from _labelled("" if index else "causes", text, layout)
    if len(ordered) > _MOST_CAUSES:
        more = len(ordered) - _MOST_CAUSES
        yield from _labelled("", f"and {more} other cause{'' if more == 1 else 's'}", layout)


def _blocks(report: Report, layout: _Layout) -> Iterator[list[str]]:
    """Yield a block for every requirement that is not met.

    MUST first, failures before what is undecided, and what most cases show before the rest.
    """
    cases = {row.id: row for row in report.cases}
    shown: dict[str, str] = {}
    rows = [row for row in report.requirements if row.outcome in _FLAWS]
    rows.sort(key=_rank)
    told: set[str] = set()
    same: dict[Outcome, list[str]] = {}
    for row in rows:
        if (row.is_known and not layout.verbose) or row.hidden_by:
            continue
        reasons = _reasons(row, cases)
        if row.outcome is not Outcome.FAIL and reasons <= told and not layout.verbose:
            same.setdefault(row.outcome, []).append(row.id)
            continue
        told |= reasons
        yield list(_block(row, cases, shown, layout))
    yield [line for outcome, names in same.items() for line in _same(outcome, names, layout)]
    yield list(_undecided(report, shown, layout))
    yield list(_hidden(rows, layout))
    known = [row for row in rows if row.is_known]
    if known and not layout.verbose:
        names = ", ".join(row.id for row in known)
        yield list(_labelled("known", f"to fail, by the baseline: {names} (-v shows them)", layout))


def _rank(row: RequirementRow) -> tuple[bool, bool, int, int, str]:
    number = sum(outcome is row.outcome for _, outcome in row.cases)
    return row.is_known, not row.level.startswith("MUST"), _FLAWS.index(row.outcome), -number, row.id


def _reasons(row: RequirementRow, cases: Mapping[str, CaseRow]) -> set[str]:
    """Return why the cases of a requirement did not come out well, each reason once."""
    return {
        check.because
        for name, outcome in row.cases
        if outcome is row.outcome
        for check in cases[name].checks
        if row.id in check.requirements and check.outcome is row.outcome
    }


def _same(outcome: Outcome, names: list[str], layout: _Layout) -> Iterator[str]:
    """Yield the requirements that could not be judged for reasons that a block above has told."""
    label = "in error" if outcome is Outcome.ERROR else "not testable"
    more = f" and {len(names) - _MORE_CASES} more (-v shows all)" if len(names) > _MORE_CASES else ""
    some = ", ".join(names[:_MORE_CASES])
    yield from _labelled(label, f"for the same reasons: {some}{more}", layout)


def _hidden(rows: Iterable[RequirementRow], layout: _Layout) -> Iterator[str]:
    """Yield the requirements behind the failure of others: their cases fail, and say nothing about them."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        if row.hidden_by and not row.is_known:
            groups.setdefault(row.hidden_by, []).append(row.id)
    for index, (hiders, names) in enumerate(groups.items()):
        some = names if layout.verbose else names[:_MORE_CASES]
        more = f" and {len(names) - len(some)} more (-v shows all)" if len(names) > len(some) else ""
        behind = f"behind the failure of {' and '.join(hiders)}"
        yield from _labelled("" if index else "hidden", f"{', '.join(some)}{more}, {behind}", layout)


def _undecided(report: Report, shown: Mapping[str, str], layout: _Layout) -> Iterator[str]:
    """Yield the cases that could not be judged and that no block has shown, by their reason."""
    reasons: dict[tuple[Outcome, str], list[str]] = {}
    for row in report.cases:
        if row.outcome in {Outcome.ERROR, Outcome.NOT_TESTABLE} and row.id not in shown and not row.is_known:
            because = next(check.because for check in row.checks if check.outcome is row.outcome)
            reasons.setdefault((row.outcome, because), []).append(row.id)
    for (outcome, because), names in reasons.items():
        some = names if layout.verbose else names[:_MORE_CASES]
        more = f" and {len(names) - len(some)} more" if len(names) > len(some) else ""
        label = "in error" if outcome is Outcome.ERROR else "not testable"
        yield from _labelled(label, f"{', '.join(some)}{more}: {because}", layout)


def _block(
    row: RequirementRow, cases: dict[str, CaseRow], shown: dict[str, str], layout: _Layout
) -> Iterator[str]:
    flawed = [cases[name] for name, outcome in row.cases if outcome is row.outcome]
    flawed.sort(key=lambda case: (_nearness(row, case), case.id))
    title = "KNOWN" if row.is_known else _TITLES[row.outcome]
    number = f"   {len(flawed)} cases" if len(flawed) > 1 else ""
    yield f"{title}  {row.id}  {row.level}{number}"
    quoted = f"{row.text}  {row.href}"
    yield from textwrap.wrap(
        quoted,
        layout.width,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    for index, case in enumerate(flawed if layout.verbose else flawed[:1]):
        if index:
            yield ""
        yield from _case(row, case, shown, layout)
    rest = [case.id for case in flawed[1:]]
    if rest and not layout.verbose:
        more = len(rest) - _MORE_CASES
        names = ", ".join(rest[:_MORE_CASES]) + (f" and {more} more (-v shows all)" if more > 0 else "")
        yield from _labelled("also", names, layout, 2)


def _nearness(row: RequirementRow, case: CaseRow) -> Fraction:
    """Return how near the billed cost is to the right one, 1 being equal: the worst case is shown first."""
    ratios = [
        Fraction(check.money.ratio)
        for check in case.checks
        if row.id in check.requirements and check.outcome is row.outcome
        if check.money is not None and check.money.ratio is not None
    ]
    return min((min(ratio, 1 / ratio) if ratio else ratio for ratio in ratios), default=Fraction(2))


def _case(row: RequirementRow, case: CaseRow, shown: dict[str, str], layout: _Layout) -> Iterator[str]:
    """Yield one case of a block: every check of it that did not come out well, the worst first."""
    checks = [check for check in case.checks if row.id in check.requirements and check.outcome in _FLAWS]
    worst = checks[0]
    for check in checks[1:]:
        worst = check if worse(check.outcome, worst.outcome) else worst
    yield from _labelled("case", f"{case.id}: {case.title}", layout, 2)
    yield from _check(worst, layout)
    others = [check.check for check in checks if check is not worst]
    if others:
        yield from _labelled("and", f"{', '.join(others)} in the same way", layout, 2)
    if case.id in shown:
        yield from _labelled("again", f"as for {shown[case.id]} above", layout, 2)
        return
    shown[case.id] = row.id
    yield from _labelled("right", case.why, layout, 2)
    yield _unbroken("again", case.again)
    if case.by_hand and (layout.verbose or len(case.by_hand) <= _LONGEST_COMMAND):
        yield _unbroken("by hand", case.by_hand)
    elif case.by_hand:
        yield _unbroken("by hand", "a long command line: in report.json, and here with -v")
    yield _unbroken("answer", f"{case.answer} is what the upstream answers")
    if layout.verbose:
        for line in json.dumps(case.evidence, indent=2, ensure_ascii=False, default=str).splitlines():
            yield f"    {line}"


def _check(check: CheckResult, layout: _Layout) -> Iterator[str]:
    name = "cost" if check.check == "silent_zero" else check.check
    if check.expected:
        yield from _labelled("expected", f"{name} = {check.expected}", layout, 2)
    if check.got:
        where = f"   at {check.where}" if check.where else ""
        yield from _labelled("got", f"{name} = {check.got}{where}", layout, 2)
    yield from _labelled("because", check.because, layout, 2)
    if check.money is not None:
        billed, right, ratio = check.money.billed, check.money.right, check.money.ratio
        words = f"billed {'unknown' if billed is None else plain(billed)}, "
        words += f"right {'unknown' if right is None else plain(right)}"
        if ratio:
            words += f": {plain(ratio)} times the right cost"
        yield from _labelled("money", words, layout, 2)


def _not_checked(report: Report, layout: _Layout) -> Iterator[str]:
    """Yield what this run says nothing about: a passing run must not hide it."""
    lines: list[str] = []
    for reason, number in report.gateway.not_declared.items():
        needs = "needs" if number == 1 else "need"
        lines.append(f"{number} case{'' if number == 1 else 's'}, which {needs} {reason}")
    names: dict[str, list[str]] = {}
    for row in report.requirements:
        if row.outcome is Outcome.NOT_DECLARED:
            names.setdefault(_EXCLUDED if row.is_excluded else row.reason, []).append(row.id)
    for reason, which in sorted(names.items(), key=lambda item: (-len(item[1]), item[0])):
        few = len(which) <= 2 or layout.verbose
        subject = ", ".join(which) if few else f"{len(which)} requirements"
        lines.append(f"{subject}: {reason}")
    for index, line in enumerate(lines[:_MOST_LINES]):
        yield from _labelled("" if index else "not checked", line, layout)
    if len(lines) > _MOST_LINES:
        yield from _labelled("", f"and more, for {len(lines) - _MOST_LINES} other reasons", layout)


_EXCLUDED: Final = "no run can show it, as spec/exclusions.json says"
_MOST_LINES: Final = 7


def _notes(report: Report, layout: _Layout) -> Iterator[str]:
    for index, note in enumerate(report.notes):
        yield from _labelled("" if index else "note", note, layout)


def _foot(report: Report, layout: _Layout, files: Iterable[str]) -> Iterator[str]:
    for level, counts in report.levels.items():
        yield level.ljust(_LABEL) + counted(counts)
    if report.baseline is not None:
        for entry in report.baseline.stale:
            text = f"{report.baseline.file} lists {entry}, of which everything passes now: remove the entry"
            yield from _labelled("stale", text, layout)
        if report.baseline.unused:
            names = ", ".join(report.baseline.unused)
            text = f"{report.baseline.file} lists {names}, of which this run judged nothing"
            yield from _labelled("unused", text, layout)
    if report.timing is not None:
        yield from _labelled("took", timing_words(report.timing), layout)
    yield from textwrap.wrap(report.verdict.sentence, layout.width, break_long_words=False)
    listed = "  ".join(files)
    if listed:
        yield "report".ljust(_LABEL) + listed
