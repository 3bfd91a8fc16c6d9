"""Measuring calls in interleaved rounds, so that what slows the machine slows everything alike.

Every call of a group takes its turn in every round, in an order drawn anew. A turn repeats the call until
about `turn` seconds are over, with the garbage collector halted, as `timeit` does. It is the processor's time
that counts, so a process that pushes itself between is not counted. What is compared is compared within a
round first; the median over the rounds is the figure.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

__all__ = ["Timed", "ratio", "timed"]

WARM_UP: Final = 0.05
_NANO: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of a processor for one call, a figure a round."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.rounds)


def timed(calls: Mapping[str, Callable[[], Any]], *, rounds: int, turn: float) -> dict[str, Timed]:
    """Return how long each of *calls* takes.

    Args:
        calls: what is compared, by name.
        rounds: how often each takes its turn.
        turn: how long a turn is, in seconds.
    """
    repeats = {name: _warmed_up(call, turn) for name, call in calls.items()}
    found: dict[str, list[float]] = {name: [] for name in calls}
    order, random = list(calls), Random(1)  # noqa: S311 - reproducible on purpose
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            found[name].append(_turn(calls[name], repeats[name]))
    return {name: Timed(tuple(figures)) for name, figures in found.items()}


def ratio(one: Timed, other: Timed) -> Sequence[float]:
    """Return the quartiles of how many times as long *one* takes as *other*, the median in the middle."""
    ratios = [mine / theirs for mine, theirs in zip(one.rounds, other.rounds, strict=True)]
    return statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3


def _warmed_up(call: Callable[[], Any], turn: float) -> int:
    """Call until caches are filled, and return how many calls make a turn."""
    count, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < min(WARM_UP, turn) or count < 3:
        call()
        count += 1
    return max(1, round(turn * count / spent))


def _turn(call: Callable[[], Any], repeat: int) -> float:
    gc.collect(0)
    gc.disable()
    try:
        begin = time.process_time_ns()
        for _ in range(repeat):
            call()
        return (time.process_time_ns() - begin) * _NANO / repeat
    finally:
        gc.enable()
