"""A rate reaches a gateway's own price field exactly, or it is named as left out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from decibill.declaration import PriceField, Prices
from decibill.errors import HarnessError
from decibill.pricefields import entry_for, price_fields
from hypothesis import given
from hypothesis import strategies as st

MILLION = Decimal(1000000)


def entry(**rates: tuple[str, str]) -> dict[str, Any]:
    return {
        "id": "e",
        "provider": "openai",
        "models": ["m", "m-alias"],
        "from": "2026-01-01",
        "rates": {name: {"amount": amount, "per": per} for name, (amount, per) in rates.items()},
    }


def prices(
    *, places: int = 20, number: Any = "decimal", how: Any = "file", **fields: tuple[str, int]
) -> Prices:
    return Prices(
        how,
        fields={name: PriceField(field, Decimal(per)) for name, (field, per) in fields.items()},
        number=number,
        places=places,
    )


@pytest.mark.parametrize(
    ("rate", "per", "written"),
    [
        (("6", "1000000"), 1, "0.000006"),
        (("6", "1000000"), 1000000, "6"),
        (("0.0102", "60"), 60, "0.0102"),
        (("0.0102", "60"), 1, "0.00017"),
        (("0.36", "3600"), 60, "0.006"),
        (("17.2", "1000000"), 1, "0.0000172"),
        (("0", "1"), 1, "0"),
    ],
    ids=str,
)
def test_units_are_converted_exactly(rate: tuple[str, str], per: int, written: str) -> None:
    result = price_fields(prices(audio_duration_seconds=("x", per)), entry(audio_duration_seconds=rate))
    assert format(result.fields["x"], "f") == written
    assert result.missing == ()


def test_a_rate_without_a_field_is_left_out_and_named() -> None:
    result = price_fields(
        prices(text_input_tokens=("in", 1)),
        entry(text_input_tokens=("1", "1"), audio_input_tokens=("2", "1")),
    )
    assert result.fields == {"in": Decimal(1)}
    assert result.missing == ("audio_input_tokens",)


@pytest.mark.parametrize(
    ("rate", "places"), [(("0.01", "60"), 20), (("1.25", "1000000"), 7), (("1", "3"), 60)]
)
def test_a_rate_that_the_number_cannot_hold_is_left_out_not_rounded(
    rate: tuple[str, str], places: int
) -> None:
    result = price_fields(prices(places=places, text_input_tokens=("in", 1)), entry(text_input_tokens=rate))
    assert result.fields == {}
    assert result.missing == ("text_input_tokens",)


def test_a_field_name_with_a_slash_is_a_member_inside_a_member() -> None:
    fields = prices(text_input_tokens=("pricing/in", 1), audio_input_tokens=("pricing/audio/in", 1))
    result = price_fields(fields, entry(text_input_tokens=("1", "1"), audio_input_tokens=("2", "1")))
    assert result.fields == {"pricing": {"in": Decimal(1), "audio": {"in": Decimal(2)}}}


def test_a_gateway_that_keeps_prices_as_text_gets_text() -> None:
    result = price_fields(
        prices(number="string", text_input_tokens=("in", 1)), entry(text_input_tokens=("3.2", "1000000"))
    )
    assert result.fields == {"in": "0.0000032"}


def test_two_rates_that_share_a_field_must_agree() -> None:
    fields = prices(text_input_tokens=("in", 1), audio_input_tokens=("in", 1))
    assert (
        price_fields(fields, entry(text_input_tokens=("1", "1"), audio_input_tokens=("1", "1"))).missing == ()
    )
    with pytest.raises(HarnessError, match="share the price field in"):
        price_fields(fields, entry(text_input_tokens=("1", "1"), audio_input_tokens=("2", "1")))


def test_a_field_cannot_stand_inside_a_price() -> None:
    fields = prices(text_input_tokens=("in", 1), audio_input_tokens=("in/audio", 1))
    with pytest.raises(HarnessError, match="inside another price field"):
        price_fields(fields, entry(text_input_tokens=("1", "1"), audio_input_tokens=("1", "1")))


def test_a_gateway_that_reads_our_books_lacks_no_rate() -> None:
    assert price_fields(prices(how="book"), entry(audio_input_tokens=("1", "3"))).missing == ()


@given(
    st.decimals(min_value=0, max_value=10**6, places=6),
    st.sampled_from(["1", "60", "3600", "1000", "1000000"]),
    st.sampled_from([1, 60, 1000, 1000000]),
)
def test_a_written_price_is_the_published_one_to_the_last_digit(amount: Decimal, per: str, unit: int) -> None:
    result = price_fields(prices(text_input_tokens=("in", unit)), entry(text_input_tokens=(str(amount), per)))
    if not result.missing:
        assert result.fields["in"] * int(per) == amount * unit


NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"provider": "azure"}, False),
        ({"models": ["m-2"]}, False),
        ({"models": ["m-alias", "m"]}, True),
        ({"from": "2026-06-01"}, True),
        ({"from": "2026-06-02"}, False),
        ({"from": "2026-06-01T00:00:01Z"}, False),
        ({"until": "2026-06-01"}, False),
        ({"until": "2026-06-01T00:00:01Z"}, True),
        ({"service_tier": "batch"}, False),
        ({"service_tier": "standard"}, True),
        ({"region": ["eu"]}, False),
        ({"surface": "vertex"}, False),
        ({"operations": ["speech"]}, False),
        ({"operations": ["chat"]}, True),
    ],
    ids=str,
)
def test_the_entry_is_the_one_of_a_plain_call_now(changes: dict[str, Any], fits: bool) -> None:
    book = {"entries": [{**entry(), **changes}]}
    assert (entry_for(book, "openai", "m", "chat", NOW) is not None) is fits


def test_the_entry_that_names_the_operation_is_preferred() -> None:
    book = {"entries": [{**entry(), "id": "chat", "operations": ["chat"]}, {**entry(), "id": "any"}]}
    found = entry_for(book, "openai", "m", "chat")
    assert found is not None
    assert found["id"] == "chat"
