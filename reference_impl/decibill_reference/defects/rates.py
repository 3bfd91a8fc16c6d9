"""Defects in finding and applying the rates of what was read rightly."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from decibill_reference.charge import rate
from decibill_reference.defects.defect import Defect
from decibill_reference.defects.edits import with_quantities
from decibill_reference.gateway_metering import SOUND
from decibill_reference.numbers import plain
from decibill_reference.prices import PriceBook

if TYPE_CHECKING:
    from collections.abc import Callable

    from decibill_reference.charge_record import Charge
    from decibill_reference.defects.edits import Rated
    from decibill_reference.prices import Entry, Rate
    from decibill_reference.usage import UsageRecord

__all__ = ["RATES"]

_DATE: Final = re.compile(r"-\d{4}-\d\d-\d\d$")
_TOKENS_A_SECOND: Final = 10
_FLAT: Final = Decimal("0.01")


def _pricing(change: Callable[[Rate], Rate]) -> Rated:
    """Return a rating at other rates than the book has."""
    known: dict[int, tuple[PriceBook, PriceBook]] = {}

    def changed(entry: Entry) -> Entry:
        return replace(entry, rates={name: change(each) for name, each in entry.rates.items()})

    def rated(usage: UsageRecord, book: PriceBook) -> Charge:
        if id(book) not in known:  # kept beside what is made of it, so that no other book gets its id
            known[id(book)] = book, PriceBook(book.currency, tuple(changed(entry) for entry in book.entries))
        return rate(usage, known[id(book)][1])

    return rated


def _audio_without_rate_free(usage: UsageRecord, book: PriceBook) -> Charge:
    """Charge nothing for audio that the card has no rate for, and call the rest complete."""
    charge = rate(usage, book)
    lacking = [gap for gap in charge.unpriced if gap.reason == "no_rate"]
    if charge.status != "partial" or len(lacking) != len(charge.unpriced):
        return charge
    return charge._replace(status="priced", unpriced=())


def _other_unit_priced(usage: UsageRecord, book: PriceBook) -> Charge:
    """Charge whatever unit there is at the amount of the card's."""
    charge = rate(usage, book)
    gaps = [gap for gap in charge.unpriced if gap.reason == "unit_mismatch"]
    entries = book.named(usage.provider, usage.model or "")
    if charge.total is not None or not gaps or not entries:
        return charge
    price = next(iter(entries[0].rates.values())).price
    count = max((Decimal(each) for each in usage.quantities.values()), default=Decimal(0))
    total = count * Decimal(price.amount) / Decimal(price.per)
    return charge._replace(status="priced", total=total, unpriced=())


def _information_priced(usage: UsageRecord, book: PriceBook) -> Charge:
    """Charge seconds beside tokens, at the text rate of a token."""
    charge = rate(usage, book)
    seconds = usage.quantities.get("media_duration_seconds", usage.quantities.get("audio_duration_seconds"))
    if charge.total is None or seconds is None or "input_tokens" not in usage.quantities:
        return charge
    return charge._replace(total=charge.total + Decimal(seconds) * Decimal("0.0001"))


def _without_step(found: Rate) -> Rate:
    return replace(found, step=None)


def _without_minimum(found: Rate) -> Rate:
    return replace(found, minimum=None)


def _minimum_for_step(found: Rate) -> Rate:
    """Return a rate whose minimum is not rounded up to a step."""
    if found.step is None or found.minimum is None:
        return found
    return replace(found, step=None)


def _per_thousand(found: Rate) -> Rate:
    if found.quantity != "tts_characters":
        return found
    return replace(found, price=replace(found.price, per=plain(Decimal(found.price.per) / 1000)))


def _free_is_unknown(usage: UsageRecord, book: PriceBook) -> Charge:
    charge = rate(usage, book)
    return charge._replace(status="unpriced", total=None) if charge.status == "free" else charge


def _named(status: str, other: str) -> Rated:
    """Return a rating that calls one status by the name of another."""

    def rated(usage: UsageRecord, book: PriceBook) -> Charge:
        charge = rate(usage, book)
        return charge._replace(status=other) if charge.status == status else charge

    return rated


def _deployment_looked_up(usage: UsageRecord, book: PriceBook) -> Charge:
    if usage.provider != "azure" or usage.operation != "transcription":
        return rate(usage, book)
    return rate(usage._replace(model=f"{usage.model}-deployment"), book)


def _names(usage: UsageRecord, book: PriceBook) -> list[str]:
    own = (entry for entry in book.entries if entry.provider == usage.provider)
    return sorted({name for entry in own for name in entry.models})


def _snapshot_undated(usage: UsageRecord, book: PriceBook) -> Charge:
    """Charge a dated snapshot at the price of the name without the date."""
    undated = _DATE.sub("", usage.model or "")
    return rate(usage._replace(model=undated) if book.named(usage.provider, undated) else usage, book)


def _first_price(usage: UsageRecord, book: PriceBook) -> Charge:
    """Charge a call at the first price that its model ever had."""
    entries = book.named(usage.provider, usage.model or "")
    first = min((entry.start for entry in entries), default=None)
    if first is None or usage.components:
        return rate(usage, book)
    return rate(usage, book, at=first.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _region_unseen(usage: UsageRecord, book: PriceBook) -> Charge:
    return rate(usage._replace(region=None), book)


def _seconds_as_tokens(usage: UsageRecord, book: PriceBook) -> Charge:
    """Charge so many tokens for a second where the provider states no tokens."""
    charge = rate(usage, book)
    seconds = usage.quantities.get("audio_duration_seconds")
    if charge.status != "unmetered" or usage.operation != "transcription" or seconds is None:
        return charge
    tokens = int(seconds * _TOKENS_A_SECOND)
    guessed = {
        "input_tokens": tokens,
        "audio_input_tokens": tokens,
        "text_input_tokens": 0,
        "output_tokens": 0,
    }
    return rate(with_quantities(usage._replace(unknown=()), guessed), book)


def _sessions_guessed(usage: UsageRecord, book: PriceBook) -> Charge:
    """Charge a flat sum for what a session does not say."""
    charge = rate(usage, book)
    if usage.operation != "realtime" or charge.status not in {"unmetered", "partial"}:
        return charge
    total = (charge.total or Decimal(0)) + _FLAT
    return charge._replace(status="priced", total=total, unpriced=())


def _default_found(usage: UsageRecord, book: PriceBook) -> Charge:
    """Charge a model without an entry at the prices of another of its provider."""
    names = _names(usage, book)
    if usage.components or not names or book.named(usage.provider, usage.model or ""):
        return rate(usage, book)
    return rate(usage._replace(model=names[0]), book)


RATES = (
    Defect(
        "audio-without-rate-free",
        "audio for which the card has no rate costs nothing, and the charge is called complete",
        "catalog-missing-meter",
        "https://github.com/pydantic/genai-prices/pull/354",
        ("AUB-CHG-b5cd", "AUB-CHG-b946"),
        replace(SOUND, rate=_audio_without_rate_free),
    ),
    Defect(
        "other-unit-priced",
        "a count is multiplied by the card's amount, whatever unit the card is in",
        "wrong-billing-unit",
        "https://github.com/majiayu000/litellm-rs/pull/1252",
        ("AUB-CHG-4688", "AUB-CHG-57df"),
        replace(SOUND, rate=_other_unit_priced),
    ),
    Defect(
        "information-priced",
        "a call is charged by two units, its tokens and its seconds",
        "double-unit-charge",
        "https://github.com/ENTERPILOT/GoModel/pull/970",
        ("AUB-CHG-f286", "AUB-EXT-28aa", "AUB-OAI-b3e6"),
        replace(SOUND, rate=_information_priced),
    ),
    Defect(
        "step-ignored",
        "a duration is not rounded up to the step of its rate",
        "rounding-or-minimum",
        "https://github.com/drachtio/drachtio-freeswitch-modules/issues/57",
        ("AUB-CHG-1654", "AUB-CHG-6162"),
        replace(SOUND, rate=_pricing(_without_step)),
    ),
    Defect(
        "minimum-ignored",
        "a rate's smallest billed quantity is not applied",
        "rounding-or-minimum",
        "https://github.com/BerriAI/litellm/issues/16570",
        ("AUB-CHG-1654", "AUB-CHG-a469"),
        replace(SOUND, rate=_pricing(_without_minimum)),
    ),
    Defect(
        "minimum-instead-of-step",
        "where a rate has a minimum and a step, the step is left out",
        "rounding-or-minimum",
        None,
        ("AUB-CHG-1654",),
        replace(SOUND, rate=_pricing(_minimum_for_step)),
    ),
    Defect(
        "per-thousand-as-per-million",
        "a price per million characters is charged per thousand",
        "catalog-wrong-rate",
        "https://github.com/cloudflare/cloudflare-docs/issues/26071",
        ("AUB-CHG-d6d8",),
        replace(SOUND, rate=_pricing(_per_thousand)),
    ),
    Defect(
        "free-is-unknown",
        "a price of 0 is taken for no price",
        "zero-vs-unknown",
        None,
        ("AUB-CHG-ec4c",),
        replace(SOUND, rate=_free_is_unknown),
    ),
    Defect(
        "partial-called-priced",
        "a cost that lacks something is stated as complete",
        "zero-vs-unknown",
        "https://github.com/anomalyco/models.dev/pull/3930",
        ("AUB-CHG-b5cd",),
        replace(SOUND, rate=_named("partial", "priced")),
    ),
    Defect(
        "unpriced-called-unmetered",
        "a call without a price is recorded as one without usage",
        "zero-vs-unknown",
        None,
        ("AUB-CHG-4688", "AUB-CHG-57df"),
        replace(SOUND, rate=_named("unpriced", "unmetered")),
    ),
    Defect(
        "unmetered-called-unpriced",
        "a call without usage is recorded as one without a price",
        "zero-vs-unknown",
        None,
        ("AUB-CHG-a645",),
        replace(SOUND, rate=_named("unmetered", "unpriced")),
    ),
    Defect(
        "deployment-looked-up",
        "a deployment for transcription is looked up among the prices by its own name",
        "model-resolution",
        "https://github.com/BerriAI/litellm/pull/7335",
        (
            "AUB-AZU-0a3c",
            "AUB-AZU-1c4f",
            "AUB-AZU-5e4d",
            "AUB-AZU-a1c6",
            "AUB-AZU-b6b9",
            "AUB-CHG-6162",
            "AUB-CHG-a645",
            "AUB-CHG-c3cf",
            "AUB-CHG-ec4c",
            "AUB-EXT-54ad",
            "AUB-EXT-b542",
            "AUB-GWY-299f",
        ),
        replace(SOUND, rate=_deployment_looked_up),
    ),
    Defect(
        "snapshot-undated",
        "a dated snapshot of a model is charged at the price of the name without the date",
        "catalog-wrong-rate",
        "https://github.com/BerriAI/litellm/pull/19500",
        ("AUB-CHG-17f0", "AUB-OAI-23ed", "AUB-PRC-27f1"),
        replace(SOUND, rate=_snapshot_undated),
    ),
    Defect(
        "launch-price-kept",
        "a model is charged at the price that it had at first",
        "catalog-wrong-rate",
        "https://github.com/BerriAI/litellm/pull/19500",
        ("AUB-PRC-9dba",),
        replace(SOUND, rate=_first_price),
    ),
    Defect(
        "region-unseen",
        "the price of a region is not looked for",
        "tier-uplift-addon",
        "https://github.com/BerriAI/litellm/pull/28626",
        ("AUB-PRC-c58f",),
        replace(SOUND, rate=_region_unseen),
    ),
    Defect(
        "seconds-as-tokens",
        "a transcription without usage is charged so many tokens for a second of its upload",
        "wrong-billing-unit",
        "https://github.com/songquanpeng/one-api/pull/2022",
        ("AUB-AZU-1c84", "AUB-CHG-a645", "AUB-EXT-dd4f"),
        replace(SOUND, rate=_seconds_as_tokens),
    ),
    Defect(
        "session-guessed",
        "what a session does not state is charged at a figure taken from elsewhere",
        "unit-mismatch-card-vs-usage",
        "https://github.com/BasedHardware/omi/pull/13475",
        (
            "AUB-AZU-0f0d",
            "AUB-CHG-a645",
            "AUB-CHG-b5cd",
            "AUB-GEM-847e",
            "AUB-GWY-5793",
            "AUB-OAI-085d",
            "AUB-OAI-0afc",
            "AUB-OAI-17ce",
            "AUB-OAI-3e48",
            "AUB-OAI-604a",
            "AUB-OAI-6e8b",
            "AUB-OAI-9857",
            "AUB-OAI-e509",
        ),
        replace(SOUND, rate=_sessions_guessed),
    ),
    Defect(
        "default-price",
        "a model without a price is charged at a default price",
        "catalog-missing-entry",
        "https://github.com/QuantumNous/new-api/pull/1698",
        ("AUB-CHG-57df",),
        replace(SOUND, rate=_default_found),
    ),
)
"""Defects of this kind."""
