from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from decibill_reference.commands import price, rate, refund, serve

FIXTURES = Path(__file__).parents[2] / "fixtures"
FOUNDING = str(FIXTURES / "price-books" / "founding.json")
UPSTREAM = FIXTURES / "upstream" / "azure" / "transcription-founding-report.json"
AT = "2025-11-05T10:24:03Z"
BARE = ["--provider", "azure", "--operation", "transcription", "--model", "gpt-4o-mini-transcribe"]

EXCHANGE = {
    "provider": "azure",
    "surface": "azure_openai",
    "operation": "transcription",
    "model": "gpt-4o-mini-transcribe",
    "at": AT,
    "response": {"status": 200, "json": json.loads(UPSTREAM.read_text())},
}
"""The founding payload, which costs 0.003527."""

REFUSED = {**EXCHANGE, "response": {"status": 200, "json": {"usage": {"type": "tokens", "input_tokens": -1}}}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, document: Any) -> str:
    Path(name).write_text(document if isinstance(document, str) else json.dumps(document))
    return name


def run(command: click.Command, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(command, arguments, input=stdin)


def printed(result: Result, code: int = 0) -> Any:
    assert (result.exit_code, result.exception if result.exit_code == 0 else None) == (code, None), (
        result.output
    )
    return json.loads(result.stdout)


def fault(result: Result) -> str:
    """Return the message of a user's mistake: on standard error alone, exit code 2, no traceback."""
    assert (result.exit_code, result.stdout) == (2, "")
    assert isinstance(result.exception, SystemExit)
    return result.stderr


# rate


def test_an_exchange_is_rated(folder: Path) -> None:
    result = printed(run(rate, write("exchange.json", EXCHANGE), "--prices", FOUNDING))

    assert list(result) == ["usage", "charge"]
    assert result["usage"]["quantities"]["audio_input_tokens"] == 784
    assert (result["charge"]["status"], result["charge"]["total"]) == ("priced", "0.003527")


def test_an_exchange_is_read_from_standard_input(folder: Path) -> None:
    result = printed(run(rate, "-", "--prices", FOUNDING, stdin=json.dumps(EXCHANGE)))

    assert result["charge"]["total"] == "0.003527"


def test_files_of_an_exchange_are_found_in_its_own_folder(folder: Path) -> None:
    Path("deep").mkdir()
    Path("deep/body.json").write_bytes(UPSTREAM.read_bytes())
    loose = {**EXCHANGE, "response": {"status": 200, "json_file": "body.json"}}

    result = printed(run(rate, write("deep/exchange.json", loose), "--prices", FOUNDING))

    assert result["charge"]["total"] == "0.003527"


def test_files_outside_the_folder_are_not_read(folder: Path) -> None:
    Path("deep").mkdir()
    write("secret.json", {"usage": {}})
    loose = {**EXCHANGE, "response": {"status": 200, "json_file": "../secret.json"}}

    result = printed(run(rate, write("deep/exchange.json", loose), "--prices", FOUNDING), code=1)

    assert result["error"]["code"] == "unsupported_exchange"


def test_prices_can_be_those_of_another_instant(folder: Path) -> None:
    result = printed(
        run(rate, write("exchange.json", EXCHANGE), "--prices", FOUNDING, "--at", "2020-01-01T00:00:00Z")
    )

    assert result["charge"]["unpriced"][0]["reason"] == "no_entry"
    assert result["usage"]["at"] == AT


def test_without_a_price_book_the_bundled_list_prices_are_used(folder: Path) -> None:
    result = run(rate, write("exchange.json", EXCHANGE))

    assert printed(result)["charge"]["total"] == "0.003527"
    assert "list prices of public-" in result.stderr


def test_without_any_price_book_one_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decibill_reference.talk.public_price_book", lambda: None)

    assert "--prices" in fault(run(rate, write("exchange.json", EXCHANGE)))


def test_a_refused_exchange_is_data_with_exit_code_1(folder: Path) -> None:
    result = printed(run(rate, write("exchange.json", REFUSED), "--prices", FOUNDING), code=1)

    assert result["error"]["code"] == "negative_quantity"
    assert result["error"]["pointer"] == "/response/json/usage/input_tokens"
    assert result["error"]["message"]


@pytest.mark.parametrize(
    ("text", "code", "pointer"),
    [('{"at": 1, "at": 2}', "duplicate_key", "/at"), ('{"at": [NaN]}', "invalid_number", "/at/0")],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(
    folder: Path, text: str, code: str, pointer: str
) -> None:
    error = printed(run(rate, write("exchange.json", text), "--prices", FOUNDING), code=1)["error"]

    assert (error["code"], error["pointer"]) == (code, pointer)


@pytest.mark.parametrize("text", ["", "{", "[1,]", '{"a": \0}'])
def test_a_file_that_is_no_json_is_a_mistake_that_names_it(folder: Path, text: str) -> None:
    assert "exchange.json: not JSON" in fault(run(rate, write("exchange.json", text), "--prices", FOUNDING))


def test_standard_input_that_is_no_json_is_named_as_such(folder: Path) -> None:
    assert "standard input: not JSON" in fault(run(rate, "-", "--prices", FOUNDING, stdin="{"))


def test_a_file_that_is_not_there_is_a_mistake(folder: Path) -> None:
    assert "does not exist" in fault(run(rate, "nothing.json"))


def test_a_faulty_price_book_is_told_with_file_and_pointer(folder: Path) -> None:
    book = write("prices.json", {"currency": "USD", "entries": [{"id": "a", "amount": 0.006}]})

    message = fault(run(rate, write("exchange.json", EXCHANGE), "--prices", book))

    assert "prices.json at /entries/0" in message


def test_an_instant_that_is_none_is_a_mistake_of_the_command_line(folder: Path) -> None:
    message = fault(run(rate, write("exchange.json", EXCHANGE), "--prices", FOUNDING, "--at", "today"))

    assert "Invalid value for '--at': 'today' is not a time in UTC" in message


def test_a_refusal_is_told_to_people_with_its_file(folder: Path) -> None:
    result = run(rate, write("exchange.json", REFUSED), "--prices", FOUNDING)

    place = "decibill: exchange.json at /response/json/usage/input_tokens: "
    assert result.stderr.startswith(place)
    assert result.stderr.endswith("(negative_quantity)\n")


def test_what_a_charge_does_not_cover_is_told_to_people(folder: Path) -> None:
    result = run(rate, write("exchange.json", {**EXCHANGE, "model": "gpt-9"}), "--prices", FOUNDING)

    assert printed(result)["charge"]["status"] == "unpriced"
    assert result.stderr == "decibill: exchange.json: unpriced, for want of gpt-9 (no entry)\n"


def test_half_a_character_stays_the_escape_that_it_came_as(folder: Path) -> None:
    text = json.dumps(EXCHANGE).replace("gpt-4o-mini-transcribe", "\\ud83d")

    result = run(rate, write("exchange.json", text), "--prices", FOUNDING)

    assert '"model": "\\ud83d"' in result.stdout
    assert printed(result)["usage"]["model"] == "\ud83d"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"given": {}, "then": {}}, "wrong.json: is a case, not an exchange"),
        ({"usage": {"seconds": 2}}, "the bare body of an answer needs --provider, --operation and --model"),
        ([], "wrong.json: is no exchange"),
    ],
    ids=["a case", "a bare body", "an array"],
)
def test_a_file_that_is_no_exchange_is_a_mistake_that_says_what_it_needs(
    folder: Path, document: Any, message: str
) -> None:
    assert message in fault(run(rate, write("wrong.json", document), "--prices", FOUNDING))


def test_an_exchange_is_not_rated_as_a_bare_body(folder: Path) -> None:
    message = fault(run(rate, write("exchange.json", EXCHANGE), *BARE, "--prices", FOUNDING))

    assert "exchange.json is an exchange, not a bare body" in message


# Bare bodies


def test_a_bare_body_is_rated_with_what_it_does_not_say(folder: Path) -> None:
    result = printed(run(rate, str(UPSTREAM), *BARE, "--at", AT, "--prices", FOUNDING))

    assert result["charge"]["total"] == "0.003527"
    assert (result["usage"]["surface"], result["usage"]["at"]) == ("azure_openai", AT)


def test_a_bare_body_without_an_instant_is_rated_now(folder: Path) -> None:
    result = printed(run(rate, str(UPSTREAM), *BARE, "--prices", FOUNDING))

    assert result["usage"]["at"] > "2026"


@pytest.mark.parametrize(
    ("body", "flags"),
    [
        (
            'data: {"type":"transcript.text.done",'
            '"usage":{"type":"tokens","input_tokens":5,"output_tokens":2}}\n\n',
            ["details_missing"],
        ),
        (": comment\n\ndata: [DONE]\n\n", ["stream_incomplete"]),
        ("1\n00:00:00,000 --> 00:00:01,000\nHello\n", []),
    ],
    ids=["a stream", "a stream that begins with a comment", "subtitles"],
)
def test_a_bare_body_is_read_as_what_it_looks_like(folder: Path, body: str, flags: list[str]) -> None:
    result = printed(run(rate, write("body", body), *BARE, "--prices", FOUNDING))

    assert result["usage"]["flags"] == flags


def test_bare_audio_says_nothing_of_its_characters(folder: Path) -> None:
    Path("body.mp3").write_bytes(b"ID3\0\0")
    arguments = ["--provider", "openai", "--operation", "speech", "--model", "tts-1", "--prices", FOUNDING]

    assert printed(run(rate, "body.mp3", *arguments))["usage"]["unknown"] == ["tts_characters"]


HEAD = "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nCharacter-Cost: 3\r\nX-Odd\r\n\r\n"


def speech_of_elevenlabs(*content: bytes) -> dict[str, Any]:
    Path("saved").write_bytes(b"".join(content))
    named = ("--provider", "elevenlabs", "--operation", "speech", "--model", "eleven_v3")
    result: dict[str, Any] = printed(run(rate, "saved", *named, "--prices", FOUNDING))["usage"]
    return result


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("audio/mpeg", b"ID3\xff\xfe"),
        ("application/octet-stream", b"{"),
        ("text/event-stream", b'{"audio_base64": "AAAA"}\n\n{"audio'),
        ("application/json", b'{"audio_base64": "AAAA"}'),
    ],
    ids=["audio", "bytes", "stream", "JSON"],
)
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"], ids=["CRLF", "LF"])
def test_the_head_of_an_answer_is_read_with_its_body(
    folder: Path, kind: str, body: bytes, line_end: bytes
) -> None:
    head = HEAD.format(kind=kind).encode().replace(b"\r\n", line_end)

    assert speech_of_elevenlabs(head, body)["quantities"] == {"provider_credits": 3}


def test_of_several_heads_the_last_counts(folder: Path) -> None:
    first = b"HTTP/2 307\r\ncharacter-cost: 9\r\nlocation: /elsewhere\r\n\r\n"

    usage = speech_of_elevenlabs(first, HEAD.format(kind="audio/mpeg").encode(), b"ID3")

    assert usage["quantities"] == {"provider_credits": 3}


def test_the_status_of_a_head_counts(folder: Path) -> None:
    assert speech_of_elevenlabs(b"HTTP/1.1 401 Unauthorized\r\n\r\n", b"{}")["flags"] == ["error_response"]


def test_a_bare_body_can_be_an_array(folder: Path) -> None:
    named = ("--provider", "gemini", "--operation", "chat", "--model", "gemini-2.5-flash")
    chunk = {
        "candidates": [{"finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3},
    }
    result = printed(run(rate, write("body", [chunk]), *named, "--prices", FOUNDING))

    assert result["usage"]["quantities"]["input_tokens"] == 3


@pytest.mark.parametrize("left_out", ["--provider", "--operation", "--model"])
def test_a_bare_body_needs_provider_operation_and_model(folder: Path, left_out: str) -> None:
    place = BARE.index(left_out)
    arguments = [*BARE[:place], *BARE[place + 2 :]]

    assert f"needs {left_out}" in fault(run(rate, str(UPSTREAM), *arguments, "--prices", FOUNDING))


def test_a_provider_that_nobody_reads_is_refused(folder: Path) -> None:
    result = run(rate, str(UPSTREAM), "--provider", "acme", *BARE[2:], "--prices", FOUNDING)

    assert printed(result, code=1)["error"]["code"] == "unsupported_exchange"


# JSON Lines; the rest of it is in test_rate_lines_command


def test_lines_are_not_bare_bodies(folder: Path) -> None:
    assert "--lines" in fault(run(rate, str(UPSTREAM), *BARE, "--lines", "--prices", FOUNDING))


@pytest.mark.parametrize("option", [["--strict"], ["--jobs", "2"], ["--summary", "s.json"]])
def test_what_goes_with_lines_alone_is_refused_without(folder: Path, option: list[str]) -> None:
    assert "go with --lines" in fault(run(rate, write("exchange.json", EXCHANGE), *option))


# price


def rated() -> dict[str, Any]:
    document: dict[str, Any] = printed(run(rate, "-", "--prices", FOUNDING, stdin=json.dumps(EXCHANGE)))
    return document


def test_a_usage_record_is_priced(folder: Path) -> None:
    result = printed(run(price, write("usage.json", rated()["usage"]), "--prices", FOUNDING))

    assert result == rated()["charge"]


def test_what_rate_printed_is_priced(folder: Path) -> None:
    assert printed(run(price, "-", "--prices", FOUNDING, stdin=json.dumps(rated()))) == rated()["charge"]


def test_a_usage_record_is_priced_at_another_instant(folder: Path) -> None:
    result = run(
        price, write("usage.json", rated()["usage"]), "--prices", FOUNDING, "--at", "2020-01-01T00:00:00Z"
    )

    assert printed(result)["status"] == "unpriced"


def test_a_record_that_contradicts_itself_is_refused(folder: Path) -> None:
    usage = rated()["usage"]
    usage["quantities"]["audio_input_tokens"] = 785

    error = printed(run(price, write("usage.json", usage), "--prices", FOUNDING), code=1)["error"]

    assert error["code"] == "inconsistent_usage"


@pytest.mark.parametrize("document", [[], {}, {"provider": "openai"}, 7])
def test_a_file_that_is_no_usage_record_is_a_mistake(folder: Path, document: Any) -> None:
    assert "usage.json" in fault(run(price, write("usage.json", document), "--prices", FOUNDING))


def test_a_record_is_not_priced_without_a_price_book(folder: Path) -> None:
    assert "--prices" in fault(run(price, write("usage.json", rated()["usage"])))


def test_a_fault_in_what_rate_printed_is_told_with_its_place_there(folder: Path) -> None:
    document = rated()
    document["usage"]["quantities"] = []
    document["charge"]["lines"][0]["subtotal"] = 0.5
    file = write("rated.json", document)

    assert "rated.json at /usage/quantities: " in fault(run(price, file, "--prices", FOUNDING))
    assert "rated.json at /charge/lines/0/subtotal: " in fault(run(refund, file, write("r.json", FULL)))


# refund

FULL = {"id": "r1", "full": True}


def test_a_charge_is_refunded(folder: Path) -> None:
    result = printed(run(refund, write("charge.json", rated()["charge"]), write("request.json", FULL)))

    assert (result["id"], result["total"]) == ("r1", "-0.003527")


def test_what_rate_printed_is_refunded_after_earlier_refunds(folder: Path) -> None:
    charge = write("rated.json", rated())
    part = {"id": "r1", "quantities": {"text_output_tokens": 100}}
    other = {"id": "r2", "quantities": {"text_output_tokens": 35}}
    for number, asked in enumerate((part, other), 1):
        write(f"r{number}.json", printed(run(refund, charge, write("request.json", asked))))

    result = printed(
        run(
            refund,
            charge,
            "-",
            "--earlier",
            "r1.json",
            "--earlier",
            "r2.json",
            stdin=json.dumps({**FULL, "id": "r3"}),
        )
    )

    assert result["total"] == "-0.002852"  # 0.003527 less 135 x 5.00 / 1,000,000


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"id": "r1", "quantities": {"audio_input_tokens": 785}}, "refund_exceeds_charge"),
        ({"id": "r1", "quantities": {"tts_characters": 1}}, "no_such_line"),
        ({"id": "r1", "quantities": {"audio_input_tokens": 0}}, "invalid_amount"),
    ],
)
def test_a_refused_refund_is_data_with_exit_code_1(folder: Path, request_: Any, code: str) -> None:
    result = run(refund, write("charge.json", rated()["charge"]), write("request.json", request_))

    assert printed(result, code=1)["error"]["code"] == code


@pytest.mark.parametrize("wrong", ["charge.json", "request.json", "earlier.json"])
def test_a_file_of_another_kind_is_a_mistake_that_names_it(folder: Path, wrong: str) -> None:
    write("charge.json", rated()["charge"])
    write("request.json", FULL)
    write("earlier.json", printed(run(refund, "charge.json", "request.json")))
    write(wrong, {"something": "else"})

    assert wrong in fault(run(refund, "charge.json", "request.json", "--earlier", "earlier.json"))


# serve


def test_serve_needs_a_configuration() -> None:
    assert "--config" in fault(run(serve))


def test_serve_tells_what_defects_there_are() -> None:
    (option,) = [param for param in serve.params if param.name == "defect"]

    assert len(option.type.described) >= 45  # type: ignore[attr-defined]


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="needs a file that is there and gives nothing"
)
def test_a_file_that_cannot_be_read_is_named() -> None:
    assert "/proc/self/mem: cannot be read: " in fault(run(rate, "/proc/self/mem", "--prices", FOUNDING))
