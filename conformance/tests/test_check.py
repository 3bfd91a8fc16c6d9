"""``decibill check`` says of every file what it is, or what is wrong with it, where, and what to do."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from decibill import check, jsonio, schemas
from decibill._data import data_directory

FIXTURES = data_directory("fixtures")


def example(name: str) -> Any:
    return copy.deepcopy(schemas.schema(name)["examples"][0])


def run(*files: str | Path, given: str | None = None) -> Result:
    return CliRunner().invoke(check.check, [str(file) for file in files], input=given, standalone_mode=False)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write_file(name: str, document: Any) -> Path:
        path = tmp_path / name
        path.write_text(document if isinstance(document, str) else jsonio.dumps(document), encoding="utf-8")
        return path

    return write_file


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("usage-record", "valid usage record"),
        ("price-book", "valid price book"),
        ("charge", "valid charge"),
        ("refund", "valid refund record"),
        ("manifest", "valid manifest"),
        ("baseline", "valid baseline"),
        ("report", "valid report"),
        ("requirements", "valid list of requirements"),
    ],
)
def test_every_kind_of_document_is_told_and_found_valid(write: Any, name: str, words: str) -> None:
    path = write("document.json", example(name))

    result = run(path)

    assert result.return_value == 0
    assert result.stdout == f"{path}: {words}\n"
    assert result.stderr == ""


@pytest.mark.parametrize(
    "path",
    [
        FIXTURES / "cases" / "azure" / "transcription-founding-report.json",
        FIXTURES / "price-books" / "conformance.json",
        data_directory("gateways") / "reference.toml",
        data_directory("gateways") / "ferrogw.toml",
    ],
    ids=lambda path: path.stem,
)
def test_what_decibill_carries_is_valid(path: Path) -> None:
    assert run(path).return_value == 0


def test_the_output_of_rate_is_checked_as_usage_record_and_charge(write: Any) -> None:
    rated = {"usage": example("usage-record"), "charge": example("charge")}
    path = write("rated.json", rated)
    rated["charge"]["total"] = "0.002155"
    wrong = write("wrong.json", rated)

    assert run(path).stdout == f"{path}: valid usage record and charge\n"
    assert (
        run(wrong).stderr
        == f"{wrong} at /charge/total: is 0.002155; the exact sum of the lines is 0.003527\n"
    )


def test_standard_input_is_a_file_called_dash() -> None:
    assert run("-", given=jsonio.dumps(example("charge"))).stdout == "standard input: valid charge\n"


def test_one_invalid_file_among_valid_ones_fails_the_command(write: Any) -> None:
    good, bad = write("good.json", example("charge")), write("bad.json", {})

    result = run(good, bad)

    assert result.return_value == 2
    assert result.stdout == f"{good}: valid charge\n"
    assert result.stderr.startswith(f"{bad} at /: is none of decibill's documents by its members")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('{"a": 1', "not JSON: Expecting ',' delimiter at line 1 column 8", id="malformed"),
        pytest.param(
            '{"rates": {"a": 1, "a": 2}}', " at /rates/a: the key 'a' stands twice in one object", id="twice"
        ),
        pytest.param('{"a": [1, NaN]}', " at /a/1: NaN is not a JSON number", id="nan"),
        pytest.param('{"a": -Infinity}', " at /a: -Infinity is not a JSON number", id="infinity"),
        pytest.param("[" * 100_000, "not JSON: nested too deeply", id="deep"),
        pytest.param("[]", " at /: must be a JSON object, not an array", id="array"),
        pytest.param("", "not JSON: Expecting value at line 1 column 1", id="empty"),
    ],
)
def test_bad_json_gets_a_message_with_its_place(write: Any, text: str, message: str) -> None:
    path = write("bad.json", text)

    result = run(path)

    assert result.return_value == 2
    assert result.stderr.startswith(f"{path}{message}" if message[0] == " " else f"{path}: {message}")


def test_of_very_many_faults_the_first_are_told(write: Any) -> None:
    book = example("price-book")
    book["entries"] = [{}] * 4
    path = write("prices.json", book)

    told = run(path).stderr.splitlines()

    assert len(told) == 21
    assert told[-1] == f"{path}: 8 more faults"


def test_text_that_is_not_utf_8_gets_a_message(tmp_path: Path) -> None:
    path = tmp_path / "latin.json"
    path.write_bytes(b'{"a": "\xe9"}')

    assert run(path).stderr == f"{path}: not UTF-8 at byte 7\n"


def test_a_file_that_is_not_there_gets_a_message(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.json"

    assert run(path).stderr == f"{path}: cannot be read: No such file or directory\n"


def test_a_price_book_with_a_float_is_invalid_at_the_amount(write: Any) -> None:
    book = example("price-book")
    book["entries"][0]["rates"]["audio_duration_seconds"]["amount"] = 0.006
    path = write("prices.json", json.dumps(book))

    assert run(path).stderr == (
        f"{path} at /entries/0/rates/audio_duration_seconds/amount: must be a decimal string as published "
        'such as "3.00", without exponent or sign, not the number 0.006\n'
    )


def entry(**members: Any) -> dict[str, Any]:
    return {**example("price-book")["entries"][0], **members}


RATE = {"amount": "0.006", "per": "60"}


@pytest.mark.parametrize(
    ("entries", "pointer", "words"),
    [
        pytest.param(
            [entry(), entry(until="2025-01-01")], "/entries/1/id", "id of an earlier entry", id="same-id"
        ),
        pytest.param([entry(), entry(id="b")], "/entries/1", "would be refused", id="ambiguous"),
        pytest.param(
            [entry(), entry(id="b", service_tier="default")],
            None,
            "",
            id="one-with-a-selector-is-no-ambiguity",
        ),
        pytest.param(
            [entry(operations=["translation"]), entry(id="b", operations=["transcription"])],
            None,
            "",
            id="apart",
        ),
        pytest.param(
            [entry(surface="api"), entry(id="b", operations=["transcription"])],
            "/entries/1",
            "equally well",
            id="x",
        ),
        pytest.param(
            [entry(until="2025-01-01"), entry(id="b", **{"from": "2025-01-01"})],
            None,
            "",
            id="one-after-the-other",
        ),
        pytest.param([entry(until="2023-03-01")], "/entries/0/until", "not later than from", id="no-time"),
        pytest.param([entry(**{"from": "2023-02-30"})], "/entries/0/from", "not a day", id="no-such-day"),
        pytest.param(
            [entry(source={"url": "https://example.org", "read": "2026-02-30"})],
            "/entries/0/source/read",
            "not a day",
            id="read-on-no-day",
        ),
        pytest.param(
            [entry(rates={"audio_duration_seconds": {**RATE, "rule": "code_points"}})],
            "/entries/0/rates/audio_duration_seconds/rule",
            "means nothing for audio_duration_seconds",
            id="rule-for-seconds",
        ),
        pytest.param(
            [
                entry(
                    rates={
                        "audio_duration_seconds": {
                            **RATE,
                            "tiers": {
                                "by": "audio_duration_seconds",
                                "steps": [
                                    {"above": "60", "amount": "0.005"},
                                    {"above": "60", "amount": "0.004"},
                                ],
                            },
                        }
                    }
                )
            ],
            "/entries/0/rates/audio_duration_seconds/tiers/steps/1/above",
            "not greater",
            id="tiers-do-not-rise",
        ),
    ],
)
def test_what_no_schema_can_say_of_a_price_book(
    write: Any, entries: list[dict[str, Any]], pointer: str | None, words: str
) -> None:
    checked = check.check_file(write("prices.json", {"currency": "USD", "entries": entries}))

    if pointer is None:
        assert checked.faults == ()
    else:
        assert pointer in [fault.pointer for fault in checked.faults]
        assert words in next(fault.problem for fault in checked.faults if fault.pointer == pointer)


def test_a_charge_must_add_up(write: Any) -> None:
    charge = example("charge")
    charge["lines"][0]["subtotal"] = "0.00098"
    checked = check.check_file(write("charge.json", charge))

    assert [fault.pointer for fault in checked.faults] == ["/lines/0/subtotal"]


def test_a_usage_record_must_be_a_partition(write: Any) -> None:
    usage = example("usage-record")
    usage["quantities"]["audio_input_tokens"] = 785
    checked = check.check_file(write("usage.json", usage))

    assert [fault.pointer for fault in checked.faults] == ["/quantities/input_tokens"]


def test_a_case_is_checked_in_the_tree_that_it_lies_in(tmp_path: Path) -> None:
    case = jsonio.load_file(FIXTURES / "cases" / "azure" / "transcription-founding-report.json")
    path = tmp_path / "cases" / "azure" / "mine.json"
    path.parent.mkdir(parents=True)
    path.write_text(jsonio.dumps(case), encoding="utf-8")

    elsewhere = check.check_file(path)
    piped = check.check_text(path.read_bytes(), "standard input")

    assert {fault.problem.split(" ")[0:3][2] for fault in elsewhere.faults} == {"no"}
    assert piped.faults == ()


def test_the_bodies_of_a_loose_exchange_lie_beside_it(write: Any) -> None:
    exchange = example("exchange")
    del exchange["response"]["json"]
    exchange["response"]["json_file"] = "answer.json"
    path = write("exchange.json", exchange)

    assert (
        run(path).stderr
        == f"{path} at /response/json_file: there is no file answer.json beside the exchange\n"
    )
    write("answer.json", "{}")
    assert run(path).stdout == f"{path}: valid exchange\n"
    assert check.check_text(path.read_bytes(), "standard input").faults == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("format = ", ": not TOML: Invalid value", id="toml"),
        pytest.param("format = 1", ' at /: lacks the member "gateway" (which gateway it is)', id="schema"),
    ],
)
def test_a_declaration_that_is_none_gets_a_message(write: Any, text: str, message: str) -> None:
    path = write("mine.toml", text)

    result = run(path)

    assert result.return_value == 2
    assert result.stderr.startswith(f"{path}{message}")


def test_a_declaration_is_read_as_a_run_reads_it(write: Any) -> None:
    text = (data_directory("gateways") / "reference.toml").read_text("utf-8")
    path = write("mine.toml", text.replace("{case.alias}", "{case.alas}", 1))

    result = run(path)

    assert result.return_value == 2
    assert "case.alias" in result.stderr


def test_the_installed_command_exits_with_2_and_no_traceback(write: Any) -> None:
    path = write("bad.json", "{")
    paths = [str(Path(check.__file__).parents[1]), str(FIXTURES.parent / "reference_impl")]

    done = subprocess.run(
        [sys.executable, "-m", "decibill", "check", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(paths)},
    )

    assert done.returncode == 2
    assert done.stderr.startswith(f"{path}: not JSON")
    assert "Traceback" not in done.stderr


def test_a_name_in_a_file_cannot_steer_the_terminal(write: Any) -> None:
    result = run(write("charge.json", json.dumps({**example("charge"), "\x1b[31mred": 1})))
    assert "at /\ufffd[31mred: unknown member" in result.stderr
