"""Finds the price entry of a part of a usage record, for `decibill.recompute` (AUB 0.1, chapter 04)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

__all__ = ["FAMILY", "AmbiguousPriceError", "carried", "choose"]

FAMILY: Final[Mapping[str, tuple[str, ...]]] = {
    "audio_token_based": ("input_tokens", "output_tokens"),
    "audio_per_minute": ("audio_duration_seconds",),
    "audio_per_character": ("tts_characters",),
    "audio_per_credit": ("provider_credits",),
    "per_request": ("requests",),
}
"""The quantities that a record carries of each unit family; of tokens any will do."""

_STRENGTH: Final = ("assumed", "derived", "media", "request", "provider_reported", "provider_billed")
_STANDARD: Final = ("standard", "default", "auto", "ON_DEMAND")


class AmbiguousPriceError(ValueError):
    """Two entries fit equally well."""


def choose(
    part: Mapping[str, Any], wanted: Mapping[str, Any], book: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the entry that prices *part*, or None; *wanted* holds the selectors: provider, model, at, ...

    Raises:
        AmbiguousPriceError: two entries fit equally well.
    """
    best: dict[str, Mapping[str, Any]] = {}
    for family in {entry["pricing_model"] for entry in book["entries"]}:
        fitting = [e for e in book["entries"] if e["pricing_model"] == family and _fits(e, wanted)]
        most = max((_selectors(entry) for entry in fitting), default=0)
        chosen = [entry for entry in fitting if _selectors(entry) == most]
        if len(chosen) > 1:
            raise AmbiguousPriceError(f"{' and '.join(entry['id'] for entry in chosen)} fit equally well")
        if chosen:
            best[family] = chosen[0]
    if len(best) <= 1:
        return next(iter(best.values()), None)
    carried = {family: _strength(part, family) for family in best}
    strongest = max(carried.values())
    if strongest < 0:  # a request is carried all the same; else the first family, and a gap in any case
        return next(best[family] for family in ("per_request", *FAMILY) if family in best)
    found = [family for family in sorted(best) if carried[family] == strongest]
    if len(found) > 1:
        raise AmbiguousPriceError(f"{' and '.join(best[name]['id'] for name in found)} price different units")
    return best[found[0]]


def _fits(entry: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    tier, asked = entry.get("service_tier", "standard"), wanted.get("service_tier", "standard")
    moment = _instant(wanted["at"])
    return (
        entry["provider"] == wanted["provider"]
        and wanted["model"] in entry["models"]
        and wanted["operation"] in entry.get("operations", [wanted["operation"]])
        and entry.get("surface", wanted["surface"]) == wanted["surface"]
        and ("region" not in entry or wanted.get("region") in entry["region"])
        and (tier == asked or (tier in _STANDARD and asked in _STANDARD))
        and _instant(entry["from"]) <= moment
        and ("until" not in entry or moment < _instant(entry["until"]))
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00Z")


def _selectors(entry: Mapping[str, Any]) -> int:
    return sum(name in entry for name in ("operations", "surface", "region", "service_tier"))


def _strength(part: Mapping[str, Any], family: str) -> int:
    """Return how well the record knows the family's quantity; -1 where it does not carry it."""
    return max((_STRENGTH.index(part["basis"][name]) for name in carried(part, family)), default=-1)


def carried(part: Mapping[str, Any], family: str) -> list[str]:
    """Return the quantities of a unit family that *part* has."""
    if family == "audio_token_based":
        return [name for name in part["quantities"] if name.endswith("_tokens") and name != "total_tokens"]
    return [name for name in FAMILY.get(family, ()) if name in part["quantities"]]
