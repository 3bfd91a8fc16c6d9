"""The charge: lines, total, status, and whatever could not be priced.

A charge never hides what it lacks. Usage that should be priced and cannot be is a *gap*, listed under
``unpriced`` with its reason, and a total of ``"0"`` only ever means free, not billable or zero usage.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from decibill_reference.money import ONE, UnitPrice
from decibill_reference.node import Node
from decibill_reference.numbers import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["STATUSES", "Charge", "Gap", "Line"]

STATUSES: Final = ("priced", "free", "not_billable", "partial", "unmetered", "unpriced")

_WITHOUT_TOTAL: Final = frozenset({"unmetered", "unpriced"})
_WITH_GAPS: Final = _WITHOUT_TOTAL | {"partial"}


class Line(NamedTuple):
    """One billed quantity at one price."""

    model: str
    quantity: str
    """The key of the rate."""

    measured: int | Decimal
    billed: int | Decimal
    """After minimum, step and ``multiply_by``."""

    price: UnitPrice
    subtotal: Decimal
    addon: str | None = None
    """The feature that causes the line, where it is a surcharge."""

    multiplier: Decimal = ONE

    def to_json(self) -> dict[str, str]:
        """Return one item of the charge's member ``lines``."""
        line = {
            "model": self.model,
            "quantity": self.quantity,
            "measured": plain(self.measured),
            "billed": plain(self.billed),
            "amount": self.price.amount,
            "per": self.price.per,
        }
        if self.multiplier != ONE:
            line["multiplier"] = plain(self.multiplier)
        line["subtotal"] = plain(self.subtotal)
        if self.addon is not None:
            line["addon"] = self.addon
        return line


class Gap(NamedTuple):
    """Something that should have been priced and could not be."""

    reason: str
    model: str | None = None
    quantity: str | None = None
    measured: int | Decimal | None = None
    looked_up: Mapping[str, str] | None = None
    """What no entry fits, for ``no_entry``."""

    def to_json(self) -> dict[str, Any]:
        """Return one item of the charge's member ``unpriced``."""
        gap: dict[str, Any] = {}
        if self.model is not None:
            gap["model"] = self.model
        if self.quantity is not None:
            gap["quantity"] = self.quantity
        if self.measured is not None:
            gap["measured"] = plain(self.measured)
        gap["reason"] = self.reason
        if self.looked_up is not None:
            gap["looked_up"] = dict(self.looked_up)
        return gap


class Charge(NamedTuple):
    """What a usage record costs."""

    status: str
    currency: str
    total: Decimal | None
    """Sum of the lines, for ``partial`` a lower bound; None for ``unpriced`` and ``unmetered``."""

    entry: str | None = None
    """Id of the entry that prices the main usage."""

    lines: tuple[Line, ...] = ()
    unpriced: tuple[Gap, ...] = ()
    flags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the charge as JSON data, every number a canonical decimal string."""
        charge: dict[str, Any] = {
            "status": self.status,
            "currency": self.currency,
            "total": None if self.total is None else plain(self.total),
        }
        if self.entry is not None:
            charge["entry"] = self.entry
        charge["lines"] = [line.to_json() for line in self.lines]
        charge["unpriced"] = [gap.to_json() for gap in self.unpriced]
        charge["flags"] = list(self.flags)
        return charge

    @classmethod
    def from_json(cls, document: Any) -> Charge:
        """Return the charge that JSON data describes.

        Raises:
            DecibillReferenceError: ``malformed_body`` for anything that is not shaped like a charge.
        """
        members = Node(document, "", "malformed_body").members(
            ("status", "currency", "total", "lines", "unpriced", "flags"), ("$schema", "entry")
        )
        status, total = members["status"].one_of(STATUSES), members["total"]
        if (total.value is None) != (status in _WITHOUT_TOTAL):
            total.refuse(
                f"must {'' if status in _WITHOUT_TOTAL else 'not '}be null for the status {status!r}"
            )
        if bool(members["unpriced"].items()) != (status in _WITH_GAPS):
            members["unpriced"].refuse(f"does not go with the status {status!r}")
        return cls(
            status=status,
            currency=members["currency"].text(),
            total=None if total.value is None else total.result(),
            entry=members["entry"].text() if "entry" in members else None,
            lines=tuple(_read_line(item) for item in members["lines"].items()),
            unpriced=tuple(_read_gap(item) for item in members["unpriced"].items()),
            flags=tuple(item.text() for item in members["flags"].items()),
        )


def _read_line(node: Node) -> Line:
    members = node.members(
        ("model", "quantity", "measured", "billed", "amount", "per", "subtotal"), ("addon", "multiplier")
    )
    return Line(
        model=members["model"].text(),
        quantity=members["quantity"].text(),
        measured=members["measured"].result(),
        billed=members["billed"].result(),
        price=UnitPrice(members["amount"].billed_amount(), members["per"].decimal_text(positive=True)),
        subtotal=members["subtotal"].result(),
        addon=members["addon"].text() if "addon" in members else None,
        multiplier=members["multiplier"].decimal(positive=True) if "multiplier" in members else ONE,
    )


def _read_gap(node: Node) -> Gap:
    members = node.members(("reason",), ("model", "quantity", "measured", "looked_up"))
    looked_up = members["looked_up"].mapping() if "looked_up" in members else None
    if looked_up is None and members["reason"].value == "no_entry":
        node.refuse("lacks the member 'looked_up'")
    return Gap(
        reason=members["reason"].text(),
        model=members["model"].text() if "model" in members else None,
        quantity=members["quantity"].text() if "quantity" in members else None,
        measured=members["measured"].result() if "measured" in members else None,
        looked_up=None if looked_up is None else {key: item.text() for key, item in looked_up.items()},
    )
