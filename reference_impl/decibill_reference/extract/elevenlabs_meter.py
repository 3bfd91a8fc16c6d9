"""The meter of ElevenLabs: headers that stand before the body (spec/providers/elevenlabs.md).

`character-cost` is in credits, whatever its name says. It comes before the first byte of audio, so a stream
that breaks off has been billed in full. `x-character-count`, which the documentation names, is never sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from decibill_reference.exchange import named_header
from decibill_reference.numbers import escape, read_decimal
from decibill_reference.usage import ProviderCost

if TYPE_CHECKING:
    from decimal import Decimal

    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.draft import Draft

__all__ = ["CREDITS", "read_headers"]

CREDITS = "provider_credits"
_CREDITS_HEADER = "character-cost"
_COST_HEADER = "fiat-cost-before-overages"
_CURRENCY_HEADER = "fiat-currency"
_CURRENCY = re.compile("[A-Z]{3}")


def read_headers(exchange: Exchange, draft: Draft) -> None:
    """State the credits that an answer cost, and what the provider says that they are worth.

    Raises:
        DecibillReferenceError: `invalid_number` at the header.
    """
    credits_ = _number(exchange, _CREDITS_HEADER)
    if credits_ is not None:
        draft.state(CREDITS, credits_, "provider_billed")
    amount = _number(exchange, _COST_HEADER)
    currency = named_header(exchange.response, _CURRENCY_HEADER)
    if amount is not None and currency and _CURRENCY.fullmatch(currency[1].upper()):
        draft.provider_cost = ProviderCost(amount, currency[1].upper())


def _number(exchange: Exchange, name: str) -> Decimal | None:
    found = named_header(exchange.response, name)
    return read_decimal(found[1], f"/response/headers/{escape(found[0])}") if found else None
