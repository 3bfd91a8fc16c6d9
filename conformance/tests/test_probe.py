"""``decibill probe`` finds where a gateway states usage and cost, and says how sure it is."""

from __future__ import annotations

import itertools
import json
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from click.testing import CliRunner, Result
from decibill import cli as command_line
from decibill import engine
from decibill.case import ExchangeCase
from decibill.cases import load_cases
from decibill.declaration import Declaration
from decibill.declaration_read import parse
from decibill.drive import DriveOptions
from decibill.engine import RunOptions
from decibill.errors import DecibillError, InvalidFileError, PreflightError
from decibill.outcome import Outcome
from decibill.probe import CASES, ProbedCall, ProbeOptions, probe, probe_cases
from decibill.probe_draft import Draft, draft
from decibill.probe_surfaces import number
from decibill.process import free_port
from tests.miniature import Miniature, Reply


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The miniatures write at once, so nothing more comes after a moment."""
    monkeypatch.setattr("decibill.probe._STILL_S", 0.02)
    monkeypatch.setattr("decibill.probe._ASK_EVERY_S", 0.01)


def usage_of(case: ExchangeCase) -> dict[str, Any]:
    """Return the right usage under plain names of a gateway's own."""
    assert case.usage is not None
    return {name: str(value) for name, value in case.usage.quantities.items()}


def right_cost(case: ExchangeCase) -> Fraction:
    """Return the right cost."""
    assert case.charge is not None
    return case.charge.exact_total


def usd(amount: Fraction) -> str:
    """Return an amount as a decimal."""
    return format(Decimal(amount.numerator) / Decimal(amount.denominator), "f")


@dataclass
class Gateway(Miniature):
    """A miniature that knows what is right about the calls of a probe, and says it where a test wants it."""

    in_header: Callable[[ExchangeCase], str | None] = lambda _: None
    in_row: Callable[[ExchangeCase], Mapping[str, Any]] = lambda _: {}
    in_body: Callable[[ExchangeCase], Mapping[str, Any]] = lambda _: {}
    listing: Callable[[list[dict[str, object]]], bytes] = lambda rows: json.dumps({"data": rows}).encode()
    counters: dict[str, Decimal] = field(default_factory=dict)
    count: Callable[[ExchangeCase], Mapping[str, Decimal]] = lambda _: {}
    strip: bool = False
    """Whether it leaves the provider's usage object out of its answers."""

    order: tuple[ExchangeCase, ...] = field(default_factory=probe_cases)

    def __enter__(self) -> Gateway:
        self._turn = itertools.count()
        super().__enter__()
        return self

    def current(self) -> ExchangeCase:
        """Return the case of the call that is being answered."""
        return self.order[min(len(self.seen), len(self.order)) - 1]

    def answer(self, handler: Any, reply: Reply) -> None:
        if handler.command == "POST" and reply.status == 200:
            case = self.current()
            row = {"id": f"call-{len(self.seen)}", "model": case.model, **self.in_row(case)}
            self.rows.append(row)
            reply.headers["x-call"] = str(row["id"])
            stated = self.in_header(case)
            if stated is not None and not case.stream:
                reply.headers["x-spent"] = stated
            reply.body = self.rewritten(reply, case)
            for name, value in self.count(case).items():
                self.counters[name] = self.counters.get(name, Decimal(0)) + value
        super().answer(handler, reply)

    def rewritten(self, reply: Reply, case: ExchangeCase) -> bytes:
        kind = reply.headers.get("content-type", "")
        if "json" in kind:
            document = json.loads(reply.body)
            if self.strip:
                document.pop("usage", None)
            return json.dumps({**document, **self.in_body(case)}).encode()
        if "event-stream" in kind and self.in_body(case):
            return reply.body + f"data: {json.dumps(self.in_body(case))}\n\n".encode()
        return reply.body

    def get(self, handler: Any) -> None:
        if handler.path == "/rows":
            self.answer(handler, Reply(200, {"content-type": "application/json"}, self.listing(self.rows)))
        elif handler.path == "/metrics":
            text = "".join(f"{name} {value}\n" for name, value in self.counters.items())
            self.answer(handler, Reply(200, {"content-type": "text/plain"}, text.encode()))
        elif handler.path.startswith("/row/"):
            found = [row for row in self.rows if handler.path == f"/row/{row['id']}"]
            reply = Reply(200 if found else 404, {}, json.dumps(found[0] if found else {}).encode())
            self.answer(handler, reply)
        else:
            super().get(handler)

    def post(self, handler: Any) -> None:
        self.rows_per_call = 0
        super().post(handler)


@contextmanager
def gateway(**behaviour: Any) -> Iterator[tuple[Gateway, int]]:
    """Yield a gateway that is aimed at a free port, and the port."""
    port = free_port()
    with Gateway(f"http://127.0.0.1:{port}/v1", **behaviour) as started:
        yield started, port


def probed(apis: tuple[str, ...] = (), **behaviour: Any) -> tuple[ProbedCall, ...]:
    """Return what came of probing such a gateway."""
    with gateway(**behaviour) as (started, port):
        options = ProbeOptions({}, apis, upstream_port=port, settle_s=1.0)
        return probe(started.url, options)


def drafted(apis: tuple[str, ...] = (), **behaviour: Any) -> tuple[dict[str, Any], str]:
    """Return the draft as data, and as text."""
    made = draft(probed(apis, **behaviour))
    return tomllib.loads(made.text), made.text


def source(document: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the drafted source of a kind."""
    (found,) = [each for each in document["observe"] if each["from"] == kind]
    return dict(found)


def comment(text: str, line: str) -> str:
    """Return the comment of the line that begins so."""
    (found,) = [each for each in text.splitlines() if each.startswith(line)]
    return found.partition("   # ")[2]


# Cost


@pytest.mark.parametrize(
    ("state", "cost", "says"),
    [
        (lambda case: usd(right_cost(case)), {"name": "x-spent"}, "in USD"),
        (lambda case: usd(right_cost(case) * 100), {"name": "x-spent", "per_usd": 100}, "in cents"),
        (lambda case: repr(float(right_cost(case)) * 3 / 3), {"name": "x-spent"}, "in USD"),
        (
            lambda case: str(round(right_cost(case) * 10**6)),
            {"name": "x-spent", "per_usd": 1000000, "tolerance": {"resolution": "0.000001"}},
            "in micro-USD",
        ),
        (
            lambda case: f"{int(right_cost(case) * 10**6) / 10**6:.6f}",
            {"name": "x-spent", "tolerance": {"resolution": "0.000001", "rounds": "down"}},
            "in USD",
        ),
        (
            lambda case: str(math.ceil(right_cost(case) * 10**6)),
            {"name": "x-spent", "per_usd": 1000000, "tolerance": {"resolution": "0.000001", "rounds": "up"}},
            "in micro-USD",
        ),
    ],
    ids=["usd", "cents", "float", "micro", "cut off", "rounded up"],
)
def test_the_cost_of_a_header_is_found_in_its_unit(state: Any, cost: Mapping[str, Any], says: str) -> None:
    document, text = drafted(in_header=state)
    found = source(document, "header")

    assert found["cost"] == cost
    assert found["only"] == {"stream": False}
    assert comment(text, "cost").startswith("sure: right in ")
    assert comment(text, "cost").endswith(says)


def test_the_cost_of_a_body_is_found_in_json_and_in_streams() -> None:
    document, text = drafted(in_body=lambda case: {"billing": {"total": float(right_cost(case))}})

    assert source(document, "body")["cost"] == {"pointer": "/billing/total"}
    assert comment(text, "cost").startswith("sure: right in 8 of 9 calls"), (
        "speech in bytes has no body to hold it"
    )


def test_a_cost_at_other_prices_is_pointed_out_and_not_drafted() -> None:
    document, text = drafted(in_header=lambda case: usd(right_cost(case) / 2), strip=True)

    assert "observe" not in document or all("cost" not in each for each in document["observe"])
    assert "# Not found: the cost. Are the models priced as `decibill probe --prices` lists them?" in text


def test_a_member_named_like_a_cost_with_another_number_is_a_hint() -> None:
    _, text = drafted(in_body=lambda _: {"cost": "0.5"})

    assert (
        "# /cost of the body is named like a cost and says 0.5 where 0.0000198 is right in "
        "gateway/preflight-text-chat." in text
    )


def test_a_cost_that_is_wrong_for_audio_is_found_and_called_so() -> None:
    text_only = CASES[0]
    _, text = drafted(
        in_header=lambda case: usd(right_cost(case)) if case.id == text_only else "0.000123456789"
    )

    said = comment(text, "cost")
    assert said.startswith("not always: right in 1 of 9 calls; 0.000123456789 where 0.0072468 is right in")


# Records


def full(case: ExchangeCase) -> dict[str, Any]:
    """Return a record that says everything right."""
    return {"cost": usd(right_cost(case)), "used": usage_of(case), "stage": "done"}


def test_records_are_found_with_what_tells_them_apart() -> None:
    document, text = drafted(("/rows",), in_row=full)
    found = source(document, "poll")

    assert (found["get"], found["rows"], found["place"]) == ("/rows", "/data", "ledger")
    assert found["match"] == {"/model": "{case.model}"}
    assert found["identity"] == ["/id"]
    assert found["call"] == "/id"
    assert document["correlate"] == {"response_header": "x-call"}
    assert found["cost"] == {"pointer": "/cost"}
    assert found["usage"]["audio_input_tokens"] == "/used/audio_input_tokens"
    assert found["usage"]["tts_characters"] == "/used/tts_characters"
    assert comment(text, "cost").startswith("sure: right in 9 of 9 calls")
    assert comment(text, "tts_characters") == "likely: right in 1 of 9 calls"


def test_records_of_other_stages_are_told_apart() -> None:
    class Twice(Gateway):
        def answer(self, handler: Any, reply: Reply) -> None:
            if handler.command == "POST":
                self.rows.append(
                    {"id": f"early-{len(self.rows)}", "model": "?", "stage": "begun", "cost": None}
                )
            super().answer(handler, reply)

    port = free_port()
    with Twice(f"http://127.0.0.1:{port}/v1", in_row=full) as started:
        made = draft(probe(started.url, ProbeOptions({}, ("/rows",), upstream_port=port, settle_s=1.0)))

    found = source(tomllib.loads(made.text), "poll")
    assert found["match"] == {"/model": "{case.model}", "/stage": "done"}


def test_a_bare_list_is_a_list() -> None:
    document, _ = drafted(("/rows",), in_row=full, listing=lambda rows: json.dumps(rows).encode())

    assert source(document, "poll")["rows"] == ""


def test_one_record_under_the_id_of_a_header_is_found() -> None:
    document, _ = drafted(("/row/{call.id}",), in_row=full)
    found = source(document, "poll")

    assert found["get"] == "/row/{call.id}"
    assert "rows" not in found
    assert document["correlate"] == {"response_header": "x-call"}
    assert found["cost"] == {"pointer": "/cost"}


def test_records_that_nothing_tells_apart_are_called_so() -> None:
    class Nameless(Gateway):
        def answer(self, handler: Any, reply: Reply) -> None:
            super().answer(handler, reply)
            if handler.command == "POST":
                self.rows[-1].pop("id")

    port = free_port()
    with Nameless(f"http://127.0.0.1:{port}/v1", in_row=lambda case: {"used": usage_of(case)}) as started:
        made = draft(probe(started.url, ProbeOptions({}, ("/rows",), upstream_port=port, settle_s=1.0)))

    assert comment(made.text, "identity") == "a guess: nothing was found that tells two records apart"


def test_usage_without_what_was_cached_is_called_so() -> None:
    def disjoint(case: ExchangeCase) -> dict[str, Any]:
        assert case.usage is not None
        used = case.usage.quantities
        return {
            "prompt": int(used.get("input_tokens", 0)) - int(used.get("cached_input_tokens", 0)),
            "cache_read": int(used.get("cached_input_tokens", 0)),
        }

    document, text = drafted(("/rows",), in_row=disjoint)
    found = source(document, "poll")

    assert found["usage"] == {"input_tokens": "/prompt", "cached_input_tokens": "/cache_read"}
    assert "without what was cached" in comment(text, "input_tokens")
    assert 'write convention = "disjoint"' in text


def test_a_quantity_that_has_other_names_in_other_calls_has_both() -> None:
    def named(case: ExchangeCase) -> dict[str, Any]:
        name = "prompt_tokens" if case.operation == "chat" else "input_tokens"
        return {name: usage_of(case).get("input_tokens", "0")}

    document, _ = drafted(("/rows",), in_row=named)

    assert source(document, "poll")["usage"]["input_tokens"] == ["/prompt_tokens", "/input_tokens"]


def test_usage_that_is_lost_in_some_calls_is_found_and_called_so() -> None:
    def lossy(case: ExchangeCase) -> dict[str, Any]:
        return {"prompt_tokens": usage_of(case)["input_tokens"] if case.operation == "chat" else 0}

    _, text = drafted(("/rows",), in_row=lossy)

    said = comment(text, "input_tokens")
    assert said == "not always: right in 4 of 9 calls; 0 where 784 is right in openai/transcription-4o-json"


def test_a_number_that_is_right_by_chance_is_not_taken() -> None:
    document, _ = drafted(("/rows",), in_row=lambda _: {"weight": 28, "prompt_tokens_of_another": 4711})

    assert "poll" not in {each["from"] for each in document["observe"]}


# Counters


def test_a_counter_that_grows_by_the_cost_is_found() -> None:
    def counted(case: ExchangeCase) -> dict[str, Decimal]:
        return {f'spend_usd_total{{model="{case.model}"}}': Decimal(usd(right_cost(case)))}

    document, text = drafted(("/metrics",), count=counted)
    found = source(document, "metrics")

    assert found["cost"] == {"name": 'spend_usd_total{model="{case.name}"}'}
    assert (found["get"], found["place"]) == ("/metrics", "ledger")
    assert comment(text, "cost").startswith("sure")


# The body


def test_the_usage_object_of_the_dialect_is_found() -> None:
    document, text = drafted()

    assert source(document, "body")["usage"] == "dialect"
    assert comment(text, "usage") == "right in 8 of 9 calls"


def test_what_the_usage_object_lost_is_named() -> None:
    def without_details(reply: Reply) -> Reply:
        if "json" in reply.headers["content-type"]:
            document = json.loads(reply.body)
            for name in ("prompt_tokens_details", "completion_tokens_details", "input_token_details"):
                document.get("usage", {}).pop(name, None)
            reply.body = json.dumps(document).encode()
        return reply

    _, text = drafted(change=without_details)

    assert "it lacks" in comment(text, "usage")
    assert "audio_input_tokens" in comment(text, "usage")


def test_usage_under_names_of_its_own_is_found_in_the_body() -> None:
    document, _ = drafted(
        strip=True, in_body=lambda case: {"meter": {"in": usage_of(case).get("input_tokens")}}
    )

    assert source(document, "body")["usage"] != {}


def test_what_is_nowhere_is_named_with_a_figure() -> None:
    _, text = drafted()

    assert "tts_characters (40 in openai/speech-tts-1-hd-binary)" in text
    assert "total_tokens" not in text, "a sum is not missed"
    assert "# Not found: the cost." in text


# Calls that do not go through


def test_calls_that_are_refused_are_named() -> None:
    def no_speech(reply: Reply) -> Reply:
        return reply if "audio" not in reply.headers["content-type"] else Reply(404, {}, b"no such route")

    _, text = drafted(change=no_speech)

    assert "# Went through: chat (3), chat as a stream (1), transcription (2)," in text
    assert "# openai/speech-tts-1-hd-binary, speech: answered 404." in text


def test_a_gateway_that_is_not_aimed_at_the_upstream_is_told_so() -> None:
    with (
        gateway(calls_upstream=False) as (started, port),
        pytest.raises(
            PreflightError, match=r"aim the gateway at http://127\.0\.0\.1:\d+/v1 .* it answered 200"
        ),
    ):
        probe(started.url, ProbeOptions({}, upstream_port=port))


def test_a_gateway_that_does_not_answer_is_told_so() -> None:
    with pytest.raises(PreflightError, match="is it running"):
        probe(f"http://127.0.0.1:{free_port()}", ProbeOptions({}, upstream_port=0))


def test_a_gateway_that_asks_for_something_else_is_told_so() -> None:
    class Asks(Gateway):
        def forward(self, handler: Any, model: str, body: bytes) -> Reply:
            return super().forward(handler, model, body.replace(b'"stream": true', b'"stream": false'))

    port = free_port()
    with Asks(f"http://127.0.0.1:{port}/v1") as started:
        made = draft(probe(started.url, ProbeOptions({}, upstream_port=port)))

    assert "the gateway asked the upstream for something else: /json/stream" in made.text


def test_an_api_that_cannot_be_read_is_named() -> None:
    _, text = drafted(("/nowhere",))

    assert "# GET /nowhere answered 404." in text


def test_what_a_gateway_says_cannot_leave_its_comment() -> None:
    made = draft(probed(in_body=lambda _: {"cost\n[start]\nargv": "0.5"}))

    assert "start" not in tomllib.loads(made.text)


def test_nothing_is_found_where_nothing_is_said() -> None:
    made = draft(probed(strip=True, change=lambda _: Reply(200, {"content-type": "text/plain"}, b"ok")))

    assert not made.found
    assert "[[observe]]" not in made.text


def test_headers_and_names_of_models_are_sent() -> None:
    with gateway(key="k-1") as (started, port), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROBE_KEY", "k-1")
        headers = {"Authorization": "Bearer {env.PROBE_KEY}"}
        probe(started.url, ProbeOptions(headers, upstream_port=port))
        with pytest.raises(PreflightError, match="answered 401"):
            probe(started.url, ProbeOptions({}, upstream_port=port))
        named = probe(started.url, ProbeOptions(headers, model="x/{case.model}", upstream_port=port))

    assert named[0].model == "x/gpt-4o-mini"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("0.5", "0.5"), (7, "7"), (" 7 ", "7")),
        *(("", None), ("x", None), ("9" * 100, None), ("NaN", None), ("1e99", None)),
        *((True, None), (None, None), (10**100, None)),
    ],
)
def test_what_counts_as_a_number(value: object, expected: str | None) -> None:
    assert number(value) == (None if expected is None else Decimal(expected))


# The draft in use


def declaration(made: Draft, url: str) -> Declaration:
    """Return a declaration with the drafted part."""
    return parse(
        {
            "format": 1,
            "gateway": {"id": "mini", "name": "Mini", "version": "1", "url": url, "dialects": ["openai"]},
            "features": {
                "operations": ["chat", "speech", "transcription"],
                "stream": ["chat", "speech", "transcription"],
                "price_scope": "model",
                "modifiers": ["cached"],
            },
            "prices": {"how": "book"},
            "model": {"name": "{case.model}"},
            "upstream": {"how": "manual", "select": "armed", "base": {"openai": "{upstream}/v1"}},
            "routes": {
                "openai": {
                    "chat": "/v1/chat/completions",
                    "speech": "/v1/audio/speech",
                    "transcription": "/v1/audio/transcriptions",
                }
            },
            **tomllib.loads(made.text),
        },
        "drafted.toml",
    )


def test_a_gateway_is_judged_by_what_was_drafted_for_it() -> None:
    cases = [case for case in load_cases() if case.id in CASES]
    with gateway(in_row=full) as (started, port):
        made = draft(probe(started.url, ProbeOptions({}, ("/rows",), upstream_port=port, settle_s=1.0)))
        sent = len(started.seen)
        ordered = {case.id: case for case in probe_cases()}
        # the run sends the call that tries the gateway, then the cases by id
        started.order = (*started.order[:sent], ordered[CASES[0]], *(ordered[each.id] for each in cases))
        drive = DriveOptions(upstream_port=port)
        report = engine.run(declaration(made, started.url), cases, RunOptions(drive=drive))

    assert {row.id: row.outcome for row in report.cases if row.outcome is not Outcome.PASS} == {}
    assert report.verdict.word == "conformant"


# The command


def command(*arguments: str) -> Result:
    """Return what ``decibill probe`` does."""
    return CliRunner().invoke(command_line.cli, ["probe", *arguments], standalone_mode=False)


def test_the_command_prints_the_draft() -> None:
    with gateway(in_row=full) as (started, port):
        done = command(started.url, "--api", "/rows", "--upstream-port", str(port), "--settle", "1")

    assert done.return_value == 0, done.output
    assert source(tomllib.loads(done.stdout), "poll")["cost"] == {"pointer": "/cost"}


def test_the_command_says_when_nothing_was_found() -> None:
    with gateway(change=lambda _: Reply(200, {"content-type": "text/plain"}, b"ok")) as (started, port):
        done = command(started.url, "--upstream-port", str(port), "--settle", "0")

    assert done.return_value == 3


def test_the_command_lists_the_prices_that_a_gateway_needs() -> None:
    done = command("--prices")

    assert "gpt-4o-transcribe  audio_input_tokens           7.4 USD per 1000000\n" in done.stdout
    assert {case.model for case in probe_cases()} == {line.split()[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "name the gateway's URL"),
        (("ftp://x",), "is not an HTTP address"),
        (("http://127.0.0.1:9", "--api", "http://elsewhere.example/rows"), "begins with /"),
        (("http://127.0.0.1:9", "--header", "Authorization"), "write NAME=ENV"),
        (("http://127.0.0.1:9", "--header", "Authorization=Bearer secret"), "not given on a command line"),
        (("http://127.0.0.1:9", "--header", "Authorization=NO_SUCH_VARIABLE"), "NO_SUCH_VARIABLE is not set"),
        (("http://127.0.0.1:9", "--model", "{case.modle}"), "did you mean case.model"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_sent(arguments: tuple[str, ...], problem: str) -> None:
    done = command(*arguments, "--upstream-port", "0")

    assert isinstance(done.exception, DecibillError)
    assert problem in str(done.exception)
    assert not isinstance(done.exception, PreflightError)


def test_a_header_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_KEY", "k-1")
    with gateway(key="k-1") as (started, port):
        plain = ("--header", "Authorization=PROBE_KEY", "--header", "X-Tag=tag-{env.PROBE_KEY}")
        command(started.url, *plain, "--upstream-port", str(port))
        seen = started.seen[0]

    assert (seen["authorization"], seen["x-tag"]) == ("Bearer k-1", "tag-k-1")


def test_an_unknown_place_in_a_model_is_an_error() -> None:
    with pytest.raises(InvalidFileError):
        raise command("http://127.0.0.1:9", "--model", "{nothing}").exception or AssertionError
