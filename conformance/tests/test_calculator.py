"""``decibill run --calculator``: what a program is asked, and what is made of its answers."""

from __future__ import annotations

import copy
import json
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from decibill import jsonio, schemas
from decibill._data import data_directory
from decibill.baseline import Baseline, KnownFailure
from decibill.calculator import questions
from decibill.calculator_answer import read_answers
from decibill.calculator_process import Limits, ask
from decibill.calculators import CalculatorOptions, calculator_id, run_calculator, split_command
from decibill.case import Case, ExchangeCase
from decibill.cases import load_cases, select_cases
from decibill.errors import HarnessError, UsageError
from decibill.judge_records import differences
from decibill.outcome import Outcome
from decibill.report.json import to_json
from decibill.report.junit import render_junit
from decibill.report.model import Report
from decibill.report.text import render_text

CASES = load_cases()
FOUNDING = "azure/transcription-founding-report"
PRICING = "pricing/amount-keeps-its-digits"
ROOT = Path(__file__).resolve().parents[2]

Change = Callable[[dict[str, Any]], object]


def chosen(*names: str) -> tuple[Case, ...]:
    return select_cases(CASES, only=names)


def right(case: Case) -> list[dict[str, Any]]:
    """Return the right answers to a case, taken from the case itself."""
    then = copy.deepcopy(cast("dict[str, Any]", case.document["then"]))
    answers: list[dict[str, Any]] = [
        {key: then[key] for key in ("usage", "charge", "refund", "error") if key in then}
    ]
    answers += [other for other in then.get("others", ()) if "usage" in other]
    names = [question.id for question in questions([case])]
    return [{"id": name, **answer} for name, answer in zip(names, answers, strict=True)]


def program(folder: Path, answers: Sequence[object]) -> list[str]:
    """Return the command of a calculator that knows its answers by heart."""
    file = folder / "by-heart.py"
    said = folder / "answers.jsonl"
    said.write_text("".join(f"{json.dumps(each)}\n" for each in answers), "utf-8")
    file.write_text(
        f"import sys\nsys.stdin.buffer.read()\nsys.stdout.write(open({str(said)!r}).read())\n", "utf-8"
    )
    return [sys.executable, str(file)]


def judged(
    folder: Path, *names: str, change: Change | None = None, baseline: Baseline | None = None
) -> Report:
    """Return the report on a calculator that answers cases rightly, but for what *change* does."""
    cases = chosen(*names)
    answers = [answer for case in cases for answer in right(case)]
    for answer in answers:
        if change is not None:
            change(answer)
    argv = program(folder, answers)
    return run_calculator(argv, cases, CalculatorOptions(command="mine", baseline=baseline))


def outcomes(report: Report) -> dict[str, Outcome]:
    return {check.check: check.outcome for row in report.cases for check in row.checks}


def because(report: Report, name: str) -> str:
    return next(check.because for row in report.cases for check in row.checks if check.check == name)


class TestQuestions:
    """A line is a document of ours that needs no folder."""

    def test_every_line_fits_its_schema(self) -> None:
        for question in questions(CASES):
            assert "\n" not in question.line
            document = jsonio.loads(question.line, question.id)
            assert list(schemas.faults("calculator-question", document)) == [], question.id

    def test_files_are_put_in_with_the_digits_that_they_have(self) -> None:
        (question,) = questions(chosen(FOUNDING))
        response = json.loads(question.line)["exchange"]["response"]
        assert "json_file" not in response
        assert response["json"]["usage"]["input_token_details"]["audio_tokens"] == 784

    def test_json_that_a_reader_may_refuse_stays_a_file(self) -> None:
        kept = [q for q in questions(CASES) if '"json_file"' in q.line or '"prices_file"' in q.line]
        assert kept
        for question in kept:
            for member in ("json_file", "prices_file"):
                if f'"{member}": "' in question.line:
                    name = question.line.split(f'"{member}": "')[1].split('"')[0]
                    assert (data_directory("fixtures") / name).is_file()

    def test_calls_that_differ_have_lines_of_their_own(self) -> None:
        several = [case for case in CASES if isinstance(case, ExchangeCase) and case.others]
        asked = questions(several)
        assert len(asked) > len(several)
        assert any(question.id.endswith("#2") for question in asked)

    def test_a_price_is_asked_for_at_the_instant_of_the_case(self) -> None:
        dated = [q for q in questions(CASES) if "usage" in (line := json.loads(q.line)) and "at" in line]
        assert dated


class TestRight:
    """What a case says is right passes, whatever kind of case it is."""

    def test_all_right_answers_are_conformant(self, tmp_path: Path) -> None:
        report = judged(tmp_path, "*")
        assert report.verdict.word == "conformant"
        assert {row.outcome for row in report.cases} == {Outcome.PASS}
        assert report.verdict.scope == "usage and cost"

    def test_requirements_that_only_records_show_are_decided(self, tmp_path: Path) -> None:
        report = judged(tmp_path, "pricing/*")
        proven = {name for case in chosen("pricing/*") for name in case.requirements}
        assert {row.id for row in report.requirements if row.outcome is Outcome.PASS} == proven

    def test_what_only_a_gateway_shows_says_so(self, tmp_path: Path) -> None:
        report = judged(tmp_path, "*")
        reasons = {row.reason for row in report.requirements if row.outcome is Outcome.NOT_DECLARED}
        assert "only a gateway shows it" in reasons

    def test_unknown_members_are_ignored_and_sets_have_no_order(self, tmp_path: Path) -> None:
        def more(answer: dict[str, Any]) -> None:
            answer["note"] = "mine"
            answer["charge"]["lines"].reverse()
            answer["charge"]["cents"] = 4
            answer["usage"]["trace"] = "7f"

        assert judged(tmp_path, FOUNDING, change=more).verdict.word == "conformant"

    def test_the_reference_calculator_is_conformant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        folders = [str(ROOT / each) for each in ("conformance", "reference_impl")]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(folders))
        argv = [sys.executable, "-m", "decibill", "calculator"]
        report = run_calculator(argv, CASES, CalculatorOptions(command="decibill calculator"))
        assert report.verdict.word == "conformant"
        assert not [row.id for row in report.cases if row.outcome is not Outcome.PASS]


class TestWrong:
    """Each way to be wrong fails through the check that it is about."""

    def test_a_quantity(self, tmp_path: Path) -> None:
        report = judged(
            tmp_path,
            FOUNDING,
            change=lambda answer: answer["usage"]["quantities"].update(audio_input_tokens=783),
        )
        assert outcomes(report)["usage"] is Outcome.FAIL
        assert "quantities/audio_input_tokens of the usage record is 783 and not 784" in because(
            report, "usage"
        )
        assert report.verdict.exit_code == 1

    @pytest.mark.parametrize("member", ["basis", "unknown", "flags"])
    def test_a_member_that_is_missing(self, tmp_path: Path, member: str) -> None:
        report = judged(tmp_path, FOUNDING, change=lambda answer: answer["usage"].pop(member))
        assert outcomes(report)["usage"] is Outcome.FAIL

    def test_a_member_of_which_absent_means_absent(self, tmp_path: Path) -> None:
        report = judged(tmp_path, FOUNDING, change=lambda answer: answer["usage"].update(features=["x"]))
        assert "features of the usage record" in because(report, "usage")

    def test_a_total_with_the_money_that_it_costs(self, tmp_path: Path) -> None:
        report = judged(tmp_path, FOUNDING, change=lambda answer: answer["charge"].update(total="0.003528"))
        check = next(check for row in report.cases for check in row.checks if check.check == "charge")
        assert (check.outcome, check.cause) == (Outcome.FAIL, "the charge is wrong in total")
        assert check.money is not None
        assert str(check.money.billed) == "0.003528"

    def test_a_number_that_is_not_canonical(self, tmp_path: Path) -> None:
        report = judged(tmp_path, FOUNDING, change=lambda answer: answer["charge"].update(total="0.0035270"))
        assert "not written as chapter 01 says" in because(report, "charge")

    @pytest.mark.parametrize("total", ["NaN", "much", 0.003527, None])
    def test_a_total_that_is_no_amount(self, tmp_path: Path, total: object) -> None:
        report = judged(tmp_path, FOUNDING, change=lambda answer: answer["charge"].update(total=total))
        assert outcomes(report)["charge"] is Outcome.FAIL
        render_text(report)

    def test_a_charge_that_follows_from_wrong_usage_hides_no_price_rule(self, tmp_path: Path) -> None:
        def wrong(answer: dict[str, Any]) -> None:
            answer["usage"]["quantities"]["audio_input_tokens"] = 783
            answer["charge"]["total"] = "0.0035"

        report = judged(tmp_path, FOUNDING, change=wrong)
        hidden = {row.id for row in report.requirements if row.hidden_by}
        assert hidden
        assert all(name.startswith(("AUB-CHG-", "AUB-PRC-", "AUB-GWY-")) for name in hidden)

    def test_a_refusal_where_all_is_well(self, tmp_path: Path) -> None:
        def refuse(answer: dict[str, Any]) -> None:
            if answer["id"] == FOUNDING:
                answer.clear()
                answer.update(id=FOUNDING, error={"code": "malformed_body", "message": "what is that"})

        report = judged(tmp_path, FOUNDING, "azure/chat-*", change=refuse)
        row = next(row for row in report.cases if row.id == FOUNDING)
        assert {check.outcome for check in row.checks} == {Outcome.FAIL}
        assert "malformed_body (what is that)" in row.checks[0].because

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (None, "answers as if all were well"),
            ({"code": "other"}, "for another reason than"),
            ({"pointer": "/elsewhere"}, "to another place than"),
        ],
    )
    def test_a_refusal_that_is_another_or_none(
        self, tmp_path: Path, error: dict[str, str] | None, words: str
    ) -> None:
        refused = next(case for case in CASES if case.error is not None and case.error.pointer)

        def change(answer: dict[str, Any]) -> None:
            if error is None:
                answer.pop("error")
                answer["charge"] = {}
            else:
                answer["error"].update(error)

        report = judged(tmp_path, refused.id, change=change)
        assert outcomes(report)["error"] is Outcome.FAIL
        assert words in because(report, "error")

    def test_one_record_left_out_where_others_have_it(self, tmp_path: Path) -> None:
        def without(answer: dict[str, Any]) -> None:
            if answer["id"] == FOUNDING:
                del answer["usage"]

        report = judged(tmp_path, FOUNDING, "azure/chat-*", change=without)
        row = next(row for row in report.cases if row.id == FOUNDING)
        assert "the answer has no usage record" in row.checks[-1].because

    def test_a_known_failure_is_covered_and_a_stale_one_is_not(self, tmp_path: Path) -> None:
        entry = KnownFailure(FOUNDING, "it counts one token less", "https://example.org/1")
        known = Baseline("known.json", (entry,))
        wrong: Change = lambda answer: answer["charge"].update(total="1")  # noqa: E731 - one change
        assert judged(tmp_path, FOUNDING, change=wrong, baseline=known).verdict.exit_code == 0
        assert judged(tmp_path, FOUNDING, baseline=known).verdict.exit_code == 1


class TestThin:
    """A tool without records is judged by what it states."""

    def sums(self, **stated: object) -> Change:
        def change(answer: dict[str, Any]) -> None:
            name = answer["id"]
            answer.clear()
            answer.update(id=name, **stated)

        return change

    def test_a_right_sum_passes_and_records_are_not_declared(self, tmp_path: Path) -> None:
        report = judged(tmp_path, FOUNDING, change=self.sums(cost="0.003527"))
        found = outcomes(report)
        assert found["cost"] is Outcome.PASS
        assert (found["charge"], found["usage"]) == (Outcome.NOT_DECLARED, Outcome.NOT_DECLARED)
        assert report.verdict.scope == "cost only"

    def test_the_residue_of_binary_fractions_is_forgiven_in_a_number(self, tmp_path: Path) -> None:
        report = judged(tmp_path, FOUNDING, change=self.sums(cost=0.0035270000000000002))
        assert outcomes(report)["cost"] is Outcome.PASS

    def test_a_recognised_mistake_is_named(self, tmp_path: Path) -> None:
        report = judged(tmp_path, FOUNDING, change=self.sums(cost="0.002155"))
        assert outcomes(report)["cost"] is Outcome.FAIL
        assert "text rate" in because(report, "cost")

    def test_quantities_are_judged_one_by_one(self, tmp_path: Path) -> None:
        counts = {"audio_input_tokens": None, "text_input_tokens": "10"}
        spelled = "openai/transcription-details-other-spelling"
        report = judged(tmp_path, spelled, change=self.sums(cost=None, quantities=counts))
        found = outcomes(report)
        assert found["ledger.audio_input_tokens"] is Outcome.FAIL
        assert found["ledger.text_input_tokens"] is Outcome.PASS
        assert report.verdict.scope == "usage and cost"
        assert "in the ledger" not in render_text(report)

    def test_a_sum_shows_nothing_of_how_a_gateway_behaves(self, tmp_path: Path) -> None:
        report = judged(tmp_path, "gateway/*", change=self.sums(cost="1", quantities={"input_tokens": 1}))
        shown = {name for row in report.cases for check in row.checks for name in check.requirements}
        about = {
            name
            for row in report.cases
            for check in row.checks
            if check.check != "silent_zero"
            for name in check.requirements
            if check.check in {"cost", "ledger.input_tokens"}
        }
        assert shown
        assert not {name for name in about if name.startswith("AUB-GWY-")}

    def test_what_is_no_number_states_nothing(self, tmp_path: Path) -> None:
        report = judged(tmp_path, FOUNDING, change=self.sums(cost="much", quantities={}))
        assert outcomes(report)["cost"] is Outcome.FAIL

    def test_a_refusal_is_not_asked_of_a_tool_that_knows_none(self, tmp_path: Path) -> None:
        refused = next(case for case in CASES if case.error is not None and isinstance(case, ExchangeCase))
        report = judged(tmp_path, refused.id, change=self.sums(cost=None))
        assert outcomes(report)["error"] is Outcome.NOT_DECLARED

    def test_what_it_cannot_be_asked_is_counted(self, tmp_path: Path) -> None:
        report = judged(tmp_path, FOUNDING, PRICING, change=self.sums(not_declared="prices of the caller"))
        assert report.gateway.not_declared == {"prices of the caller": 2}
        assert report.verdict.word == "inconclusive"
        assert {row.outcome for row in report.cases} == {Outcome.NOT_DECLARED}


class TestReport:
    """The report is that of any run."""

    def test_it_fits_the_schema_and_says_what_was_judged(self, tmp_path: Path) -> None:
        report = judged(tmp_path, FOUNDING, change=lambda answer: answer["charge"].update(total="1"))
        document = jsonio.loads(jsonio.dumps(to_json(report)), "report")
        assert list(schemas.faults("report", document)) == []
        assert document["gateway"]["kind"] == "calculator"
        text = render_text(report)
        assert f"decibill run --calculator mine --only {FOUNDING} -v" in text
        assert "upstream " not in text.split("\n\n")[0]
        assert 'name="calculator"' in render_junit(report)

    def test_the_name_that_a_calculator_gives_itself_is_shown(self, tmp_path: Path) -> None:
        told = {"calculator": {"name": "Mine\x1b[31m", "version": "2.1"}}
        report = judged(tmp_path, FOUNDING, change=lambda answer: answer.update(told))
        assert (report.gateway.name, report.gateway.version) == ("Mine\ufffd[31m", "2.1")

    def test_two_runs_say_the_same(self, tmp_path: Path) -> None:
        one, other = (to_json(judged(tmp_path, "azure/*")) for _ in range(2))
        assert {**one, "started": ""} == {**other, "started": ""}

    def test_no_case_at_all_starts_nothing(self) -> None:
        report = run_calculator(["there-is-no-such-program"], ())
        assert report.verdict.word == "inconclusive"


class TestPrograms:
    """A program that does not keep to the protocol is one message, in bounded time."""

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("pass", "ended with code 0 after 0 of 2 answers"),
            ("import sys; sys.exit('no such model')", "no such model"),
            ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "by signal 9"),
            ("print('hello'); print('hello'); print('hello')", "says more than 2 lines"),
            ("while True: print('x' * 5000)", "more than 1000 bytes"),
            ("import sys; sys.stdin.read(); import time; time.sleep(600)", "is silent"),
            ("import os, time; os.close(1); os.close(2); time.sleep(600)", "ended its output"),
        ],
        ids=["empty", "complains", "killed", "talks on", "babbles", "hangs", "closes"],
    )
    def test_it_ends_with_a_reason(self, code: str, words: str) -> None:
        limits = Limits(silence_s=2.0, total_s=30.0, line_bytes=1000, end_s=1.0)
        with pytest.raises(HarnessError, match=words):
            ask([sys.executable, "-c", code], ["{}", "{}"], limits=limits)

    def test_a_program_that_is_not_there(self) -> None:
        with pytest.raises(HarnessError, match="there is no program 'there-is-none'"):
            ask(["there-is-none"], ["{}"])

    def test_one_that_answers_each_line_as_it_comes(self) -> None:
        code = "import sys\nfor line in sys.stdin: print(line.strip() * 2, flush=True)"
        lines = [f"[{'1' * 5000}, {n}]" for n in range(200)]
        assert ask([sys.executable, "-c", code], lines) == [(line * 2).encode() for line in lines]

    def test_one_that_does_not_end_is_ended(self) -> None:
        code = "import time; print('1', flush=True); time.sleep(600)"
        assert ask([sys.executable, "-c", code], ["{}"], limits=Limits(end_s=0.5)) == [b"1"]

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            (b"not json", "is not one JSON object"),
            (b"[]", "is not a JSON object"),
            (b'{"id": "other", "cost": 1}', "has the id 'other'"),
            (b'{"id": "%s"}', "has none of"),
            (b'{"id": "%s", "usage": 3}', "usage must be an object"),
            (b'{"id": "%s", "not_declared": {}}', "not_declared must be a text"),
            (b'{"id": "%s", "error": {"pointer": "/"}}', "error has no code"),
            (b'{"id": "%s", "usage": {"a": ' + b"[" * 60 + b"]" * 60 + b"}}", "nested too deeply"),
        ],
    )
    def test_a_line_that_is_no_answer(self, line: bytes, words: str) -> None:
        asked = questions(chosen(FOUNDING))
        with pytest.raises(HarnessError, match=words):
            read_answers(asked, [line.replace(b"%s", FOUNDING.encode())])

    def test_a_command_is_read_without_a_shell(self) -> None:
        assert split_command("python 'my calc.py' --x $HOME") == ["python", "my calc.py", "--x", "$HOME"]
        for command in ("", "'open"):
            with pytest.raises(UsageError):
                split_command(command)

    def test_the_id_is_the_name_of_its_file(self, tmp_path: Path) -> None:
        file = tmp_path / "Genai_Prices.py"
        file.write_text("", "utf-8")
        assert calculator_id(["python", str(file)]) == "genai-prices"
        assert calculator_id(["/usr/bin/mine", "--fast"]) == "mine"
        assert calculator_id(["\u00e9"]) == "calculator"


def test_what_differs_is_named_to_the_last_member() -> None:
    one = {"quantities": {"a": 1, "b": "2"}, "unknown": ["x", "y"]}
    other = {"quantities": {"a": 1, "b": 2, "c": 0}, "unknown": ["y", "x"], "entry": "e"}
    assert differences(one, other) == [
        ("quantities/b", '"2"', "2"),
        ("quantities/c", "absent", "0"),
        ("entry", "absent", '"e"'),
    ]


def test_a_program_of_four_lines_keeps_to_the_protocol(tmp_path: Path) -> None:
    """The protocol as a stranger would meet it: a line in, a line out, in any language."""
    file = tmp_path / "flat.py"
    file.write_text(
        textwrap.dedent(
            """
            import json, sys
            for line in sys.stdin:
                asked = json.loads(line)
                answer = {"id": asked["id"], "not_declared": "anything but refunds"}
                print(json.dumps(answer))
            """
        ),
        "utf-8",
    )
    report = run_calculator([sys.executable, str(file)], chosen("refund/*"))
    assert sum(report.gateway.not_declared.values()) == len(chosen("refund/*"))
