"""Short trials of the gateway's durability, and gateways that a trial must find out.

``nox -s durability`` runs the long ones.
"""

from __future__ import annotations

import resource

import pytest
from tests.durability.gateway import SERVE
from tests.durability.trials import clock_trial, disk_trial, kill_trial, lock_trial

SPOILT = ("-m", "tests.durability.spoilt")


def test_a_gateway_that_is_killed_loses_nothing_and_charges_nothing_twice() -> None:
    figures = kill_trial(150, 4)

    assert figures.requests == 150
    assert figures.times == 4
    assert figures.rows


def test_a_ledger_that_another_program_locks_is_waited_for() -> None:
    assert lock_trial(100, 4, 0.3).rows


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
def test_a_full_disk_fails_calls_and_is_survived() -> None:
    assert disk_trial(150, 3).rows


def test_a_clock_that_jumps_over_a_change_of_prices_is_survived() -> None:
    assert clock_trial(100, 1).rows


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ((*SPOILT, "answers-first"), "has 0 rows"),
        ((*SPOILT, "forgets-refunds"), "is refunded"),
        ((*SERVE, "--defect", "charged-twice"), "one answer of the provider is charged twice"),
        ((*SERVE, "--defect", "stream-usage-lost"), r"\(sse, answered 200\): recorded as unmetered"),
    ],
    ids=["answers first", "forgets refunds", "charged-twice", "stream-usage-lost"],
)
def test_a_gateway_that_is_wrong_is_found_out(program: tuple[str, ...], fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        kill_trial(120, 1, program=program)
