"""The classes into which public reports of wrong audio bills fall, and what each is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["CLASSES", "NOT_OF_A_GATEWAY"]

CLASSES: Final[Mapping[str, str]] = {
    "aggregation-error": "turns, chunks, windows or calls are added up wrongly",
    "audio-misrated": "audio tokens are priced at the text rate, or at nothing",
    "budget-or-estimate": "what is set aside before a call is wrong, or is kept",
    "cached-audio-misbilled": "cached audio is priced as fresh, as cached text, or twice",
    "catalog-disagreement": "tools that all claim to be right give different prices",
    "catalog-missing-entry": "a model has no price, and something is charged or shown all the same",
    "catalog-missing-meter": "a price has no place for a quantity that is billed",
    "catalog-wrong-rate": "a price is outdated, shifted, or that of another model",
    "character-counting": "bytes, other units, white space or markup are counted wrongly",
    "credits-currency-plan": "credits, plans, prices and currencies are taken for one another",
    "cumulative-vs-delta": "counts that grow are added up, or differences are taken for totals",
    "detail-field-lost": "totals survive, and what they are made of does not",
    "double-unit-charge": "the same audio is charged in two units",
    "duration-source-wrong": "seconds come from the wrong clock: last word, file header, bit rate",
    "model-resolution": "the price of the wrong model, alias or deployment is taken",
    "numeric-precision": "numbers are cut off, or kept as integers or floats",
    "provider-reports-nothing": "the provider states no usage, and the call is free or arbitrary",
    "provider-usage-wrong": "the usage that a provider states is odd, and is taken at its word",
    "realtime-input-transcription": "the transcription of a session's input is lost or wrongly priced",
    "retry-failure-cache-charged": "retries, failures or answers from a cache are charged",
    "rounding-or-minimum": "the step or the smallest billed quantity is wrong or missing",
    "stream-or-abort-usage-lost": "the usage at the end of a stream, or of what broke off, is lost",
    "subset-overlap": "a part is billed inside its whole and beside it, or taken out twice",
    "surface-disagreement": "one call costs different amounts, depending on where one looks",
    "tier-uplift-addon": "tier, region, channels or paid options are not charged",
    "time-unit-mixup": "milliseconds, seconds, minutes and hours are taken for one another",
    "unit-dropped": "seconds or characters are measured and do not reach the price",
    "unit-mismatch-card-vs-usage": "price and usage exist, in different units",
    "usage-not-propagated": "the provider stated its usage, and the gateway lost it",
    "wrong-billing-unit": "a unit is billed that the provider does not bill",
    "zero-vs-unknown": "0, unknown, not set and free are taken for one another",
}
"""Every class and what goes wrong."""

NOT_OF_A_GATEWAY: Final[Mapping[str, str]] = {
    "catalog-disagreement": "(takes two catalogues; a gateway alone cannot be wrong in this way)",
}
"""Classes that no defect of one gateway can stand for, and why."""
