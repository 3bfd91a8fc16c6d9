"""A gateway that states surcharges is told the difference of what the leaf rule makes of each quantity."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from decibill.declaration import PriceField, Prices
from decibill.errors import InvalidFileError
from decibill.pricefields import price_fields
from decibill.template_tree import CaseScope, check_tree, render

MILLION = Decimal(1000000)
TEXT, AUDIO = "text_input_tokens", "audio_input_tokens"
CACHED_TEXT, CACHED_AUDIO = "cached_text_input_tokens", "cached_audio_input_tokens"
SURCHARGES = Prices(
    "file",
    {
        TEXT: PriceField("text", MILLION),
        AUDIO: PriceField("audio", MILLION, minus=(TEXT,)),
        CACHED_TEXT: PriceField("cached/text", MILLION, minus=(TEXT,)),
        CACHED_AUDIO: PriceField("cached/audio", MILLION, plus=(TEXT,), minus=(AUDIO, CACHED_TEXT)),
    },
)


def told(prices: Prices = SURCHARGES, /, **rates: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    entry = {"rates": {name: {"amount": amount, "per": "1000000"} for name, amount in rates.items()}}
    result = price_fields(prices, entry)
    return dict(result.fields), result.missing


def test_a_surcharge_is_the_exact_difference_and_may_be_negative() -> None:
    fields, missing = told(
        text_input_tokens="2.6",
        audio_input_tokens="31.6",
        cached_text_input_tokens="1.3",
        cached_audio_input_tokens="7.9",
    )
    # 7.9 for cached audio, of which 2.6 + (31.6 - 2.6) + (1.3 - 2.6) = 30.3 are billed already
    assert fields == {
        "text": Decimal("2.6"),
        "audio": Decimal(29),
        "cached": {"text": Decimal("-1.3"), "audio": Decimal("-22.4")},
    }
    assert missing == ()


def test_units_are_brought_together_before_the_difference() -> None:
    prices = Prices("file", {AUDIO: PriceField("audio", Decimal(1000), minus=(TEXT,))})
    rates = {TEXT: {"amount": "2", "per": "1000000"}, AUDIO: {"amount": "0.032", "per": "1000"}}
    assert price_fields(prices, {"rates": rates}).fields == {"audio": Decimal("0.03")}


def test_a_rate_that_is_missing_is_billed_as_the_one_that_takes_its_place() -> None:
    # cached audio is billed as audio: 31.8 = 2.7 + (31.8 - 2.7) + (1.35 - 2.7) + 1.35
    fields, missing = told(
        text_input_tokens="2.7", audio_input_tokens="31.8", cached_text_input_tokens="1.35"
    )
    assert fields["cached"] == {"text": Decimal("-1.35"), "audio": Decimal("1.35")}
    assert missing == ()


def test_a_surcharge_of_nothing_is_written_only_for_a_rate_that_is_there() -> None:
    fields, _ = told(text_input_tokens="2", audio_input_tokens="2")
    assert fields == {"text": Decimal(2), "audio": Decimal(0)}


@pytest.mark.parametrize(
    ("rates", "missing"), [({"audio_input_tokens": "3"}, (AUDIO,)), ({"text_input_tokens": "3"}, ())]
)
def test_a_surcharge_on_nothing_cannot_be_told(rates: dict[str, str], missing: tuple[str, ...]) -> None:
    fields, left_out = told(**rates)
    assert left_out == missing
    assert "audio" not in fields


# the prices in a file


def scope(name: str, **prices: Any) -> CaseScope:
    return CaseScope({"case.alias": name}, "openai", "chat", frozenset(), name, prices)


PRICED = scope("a", audio=Decimal(29), cached={"text": Decimal("-1.3")})
UNPRICED = scope("b")


def rendered(tree: Any, *cases: CaseScope) -> Any:
    check_tree(tree, file="mine.toml", at="", own=())
    return render(tree, {}, cases or (PRICED, UNPRICED), "mine.toml")


ITEM = {"at": "/audio", "rate": {"$price": "audio"}}
AUDIO_ITEM = {"at": "/audio", "rate": 29}
PLAIN = {"at": "/text"}
DEEP = {"at": {"rate": {"$price": "cached/text"}}}


@pytest.mark.parametrize(
    ("value", "priced", "unpriced"),
    [
        pytest.param([ITEM, DEEP], [AUDIO_ITEM, {"at": {"rate": Decimal("-1.3")}}], None, id="items"),
        pytest.param([ITEM, PLAIN], [AUDIO_ITEM, PLAIN], [PLAIN], id="one of two"),
        pytest.param([{"$price": "absent"}, {"$price": "audio"}], [29], None, id="bare"),
        pytest.param([{"$price": "cached/audio"}, {"$price": "audio/deep"}, 1], [1], [1], id="no such field"),
        pytest.param([], [], [], id="empty of itself"),
    ],
)
def test_a_list_item_without_its_price_is_left_out_and_the_list_with_its_last_one(
    value: Any, priced: Any, unpriced: Any
) -> None:
    tree = [{"$for": "case", "name": "{case.alias}", "cost": value}]
    without = {"name": "b"} if unpriced is None else {"name": "b", "cost": unpriced}
    assert rendered(tree) == [{"name": "a", "cost": priced}, without]


def test_a_member_of_a_map_without_its_price_is_left_out() -> None:
    tree = {"$for_map": "case", "key": "{case.alias}", "value": {"rate": {"$price": "audio"}}}
    assert rendered(tree) == {"a": {"rate": Decimal(29)}}


def test_a_condition_that_needs_a_price_leaves_its_item_out() -> None:
    tree = [{"$for": "case", "$if": {"operation": "chat", "then": {"rate": {"$price": "audio"}}}}]
    assert rendered(tree) == [{"rate": Decimal(29)}]


def test_a_price_outside_every_list_is_refused_where_there_is_none() -> None:
    with pytest.raises(InvalidFileError, match=r"a \$price outside every list has no value"):
        rendered({"rate": {"$price": "audio"}})
    with pytest.raises(InvalidFileError, match=r"\$price stands alone"):
        rendered([{"$price": "audio", "at": "/x"}])
