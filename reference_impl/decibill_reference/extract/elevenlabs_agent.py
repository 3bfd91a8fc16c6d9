"""A call with an agent of ElevenLabs: one price in credits, and many numbers beside it.

`cost` is in credits and holds the call and its language model; only the surcharge for some voices stands
apart. Prices in dollars, tokens, seconds and characters that stand beside it say what the cost is made of.
They are no further usage: `irreversible_generation` even repeats a part of `initiated_generation`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract.elevenlabs_meter import CREDITS
from decibill_reference.extract.elevenlabs_webhook import told
from decibill_reference.numbers import CONTEXT, plain
from decibill_reference.usage import ProviderCost

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.draft import Draft
    from decibill_reference.extract.wire import WireObject

__all__ = ["read_agent_call"]

_UNFINISHED = frozenset({"initiated", "in-progress", "processing"})
_PARTS = ("call_charge", "llm_charge")
_INFORMATION = (
    *("platform_charge", "llm_price", "platform_price", "free_minutes_consumed", "free_llm_dollars_consumed"),
    *("llm_usage", "tts_usage", "asr_usage"),
)
"""Dollars, allowances, and what the language model and the voices handled: none of it is charged again."""

_SURCHARGE = "voice_surcharge_charge"
_CURRENCY = "USD"


def read_agent_call(exchange: Exchange, draft: Draft) -> None:
    """Read a conversation as it was asked for, or as it was delivered after the call.

    Raises:
        DecibillReferenceError: `malformed_body`, `invalid_number` or `negative_quantity`.
    """
    answer = told(exchange, "data")
    metadata = answer.child("metadata")
    if metadata:  # whole seconds that fit no rate: not what is billed
        draft.read_seconds("media_duration_seconds", metadata, "call_duration_secs")
    if answer.text("status") in _UNFINISHED:
        draft.flags.add("session_incomplete")
    elif metadata:
        _read_cost(metadata, draft)
    if draft.stated(CREDITS) is None:
        draft.unknown.add(CREDITS)


def _read_cost(metadata: WireObject, draft: Draft) -> None:
    worth = metadata.decimal("cost_fiat")
    if worth is not None:
        draft.provider_cost = ProviderCost(worth, _CURRENCY)
    cost = metadata.decimal("cost")
    if cost is None:  # not the sum of its parts: which of them were waived is not said
        return
    charging = metadata.child("charging")
    if charging:
        _check_parts(metadata, charging, cost)
        surcharge = charging.decimal(_SURCHARGE)
        if surcharge is not None:  # it is "not included in cost"
            cost = CONTEXT.add(cost, surcharge)
        for known in _INFORMATION:
            charging.skip(known)
        draft.unread.extend(charging.unread())
    draft.state(CREDITS, cost, "provider_billed")


def _check_parts(metadata: WireObject, charging: WireObject, cost: Decimal) -> None:
    """Refuse a cost that is less than what it is said to hold."""
    together = Decimal(0)
    for name in _PARTS:
        part = charging.decimal(name)
        if part is None:
            continue
        if part > cost:
            raise _contradiction(charging.at(name), f"{name} is {plain(part)}", cost)
        together = CONTEXT.add(together, part)
    if together > cost:
        raise _contradiction(metadata.at("cost"), f"{' + '.join(_PARTS)} is {plain(together)}", cost)


def _contradiction(pointer: str, problem: str, cost: Decimal) -> DecibillReferenceError:
    return DecibillReferenceError(
        "inconsistent_usage",
        pointer,
        f"{problem}, more than its whole, cost, {plain(cost)}; usage that contradicts itself is not priced",
    )
