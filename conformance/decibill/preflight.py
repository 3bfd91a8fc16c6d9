"""Is the gateway ready to be judged? One plain text call answers, before eighty failures would.

It must be reachable, let the client in, know the model, call the replay upstream, and state what the suite's
own prices make of the call. Each cause has its own message; what could not be tried is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from decibill.case import ExpectedCharge
from decibill.declaration import Declaration, Tolerance, VersionFrom
from decibill.drive_send import Sent
from decibill.errors import PreflightError
from decibill.observe_body import documents, last_with
from decibill.redact import legible
from decibill.statements import Delivery, Kind, SourceObservation

__all__ = ["PREFLIGHT_CASE", "check_call", "check_price", "check_reachable", "version_in"]

PREFLIGHT_CASE: Final = "gateway/preflight-text-chat"
"""The case that is sent: a plain text call that every gateway with chat can price."""

_CLOSE_ENOUGH = Fraction(1, 10**6)
_EXCERPT = 300


def check_reachable(declaration: Declaration, url: str, delivery: Delivery) -> None:
    """Refuse a gateway that gives no answer of any kind.

    Raises:
        PreflightError: nothing answers at *url*.
    """
    if delivery.status is None:
        how = "start it, or let decibill start it with --start" if declaration.start else "is it running?"
        raise PreflightError(f"the gateway at {url}: {delivery.error}; {how}")


def version_in(version_from: VersionFrom, answer: Delivery) -> str | None:
    """Return the version that a gateway states in its *answer*, or None where it states none there."""
    found, _ = documents(answer.body, answer.headers.get("content-type", ""))
    version = last_with(found, version_from.pointer) if answer.status == 200 else None
    return legible(version[:_EXCERPT]) if isinstance(version, str) and version else None


def check_call(declaration: Declaration, url: str, upstream: str, sent: Sent) -> None:
    """Refuse a gateway that did not pass a plain text call on to the upstream and its answer back.

    Args:
        declaration: the gateway.
        url: its address.
        upstream: the address at which the gateway reaches the upstream.
        sent: the call.

    Raises:
        PreflightError: naming the cause.
    """
    gateway = f"the gateway at {url}"
    delivery = sent.deliveries[0]
    name = sent.calls[0].values["case.name"]
    called = any(not attempt.unmatched for attempt in sent.attempts)
    if delivery.status in {401, 403}:
        raise PreflightError(
            f"{gateway} answered {delivery.status}: {_keys(declaration)}{_excerpt(delivery)}"
        )
    if delivery.status is None:
        raise PreflightError(f"{gateway} did not answer a plain text call: {delivery.error}")
    if delivery.cut is not None:
        raise PreflightError(f"{gateway} did not answer a plain text call as it should: {delivery.error}")
    if not called and sent.attempts:
        members = ", ".join(sent.attempts[-1].unmatched)
        raise PreflightError(
            f"{gateway} called the upstream with a request that a plain text call does not need: "
            f"{members} of {sent.attempts[-1].method} {sent.attempts[-1].path}"
        )
    if not called and delivery.status >= 300:
        raise PreflightError(
            f"{gateway} answered {delivery.status} to a plain text call of the model {name!r} and never "
            f"called the upstream at {upstream}: configure the model and the upstream{_excerpt(delivery)}"
        )
    if not called:
        raise PreflightError(
            f"{gateway} answered {delivery.status} without calling the upstream at {upstream}: "
            "it is pointed somewhere else, or answers from a cache"
        )
    if delivery.status >= 300:
        raise PreflightError(
            f"{gateway} answered {delivery.status} although the upstream answered 200{_excerpt(delivery)}"
        )


def check_price(
    declaration: Declaration, charge: ExpectedCharge, sources: Sequence[SourceObservation]
) -> tuple[str, ...]:
    """Refuse a gateway that prices a plain text call by other prices than the suite's.

    Returns:
        What could not be checked, one sentence each.

    Raises:
        PreflightError: the cost is another one, unknown, or nowhere to be found.
    """
    if not declaration.states_cost:
        return ("its prices were not checked: it declares no place where it states a cost",)
    right = charge.exact_total
    stated = [
        source for source in sources if source.cost is not None and source.cost.kind is not Kind.NOTHING
    ]
    if not stated:
        reasons = "; ".join(_silence(source) for source in sources if source.cost is not None)
        raise PreflightError(
            "no declared source states the cost of a plain text call: expected "
            f"{_money(right)}{f'; {reasons}' if reasons else ''}"
        )
    cost = stated[0].cost
    assert cost is not None
    if cost.value is None:
        raise PreflightError(
            f"prices not applied: a plain text call costs {_money(right)} at the suite's prices, but "
            f"{cost.where} says that the cost is unknown"
        )
    declared = declaration.source(stated[0].source).cost
    if abs(Fraction(cost.value) - right) > _tolerance(declared.tolerance if declared else None, right):
        raise PreflightError(
            f"prices not applied: a plain text call costs {_money(right)} at the suite's prices, but "
            f"{cost.where} says {cost.text}; give the gateway the suite's prices"
        )
    return ()


def _tolerance(declared: Tolerance | None, right: Fraction) -> Fraction:
    allowed = [right * _CLOSE_ENOUGH]
    if declared is not None:
        allowed.append(right * Fraction(declared.relative or Decimal(0)))
        allowed += [Fraction(each) for each in (declared.absolute, declared.resolution) if each is not None]
    return max(allowed)


def _money(amount: Fraction) -> str:
    return f"{Decimal(amount.numerator) / Decimal(amount.denominator):f} USD"


def _silence(source: SourceObservation) -> str:
    """Return why a source states no cost, and what to do about it."""
    where = source.cost.where if source.cost is not None else source.source
    if source.problem:
        return source.problem
    if source.keeps_records and not source.records:
        return f"no record of the call appeared in {where}: raise --settle, or correct the declared match"
    return f"{where} states nothing"


def _keys(declaration: Declaration) -> str:
    names = ", ".join(sorted(declaration.auth.headers))
    if not names:
        return "it wants a key, and no key is declared; give one in [auth] headers of a declaration"
    return f"it does not accept the key that {names} gives"


def _excerpt(delivery: Delivery) -> str:
    text = " ".join(delivery.body[:_EXCERPT].decode("utf-8", "replace").split())
    return f"; it said: {legible(text)}" if text else ""
