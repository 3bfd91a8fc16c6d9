"""The service tier of a call, in one vocabulary for all providers (AUB-USE-cf1d, AUB-GEM-b020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.draft import Draft

__all__ = ["read_service_tier", "tier_word"]

_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("default", "auto", "ON_DEMAND"), "standard"),
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_PRIORITY": "priority",
    "ON_DEMAND_OFFPEAK": "off_peak",
    "PROVISIONED_THROUGHPUT": "provisioned",
}
_MEMBERS = ("service_tier", "serviceTier")


def tier_word(word: str) -> str:
    """Return the provider's *word* for a tier in the vocabulary of the record; others stay as they are."""
    return _WORDS.get(word, word)


def read_service_tier(exchange: Exchange, answered: str | None, draft: Draft) -> None:
    """State the tier that the response names, *answered*, else the one that the request names, else none."""
    word = answered or (_asked(exchange.request_object()) if exchange.request else None)
    if word:
        draft.service_tier = tier_word(word)


def _asked(request: Mapping[str, Any]) -> str | None:
    for member in _MEMBERS:
        word = request.get(member)
        if word:
            return word if isinstance(word, str) else None
    return None
