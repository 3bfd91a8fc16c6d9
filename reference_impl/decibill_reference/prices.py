"""Price books: dated, sourced rates, found by exact names.

A price book decides what is billed, so nothing in it is guessed. `PriceBook.from_json` refuses whatever it
does not understand: an amount that is a JSON number (AUB-PRC-0b02), a rate of another unit family than the
entry's (AUB-PRC-89b3), a member that it does not know, since a misspelt ``minimum`` would be a wrong bill.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from decibill_reference.leaves import TOKEN_RATES, LeafPlan
from decibill_reference.money import ONE, UnitPrice, divide, multiply
from decibill_reference.node import Node
from decibill_reference.numbers import plain
from decibill_reference.quantities import QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FAMILIES",
    "FEES",
    "STANDARD",
    "Addon",
    "Entry",
    "PriceBook",
    "Rate",
    "Source",
    "TierStep",
    "Tiers",
    "instant",
    "tier_name",
]

FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "audio_token_based": TOKEN_RATES,
    "audio_per_minute": ("audio_duration_seconds",),
    "audio_per_character": ("tts_characters",),
    "audio_per_credit": ("provider_credits",),
    "per_request": ("requests",),
}
"""The quantities of each unit family, by pricing model, in the order of the specification's table."""

FEES: Final = ("requests", "text_messages")
"""Quantities whose rates may stand beside any family; a record without them counts 1."""

OPERATIONS: Final = (
    "transcription",
    "translation",
    "speech",
    "chat",
    "realtime",
    "sound_generation",
    "voice_conversion",
    "agent_call",
    "embedding",
)
SURFACES: Final = ("api", "azure_openai", "azure_speech", "voice_live", "ai_studio", "vertex")
CHARACTER_RULES: Final = (
    "code_points",
    "azure_ssml",
    "utf16_units",
    "utf8_bytes",
    "no_whitespace",
    "provider_count",
)

STANDARD: Final = "standard"
_STANDARD_WORDS: Final = frozenset({"default", "auto", "ON_DEMAND", STANDARD})


def instant(text: str) -> datetime | None:
    """Return the instant that a date (midnight UTC) or a UTC timestamp names, or None where it names none."""
    try:
        if len(text) == 10:
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return datetime.fromisoformat(text) if text[10:11] == "T" and text.endswith("Z") else None
    except ValueError:
        return None


def tier_name(word: str | None) -> str:
    """Return the service tier that *word* means; providers have several words for the standard one."""
    return STANDARD if word is None or word in _STANDARD_WORDS else word


@dataclass(frozen=True, slots=True)
class TierStep:
    """The price from one threshold on."""

    above: Decimal
    price: UnitPrice


@dataclass(frozen=True, slots=True)
class Tiers:
    """Rising thresholds; the whole quantity takes the price of the last one passed (AUB-CHG-56ac)."""

    by: str
    """The quantity of the record that is measured against the thresholds."""

    steps: tuple[TierStep, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of one quantity and what is done to the quantity before."""

    quantity: str
    price: UnitPrice
    step: Decimal | None = None
    minimum: Decimal | None = None
    tiers: Tiers | None = None
    multiply_by: str | None = None
    rule: str | None = None
    """The character rule that the record must have been counted by."""

    is_stepped: bool = field(init=False, compare=False, repr=False)
    """Whether another quantity than the measured one can be billed."""

    unit: Decimal | None = field(init=False, compare=False, repr=False)
    """What one unit costs where a quantity is billed as it was measured, and whole ones without rounding.

    It is None where the rate has steps or tiers, or its price more places (see `UnitPrice.in_last_places`).
    """

    def __post_init__(self) -> None:
        changes = (self.step, self.minimum, self.multiply_by)
        is_stepped = any(change is not None for change in changes)
        is_plain = not is_stepped and self.tiers is None
        object.__setattr__(self, "is_stepped", is_stepped)
        object.__setattr__(self, "unit", self.price.in_last_places() if is_plain else None)


@dataclass(frozen=True, slots=True)
class Addon:
    """A surcharge for one feature: *percent* of the base price, or a price of its own."""

    feature: str
    percent: Decimal | None = None
    price: UnitPrice | None = None
    minimum: Decimal | None = None

    def over(self, base: UnitPrice) -> UnitPrice:
        """Return the surcharge on a unit that costs *base*; percentages do not compound."""
        if self.price is not None:
            return self.price
        assert self.percent is not None
        share = divide(self.percent, 100)
        amount = multiply(Decimal(base.amount), share)
        assert isinstance(amount, Decimal)  # hundredths of a decimal are finite
        return UnitPrice(plain(amount), base.per)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rates of an entry were read, and when (AUB-PRC-7446)."""

    url: str
    read: str


@dataclass(frozen=True, slots=True)
class Entry:
    """The rates of some models over one period."""

    id: str
    provider: str
    models: tuple[str, ...]
    start: datetime
    end: datetime | None
    """First instant at which the entry no longer applies; None is open."""

    currency: str
    pricing_model: str
    rates: Mapping[str, Rate]
    source: Source
    operations: frozenset[str] | None = None
    surface: str | None = None
    region: frozenset[str] | None = None
    service_tier: str | None = None
    addons: Mapping[str, Addon] = field(default_factory=dict[str, Addon])
    multiplier: Decimal = ONE
    leaf_plan: LeafPlan = field(init=False, compare=False, repr=False)
    fees: tuple[Rate, ...] = field(init=False, compare=False, repr=False)
    """The rates for `FEES`, in their order."""

    tier: str = field(init=False, compare=False, repr=False)
    """The one service tier that the entry is for."""

    selectors: int = field(init=False, compare=False, repr=False)
    """How many of operations, surface, region and tier the entry names."""

    def __post_init__(self) -> None:
        named = (self.operations, self.surface, self.region, self.service_tier)
        fees = tuple(self.rates[fee] for fee in FEES if fee in self.rates)
        object.__setattr__(self, "leaf_plan", LeafPlan.of(self.rates))
        object.__setattr__(self, "fees", fees)
        object.__setattr__(self, "tier", tier_name(self.service_tier))
        object.__setattr__(self, "selectors", sum(selector is not None for selector in named))


@dataclass(frozen=True, slots=True)
class PriceBook:
    """All entries, and the currency of a charge for which there is none."""

    currency: str
    entries: tuple[Entry, ...]
    _by_name: Mapping[tuple[str, str], tuple[Entry, ...]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        names: dict[tuple[str, str], tuple[Entry, ...]] = {}
        for entry in self.entries:
            for model in entry.models:
                names[entry.provider, model] = (*names.get((entry.provider, model), ()), entry)
        object.__setattr__(self, "_by_name", names)

    def named(self, provider: str, model: str) -> tuple[Entry, ...]:
        """Return the entries that name exactly this model of this provider (AUB-PRC-27f1)."""
        return self._by_name.get((provider, model), ())

    @classmethod
    def from_json(cls, document: Any) -> PriceBook:
        """Return the book that a JSON document describes.

        Raises:
            DecibillReferenceError: ``invalid_price_book``, with the pointer of the first fault.
        """
        return _read_book(Node(document, "", "invalid_price_book"))


def _read_book(node: Node) -> PriceBook:
    members = node.members(("currency", "entries"), ("$schema",))
    currency = _read_currency(members["currency"])
    entries: dict[str, Entry] = {}
    for item in members["entries"].items():
        entry = _read_entry(item, currency)
        if entry.id in entries:
            item.child("id", entry.id).refuse(f"the id {entry.id!r} stands twice")
        entries[entry.id] = entry
    return PriceBook(currency, tuple(entries.values()))


def _read_entry(node: Node, currency: str) -> Entry:
    members = node.members(
        ("id", "provider", "models", "from", "pricing_model", "rates", "source"),
        ("until", "currency", "operations", "surface", "region", "service_tier", "addons", "multiplier"),
    )
    start = _read_instant(members["from"])
    end = _read_instant(members["until"]) if "until" in members else None
    if end is not None and end <= start:
        members["until"].refuse("must be later than `from`")
    model = members["pricing_model"].one_of(FAMILIES)
    return Entry(
        id=members["id"].text(),
        provider=members["provider"].text(),
        models=_read_models(members["models"]),
        start=start,
        end=end,
        currency=_read_currency(members["currency"]) if "currency" in members else currency,
        pricing_model=model,
        rates=_read_rates(members["rates"], model),
        source=_read_source(members["source"]),
        operations=_read_operations(members["operations"]) if "operations" in members else None,
        surface=members["surface"].one_of(SURFACES) if "surface" in members else None,
        region=frozenset(members["region"].texts()) if "region" in members else None,
        service_tier=tier_name(members["service_tier"].text()) if "service_tier" in members else None,
        addons=_read_addons(members["addons"]) if "addons" in members else {},
        multiplier=members["multiplier"].decimal(positive=True) if "multiplier" in members else ONE,
    )


def _read_currency(node: Node) -> str:
    code = node.text()
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        node.refuse(f'must be a currency code such as "USD", not {code!r}')
    return code


def _read_instant(node: Node) -> datetime:
    moment = instant(node.text())
    if moment is None:
        node.refuse(f"must be a date or a UTC timestamp such as 2026-11-21T00:00:00Z, not {node.value!r}")
    return moment


def _read_models(node: Node) -> tuple[str, ...]:
    names = node.texts()
    for item in node.items():
        if any(character.isspace() or character in "*?" for character in item.text()):
            item.refuse("must be an exact model id, without wildcards")
    return names


def _read_operations(node: Node) -> frozenset[str]:
    names = frozenset(node.texts())
    for item in node.items():
        item.one_of(OPERATIONS)
    return names


def _read_source(node: Node) -> Source:
    members = node.members(("url", "read"), ("note",))
    read = members["read"].text()
    if len(read) != 10 or instant(read) is None:
        members["read"].refuse(f"must be a date such as 2026-11-21, not {read!r}")
    return Source(members["url"].text(), read)


def _read_rates(node: Node, pricing_model: str) -> dict[str, Rate]:
    rates = node.mapping()
    if not rates:
        node.refuse("must have at least one rate")
    own = FAMILIES[pricing_model]
    for key, rate in rates.items():
        if key not in own and key not in FEES:
            rate.refuse(
                f"the pricing model {pricing_model} has no rate for {key!r}; nothing is billed on two bases"
            )
    return {key: _read_rate(rate, key) for key, rate in rates.items()}


def _read_rate(node: Node, quantity: str) -> Rate:
    members = node.members(("amount", "per"), ("step", "minimum", "tiers", "multiply_by", "rule"))
    if "rule" in members and quantity != "tts_characters":
        members["rule"].refuse("only a rate for tts_characters has a character rule")
    per = members["per"].decimal_text(positive=True)
    return Rate(
        quantity,
        UnitPrice(members["amount"].published(), per),
        step=members["step"].decimal(positive=True) if "step" in members else None,
        minimum=members["minimum"].decimal(positive=True) if "minimum" in members else None,
        tiers=_read_tiers(members["tiers"], per) if "tiers" in members else None,
        multiply_by=members["multiply_by"].one_of(("audio_channels",)) if "multiply_by" in members else None,
        rule=members["rule"].one_of(CHARACTER_RULES) if "rule" in members else None,
    )


def _read_tiers(node: Node, per: str) -> Tiers:
    members = node.members(("by", "steps"))
    steps: list[TierStep] = []
    for item in members["steps"].items():
        step = item.members(("above", "amount"))
        above = step["above"].decimal()
        if steps and above <= steps[-1].above:
            step["above"].refuse("thresholds must rise")
        steps.append(TierStep(above, UnitPrice(step["amount"].published(), per)))
    if not steps:
        members["steps"].refuse("must not be empty")
    return Tiers(members["by"].one_of(QUANTITIES), tuple(steps))


def _read_addons(node: Node) -> dict[str, Addon]:
    addons: dict[str, Addon] = {}
    for feature, addon in node.mapping().items():
        stated = addon.mapping()
        if "percent" in stated:
            if "amount" in stated or "per" in stated:
                stated["percent"].refuse("does not go with an amount of its own")
            members = addon.members(("percent",), ("minimum",))
            percent, price = Decimal(members["percent"].published()), None
        else:
            members = addon.members(("amount", "per"), ("minimum",))
            percent = None
            price = UnitPrice(members["amount"].published(), members["per"].decimal_text(positive=True))
        minimum = members["minimum"].decimal(positive=True) if "minimum" in members else None
        addons[feature] = Addon(feature, percent, price, minimum)
    return addons
