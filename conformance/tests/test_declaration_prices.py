"""The price list of a declaration is read strictly, with the pointer of every fault."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from decibill.declaration_read import load
from decibill.errors import InvalidFileError
from tests.pricelists import CONDUIT, LITELLM, gateway

FIELDS = {"text_input_tokens": "in", "audio_input_tokens": "audio"}


def prices(**changes: Any) -> dict[str, Any]:
    return {"how": "file", "fields": FIELDS, "list": {"shape": "map"}, **changes}


@pytest.mark.parametrize(
    ("changes", "pointer", "said"),
    [
        ({"list": {}}, "/prices/list/shape", "is missing"),
        ({"list": {"shape": "tree"}}, "/prices/list/shape", "one of list, map"),
        ({"list": {"shape": "list"}}, "/prices/list/model", "an entry must name its model"),
        ({"list": {"shape": "map", "key": "x"}}, "/prices/list/key", "must hold {model} once"),
        ({"list": {"shape": "map", "key": "{provider}/{model}"}}, "/prices/list/key", "no member names"),
        ({"list": {"shape": "map", "at": ["data"]}}, "/prices/list/at", "not a JSON pointer"),
        ({"list": {"shape": "map", "modle": "x"}}, "/prices/list/modle", "did you mean model"),
        ({"list": {"shape": "map", "tiers": {"batch": 5}}}, "/prices/list/tiers/batch", "must be a string"),
        ({"list": {"shape": "map", "family": {}}}, "/prices/list/family/member", "is missing"),
        (
            {"list": {"shape": "map", "family": {"member": "m", "audio_per_hour": [1]}}},
            "/prices/list/family/audio_per_hour",
            "there is no member",
        ),
        (
            {"list": {"shape": "map", "family": {"member": "m", "audio_per_minute": 10}}},
            "/prices/list/family/audio_per_minute",
            "must be a list of strings and whole numbers",
        ),
        (
            {"list": {"shape": "map", "family": {"member": "m", "any": [True]}}},
            "/prices/list/family/any",
            "must be a list of strings and whole numbers",
        ),
        (
            {"list": {"shape": "map", "above": {"by": "tokens", "members": {"_x": 1}}}},
            "/prices/list/above/by",
            "did you mean",
        ),
        (
            {"list": {"shape": "map", "above": {"by": "input_tokens"}}},
            "/prices/list/above/members",
            "must name at least one ending",
        ),
        (
            {"fields": {"text_input_tokens": "in", "audio_input_tokens": {"field": "x", "also": ["in"]}}},
            "/prices/list",
            "two quantities share the member in",
        ),
        (
            {"fields": {"audio_input_tokens": {"field": "x", "minus": ["text_input_tokens"]}}},
            "/prices/fields/audio_input_tokens",
            "worked out from several rates",
        ),
        ({"number": {"places": 10, "digits": 9}}, "/prices/number/digits", "cannot be less than places"),
        ({"number": {"digits": 0}}, "/prices/number/digits", "must be between 1 and 120"),
    ],
)
def test_what_a_price_list_cannot_mean_is_refused(changes: dict[str, Any], pointer: str, said: str) -> None:
    with pytest.raises(InvalidFileError) as caught:
        gateway(prices(**changes))
    assert caught.value.pointer == pointer
    assert said in str(caught.value)


def test_names_that_differ_by_case_alone_are_one_where_the_gateway_says_so() -> None:
    fields = {"text_input_tokens": "In", "audio_input_tokens": "in"}
    assert gateway(prices(fields=fields)).prices.layout is not None
    with pytest.raises(InvalidFileError, match="share the member in"):
        gateway(prices(fields=fields, list={"shape": "map", "any_case": True}))


def test_without_a_list_there_is_no_layout() -> None:
    assert gateway({"how": "file", "fields": FIELDS}).prices.layout is None


def test_conduit_is_declared_as_it_was_asked_for_and_marked_as_not_run() -> None:
    assert CONDUIT.not_run is not None
    assert "issues/856" in CONDUIT.not_run
    assert CONDUIT.start is None
    assert (CONDUIT.prices.digits, CONDUIT.prices.places) == (18, 10)
    fields = {quantity: (f.field, f.per) for quantity, f in CONDUIT.prices.fields.items()}
    assert fields["audio_input_tokens"] == ("AudioInputCostPerMillionTokens", Decimal(1000000))
    assert fields["audio_output_tokens"] == ("AudioOutputCostPerMillionTokens", Decimal(1000000))
    assert fields["audio_duration_seconds"] == ("AudioCostPerMinute", Decimal(60))
    assert fields["tts_characters"] == ("TtsCostPerThousandCharacters", Decimal(1000))
    layout = CONDUIT.prices.layout
    assert layout is not None
    assert layout.family is not None
    first = {name: values[0] for name, values in layout.family.values.items()}
    assert first == {"audio_per_minute": 10, "audio_per_character": 11, "audio_token_based": 12}


def test_a_gateway_that_was_run_is_not_marked() -> None:
    assert load("reference").not_run is None


def test_every_price_field_of_litellm_is_for_one_unit() -> None:
    assert {price_field.per for price_field in LITELLM.prices.fields.values()} == {Decimal(1)}
