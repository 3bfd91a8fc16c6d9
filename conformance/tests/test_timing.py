"""What a run took: decibill's time for a case and the gateway's, told apart and put into words."""

from __future__ import annotations

from decibill.report.model import Spread, Timing
from decibill.report.timing import timing, timing_words
from decibill.statements import Spent
from decibill.upstream_busy import Busy


def test_the_median_is_beside_what_nearly_all_cases_keep_to() -> None:
    spent = [Spent(overhead=number / 1000, gateway=number / 100) for number in range(100, 0, -1)]
    found = timing(spent, at_once=2, run_s=1.25)
    assert found == Timing(
        cases=100,
        at_once=2,
        run_us=1_250_000,
        overhead_us=Spread(median=50_000, p95=95_000),
        gateway_us=Spread(median=500_000, p95=950_000),
    )


def test_one_case_is_its_own_median() -> None:
    found = timing([Spent(0.002, 0.003).with_more(0.001)], at_once=1, run_s=0.5)
    assert found is not None
    assert (found.overhead_us, found.gateway_us) == (Spread(3000, 3000), Spread(3000, 3000))
    assert timing_words(found) == (
        "0.5 s; a case 3.0 ms of decibill and 3.0 ms of the gateway (medians of 1 case)"
    )


def test_without_a_timed_case_there_is_nothing_to_say() -> None:
    assert timing([], at_once=1, run_s=1.0) is None


class TestBusy:
    """How long the upstream was answering, on a clock that a test sets."""

    def setup_method(self) -> None:
        self.now = 10.0
        self.busy = Busy(lambda: self.now)

    def test_a_request_counts_from_its_arrival_to_the_end_of_its_answer(self) -> None:
        self.busy.begin(9.5)
        self.now = 11.0
        self.busy.end()
        self.now = 20.0
        assert self.busy.seconds() == 1.5
        assert self.busy.seconds() == 0.0

    def test_what_two_take_at_once_counts_once(self) -> None:
        self.busy.begin(10.0)
        self.busy.begin(11.0)
        self.now = 12.0
        self.busy.end()
        self.now = 13.0
        self.busy.end()
        assert self.busy.seconds() == 3.0

    def test_an_answer_that_is_on_its_way_counts_until_now_and_then_from_now(self) -> None:
        self.busy.begin(10.0)
        self.now = 12.0
        assert not self.busy.is_over()
        assert self.busy.seconds() == 2.0
        self.now = 12.5
        self.busy.end()
        assert self.busy.is_over()
        assert self.busy.seconds() == 0.5
