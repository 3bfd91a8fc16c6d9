"""What it costs: the sums of the calls that are billed wrong, and every call in one picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from decibill.judge_call import join_words, plain
from decibill.report.html.case_part import anchor
from decibill.report.html.markup import Html, el
from decibill.report.html.svg_money import money_svg
from decibill.report.html.words import counted, rounded

if TYPE_CHECKING:
    from decibill.report.html.case_part import Context as Shown
    from decibill.report.money import Kind, Sums

__all__ = ["costs_part"]

_KINDS: Final[Mapping[Kind, tuple[str, str]]] = {
    "zero": ("billed as 0, though not free", "\u2715"),
    "under": ("billed too low", "\u25bc"),
    "over": ("billed too high", "\u25b2"),
    "unknown": ("said to be unknown, and is known", "\u25a1"),
    "unfounded": ("a number for a cost that nobody can know", "\u25c6"),
    "right": ("right", "\u25cb"),
}


def costs_part(money: Sequence[Sums], context: Shown) -> Iterator[Html]:
    """Yield what a run says of money: the sums, the picture, and how many calls are of which kind."""
    if not money:
        yield el("p", "No cost was judged: the gateway states none, or is given no prices.")
        return
    yield from _total(money[0])
    links = {stake.id: f"#{anchor(stake.id)}" for stake in context.stakes.values()}
    yield el("div", money_svg(context.stakes.values(), links=links), class_="drawn")
    kinds = Counter(stake.kind for stake in context.stakes.values())
    yield el(
        "ul",
        *(
            el(
                "li",
                el("span", mark, class_=f"key {kind}", aria_hidden="true"),
                " ",
                el("b", kinds[kind]),
                f" {words}",
            )
            for kind, (words, mark) in _KINDS.items()
            if kinds[kind]
        ),
        class_="plain legend",
    )
    for others in money[1:]:
        yield el(
            "p",
            f"{others.currency}: billed {plain(others.billed)}, right {plain(others.right)}.",
            class_="where",
        )


def _total(sums: Sums) -> Iterator[Html]:
    if not sums.wrong:
        yield el(
            "p",
            f"Nothing: {counted(sums.calls, 'call')} of the corpus, ",
            f"billed {plain(sums.billed)} {sums.currency} as is right.",
        )
    else:
        pairs = (("billed", sums.wrong_billed), ("right", sums.wrong_right))
        yield el(
            "dl",
            *(
                el(
                    "div",
                    el("dt", word),
                    el(
                        "dd",
                        rounded(number),
                        el("span", f" {sums.currency}", class_="unit"),
                        class_="number",
                        title=plain(number),
                    ),
                )
                for word, number in pairs
            ),
            class_="sums",
        )
        parts = [
            f"{rounded(number)} {word}"
            for number, word in ((sums.under, "is missing"), (sums.over, "is too much"))
            if number
        ]
        yield el("p", f"{sums.wrong} of {counted(sums.calls, 'call')} billed wrong: {join_words(parts)}.")
    if sums.unfounded:
        yield el("p", f"{rounded(sums.unfounded)} more for calls whose cost nobody can know.")
