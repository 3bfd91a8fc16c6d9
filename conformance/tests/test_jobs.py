"""How many cases are in flight at once changes how long a run takes, and nothing that it finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from decibill.cases import load_cases, select_cases
from decibill.declaration import Declaration
from decibill.declaration_read import load, parse
from decibill.drive import DriveOptions
from decibill.engine import RunOptions, run
from decibill.process import free_port
from decibill.report.json import to_json
from decibill.report.model import Report
from tests.driven import only, variant
from tests.driven import run as drive
from tests.wrongs import CASES, COSTS, Wrong, declared

CHOSEN = select_cases(load_cases(), only=CASES)


def found(
    declaration: Declaration, options: DriveOptions, cases: Any = CHOSEN
) -> tuple[Report, dict[str, Any]]:
    """Return the report, and what of its JSON is no clock's."""
    report = run(declaration, cases, RunOptions(drive=options))
    document = to_json(report)
    return report, {name: document[name] for name in document if name not in {"started", "timing"}}


def wrong_for_streams(model: str) -> str | None:
    """Return the right cost, but for streams and the cached call: three kinds of mistakes."""
    if model.endswith("stream-cached-with-split"):
        return "0"
    if model.endswith("mini-stream"):
        return None
    return "0.5" if model.endswith("cached-with-split") else COSTS[model]


@pytest.mark.parametrize("select", ["path", "key"])
def test_a_gateway_that_passes_a_path_or_a_key_on_gets_the_same_report_with_many_jobs(select: str) -> None:
    port = free_port()
    data = declared()
    base = f"http://127.0.0.1:{port}"
    if select == "key":
        upstream = {"openai": "{upstream}/v1"}
        data["upstream"] = {"how": "manual", "select": "key", "base": upstream, "key": "key-{case.token}"}
    else:
        base += "/c/{model}"
    with Wrong(f"{base}/v1", cost=wrong_for_streams) as gateway:
        data["gateway"]["url"] = gateway.url
        declaration = parse(data, "mini.toml")
        one = DriveOptions(upstream_port=port, timeout_s=10)
        report, alone = found(declaration, one)
        _, together = found(declaration, replace(one, jobs=8))
    assert report.timing is not None
    assert {row.outcome for row in report.cases} >= {"pass", "fail"}
    assert together == alone


def test_the_reference_gateway_with_a_defect_gets_the_same_outcomes_with_many_jobs() -> None:
    cases = select_cases(load_cases(), only=["openai/transcription-4o-*", "azure/transcription-*"])
    options = DriveOptions(start=True, start_arguments=("--defect", "audio-at-text-rate"))
    alone, _ = found(load("reference"), options, cases)
    together, _ = found(load("reference"), replace(options, jobs=8), cases)
    assert {row.outcome for row in alone.cases} >= {"pass", "fail"}
    assert [(row.id, row.outcome, row.checks) for row in together.cases] == [
        (row.id, row.outcome, row.checks) for row in alone.cases
    ]
    assert (together.verdict, together.requirements) == (alone.verdict, alone.requirements)
    assert alone.timing is not None
    assert together.timing is not None
    assert (alone.timing.at_once, together.timing.at_once) == (1, 8)


def test_what_only_its_order_tells_apart_is_sent_one_after_another_and_that_is_said() -> None:
    data = declared()
    base = {"openai": "{upstream}/v1"}
    data["upstream"] = {"how": "manual", "select": "armed", "base": base, "key": "any"}
    options = DriveOptions(timeout_s=3, jobs=4)
    driven, _ = drive([variant("one"), variant("two")], data, options)
    assert driven.at_once == 1
    (note,) = [note for note in driven.notes if "at once" in note]
    assert note.startswith("its cases were sent one after another and not 4 at once: only their order tells")
    driven, _ = drive([variant("one")], data, replace(options, jobs=1))
    assert not [note for note in driven.notes if "at once" in note]


@pytest.mark.parametrize("client", ["read_all", {"repeat": 2}], ids=["one call", "two calls"])
def test_the_time_of_a_case_is_decibills_or_the_gateways(client: Any) -> None:
    driven, _ = drive([variant("slow", client)], answer_delay_s=0.2)
    spent = only(driven).spent
    assert spent is not None
    assert spent.gateway >= 0.2  # the miniature slept so long at least
    assert spent.overhead > 0


@pytest.mark.parametrize("client", [{"parallel": 2}, {"disconnect_after": 10}], ids=["at once", "leaves"])
def test_calls_whose_sides_wait_for_each_other_are_not_timed(client: Any) -> None:
    driven, _ = drive([variant("waits", client)])
    assert only(driven).spent is None


def test_a_call_without_its_answer_is_not_timed() -> None:
    options = DriveOptions(timeout_s=0.3, preflight=False)
    driven, _ = drive([variant("hangs")], options=options, answer_delay_s=1.0)
    assert only(driven).deliveries[0].cut == "time"
    assert only(driven).spent is None
