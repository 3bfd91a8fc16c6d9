"""What each call costs, and may be refunded, by arithmetic of the trial's own."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["CHARGED", "FREE", "KINDS", "OUTPUT", "UNCHARGED", "Prices", "quantity_of"]

OUTPUT: Final = 7
"""Tokens of text in every answer that has any."""

CHARGED: Final = ("json", "sse", "speech", "chat", "retry")
"""The kinds of calls that succeed; what differs from call to call is one quantity, and no two share it."""

FREE: Final = ("refused", "busy")
"""The provider refuses the call, and its answer has usage in it all the same; the cost is 0."""

UNCHARGED: Final = ("contradictory", "dropped", "broken")
"""The provider answers what cannot be believed, or not at all, or half; the cost is not known."""

KINDS: Final = CHARGED + FREE + UNCHARGED

_QUANTITY: Final = {
    "json": "audio_input_tokens",
    "sse": "audio_input_tokens",
    "retry": "audio_input_tokens",
    "speech": "tts_characters",
    "chat": "text_input_tokens",
}
# Millionths of a dollar, with so many places that every digit of a total counts.
_BEFORE: Final = {
    "gpt-4o-transcribe": {"audio_input_tokens": "7.123457", "text_output_tokens": "11.987653"},
    "tts-1": {"tts_characters": "17.246813"},
    "gpt-4o-mini": {"text_input_tokens": "0.314159", "text_output_tokens": "1.414213"},
}
_AFTER: Final = {
    "gpt-4o-transcribe": {"audio_input_tokens": "3.333331", "text_output_tokens": "9.999997"},
    "tts-1": {"tts_characters": "23.571113"},
    "gpt-4o-mini": {"text_input_tokens": "0.271829", "text_output_tokens": "2.236067"},
}
_FAMILY: Final = {"tts-1": "audio_per_character"}


def model_of(kind: str) -> str:
    """Return the model that calls of a kind ask for."""
    return {"speech": "tts-1", "chat": "gpt-4o-mini"}.get(kind, "gpt-4o-transcribe")


def quantity_of(kind: str) -> str:
    """Return the quantity by which the calls of a kind differ."""
    return _QUANTITY[kind]


@dataclass(frozen=True, slots=True)
class Prices:
    """Two periods of prices."""

    change: datetime
    """When the second one begins."""

    def book(self) -> dict[str, Any]:
        """Return them as a price book."""
        change = self.change.strftime("%Y-%m-%dT%H:%M:%SZ")
        periods = (
            ("before", _BEFORE, {"from": "1970-01-01", "until": change}),
            ("after", _AFTER, {"from": change}),
        )
        entries = [
            {
                "id": f"{model}/{name}",
                "provider": "openai",
                "models": [model],
                **period,
                "currency": "USD",
                "pricing_model": _FAMILY.get(model, "audio_token_based"),
                "rates": {key: {"amount": amount, "per": "1000000"} for key, amount in rates.items()},
                "source": {"url": "urn:decibill:constructed:durability", "read": "2026-11-22"},
            }
            for name, models, period in periods
            for model, rates in models.items()
        ]
        return {"currency": "USD", "entries": entries}

    def price(self, kind: str, quantity: str, at: str) -> Fraction:
        """Return the price of one unit, in dollars, for a call at *at* (UTC, to the microsecond)."""
        change = self.change.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        rates = (_BEFORE if at < change else _AFTER)[model_of(kind)]
        return Fraction(rates[quantity]) / 1_000_000

    def cost(self, kind: str, amount: int, at: str) -> Fraction:
        """Return the cost of a call of a kind with *amount* of its quantity; it has at most twelve places."""
        cost = amount * self.price(kind, quantity_of(kind), at)
        return cost if kind == "speech" else cost + OUTPUT * self.price(kind, "text_output_tokens", at)
