"""A price book becomes a gateway's own price list, to the last digit or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from decibill.declaration import Declaration
from decibill.errors import HarnessError, UnknownNameError, UsageError
from decibill.pricemap import Carried
from decibill.pricemap_write import WriteOptions, write_list
from tests.pricelists import CONDUIT, LITELLM, book, entry, gateway, lost

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def write(
    declaration: Declaration, *entries: dict[str, Any], provider: str | None = None, **options: Any
) -> Carried:
    return write_list(
        book(*entries), declaration, WriteOptions("book.json", NOW, provider=provider, **options)
    )


def litellm(*entries: dict[str, Any], **options: Any) -> Carried:
    return write(LITELLM, *entries, **options)


def conduit(*entries: dict[str, Any], **options: Any) -> Carried:
    return write(CONDUIT, *entries, **options)


def seconds(amount: str, per: str, **members: Any) -> dict[str, Any]:
    return entry("audio_per_minute", {"audio_duration_seconds": (amount, per)}, **members)


def characters(amount: str, per: str) -> dict[str, Any]:
    return entry("audio_per_character", {"tts_characters": (amount, per)})


def tokens(amount: str, per: str = "1000000", **members: Any) -> dict[str, Any]:
    return entry("audio_token_based", {"text_input_tokens": (amount, per)}, **members)


@pytest.mark.parametrize(
    ("given", "member", "written"),
    [
        (seconds("0.006", "60"), "AudioCostPerMinute", "0.006"),
        (seconds("0.36", "3600"), "AudioCostPerMinute", "0.006"),
        (seconds("0.0001", "1"), "AudioCostPerMinute", "0.006"),
        (seconds("0.017", "60"), "AudioCostPerMinute", "0.017"),
        (characters("15", "1000000"), "TtsCostPerThousandCharacters", "0.015"),
        (characters("30", "1000000"), "TtsCostPerThousandCharacters", "0.03"),
        (tokens("2.50"), "InputCostPerMillionTokens", "2.5"),
        (tokens("0"), "InputCostPerMillionTokens", "0"),
        (seconds("99999999.9999999999", "60"), "AudioCostPerMinute", "99999999.9999999999"),
    ],
)
def test_an_amount_for_conduit_is_the_published_one_in_its_unit(
    given: dict[str, Any], member: str, written: str
) -> None:
    carried = conduit(given)
    assert format(carried.document[0][member], "f") == written
    assert carried.not_carried == ()


@pytest.mark.parametrize(
    ("given", "member", "written"),
    [
        (seconds("0.006", "60"), "input_cost_per_second", "0.0001"),
        (characters("15", "1000000"), "input_cost_per_character", "0.000015"),
        (tokens("1.25"), "input_cost_per_token", "0.00000125"),
        (tokens("0"), "input_cost_per_token", "0"),
    ],
)
def test_an_amount_for_litellm_is_the_published_one_for_a_single_unit(
    given: dict[str, Any], member: str, written: str
) -> None:
    carried = litellm(given)
    assert format(carried.document["openai/m"][member], "f") == written
    assert carried.not_carried == ()


@pytest.mark.parametrize(
    ("declaration", "given", "place"),
    [
        (LITELLM, seconds("0.017", "60"), "/entries/0/rates/audio_duration_seconds"),
        (CONDUIT, seconds("0.00000000001", "60"), "/entries/0/rates/audio_duration_seconds"),
        (CONDUIT, seconds("100000000", "60"), "/entries/0/rates/audio_duration_seconds"),
        (CONDUIT, tokens("1", "3"), "/entries/0/rates/text_input_tokens"),
    ],
    ids=["0.017/60 repeats", "eleven places", "nineteen digits", "a third"],
)
def test_an_amount_that_cannot_be_held_to_the_last_digit_is_left_out_and_listed(
    declaration: Declaration, given: dict[str, Any], place: str
) -> None:
    carried = write(declaration, given)
    assert lost(carried) == [(place, "precision")]
    assert not carried.document, "an entry without its price would be free"


def test_a_rate_that_the_list_has_no_member_for_is_listed() -> None:
    carried = conduit(
        entry("audio_token_based", {"audio_input_tokens": ("3", "1000000"), "image_input_tokens": ("1", "1")})
    )
    assert carried.document[0]["AudioInputCostPerMillionTokens"] == 3
    assert lost(carried) == [("/entries/0/rates/image_input_tokens", "no_field")]


@pytest.mark.parametrize(
    ("member", "value"),
    [("step", "1"), ("minimum", "10"), ("multiply_by", "audio_channels"), ("rule", "code_points")],
)
def test_a_modifier_that_the_list_has_no_member_for_is_listed_and_the_price_written(
    member: str, value: str
) -> None:
    quantity = "tts_characters" if member == "rule" else "audio_duration_seconds"
    model = "audio_per_character" if member == "rule" else "audio_per_minute"
    carried = litellm(entry(model, {quantity: {"amount": "6", "per": "60", member: value}}))
    assert Decimal("0.1") in carried.document["openai/m"].values()
    assert lost(carried) == [(f"/entries/0/rates/{quantity}/{member}", "modifier")]


def test_an_add_on_is_listed() -> None:
    carried = litellm(seconds("6", "60", addons={"diarize": {"percent": "10"}, "a/b": {"percent": "1"}}))
    assert lost(carried) == [
        ("/entries/0/addons/diarize", "modifier"),
        ("/entries/0/addons/a~1b", "modifier"),
    ]


def test_a_multiplier_goes_into_the_amounts() -> None:
    carried = litellm(tokens("2.50", multiplier="0.5"))
    assert carried.document["openai/m"]["input_cost_per_token"] == Decimal("0.00000125")
    assert carried.not_carried == ()


def tiered(*steps: tuple[str, str], by: str = "input_tokens") -> dict[str, Any]:
    rate = {
        "amount": "1",
        "per": "1000000",
        "tiers": {"by": by, "steps": [{"above": above, "amount": amount} for above, amount in steps]},
    }
    return entry("audio_token_based", {"text_input_tokens": rate})


def test_a_tier_goes_to_the_member_with_its_threshold() -> None:
    members = litellm(tiered(("128000", "2"), ("200000", "3"))).document["openai/m"]
    assert members["input_cost_per_token_above_128k_tokens"] == Decimal("0.000002")
    assert members["input_cost_per_token_above_200k_tokens"] == Decimal("0.000003")


@pytest.mark.parametrize(
    ("declaration", "given", "reason"),
    [
        (LITELLM, tiered(("128000", "2"), ("150000", "3")), "modifier"),
        (LITELLM, tiered(("128000", "2"), by="total_tokens"), "modifier"),
        (LITELLM, tiered(("128000", "0.0000000000000000000000001")), "precision"),
        (CONDUIT, tiered(("128000", "2")), "modifier"),
    ],
)
def test_tiers_are_written_all_or_none(declaration: Declaration, given: dict[str, Any], reason: str) -> None:
    carried = write(declaration, given)
    assert lost(carried) == [("/entries/0/rates/text_input_tokens/tiers", reason)]
    entries = carried.document if declaration is CONDUIT else carried.document.values()
    assert not any("above" in name for one in entries for name in one)


def test_a_service_tier_with_an_ending_shares_the_entry() -> None:
    carried = litellm(tokens("2"), tokens("1", service_tier="batch"), tokens("4", service_tier="priority"))
    assert carried.document["openai/m"] == {
        "litellm_provider": "openai",
        "input_cost_per_token": Decimal("0.000002"),
        "input_cost_per_token_batches": Decimal("0.000001"),
        "input_cost_per_token_priority": Decimal("0.000004"),
    }
    assert carried.not_carried == ()


@pytest.mark.parametrize(("declaration", "tier"), [(LITELLM, "off_peak"), (CONDUIT, "batch")])
def test_a_service_tier_without_members_is_listed_and_not_written(
    declaration: Declaration, tier: str
) -> None:
    carried = write(declaration, tokens("1", service_tier=tier))
    assert not carried.document
    assert lost(carried) == [("/entries/0/service_tier", "selector")]


def test_two_families_of_one_model_share_an_entry_of_litellm() -> None:
    members = litellm(tokens("2"), seconds("0.006", "60")).document["openai/m"]
    assert set(members) == {"litellm_provider", "input_cost_per_token", "input_cost_per_second"}


def test_two_families_of_one_model_are_two_rows_of_conduit() -> None:
    rows = conduit(tokens("2"), seconds("0.006", "60")).document
    assert [(row["CostName"], row["PricingModel"]) for row in rows] == [("m", 12), ("m", 10)]


def test_a_family_that_the_list_cannot_say_is_listed() -> None:
    carried = conduit(entry("audio_per_credit", {"provider_credits": ("1", "1")}))
    assert lost(carried) == [("/entries/0/pricing_model", "no_field")]


def test_the_time_for_which_a_price_holds_is_written_where_the_list_has_members_for_it() -> None:
    rows = conduit(
        seconds("1", "60", until="2026-06-01T10:00:00Z"),
        seconds("2", "60", **{"from": "2026-06-01T10:00:00Z"}),
    ).document
    assert [(row["EffectiveDate"], row.get("ExpiryDate")) for row in rows] == [
        ("2026-01-01T00:00:00Z", "2026-06-01T10:00:00Z"),
        ("2026-06-01T10:00:00Z", None),
    ]


def test_of_prices_that_follow_each_other_a_list_without_dates_gets_the_one_in_force() -> None:
    carried = litellm(seconds("1", "1", until="2026-06-01"), seconds("2", "1", **{"from": "2026-06-01"}))
    assert carried.document["openai/m"]["input_cost_per_second"] == 2
    assert lost(carried) == [("/entries/0", "not_in_force")]


def test_prices_in_another_currency_are_listed() -> None:
    assert lost(litellm(seconds("1", "1", currency="EUR"))) == [("/entries/0", "currency")]


@pytest.mark.parametrize(
    ("operations", "mode", "listed"),
    [
        (["transcription"], "audio_transcription", []),
        (["speech", "chat"], None, [("/entries/0/operations", "selector")]),
    ],
)
def test_the_operation_is_written_where_there_is_one(
    operations: list[str], mode: str | None, listed: list[tuple[str, str]]
) -> None:
    carried = litellm(tokens("1", operations=operations))
    assert carried.document["openai/m"].get("mode") == mode
    assert lost(carried) == listed


def test_a_member_that_means_something_else_for_the_operation_is_not_written() -> None:
    carried = litellm(seconds("1", "1", operations=["chat"]))
    assert carried.document == {}
    assert lost(carried) == [("/entries/0/rates/audio_duration_seconds", "no_field")]


@pytest.mark.parametrize(("name", "value"), [("surface", "vertex"), ("region", ["eu"])])
def test_a_selector_that_the_list_cannot_say_is_listed_and_the_price_written(name: str, value: Any) -> None:
    carried = litellm(tokens("1", **{name: value}))
    assert "input_cost_per_token" in carried.document["openai/m"]
    assert lost(carried) == [(f"/entries/0/{name}", "selector")]


def test_of_two_prices_for_one_member_the_one_with_fewer_selectors_is_written() -> None:
    carried = litellm(tokens("1.1", region=["eu"]), tokens("1"), tokens("1", surface="vertex"))
    assert carried.document["openai/m"]["input_cost_per_token"] == Decimal("0.000001")
    assert ("/entries/0/rates/text_input_tokens", "selector") in lost(carried)
    assert ("/entries/2/rates/text_input_tokens", "selector") not in lost(carried)


def test_of_two_prices_with_equally_many_selectors_neither_is_written() -> None:
    carried = litellm(tokens("1", region=["eu"]), tokens("2", region=["us"]), tokens("3", region=["asia"]))
    assert carried.document == {}
    assert [item for item in lost(carried) if item[1] == "contradiction"] == [
        (f"/entries/{n}/rates/text_input_tokens", "contradiction") for n in range(3)
    ]


def test_every_model_of_an_entry_is_written_and_what_is_lost_is_listed_once() -> None:
    carried = litellm(
        entry(
            "audio_per_minute",
            {"audio_duration_seconds": {"amount": "6", "per": "60", "step": "1"}},
            models=["m", "n"],
        )
    )
    assert list(carried.document) == ["openai/m", "openai/n"]
    assert len(carried.not_carried) == 1


def test_only_the_models_and_the_provider_that_were_asked_for_are_written() -> None:
    given = (tokens("1", models=["m", "n"]), tokens("2", provider="azure"), tokens("3", models=["o"]))
    assert list(litellm(*given, models=("m",)).document) == ["openai/m", "azure/m"]
    assert list(litellm(*given, provider="azure").document) == ["azure/m"]


@pytest.mark.parametrize(
    ("options", "said"),
    [({"models": ("x",)}, "no model in book.json 'x'"), ({"provider": "azur"}, "did you mean azure")],
)
def test_a_name_that_the_book_does_not_have_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UnknownNameError, match=said):
        litellm(tokens("1"), tokens("1", provider="azure"), **options)


def test_a_list_that_does_not_name_providers_gets_the_prices_of_one() -> None:
    given = (tokens("1"), tokens("2", provider="azure"))
    with pytest.raises(UsageError, match="has prices of azure and openai"):
        conduit(*given)
    assert len(conduit(*given, provider="azure").document) == 1


def small(**changes: Any) -> Declaration:
    return gateway(
        {
            "how": "file",
            "number": {"kind": "string"},
            "fields": {"text_input_tokens": "in", "audio_input_tokens": "audio/in"},
            "list": {"shape": "map", "inside": "pricing", **changes},
        }
    )


def test_prices_stand_where_the_list_has_them_and_as_text_where_it_keeps_text() -> None:
    given = entry("audio_token_based", {"text_input_tokens": ("1", "1000"), "audio_input_tokens": ("2", "1")})
    assert write(small(), given).document == {"m": {"pricing": {"in": "0.001", "audio": {"in": "2"}}}}


def test_the_end_of_a_price_is_listed_where_the_list_has_no_member_for_it() -> None:
    declaration = small(shape="list", model="id", **{"from": "since"})
    carried = write(declaration, tokens("1", until="2027-01-01"))
    assert carried.document == [{"id": "m", "since": "2026-01-01T00:00:00Z", "pricing": {"in": "0.000001"}}]
    assert lost(carried) == [("/entries/0/until", "selector")]


def test_a_price_cannot_stand_inside_another() -> None:
    declaration = gateway(
        {
            "how": "file",
            "fields": {"text_input_tokens": "in", "audio_input_tokens": "in/audio"},
            "list": {"shape": "map"},
        }
    )
    given = entry("audio_token_based", {"text_input_tokens": ("1", "1"), "audio_input_tokens": ("2", "1")})
    with pytest.raises(HarnessError, match="stands inside another price"):
        write(declaration, given)
