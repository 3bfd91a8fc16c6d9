"""A verdict from a file: recorded answers and records are judged as those of a run would be."""

from __future__ import annotations

import base64
import copy
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from decibill import cli as command_line
from decibill import engine, jsonio, schemas
from decibill._data import data_directory
from decibill.case import ExchangeCase
from decibill.cases import load_cases
from decibill.check import check_text
from decibill.engine import RunOptions
from decibill.errors import DecibillError, InvalidFileError
from decibill.observations import Replay
from decibill.observations_read import Recorded, parse
from decibill.outcome import CheckResult, Outcome
from decibill.plan import plan
from decibill.report.model import Report
from decibill.report.text import render_text
from tests.scene import UNSET, case, changed, unpriced
from tests.story import SPECIFICATION

RIGHT = "0.0085276"
FOUNDING = "azure/transcription-founding-report"

FILE: dict[str, Any] = {
    "gateway": {"id": "tiny", "name": "Tiny gateway", "version": "1.0", "dialects": ["openai"]},
    "providers": ["openai"],
    "features": {"operations": ["transcription"], "price_scope": "alias"},
    "prices": {"how": "book"},
    "observe": [
        {
            "id": "function",
            "from": "stated",
            "cost": {},
            "usage": ["audio_input_tokens", "text_output_tokens"],
        }
    ],
    "instances": [
        {
            "case": "openai/tokens",
            "calls": [
                {
                    "stated": {
                        "function": {
                            "cost": RIGHT,
                            "usage": {"audio_input_tokens": 784, "text_output_tokens": 235},
                        }
                    }
                }
            ],
        }
    ],
}
"""A unit test's own record of the token case, all right."""

CALL = "/instances/0/calls/0"
STATED = f"{CALL}/stated/function"


def recorded(*cases: ExchangeCase, **changes: Any) -> Recorded:
    """Return the file, changed at pointers, as it is read from JSON."""
    text = json.dumps(changed(FILE, changes))
    return parse(jsonio.loads(text, "o.json"), "o.json", cases or (case(),))


def judged(*cases: ExchangeCase, **changes: Any) -> Report:
    """Return the report on the file."""
    known = cases or (case(),)
    read = recorded(*known, **changes)
    options = RunOptions(specification=SPECIFICATION, gateway_option="--observations o.json")
    return engine.run(read.declaration, known, options, driver=Replay(read))


def check(report: Report, name: str) -> CheckResult:
    """Return one check of the first case."""
    return next(each for each in report.cases[0].checks if each.check == name)


def outcomes(report: Report) -> dict[str, Outcome]:
    """Return the outcome of every check of the first case."""
    return {each.check: each.outcome for each in report.cases[0].checks}


# What a test of a cost function writes down


def test_right_statements_pass() -> None:
    report = judged()

    assert outcomes(report)["cost"] is Outcome.PASS
    assert outcomes(report)["ledger.audio_input_tokens"] is Outcome.PASS
    assert report.verdict.word == "conformant"
    assert report.notes == ("nothing was sent: the answers and records were written down by someone else",)


def test_a_wrong_cost_fails_where_it_is_stated() -> None:
    found = check(judged(**{f"{STATED}/cost": "0.0052348"}), "cost")

    assert found.outcome is Outcome.FAIL
    assert found.where == "/cost of what function states"
    assert found.because


@pytest.mark.parametrize(
    ("cost", "outcome"),
    [(None, Outcome.PASS), (0, Outcome.FAIL), ("0.002726", Outcome.FAIL)],
    ids=["null", "zero", "another number"],
)
def test_null_is_unknown_and_zero_is_zero(cost: object, outcome: Outcome) -> None:
    of = unpriced("unmetered")
    report = judged(of, **{f"{STATED}/cost": cost})

    assert check(report, "silent_zero" if cost == 0 else "cost").outcome is outcome


def test_what_is_left_out_is_not_stated() -> None:
    report = judged(**{f"{STATED}/cost": UNSET, f"{STATED}/usage": {"audio_input_tokens": 784}})

    assert check(report, "cost").outcome is Outcome.NOT_TESTABLE
    assert check(report, "ledger.text_output_tokens").outcome is Outcome.FAIL


def test_a_call_that_the_source_says_nothing_of_states_nothing() -> None:
    report = judged(**{f"{CALL}/stated": UNSET, CALL + "/attempts": 1})

    assert check(report, "cost").outcome is Outcome.NOT_TESTABLE


@pytest.mark.parametrize(
    ("cost", "changes", "outcome"),
    [
        ("852.76", {"per_usd": 100000}, Outcome.PASS),
        ("852.7", {"per_usd": 100000}, Outcome.FAIL),
        ("0.00853", {"tolerance": {"resolution": "1e-5"}}, Outcome.PASS),
        (0.008527600000000001, {}, Outcome.PASS),
        ("0.0085276001", {}, Outcome.FAIL),
    ],
    ids=["other unit", "wrong in it", "stored in steps", "float residue", "text is exact"],
)
def test_unit_and_exactness_are_those_of_the_source(
    cost: object, changes: Mapping[str, Any], outcome: Outcome
) -> None:
    report = judged(**{f"{STATED}/cost": cost, "/observe/0/cost": changes})

    assert check(report, "cost").outcome is outcome


def test_marks_and_status_count_as_they_do_in_a_run() -> None:
    of = unpriced("partial", lines=1, **{"/then/proves/AUB-GWY-3e04": ["status"]})
    stated = {"cost": "0.002726", "status": "partial"}
    features = {"/features/charge_status": True}

    unmarked = judged(of, **{STATED: {**stated, "status": "priced"}, **features})
    marked = judged(of, **{STATED: {**stated, "incomplete": True}, **features})

    assert check(unmarked, "cost").outcome is Outcome.FAIL
    assert (check(marked, "cost").outcome, check(marked, "status").outcome) == (Outcome.PASS, Outcome.PASS)


def test_estimates_are_marked() -> None:
    of = unpriced("unmetered")
    marked = judged(of, **{STATED: {"cost": "0.01", "estimate": True}, "/features/estimate_mark": True})

    assert check(marked, "cost").outcome is Outcome.PASS


def test_a_source_is_asked_only_about_its_calls() -> None:
    report = judged(**{"/observe/0/only": {"stream": True}})

    assert check(report, "cost").outcome is Outcome.NOT_DECLARED


# Recorded answers and records

BODY = {"text": "hello", "usage": {"input_tokens": 784, "output_tokens": 235}}
SOURCES = [
    {"id": "header", "from": "header", "cost": {"name": "X-Cost"}},
    {
        "id": "log",
        "from": "poll",
        "get": "/log",
        "rows": "/data",
        "identity": ["/id"],
        "cost": {"pointer": "/c"},
    },
    {"id": "body", "from": "body", "usage": "dialect"},
]


def answered(answer: Mapping[str, Any], records: list[Any] | None = None, **changes: Any) -> Report:
    """Return the report where the file holds an answer and records of the ledger ``log``."""
    call = {"answer": answer, "records": {"log": [{"id": 1, "c": RIGHT}] if records is None else records}}
    return judged(**{"/observe": SOURCES, CALL: call, **changes})


def test_headers_bodies_and_records_are_read_as_in_a_run() -> None:
    report = answered({"status": 200, "headers": {"x-COST": "0.0085"}, "json": BODY})

    assert check(report, "cost").got == "0.0085"
    assert check(report, "cost").where == "header x-cost"
    assert outcomes(report)["once"] is Outcome.PASS


def test_a_record_too_many_is_a_second_charge() -> None:
    twice = [{"id": 1, "c": RIGHT}, {"id": 2, "c": RIGHT}]
    same = [{"id": 1, "c": RIGHT}, {"id": 1, "c": RIGHT}]

    assert check(answered({}, twice), "once").outcome is Outcome.FAIL
    assert check(answered({}, same), "once").outcome is Outcome.PASS
    assert check(answered({}, []), "once").outcome is not Outcome.PASS


def test_the_place_of_a_record_is_named() -> None:
    found = check(answered({}, [{"id": 1, "c": "0.1"}]), "cost")

    assert found.where == "/c of record 1 of log"


def test_a_database_row_is_a_record_too() -> None:
    database = {"id": "log", "from": "sqlite", "file": "x.db", "query": "select 1", "identity": ["/id"]}
    report = answered({}, [{"id": 1, "c": "0.1"}], **{"/observe/1": {**database, "cost": {"pointer": "/c"}}})

    assert check(report, "cost").got == "0.1"


STREAM = 'data: {"type": "transcript.text.done", "usage": {"cost": "0.1"}}\n\n'


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        ({"json": {"usage": {"cost": "0.1"}}}, "0.1"),
        ({"sse": STREAM}, "0.1"),
        ({"text": '{"usage": {"cost": "0.1"}}'}, None),
        ({"text": '{"usage": {"cost": "0.1"}}', "headers": {"content-type": "application/json"}}, "0.1"),
        ({"base64": base64.b64encode(b"RIFF").decode()}, None),
    ],
    ids=["json", "sse", "text", "text of another type", "base64"],
)
def test_a_body_is_what_it_is_said_to_be(answer: Mapping[str, Any], got: str | None) -> None:
    report = answered(
        answer, **{"/observe/0": {"id": "b", "from": "body", "cost": {"pointer": "/usage/cost"}}}
    )

    assert check(report, "cost").got == (got or RIGHT), "where the body says nothing, the log decides"


def test_an_error_of_the_gateway_is_what_went_wrong() -> None:
    refused = answered({"status": 503, "text": "overloaded"}, [])
    silent = answered({"error": "the connection was reset"}, [])

    assert "answered 503 where the upstream answered 200" in check(refused, "cost").because
    assert "no answer (the connection was reset)" in check(silent, "cost").because


# Attempts


def test_the_provider_is_taken_to_have_been_asked_as_the_case_plans() -> None:
    assert check(judged(), "once").outcome is Outcome.NOT_DECLARED
    assert {row.outcome for row in judged(**{f"{CALL}/attempts": 1}).cases} == {Outcome.PASS}


def test_a_provider_that_was_never_asked_is_an_error() -> None:
    found = check(judged(**{f"{CALL}/attempts": 0}), "cost")

    assert found.outcome is Outcome.ERROR
    assert "never called the upstream" in found.because


def test_a_request_that_the_case_has_no_recording_for_is_named() -> None:
    answers = "/given/upstream/0/answers/0"
    of = case(**{f"{answers}/if": {"/form/response_format": "json"}})
    request = {"path": "/audio/transcriptions", "form": {"response_format": "srt"}}

    other = check(judged(of, **{f"{CALL}/attempts": [request]}), "cost")
    same = judged(of, **{f"{CALL}/attempts": [changed(request, {"/form/response_format": "json"})]})

    assert other.outcome is Outcome.NOT_TESTABLE
    assert "/form/response_format is 'srt'" in other.because
    assert outcomes(same)["cost"] is Outcome.PASS


def test_what_a_request_holds_of_secrets_is_not_reported() -> None:
    headers = {"Authorization": "Bearer sk-real"}
    request = {"path": "/audio/transcriptions", "headers": headers, "json": {"model": "x"}}
    report = judged(**{f"{CALL}/attempts": [request], f"{STATED}/cost": "1"})

    assert report.cases[0].outcome is Outcome.FAIL
    assert "sk-real" not in str(report)


def test_attempts_of_a_call_take_the_steps_in_turn() -> None:
    steps = case().document["given"]["upstream"]
    of = case(**{"/given/upstream": [*steps, *copy.deepcopy(steps)]})

    once = check(judged(of, **{f"{CALL}/attempts": 1}), "cost")
    assert once.outcome is Outcome.NOT_TESTABLE
    assert "did not try again" in once.because
    for attempts in (2, 3, [{"path": "/audio/transcriptions"}] * 2):
        assert outcomes(judged(of, **{f"{CALL}/attempts": attempts}))["cost"] is Outcome.PASS
    assert outcomes(judged(of))["cost"] is Outcome.PASS


# What is there and what is not


def test_each_call_of_a_client_that_makes_several_is_judged_by_its_own_answer() -> None:
    of = next(each for each in load_cases() if each.id == "gateway/eight-uploads-at-once")
    assert isinstance(of, ExchangeCase)
    charges = [of.of_call(number).charge for number in range(8)]
    costs = [str(charge.total) for charge in charges if charge]
    file = {
        "/observe/0/usage": UNSET,
        "/instances/0/case": of.id,
        "/instances/0/calls": [{"stated": {"function": {"cost": cost}}} for cost in costs],
    }

    mixed = {**file, "/instances/0/calls/2": {"stated": {"function": {"cost": costs[3]}}}}

    assert check(judged(of, **file), "cost").outcome is Outcome.PASS
    assert check(judged(of, **mixed), "cost").outcome is Outcome.FAIL


def test_a_call_that_the_cache_answers_takes_no_attempt() -> None:
    of = next(each for each in load_cases() if each.id == "gateway/cached-speech")
    assert isinstance(of, ExchangeCase)
    file = {
        "/features": {"operations": ["speech"], "price_scope": "alias", "extra": ["gateway.cache"]},
        "/observe/0/usage": UNSET,
        "/instances/0/case": of.id,
        "/instances/0/calls": [{"stated": {"function": {"cost": cost}}} for cost in ("0.0003784", "0")],
    }

    assert check(judged(of, **file), "cost").outcome is Outcome.PASS


def test_a_case_without_an_observation_is_not_testable_and_named() -> None:
    here, absent = case(), case(**{"/id": "openai/other"})
    report = judged(here, absent)
    row = next(row for row in report.cases if row.id == "openai/other")

    assert row.outcome is Outcome.NOT_TESTABLE
    assert {each.because for each in row.checks} == {"o.json holds no observation of it"}
    assert report.verdict.word == "inconclusive"
    assert report.notes[1] == (
        "openai/other is not in o.json, and so not testable; choose what is there with --only or --feature"
    )


def test_of_many_cases_without_an_observation_some_are_named() -> None:
    report = judged(case(), *(case(**{"/id": f"openai/other-{number}"}) for number in range(5)))

    assert "openai/other-0, openai/other-1, openai/other-2 and 2 more are not in o.json" in report.notes[1]


def test_an_observation_of_what_is_not_declared_is_set_aside_and_said() -> None:
    exchange = "/given/upstream/0/answers/0/exchange"
    spoken = case(**{"/id": "openai/other", f"{exchange}/operation": "translation"})
    first = FILE["instances"][0]
    report = judged(case(), spoken, **{"/instances": [first, {**first, "case": spoken.id}]})

    assert {row.id: row.outcome for row in report.cases}["openai/other"] is Outcome.NOT_DECLARED
    assert report.notes[-1] == (
        "what o.json holds of openai/other was not judged: not declared, it needs the operation translation"
    )


def test_an_observation_of_a_case_that_was_not_chosen_is_left_out() -> None:
    read = recorded(case(), case(**{"/id": "openai/other"}))
    options = RunOptions(specification=SPECIFICATION)
    report = engine.run(read.declaration, [case(**{"/id": "openai/other"})], options, driver=Replay(read))

    assert [row.id for row in report.cases] == ["openai/other"]


def both_dialects() -> ExchangeCase:
    """Return the token case, called in two dialects."""
    return case(**{"/when/azure": case().document["when"]["openai"]})


def test_a_case_of_several_dialects_is_observed_in_each() -> None:
    changes = {"/gateway/dialects": ["azure", "openai"], "/instances/0/dialect": "azure"}
    report = judged(both_dialects(), **changes)

    assert {row.id: row.outcome for row in report.cases} == {
        "openai/tokens[azure]": Outcome.PASS,
        "openai/tokens[openai]": Outcome.NOT_TESTABLE,
    }


def test_a_case_of_several_dialects_must_say_which() -> None:
    with pytest.raises(InvalidFileError, match="must say which dialect it is of: azure or openai") as refusal:
        judged(both_dialects(), **{"/gateway/dialects": ["azure", "openai"]})
    assert refusal.value.pointer == "/instances/0/dialect"


def test_an_instance_stands_once() -> None:
    twice = [FILE["instances"][0], FILE["instances"][0]]
    with pytest.raises(InvalidFileError, match="openai/tokens stands at /instances/0 already") as refusal:
        judged(**{"/instances": twice})
    assert refusal.value.pointer == "/instances/1"


@pytest.mark.parametrize(
    ("changes", "pointer", "problem"),
    [
        ({"/gateway/dialects": []}, "/gateway/dialects", "must not be empty"),
        ({"/gateway/url": "http://x"}, "/gateway/url", "unknown member"),
        ({"/features": UNSET}, "/", "lacks the member .features"),
        ({"/features/operations": ["song"]}, "/features/operations/0", "is not known|must be one of"),
        ({"/features/stream": ["chat"]}, "/features/stream", "names an operation that is not declared"),
        ({"/prices": UNSET}, "/features/price_scope", "needs .prices."),
        ({"/observe": []}, "/observe", "must not be empty"),
        ({"/observe/0/cost/pointer": "/x"}, "/observe/0/cost/pointer", "unknown member"),
        ({"/observe/0/usage": ["audio_tokens"]}, "/observe/0/usage/0", "audio_tokens"),
        ({"/observe/0": {"id": "a", "from": "stated"}}, "/observe/0", "at least one of cost, usage"),
        ({"/observe/0": {"id": "a", "from": "poll", "cost": {"pointer": "/c"}}}, "/observe/0", "get"),
        (
            {"/observe/0": {"id": "m", "from": "metrics", "get": "/metrics", "cost": {"name": "c"}}},
            "/observe/0/from",
            "the change of a metric cannot be written down",
        ),
        ({"/instances/0/case": "openai/token"}, "/instances/0/case", "did you mean openai/tokens"),
        ({"/instances/0/case": "pricing/x"}, "/instances/0/case", "a case for calculators"),
        ({"/instances/0/dialect": "azure"}, "/instances/0/dialect", "none of the dialects"),
        ({"/instances/0/calls": []}, "/instances/0/calls", "must not be empty"),
        ({"/instances/0/calls": [{}, {}]}, "/instances/0/calls", "the case makes 1 call, and 2 stand"),
        ({f"{CALL}/stated/func": {}}, f"{CALL}/stated/func", "did you mean function"),
        ({f"{CALL}/records": {"function": []}}, f"{CALL}/records/function", "no source of records"),
        ({f"{STATED}/cost": True}, f"{STATED}/cost", "must be"),
        ({f"{STATED}/usage/audio": 1}, f"{STATED}/usage/audio", "audio"),
        ({f"{CALL}/answer": {"json": 1, "text": ""}}, f"{CALL}/answer", "json and text side by side"),
        ({f"{CALL}/answer": {"base64": "no"}}, f"{CALL}/answer/base64", "is not base64"),
        ({f"{CALL}/answer": {"base64": "\u00e9"}}, f"{CALL}/answer/base64", "is not base64"),
        ({f"{CALL}/attempts": -1}, f"{CALL}/attempts", "must not be negative"),
        ({f"{CALL}/attempts": [{}]}, f"{CALL}/attempts/0", "lacks the member .path"),
    ],
)
def test_a_wrong_file_is_refused_at_the_place(changes: Any, pointer: str, problem: str) -> None:
    price = next(each for each in load_cases() if each.id.startswith("pricing/"))
    with pytest.raises(InvalidFileError, match=problem) as refusal:
        parse(changed(FILE, changes), "o.json", [case(), replace(price, id="pricing/x")])
    assert refusal.value.pointer == pointer
    assert refusal.value.file == "o.json"


# The command


def founding() -> dict[str, Any]:
    """Return a file with the founding report's case, billed right."""
    usage = {"input_tokens": 784, "audio_input_tokens": 784, "output_tokens": 235, "text_output_tokens": 235}
    return {
        **copy.deepcopy(FILE),
        "gateway": {**FILE["gateway"], "dialects": ["azure"]},
        "providers": ["azure"],
        "instances": [
            {"case": FOUNDING, "calls": [{"stated": {"function": {"cost": "0.003527", "usage": usage}}}]}
        ],
    }


def command(*arguments: str, text: str | None = None) -> Result:
    """Return what ``decibill run`` does."""
    return CliRunner().invoke(command_line.cli, ["run", *arguments], input=text, standalone_mode=False)


def test_the_command_judges_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("o.json").write_text(json.dumps(founding()))
    done = command("--observations", "o.json", "--only", FOUNDING, "--out", "out")

    assert (done.return_value, done.exception) == (0, None), done.output
    assert "gateway        Tiny gateway 1.0 (recorded in o.json)" in done.stdout
    assert "started here" not in done.stdout
    assert jsonio.load_file(Path("out/report.json"))["verdict"]["word"] == "conformant"


def test_the_command_reads_standard_input(tmp_path: Path) -> None:
    wrong = founding()
    wrong["instances"][0]["calls"][0]["stated"]["function"]["cost"] = "0"
    out = ("--only", FOUNDING, "--out", str(tmp_path))
    done = command("--observations", "-", *out, text=json.dumps(wrong))

    assert done.return_value == 1
    assert "/cost of what function states" in done.stdout
    assert f"decibill run --observations - --only {FOUNDING} -v\n" in done.stdout


def test_a_baseline_applies(tmp_path: Path) -> None:
    wrong = founding()
    wrong["instances"][0]["calls"][0]["stated"]["function"]["cost"] = "0"
    file, baseline = tmp_path / "o.json", tmp_path / "known.json"
    file.write_text(json.dumps(wrong))
    target = ("--observations", str(file), "--only", FOUNDING, "--out", str(tmp_path / "out"))
    command(*target, "--baseline", str(baseline), "--update-baseline")
    text = (
        baseline.read_text()
        .replace("TODO reason", "It is lost.")
        .replace("TODO link", "https://example.org/1")
    )
    baseline.write_text(text)

    assert command(*target, "--baseline", str(baseline)).return_value == 0


@pytest.mark.parametrize("other", [("--gateway", "ferrogw"), ("--url", "http://127.0.0.1:9"), ("--start",)])
def test_a_file_and_a_gateway_contradict_each_other(other: tuple[str, ...]) -> None:
    done = command("--observations", "o.json", *other)

    assert isinstance(done.exception, DecibillError)
    assert f"--observations and {other[0]} contradict each other" in str(done.exception)


def test_a_file_that_is_not_there_is_named() -> None:
    done = command("--observations", "not-there.json")

    assert str(done.exception).startswith("not-there.json: cannot be read")


def test_a_dry_run_says_what_would_be_judged(tmp_path: Path) -> None:
    done = command("--observations", "-", "--only", FOUNDING, "--dry-run", text=json.dumps(founding()))

    assert done.stdout.startswith(FOUNDING)


def test_the_file_can_be_checked_by_itself() -> None:
    good = check_text(json.dumps(founding()).encode(), "o.json")
    bad = founding()
    bad["instances"][0]["case"] = "azure/transcription-founding"

    assert good.lines() == ["o.json: valid file of observations"]
    assert "/instances/0/case" in check_text(json.dumps(bad).encode(), "o.json").lines()[0]


def test_what_is_planned_is_rendered_without_a_call() -> None:
    text = render_text(judged())

    assert "by hand" not in text
    assert plan(recorded().declaration, [case()]).instances[0].id == "openai/tokens"


# The page that describes the file

PAGE = Path(__file__).parents[1] / "OBSERVATIONS.md"


def page_example(name: str) -> str:
    """Return the block of the page that a reader saves under a name."""
    _, _, after = PAGE.read_text("utf-8").partition(f"<!-- file: {name} -->\n")
    return after.partition("\n")[2].partition("```")[0]


@pytest.mark.parametrize("name", ["acme.json", "hosted.json"])
def test_examples_of_the_page_are_what_it_says(name: str, tmp_path: Path) -> None:
    document = jsonio.loads(page_example(name), name)
    read = parse(document, name, load_cases())
    only = tuple(each.case for each in read.instances)
    report = engine.run(
        read.declaration, [case for case in load_cases() if case.id in only], driver=Replay(read)
    )

    assert report.verdict.word == "conformant"


def test_members_of_a_call_are_all_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    definitions = schemas.schema("observations")["$defs"]
    named = {
        name
        for kind in ("call", "answer", "statements", "instance")
        for name in definitions[kind]["properties"]
    }

    assert {name for name in named if f"`{name}`" not in text and f'"{name}"' not in text} == set()


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_javascript_of_the_page_writes_a_file_that_is_judged(tmp_path: Path) -> None:
    (tmp_path / "cost.test.mjs").write_text(page_example("cost.test.mjs"))
    node = shutil.which("node") or ""
    subprocess.run([node, "cost.test.mjs", str(data_directory("fixtures"))], cwd=tmp_path, check=True)
    read = parse(jsonio.load_file(tmp_path / "observations.json"), "observations.json", load_cases())
    report = engine.run(read.declaration, load_cases(), driver=Replay(read))
    rows = {row.id: row for row in report.cases if row.outcome is not Outcome.NOT_DECLARED}

    assert {row.outcome for row in rows.values()} == {Outcome.PASS, Outcome.FAIL}, "all of them were observed"
    assert rows["openai/transcription-whisper-json"].outcome is Outcome.PASS
    assert rows["openai/transcription-4o-json"].outcome is Outcome.FAIL
