"""Figures of the gateways' bench: medians over rounds, and ratios of what was measured in one round."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.gateway_load import Load

__all__ = ["Turn", "alone", "compared"]

_CLIENTS = ("one_client", "four_clients")


class Turn(NamedTuple):
    """What came of one subject's turn."""

    alone: Load
    """Of one client."""

    together: Load
    """Of four clients."""

    processor_ms: float | None = None
    """What a call took of a processor in the gateway, of all clients: busy neighbours change that least."""

    @property
    def speed(self) -> float:
        """Calls a second of four clients."""
        return self.together.calls / self.together.seconds

    def p50(self, place: int) -> float:
        """Return the median latency in milliseconds, of one client (0) or of four (1)."""
        return statistics.median((self.alone, self.together)[place].latencies) / 1e6


def alone(turns: Sequence[Turn]) -> dict[str, Any]:
    """Return the figures that need no other subject."""
    return {
        "calls_a_second": round(statistics.median(turn.speed for turn in turns), 1),
        "p50_ms": _each(lambda place: (turn.p50(place) for turn in turns)),
    }


def compared(turns: Sequence[Turn], direct: Sequence[Turn], peer: Sequence[Turn]) -> dict[str, Any]:
    """Return the figures beside those of the provider without a gateway, and of another gateway."""

    def added(place: int, ones: Sequence[Turn]) -> list[float]:
        return [one.p50(place) - base.p50(place) for one, base in zip(ones, direct, strict=True)]

    def part(place: int) -> Iterable[float]:
        return (ours / theirs for ours, theirs in zip(added(place, turns), added(place, peer), strict=True))

    taken = [turn.processor_ms for turn in turns if turn.processor_ms is not None]
    speeds = (ours.speed / theirs.speed for ours, theirs in zip(turns, peer, strict=True))
    return {
        "processor_ms": round(statistics.median(taken), 3) if taken else None,
        "added_p50_ms": _each(lambda place: added(place, turns)),
        "times_the_calls": round(statistics.median(speeds), 2),
        "part_of_the_added_p50": _each(part),
    }


def _each(figures: Callable[[int], Iterable[float]]) -> dict[str, float]:
    return {name: round(statistics.median(figures(place)), 3) for place, name in enumerate(_CLIENTS)}
