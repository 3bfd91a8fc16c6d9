"""The plan of a run: which cases a declared gateway is asked, in which dialects, and why not the rest.

What a gateway does not claim to do is *not declared*, never failed (AUB 0.1, chapter 8). Two lacks are kept
apart: a gateway without a field for a *rate* is still asked, without that rate, and may then say the price or
say that it does not know; a gateway without a *modifier*, without a second price for one model, or without a
separate rate whose absence would change the right price, is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from decibill.case import Case, ExchangeCase
from decibill.checks import gateway_checks
from decibill.plan_prices import case_entries, fit_prices

if TYPE_CHECKING:
    from decibill.declaration import Declaration

__all__ = ["Instance", "NotDeclared", "Plan", "plan"]

_BY_NAME: Final[Mapping[str, str]] = {
    "compat": "the OpenAI-compatible endpoint of another provider",
    "convert": "the conversion of one dialect into another",
    "gateway.cache": "a cache of answers",
    "session.live": "sessions of the Live API",
    "session.transcription": "sessions that only transcribe",
    "session.translation": "sessions that translate",
    "upstream.fallback": "a fallback to another model",
}
"""Features of a case that a gateway declares by their name alone, and how to call them."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One case in one dialect: what is sent once (or as often as the client of the case calls)."""

    id: str
    """The case's id, and ``[dialect]`` where the gateway speaks several dialects of the case."""

    case: ExchangeCase
    dialect: str
    token: str
    """Names the instance in the upstream's base path or key; safe in a URL."""

    alias: str
    """Names the instance's model where the gateway lets models have aliases; safe in a URL."""

    left_out: tuple[str, ...] = ()
    """Rates of the case's price that the gateway has no field for: left out of its configuration."""


@dataclass(frozen=True, slots=True)
class NotDeclared:
    """A case that the gateway is not asked, and why."""

    case: Case
    reason: str
    """What the gateway does not declare, as a noun phrase such as ``the operation translation``."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, in the order in which it does it."""

    instances: tuple[Instance, ...]
    not_declared: tuple[NotDeclared, ...]


def plan(declaration: Declaration, cases: Iterable[Case]) -> Plan:
    """Return the instances to run and the cases that the gateway does not declare, both sorted by id.

    The plan depends on the declaration and on the cases chosen, on nothing else.
    """
    instances: list[Instance] = []
    not_declared: list[NotDeclared] = []
    prices: dict[tuple[str, str], Mapping[str, Any]] = {}
    # The suite's own prices come first: a case with another price for the same model gives way to them.
    for case in sorted(cases, key=lambda case: (case.book != "price-books/conformance.json", case.id)):
        lack = _lack(case, declaration)
        if lack is None and isinstance(case, ExchangeCase):
            lack = _second_price(case, declaration, prices)
            fit = fit_prices(case, declaration)
            lack = lack or fit.reason
            if lack is None:
                instances += _instances(case, declaration, fit.left_out)
        if lack is not None:
            not_declared.append(NotDeclared(case, lack))
    return Plan(
        tuple(sorted(instances, key=lambda instance: instance.id)),
        tuple(sorted(not_declared, key=lambda item: item.case.id)),
    )


def _lack(case: Case, declaration: Declaration) -> str | None:
    """Return what the case needs and the gateway does not declare, prices apart."""
    if not isinstance(case, ExchangeCase):
        return "a calculator"
    if "calculator" in case.features or not gateway_checks(case.proves):
        return "a calculator"
    if case.operation not in declaration.features.operations:
        return f"the operation {case.operation}"
    if (lack := _provider_lack(case, declaration)) is not None:
        return lack
    if case.stream and case.operation not in declaration.features.stream:
        return f"streams of {case.operation}"
    if not _dialects(case, declaration):
        return f"the dialect {' or '.join(sorted(case.when))}"
    if "upstream.retry" in case.features and not declaration.features.retry:
        return "retries"
    for feature, words in _BY_NAME.items():
        if feature in case.features and feature not in declaration.features.extra:
            return words
    return None


def _provider_lack(case: ExchangeCase, declaration: Declaration) -> str | None:
    if case.provider not in declaration.providers:
        return f"the provider {case.provider}"
    if case.provider not in declaration.features.providers.get(case.operation, declaration.providers):
        return f"the operation {case.operation} of the provider {case.provider}"
    return None


def _dialects(case: ExchangeCase, declaration: Declaration) -> tuple[str, ...]:
    return tuple(
        dialect
        for dialect in sorted(declaration.dialects)
        if dialect in case.when and case.operation in declaration.routes.get(dialect, {})
    )


def _second_price(
    case: ExchangeCase, declaration: Declaration, prices: dict[tuple[str, str], Mapping[str, Any]]
) -> str | None:
    """Return the lack of a second price for one model, and note the prices that the case gives its models."""
    if declaration.features.price_scope not in {"model", "run"}:
        return None
    lack = "a second price for one model in one run"
    if "price.second" in case.features:
        return lack
    wanted = {(case.provider, model): entry for entry in case_entries(case) for model in entry["models"]}
    if any(prices.get(key, entry)["rates"] != entry["rates"] for key, entry in wanted.items()):
        return lack
    prices.update(wanted)
    return None


def _instances(case: ExchangeCase, declaration: Declaration, left_out: tuple[str, ...]) -> list[Instance]:
    dialects = _dialects(case, declaration)
    # Two hyphens keep the parts apart: no id holds two in a row, and a URL needs no escape for them.
    name = case.id.replace("/", "--")
    several = len(dialects) > 1
    return [
        Instance(
            id=f"{case.id}[{dialect}]" if several else case.id,
            case=case,
            dialect=dialect,
            token=f"{name}--{dialect}" if several else name,
            alias=f"{name}--{dialect}" if several else name,
            left_out=left_out,
        )
        for dialect in dialects
    ]
