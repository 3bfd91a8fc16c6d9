"""Refund requests and refund records, as values and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.node import Node
from decibill_reference.numbers import plain, read_decimal
from decibill_reference.quantities import COUNTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

__all__ = ["LineKey", "Refund", "RefundLine", "RefundRequest"]

LineKey = tuple[str, str, str | None]
"""Model, quantity and, for a surcharge, its feature."""


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What is asked back: quantities in billed units, or everything that is left."""

    id: str
    quantities: Mapping[str, Decimal] | None = None
    """None asks for everything."""

    model: str | None = None
    """Whose lines are meant, where lines of several models share a quantity."""

    @classmethod
    def from_json(cls, document: Any, pointer: str = "") -> RefundRequest:
        """Return the request that JSON data describes.

        Raises:
            DecibillReferenceError: ``invalid_amount`` for a quantity that is not a number above zero
                (AUB-REF-3ae9), ``malformed_body`` for anything that is not shaped like a request.
        """
        node = Node(document, pointer, "malformed_body")
        members = node.members(("id",), ("full", "quantities", "model"))
        identity = members["id"].text()
        if "full" in members:
            if members["full"].value is not True:
                members["full"].refuse("must be true; to refund a part, give `quantities` instead")
            for other in ("quantities", "model"):
                if other in members:
                    members[other].refuse("does not go with `full`")
            return cls(identity)
        if "quantities" not in members:
            node.refuse("must have `full` or `quantities`")
        amounts = {name: _read_amount(name, item) for name, item in members["quantities"].mapping().items()}
        if not amounts:
            members["quantities"].refuse("must name a quantity", "invalid_amount")
        return cls(identity, amounts, members["model"].text() if "model" in members else None)

    def to_json(self) -> dict[str, Any]:
        """Return the request in one canonical form, whole numbers as integers."""
        if self.quantities is None:
            return {"id": self.id, "full": True}
        request: dict[str, Any] = {
            "id": self.id,
            "quantities": {
                name: int(amount) if amount == int(amount) else plain(amount)
                for name, amount in self.quantities.items()
            },
        }
        if self.model is not None:
            request["model"] = self.model
        return request


@dataclass(frozen=True, slots=True)
class RefundLine:
    """What is given back of one line of the charge."""

    model: str
    quantity: str
    refunded: Decimal
    subtotal: Decimal
    """Negative, or zero."""

    addon: str | None = None

    @property
    def key(self) -> LineKey:
        """Which line of the charge it is part of."""
        return self.model, self.quantity, self.addon

    def to_json(self) -> dict[str, str]:
        """Return one item of the record's member ``lines``."""
        line = {
            "model": self.model,
            "quantity": self.quantity,
            "refunded": plain(self.refunded),
            "subtotal": plain(self.subtotal),
        }
        if self.addon is not None:
            line["addon"] = self.addon
        return line


@dataclass(frozen=True, slots=True)
class Refund:
    """What is given back of a charge, in negative lines."""

    id: str
    charge_total: Decimal
    currency: str
    total: Decimal
    """Negative, or zero."""

    lines: tuple[RefundLine, ...]
    request: RefundRequest

    def to_json(self) -> dict[str, Any]:
        """Return the refund record as JSON data."""
        return {
            "id": self.id,
            "charge_total": plain(self.charge_total),
            "currency": self.currency,
            "total": plain(self.total),
            "lines": [line.to_json() for line in self.lines],
            "request": self.request.to_json(),
        }

    @classmethod
    def from_json(cls, document: Any, pointer: str = "") -> Refund:
        """Return the refund record that JSON data describes.

        Raises:
            DecibillReferenceError: ``malformed_body`` for anything that is not shaped like a refund record.
        """
        members = Node(document, pointer, "malformed_body").members(
            ("id", "charge_total", "currency", "total", "lines", "request"), ("$schema",)
        )
        return cls(
            id=members["id"].text(),
            charge_total=members["charge_total"].result(),
            currency=members["currency"].text(),
            total=_read_negative(members["total"]),
            lines=tuple(_read_line(item) for item in members["lines"].items()),
            request=RefundRequest.from_json(members["request"].value, members["request"].pointer),
        )


def _read_amount(quantity: str, node: Node) -> Decimal:
    try:
        amount = read_decimal(node.value, node.pointer)
    except DecibillReferenceError as error:
        node.refuse(error.message, "invalid_amount")
    if not amount:
        node.refuse("a refund of nothing is no refund; leave the quantity out", "invalid_amount")
    if quantity in COUNTS and amount != int(amount):
        node.refuse(f"{quantity} are counted in whole numbers", "invalid_amount")
    return amount


def _read_negative(node: Node) -> Decimal:
    text = node.text()
    if text == "0":
        return node.decimal()
    if not text.startswith("-"):
        node.refuse(f'must be a negative decimal string such as "-0.003527", not {text!r}')
    return Node(text[1:], node.pointer, node.code).result(positive=True).copy_negate()


def _read_line(node: Node) -> RefundLine:
    members = node.members(("model", "quantity", "refunded", "subtotal"), ("addon",))
    return RefundLine(
        model=members["model"].text(),
        quantity=members["quantity"].text(),
        refunded=members["refunded"].result(positive=True),
        subtotal=_read_negative(members["subtotal"]),
        addon=members["addon"].text() if "addon" in members else None,
    )
