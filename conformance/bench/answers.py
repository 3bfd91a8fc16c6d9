"""Whether what a tool answers is right."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

__all__ = ["Answer", "judged"]

_NEAR: Final = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Answer:
    """A cost and what is to be said of it."""

    stated: str | None
    verdict: Literal["exact", "right", "wrong", "unknown"]
    """Exact to the last digit, right to nine digits (floats), another cost, or stated to be unknown."""

    times: str | None = None
    """Of a wrong cost: how many times the right one it is."""


def judged(cost: object, expected: Decimal) -> Answer:
    """Return what is to be said of *cost*, where *expected* is right."""
    if cost is None:
        return Answer(None, "unknown")
    stated = Decimal(str(cost))
    text = str(cost)
    if stated == expected:
        return Answer(text, "exact")
    if abs(stated - expected) <= abs(expected) * _NEAR:
        return Answer(text, "right")
    return Answer(text, "wrong", f"{float(stated / expected):.3g}")
