"""Lines, parts and refunds add up; what does not is found, with its pointer and the right number."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from decibill import arithmetic, recompute, recompute_refund, schemas
from decibill.errors import Fault
from hypothesis import given
from hypothesis import strategies as st


def example(name: str, number: int = 0) -> Any:
    return copy.deepcopy(schemas.schema(name)["examples"][number])


def pointers(faults: tuple[Fault, ...]) -> list[str]:
    return [fault.pointer for fault in faults]


# Numbers


@pytest.mark.parametrize(
    ("exact", "right"),
    [
        pytest.param("0.0000000000005", "0", id="half-to-even-down"),
        pytest.param("0.0000000000015", "0.000000000002", id="half-to-even-up"),
        pytest.param("0.00000000000051", "0.000000000001", id="more-than-half"),
        pytest.param("-0.0000000000015", "-0.000000000002", id="negative"),
    ],
)
def test_a_subtotal_is_rounded_half_to_even_to_twelve_places(exact: str, right: str) -> None:
    assert arithmetic.rounded(Fraction(exact)) == Fraction(right)


@given(st.fractions(min_value=-1000, max_value=1000))
def test_rounding_agrees_with_decimal_arithmetic(value: Fraction) -> None:
    finite = Fraction(round(value * 10**14), 10**14)
    number = Decimal(finite.numerator) / Decimal(finite.denominator)

    right = number.quantize(Decimal(1).scaleb(-12), ROUND_HALF_EVEN)

    assert arithmetic.rounded(finite) == Fraction(right)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("7/2", "3.5"),
        ("-1/8", "-0.125"),
        ("1000000", "1000000"),
        ("1/1000000000000", "0.000000000001"),
    ],
)
def test_money_is_written_as_a_canonical_decimal_string(value: str, text: str) -> None:
    assert arithmetic.money(Fraction(value)) == text


def test_a_number_without_a_finite_expansion_is_not_passed_off_as_one() -> None:
    assert arithmetic.money(Fraction(1, 3)) == "1/3"


def test_no_code_is_shared_with_the_calculator() -> None:
    for module in (arithmetic, recompute, recompute_refund):
        assert module.__file__ is not None
        tree = ast.parse(Path(module.__file__).read_text("utf-8"))
        imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]

        assert not [name for name in imported if name and name.startswith("decibill_reference")]


# Usage records


def changed(record: dict[str, Any], **quantities: int | None) -> dict[str, Any]:
    for name, value in quantities.items():
        if value is None:
            del record["quantities"][name], record["basis"][name]
        else:
            record["quantities"][name] = value
            record["basis"].setdefault(name, "provider_reported")
    return record


def test_a_record_whose_parts_make_the_whole_is_sound() -> None:
    assert arithmetic.usage_faults(example("usage-record")) == ()


@pytest.mark.parametrize(
    ("quantities", "pointer", "words"),
    [
        pytest.param(
            {"audio_input_tokens": 785}, "/quantities/input_tokens", "785, more than", id="too-much"
        ),
        pytest.param(
            {"audio_input_tokens": 700},
            "/quantities/input_tokens",
            "state the other 84 as a part",
            id="too-little",
        ),
        pytest.param({"total_tokens": 1020}, "/quantities/total_tokens", "= 1019", id="total"),
        pytest.param(
            {"cached_input_tokens": 785},
            "/quantities/cached_input_tokens",
            "more than input_tokens",
            id="cached",
        ),
        pytest.param(
            {"cached_text_input_tokens": 1},
            "/quantities/cached_text_input_tokens",
            "more than text_input_tokens 0",
            id="cached-of-a-modality",
        ),
        pytest.param(
            {"cached_input_tokens": 10, "cached_audio_input_tokens": 11},
            "/quantities/cached_input_tokens",
            "less than its parts",
            id="cached-split",
        ),
        pytest.param(
            {"text_output_tokens": 100, "audio_output_tokens": 135, "reasoning_output_tokens": 101},
            "/quantities/reasoning_output_tokens",
            "more than text_output_tokens",
            id="reasoning",
        ),
    ],
)
def test_parts_that_do_not_make_the_whole_are_found(
    quantities: Mapping[str, int], pointer: str, words: str
) -> None:
    (fault,) = arithmetic.usage_faults(changed(example("usage-record"), **quantities))

    assert fault.pointer == pointer
    assert words in fault.problem


def test_parts_may_fall_short_where_one_of_them_is_unknown() -> None:
    record = changed(example("usage-record"), audio_input_tokens=None)
    record["unknown"] = ["audio_input_tokens"]

    assert arithmetic.usage_faults(record) == ()


def test_every_quantity_has_a_basis_and_no_other_has() -> None:
    record = example("usage-record")
    del record["basis"]["output_tokens"]
    record["basis"]["tts_characters"] = "request"

    assert pointers(arithmetic.usage_faults(record)) == ["/basis", "/basis/tts_characters"]


def test_a_stated_quantity_is_not_unknown() -> None:
    record = example("usage-record") | {"unknown": ["output_tokens"]}

    assert pointers(arithmetic.usage_faults(record)) == ["/unknown/0"]


def test_components_are_looked_at_too() -> None:
    record = example("usage-record")
    record["components"] = [
        {
            "operation": "transcription",
            "model": "whisper-1",
            "quantities": {"input_tokens": 3, "text_input_tokens": 1, "audio_input_tokens": 1},
            "basis": dict.fromkeys(
                ("input_tokens", "text_input_tokens", "audio_input_tokens"), "provider_reported"
            ),
            "unknown": [],
        }
    ]

    assert pointers(arithmetic.usage_faults(record)) == ["/components/0/quantities/input_tokens"]


# Charges


def line(**members: str) -> dict[str, str]:
    usual = {
        "model": "m",
        "quantity": "tts_characters",
        "measured": "3",
        "billed": "3",
        "amount": "1",
        "per": "3",
        "subtotal": "1",
    }
    return usual | members


def charge(*lines: Mapping[str, str], **members: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"status": "priced", "currency": "USD", "total": "1"}
    return usual | {"lines": list(lines), "unpriced": [], "flags": []} | members


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_of_charges_add_up(number: int) -> None:
    assert arithmetic.charge_faults(example("charge", number)) == ()


def test_the_total_is_rounded_from_the_exact_sum_not_from_rounded_lines() -> None:
    third = line(billed="1", measured="1", subtotal="0.333333333333")

    assert arithmetic.charge_faults(charge(third, third, third)) == ()
    assert pointers(arithmetic.charge_faults(charge(third, third, third, total="0.999999999999"))) == [
        "/total"
    ]


def test_a_wrong_subtotal_is_found_with_the_right_one() -> None:
    bill = example("charge")
    bill["lines"][0]["subtotal"] = "0.000980"
    (fault,) = arithmetic.charge_faults(bill)

    assert fault.pointer == "/lines/0/subtotal"
    assert fault.problem == "is 0.000980; 784 x 3.00 / 1000000 = 0.002352"


def test_a_multiplier_is_part_of_the_line() -> None:
    half = line(multiplier="0.5", subtotal="0.5")

    assert arithmetic.charge_faults(charge(half, total="0.5")) == ()
    assert (
        arithmetic.charge_faults(charge(half | {"subtotal": "1"}))[0].problem == "is 1; 3 x 1 / 3 x 0.5 = 0.5"
    )


def test_a_surcharge_follows_its_base_line_and_bills_the_same() -> None:
    extra = line(addon="diarization", amount="0.3", subtotal="0.3")

    assert arithmetic.charge_faults(charge(line(), extra, total="1.3")) == ()
    assert pointers(arithmetic.charge_faults(charge(extra, line(), total="1.3"))) == ["/lines/0/addon"]
    more = extra | {"billed": "6", "subtotal": "0.6"}
    assert pointers(arithmetic.charge_faults(charge(line(), more, total="1.6"))) == ["/lines/1/billed"]


GAP = {"model": "m", "quantity": "tts_characters", "reason": "no_rate"}


@pytest.mark.parametrize(
    ("bill", "right"),
    [
        pytest.param(charge(line(amount="0", subtotal="0"), total="0"), "free", id="free"),
        pytest.param(charge(status="free", total="0"), "priced", id="nothing-used"),
        pytest.param(charge(line(), unpriced=[GAP]), "partial", id="partial"),
        pytest.param(charge(unpriced=[GAP], status="unmetered", total=None), "unpriced", id="unpriced"),
        pytest.param(
            charge(unpriced=[GAP | {"reason": "quantity_unknown"}], status="unpriced", total=None),
            "unmetered",
            id="unmetered",
        ),
    ],
)
def test_a_status_that_lines_and_gaps_do_not_make_is_found(bill: dict[str, Any], right: str) -> None:
    (fault,) = arithmetic.charge_faults(bill)

    assert fault.pointer == "/status"
    assert fault.problem.endswith(f"make it {right}")


# Refunds


def test_the_example_of_a_refund_adds_up() -> None:
    assert arithmetic.refund_faults(example("refund")) == ()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        pytest.param({"total": "-0.001"}, "/total", id="total"),
        pytest.param({"charge_total": "0.001"}, "/total", id="more-than-the-charge"),
        pytest.param({"id": "refund-2"}, "/request/id", id="another-request"),
    ],
)
def test_a_refund_that_contradicts_itself_is_found(change: dict[str, str], pointer: str) -> None:
    assert pointers(arithmetic.refund_faults(example("refund") | change)) == [pointer]


def test_a_refund_is_recomputed_from_the_charge() -> None:
    record = example("refund")

    assert recompute_refund.against_charge(record, example("charge"), record["request"], []) == ()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        pytest.param(lambda record: record.update(total="-0.0011"), "/total", id="total"),
        pytest.param(
            lambda record: record["lines"][0].update(subtotal="-0.0011"), "/lines/0/subtotal", id="subtotal"
        ),
        pytest.param(
            lambda record: record["lines"][0].update(refunded="2"), "/lines/0/refunded", id="refunded"
        ),
        pytest.param(
            lambda record: record["lines"][0].update(quantity="audio_input_tokens"),
            "/lines",
            id="another-line",
        ),
        pytest.param(
            lambda record: record.update(request={"id": "refund-1", "full": True}), "/request", id="request"
        ),
    ],
)
def test_a_refund_that_the_charge_does_not_make_is_found(
    change: Callable[[dict[str, Any]], None], pointer: str
) -> None:
    record = example("refund")
    request = record["request"]
    change(record)

    assert pointers(recompute_refund.against_charge(record, example("charge"), request, [])) == [pointer]


def test_the_last_refund_takes_what_is_left_of_the_total() -> None:
    bill = charge(
        line(billed="3", measured="3", amount="1", per="7", subtotal="0.428571428571"), total="0.428571428571"
    )
    parts = [
        {
            "id": f"r-{n}",
            "charge_total": bill["total"],
            "currency": "USD",
            "total": "-0.142857142857",
            "lines": [
                {"model": "m", "quantity": "tts_characters", "refunded": "1", "subtotal": "-0.142857142857"}
            ],
            "request": {"id": f"r-{n}", "quantities": {"tts_characters": 1}},
        }
        for n in range(3)
    ]

    assert recompute_refund.against_charge(parts[2], bill, parts[2]["request"], parts[:2]) == ()
    rest = {"id": "r-3", "full": True}
    whole = parts[2] | {"id": "r-3", "request": rest}
    assert recompute_refund.against_charge(whole, bill, rest, parts[:2]) == ()


def test_the_same_request_gives_the_earlier_record() -> None:
    record = example("refund")

    assert recompute_refund.against_charge(record, example("charge"), record["request"], [record]) == ()


def test_a_refund_names_the_model_where_lines_of_several_share_a_quantity() -> None:
    bill = charge(line(), line(model="n"), total="2")
    request = {"id": "r", "quantities": {"tts_characters": 3}, "model": "n"}
    record = {
        "id": "r",
        "charge_total": "2",
        "currency": "USD",
        "total": "-1",
        "lines": [{"model": "n", "quantity": "tts_characters", "refunded": "3", "subtotal": "-1"}],
        "request": request,
    }

    assert recompute_refund.against_charge(record, bill, request, []) == ()
