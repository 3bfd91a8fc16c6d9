"""The bench runs without peers, knows a wrong answer from a right one, and asks for what is right."""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bench import bulk, calculators, suite
from bench.__main__ import main
from bench.answers import judged
from bench.page import page, summary
from bench.payloads import Payload, mixed, payloads
from bench.rounds import Timed, ratio, timed
from bench.tools import CannotPriceError, Tool

RIGHT = Decimal("0.0072468")


def by_hand(payload: Payload) -> Decimal:
    """Return what the quantities of a case cost, cached tokens taken out of the fresh ones."""
    count = {name: Decimal(number) for name, number in payload.quantities.items()}
    for modality in ("text", "audio", "video", "image"):
        fresh, cached = f"{modality}_input_tokens", f"cached_{modality}_input_tokens"
        if fresh in count:
            count[fresh] -= count.get(cached, Decimal(0))
    return sum(
        (count.get(name, 0) * amount / per for name, (amount, per) in payload.rates.items()), Decimal(0)
    )


@pytest.mark.parametrize(
    "payload", [*payloads(), mixed()[2]], ids=lambda payload: f"{payload.name}, {payload.book.stem}"
)
def test_what_is_expected_is_the_sum_of_the_priced_quantities(payload: Payload) -> None:
    assert by_hand(payload) == payload.expected


@pytest.mark.parametrize(
    ("cost", "verdict", "times"),
    [
        (Decimal("0.007246800"), "exact", None),
        (0.0072468, "exact", None),
        (0.007246800000000001, "right", None),
        (0.0015034, "wrong", "0.207"),
        (0, "wrong", "0"),
        (None, "unknown", None),
    ],
)
def test_an_answer_is_judged_by_what_is_right(cost: object, verdict: str, times: str | None) -> None:
    answer = judged(cost, RIGHT)
    assert (answer.verdict, answer.times) == (verdict, times)


def test_a_ratio_is_taken_within_a_round() -> None:
    quiet, loaded = (1e-6, 1e-6, 1e-6), (3e-6, 30e-6, 3e-6)

    assert ratio(Timed(loaded), Timed(quiet))[1] == pytest.approx(3)
    assert ratio(Timed((4e-6, 40e-6, 4e-6)), Timed((2e-6, 20e-6, 2e-6))) == pytest.approx([2, 2, 2])


def test_every_call_takes_its_turn_in_every_round() -> None:
    calls = {"one": 0, "two": 0}

    def call(name: str) -> None:
        calls[name] += 1

    found = timed({name: lambda name=name: call(name) for name in calls}, rounds=3, turn=0.0001)

    assert {name: len(figures.rounds) for name, figures in found.items()} == {"one": 3, "two": 3}
    assert all(count >= 6 for count in calls.values())  # three to warm up, and one at least in a round


def peer(name: str, cost: object) -> Tool:
    """Return a tool that answers *cost* to a parsed body, and reads nothing else."""
    none = CannotPriceError("reads no bytes")
    return Tool(name, "1.0", {"body": "`cost`"}, lambda _: {"bytes": none, "body": lambda: cost, "own": none})


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what is measured beside one wrong peer, where another one is not installed."""

    def missing(_: object) -> Tool:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(calculators, "PEERS", {"other": lambda _: peer("other", 0.25), "absent": missing})
    measured = calculators.measured(rounds=2, turn=0.0001)
    machine = {
        "processor": "Example",
        "processors": 2,
        "memory_gib": 8,
        "system": "Linux",
        "python": "CPython",
    }
    return {"date": "2026-11-22", "machine": machine, "load": [0, 0], "calculators": measured}


def test_a_peer_that_is_not_installed_is_named(found: dict[str, Any]) -> None:
    assert found["calculators"]["not_installed"] == ["absent"]
    assert [tool["name"] for tool in found["calculators"]["tools"]] == ["decibill", "other"]


def test_our_own_answers_are_exact_in_every_way(found: dict[str, Any]) -> None:
    stages = [
        stage
        for payload in found["calculators"]["payloads"]
        for stage in payload["tools"]["decibill"].values()
    ]

    assert len(stages) == 18
    assert {stage["answer"]["verdict"] for stage in stages} == {"exact"}


def test_the_page_says_what_is_wrong_and_what_cannot_be_priced(found: dict[str, Any]) -> None:
    text = page(found)

    assert "wrong: 0.25, 34.5 times the right 0.0072468" in text
    assert "none: reads no bytes" in text
    assert "2 processors of an Example, 8 GiB, Linux" in text


def test_the_short_table_marks_a_wrong_answer(found: dict[str, Any]) -> None:
    head, _, chat, *_ = summary(found).splitlines()

    assert head == "|  | `json.loads` | decibill 0.1.0 | other 1.0 |"
    assert chat.startswith("| audio chat | ")
    assert chat.endswith(" x **wrong** / none |")
    assert chat.count("**wrong**") == 1


def test_a_log_is_rated_to_the_sum_by_hand() -> None:
    found = bulk.measured(lines=20, rounds=1)

    assert [(log["of"], log["lines"], log["exact"]) for log in found["logs"]] == [
        ("usage records", 20, True),
        ("exchanges", 10, True),
    ]
    assert found["logs"][0]["right_total"] == "0.098996336"


def test_a_log_with_another_total_is_not_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [replace(payload, expected=payload.expected * 2) for payload in mixed()]
    monkeypatch.setattr(bulk, "mixed", lambda: wrong)

    found = bulk.measured(lines=5, rounds=1)

    assert not any(log["exact"] for log in found["logs"])


def test_a_run_says_its_own_time_beside_the_gateways() -> None:
    found = suite.measured(rounds=1, only="azure/transcription-founding-report")

    assert found["runs"][0]["jobs"] == 1
    assert all(run["cases"] > 0 and run["overhead_ms"] > 0 < run["gateway_ms"] for run in found["runs"])


def test_the_light_bench_runs_and_writes_page_and_figures(tmp_path: Path) -> None:
    parts = ["--only", "calculators", "--only", "starts"]

    assert main(["--light", *parts, "--out", str(tmp_path)]) == 0

    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert {"calculators", "starts", "machine", "date", "load"} <= results.keys()
    assert (tmp_path / "README.md").read_text(encoding="utf-8").startswith("# How fast")


PUBLISHED = Path(__file__).parents[1] / "reports" / "bench"


def test_the_published_page_says_what_was_measured() -> None:
    results = json.loads((PUBLISHED / "results.json").read_text(encoding="utf-8"))

    assert (PUBLISHED / "README.md").read_text(encoding="utf-8") == page(results)


def test_the_readme_has_the_published_table() -> None:
    results = json.loads((PUBLISHED / "results.json").read_text(encoding="utf-8"))
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

    assert summary(results) in readme
