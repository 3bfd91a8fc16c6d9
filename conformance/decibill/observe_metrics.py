"""Reading what one call added to a gateway's Prometheus counters.

A counter holds the sum of everything, so only the order of calls tells whose a change is: what changes
between two readings belongs to the last call sent. Where an instance makes several calls, the change is
nobody's. A counter that did not move states nothing: a 0 cannot be seen in a sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from decibill import template
from decibill.observe_ledger import Ledger, Record, SentCall
from decibill.prometheus import Series, parse_metrics, parse_series, value_of
from decibill.target import Target

__all__ = ["MetricsLedger"]


@dataclass(slots=True)
class MetricsLedger(Ledger):
    """The changes of the counters of one source."""

    target: Target = field(kw_only=True)
    _last: list[tuple[Series, Decimal]] = field(default_factory=list[tuple[Series, Decimal]])

    def forget_what_is_there(self, values: Iterable[Mapping[str, str]]) -> None:  # noqa: ARG002 - one page for all
        """Take what the counters hold as the beginning."""
        self._last = self._fetch() or []

    def read(self, calls: Sequence[SentCall] | None = None) -> None:  # noqa: ARG002 - one page for all
        """Give what has been added since the last reading to the last call sent."""
        now = self._fetch()
        if now is None:
            return
        before, self._last = self._last, now
        if self.sent and self._is_alone(self.sent[-1]):
            self._add(self.sent[-1], before, now)

    def _is_alone(self, call: SentCall) -> bool:
        return sum(each.instance == call.instance for each in self.sent) == 1

    def _add(
        self, call: SentCall, before: list[tuple[Series, Decimal]], now: list[tuple[Series, Decimal]]
    ) -> None:
        records = self.records(call)
        added: dict[str, Decimal] = dict(records[0].document) if records else {}
        for place in self._places():
            series = parse_series(template.fill(place, call.values))
            change = _change(series, before, now) if series is not None else None
            if change:
                added[place] = added.get(place, Decimal(0)) + change
        if added:
            where = f"what the call added in GET {self.source.get}"
            self._owned[call.instance, call.number] = [Record("", added, where)]

    def _places(self) -> list[str]:
        cost, usage = self.source.cost, self.source.usage
        named = [place for words in usage.values() for place in words] if isinstance(usage, Mapping) else []
        return [*([cost.at] if cost is not None else []), *named]

    def _fetch(self) -> list[tuple[Series, Decimal]] | None:
        path = template.fill(self.source.get or "", {})
        answer = self.target.get(path)
        self.problem = None
        if answer.error is not None or answer.status != 200:
            self.problem = f"GET {path} {answer.error or f'answered {answer.status}'}"
            return None
        return parse_metrics(answer.body.decode("utf-8", "replace"))


def _change(
    series: Series, before: list[tuple[Series, Decimal]], now: list[tuple[Series, Decimal]]
) -> Decimal | None:
    """Return by how much a counter grew; None where it is not there. One that shrank began anew at 0."""
    value, old = value_of(series, now), value_of(series, before)
    if value is None:
        return None
    return value - old if old is not None and old <= value else value
