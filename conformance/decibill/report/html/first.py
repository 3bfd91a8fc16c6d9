"""The first screen: the verdict, and the three questions of somebody who has a minute.

What is wrong, why the suite is right, and what it costs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from decibill.case import ExchangeCase
from decibill.judge_call import join_words
from decibill.outcome import Outcome
from decibill.report.counts import counted as counted_words
from decibill.report.html.case_part import anchor, sentence
from decibill.report.html.causes import example_of
from decibill.report.html.costs import costs_part
from decibill.report.html.exchange import deciding_part
from decibill.report.html.markup import Html, clean, el
from decibill.report.html.words import FLAWS, counted, proper

if TYPE_CHECKING:
    from decibill.case import Case
    from decibill.report.html.case_part import Context
    from decibill.report.html.causes import Cause
    from decibill.report.model import CaseRow, Report
    from decibill.report.money import Sums

__all__ = ["first_screen"]

_CAUSES: Final = 6
_SURFACES: Final = 3
_SIGNS: Final = {"conformant": "\u2713", "not conformant": "\u2717", "inconclusive": "?"}
_COUNTS: Final = (
    ("pass", "met"),
    ("fail", "not met"),
    ("error", "in error"),
    ("known", "known to fail"),
    ("not_testable", "not testable"),
    ("not_declared", "not checked"),
)


def first_screen(
    report: Report, context: Context, causes: Sequence[Cause], money: Sequence[Sums]
) -> list[Html]:
    """Return the parts of the first screen."""
    return [
        _top(report),
        el(
            "div",
            el("section", el("h2", "What is wrong"), *_wrong(report, causes), class_="answer"),
            el("section", el("h2", "Why the suite is right"), *_why(report, context), class_="answer"),
            el("section", el("h2", "What it costs"), costs_part(money, context), class_="answer"),
            class_="answers",
        ),
    ]


def _top(report: Report) -> Html:
    word = report.verdict.word
    suite = report.suite
    return el(
        "header",
        el(
            "div",
            el(
                "p",
                f"decibill {suite.version} \u00b7 spec {suite.spec} \u00b7 {_day(report.started)}",
                class_="brand",
            ),
            el(
                "h1",
                clean(report.gateway.name, 120),
                " ",
                el("span", clean(report.gateway.version, 60), class_="version"),
            ),
            el(
                "p",
                el("strong", el("span", _SIGNS[word], aria_hidden="true"), f" {word.capitalize()}"),
                class_=f"verdict {word.replace(' ', '-')}",
            ),
            el("p", clean(report.verdict.sentence, 600), class_="sentence"),
            class_="who",
        ),
        el("div", _levels(report), class_="levels"),
        el("div", *_declared(report), class_="declared"),
        class_="top",
    )


def _day(started: str) -> str:
    return f"{started[:10]} {started[11:16]} UTC"


def _levels(report: Report) -> Html:
    shown = [
        (key, word)
        for key, word in _COUNTS
        if key in {"pass", "fail"} or any(row[key] for row in report.levels.values())
    ]
    rows = [
        el(
            "tr",
            el("th", level, scope="row"),
            (el("td", counts[key], class_=f"number {key if counts[key] else 'none'}") for key, _ in shown),
            data_level=level,
            title=counted_words(counts),
        )
        for level, counts in report.levels.items()
    ]
    return el(
        "table",
        el("caption", "Requirements by level"),
        el(
            "thead",
            el(
                "tr",
                el("th", el("span", "level", class_="unseen"), scope="col"),
                *(el("th", word, scope="col") for _, word in shown),
            ),
        ),
        el("tbody", rows),
    )


def _declared(report: Report) -> Iterator[Html]:
    declared = report.gateway.declared
    words = [", ".join(declared.get("operations", ())) or "no operation"]
    if declared.get("streams"):
        words.append(f"streams of {', '.join(declared['streams'])}")
    if declared.get("providers"):
        words.append(f"providers {', '.join(declared['providers'])}")
    if declared.get("modifiers"):
        words.append(f"price modifiers {', '.join(declared['modifiers'])}")
    yield el("p", el("b", "Declared, so judged: "), clean("; ".join(words), 600))
    lacking = report.gateway.not_declared
    if lacking:
        cases = sum(lacking.values())
        some = ", ".join(list(lacking)[:4])
        rest = [
            el("li", f"{clean(reason, 200)}: {counted(number, 'case')}") for reason, number in lacking.items()
        ]
        yield el(
            "details",
            el(
                "summary",
                el("b", "Not declared, so not judged: "),
                clean(some, 300),
                f" and {len(lacking) - 4} more" if len(lacking) > 4 else "",
                f" ({counted(cases, 'case')})",
            ),
            el("ul", rest, class_="plain columns"),
        )


def _wrong(report: Report, causes: Sequence[Cause]) -> Iterator[Html]:
    if not causes:
        passed = sum(row.outcome is Outcome.PASS for row in report.cases)
        yield el("p", f"Nothing that was judged: {counted(passed, 'case')} passed, none failed.")
    else:
        open_ = [cause for cause in causes if not cause.is_known]
        if not open_:
            yield el("p", "Nothing that the baseline does not know.")
        yield el("ol", *(_cause(cause) for cause in causes[:_CAUSES]), class_="causes")
        if len(causes) > _CAUSES:
            rest = causes[_CAUSES:]
            yield el(
                "details",
                el("summary", counted(len(rest), "other cause")),
                el("ol", *(_cause(cause) for cause in rest), class_="causes", start=_CAUSES + 1),
            )
    undecided = [row for row in report.cases if row.outcome in {Outcome.NOT_TESTABLE, Outcome.ERROR}]
    if undecided:
        yield el("p", f"{counted(len(undecided), 'case')} could not be judged.", class_="where")


def _cause(cause: Cause) -> Html:
    first = cause.rows[0]
    places = [f"{name} {number}" for name, number in list(cause.surfaces.items())[:_SURFACES]]
    more = len(cause.surfaces) - _SURFACES
    where = " \u00b7 ".join([*places, f"{more} more"] if more > 0 else places)
    return el(
        "li",
        el(
            "div",
            el("span", len(cause.rows), class_="number"),
            el(
                "button",
                "all",
                type="button",
                hidden=True,
                data_filter=f"cause={cause.number}",
                aria_label=f"show all {counted(len(cause.rows), 'case')}",
            ),
            class_="count",
        ),
        el(
            "div",
            el(
                "p",
                clean(cause.words, 300),
                el("span", " (known)", class_="where") if cause.is_known else None,
            ),
            el("p", where, class_="where"),
            el(
                "p",
                "such as ",
                el("a", clean(first.id, 200), href=f"#{anchor(first.id)}"),
                class_="where",
            ),
        ),
    )


def _why(report: Report, context: Context) -> Iterator[Html]:
    row = example_of(report, list(context.stakes.values()), context.corpus.cases)
    if row is not None:
        yield from _example(row, context)
    yield el("p", _grounds(report, context.corpus.cases), class_="where")


def _example(row: CaseRow, context: Context) -> Iterator[Html]:
    case = context.corpus.cases.get(row.case)
    yield el("p", "See ", el("a", clean(row.title, 200), href=f"#{anchor(row.id)}"), ".")
    if isinstance(case, ExchangeCase):
        said = deciding_part(case, row, context.corpus, most=6)
        if said is not None:
            yield el("p", f"{proper(case.provider)} answered ({case.source.kind}):", class_="label")
            yield said
    why = row.why or (case.why if case else "")
    if why:
        yield el("p", "So the bill is:" if row.id in context.stakes else "So this is right:", class_="label")
        yield el("p", clean(why, 420), class_="why")
    flaws = [check for check in row.checks if check.outcome in FLAWS]
    flaws.sort(key=lambda check: check.check not in {"cost", "silent_zero"})
    if flaws:
        worst = flaws[0]
        yield el("p", f"The {context.subject} said:", class_="label")
        where = [" at ", el("code", clean(worst.where, 160))] if worst.where else None
        right = f", where {clean(worst.expected, 60)} is right" if worst.expected else None
        yield el("p", el("b", clean(worst.got, 80) or "nothing", class_="number"), where, right)
        named = [context.requirements[name] for name in worst.requirements if name in context.requirements]
        for found in sorted(named, key=lambda row: (row.outcome is not Outcome.FAIL, -len(row.cases)))[:1]:
            yield el(
                "blockquote",
                sentence(found.text, 400),
                el("footer", el("a", found.id, href=f"#{anchor(found.id)}"), f" {found.level}"),
            )


def _grounds(report: Report, cases: Mapping[str, Case]) -> str:
    """Return where the expectations of the failing cases come from."""
    failed = [cases[row.case] for row in report.cases if row.outcome is Outcome.FAIL and row.case in cases]
    kinds = Counter(case.source.kind for case in failed)
    bugs = sum(bool(case.flags) for case in failed)
    words = {
        "recorded": "from recorded answers",
        "documented": "from the provider\u2019s documentation",
        "reported": "from public reports",
        "constructed": "constructed",
    }
    said = [f"{kinds[kind]} {text}" for kind, text in words.items() if kinds[kind]]
    start = "Every expected number is worked out by hand from the provider\u2019s answer, step by step."
    if not said:
        return start
    known = f" {bugs} of them name a public bug." if bugs else ""
    return f"{start} Of the {counted(len(failed), 'failing case')}: {join_words(said)}.{known}"
