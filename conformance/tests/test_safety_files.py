"""A file that a user was given by someone else is refused with its place, whatever stands in it.

A number that would fill the memory is given to a process whose memory is limited.
"""

from __future__ import annotations

import copy
import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from decibill import cli, jsonio, schemas
from decibill._data import data_directory
from decibill.cases import Case, load_cases
from decibill.declaration_read import load, parse
from decibill.errors import InvalidFileError
from decibill.toml_read import read_toml
from tests.wrongs import declared

BOOK = data_directory("fixtures") / "price-books" / "conformance.json"
LIMIT = 1024 * 1024 * 1024
LONGEST_WORDS = 25_000
HUGE = "9" * 5000

HOSTILE = {
    "1e999999999": "1e999999999",
    "1e-999999999": "1e-999999999",
    "0e999999999": "0e999999999",
    "beyond decimal": "1e99999999999999999999",
    "1e400": "1e400",
    "5000 digits": HUGE,
    "a million digits": "9" * 1_000_000,
    "a million places": "0." + "1" * 1_000_000,
    "5000 digits in a string": f'"{HUGE}"',
    "5000 places in a string": f'"0.{HUGE}"',
    "an exponent in a string": '"1e999999999"',
    "NaN": "NaN",
    "-Infinity": "-Infinity",
    "deep": "[" * 100_000 + "]" * 100_000,
    "nearly too deep": '{"a":' * 900 + "1" + "}" * 900,
    "a key twice": '{"amount": "1", "amount": "2"}',
    "control characters": r'"\u001b[2J\u009b31m\ud800"',
}


@cache
def cases() -> tuple[Case, ...]:
    return load_cases()


def document(kind: str) -> Any:
    return copy.deepcopy(schemas.schema(kind)["examples"][0])


def with_value(kind: str, path: Sequence[str | int], raw: str) -> str:
    """Return the example of *kind* with *raw*, which need not be JSON, at *path*."""
    whole = document(kind)
    place: Any = whole
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = "@here@"
    return jsonio.dumps(whole).replace('"@here@"', raw)


PLACES: dict[str, Sequence[Sequence[str | int]]] = {
    "usage-record": [["quantities", "audio_input_tokens"], ["at"], ["model"]],
    "price-book": [
        ["entries", 0, "rates", "audio_duration_seconds", "amount"],
        ["entries", 0, "from"],
        ["entries"],
    ],
    "charge": [["total"], ["lines", 0, "billed"], ["lines", 0, "amount"], ["lines", 0, "per"]],
    "refund": [["charge_total"], ["lines"]],
    "exchange": [["response", "json"], ["at"], ["model"]],
    "observations": [["instances"], ["prices"]],
    "case": [["then"], ["id"]],
    "baseline": [["expected"]],
    "report": [["cases"]],
}


def commands(kind: str, file: Path, folder: Path) -> Iterator[list[str]]:
    """Yield every command that reads such a file."""
    yield ["check", str(file)]
    for name in ("usage-record", "charge"):
        (folder / f"{name}.sound.json").write_text(jsonio.dumps(document(name)), "utf-8")
    if kind == "usage-record":
        yield ["price", str(file), "--prices", str(BOOK)]
    elif kind == "price-book":
        yield ["price", f"{folder}/usage-record.sound.json", "--prices", str(file)]
        yield ["prices", "write", "litellm", str(file)]
    elif kind == "charge":
        (folder / "request.json").write_text('{"id": "r1", "full": true}', "utf-8")
        yield ["refund", str(file), f"{folder}/request.json"]
    elif kind == "refund":
        yield ["refund", f"{folder}/charge.sound.json", str(file)]
        (folder / "request.json").write_text('{"id": "r1", "full": true}', "utf-8")
        yield ["refund", f"{folder}/charge.sound.json", f"{folder}/request.json", "--earlier", str(file)]
    elif kind == "exchange":
        yield ["rate", str(file), "--prices", str(BOOK)]
    elif kind == "observations":
        yield ["run", "--observations", str(file), "--out", f"{folder}/out"]


def outcome(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(list(words))
    printed = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, printed.out, printed.err


@pytest.mark.parametrize("kind", PLACES)
def test_no_file_makes_a_command_fail_in_any_other_way_than_by_a_message(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("decibill.check", "decibill.cli.run"):
        monkeypatch.setattr(f"{module}.load_cases", cases)  # they take a second, each time
    file = tmp_path / "given.json"
    for path in PLACES[kind]:
        for name, raw in HOSTILE.items():
            file.write_text(with_value(kind, path, raw), "utf-8")
            for words in commands(kind, file, tmp_path):
                code, out, err = outcome(words, capsys)
                told = (words[0], path, name, code, err[:300])
                assert code in {0, 1, 2}, told
                assert "Traceback" not in err, told
                assert "mistake of decibill" not in err, told
                assert len(err) < LONGEST_WORDS, told
                assert err or code == 0, told
                assert "\x1b" not in out + err, told
                assert "\x9b" not in out + err, told


NUMBERS = {name: raw for name, raw in HOSTILE.items() if raw[0] in "0159" or raw[0] in "N-"}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_none_is_refused_at_its_place(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "given.json"
    file.write_text(with_value("usage-record", ["quantities", "audio_input_tokens"], NUMBERS[name]), "utf-8")
    code, _, err = outcome(["check", str(file)], capsys)
    assert code == 2
    assert err.startswith(f"{file} at /quantities/audio_input_tokens: ")


@pytest.mark.parametrize("gateway", ["litellm", "conduit"])
def test_no_price_list_makes_its_reading_fail_in_any_other_way(
    gateway: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "prices.json"
    entry = {"litellm_provider": "openai", "mode": "chat", "output_cost_per_token": 0.000001}
    for name, raw in HOSTILE.items():
        within = json.dumps({"gpt-audio": {**entry, "input_cost_per_audio_token": "@here@"}})
        for text in (raw, within.replace('"@here@"', raw), f'{{"gpt-audio": {raw}}}'):
            file.write_text(text, "utf-8")
            words = ["prices", "read", gateway, str(file), "--source", "https://example.org/prices"]
            code, out, err = outcome(words, capsys)
            assert code in {0, 2}, (name, err[:300])
            assert "Traceback" not in err, (name, err[:300])
            assert len(out) < LONGEST_WORDS, name
            assert HUGE not in out, name


@pytest.mark.parametrize("raw", ["1e999999999", '"1e999999999"', HUGE], ids=["number", "string", "digits"])
def test_a_request_for_a_refund_and_a_bare_body_are_read_as_carefully(
    raw: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    charge, request, body = (tmp_path / name for name in ("charge.json", "request.json", "body.json"))
    charge.write_text(jsonio.dumps(document("charge")), "utf-8")
    request.write_text(f'{{"id": "r", "quantities": {{"audio_input_tokens": {raw}}}}}', "utf-8")
    body.write_text(f'{{"usage": {{"type": "tokens", "input_tokens": {raw}}}}}', "utf-8")
    bare = ["--provider", "openai", "--operation", "transcription", "--model", "gpt-4o-transcribe"]
    for words in (["refund", str(charge), str(request)], ["rate", str(body), *bare]):
        code, out, err = outcome(words, capsys)
        assert code == 1, (words, err)
        assert '"error"' in out
        assert len(out + err) < LONGEST_WORDS


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit the memory of a process")
@pytest.mark.parametrize("kind", ["usage-record", "price-book", "charge", "exchange", "observations"])
def test_no_number_fills_the_memory(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "given.json"
    file.write_text(with_value(kind, PLACES[kind][0], "1e999999999"), "utf-8")
    paths = {"PYTHONPATH": os.pathsep.join(word for word in sys.path if word)}
    for words in commands(kind, file, tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", "decibill", *words],
            check=False,
            env=dict(os.environ) | paths,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)),
            capture_output=True,
            text=True,
        )
        assert done.returncode in {1, 2}, done.stderr
        assert "Traceback" not in done.stderr


# declarations

TOML = {
    "5000 digits": (f"x = {HUGE}\n", "a number of thousands of digits cannot be read"),
    "1e999999999": ("x = 1e999999999\n", "1e999999999 is larger or smaller than numbers"),
    "deep": (f"x = {'[' * 3_900}{']' * 3_900}\n", "nested too deeply"),
    "deep enough": (f"x = {'[' * 70}{']' * 70}\n", "nested too deeply"),
    "a long key": (f"{'a.' * 2_000}a = 1\n", "nested too deeply"),
    "a longer key": (f"{'a.' * 90_000}a = 1\n", "has a line of more than 8000 characters"),
    "large": ("x = 1\n" * 200_000, "is larger than 1048576 bytes"),
    "a key twice": ("format = 1\n", "Cannot overwrite a value"),
    "no date": ("x = 9999-99-99\n", "not TOML: "),
}


@pytest.mark.parametrize("name", TOML)
def test_a_declaration_is_refused_with_a_message_whatever_stands_in_it(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, says = TOML[name]
    file = tmp_path / "g.toml"
    file.write_text(text + "format = 1\n" + "[gateway]\n", "utf-8")
    for words in (
        ["check", str(file)],
        ["run", "--gateway", str(file), "--dry-run"],
        ["configure", str(file)],
    ):
        code, _, err = outcome(words, capsys)
        assert (code, says in err) == (2, True), err[:300]
    with pytest.raises(InvalidFileError):
        load(str(file))


def test_a_sound_table_is_read_without_floats() -> None:
    assert str(read_toml(b"x = 0.10", "x.toml")["x"]) == "0.10"


@pytest.mark.parametrize("name", ["../../elsewhere", "a b", "\x1b[2J", "a\nb"])
def test_a_gateways_id_is_no_path_and_steers_nothing(name: str) -> None:
    data = declared()
    data["gateway"] |= {"id": name, "url": "http://127.0.0.1:9"}
    assert [fault.pointer for fault in schemas.faults("gateway", data)] == ["/gateway/id"]
    with pytest.raises(InvalidFileError, match="must be letters, digits"):
        parse(data, "mini.toml")


# files that other files name


ESCAPES = ["../secret.json", "/etc/passwd", "a/../../secret.json", "linked.json", "linked/secret.json"]


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("member", ["json_file", "sse_file", "text_file", "events_file"])
def test_an_exchange_reads_nothing_outside_its_folder(
    name: str, member: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret.json").write_text('{"usage": {"seconds": 4711}}', "utf-8")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "linked.json").symlink_to(tmp_path / "secret.json")
    (inside / "linked").symlink_to(tmp_path)
    exchange = document("exchange")
    exchange["response"] = {"status": 200, "headers": {}, member: name}
    file = inside / "exchange.json"
    file.write_text(jsonio.dumps(exchange), "utf-8")
    code, out, err = outcome(["rate", str(file), "--prices", str(BOOK)], capsys)
    assert (code, f"/response/{member}" in err) == (1, True), err
    assert "is not below the root directory" in err
    assert "4711" not in out + err
    code, out, err = outcome(["check", str(file)], capsys)
    assert (code, f"/response/{member}" in err) == (2, True), err
    assert "4711" not in out + err


@pytest.mark.parametrize("name", ["../secret.wav", "linked.wav"])
def test_a_medium_outside_the_folder_is_not_measured(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tone = data_directory("fixtures") / "audio" / "tone-2.2s.mp3"
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "linked.wav").symlink_to(tone)
    exchange = document("exchange") | {"operation": "transcription", "model": "whisper-1"}
    exchange["request"] = {"method": "POST", "path": "/x", "form": {"file": {"media_file": name}}}
    exchange["response"] = {"status": 200, "headers": {}, "text": "hello"}
    file = inside / "exchange.json"
    file.write_text(jsonio.dumps(exchange), "utf-8")
    code, out, err = outcome(["rate", str(file), "--prices", str(BOOK)], capsys)
    assert code == 1, (out, err)
    assert "is not below the root directory" in err


@pytest.mark.parametrize("name", ["../x/y", "/etc/x", "openai/../../x", "openai/x\x1b", "OPENAI/x", "openai"])
def test_a_case_has_no_id_that_leads_out_of_the_fixtures(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = document("case") | {"id": name}
    assert any(fault.pointer == "/id" for fault in schemas.faults("case", case))
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "body.json").write_text('{"text": "x", "usage": {"type": "duration", "seconds": 3}}', "utf-8")
    monkeypatch.chdir(tmp_path)
    words = ["case", "new", "body.json", "--id", name, "--fixtures", f"{tmp_path}/fixtures"]
    words += ["--provider", "openai", "--operation", "transcription", "--model", "whisper-1"]
    code, _, err = outcome(words, capsys)
    assert code == 2, err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "body.json"]


def test_standard_input_is_read_as_carefully(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Given:
        buffer = io.BytesIO(b"[" * 100_000)

    monkeypatch.setattr(sys, "stdin", Given())
    assert outcome(["check", "-"], capsys)[0] == 2
