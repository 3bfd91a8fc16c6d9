"""The path of one exchange as a picture: the wire's numbers split into priced leaves, and those into money.

At the left a band is as wide as its share of what was counted, at the right as its share of the money: that a
few audio tokens cost more than a long text is seen without reading. Coordinates are the only floats here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from decibill.judge_call import plain
from decibill.report.html.flows import Flow, Group, Picture, picture_of
from decibill.report.html.markup import Html, el

if TYPE_CHECKING:
    from decibill.case import Case

__all__ = ["described", "path_svg"]

WIDTH: Final = 460
_ROW: Final = 40
_WIRE, _LEAF, _LEAF_END, _TOTAL = 84, 132, 318, 360
"""Where the columns begin or end."""

_THICK: Final = 30
_THIN: Final = 2.5


def path_svg(case: Case, *, billed: Decimal | None = None, is_billed: bool = False) -> Html:
    """Return the picture of a case.

    Args:
        case: any case of the corpus.
        billed: what a gateway billed for it; None with `is_billed` where it says that it does not know.
        is_billed: whether there is a gateway's answer to show below the right one.
    """
    picture = picture_of(case)
    rows = [flow for group in picture.groups for flow in group.flows]
    height = max(1, len(rows)) * _ROW + 22
    parts: list[Html] = list(_headings())
    parts += _drawn(picture, height) if rows else _empty(picture)
    if is_billed:
        right = Decimal(picture.total) if picture.is_known else None
        parts += _compared(right, billed, height + 6)
        height += 58
    return el(
        "svg",
        el("title", described(picture)),
        *parts,
        class_="path",
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


def described(picture: Picture) -> str:
    """Return the picture in words, for those who do not see it."""
    words = [
        f"{flow.name}: {_count(flow)} {flow.rate} = {_money(flow)}"
        for group in picture.groups
        for flow in group.flows
    ]
    return "; ".join([*words, f"together {picture.total} {picture.currency}".strip()])


def _money(flow: Flow) -> str:
    return "unknown" if flow.money is None else plain(flow.money)


def _count(flow: Flow) -> str:
    return "?" if flow.count is None else plain(flow.count)


def _headings() -> Iterator[Html]:
    for x, words in ((0, "on the wire"), (_LEAF, "priced leaves"), (_TOTAL + 10, "money")):
        yield _text(x, 10, words, "head")


def _text(x: float, y: float, words: str, class_: str = "", anchor: str | None = None) -> Html:
    return el("text", words, x=_n(x), y=_n(y), class_=class_ or None, text_anchor=anchor)


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _drawn(picture: Picture, height: float) -> Iterator[Html]:
    rows = [flow for group in picture.groups for flow in group.flows]
    paid = [flow.money or Decimal(0) for flow in rows]
    whole = sum(paid, Decimal(0))
    thick = [_share(money, whole) * _THICK * min(len(rows), 3) for money in paid]
    thick = [max(_THIN, each) for each in thick]
    bar = sum(thick)
    middle = 22 + (height - 22) / 2
    top, at = middle - bar / 2, 22.0
    for group in picture.groups:
        yield from _group(group, at)
        at += _ROW * len(group.flows)
    below = top
    for index, flow in enumerate(rows):
        y = 22 + index * _ROW + _ROW / 2
        yield from _leaf(flow, y)
        shown = min(thick[index], _THICK)
        end = _End(_TOTAL, below + thick[index] / 2, thick[index])
        yield _band(_End(_LEAF_END, y, shown), end, flow)
        below += thick[index]
    yield from _sum(picture, top, bar)


def _group(group: Group, at: float) -> Iterator[Html]:
    """Draw what the wire says, and a band from it to each of its leaves."""
    height = _ROW * len(group.flows)
    middle = at + height / 2
    counts = [flow.count or Decimal(0) for flow in group.flows]
    whole, rows = sum(counts, Decimal(0)), min(len(counts), 2)
    thick = [max(_THIN, _share(count, whole) * _THICK * rows) for count in counts]
    bar = sum(thick)
    below = middle - bar / 2
    yield el("rect", x=_WIRE - 6, y=_n(below), width=6, height=_n(bar), class_="bar")
    first = middle - (6 if group.model else 1)
    yield _text(_WIRE - 12, first, group.measured or "?", "number", "end")
    yield _text(_WIRE - 12, first + 12, _cut(group.unit, 14), "small", "end")
    if group.model:
        yield _text(_WIRE - 12, first + 22, _cut(group.model, 16), "tiny", "end")
    for index, flow in enumerate(group.flows):
        y = at + index * _ROW + _ROW / 2
        shown = min(thick[index], _THICK)
        start = _End(_WIRE, below + thick[index] / 2, thick[index])
        yield _band(start, _End(_LEAF, y, shown), flow)
        below += thick[index]


def _leaf(flow: Flow, y: float) -> Iterator[Html]:
    box = {"x": _LEAF, "y": _n(y - 17), "width": _LEAF_END - _LEAF, "height": 34, "rx": 4}
    yield el("rect", **box, class_=_classes("leaf", flow))
    yield _text(_LEAF + 8, y - 3, _cut(f"{_count(flow)} {flow.name}", 28), "name")
    words = flow.rate if flow.money is None else f"{flow.rate} = {_money(flow)}"
    yield _text(_LEAF + 8, y + 11, _cut(words, 31), "small")


def _cut(words: str, longest: int) -> str:
    return words if len(words) <= longest else f"{words[: longest - 1]}\u2026"


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a band: its middle and how thick it is."""

    x: float
    y: float
    thick: float

    @property
    def edges(self) -> tuple[str, str]:
        return _n(self.y - self.thick / 2), _n(self.y + self.thick / 2)


def _band(start: _End, end: _End, flow: Flow) -> Html:
    """Draw a band from one place and thickness to another."""
    bend, (a, b), (c, d) = _n((start.x + end.x) / 2), start.edges, end.edges
    x, to_x = _n(start.x), _n(end.x)
    shape = f"M{x} {a}C{bend} {a} {bend} {c} {to_x} {c}V{d}C{bend} {d} {bend} {b} {x} {b}Z"
    return el("path", d=shape, class_=_classes("band", flow))


def _classes(name: str, flow: Flow) -> str:
    marks = (" cached" if flow.is_cached else "", "" if flow.money is not None else " none")
    return f"{name} {flow.kind}{''.join(marks)}"


def _sum(picture: Picture, top: float, bar: float) -> Iterator[Html]:
    middle = top + bar / 2
    classes = "bar" if picture.is_known else "bar none"
    yield el("rect", x=_TOTAL, y=_n(top), width=6, height=_n(bar), class_=classes)
    if picture.is_known:
        yield _text(_TOTAL + 12, middle + 1, picture.total, "number" if len(picture.total) < 11 else "tight")
        yield _text(_TOTAL + 12, middle + 14, picture.currency, "small")
    else:
        yield from _wrapped(picture.total, _TOTAL + 12, middle)


def _wrapped(words: str, x: float, middle: float) -> Iterator[Html]:
    """Write a few words into the last column."""
    lines: list[str] = []
    for word in words.split():
        if lines and len(lines[-1]) + len(word) < 15:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    start = middle - (len(lines) - 1) * 6 + 4
    for index, line in enumerate(lines):
        yield _text(x, start + index * 12, line, "small")


def _empty(picture: Picture) -> Iterator[Html]:
    y = 22 + _ROW / 2
    refused = picture.total.startswith("refused")
    yield _text(_WIRE - 12, y + 4, "no record" if refused else "no usage", "small", "end")
    yield el("path", d=f"M{_WIRE} {_n(y)}H{_TOTAL}", class_="nothing")
    if picture.is_known:
        yield _text(_TOTAL + 12, y + 4, f"{picture.total} {picture.currency}", "number")
    else:
        yield from _wrapped(picture.total, _TOTAL + 12, y)


def _share(part: Decimal, whole: Decimal) -> float:
    return float(part / whole) if whole > 0 and part > 0 else 0.0


def _compared(right: Decimal | None, billed: Decimal | None, at: float) -> Iterator[Html]:
    """Draw what is right and what was billed as two bars of one scale."""
    largest = max(right or Decimal(0), billed or Decimal(0))
    yield el("path", d=f"M0 {_n(at)}H{WIDTH}", class_="rule")
    for index, (name, number) in enumerate((("right", right), ("billed", billed))):
        y = at + 8 + index * 22
        yield _text(_WIRE - 12, y + 12, name, "name", "end")
        width = 0.0 if number is None else _share(number, largest) * (_LEAF_END - _WIRE - 60)
        if number is not None:
            bar = {"x": _WIRE, "y": _n(y), "width": _n(max(1.5, width)), "height": 16}
            yield el("rect", **bar, class_=f"{name}-bar")
        words = "unknown" if number is None else plain(number)
        yield _text(_WIRE + width + 7, y + 12, f"{_cut(words, 22)}{_times(name, right, billed)}", "name")


def _times(name: str, right: Decimal | None, billed: Decimal | None) -> str:
    if name == "right" or not right or billed is None:
        return ""
    ratio = billed / right
    shown = plain(ratio.quantize(Decimal("0.001")) if ratio < 10 else ratio.quantize(Decimal(1)))
    return f" (\u00d7 {shown})"
