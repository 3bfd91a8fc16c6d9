from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from decibill_reference.charge import rate
from decibill_reference.charge_record import Charge
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.prices import PriceBook
from decibill_reference.refund import Refund, refund
from decibill_reference.usage import UsageRecord
from hypothesis import given
from hypothesis import strategies as st


def line(quantity: str, billed: str, amount: str, subtotal: str, **changes: str) -> dict[str, str]:
    return {
        "model": "m",
        "quantity": quantity,
        "measured": billed,
        "billed": billed,
        "amount": amount,
        "per": "1000000",
        "subtotal": subtotal,
        **changes,
    }


def charge(total: str | None, *lines: dict[str, str], status: str = "priced") -> Charge:
    return Charge.from_json(
        {
            "status": status,
            "currency": "USD",
            "total": total,
            "entry": "e",
            "lines": list(lines),
            "unpriced": [{"model": "m", "reason": "no_rate"}] if total is None else [],
            "flags": [],
        }
    )


FOUNDING = charge(
    "0.003527",
    line("audio_input_tokens", "784", "3.00", "0.002352"),
    line("text_output_tokens", "235", "5.00", "0.001175"),
)


def part(refund_id: str, model: str | None = None, **quantities: int | str) -> dict[str, Any]:
    request: dict[str, Any] = {"id": refund_id, "quantities": quantities}
    return request if model is None else {**request, "model": model}


def whole(refund_id: str) -> dict[str, Any]:
    return {"id": refund_id, "full": True}


def refused(charged: Charge, request: Any, *earlier: Any) -> tuple[str, str]:
    with pytest.raises(DecibillReferenceError) as caught:
        refund(charged, request, earlier)
    return caught.value.code, caught.value.pointer


def test_a_full_refund_gives_back_every_line() -> None:
    assert refund(FOUNDING, whole("r1")).to_json() == {
        "id": "r1",
        "charge_total": "0.003527",
        "currency": "USD",
        "total": "-0.003527",
        "lines": [
            {
                "model": "m",
                "quantity": "audio_input_tokens",
                "refunded": "784",
                "subtotal": "-0.002352",
            },
            {
                "model": "m",
                "quantity": "text_output_tokens",
                "refunded": "235",
                "subtotal": "-0.001175",
            },
        ],
        "request": {"id": "r1", "full": True},
    }


def test_a_part_is_refunded_at_the_rate_of_its_line() -> None:
    # 100 x 3.00 / 1,000,000
    record = refund(FOUNDING, part("r1", audio_input_tokens=100)).to_json()

    assert record["total"] == "-0.0003"
    assert record["request"] == {"id": "r1", "quantities": {"audio_input_tokens": 100}}


def test_a_refund_after_parts_gives_back_the_rest() -> None:
    first = refund(FOUNDING, part("r1", audio_input_tokens=100, text_output_tokens=35))
    rest = refund(FOUNDING, whole("r2"), [first])

    assert first.total + rest.total == Decimal("-0.003527")
    assert [str(item.refunded) for item in rest.lines] == ["684", "200"]


def test_the_multiplier_of_the_line_is_kept() -> None:
    halved = charge("0.0005", line("tts_characters", "100", "10", "0.0005", multiplier="0.5"))

    assert refund(halved, part("r1", tts_characters=10)).total == Decimal("-0.00005")


def test_billed_units_are_refunded_not_measured_ones() -> None:
    # 5 seconds measured, 20 billed
    minimum = charge("0.002", line("audio_duration_seconds", "20", "100", "0.002", measured="5"))

    assert refund(minimum, part("r1", audio_duration_seconds="12.5")).total == Decimal("-0.00125")


def test_a_request_is_kept_in_canonical_form() -> None:
    record = refund(
        charge("0.002", line("audio_duration_seconds", "20", "100", "0.002")),
        part("r", audio_duration_seconds="2.50"),
    )

    assert record.to_json()["request"] == {"id": "r", "quantities": {"audio_duration_seconds": "2.5"}}


def test_the_last_of_a_line_takes_what_rounding_left() -> None:
    # A third of 0.000000000001 each: 0, 0 and then all of it.
    thirds = charge("0.000000000001", line("tts_characters", "3", "0.0000003", "0.000000000001"))
    records: list[Refund] = []
    for place in range(3):
        records.append(refund(thirds, part(f"r{place}", tts_characters=1), records))

    assert [record.total for record in records] == [0, 0, Decimal("-0.000000000001")]


def test_the_last_of_the_charge_takes_what_is_left_of_the_total() -> None:
    # Each line rounds up to 2 in the last place; together they are 3, as the total says.
    pair = charge(
        "0.000000000003",
        line("text_input_tokens", "1", "0.0000015", "0.000000000002"),
        line("text_output_tokens", "1", "0.0000015", "0.000000000002"),
    )
    first = refund(pair, part("r1", text_input_tokens=1))
    second = refund(pair, part("r2", text_output_tokens=1), [first])

    assert [first.total, second.total] == [Decimal("-0.000000000002"), Decimal("-0.000000000001")]


def test_add_on_lines_are_refunded_in_proportion() -> None:
    surcharged = charge(
        "0.013",
        line("audio_duration_seconds", "100", "100", "0.01"),
        line("audio_duration_seconds", "100", "20", "0.002", addon="keyterms"),
        line("audio_duration_seconds", "100", "10", "0.001", addon="roles"),
    )
    record = refund(surcharged, part("r1", audio_duration_seconds=25)).to_json()

    assert [(item.get("addon"), item["refunded"], item["subtotal"]) for item in record["lines"]] == [
        (None, "25", "-0.0025"),
        ("keyterms", "25", "-0.0005"),
        ("roles", "25", "-0.00025"),
    ]
    assert record["total"] == "-0.00325"


def test_two_lines_of_one_quantity_are_used_up_in_order() -> None:
    # Text tokens, and tokens without a modality that were priced as text.
    double = charge(
        "0.00009",
        line("text_input_tokens", "10", "3", "0.00003"),
        line("text_input_tokens", "20", "3", "0.00006"),
    )
    first = refund(double, part("r1", text_input_tokens=15))
    second = refund(double, part("r2", text_input_tokens=10), [first])
    rest = refund(double, whole("r3"), [first, second])

    assert [str(item.refunded) for item in (*first.lines, *second.lines, *rest.lines)] == [
        "10",
        "5",
        "10",
        "5",
    ]
    assert first.total + second.total + rest.total == Decimal("-0.00009")


TWO_MODELS = charge(
    "0.00003",
    line("audio_duration_seconds", "10", "1", "0.00001"),
    line("audio_duration_seconds", "20", "1", "0.00002", model="asr"),
)


def test_the_model_tells_lines_of_one_quantity_apart() -> None:
    record = refund(TWO_MODELS, part("r1", model="asr", audio_duration_seconds=20))

    assert [(item.model, item.subtotal) for item in record.lines] == [("asr", Decimal("-0.00002"))]


def test_a_quantity_of_two_models_is_refused_unless_one_is_named() -> None:
    assert refused(TWO_MODELS, part("r1", audio_duration_seconds=5))[0] == "no_such_line"


# Refusals


@pytest.mark.parametrize(
    ("quantities", "pointer"),
    [
        ({"audio_input_tokens": 785}, "/quantities/audio_input_tokens"),
        ({"audio_input_tokens": 1, "text_output_tokens": 236}, "/quantities/text_output_tokens"),
    ],
    ids=["one line", "a second line"],
)
def test_more_than_was_billed_is_refused(quantities: dict[str, int], pointer: str) -> None:
    assert refused(FOUNDING, part("r1", **quantities)) == ("refund_exceeds_charge", pointer)


def test_more_than_earlier_refunds_left_is_refused() -> None:
    first = refund(FOUNDING, part("r1", audio_input_tokens=700))

    assert refused(FOUNDING, part("r2", audio_input_tokens=85), first)[0] == "refund_exceeds_charge"


def test_a_second_full_refund_is_refused() -> None:
    assert refused(FOUNDING, whole("r2"), refund(FOUNDING, whole("r1")))[0] == "refund_exceeds_charge"


def test_earlier_refunds_of_more_than_was_billed_are_refused() -> None:
    first = refund(FOUNDING, whole("r1")).to_json()

    code, pointer = refused(FOUNDING, whole("r3"), first, {**first, "id": "r2", "request": whole("r2")})
    assert (code, pointer) == ("refund_conflict", "/earlier/1")


@pytest.mark.parametrize("quantity", ["text_input_tokens", "seconds", "total_tokens"])
def test_a_quantity_without_a_line_is_refused(quantity: str) -> None:
    assert refused(FOUNDING, part("r1", **{quantity: 1})) == ("no_such_line", f"/quantities/{quantity}")


def test_a_model_without_a_line_is_refused() -> None:
    assert refused(FOUNDING, part("r1", model="other", audio_input_tokens=1))[0] == "no_such_line"


@pytest.mark.parametrize(
    ("total", "status"), [("0", "not_billable"), ("0", "priced"), (None, "unmetered"), (None, "unpriced")]
)
def test_a_charge_without_lines_is_refused(total: str | None, status: str) -> None:
    assert refused(charge(total, status=status), whole("r1")) == ("no_such_line", "")


@pytest.mark.parametrize(
    "amount", [0, "0", -1, "-1", True, None, "many", "1e2", Decimal("1.5"), [], Decimal("NaN")], ids=repr
)
def test_an_amount_that_is_no_number_above_zero_is_refused(amount: Any) -> None:
    assert refused(FOUNDING, part("r1", audio_input_tokens=amount)) == (
        "invalid_amount",
        "/quantities/audio_input_tokens",
    )


@pytest.mark.parametrize(
    ("request_", "code", "pointer"),
    [
        ([], "malformed_body", ""),
        ({"full": True}, "malformed_body", ""),
        ({"id": "r1"}, "malformed_body", ""),
        ({"id": "r1", "full": False}, "malformed_body", "/full"),
        ({"id": "r1", "full": True, "quantities": {"tts_characters": 1}}, "malformed_body", "/quantities"),
        ({"id": "r1", "full": True, "model": "m"}, "malformed_body", "/model"),
        ({"id": "r1", "quantities": {}}, "invalid_amount", "/quantities"),
        ({"id": 7, "full": True}, "malformed_body", "/id"),
        ({"id": "r1", "full": True, "reason": "late"}, "malformed_body", "/reason"),
    ],
    ids=[
        "array",
        "no id",
        "nothing asked",
        "full false",
        "both",
        "full of a model",
        "empty",
        "number",
        "unknown",
    ],
)
def test_a_request_that_is_none_is_refused(request_: Any, code: str, pointer: str) -> None:
    assert refused(FOUNDING, request_) == (code, pointer)


@pytest.mark.parametrize(
    ("member", "value"),
    [("charge_total", "0.1"), ("currency", "EUR")],
)
def test_an_earlier_refund_of_another_charge_is_refused(member: str, value: str) -> None:
    first = refund(FOUNDING, part("r1", audio_input_tokens=1)).to_json() | {member: value}

    assert refused(FOUNDING, whole("r2"), first) == ("refund_conflict", "/earlier/0")


def test_an_earlier_refund_of_lines_that_the_charge_lacks_is_refused() -> None:
    first = refund(FOUNDING, part("r1", audio_input_tokens=1)).to_json()
    first["lines"][0]["quantity"] = "tts_characters"

    assert refused(FOUNDING, whole("r2"), first) == ("refund_conflict", "/earlier/0")


@pytest.mark.parametrize("total", ["0.1", "-0", "-", 1], ids=str)
def test_an_earlier_refund_whose_total_is_not_negative_is_refused(total: Any) -> None:
    first = refund(FOUNDING, part("r1", audio_input_tokens=1)).to_json() | {"total": total}

    assert refused(FOUNDING, whole("r2"), first) == ("malformed_body", "/earlier/0/total")


# Idempotence


def test_the_same_id_with_the_same_content_gives_the_same_record() -> None:
    first = refund(FOUNDING, part("r1", audio_input_tokens=100, text_output_tokens=5))
    again = refund(FOUNDING, part("r1", text_output_tokens="5", audio_input_tokens="100"), [first.to_json()])

    assert again.to_json() == first.to_json()


@pytest.mark.parametrize(
    "request_",
    [
        whole("r1"),
        part("r1", audio_input_tokens=101),
        part("r1", text_output_tokens=100),
        part("r1", audio_input_tokens=100, text_output_tokens=1),
        part("r1", model="m", audio_input_tokens=100),
    ],
    ids=["everything", "more audio", "text for audio", "text as well", "a model"],
)
def test_the_same_id_with_different_content_is_refused(request_: dict[str, Any]) -> None:
    first = refund(FOUNDING, part("r1", audio_input_tokens=100))

    assert refused(FOUNDING, request_, first) == ("refund_conflict", "/id")


# Rules that hold whatever the numbers

PER = st.sampled_from(["1", "60", "7", "3600", "1000000"])
AMOUNT = st.decimals("0.000001", 100, places=9).map(lambda found: format(found, "f"))


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    """Draw a charge of tokens with an add-on and perhaps a multiplier, as the calculator makes it."""
    rates = {
        key: {"amount": draw(AMOUNT), "per": draw(PER)}
        for key in ("text_input_tokens", "audio_output_tokens")
    }
    entry = {
        "id": "e",
        "provider": "openai",
        "models": ["m"],
        "from": "2023-01-01",
        "pricing_model": "audio_token_based",
        "rates": rates,
        "addons": {"extra": {"percent": "20"}},
        "multiplier": draw(st.sampled_from(["1", "0.5", "1.1"])),
        "source": {"url": "urn:decibill:constructed:test", "read": "2026-11-21"},
    }
    quantities = {key: draw(st.integers(1, 50)) for key in rates}
    record = UsageRecord.from_json(
        {
            "provider": "openai",
            "surface": "api",
            "operation": "chat",
            "model": "m",
            "at": "2025-06-01T00:00:00Z",
            "quantities": quantities,
            "basis": dict.fromkeys(quantities, "provider_reported"),
            "features": ["extra"],
        }
    )
    return rate(record, PriceBook.from_json({"currency": "USD", "entries": [entry]}))


@given(charges(), st.data())
def test_refunds_of_everything_come_to_exactly_minus_the_total(charged: Charge, data: st.DataObject) -> None:
    left = {item.quantity: int(item.billed) for item in charged.lines if item.addon is None}
    records: list[Refund] = []
    while any(left.values()):
        asked = {key: data.draw(st.integers(0, units)) for key, units in left.items()}
        asked = {key: units for key, units in asked.items() if units}
        if not asked:
            break
        for key, units in asked.items():
            left[key] -= units
        records.append(refund(charged, part(f"r{len(records)}", **asked), records))
    if any(left.values()):
        records.append(refund(charged, whole("last"), records))

    assert charged.total is not None
    assert all(record.total <= 0 for record in records)
    assert sum(record.total for record in records) == -charged.total
    for item in charged.lines:
        given_back = [
            back.subtotal
            for record in records
            for back in record.lines
            if (back.quantity, back.addon) == (item.quantity, item.addon)
        ]
        assert sum(given_back) == -item.subtotal
        assert all(subtotal <= 0 for subtotal in given_back)


@given(charges())
def test_a_refund_record_survives_the_way_through_json(charged: Charge) -> None:
    record = refund(charged, whole("r1"))

    assert Refund.from_json(record.to_json()) == record


def test_a_request_that_names_a_model_is_kept_with_it() -> None:
    record = refund(TWO_MODELS, part("r1", model="asr", audio_duration_seconds=20)).to_json()

    assert record["request"]["model"] == "asr"
    assert Refund.from_json(record).to_json() == record


def test_a_refund_of_a_line_that_cost_nothing_is_read_back() -> None:
    free = charge("0", line("tts_characters", "31", "0", "0"), status="free")
    record = refund(free, whole("r1")).to_json()

    assert Refund.from_json(record).to_json() == record
