"""Clients that make several calls, for each of which something else is right."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest
from decibill import upstream_server
from decibill._data import data_directory
from decibill.case import Answer, ExchangeCase, Step
from decibill.case_checks import case_faults
from decibill.cases import load_cases
from decibill.drive import DriveOptions
from decibill.errors import InvalidFileError
from decibill.judge_measured import is_measured, measured_cost
from decibill.outcome import CheckResult, Outcome
from decibill.plan import plan
from decibill.statements import Delivery, SourceObservation
from decibill.upstream_server import ReplayUpstream
from tests.driven import TEXT_CHAT, run, variant
from tests.scene import CASE, attempt, body, case, changed, checks, declaration, ledger, seen, stated

FIXTURES = data_directory("fixtures")
ALL = {case.id: case for case in load_cases()}
EIGHT = "gateway/eight-calls-at-once"
CACHED = "gateway/cached-chat"
FALLBACK = "gateway/fallback-to-another-provider"


def exchange_case(name: str) -> ExchangeCase:
    found = ALL[name]
    assert isinstance(found, ExchangeCase)
    return found


def another(audio: int, cost: str) -> dict[str, Any]:
    """What is right for a call of *audio* tokens."""
    usage = {
        "quantities": {"audio_input_tokens": audio},
        "basis": {"audio_input_tokens": "provider_reported"},
    }
    line = {**CASE["then"]["charge"]["lines"][0], "billed": str(audio), "subtotal": cost}
    return {"usage": usage, "charge": {**CASE["then"]["charge"], "total": cost, "lines": [line]}}


ANSWER = CASE["given"]["upstream"][0]["answers"][0]
CALL = {"openai": {"form": {"model": "{model}", "prompt": "second"}}}
PAIR = {
    "/when/client": {"parallel": 2},
    "/when/others": [CALL],
    "/then/others": [another(100, "0.00074")],
    "/given/upstream/0/answers": [{"if": {"/form/prompt": None}, **ANSWER}, ANSWER],
}
HIT = {"status": "not_billable", "currency": "USD", "total": "0", "lines": [], "unpriced": [], "flags": []}
CACHE = {
    "/features": ["transcription", "client.repeat", "gateway.cache"],
    "/when/client": {"repeat": 2},
    "/then/others": [{"charge": HIT}],
}
FIRST, SECOND = "0.0085276", "0.00074"
TELLS = declaration(**{"/observe/1/call": "/call", "/correlate": {"response_header": "x-call"}})


def tokens(audio: int) -> dict[str, Any]:
    return {"audio_input_tokens": stated(audio)}


def results(
    of: ExchangeCase, *calls: SourceObservation, attempts: int = 2, gateway: Any = None
) -> dict[str, CheckResult]:
    observation = seen(
        calls=tuple((each,) for each in calls),
        deliveries=(Delivery(200),) * len(calls),
        attempts=(attempt(),) * attempts,
    )
    return checks(of, observation, gateway)


def test_each_call_has_its_own_request_answer_and_right_answer() -> None:
    of = exchange_case(EIGHT)
    calls = [of.of_call(number) for number in range(of.client.calls)]

    assert calls[0] is of
    assert len({str(each.when["openai"].json) for each in calls}) == 8
    assert len({json.dumps(each.exchange["response"]["json"]["usage"]) for each in calls}) == 8
    assert len({each.charge.total for each in calls if each.charge}) == 8
    for each in calls:
        assert each.usage is not None
        reported = each.exchange["response"]["json"]["usage"]
        assert reported["completion_tokens"] == each.usage.quantities["output_tokens"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({**PAIR, "/when/client": {"parallel": 3}}, "/then/others"),
        ({**PAIR, "/when/others": [CALL, CALL]}, "/when/others"),
    ],
    ids=["another number of calls", "more calls than right answers"],
)
def test_calls_and_right_answers_are_equally_many(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidFileError) as raised:
        case(**changes)
    assert raised.value.pointer == pointer


@pytest.mark.parametrize("gateway", [TELLS, declaration()], ids=["told apart by id", "in any order"])
def test_every_call_with_its_own_usage_passes(gateway: Any) -> None:
    right = (
        ledger(FIRST, usage=tokens(784), records=("a",)),
        ledger(SECOND, usage=tokens(100), records=("b",)),
    )
    of = case(**PAIR)

    found = results(of, *right, gateway=gateway)

    assert {name: each.outcome for name, each in found.items() if each.outcome is Outcome.FAIL} == {}
    assert found["cost"].outcome is found["once"].outcome is Outcome.PASS


def test_usage_that_two_calls_have_exchanged_is_seen_where_records_name_their_call() -> None:
    mixed = (
        ledger(SECOND, usage=tokens(100), records=("a",)),
        ledger(FIRST, usage=tokens(784), records=("b",)),
    )
    found = results(case(**PAIR), *mixed, gateway=TELLS)

    assert found["cost"].outcome is found["ledger.audio_input_tokens"].outcome is Outcome.FAIL


def test_records_in_any_order_are_given_to_the_calls_that_they_fit() -> None:
    swapped = (
        ledger(SECOND, usage=tokens(100), records=("a",)),
        ledger(FIRST, usage=tokens(784), records=("b",)),
    )
    found = results(case(**PAIR), *swapped)

    assert found["cost"].outcome is found["ledger.audio_input_tokens"].outcome is Outcome.PASS


def test_usage_that_is_there_twice_is_seen_in_any_order() -> None:
    twice = (
        ledger(SECOND, usage=tokens(100), records=("a",)),
        ledger(SECOND, usage=tokens(100), records=("b",)),
    )
    found = results(case(**PAIR), *twice)

    assert found["cost"].outcome is Outcome.FAIL
    assert found["cost"].where.endswith("call 1")


def test_records_of_a_wrong_cost_are_given_to_the_calls_by_their_usage() -> None:
    wrong = (
        ledger("0.5", usage=tokens(100), records=("b",)),
        ledger("0.6", usage=tokens(784), records=("a",)),
    )
    found = results(case(**PAIR), *wrong)

    assert found["cost"].outcome is Outcome.FAIL
    assert {each.outcome for name, each in found.items() if name.startswith("ledger.")} == {Outcome.PASS}


def test_records_without_a_cost_stay_where_they_are() -> None:
    found = results(case(**PAIR), ledger(None, records=("a",)), ledger(SECOND, records=("b",)))

    assert found["cost"].outcome is Outcome.FAIL


def test_usage_in_the_wrong_answer_is_seen_by_the_caller() -> None:
    def received(audio: int, right: int) -> SourceObservation:
        return SourceObservation(
            "body",
            "caller",
            usage=dict(body(audio_input_tokens=audio).usage),
            sent={"audio_input_tokens": Decimal(right)},
        )

    right = results(case(**PAIR), received(784, 784), received(100, 100))
    mixed = results(case(**PAIR), received(100, 784), received(784, 100))

    assert right["caller.audio_input_tokens"].outcome is Outcome.PASS
    assert mixed["caller.audio_input_tokens"].outcome is Outcome.FAIL


@pytest.mark.parametrize("hit", ["0", None], ids=["zero", "unknown"])
def test_an_answer_from_the_cache_costs_nothing(hit: str | None) -> None:
    found = results(
        case(**CACHE),
        ledger(FIRST, usage=tokens(784), records=("a",)),
        ledger(hit, usage=tokens(784), records=("b",)),
        attempts=1,
    )

    assert {name for name, each in found.items() if each.outcome is Outcome.FAIL} == set()
    assert found["once"].outcome is Outcome.PASS


def test_an_answer_from_the_cache_needs_no_record() -> None:
    found = results(
        case(**CACHE), ledger(FIRST, usage=tokens(784), records=("a",)), ledger(records=()), attempts=1
    )

    assert found["once"].outcome is found["cost"].outcome is Outcome.PASS


def test_a_charge_for_an_answer_from_the_cache_is_seen() -> None:
    found = results(case(**CACHE), ledger(FIRST, records=("a",)), ledger(FIRST, records=("b",)), attempts=1)

    assert found["cost"].outcome is Outcome.FAIL


def test_a_gateway_that_did_not_use_its_cache_is_not_judged() -> None:
    found = results(case(**CACHE), ledger(FIRST, records=("a",)), ledger(FIRST, records=("b",)))

    assert found["cost"].outcome is Outcome.NOT_TESTABLE
    assert "answered no call from its cache" in found["cost"].because


@pytest.mark.parametrize(("name", "word"), [(CACHED, "a cache of answers"), (FALLBACK, "a fallback")])
def test_a_gateway_is_asked_only_for_what_it_declares(name: str, word: str) -> None:
    azure = {"/upstream/base/azure": "{upstream}/c/{case.token}"}
    without = plan(declaration(**azure), [ALL[name]])
    extra = ["gateway.cache", "upstream.fallback"]
    with_it = plan(declaration(**{**azure, "/features/extra": extra}), [ALL[name]])

    assert without.not_declared[0].reason.startswith(word)
    assert [each.case.id for each in with_it.instances] == [name]


def test_a_fallback_asks_for_another_model_than_the_billed_one() -> None:
    of = exchange_case(FALLBACK)

    assert (of.asked["provider"], of.provider) == ("openai", "azure")
    assert exchange_case(CACHED).asked == exchange_case(CACHED).exchange


def test_a_fallback_may_ask_once_for_each_model_and_a_plain_call_once_in_all() -> None:
    plain = exchange_case("openai/transcription-4o-json")

    assert (exchange_case(FALLBACK).most_attempts, plain.most_attempts) == (2, 1)


# What is checked of a case file


def document(name: str) -> dict[str, Any]:
    return json.loads((FIXTURES / "cases" / f"{name}.json").read_text("utf-8"))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "changes", "pointer", "words"),
    [
        (EIGHT, {"/when/client": {"parallel": 7}}, "/when/others", "has 7 calls; the client makes 7"),
        (EIGHT, {"/then/others": ...}, "/then", "says nothing of the calls"),
        (EIGHT, {"/given/upstream/0/answers/7": ...}, "/given/upstream", "an answer for each of the 8 calls"),
        (EIGHT, {"/when/others/2": {"azure": {}}}, "/when/others/2", "in the dialects of the first call"),
        (
            EIGHT,
            {"/then/others/3/charge/lines/0/billed": "99"},
            "/then/others/3/charge/lines/0",
            "99",
        ),
        (
            EIGHT,
            {"/when/others/1/openai/json/model": "gpt-audio-mini"},
            "/when/others/1/openai",
            "must ask for {model}",
        ),
        (EIGHT, {"/why": "Eight calls, of which the first costs 0.0006282."}, "/why", "does not come to"),
        (CACHED, {"/features": ["chat", "client.repeat"]}, "/features", "lacks gateway.cache"),
        (
            CACHED,
            {"/then/others/0/charge/total": "0.1", "/why": "0.000747, and 0.1 for the second call."},
            "/then/others/0/charge",
            "",
        ),
        (
            "gateway/two-calls",
            {"/features": ["chat", "price.audio_token_based", "client.repeat", "gateway.cache"]},
            "/features",
            "names gateway.cache, which nothing",
        ),
        (
            "gateway/fallback-to-another-model",
            {"/features": ["chat", "price.audio_token_based"]},
            "/features",
            "lacks upstream.fallback",
        ),
    ],
)  # fmt: skip
def test_a_fault_of_any_call_is_found_at_its_place(
    name: str, changes: dict[str, Any], pointer: str, words: str
) -> None:
    at = {key: value for key, value in changes.items() if value is not ...}
    wrong = changed(document(name), at)
    for key in changes.keys() - at.keys():
        *path, last = key.split("/")[1:]
        place: Any = wrong
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
        del place[int(last) if isinstance(place, list) else last]

    faults = case_faults(wrong, FIXTURES)

    assert any(fault.pointer.startswith(pointer) and words in fault.problem for fault in faults), faults


# The upstream and the client


def post(upstream: ReplayUpstream, prompt: str) -> str:
    url = f"{upstream.url}/c/one/v1/chat/completions"
    return httpx.post(url, json={"prompt": prompt}, trust_env=False, timeout=20).text


def answer(prompt: str) -> Answer:
    exchange = {
        "provider": "openai",
        "operation": "chat",
        "model": "m",
        "response": {"status": 200, "json": {"to": prompt}},
    }
    return Answer({"/json/prompt": prompt}, exchange)


def test_calls_at_once_meet_at_the_upstream_and_each_gets_its_own_answer(tmp_path: Path) -> None:
    prompts = ("a", "b", "c")
    with ReplayUpstream(fixtures=tmp_path) as upstream, ThreadPoolExecutor(3) as pool:
        upstream.load("one", [Step(tuple(map(answer, prompts)))], together=3)
        for _ in range(2):  # the second time they have to meet anew
            upstream.begin("one")
            got = list(pool.map(lambda prompt: post(upstream, prompt), prompts))
            assert got == ['{"to": "a"}', '{"to": "b"}', '{"to": "c"}']


def test_a_gateway_that_makes_fewer_calls_at_once_is_answered_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream_server, "_LONGEST_HOLD_S", 0.05)
    with ReplayUpstream(fixtures=tmp_path) as upstream:
        upstream.load("one", [Step((answer("a"),))], together=2)
        upstream.begin("one")
        assert [post(upstream, "a"), post(upstream, "a")] == ['{"to": "a"}'] * 2


def test_the_client_makes_every_call_of_the_case() -> None:
    first = TEXT_CHAT.document["when"]["openai"]["json"]
    others = [{"openai": {"json": {**first, "user": f"{n}"}}} for n in (1, 2)]
    then, exchange = TEXT_CHAT.document["then"], TEXT_CHAT.document["given"]["upstream"][0]["answers"][0]
    right = {member: then[member] for member in ("usage", "charge")}
    several = variant(
        "several",
        when={"openai": {"json": first}, "client": {"parallel": 3}, "others": others},
        given={**TEXT_CHAT.document["given"], "upstream": [{"answers": [exchange] * 3}]},
        then={**then, "others": [right, right]},
    )

    driven, _ = run([several], options=DriveOptions(timeout_s=20))

    (observation,) = driven.observations.values()
    asked = {str(each.request["json"].get("user")) for each in observation.attempts}
    assert asked == {"None", "1", "2"}
    assert len(observation.deliveries) == len(observation.sources) == 3


# What an honest measurement may cost


@pytest.mark.parametrize(
    ("name", "slack"),
    [
        ("openai/transcription-whisper-text-m4a-upload", Fraction("0.1") * Fraction("0.0102") / 60),
        ("openai/transcription-whisper-m4a-upload", 0),
        ("openai/transcription-whisper-text", 0),
        ("openai/transcription-whisper-text-flac-upload", 0),
        ("openai/chat-error-400", 0),
    ],
    ids=["compressed", "the provider says", "WAV", "lossless", "no charge line"],
)
def test_only_what_a_compressed_upload_costs_may_be_off(name: str, slack: Fraction) -> None:
    assert measured_cost(exchange_case(name)) == slack
    assert is_measured(exchange_case(name)) is bool(slack)


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"parts": [{"type": "text"}, {"audio": {"$base64": "audio/tone-2.6s.ogg"}}]}},
        {"media": {"media_file": "audio/tone-2.2s.mp3"}},
    ],
    ids=["inside JSON", "the whole body"],
)
def test_a_compressed_upload_is_found_wherever_it_stands(body: dict[str, Any]) -> None:
    usage = {"quantities": {"audio_duration_seconds": "2.6"}, "basis": {"audio_duration_seconds": "media"}}

    assert is_measured(case(**{"/when/openai": body, "/then/usage": usage}))


@pytest.mark.parametrize(
    ("seconds", "outcome"),
    [("3.7", Outcome.PASS), ("3.776", Outcome.PASS), ("3.85", Outcome.FAIL), ("0", Outcome.FAIL)],
)
def test_a_gateway_may_measure_the_fill_of_a_compressed_upload(seconds: str, outcome: Outcome) -> None:
    cost = format(Decimal(seconds) * Decimal("0.00017"), "f")
    found = checks(exchange_case("openai/transcription-whisper-text-m4a-upload"), seen(ledger(cost)))

    assert found["cost"].outcome is outcome
