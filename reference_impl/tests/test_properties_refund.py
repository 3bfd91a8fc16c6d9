"""Rules of refunds that hold for any charge and for any requests, refused ones among them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from decibill_reference.charge import rate
from decibill_reference.charge_record import Charge
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.refund import refund
from decibill_reference.refund_record import Refund, RefundRequest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.drawn import decimals, entries, quantities
from tests.rating import book, usage

REFUSALS = {"refund_exceeds_charge", "no_such_line", "refund_conflict", "invalid_amount"}


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    """Draw a charge with lines, as the calculator makes it, add-ons and gaps included."""
    prices = draw(entries(modified=True))
    used = draw(quantities(prices["pricing_model"]))
    charge = rate(usage(used, features=["one", "two"]), book(prices))
    assume(charge.lines)
    return charge


@st.composite
def requests(draw: st.DrawFn, charge: Charge) -> dict[str, Any]:
    """Draw a request: all of it, some of it, too much of it, or something that was never billed."""
    identity = draw(st.sampled_from("abcdef"))
    if draw(st.integers(0, 4)) == 0:
        return {"id": identity, "full": True}
    names = draw(
        st.sets(st.sampled_from([*{line.quantity for line in charge.lines}, "tts_characters"]), min_size=1)
    )
    asked: dict[str, Any] = {}
    for name in sorted(names):
        billed = sum(
            (line.billed for line in charge.lines if line.quantity == name and not line.addon), Decimal(0)
        )
        asked[name] = draw(
            st.integers(0, int(billed) + 2) | st.just(format(Decimal(billed), "f")) | decimals("0", "100", 3)
        )
    return {"id": identity, "quantities": asked}


def answered(charge: Charge, asked: dict[str, Any], earlier: Iterable[Refund] = ()) -> Refund | str:
    """Return the refund or the code under which it is refused."""
    try:
        return refund(charge, asked, earlier)
    except DecibillReferenceError as refused:
        return refused.code


@given(charges(), st.data())
def test_refunds_never_exceed_the_charge_whatever_is_asked_for(charge: Charge, data: st.DataObject) -> None:
    accepted: dict[str, Refund] = {}
    for asked in data.draw(st.lists(requests(charge), max_size=8)):
        given_back = answered(charge, asked, accepted.values())
        if isinstance(given_back, str):
            assert given_back in REFUSALS
            continue
        if asked["id"] in accepted:
            assert given_back == accepted[asked["id"]]
        for name in asked.get("quantities", ()):
            taken = [
                line.refunded for line in given_back.lines if (line.quantity, line.addon) == (name, None)
            ]
            assert sum(taken) == Decimal(given_back.request.quantities[name]), "all of it or a refusal"
        accepted[asked["id"]] = given_back
        check(charge, accepted)

    if charge.total is None:
        assert not accepted
        return
    rest = answered(charge, {"id": "rest", "full": True}, accepted.values())
    if isinstance(rest, str):
        assert rest == "refund_exceeds_charge"
    else:
        accepted["rest"] = rest
    assert -sum(record.total for record in accepted.values()) == charge.total


def check(charge: Charge, accepted: dict[str, Refund]) -> None:
    """Check that no line and no charge was given back more than once over."""
    assert charge.total is not None
    assert all(record.total <= 0 for record in accepted.values())
    assert -sum(record.total for record in accepted.values()) <= charge.total
    for key in {(line.model, line.quantity, line.addon) for line in charge.lines}:
        of_key = [line for line in charge.lines if (line.model, line.quantity, line.addon) == key]
        back = [line for record in accepted.values() for line in record.lines if line.key == key]
        assert sum(line.refunded for line in back) <= sum(line.billed for line in of_key)
        assert -sum(line.subtotal for line in back) <= sum(line.subtotal for line in of_key)
        assert all(line.subtotal <= 0 < line.refunded for line in back)


@given(charges(), st.data())
def test_a_request_that_comes_twice_is_answered_alike_and_taken_once(
    charge: Charge, data: st.DataObject
) -> None:
    asked = data.draw(requests(charge))
    first = answered(charge, asked)
    assume(isinstance(first, Refund))
    assert isinstance(first, Refund)
    assert refund(charge, asked, [first]) == first

    other = {"id": asked["id"], "quantities": {line.quantity: 1 for line in charge.lines}}
    assume(RefundRequest.from_json(other) != first.request)
    assert answered(charge, other, [first]) == "refund_conflict"


@given(charges(), st.data())
def test_a_refund_is_read_back_as_it_was_written(charge: Charge, data: st.DataObject) -> None:
    record = answered(charge, data.draw(requests(charge)))
    assume(isinstance(record, Refund))
    assert isinstance(record, Refund)

    assert Refund.from_json(record.to_json()) == record
    assert Refund.from_json(record.to_json()).to_json() == record.to_json()
