"""The page of the price catalogues: who disagrees, by how much, with sources and dates."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from decibill.judge_call import plain
from decibill.report.html.markup import Html, el
from decibill.report.html.words import counted

from website.catalogue import DAY, QUANTITIES
from website.page import Page, table

if TYPE_CHECKING:
    from website.catalogue import Comparison, Price, Row

__all__ = ["price_page"]

_SIX: Final = Context(prec=6)
_THREE: Final = Context(prec=3)
_LEAD: Final = (
    "A gateway that counts right still bills wrong by a wrong list of prices. These are the prices of audio "
    f"that catalogues stated for {DAY}, in US dollars. Cases of the suite use prices of its own, so none of "
    "this decides a row of the matrix."
)


def price_page(found: Comparison) -> tuple[str, str]:
    """Return the path and the text of the page."""
    page = Page("prices.html")
    return page.path, page.render("Price catalogues compared", _body(found), lead=_LEAD)


def _body(found: Comparison) -> Iterator[Html]:
    differing = [row for row in found.rows if not row.agrees]
    same = [row for row in found.rows if row.agrees]
    models = {(row.provider, row.model) for row in found.rows}
    as_text = sum(price.as_text for row in found.rows for price in row.others.values())
    yield el(
        "p",
        f"{counted(len(found.rows), 'price')} of {counted(len(models), 'model')} "
        f"stand in our book and in another catalogue: {len(same)} agree, {len(differing)} do not. "
        f"{as_text} times a catalogue has a price for text alone, which is then what audio costs by it.",
    )
    yield el("h2", "Where they come from")
    yield table(
        ["catalogue", "version", "read", "what it is"],
        [
            [
                "decibill's public price book",
                "public-2026-11",
                el("td", DAY, class_="day"),
                "Published prices, each entry with its source.",
            ],
            *(
                [_link(each.url, each.title), each.version, el("td", each.read, class_="day"), each.note]
                for each in found.catalogues
            ),
        ],
        caption="Sources",
    )
    yield el("h2", "Where they disagree", id="differ")
    yield _table(found, differing, "Prices that differ, most first", notes=True)
    yield el("h2", "Where they agree", id="agree")
    yield el("details", el("summary", counted(len(same), "price")), _table(found, same, "Prices that agree"))


def _link(url: str, words: object) -> Html:
    return el("a", words, href=url, rel="nofollow")


def _table(found: Comparison, rows: list[Row], caption: str, *, notes: bool = False) -> Html:
    shown = [each for each in found.catalogues if any(each.id in row.others for row in rows)]
    heads = ["model", "price of", "our book", *(f"{each.title} {each.version}" for each in shown), "\u00d7"]
    return table(
        [*heads, "why ours"] if notes else heads,
        (
            [
                f"{row.provider}/{row.model}",
                QUANTITIES[row.quantity][0],
                el("td", _link(row.source, _figure(row.ours)), class_="number"),
                *(_cell(row.others.get(each.id), row.ours) for each in shown),
                el("td", plain(_THREE.divide(row.spread.numerator, row.spread.denominator)), class_="number"),
                *([el("td", row.note, class_="said")] if notes else []),
            ]
            for row in rows
        ),
        caption=caption,
    )


def _cell(price: Price | None, ours: Fraction) -> Html:
    if price is None:
        return el("td")
    words = f"{_figure(price.amount)}{', as text' if price.as_text else ''}"
    differs = abs(price.amount / ours - 1) > Fraction(1, 1000)
    return el("td", el("span", f"\u2260 {words}", class_="sign fail") if differs else words, class_="number")


def _figure(number: Fraction) -> str:
    return plain(_SIX.divide(Decimal(number.numerator), Decimal(number.denominator)).normalize(_SIX))
