"""What a run took: decibill's own time for a case beside the gateway's (AUB 0.1, chapter 08)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from decibill.report.model import Spread, Timing
from decibill.statements import Spent

__all__ = ["timing", "timing_words"]


def timing(spent: Sequence[Spent], *, at_once: int, run_s: float) -> Timing | None:
    """Return what a run took; None where no case could be timed.

    Args:
        spent: where the time of each case went, as far as it can be told.
        at_once: the cases in flight at once.
        run_s: the seconds of the whole run.
    """
    if not spent:
        return None
    return Timing(
        cases=len(spent),
        at_once=at_once,
        run_us=_microseconds(run_s),
        overhead_us=_spread(each.overhead for each in spent),
        gateway_us=_spread(each.gateway for each in spent),
    )


def timing_words(timing: Timing) -> str:
    """Return what a run took, in words for every form of a report."""
    ours, gateways = timing.overhead_us.median / 1e3, timing.gateway_us.median / 1e3
    cases = f"{timing.cases} case{'' if timing.cases == 1 else 's'}"
    return (
        f"{timing.run_us / 1e6:.1f} s; a case {ours:.1f} ms of decibill and {gateways:.1f} ms of the gateway "
        f"(medians of {cases})"
    )


def _spread(seconds: Iterable[float]) -> Spread:
    ordered = sorted(map(_microseconds, seconds))
    return Spread(median=_rank(ordered, 50), p95=_rank(ordered, 95))


def _rank(ordered: Sequence[int], percent: int) -> int:
    """Return the smallest value that so many of a hundred do not exceed."""
    return ordered[-(-len(ordered) * percent // 100) - 1]


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)
