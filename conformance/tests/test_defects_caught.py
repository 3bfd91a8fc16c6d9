"""Each named defect is caught, by the requirements that it breaks and no others (the kill matrix).

Over HTTP and with the whole corpus: the reference gateway is started once for each defect.
"""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from decibill.cases import load_cases
from decibill.cli import cli
from decibill.declaration_read import load
from decibill.drive import DriveOptions
from decibill.engine import RunOptions, run
from decibill.outcome import Outcome
from decibill.report.model import Report

BROKEN = {
    "usage-dropped": {"AUB-GWY-3725"},
    # its status says priced where a rate is missing, and the stream that it asks for usage is wrong too
    "audio-at-text-rate": {"AUB-CHG-c3cf", "AUB-CHG-b946", "AUB-CHG-b5cd", "AUB-CHG-a645"},
    "unit-dropped": {"AUB-CHG-ea89", "AUB-CHG-d6d8"},
    "cached-as-fresh": {"AUB-CHG-17f0", "AUB-CHG-5f0a"},
    "silent-zero": {"AUB-GWY-3a9b"},
    "wrong-character-count": {"AUB-EXT-3ad2"},
    # the ledger lacks the usage as well, and calls unmetered what it could have called unpriced
    "stream-usage-lost": {
        "AUB-GWY-1cf8",
        "AUB-OAI-8527",
        "AUB-OAI-2b10",
        "AUB-EXT-d606",
        "AUB-GWY-e8e3",
        "AUB-CHG-57df",
    },
    "charged-twice": {"AUB-GWY-888a"},
}


def _report(*arguments: str) -> Report:
    options = DriveOptions(start=True, start_arguments=arguments, jobs=2)
    return run(load("reference"), load_cases(), RunOptions(drive=options))


def test_the_matrix_holds_every_named_defect() -> None:
    listed = CliRunner().invoke(cli, ["list", "--defects"]).stdout
    assert {line.split()[0] for line in listed.splitlines()} == set(BROKEN)


@pytest.mark.parametrize("defect", sorted(BROKEN))
def test_a_defect_is_caught_by_what_it_breaks_and_accused_of_nothing_else(defect: str) -> None:
    report = _report("--defect", defect)
    assert report.verdict.word == "not conformant"
    musts = [row for row in report.requirements if row.level.startswith("MUST")]
    assert {row.id for row in musts if row.outcome is Outcome.FAIL} == BROKEN[defect]
    undecided = [row for row in musts if row.outcome in {Outcome.ERROR, Outcome.NOT_TESTABLE}]
    assert all(set(row.hidden_by) and set(row.hidden_by) <= BROKEN[defect] for row in undecided)


def test_the_sound_gateway_is_caught_by_nothing() -> None:
    report = _report()
    assert report.verdict.word == "conformant"
    assert {row.outcome for row in report.requirements} == {Outcome.PASS, Outcome.NOT_DECLARED}
