"""Billed against right over a run, on a log scale: 0, a sixteenth and a thousandfold are seen at once.

One mark is one call: across, what it costs; up, how many times that was billed. A call of which one side has
no number has a lane of its own. Coordinates are the only floats here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from decibill.judge_call import plain
from decibill.report.html.markup import Html, el

if TYPE_CHECKING:
    from decibill.report.money import Kind, Stake

__all__ = ["money_svg"]

WIDTH: Final = 460
_LEFT, _RIGHT, _TOP = 88, 450, 8
_SCALE: Final = 210
"""Height of the part that has a scale."""

_LANE: Final = 24
_LANES: Final[Mapping[Kind, str]] = {
    "zero": "billed 0",
    "unknown": "says unknown",
    "unfounded": "a guess",
}
_WORDS: Final[Mapping[Kind, str]] = {
    "right": "right",
    "under": "too little",
    "over": "too much",
    "zero": "0 for a call that is not free",
    "unknown": "said to be unknown, and is known",
    "unfounded": "a number for a cost that nobody can know",
}


@dataclass(frozen=True, slots=True)
class _Axis:
    low: int
    high: int
    start: float
    end: float

    def at(self, number: Decimal) -> float:
        """Return where *number* is, the ends for what lies beyond."""
        power = float(number.ln() / Decimal(10).ln()) if number > 0 else float(self.low)
        share = (min(max(power, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def money_svg(found: Iterable[Stake], *, links: Mapping[str, str] | None = None) -> Html:
    """Return the picture of a run's money, or nothing to see where no cost was judged.

    Args:
        found: what each call costs; calls in another currency are placed by their number.
        links: where the case of an instance can be read; without one a mark is no link.
    """
    stakes = sorted(found, key=lambda stake: (stake.kind != "right", stake.id))
    costs = [_cost(stake) for stake in stakes]
    across = _axis([cost for cost in costs if cost], _LEFT, _RIGHT, least=2)
    ratios = [stake.billed / stake.right for stake in stakes if stake.billed and stake.right]
    upward = _axis(ratios, _TOP + _SCALE, _TOP, least=1, around_one=True)
    lanes: list[Kind] = [kind for kind in _LANES if any(stake.kind == kind for stake in stakes)]
    bottom = _TOP + _SCALE + 10 + len(lanes) * _LANE
    parts = [*_grid(upward, across, lanes, bottom)]
    parts += [_mark(stake, across, upward, lanes, (links or {}).get(stake.id)) for stake in stakes]
    return el(
        "svg",
        el("title", _said(stakes)),
        *parts,
        class_="money",
        viewBox=f"0 0 {WIDTH} {bottom + 36}",
        role="group",
        aria_label=_said(stakes),
        xmlns="http://www.w3.org/2000/svg",
    )


def _cost(stake: Stake) -> Decimal:
    """Return what places a call across: the right cost, else what was billed."""
    return stake.right or stake.billed or Decimal(0)


def _axis(
    numbers: Sequence[Decimal], start: float, end: float, *, least: int, around_one: bool = False
) -> _Axis:
    powers = [float(number.ln() / Decimal(10).ln()) for number in numbers if number > 0] or [0.0]
    low, high = math.floor(min(powers)), math.ceil(max(powers))
    if around_one:
        low, high = min(low, -1), max(high, 1)
    return _Axis(low, max(high, low + least), start, end)


def _said(stakes: Sequence[Stake]) -> str:
    words = [
        f"{count} {words}"
        for kind, words in _WORDS.items()
        if (count := sum(stake.kind == kind for stake in stakes))
    ]
    return f"Billed against right, one mark for each call: {', '.join(words) or 'no cost was judged'}"


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _grid(upward: _Axis, across: _Axis, lanes: Sequence[Kind], bottom: float) -> Iterator[Html]:
    step = max(1, (upward.high - upward.low + 5) // 6)
    marks = [power for power in range(upward.low, upward.high + 1) if power % step == 0]
    for power in marks:
        y = upward.at(Decimal(10) ** power)
        right = power == 0
        yield el("path", d=f"M{_LEFT} {_n(y)}H{_RIGHT}", class_="one" if right else "rule")
        yield el(
            "text",
            _times(power),
            x=_LEFT - 8,
            y=_n(y + 4),
            text_anchor="end",
            class_="name" if right else "small",
        )
    for index, kind in enumerate(lanes):
        y = _lane(index)
        yield el("rect", x=_LEFT, y=_n(y - 10), width=_RIGHT - _LEFT, height=20, class_=f"lane {kind}")
        yield el("text", _LANES[kind], x=_LEFT - 8, y=_n(y + 4), text_anchor="end", class_="small")
    step = max(1, (across.high - across.low + 4) // 5)
    for power in range(across.low, across.high + 1, step):
        x = across.at(Decimal(10) ** power)
        yield el("path", d=f"M{_n(x)} {_TOP}V{_n(bottom)}", class_="rule")
        yield el(
            "text",
            plain(Decimal(10) ** power),
            x=_n(x),
            y=_n(bottom + 14),
            text_anchor="end" if power + step > across.high else "middle",
            class_="small",
        )
    yield el(
        "text",
        "right cost of the call",
        x=_n((_LEFT + _RIGHT) / 2),
        y=_n(bottom + 30),
        text_anchor="middle",
        class_="small",
    )


def _times(power: int) -> str:
    return "\u00d7 1, right" if power == 0 else f"\u00d7 {plain(Decimal(10) ** power)}"


def _lane(index: int) -> float:
    return _TOP + _SCALE + 22 + index * _LANE


def _mark(stake: Stake, across: _Axis, upward: _Axis, lanes: Sequence[Kind], link: str | None) -> Html:
    kind = stake.kind
    x = across.at(_cost(stake))
    if kind in lanes:
        y = _lane(lanes.index(kind))
    elif stake.billed and stake.right:
        y = upward.at(stake.billed / stake.right)
    else:  # 0 of 0 is right; a price for what is free is beyond every scale
        y = upward.at(Decimal(1)) if kind == "right" else upward.end
    shape = el("path", el("title", _title(stake)), d=_shape(kind, x, y), class_=f"mark {kind}")
    return (
        shape
        if link is None or kind == "right"
        else el("a", shape, href=link, tabindex=-1, aria_label=_title(stake))
    )


def _title(stake: Stake) -> str:
    billed = "unknown" if stake.billed is None else plain(stake.billed)
    right = "unknown" if stake.right is None else plain(stake.right)
    return f"{stake.id}: billed {billed}, right {right}"


def _shape(kind: Kind, x: float, y: float) -> str:
    """Return a mark that is told from the others without colour."""
    at = f"{_n(x)} {_n(y)}"
    if kind == "right":
        return f"M{_n(x - 3)} {_n(y)}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0"
    if kind == "over":
        return f"M{at}m0 -5l5 9h-10z"
    if kind == "under":
        return f"M{at}m0 5l5 -9h-10z"
    if kind == "zero":
        return f"M{at}m-4.5 -4.5l9 9m0 -9l-9 9"
    if kind == "unknown":
        return f"M{at}m-4 -4h8v8h-8z"
    return f"M{at}m0 -5l5 5l-5 5l-5 -5z"
