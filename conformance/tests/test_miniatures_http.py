"""Gateways that are wrong in general ways: each has its verdict and a sentence, in bounded time and room."""

from __future__ import annotations

import gzip
import json
import os
import select
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from decibill.process import free_port
from decibill.toml_text import toml_text
from tests.miniature import Reply
from tests.wrongs import CASES, COSTS, FIRST, Handler, Wrong, always, declared, judge, later

SHORT = ("--timeout", "2")
"""Long enough for a good call on a machine that is busy."""

FEW = (FIRST, "openai/chat-cached-with-split", "openai/speech-tts-1-binary")
MEGABYTE = 1024 * 1024
JSON = {"content-type": "application/json"}

# ways to write an answer


def hang(handler: Handler, _: Reply) -> None:
    handler.connection.recv(1)  # until the client has gone


def _drip(handler: Handler, byte: bytes) -> None:
    while not select.select([handler.connection], [], [], 0.02)[0]:  # until the client has gone
        handler.wfile.write(byte)


def drip(handler: Handler, reply: Reply) -> None:
    handler.wfile.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
    )
    _drip(handler, b" ")


def drip_headers(handler: Handler, reply: Reply) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nx-long: ")
    _drip(handler, b"x")


def promise(handler: Handler, reply: Reply) -> None:
    _drip(handler, b"HTTP/1.1 100 Continue\r\n\r\n")


def two_hundred_megabytes(handler: Handler, reply: Reply) -> None:
    handler.wfile.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 209715200\r\n\r\n"
    )
    for _ in range(200):
        handler.wfile.write(b" " * MEGABYTE)


def many_headers(handler: Handler, reply: Reply) -> None:
    lines = b"".join(b"x-%d: y\r\n" % number for number in range(100_000))
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + lines + b"content-length: 2\r\n\r\n{}")


def _packed(handler: Handler, body: bytes, coding: str) -> None:
    head = f"content-type: application/json\r\ncontent-encoding: {coding}\r\ncontent-length: {len(body)}"
    handler.wfile.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body)


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * (256 * MEGABYTE), 9)


@pytest.fixture(scope="module", autouse=True)
def made_before() -> None:
    """Make the bomb before the time of a call runs, and not for those who only collect the tests."""
    _bomb()


def bomb(handler: Handler, reply: Reply) -> None:
    _packed(handler, _bomb(), "gzip")


def bomb_in_a_bomb(handler: Handler, reply: Reply) -> None:
    _packed(handler, gzip.compress(_bomb()), "gzip, gzip")


def garbage(handler: Handler, reply: Reply) -> None:
    handler.wfile.write(b"\x00\xff\x1b[2J no HTTP at all\r\n\r\n")


# ways to change an answer


def without_usage(reply: Reply) -> Reply:
    if reply.body.startswith(b"{"):
        document = json.loads(reply.body)
        for name in ("usage", "duration"):
            document.pop(name, None)
        return Reply(reply.status, reply.headers, json.dumps(document).encode())
    if b"data:" in reply.body:
        return Reply(reply.status, reply.headers, b"data: [DONE]\n\n")
    return reply


def no_utf8(reply: Reply) -> Reply:
    return Reply(200, {**reply.headers, **JSON}, b'{"text": "\xff\xfe", "usage": {"total_tokens": 1}}')


def elsewhere(_: Reply) -> Reply:
    return Reply(302, {"location": "http://192.0.2.7/collect"}, b"")


def test_the_gateway_that_all_these_are_made_of_is_conformant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = judge(tmp_path, capsys)
    assert (ran.code, ran.failed()) == (0, set())
    assert "Conformant to spec 0.1 for usage and cost of: chat, speech, transcription" in ran.text
    assert set(ran.outcomes().values()) == {"pass"}
    assert ran.report is not None
    assert ran.report["notes"] == []


NOT_READY = {
    "always zero": (
        {"cost": always("0")},
        "prices not applied: a plain text call costs 0.0000198 USD at the suite's prices, but header x-cost "
        "says 0; give the gateway the suite's prices",
    ),
    "no cost": (
        {"cost": always(None)},
        "prices not applied: a plain text call costs 0.0000198 USD at the suite's prices, but /cost of GET "
        "/usage says that the cost is unknown",
    ),
    "ignores the upstream": (
        {"asks": False},
        "answered 200 without calling the upstream at http://127.0.0.1:",
    ),
    "hangs": ({"wire": hang}, "did not answer a plain text call: no complete answer within 2 s"),
    "drips a body": (
        {"wire": drip},
        "did not answer a plain text call as it should: no complete answer within 2 s",
    ),
    "drips headers": (
        {"wire": drip_headers},
        "did not answer a plain text call: no complete answer within 2 s",
    ),
    "promises for ever": (
        {"wire": promise},
        "did not answer a plain text call: no complete answer within 2 s",
    ),
    "200 MB": (
        {"wire": two_hundred_megabytes},
        "did not answer a plain text call as it should: the answer is larger than 16777216 bytes",
    ),
    "100,000 header lines": (
        {"wire": many_headers},
        "did not answer a plain text call: the headers of the answer are longer than any",
    ),
    "a bomb": (
        {"wire": bomb},
        "did not answer a plain text call as it should: the answer is larger than 16777216 bytes",
    ),
    "a bomb in a bomb": (
        {"wire": bomb_in_a_bomb},
        "did not answer a plain text call as it should: the answer is encoded as gzip, gzip; the client "
        "accepts no encoding",
    ),
    "no HTTP": (
        {"wire": garbage},
        "did not answer a plain text call: the answer broke off: illegal status line",
    ),
    "redirects": ({"alter": elsewhere}, "answered 302 although the upstream answered 200"),
}


@pytest.mark.parametrize("name", NOT_READY)
def test_a_gateway_that_is_wrong_at_once_gets_no_verdict_but_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    facts, sentence = NOT_READY[name]
    ran = judge(tmp_path, capsys, *SHORT, ready=False, **facts)
    assert ran.code == 3
    assert sentence in ran.text
    assert ran.stdout == ""
    assert len(ran.stderr.splitlines()) == 1
    assert ran.report is None
    assert len(ran.gateway.calls) <= 1


@dataclass(frozen=True)
class Expected:
    facts: dict[str, Any]
    code: int
    because: str
    """What the reader of the report finds, after the first call has gone well."""

    failed: frozenset[str] = frozenset()
    """MUST requirements that are not met."""

    others: dict[str, str] = field(default_factory=dict)
    """Cases that do not fail, though the run is not conformant."""

    cases: tuple[str, ...] = CASES


REACHES_CALLER = frozenset({"AUB-GWY-3725"})
COST = frozenset({"AUB-CHG-c3cf", "AUB-CHG-d6d8", "AUB-GWY-1cf8", "AUB-OAI-8527", "AUB-USE-6266"})
SPEECH = {"openai/speech-tts-1-binary": "pass"}
"""It has no usage object that could be lost."""

NOT_SENT = {"openai/transcription-mini-stream": "error", "openai/transcription-normal-form-duration": "error"}
"""After five calls without a complete answer the rest is not sent."""

IN_TIME = "the gateway gave no answer (no complete answer within 2 s) where the upstream answered 200"

VERDICTS = {
    "always zero": Expected({"cost": later(always("0"))}, 1, "0 is the silent zero", COST),
    "right usage and no cost": Expected(
        {"cost": later(always(None))},
        1,
        "the cost is said to be unknown where it is known",
        COST | {"AUB-CHG-17f0"},
    ),
    "right cost and no usage": Expected(
        {"alter": without_usage}, 1, "the usage is lost: the provider's answer says", REACHES_CALLER, SPEECH
    ),
    "answers the previous case": Expected(
        {"previous": True}, 1, "usage is wrong on the way to the caller", REACHES_CALLER, SPEECH
    ),
    "charges twice": Expected(
        {"rows_per_call": 2},
        1,
        "one call has 2 records of its own, so it is charged 2 times",
        frozenset({"AUB-GWY-888a"}),
    ),
    "hangs": Expected({"wire": hang}, 1, IN_TIME, REACHES_CALLER, SPEECH, FEW),
    "drips a body": Expected(
        {"wire": drip},
        1,
        "the gateway's answer was not read to its end: no complete answer within 2 s",
        REACHES_CALLER,
        SPEECH,
        FEW,
    ),
    "drips headers": Expected({"wire": drip_headers}, 1, IN_TIME, REACHES_CALLER, SPEECH, FEW),
    "200 MB": Expected(
        {"wire": two_hundred_megabytes},
        1,
        "the gateway's answer was not read to its end: the answer is larger than 16777216 bytes",
        REACHES_CALLER,
        SPEECH,
    ),
    "100,000 header lines": Expected(
        {"wire": many_headers},
        1,
        "the gateway gave no answer (the headers of the answer are longer than any)",
        REACHES_CALLER,
        SPEECH | NOT_SENT,
    ),
    "a bomb": Expected(
        {"wire": bomb},
        1,
        "the gateway's answer was not read to its end: the answer is larger than 16777216 bytes",
        REACHES_CALLER,
        SPEECH,
    ),
    "a bomb in a bomb": Expected(
        {"wire": bomb_in_a_bomb},
        1,
        "the gateway's answer was not read to its end: the answer is encoded as gzip, gzip; the client "
        "accepts no encoding",
        REACHES_CALLER,
        SPEECH,
    ),
    "invalid UTF-8": Expected(
        {"alter": no_utf8},
        3,
        "the answer says it is application/json, but is not UTF-8 at byte 10",
    ),
    "redirects": Expected(
        {"alter": elsewhere},
        1,
        "the gateway answered 302 where the upstream answered 200",
        REACHES_CALLER,
        SPEECH,
    ),
    "ignores the upstream": Expected(
        {"asks": False}, 3, "the gateway never called the upstream and answered 200"
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_gateway_that_is_wrong_after_a_good_start_is_told_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    expected = VERDICTS[name]
    timeout = SHORT if expected.cases == FEW else ()
    ran = judge(tmp_path, capsys, *timeout, cases=expected.cases, **expected.facts)
    assert (ran.code, ran.failed()) == (expected.code, expected.failed)
    assert ("Not conformant to" if expected.code == 1 else "Inconclusive on") in ran.text
    assert expected.because in ran.text
    if expected.code == 1:
        flawed = {case for case, outcome in ran.outcomes().items() if outcome == "fail"}
        assert flawed >= set(expected.cases) - {FIRST} - set(expected.others)
        assert {case: ran.outcomes()[case] for case in expected.others} == expected.others


def test_a_gateway_that_retries_every_call_is_conformant_and_its_report_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = judge(tmp_path, capsys, times=3)
    assert (ran.code, ran.failed()) == (0, set())
    assert (
        "7 calls reached the upstream more often than its answers ask for, such as "
        "openai/chat-cached-with-split (3 times); a provider charges for each"
    ) in ran.text


def test_nothing_is_asked_at_the_place_that_a_redirect_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Wrong("http://127.0.0.1:9/{model}") as other:
        here = Reply(307, {"location": f"{other.url}/v1/chat/completions"}, b"")
        ran = judge(tmp_path, capsys, alter=lambda _: here)
        assert ran.code == 1
        assert other.seen == []


# memory of the whole process


MEASURED = """
import sys
from pathlib import Path
from decibill.cli import main
status = sys.argv.pop(1)
try:
    main(sys.argv[1:])
finally:
    Path(status).write_text(Path("/proc/self/status").read_text())
"""


def _peak(tmp_path: Path, wire: Any) -> int:
    """Return the most memory that ``decibill run`` held, in megabytes."""
    port = free_port()
    with Wrong(f"http://127.0.0.1:{port}/c/{{model}}/v1", wire=wire) as gateway:
        document = declared()
        document["gateway"]["url"] = gateway.url
        (tmp_path / "mini.toml").write_text(toml_text(document, "mini.toml"), "utf-8")
        words = [sys.executable, "-c", MEASURED, f"{tmp_path}/status", "run"]
        words += ["--gateway", f"{tmp_path}/mini.toml", "--out", f"{tmp_path}/out", "--settle", "0"]
        words += ["--upstream-port", str(port), *(word for name in CASES for word in ("--only", name))]
        paths = {"PYTHONPATH": os.pathsep.join(word for word in sys.path if word)}
        environment = dict(os.environ) | paths
        done = subprocess.run(words, check=False, env=environment, capture_output=True, text=True)
    assert done.returncode == (0 if wire is None else 1), done.stderr
    lines = (tmp_path / "status").read_text("utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) // 1024


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say how much memory was held")
def test_seven_answers_of_any_size_take_the_room_of_one(tmp_path: Path) -> None:
    sound = _peak(tmp_path, None)
    assert _peak(tmp_path, bomb) < sound + 100
    assert _peak(tmp_path, two_hundred_megabytes) < sound + 100


def test_the_costs_are_those_of_the_corpus() -> None:
    assert len(COSTS) == len(CASES)
    assert "0" not in COSTS.values()
