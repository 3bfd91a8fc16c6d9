"""What is expected and what was got, side by side: money, usage, and the lines of the right charge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Context, Decimal, InvalidOperation
from itertools import groupby
from typing import TYPE_CHECKING, Final

from decibill.judge_call import noun, plain
from decibill.outcome import Money, Outcome
from decibill.report.html.markup import Html, clean, el
from decibill.report.html.words import FLAWS, outcome_mark

if TYPE_CHECKING:
    from decibill.case import Case, ExpectedLine
    from decibill.outcome import CheckResult

__all__ = ["check_name", "side_by_side"]

_EXACT: Final = Context(prec=60)
_CELL: Final = 160
"""Characters of one cell."""

_COLUMNS: Final = ("", "expected", "got", "difference", "ratio")
_PLACES: Final = {"ledger": "in the gateway\u2019s records", "caller": "in the answer to the client"}
_GROUPS: Final = {
    "ledger": "usage in the gateway\u2019s records",
    "caller": "usage in the answer to the client",
}
_NAMES: Final = {
    "cost": "cost",
    "silent_zero": "cost",
    "once": "records of the call",
    "agree": "all places agree",
    "status": "status of the charge",
    "estimate": "mark of an estimate",
    "charge": "charge",
    "usage": "usage record",
}


def check_name(check: str) -> str:
    """Return what a check is about, such as ``audio input tokens in the gateway's records``."""
    place, _, quantity = check.partition(".")
    if not quantity:
        return "any usage" if check == "*" else _NAMES.get(check, noun(check))
    words = "any usage" if quantity == "*" else noun(quantity)
    return f"{words} {_PLACES.get(place, place)}"


def side_by_side(checks: Sequence[CheckResult], case: Case | None, *, told: str = "") -> Html:
    """Return a table of what did not pass, and a folded list of the rest.

    Args:
        checks: what the checks of a case found.
        case: the case; None where the corpus has none.
        told: what the page has said already, and need not repeat.
    """
    flaws = sorted((check for check in checks if check.outcome in FLAWS), key=_weight)
    passed = [check for check in checks if check.outcome is Outcome.PASS]
    rows: list[Html] = []
    for place, group in groupby(flaws, key=_place):
        if place in _GROUPS:
            rows.append(_heading(_GROUPS[place]))
        rows += [row for check in group for row in _rows(check, told)]
    if case is not None and case.charge is not None and case.charge.lines:
        rows += _lines(case.charge.lines, flaws)
    heads = (el("th", each or el("span", "what", class_="unseen"), scope="col") for each in _COLUMNS)
    table = el("table", el("thead", el("tr", heads)), el("tbody", rows), class_="compare")
    shown = el("div", table, class_="wide", tabindex=0, role="region", aria_label="Expected and got")
    return el("div", shown if rows else None, _passed(passed))


def _place(check: CheckResult) -> str:
    return check.check.partition(".")[0] if "." in check.check else ""


def _weight(check: CheckResult) -> tuple[bool, str, bool, str]:
    return (
        check.check not in {"cost", "silent_zero"},
        _place(check),
        check.outcome is not Outcome.FAIL,
        check.check,
    )


def _heading(words: str) -> Html:
    return el("tr", el("th", words, colspan=len(_COLUMNS), scope="rowgroup"), class_="group")


def _rows(check: CheckResult, told: str) -> Iterator[Html]:
    """Yield two rows: the numbers, and below them where they were seen and why they are wrong."""
    difference, ratio = _differ(check)
    place = _place(check)
    name = check_name(check.check if place not in _GROUPS else check.check.partition(".")[2])
    cells = (check.expected, check.got, difference, ratio)
    yield el(
        "tr",
        el("th", outcome_mark(check.outcome), " ", name, scope="row"),
        (el("td", clean(text, _CELL) or "\u2013", class_="number") for text in cells),
        class_="numbers",
    )
    where = el("p", "seen at ", el("code", clean(check.where, 400)), class_="where") if check.where else None
    said = check.because if check.because != told else ""
    because = el("p", clean(said, 1000)) if said else None
    if where or because:
        between = "; " if where and because else None
        yield el("tr", el("td", because, between, where, colspan=len(_COLUMNS)), class_="told")


def _differ(check: CheckResult) -> tuple[str, str]:
    """Return the difference and the ratio of the two numbers, empty where there are none."""
    if check.money is not None:
        got, expected = check.money.billed, check.money.right
    else:
        got, expected = _number(check.got), _number(check.expected)
    if got is None or expected is None:
        return "", ""
    ratio = Money(got, expected).ratio
    return signed(_EXACT.subtract(got, expected)), "" if ratio is None else f"\u00d7 {plain(ratio)}"


def signed(number: Decimal) -> str:
    """Return a number with its sign."""
    return f"+{plain(number)}" if number > 0 else plain(number).replace("-", "\u2212")


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _lines(lines: Iterable[ExpectedLine], flaws: Sequence[CheckResult]) -> Iterator[Html]:
    """Yield the lines of the right charge; of a line a gateway states at most the count."""
    yield _heading("the right charge, line by line")
    counted = {
        check.check.partition(".")[2]: check.got for check in flaws if check.check.startswith("ledger.")
    }
    for line in lines:
        per = {"1": "", "1000": " / 1k", "1000000": " / 1M"}.get(plain(line.per), f" / {plain(line.per)}")
        times = "" if line.multiplier == 1 else f" \u00d7 {plain(line.multiplier)}"
        addon = f", {line.addon}" if line.addon else ""
        words = f"{plain(line.billed)} {noun(line.quantity)}{addon} \u00d7 {plain(line.amount)}{per}{times}"
        got = counted.get(line.quantity)
        said = f"counted {clean(got, 40)}" if got else "\u2013"
        yield el(
            "tr",
            el("th", words, scope="row"),
            el("td", plain(line.subtotal), class_="number"),
            el("td", said, class_="number"),
            (el("td", "\u2013", class_="number") for _ in range(2)),
        )


def _passed(checks: Sequence[CheckResult]) -> Html | None:
    if not checks:
        return None
    count = f"{len(checks)} other check{'' if len(checks) == 1 else 's'} passed"
    rows = [
        el(
            "li",
            check_name(check.check),
            ": ",
            el("span", clean(check.got, 80) or "as expected", class_="number"),
        )
        for check in checks
    ]
    return el("details", el("summary", count), el("ul", rows, class_="plain"), class_="small")
