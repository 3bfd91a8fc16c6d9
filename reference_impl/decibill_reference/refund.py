"""Giving back a charge, in whole or in part.

A refund looks at the charge alone: what was billed is given back as it was billed, never at today's prices
(AUB-REF-3938), and nothing is rated again. Who takes the last of a line takes what is left of its subtotal,
and who takes the last of the charge takes what is left of its total, so that refunds of everything come to
exactly minus the total whatever was rounded on the way (AUB-REF-8468).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, NoReturn

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.money import ZERO, add, minus, multiply, plus, rounded
from decibill_reference.numbers import plain
from decibill_reference.refund_record import Refund, RefundLine, RefundRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from decibill_reference.charge_record import Charge, Line
    from decibill_reference.errors import ErrorCode
    from decibill_reference.money import Exact
    from decibill_reference.refund_record import LineKey

__all__ = ["Refund", "RefundLine", "RefundRequest", "refund"]


def refund(
    charge: Charge,
    request: RefundRequest | Mapping[str, Any],
    earlier: Iterable[Refund | Mapping[str, Any]] = (),
) -> Refund:
    """Return the record of giving back what *request* asks of *charge*, after the *earlier* refunds of it.

    The same id with the same content gives the earlier record again (AUB-REF-5d61).

    Raises:
        DecibillReferenceError: ``refund_exceeds_charge``, ``no_such_line``, ``invalid_amount``, or
            ``refund_conflict`` where the id was used for other content (AUB-REF-a580).
    """
    if not isinstance(request, RefundRequest):
        request = RefundRequest.from_json(request)
    records = [
        record if isinstance(record, Refund) else Refund.from_json(record, f"/earlier/{place}")
        for place, record in enumerate(earlier)
    ]
    for record in records:
        if record.id == request.id:
            if record.request != request:
                _refuse("refund_conflict", "/id", f"the id {request.id!r} was used for a different request")
            return record
    if charge.total is None or not charge.lines:
        _refuse("no_such_line", "", f"a charge that is {charge.status!r} and has no lines cannot be refunded")
    held = [_Held(line) for line in charge.lines]
    for place, record in enumerate(records):
        _replay(charge, held, record, f"/earlier/{place}")
    pieces = (
        _everything(held) if request.quantities is None else _parts(held, request.quantities, request.model)
    )
    left = charge.total
    for record in records:
        left = minus(left, record.total.copy_abs())
    taken = [(piece.line, amount, *piece.take(amount)) for piece, amount in pieces]
    last = all(not piece.left for piece in held)
    nothing: Exact = ZERO
    sum_of_parts = reduce(add, (exact for *_, exact in taken), nothing)
    comes_to = left if last else min(left, rounded(sum_of_parts))
    return Refund(
        request.id,
        charge.total,
        charge.currency,
        _negative(comes_to),
        tuple(
            RefundLine(line.model, line.quantity, amount, _negative(value), line.addon)
            for line, amount, value, _ in taken
        ),
        request,
    )


@dataclass(slots=True)
class _Held:
    """A line of the charge and what has been given back of it."""

    line: Line
    refunded: Decimal = ZERO
    returned: Decimal = ZERO

    @property
    def key(self) -> LineKey:
        return self.line.model, self.line.quantity, self.line.addon

    @property
    def left(self) -> Decimal:
        """Billed units that are not yet refunded."""
        return minus(self.line.billed, self.refunded)

    def take(self, amount: Decimal) -> tuple[Decimal, Exact]:
        """Refund *amount* units; return what comes back for it, rounded and exactly."""
        rest = minus(self.line.subtotal, self.returned)
        exact: Exact = rest
        if amount != self.left:
            exact = multiply(self.line.price.of(amount), self.line.multiplier)
        value = min(rounded(exact), rest)
        self.give(amount, value)
        return value, exact

    def give(self, amount: Decimal, value: Decimal) -> None:
        """Note that *amount* units have been refunded for *value*."""
        self.refunded = plus(self.refunded, amount)
        self.returned = plus(self.returned, value)


def _replay(charge: Charge, held: Sequence[_Held], record: Refund, pointer: str) -> None:
    """Note an earlier refund on the lines that it was taken from.

    Lines of one key are used up in order, and a line of a refund never reaches over two of them, so the
    first line with something left is the one.
    """
    if record.charge_total != charge.total or record.currency != charge.currency:
        _refuse("refund_conflict", pointer, "this is the refund of another charge")
    for line in record.lines:
        of_key = [piece for piece in held if piece.key == line.key]
        if not of_key:
            _refuse("refund_conflict", pointer, "the charge lacks a line of it; this is of another charge")
        piece = next((piece for piece in of_key if piece.left), of_key[-1])
        if line.refunded > piece.left:
            _refuse("refund_conflict", pointer, "the earlier refunds come to more than was billed")
        piece.give(line.refunded, line.subtotal.copy_abs())


def _everything(held: Sequence[_Held]) -> list[tuple[_Held, Decimal]]:
    pieces = [(piece, piece.left) for piece in held if piece.left]
    if not pieces:
        _refuse("refund_exceeds_charge", "", "everything has been refunded already")
    return pieces


def _parts(
    held: Sequence[_Held], quantities: Mapping[str, Decimal], model: str | None
) -> list[tuple[_Held, Decimal]]:
    """Return how much is taken of each line, in the order of the charge's lines.

    Add-on lines are over the same billed units as their base line, so that they are taken in proportion by
    taking the same units (AUB-REF-3be3).
    """
    wanted: dict[int, Decimal] = {}
    for quantity, amount in quantities.items():
        pointer = f"/quantities/{quantity}"
        models = {
            piece.line.model
            for piece in held
            if piece.line.quantity == quantity
            and piece.line.addon is None
            and model in {None, piece.line.model}
        }
        if not models:
            of_model = "" if model is None else f" of {model!r}"
            _refuse("no_such_line", pointer, f"the charge has no line for {quantity!r}{of_model}")
        if len(models) > 1:
            _refuse("no_such_line", pointer, f"lines of {', '.join(sorted(models))} fit; name the `model`")
        (owner,) = models
        for addon in {piece.line.addon for piece in held if piece.key[:2] == (owner, quantity)}:
            lines = [place for place, piece in enumerate(held) if piece.key == (owner, quantity, addon)]
            left = reduce(plus, (held[place].left for place in lines), ZERO)
            if amount > left:
                _refuse(
                    "refund_exceeds_charge",
                    pointer,
                    f"{plain(amount)} is asked for, and {plain(left)} is left of what was billed",
                )
            rest = amount
            for place in lines:
                wanted[place] = min(rest, held[place].left)
                rest = minus(rest, wanted[place])
    return [(piece, wanted[place]) for place, piece in enumerate(held) if wanted.get(place)]


def _negative(value: Decimal) -> Decimal:
    return value.copy_negate() if value else ZERO


def _refuse(code: ErrorCode, pointer: str, problem: str) -> NoReturn:
    raise DecibillReferenceError(code, pointer, problem)
