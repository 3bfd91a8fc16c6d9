"""Small cases, declarations and observations from which the tests of the judge are put together."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from decibill.case import ExchangeCase
from decibill.cases import parse_case
from decibill.declaration import Declaration
from decibill.declaration_read import parse
from decibill.judge import judge
from decibill.judge_call import RunFacts
from decibill.outcome import CheckResult
from decibill.plan import Instance
from decibill.statements import Attempt, Delivery, Kind, Observation, SourceObservation, Statement

__all__ = [
    "CASE",
    "UNSET",
    "attempt",
    "body",
    "case",
    "changed",
    "checks",
    "declaration",
    "found",
    "header",
    "instance",
    "ledger",
    "seen",
    "stated",
    "unpriced",
]

PRICE_BOOK = "price-books/conformance.json"
UNSET = object()

DECLARATION: dict[str, Any] = {
    "format": 1,
    "gateway": {
        "id": "tiny",
        "name": "Tiny gateway",
        "version": "1.0",
        "url": "http://127.0.0.1:9",
        "dialects": ["openai"],
    },
    "features": {
        "operations": ["transcription", "translation", "speech", "chat"],
        "stream": ["chat"],
        "price_scope": "alias",
        "modifiers": ["cached"],
    },
    "model": {"name": "{case.alias}"},
    "upstream": {"how": "file", "select": "path", "base": {"openai": "{upstream}/c/{case.token}/v1"}},
    "prices": {"how": "book"},
    "routes": {
        "openai": {
            "transcription": "/v1/audio/transcriptions",
            "speech": "/v1/audio/speech",
            "chat": "/v1/chat/completions",
        }
    },
    "observe": [
        {"id": "header", "from": "header", "place": "caller", "cost": {"name": "x-cost"}},
        {
            "id": "ledger",
            "from": "poll",
            "place": "ledger",
            "get": "/usage",
            "rows": "/data",
            "match": {"/alias": "{case.alias}"},
            "identity": ["/id"],
            "cost": {"pointer": "/cost"},
            "usage": {"audio_input_tokens": "/audio", "text_output_tokens": "/text"},
        },
        {"id": "body", "from": "body", "place": "caller", "usage": "dialect"},
    ],
}
"""A gateway with a cost header, a ledger, and the usage object of the dialect."""

CASE: dict[str, Any] = {
    "id": "openai/tokens",
    "title": "Tokens of a transcription reach the cost",
    "requirements": ["AUB-CHG-c3cf", "AUB-GWY-3725", "AUB-GWY-3a9b", "AUB-GWY-888a", "AUB-GWY-e8e3"],
    "features": ["transcription", "price.audio_token_based"],
    "since": "0.1",
    "why": "784 x 7.4 / 1M = 0.0058016; 235 x 11.6 / 1M = 0.002726; together 0.0085276.",
    "source": {"kind": "constructed", "url": "urn:decibill:constructed:test", "read": "2026-11-21"},
    "given": {
        "prices": PRICE_BOOK,
        "upstream": [
            {
                "answers": [
                    {
                        "exchange": {
                            "provider": "openai",
                            "operation": "transcription",
                            "model": "gpt-4o-transcribe",
                            "request": {"method": "POST", "path": "/audio/transcriptions"},
                            "response": {"status": 200, "headers": {}, "json": {"text": "hello"}},
                        }
                    }
                ]
            }
        ],
    },
    "when": {"openai": {"form": {"model": "{model}", "file": {"media_file": "audio/tone-78.4s.wav"}}}},
    "then": {
        "usage": {
            "quantities": {"audio_input_tokens": 784, "text_input_tokens": 0, "text_output_tokens": 235},
            "basis": {
                "audio_input_tokens": "provider_reported",
                "text_input_tokens": "provider_reported",
                "text_output_tokens": "provider_reported",
            },
            "unknown": [],
            "flags": [],
        },
        "charge": {
            "status": "priced",
            "currency": "USD",
            "total": "0.0085276",
            "entry": "openai/gpt-4o-transcribe/conformance",
            "lines": [
                {
                    "model": "gpt-4o-transcribe",
                    "quantity": "audio_input_tokens",
                    "measured": "784",
                    "billed": "784",
                    "amount": "7.4",
                    "per": "1000000",
                    "subtotal": "0.0058016",
                },
                {
                    "model": "gpt-4o-transcribe",
                    "quantity": "text_output_tokens",
                    "measured": "235",
                    "billed": "235",
                    "amount": "11.6",
                    "per": "1000000",
                    "subtotal": "0.002726",
                },
            ],
            "unpriced": [],
            "flags": [],
        },
        "proves": {
            "AUB-CHG-c3cf": ["charge", "cost"],
            "AUB-GWY-3725": ["caller.*"],
            "AUB-GWY-3a9b": ["silent_zero"],
            "AUB-GWY-888a": ["once"],
            "AUB-GWY-e8e3": ["ledger.*"],
        },
    },
}
"""A token-priced transcription: 784 audio tokens in, 235 text tokens out, 0.0085276 USD."""


def changed(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of *document* in which every pointer of *changes* has its new value; UNSET removes."""
    result = copy.deepcopy(dict(document))
    for pointer, value in changes.items():
        *path, last = pointer.split("/")[1:]
        target: Any = result
        for step in path:
            target = target[int(step)] if isinstance(target, list) else target.setdefault(step, {})
        key: Any = int(last) if isinstance(target, list) else last
        if value is UNSET:
            del target[key]
        else:
            target[key] = value
    return result


def declaration(**changes: Any) -> Declaration:
    """Return the tiny gateway, changed at pointers: ``declaration(**{"/features/retry": True})``."""
    return parse(changed(DECLARATION, changes), "tiny.toml")


def case(**changes: Any) -> ExchangeCase:
    """Return the token case, changed at pointers."""
    parsed = parse_case(changed(CASE, changes), "cases/openai/tokens.json")
    assert isinstance(parsed, ExchangeCase)
    return parsed


def unpriced(status: str, reason: str = "quantity_unknown", lines: int = 0, **changes: Any) -> ExchangeCase:
    """Return the token case with a gap: ``unmetered``, ``unpriced`` or ``partial``."""
    return case(
        **{
            "/then/charge/status": status,
            "/then/charge/total": "0.002726" if lines else None,
            "/then/charge/lines": CASE["then"]["charge"]["lines"][1 : 1 + lines],
            "/then/charge/unpriced": [
                {"model": "gpt-4o-transcribe", "quantity": "audio_input_tokens", "reason": reason}
            ],
            **changes,
        }
    )


def instance(of: ExchangeCase, left_out: tuple[str, ...] = ()) -> Instance:
    """Return the case in the OpenAI dialect."""
    return Instance(of.id, of, "openai", "token", "alias", left_out)


def stated(value: object, where: str = "/cost of GET /usage", *, is_float: bool = False) -> Statement:
    """Return a statement: a number from text, *unknown* from None, nothing from UNSET."""
    if value is UNSET:
        return Statement(Kind.NOTHING, where)
    if value is None:
        return Statement(Kind.UNKNOWN, where)
    return Statement(Kind.NUMBER, where, Decimal(str(value)), str(value), is_float)


def ledger(cost: object = UNSET, **members: Any) -> SourceObservation:
    """Return what the ledger states: by default one record that says nothing."""
    members.setdefault("records", ("r1",))
    return SourceObservation("ledger", "ledger", stated(cost), keeps_records=True, **members)


def header(cost: object = UNSET, **members: Any) -> SourceObservation:
    """Return what the cost header states."""
    return SourceObservation("header", "caller", stated(cost, "header x-cost", is_float=True), **members)


def body(**usage: object) -> SourceObservation:
    """Return what the usage object of the answer states."""
    return SourceObservation(
        "body",
        "caller",
        usage={name: stated(value, f"/usage/{name} of the body") for name, value in usage.items()},
    )


def attempt(unmatched: tuple[str, ...] = (), step: int = 0, **request: Any) -> Attempt:
    """Return one request that reached the upstream."""
    return Attempt("POST", "/audio/transcriptions", request, step, unmatched)


def seen(*sources: SourceObservation, **members: Any) -> Observation:
    """Return an observation of one call, answered with 200 after one attempt."""
    members.setdefault("deliveries", (Delivery(200),))
    members.setdefault("attempts", (attempt(),))
    return Observation(sources=members.pop("calls", (sources,)), **members)


def checks(
    of: ExchangeCase,
    observation: Observation,
    gateway: Declaration | None = None,
    facts: RunFacts | None = None,
    left_out: tuple[str, ...] = (),
) -> dict[str, CheckResult]:
    """Return the results by check."""
    results = judge(of, instance(of, left_out), observation, gateway or declaration(), facts)
    return {result.check: result for result in results}


def found(check: str, of: ExchangeCase, *sources: SourceObservation, **options: Any) -> CheckResult:
    """Return the result of one check where *sources* state what they state."""
    return checks(of, seen(*sources), **options)[check]
