"""Outcomes as the tables of the site show them: a sign, its word for those who do not see it, and a link."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Context
from typing import TYPE_CHECKING, Final

from decibill.judge_call import plain
from decibill.outcome import Outcome
from decibill.report.html.markup import Html, el, joined
from decibill.report.html.words import outcome_mark

if TYPE_CHECKING:
    from decimal import Decimal

    from decibill.report.money import Stake

__all__ = ["amount", "bar", "billed", "counts_of", "mark", "quoted", "tally"]

_SIX: Final = Context(prec=6)
_SHOWN: Final = (
    (Outcome.PASS, "met"),
    (Outcome.FAIL, "not met"),
    (Outcome.ERROR, "in error"),
    (Outcome.NOT_TESTABLE, "not testable"),
)
_WIDTH: Final = 100


def quoted(text: str) -> Html:
    """Return a sentence of the specification with its code spans as such."""
    parts = text.split("`")
    return joined(el("code", part) if index % 2 else part for index, part in enumerate(parts))


def mark(outcome: Outcome, href: str | None = None) -> Html:
    """Return a cell with the sign of an outcome."""
    sign = outcome_mark(str(outcome))
    inside = sign if href is None or outcome is Outcome.NOT_DECLARED else el("a", sign, href=href)
    return el("td", inside, class_="mark")


def counts_of(outcomes: Iterable[Outcome]) -> Mapping[Outcome, int]:
    """Return how many came out how."""
    return Counter(outcomes)


def tally(counts: Mapping[Outcome, int], href: str) -> Html:
    """Return a cell of the matrix: numbers and a bar, or a dash where nothing is declared."""
    judged = [(outcome, word, counts.get(outcome, 0)) for outcome, word in _SHOWN]
    if not any(number for _, _, number in judged):
        return el("td", el("span", "\u2013", aria_hidden="true"), el("span", "not declared", class_="unseen"))
    words = ", ".join(f"{number} {word}" for _, word, number in judged if number)
    open_ = counts.get(Outcome.ERROR, 0) + counts.get(Outcome.NOT_TESTABLE, 0)
    numbers = [
        el("span", f"\u2713{counts.get(Outcome.PASS, 0)}", class_="sign pass"),
        el("span", f"\u2717{counts.get(Outcome.FAIL, 0)}", class_="sign fail"),
        el("span", f"?{open_}", class_="sign not_testable") if open_ else None,
    ]
    seen = el("span", *numbers, bar(counts), aria_hidden="true")
    return el("td", el("a", seen, el("span", words, class_="unseen"), href=href), class_="tally")


def bar(counts: Mapping[Outcome, int]) -> Html:
    """Return the shares of outcomes as a bar."""
    shown = [(outcome, counts.get(outcome, 0)) for outcome, _ in _SHOWN]
    total = sum(number for _, number in shown)
    parts: list[Html] = []
    at = 0
    for outcome, number in shown:
        end = at + number
        x, width = _WIDTH * at // total, _WIDTH * end // total - _WIDTH * at // total
        parts.append(el("rect", x=x, y=0, width=width, height=6, class_=f"share {outcome}"))
        at = end
    return el("svg", *parts, viewBox=f"0 0 {_WIDTH} 6", class_="shares", preserveAspectRatio="none")


def amount(number: Decimal | None) -> str:
    """Return an amount to six figures, or the word that it is unknown."""
    return "unknown" if number is None else plain(_SIX.plus(number))


def billed(stake: Stake | None, href: str) -> Html:
    """Return a cell with what a call was billed, and its ratio to what is right where it is wrong."""
    if stake is None:
        return el("td")
    if stake.is_right:
        return el("td", el("a", el("span", "\u2713 right", class_="sign pass"), href=href), class_="number")
    ratio = stake.ratio
    times = f" (\u00d7{plain(ratio)})" if ratio is not None and ratio else ""
    return el("td", el("a", f"{amount(stake.billed)}{times}", href=href, class_="sign fail"), class_="number")
