"""One run in which everything happens that a report must be able to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from decibill.baseline import Baseline
from decibill.case import ExchangeCase
from decibill.declaration import Declaration
from decibill.drive import Driven, DriveOptions
from decibill.engine import RunOptions, run
from decibill.plan import Plan
from decibill.prose import Requirement
from decibill.report.model import Report
from decibill.specification import Specification
from decibill.statements import Attempt, Delivery, Observation, SourceObservation
from tests.scene import UNSET, attempt, body, case, declaration, ledger, stated, unpriced

__all__ = ["SPECIFICATION", "Told", "tell"]

RIGHT = "0.0085276"
FORM = {"model": "gpt-4o-transcribe", "response_format": "json", "file": {"filename": "tone-78.4s.wav"}}
SENT = {"audio_input_tokens": Decimal(784)}
"""What the provider's answer states, so that the caller has to find it."""
CURL = "curl -sS -X POST http://127.0.0.1:9/v1/audio/transcriptions"
SENTENCES = {
    "AUB-CHG-c3cf": ("MUST", "Audio tokens MUST be charged at the audio rate of their direction."),
    "AUB-CNF-a732": ("MUST", "A claim of conformance MUST name the version."),
    "AUB-GWY-3725": ("MUST", "Usage that the provider sent MUST reach the caller unchanged."),
    "AUB-GWY-3a9b": ("MUST NOT", "A gateway MUST NOT state a cost of 0 for a call that it could not meter."),
    "AUB-GWY-3e04": ("SHOULD", "A gateway SHOULD state for every charge whether it is complete."),
    "AUB-GWY-888a": ("MUST", "One call of a client MUST be charged once, however many attempts it took."),
    "AUB-GWY-e8e3": ("MUST", "The usage that a gateway records for a call MUST equal its right usage."),
}  # fmt: skip
SPECIFICATION = Specification(
    {
        name: Requirement(name, level, text, f"spec/07-gateway.md#{name}", "0.1", "wire", (), "0")
        for name, (level, text) in SENTENCES.items()
    },
    {"AUB-CNF-a732": "A rule for the report, not for its subject."},
)

Told = tuple[ExchangeCase, Observation]


def _usage(audio: object) -> dict[str, Any]:
    return {"audio_input_tokens": stated(audio, "/audio of GET /usage")}


def _observed(
    source: SourceObservation,
    *,
    audio: object = 784,
    delivery: Delivery | None = None,
    attempts: tuple[Attempt, ...] | None = None,
) -> Observation:
    return Observation(
        deliveries=(delivery or Delivery(200, {"content-type": "application/json"}, b'{"text": "hello"}'),),
        attempts=(attempt(form=FORM),) if attempts is None else attempts,
        sources=((source, replace(body(audio_input_tokens=audio), sent=SENT)),),
        curl=CURL,
    )


def right(name: str) -> Told:
    """Return a case that passes."""
    source = ledger(RIGHT, usage=_usage(784), status="priced")
    return case(**{"/id": name}), _observed(source)


def at_text_rate(name: str) -> Told:
    """Return a case whose audio is billed at the text rate."""
    return case(**{"/id": name}), _observed(ledger("0.0052348", usage=_usage(784), status="priced"))


def billed(name: str, cost: str) -> Told:
    """Return a case that is billed another cost than the right one."""
    return case(**{"/id": name}), _observed(ledger(cost, usage=_usage(784), status="priced"))


def silent_zero(name: str) -> Told:
    """Return a case that could not be metered and is billed 0; the body is hostile to terminals."""
    of = unpriced("unmetered", **{"/id": name, "/title": "What was not metered is not free"})
    hostile = Delivery(
        200, {"content-type": "text/plain", "authorization": "Bearer secret"}, b"\x1b[31mred\x07"
    )
    return of, _observed(ledger("0", usage=_usage(784)), delivery=hostile)


def lost(name: str) -> Told:
    """Return a case whose usage reaches neither caller nor ledger."""
    return case(**{"/id": name}), _observed(ledger(RIGHT, usage=_usage(UNSET)), audio=UNSET)


def other_status(name: str) -> Told:
    """Return a case against a recommendation only; the gateway's word steers terminals."""
    of = case(**{"/id": name, "/then/proves/AUB-GWY-3e04": ["status"]})
    return of, _observed(ledger(RIGHT, usage=_usage(784), status="partial\x1b[2J"))


def wrong_status(name: str) -> Told:
    """Return a case that fails a recommendation."""
    of = case(**{"/id": name, "/then/proves/AUB-GWY-3e04": ["status"]})
    return of, _observed(ledger(RIGHT, usage=_usage(784), status="partial"))


def other_request(name: str) -> Told:
    """Return a case whose gateway asks the upstream for something else."""
    asked = attempt(("/form/response_format",), form=FORM | {"response_format": "verbose_json"})
    return case(**{"/id": name}), _observed(ledger(UNSET), attempts=(asked,))


def never_called(name: str) -> Told:
    """Return a case that the gateway refuses on its own."""
    return case(**{"/id": name}), _observed(ledger(UNSET), attempts=(), delivery=Delivery(404))


def not_declared(name: str) -> Told:
    """Return a case that the gateway is not asked."""
    exchange = "/given/upstream/0/answers/0/exchange"
    of = case(**{"/id": name, f"{exchange}/operation": "translation"})
    return of, Observation((), (), ())


def tell(*told: Told, baseline: Baseline | None = None, **options: Any) -> Report:
    """Return the report on a gateway of which these things were seen."""
    observations = {of.id: seen for of, seen in told}
    gateway = declaration(
        **{
            "/features/operations": ["transcription"],
            "/features/stream": [],
            "/features/charge_status": True,
            "/observe/1/status": "/status",
        }
    )

    def driver(planned: Plan, declared: Declaration, how: DriveOptions) -> Driven:
        return Driven(
            {each.id: observations[each.id] for each in planned.instances},
            options.pop("gateway_url", "http://127.0.0.1:9"),
            "http://127.0.0.1:8471",
            ("its prices were not checked: it has no plain text call to check them with",),
        )

    cases: Sequence[ExchangeCase] = [of for of, _ in told]
    how = RunOptions(
        specification=SPECIFICATION,
        baseline=baseline,
        gateway_option="--gateway tiny",
        clock=lambda: datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
        strict=bool(options.pop("strict", False)),
        fixtures=Path(__file__).parent,  # holds no manifest, whose digest changes with every fixture
    )
    return run(gateway, cases, how, driver=driver)
