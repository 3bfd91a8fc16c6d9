"""One case of a page: a line that tells how it came out, and below it everything that shows why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from decibill.judge_call import plain
from decibill.outcome import Outcome
from decibill.report.html.exchange import exchange_part
from decibill.report.html.markup import Html, clean, el
from decibill.report.html.side_by_side import side_by_side
from decibill.report.html.svg_path import path_svg
from decibill.report.html.words import FLAWS, case_class, rounded, sign

if TYPE_CHECKING:
    from decibill.case import Case
    from decibill.outcome import CheckResult
    from decibill.report.html.causes import Cause
    from decibill.report.html.corpus import Corpus
    from decibill.report.model import CaseRow, RequirementRow
    from decibill.report.money import Stake

__all__ = ["Context", "anchor", "case_part", "outside", "requirement_link", "sentence"]

_LONGEST_LINK: Final = 58
_WIDEST: Final = 4000
"""Characters of a command line; one with the media in it is in the report itself."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every case of a page is shown with."""

    corpus: Corpus
    requirements: Mapping[str, RequirementRow]
    stakes: Mapping[str, Stake]
    causes: Mapping[str, Sequence[Cause]]
    """Instance → its causes."""

    subject: str = "gateway"
    """What was judged: a gateway or a calculator."""

    spec_base: str = ""
    """What stands before ``spec/...`` in a link; empty: the page has no link to the specification itself."""


def anchor(name: str) -> str:
    """Return the id of the element of a case or a requirement: its name, without what an id cannot hold."""
    return "".join(c if c.isalnum() or c in "-_./[]" else "-" for c in name[:200])


def requirement_link(row: RequirementRow) -> Html:
    """Return a link to a requirement within the page."""
    return el("a", row.id, href=f"#{anchor(row.id)}")


def case_part(row: CaseRow, context: Context) -> Html:
    """Return one case, folded; what a filter goes by stands in its attributes."""
    case = context.corpus.cases.get(row.case)
    kind = case_class(row)
    stake = context.stakes.get(row.id)
    provider = (case.provider if case else None) or row.case.partition("/")[0]
    return el(
        "details",
        el(
            "summary",
            sign(kind),
            " ",
            el("span", clean(row.title, 300), class_="title"),
            " ",
            el("code", clean(row.id, 200), class_="id"),
            _bill(stake),
        ),
        el("div", _body(row, case, context), class_="body", id=anchor(row.id)),
        class_=f"case {kind}",
        data_outcome=kind,
        data_provider=provider,
        data_feature=" ".join(case.features) if case else None,
        data_level=" ".join(sorted(_levels(row, context))) or None,
        data_cause=" ".join(str(cause.number) for cause in context.causes.get(row.id, ())) or None,
    )


def _bill(stake: Stake | None) -> Html | None:
    if stake is None or stake.is_right:
        return None
    billed, right = ("unknown" if each is None else rounded(each) for each in (stake.billed, stake.right))
    times = f", \u00d7 {plain(stake.ratio)}" if stake.ratio is not None else ""
    return el("span", f"billed {billed}, right {right}{times}", class_="bill number")


def _levels(row: CaseRow, context: Context) -> set[str]:
    """Return the levels that a case speaks about: of what it fails, or of all where it passes."""
    flaws = [check for check in row.checks if check.outcome in FLAWS] or row.checks
    names = {name for check in flaws for name in check.requirements}
    rows = (context.requirements.get(name) for name in names)
    return {found.level.split()[0] for found in rows if found is not None}


def _body(row: CaseRow, case: Case | None, context: Context) -> Iterator[Html]:
    flaws = [check for check in row.checks if check.outcome in FLAWS]
    told = _because(flaws)
    if told:
        yield el("p", clean(told, 1000), class_="because")
    why = row.why or (case.why if case else "")
    quoted = list(_quoted(row, flaws, context))
    yield el(
        "div",
        el(
            "div",
            el("div", _picture(row, case, context), class_="drawn"),
            _section("Why this is right", el("p", clean(why, 3000), class_="why"), _source(case))
            if why
            else None,
            _section("What the specification says", quoted) if quoted else None,
        ),
        side_by_side(row.checks, case, told=told),
        class_="pair",
    )
    if row.outcome is not Outcome.PASS:
        yield _section(
            "The exchange",
            el("div", exchange_part(row, case, context.corpus, context.subject), class_="blocks"),
        )
    if flaws:
        yield from _bugs(row, case, context)
    if row.again:
        yield _section("See it again", _again(row))


def _bugs(row: CaseRow, case: Case | None, context: Context) -> Iterator[Html]:
    """Yield the public reports that a case cites, else one of the same mistake in the same operation."""
    flags = case.flags if case is not None else ()
    title = "Reported in public"
    if not flags:
        title = "The same mistake, reported in public"
        flags = tuple(
            flag
            for cause in context.causes.get(row.id, ())
            for other in cause.rows
            if other.area == row.area and other.case in context.corpus.cases
            for flag in context.corpus.cases[other.case].flags[:1]
        )[:1]
    if flags:
        bugs = (el("li", outside(flag.bug), f": {flag.effect}") for flag in flags)
        yield _section(title, el("ul", bugs, class_="plain"))


def _section(title: str, *children: object) -> Html:
    return el("section", el("h4", title), *children)


def _because(flaws: Sequence[CheckResult]) -> str:
    """Return what is wrong in a sentence: of the money first."""
    ordered = sorted(flaws, key=lambda check: (check.check not in {"cost", "silent_zero"}, check.check))
    return next((check.because for check in ordered if check.because), "")


def _picture(row: CaseRow, case: Case | None, context: Context) -> Html | None:
    if case is None:
        return None
    stake = context.stakes.get(row.id)
    wrong = stake is not None and not stake.is_right
    return path_svg(case, billed=stake.billed if stake else None, is_billed=wrong)


def _source(case: Case | None) -> Html | None:
    """Return where the numbers of a case come from."""
    if case is None:
        return None
    named = outside(case.source.url) if case.source.url.startswith("https://") else "our own numbers"
    changed = f" {case.source.changed}" if case.source.changed else ""
    return el(
        "p",
        f"{case.source.kind.capitalize()}: ",
        named,
        f", read {case.source.read}.{changed}",
        class_="where",
    )


def outside(url: str) -> Html:
    """Return a link that leaves the page, shortened where it is long; anything but https is text."""
    if not url.startswith("https://"):
        return el("span", url)
    words = url.removeprefix("https://")
    if len(words) > _LONGEST_LINK:
        words = f"{words[:34]}\u2026{words[-20:]}"
    return el("a", words, href=url, rel="noreferrer noopener")


def sentence(text: str, longest: int = 1000) -> Html:
    """Return a sentence of the specification, its code as code."""
    parts = clean(text, longest).split("`")
    return el("p", (el("code", part) if index % 2 else part for index, part in enumerate(parts)))


def _quoted(row: CaseRow, flaws: Sequence[CheckResult], context: Context) -> Iterator[Html]:
    names = dict.fromkeys(name for check in (flaws or row.checks) for name in check.requirements)
    for name in names:
        found = context.requirements.get(name)
        if found is not None:
            yield el(
                "blockquote",
                sentence(found.text),
                el("footer", requirement_link(found), f" {found.level}"),
            )


def _again(row: CaseRow) -> Iterator[Html]:
    for label, command in (("decibill", row.again), ("by hand", row.by_hand)):
        if not command:
            continue
        if len(command) > _WIDEST:
            yield el(
                "p",
                f"{label}: a command line of {len(command)} characters, in the report itself",
                class_="where",
            )
        else:
            yield el(
                "div",
                el("span", label, class_="label"),
                el("pre", el("code", clean(command)), tabindex=0),
                class_="command",
            )
