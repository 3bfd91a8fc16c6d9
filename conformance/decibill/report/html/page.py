"""The report of a run as one HTML file that opens anywhere and loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from decibill.outcome import Outcome
from decibill.report.html.case_part import Context, anchor, case_part
from decibill.report.html.causes import causes_of
from decibill.report.html.first import first_screen
from decibill.report.html.look import document, script
from decibill.report.html.markup import Html, clean, el, joined
from decibill.report.html.requirement_part import requirements_part
from decibill.report.html.words import OUTCOMES, case_class, counted, proper
from decibill.report.money import stakes, sums
from decibill.report.timing import timing_words

if TYPE_CHECKING:
    from decibill.report.html.causes import Cause
    from decibill.report.html.corpus import Corpus
    from decibill.report.model import Area, CaseRow, Report

__all__ = ["render_html"]

_ORDER: Final = tuple(OUTCOMES)
_COUNTS: Final = (
    ("failed", "failed"),
    ("error", "in error"),
    ("not_testable", "not testable"),
    ("recommendations", "against a recommendation"),
    ("known", "known to fail"),
    ("ok", "passed"),
    ("not_declared", "not asked"),
)


def render_html(report: Report, corpus: Corpus, *, spec_base: str = "") -> str:
    """Return the report as one HTML document.

    Args:
        report: the report, as a run made it or as it was read from ``report.json``.
        corpus: the cases that it names; what it names and the corpus lacks is shown without.
        spec_base: what stands before ``spec/...`` where the specification can be read, such as an address
            that ends in a slash.
    """
    found = stakes(report, corpus.cases)
    causes = causes_of(report, corpus.cases, found)
    context = Context(
        corpus=corpus,
        requirements={row.id: row for row in report.requirements},
        stakes={stake.id: stake for stake in found},
        causes=_by_case(causes),
        subject=report.gateway.kind,
        spec_base=spec_base,
    )
    body = joined(
        [
            el("a", "Skip to the cases", href="#cases", class_="skip"),
            el(
                "main",
                *first_screen(report, context, causes, sums(found)),
                requirements_part(report, context),
                _cases(report, context, causes),
                _notes(report, corpus.manifest),
            ),
        ]
    )
    name = f"{report.gateway.name} {report.gateway.version}: {report.verdict.word}"
    return document(clean(name, 200), body, script_text=script())


def _by_case(causes: Sequence[Cause]) -> dict[str, list[Cause]]:
    result: dict[str, list[Cause]] = {}
    for cause in causes:
        for row in cause.rows:
            result.setdefault(row.id, []).append(cause)
    return result


def _cases(report: Report, context: Context, causes: Sequence[Cause]) -> Html:
    by_area: dict[str, list[CaseRow]] = {}
    for row in report.cases:
        by_area.setdefault(row.area, []).append(row)
    worst_first = sorted(report.areas, key=lambda area: (-area.failed, -area.error, area.name))
    return el(
        "section",
        el("h2", "Cases"),
        _filters(report, context, causes),
        *(_area(area, by_area[area.name], context) for area in worst_first),
        id="cases",
    )


def _area(area: Area, rows: Iterable[CaseRow], context: Context) -> Html:
    said = [f"{number} {word}" for name, word in _COUNTS if (number := getattr(area, name))]
    ordered = sorted(rows, key=lambda row: (_ORDER.index(case_class(row)), _stake_rank(row, context), row.id))
    asked = [row for row in ordered if row.outcome is not Outcome.NOT_DECLARED]
    rest = [row for row in ordered if row.outcome is Outcome.NOT_DECLARED]
    return el(
        "section",
        el("h3", clean(proper(area.name), 80), " ", el("span", ", ".join(said), class_="where")),
        *(case_part(row, context) for row in asked),
        _not_asked(rest, context) if rest else None,
        class_="cases-of",
    )


def _stake_rank(row: CaseRow, context: Context) -> int:
    """Return where a failing case stands among its like: the plainest wrong bill is shown first."""
    stake = context.stakes.get(row.id)
    order = ("zero", "over", "under", "unknown", "unfounded", "right")
    return order.index(stake.kind) if stake is not None else len(order)


def _not_asked(rows: Sequence[CaseRow], context: Context) -> Html:
    """Return the cases that were not asked, with what each would need."""
    items: list[Html] = []
    for row in rows:
        case = context.corpus.cases.get(row.case)
        items.append(
            el(
                "li",
                clean(row.title, 300),
                " ",
                el("code", clean(row.id, 200), class_="id"),
                el("span", f" needs {clean(row.reason, 300)}" if row.reason else "", class_="where"),
                class_="case",
                id=anchor(row.id),
                data_outcome="not_declared",
                data_provider=(case.provider if case else None) or row.case.partition("/")[0],
                data_feature=" ".join(case.features) if case else None,
            )
        )
    return el(
        "details", el("summary", f"{counted(len(rows), 'case')} not asked"), el("ul", items), class_="rest"
    )


def _filters(report: Report, context: Context, causes: Sequence[Cause]) -> Html:
    """Return the filters; they are shown once the script is there that makes them work."""
    cases = [(row, context.corpus.cases.get(row.case)) for row in report.cases]
    providers = sorted(
        {(case.provider if case else None) or row.case.partition("/")[0] for row, case in cases}
    )
    features = sorted({name for _, case in cases if case for name in case.features})
    outcomes = [name for name in _ORDER if any(case_class(row) == name for row in report.cases)]
    fields = [
        _choice("outcome", [(name, OUTCOMES[name][1]) for name in outcomes]),
        _choice("provider", [(name, name) for name in providers]),
        _choice("feature", [(name, name) for name in features]),
        _choice("level", [(name, name) for name in report.levels]),
        _choice("cause", [(str(cause.number), clean(cause.words, 90)) for cause in causes]),
        _field("text", el("input", type="search", name="text", id="filter-text", autocomplete="off")),
        el(
            "span",
            el("button", "clear", type="reset"),
            el("button", "open all shown", type="button", data_fold="open"),
            el("button", "close all", type="button", data_fold="close"),
            class_="buttons",
        ),
        el("output", aria_live="polite"),
    ]
    return el("form", *fields, class_="filters", hidden=True, aria_label="Filter the cases")


def _choice(name: str, values: Sequence[tuple[str, str]]) -> Html:
    options = [el("option", "all", value=""), *(el("option", words, value=value) for value, words in values)]
    return _field(name, el("select", options, name=name, id=f"filter-{name}"))


def _field(name: str, control: Html) -> Html:
    return el("div", el("label", name, for_=f"filter-{name}"), control, class_="field")


def _notes(report: Report, manifest: str | None) -> Html:
    return el(
        "footer",
        el("h2", "About this run"),
        el("ul", *(el("li", each) for each in _facts(report, manifest)), class_="plain"),
        id="about",
    )


def _facts(report: Report, manifest: str | None) -> Iterator[Html | str]:
    suite, gateway = report.suite, report.gateway
    where = f"{clean(gateway.id, 100)}, {clean(gateway.url, 200)}"
    yield f"{gateway.kind.capitalize()} {where}; upstream {clean(report.upstream, 200)}."
    counts = f"{suite.requirements} requirements, {counted(suite.cases, 'case')} chosen"
    yield f"decibill {suite.version}, spec {suite.spec}: {counts}, begun {report.started}."
    if suite.fixtures_sha256:
        yield joined(["Fixtures ", el("code", suite.fixtures_sha256), "."])
        if suite.fixtures_sha256 != manifest:
            yield "Pictures and recorded answers are of other fixtures; the numbers are the run\u2019s."
    if report.timing is not None:
        yield f"It took {timing_words(report.timing)}."
    chosen = [*report.selection.only, *report.selection.features, *report.selection.providers]
    if chosen:
        yield f"Only these were chosen: {clean(', '.join(chosen), 600)}."
    if report.baseline is not None:
        known, stale, unused = report.baseline.known, report.baseline.stale, report.baseline.unused
        words = f"Baseline {clean(report.baseline.file, 200)}: {len(known)} entries cover a failure"
        words += f"; everything of {clean(', '.join(stale), 600)} passes now, remove it" if stale else ""
        yield words + (f"; nothing was judged of {clean(', '.join(unused), 600)}" if unused else "") + "."
    for note in report.notes:
        yield f"{clean(note, 1000)}."
    yield "Money is that of single calls of the corpus, not of a month of traffic."
