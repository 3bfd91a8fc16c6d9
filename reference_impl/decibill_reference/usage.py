"""The usage record: what one interaction used, and where each number comes from.

An absent quantity is unknown or does not apply; 0 is known to be zero (AUB-TRM-8fd0, AUB-TRM-6cce).

A record is a named tuple, as are a charge and its lines: they are made for every call, and a frozen dataclass
takes four times as long to make.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, cast

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.jsonio import is_object
from decibill_reference.numbers import LARGEST_COUNT, escape, plain, read_count, read_decimal
from decibill_reference.quantities import COUNTS, QUANTITIES, check_parts, names_in_order

__all__ = [
    "BASES",
    "FLAGS",
    "Component",
    "ProviderCost",
    "UsageRecord",
    "read_instant",
    "read_time",
    "weaker",
]

BASES = ("provider_billed", "provider_reported", "request", "media", "derived", "assumed")
"""Where a quantity can come from, strongest first (AUB-USE-21cb)."""

FLAGS = (
    "error_response",
    "stream_incomplete",
    "session_incomplete",
    "usage_type_missing",
    "details_missing",
    "details_short",
    "details_exceed_count",
    "total_mismatch",
    "output_not_counted",
    "zero_usage",
    "unread_members",
)
"""What a record can say about how it was read, in canonical order."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_QUANTITY_NAMES = frozenset(QUANTITIES)
_RANK = {basis: rank for rank, basis in enumerate(BASES)}


def weaker(one: str, other: str) -> str:
    """Return the weaker of two bases, which is the basis of a sum (data model, section 2)."""
    return one if _RANK[one] >= _RANK[other] else other


@lru_cache(maxsize=64)  # a time is read when a record is made and again when it is priced
def _instant(text: str) -> datetime | None:
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # the 31st of November
        return None


def read_instant(value: object, pointer: str) -> datetime:
    """Return the instant that the UTC timestamp *value* names.

    Raises:
        DecibillReferenceError: `missing_time` for anything but a real time in UTC, such as
            `2025-11-05T10:24:03Z`.
    """
    moment = _instant(value) if isinstance(value, str) else None
    if moment is not None:
        return moment
    raise _missing_time(value, pointer)


def read_time(value: object, pointer: str) -> str:
    """Return the UTC timestamp *value* as it was given; what `read_instant` refuses is refused."""
    if isinstance(value, str) and _instant(value) is not None:
        return value
    raise _missing_time(value, pointer)


def _missing_time(value: object, pointer: str) -> DecibillReferenceError:
    problem = "there is no time" if value is None else f"{value!r} is not a time in UTC"
    return DecibillReferenceError(
        "missing_time", pointer, f"{problem}; prices are dated, so give one such as 2025-11-05T10:24:03Z"
    )


class ProviderCost(NamedTuple):
    """What the provider itself says the call cost; information, never a price."""

    amount: Decimal
    currency: str

    def to_json(self) -> dict[str, str]:
        """Return the record's member `provider_cost`."""
        return {"amount": plain(self.amount), "currency": self.currency}


class Component(NamedTuple):
    """What one more model of a session used, such as the one that transcribes its input."""

    operation: str
    model: str | None
    """The model that is priced; None when the session never named it."""
    quantities: Mapping[str, int | Decimal]
    basis: Mapping[str, str]
    unknown: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return one item of the record's member `components`."""
        named = {"model": self.model} if self.model is not None else {}
        return {
            **named,
            "operation": self.operation,
            **_quantities_json(self.quantities, self.basis, self.unknown),
        }


class UsageRecord(NamedTuple):
    """What one interaction used.

    `quantities` holds an int for a count and a `Decimal` for seconds and credits; `basis` has the same keys.
    All tuples are in canonical order.
    """

    provider: str
    surface: str
    operation: str
    model: str
    at: str
    quantities: Mapping[str, int | Decimal]
    basis: Mapping[str, str]
    unknown: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    service_tier: str | None = None
    region: str | None = None
    features: tuple[str, ...] = ()
    character_rule: str | None = None
    provider_cost: ProviderCost | None = None
    unread: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON data: counts as integers, every other number as a canonical string."""
        record: dict[str, Any] = {
            "provider": self.provider,
            "surface": self.surface,
            "operation": self.operation,
            "model": self.model,
            "at": self.at,
            **_quantities_json(self.quantities, self.basis, self.unknown),
            "flags": list(self.flags),
        }
        if self.service_tier is not None:
            record["service_tier"] = self.service_tier
        if self.region is not None:
            record["region"] = self.region
        if self.features:
            record["features"] = list(self.features)
        if self.character_rule is not None:
            record["character_rule"] = self.character_rule
        if self.provider_cost is not None:
            record["provider_cost"] = self.provider_cost.to_json()
        if self.unread:
            record["unread"] = list(self.unread)
        if self.components:
            record["components"] = [component.to_json() for component in self.components]
        return record

    @classmethod
    def from_json(cls, value: object) -> UsageRecord:
        """Return the record that the JSON data *value* describes.

        Raises:
            DecibillReferenceError: `inconsistent_usage` where a part exceeds its whole (AUB-CHG-eb98),
                `invalid_number`, `negative_quantity`, `missing_time`, or `malformed_body` for anything that
                is not shaped like a usage record.
        """
        record = _mapping(value, "")
        quantities, basis = _read_quantities(record, "")
        return cls(
            provider=_text(record, "provider", ""),
            surface=_text(record, "surface", ""),
            operation=_text(record, "operation", ""),
            model=_text(record, "model", ""),
            at=read_time(record.get("at"), "/at"),
            quantities=quantities,
            basis=basis,
            unknown=_words(record, "unknown", ""),
            flags=_words(record, "flags", ""),
            service_tier=_text_or_none(record, "service_tier", ""),
            region=_text_or_none(record, "region", ""),
            features=_words(record, "features", ""),
            character_rule=_text_or_none(record, "character_rule", ""),
            provider_cost=_read_provider_cost(record),
            unread=_words(record, "unread", ""),
            components=_read_components(record),
        )


def _quantities_json(
    quantities: Mapping[str, int | Decimal], basis: Mapping[str, str], unknown: Sequence[str]
) -> dict[str, Any]:
    return {
        "quantities": {
            name: value if isinstance(value, int) else _decimal_json(value)
            for name, value in quantities.items()
        },
        "basis": dict(basis),
        "unknown": list(unknown),
    }


def _decimal_json(value: Decimal) -> int | str:
    """Return a whole number as an integer and any other as a canonical string (AUB-TRM-2b2b)."""
    numerator, denominator = value.as_integer_ratio()
    return numerator if denominator == 1 else plain(value)


def _read_quantities(record: Mapping[str, Any], base: str) -> tuple[dict[str, int | Decimal], dict[str, str]]:
    stated = _mapping(record.get("quantities"), f"{base}/quantities")
    bases = _mapping(record.get("basis"), f"{base}/basis")
    if not _QUANTITY_NAMES.issuperset(stated):  # before their names are remembered
        unknown = next(name for name in stated if name not in _QUANTITY_NAMES)
        raise _malformed(f"{base}/quantities/{escape(unknown)}", "no quantity has this name")
    quantities: dict[str, int | Decimal] = {}
    basis: dict[str, str] = {}
    for name in names_in_order(stated):
        value = stated[name]
        if name not in COUNTS:
            value = read_decimal(value, f"{base}/quantities/{name}")
        elif type(value) is not int or not 0 <= value <= LARGEST_COUNT:  # else no pointer is needed
            value = read_count(value, f"{base}/quantities/{name}")
        quantities[name] = value
        word = bases.get(name)
        if not isinstance(word, str) or word not in _RANK:
            _text(bases, name, f"{base}/basis")
            raise _malformed(f"{base}/basis/{name}", f"the basis is one of {', '.join(BASES)}")
        basis[name] = word
    check_parts(quantities, lambda name: f"{base}/quantities/{name}")
    return quantities, basis


def _read_components(record: Mapping[str, Any]) -> tuple[Component, ...]:
    listed: object = record.get("components", [])
    if not isinstance(listed, list):
        raise _malformed("/components", "the components are an array")
    components: list[Component] = []
    for number, item in enumerate(cast("list[object]", listed)):
        base = f"/components/{number}"
        component = _mapping(item, base)
        quantities, basis = _read_quantities(component, base)
        components.append(
            Component(
                operation=_text(component, "operation", base),
                model=_text_or_none(component, "model", base),
                quantities=quantities,
                basis=basis,
                unknown=_words(component, "unknown", base),
            )
        )
    return tuple(components)


def _read_provider_cost(record: Mapping[str, Any]) -> ProviderCost | None:
    if "provider_cost" not in record:
        return None
    cost = _mapping(record["provider_cost"], "/provider_cost")
    return ProviderCost(
        amount=read_decimal(cost.get("amount"), "/provider_cost/amount"),
        currency=_text(cost, "currency", "/provider_cost"),
    )


def _mapping(value: object, pointer: str) -> Mapping[str, Any]:
    if is_object(value):
        return value
    raise _malformed(pointer, "an object was expected here")


def _text(record: Mapping[str, Any], member: str, base: str) -> str:
    value = record.get(member)
    if not isinstance(value, str) or not value:
        raise _malformed(f"{base}/{member}", "a text that is not empty was expected here")
    return value


def _text_or_none(record: Mapping[str, Any], member: str, base: str) -> str | None:
    return _text(record, member, base) if member in record else None


def _words(record: Mapping[str, Any], member: str, base: str) -> tuple[str, ...]:
    value: object = record.get(member, [])
    if value == []:  # as nearly always
        return ()
    if not isinstance(value, list) or not all(isinstance(word, str) for word in cast("list[object]", value)):
        raise _malformed(f"{base}/{member}", "an array of texts was expected here")
    return tuple(cast("list[str]", value))


def _malformed(pointer: str, problem: str) -> DecibillReferenceError:
    return DecibillReferenceError("malformed_body", pointer, f"not a usage record: {problem}")
