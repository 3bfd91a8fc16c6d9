"""Reading of the ``[prices]`` table of a declaration."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any, cast

from decibill.declaration import PriceField, Prices
from decibill.declaration_sources import QUANTITIES
from decibill.declaration_table import Table
from decibill.errors import UnknownNameError
from decibill.pricelist import FamilyMember, PriceList, Thresholds, meanings
from decibill.template_tree import is_list

__all__ = ["read_prices"]

_FAMILIES = (
    "audio_token_based",
    "audio_per_minute",
    "audio_per_character",
    "audio_per_credit",
    "per_request",
)


def read_prices(table: Table | None) -> Prices:
    """Return how the gateway learns prices; a declaration without the table says that it cannot.

    Raises:
        InvalidFileError: with the pointer of the fault.
    """
    if table is None:
        return Prices("none")
    unit = table.table("unit")
    per = unit.positive("per") or Decimal(1)
    unit.choice("currency", ("USD",), "USD")
    unit.done()
    fields_table = table.table("fields")
    number = table.table("number")
    layout = table.optional_table("list")
    prices = Prices(
        how=cast("Any", table.choice("how", ("book", "file", "served", "none"))),
        fields={name: _price_field(fields_table, name, per) for name in fields_table},
        number=cast("Any", number.choice("kind", ("decimal", "string"), "decimal")),
        places=number.integer("places", 20, 0, 60),
        digits=number.integer("digits", 1, 1, 120) if "digits" in number else None,
        layout=_layout(layout) if layout is not None else None,
    )
    if prices.digits is not None and prices.digits < prices.places:
        number.refuse("digits", "counts those after the point too, so it cannot be less than places")
    if layout is not None and prices.layout is not None:
        paths = Counter(prices.layout.folded(path) for path, _ in meanings(prices.fields, prices.layout))
        for path in (path for path, count in paths.items() if count > 1):
            layout.refuse(None, f"two quantities share the member {path}, so no reader can tell them apart")
        for name, price_field in prices.fields.items():
            if price_field.plus or price_field.minus:
                fields_table.refuse(
                    name, "is worked out from several rates, so it cannot be in a [prices.list]"
                )
    number.done()
    table.done()
    return prices


def _price_field(table: Table, name: str, per: Decimal) -> PriceField:
    if isinstance(table.raw(name), str):
        return PriceField(table.text(name), per)
    member = table.table(name)
    price_field = PriceField(
        member.text("field"),
        member.positive("per") or per,
        also=member.words("also"),
        only=frozenset(member.words("only")),
        plus=member.words("plus", QUANTITIES),
        minus=member.words("minus", QUANTITIES),
        written_only=member.flag("written_only"),
    )
    member.done()
    return price_field


def _layout(table: Table) -> PriceList:
    family, above = table.optional_table("family"), table.optional_table("above")
    layout = PriceList(
        shape=cast("Any", table.choice("shape", ("map", "list"))),
        at=tuple(_pointer(table, "at", place) for place in table.words("at")),
        key=table.text("key", "{model}"),
        inside=table.text("inside") if "inside" in table else "",
        any_case=table.flag("any_case"),
        model=table.optional_text("model"),
        provider=table.optional_text("provider"),
        operation=table.optional_text("operation"),
        start=table.optional_text("from"),
        end=table.optional_text("until"),
        active=table.optional_text("active"),
        source=table.optional_text("source"),
        family=_family(family) if family is not None else None,
        tiers=table.texts("tiers"),
        above=_above(above) if above is not None else None,
        other=table.words("other"),
    )
    if layout.shape == "list" and layout.model is None:
        table.refuse("model", "is missing; in a list an entry must name its model")
    if layout.key.count("{model}") != 1:
        table.refuse("key", "must hold {model} once")
    if layout.provider is None and "{provider}" in layout.key:
        table.refuse("key", "holds {provider}, and no member names the provider")
    table.done()
    return layout


def _pointer(table: Table, key: str, value: str) -> str:
    if not value.startswith("/"):
        table.refuse(key, f"{value!r} is not a JSON pointer", remedy="begin it with /")
    return value


def _family(table: Table) -> FamilyMember:
    member = FamilyMember(
        table.text("member"),
        {name: _values(table, name) for name in _FAMILIES if name in table},
        _values(table, "any"),
    )
    table.done()
    return member


def _values(table: Table, key: str) -> tuple[str | int, ...]:
    values: Any = table.raw(key, [])
    found = [value for value in values if type(value) in (str, int)] if is_list(values) else []
    if not is_list(values) or len(found) != len(values):
        table.refuse(key, "must be a list of strings and whole numbers")
    return tuple(found)


def _above(table: Table) -> Thresholds:
    by = table.text("by")
    if by not in QUANTITIES:
        table.refuse("by", str(UnknownNameError("quantity", by, QUANTITIES)))
    members = table.table("members")
    endings = {name: Decimal(members.integer(name, 1, 1, 10**15)) for name in members}
    if not endings:
        table.refuse("members", "must name at least one ending")
    thresholds = Thresholds(by, endings, frozenset(table.words("inclusive")))
    table.done()
    return thresholds
