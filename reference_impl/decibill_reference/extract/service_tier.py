"""The service tier of a call, in one vocabulary for all providers (AUB-USE-cf1d)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decibill_reference.exchange import Exchange
    from decibill_reference.extract.draft import Draft

__all__ = ["read_service_tier"]

_STANDARD = frozenset({"standard", "default", "auto", "ON_DEMAND"})


def read_service_tier(exchange: Exchange, answered: str | None, draft: Draft) -> None:
    """State the tier that the response names, *answered*, else the one that the request names, else none."""
    word = answered
    if not word:
        asked: object = exchange.request_object().get("service_tier")
        word = asked if isinstance(asked, str) else None
    if word:
        draft.service_tier = "standard" if word in _STANDARD else word
