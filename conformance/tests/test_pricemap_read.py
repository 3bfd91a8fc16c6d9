"""A gateway's own price list becomes a price book, digit for digit; what does not get into it is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from decibill import jsonio, schemas
from decibill.book_checks import book_faults
from decibill.declaration_read import load
from decibill.errors import InvalidFileError, UnknownNameError, UsageError
from decibill.pricelist import PriceList, meanings
from decibill.pricemap import Carried
from tests.pricelists import CONDUIT, LITELLM, gateway, lost, read


def litellm(mode: str | None = "audio_transcription", **members: str) -> str:
    """Return LiteLLM's map with one entry, its prices as JSON text."""
    own = [f'"{name}": {value}' for name, value in members.items()]
    own += [f'"mode": "{mode}"'] if mode else []
    return f'{{"m": {{"litellm_provider": "openai", {", ".join(own)}}}}}'


def conduit(*rows: str) -> str:
    return f"[{', '.join(rows)}]"


def rates(carried: Carried, number: int = 0) -> dict[str, tuple[str, str]]:
    entry = carried.document["entries"][number]
    return {name: (rate["amount"], rate["per"]) for name, rate in entry["rates"].items()}


@pytest.mark.parametrize(
    ("member", "mode", "quantity"),
    [
        ("input_cost_per_token", "chat", "text_input_tokens"),
        ("output_cost_per_token", "chat", "text_output_tokens"),
        ("input_cost_per_audio_token", "chat", "audio_input_tokens"),
        ("output_cost_per_audio_token", "chat", "audio_output_tokens"),
        ("cache_read_input_token_cost", "chat", "cached_text_input_tokens"),
        ("cache_read_input_audio_token_cost", "chat", "cached_audio_input_tokens"),
        ("output_cost_per_reasoning_token", "chat", "reasoning_output_tokens"),
        ("input_cost_per_second", "audio_transcription", "audio_duration_seconds"),
        ("input_cost_per_second", "realtime", "audio_duration_seconds"),
        ("input_cost_per_character", "audio_speech", "tts_characters"),
    ],
)
def test_every_price_member_of_litellm_is_the_rate_that_it_means(
    member: str, mode: str, quantity: str
) -> None:
    carried = read(litellm(mode, **{member: "0.0001"}))
    assert rates(carried) == {quantity: ("0.0001", "1")}
    assert carried.not_carried == ()


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("4e-05", "0.00004"),
        ("1.5e-06", "0.0000015"),
        ("0.0002833333333333333", "0.0002833333333333333"),
        ("2.9999900000000002e-06", "0.0000029999900000000002"),
        ("6.0", "6.0"),
        ("3", "3"),
        ("0", "0"),
        ("0.0", "0.0"),
        ("-0.0", "0.0"),
        ("1E2", "100"),
        ('"4e-5"', "0.00004"),
        ('"0.006"', "0.006"),
    ],
)
def test_a_number_keeps_its_digits_as_written(written: str, amount: str) -> None:
    carried = read(litellm("chat", input_cost_per_token=written))
    assert rates(carried) == {"text_input_tokens": (amount, "1")}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("true", "not_a_number"),
        ('"free"', "not_a_number"),
        ('" 1"', "not_a_number"),
        ('"1\\n"', "not_a_number"),
        ("-1", "not_a_number"),
        ("[1]", "not_a_number"),
        ("{}", "not_a_number"),
        ("1e300", "precision"),
        ("1e-31", "precision"),
        ("1000000000000000", "precision"),
    ],
)
def test_what_is_no_price_is_reported_not_guessed(written: str, reason: str) -> None:
    carried = read(litellm("chat", input_cost_per_token=written, output_cost_per_token="1"))
    assert rates(carried) == {"text_output_tokens": ("1", "1")}
    assert lost(carried) == [("/m/input_cost_per_token", reason)]


def test_null_is_no_price() -> None:
    carried = read(litellm("chat", input_cost_per_token="null", output_cost_per_token="1"))
    assert rates(carried) == {"text_output_tokens": ("1", "1")}
    assert carried.not_carried == ()


def test_a_plain_token_price_is_the_text_rate_and_a_missing_audio_price_stays_missing() -> None:
    carried = read(litellm("chat", input_cost_per_token="2.5e-06", output_cost_per_token="1e-05"))
    assert rates(carried) == {
        "text_input_tokens": ("0.0000025", "1"),
        "text_output_tokens": ("0.00001", "1"),
    }


def test_one_price_for_every_modality_is_written_where_the_price_of_text_is_read() -> None:
    fields = load("litellm").prices.fields
    assert fields["input_tokens"].field == fields["text_input_tokens"].field
    read = [meaning.quantity for _, meaning in meanings(fields, PriceList("map"))]
    assert "input_tokens" not in read
    assert "text_input_tokens" in read


def test_one_price_in_both_members_for_seconds_is_one_price() -> None:
    carried = read(litellm(input_cost_per_second="0.0001", output_cost_per_second="1e-4"))
    assert rates(carried) == {"audio_duration_seconds": ("0.0001", "1")}
    assert carried.not_carried == ()


def test_an_output_price_for_seconds_that_would_replace_the_input_price_is_a_contradiction() -> None:
    carried = read(litellm(input_cost_per_second="0.00017", output_cost_per_second="0.00019"))
    assert carried.document["entries"] == []
    assert lost(carried) == [
        ("/m/input_cost_per_second", "contradiction"),
        ("/m/output_cost_per_second", "contradiction"),
    ]
    assert "0.00017 at /m/input_cost_per_second" in carried.not_carried[0].problem


def test_a_zero_that_is_replaced_is_a_contradiction_too() -> None:
    carried = read(litellm(input_cost_per_second="0.0", output_cost_per_second="2.77778e-05"))
    assert [reason for _, reason in lost(carried)] == ["contradiction", "contradiction"]


def test_an_output_price_of_zero_replaces_nothing() -> None:
    carried = read(litellm(input_cost_per_second="3.333e-05", output_cost_per_second="0.0"))
    assert rates(carried) == {"audio_duration_seconds": ("0.00003333", "1")}
    assert lost(carried) == [("/m/output_cost_per_second", "no_effect")]


@pytest.mark.parametrize("price", ["0.0001", "0.0"])
def test_an_output_price_alone_is_the_price(price: str) -> None:
    assert rates(read(litellm(output_cost_per_second=price))) == {"audio_duration_seconds": (price, "1")}


@pytest.mark.parametrize(
    ("mode", "member"),
    [
        ("chat", "input_cost_per_second"),
        ("audio_speech", "output_cost_per_second"),
        ("chat", "input_cost_per_character"),
    ],
)
def test_a_member_that_means_something_else_for_the_operation_is_reported(mode: str, member: str) -> None:
    carried = read(litellm(mode, **{member: "0.01"}))
    assert carried.document["entries"] == []
    assert lost(carried) == [(f"/m/{member}", "other_meaning")]


def test_an_entry_that_names_no_operation_is_taken_at_its_word() -> None:
    carried = read(litellm(None, input_cost_per_second="0.0001"))
    assert rates(carried) == {"audio_duration_seconds": ("0.0001", "1")}


@pytest.mark.parametrize(
    "member",
    [
        "cache_creation_input_audio_token_cost",
        "input_cost_per_audio_per_second",
        "cost_per_second",
        "output_cost_per_character",
        "tiered_pricing",
        "something_new",
    ],
)
def test_a_member_that_no_rate_stands_for_is_reported(member: str) -> None:
    carried = read(litellm("chat", **{member: "[1]", "input_cost_per_token": "1"}))
    assert lost(carried) == [(f"/m/{member}", "no_meaning")]
    assert len(carried.document["entries"]) == 1


def test_members_that_are_no_prices_are_not_reported() -> None:
    text = litellm("chat", input_cost_per_token="1", max_input_tokens="9", supports_audio_input="true")
    assert read(text).not_carried == ()


def test_two_unit_families_become_two_entries() -> None:
    carried = read(
        litellm(input_cost_per_token="1", input_cost_per_audio_token="2", input_cost_per_second="3")
    )
    found = {entry["pricing_model"]: set(entry["rates"]) for entry in carried.document["entries"]}
    assert found == {
        "audio_token_based": {"text_input_tokens", "audio_input_tokens"},
        "audio_per_minute": {"audio_duration_seconds"},
    }
    assert book_faults(carried.document) == ()


def test_a_fee_stands_beside_every_family_that_the_entry_prices() -> None:
    carried = read(litellm("realtime", input_cost_per_text_message="5", input_cost_per_second="3"))
    assert rates(carried) == {"audio_duration_seconds": ("3", "1"), "text_messages": ("5", "1")}


def test_a_fee_alone_is_a_price_for_each_request() -> None:
    carried = read(litellm("realtime", input_cost_per_text_message="5"))
    assert carried.document["entries"][0]["pricing_model"] == "per_request"


def test_an_ending_for_a_service_tier_makes_an_entry_of_that_tier() -> None:
    carried = read(
        litellm(
            "chat",
            input_cost_per_token="1",
            input_cost_per_audio_token="2",
            input_cost_per_audio_token_priority="3",
            output_cost_per_token_batches="4",
        )
    )
    found = {
        entry.get("service_tier"): {name: rate["amount"] for name, rate in entry["rates"].items()}
        for entry in carried.document["entries"]
    }
    assert found == {
        None: {"text_input_tokens": "1", "audio_input_tokens": "2"},
        "priority": {"audio_input_tokens": "3"},
        "batch": {"text_output_tokens": "4"},
    }


def test_a_price_above_a_threshold_is_a_tier_of_its_rate() -> None:
    carried = read(
        litellm(
            "chat",
            input_cost_per_token="1",
            input_cost_per_token_above_200k_tokens="2",
            input_cost_per_token_above_128k_tokens="1.5",
        )
    )
    assert carried.document["entries"][0]["rates"]["text_input_tokens"]["tiers"] == {
        "by": "input_tokens",
        "steps": [{"above": "128000", "amount": "1.5"}, {"above": "200000", "amount": "2"}],
    }


def test_a_threshold_that_is_included_is_one_less() -> None:
    text = (
        '{"m": {"litellm_provider": "xai", "input_cost_per_token": 1, '
        '"input_cost_per_token_above_200k_tokens": 2}}'
    )
    tiers = read(text).document["entries"][0]["rates"]["text_input_tokens"]["tiers"]
    assert tiers["steps"] == [{"above": "199999", "amount": "2"}]


def test_a_price_above_a_threshold_without_one_below_is_reported() -> None:
    carried = read(litellm("chat", input_cost_per_token_above_200k_tokens="2", output_cost_per_token="1"))
    assert lost(carried) == [("/m/input_cost_per_token_above_200k_tokens", "no_base")]


@pytest.mark.parametrize(
    ("key", "provider", "model"),
    [
        ("whisper-1", "openai", "whisper-1"),
        ("openai/whisper-1", "openai", "whisper-1"),
        ("azure/whisper-1", "azure", "whisper-1"),
        ("azure/eu/gpt-4o", "azure", "eu/gpt-4o"),
        ("openai/", "openai", "openai/"),
        ("gpt-4o", "vertex_ai-language-models", "gpt-4o"),
    ],
)
def test_the_name_of_an_entry_is_the_model_with_or_without_its_provider(
    key: str, provider: str, model: str
) -> None:
    text = json.dumps({key: {"litellm_provider": provider, "input_cost_per_token": 1}})
    found = read(text).document["entries"][0]
    assert (found["provider"], found["models"]) == (provider, [model])


def test_an_entry_says_where_its_prices_were_read() -> None:
    carried = read(
        '{"azure/m": {"litellm_provider": "azure", "input_cost_per_token": 1, "source": "https://x.example/p"}}',
        file="some/folder/map.json",
    )
    assert carried.document["entries"][0]["source"] == {
        "url": "https://x.example/p",
        "read": "2026-11-21",
        "note": "LiteLLM proxy: /azure~1m of map.json",
    }


@pytest.mark.parametrize("source", ['"see the page"', "5", '"https://x.example/a b"', "null"])
def test_a_source_that_is_no_address_is_replaced(source: str) -> None:
    text = litellm("chat", input_cost_per_token="1", source=source)
    assert read(text).document["entries"][0]["source"]["url"] == "urn:decibill:prices:litellm"
    given = read(text, source="https://y.example/")
    assert given.document["entries"][0]["source"]["url"] == "https://y.example/"


def test_one_model_under_two_names_at_one_price_is_one_entry() -> None:
    one = '{"litellm_provider": "gemini", "input_cost_per_token": 1e-6}'
    other = '{"litellm_provider": "gemini", "input_cost_per_token": 0.0000010}'
    carried = read(f'{{"m": {one}, "gemini/m": {other}}}')
    assert len(carried.document["entries"]) == 1
    assert carried.not_carried == ()


def test_one_model_under_two_names_at_two_prices_is_a_contradiction() -> None:
    one = '{"litellm_provider": "gemini", "input_cost_per_token": 1}'
    other = '{"litellm_provider": "gemini", "input_cost_per_token": 2}'
    carried = read(f'{{"m": {one}, "gemini/m": {other}, "n": {one}}}')
    assert [entry["models"] for entry in carried.document["entries"]] == [["n"]]
    assert lost(carried) == [("/m", "contradiction"), ("/gemini~1m", "contradiction")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"m": {"input_cost_per_token": 1}}', "no_provider"),
        ('{"m": {"litellm_provider": "one of many", "input_cost_per_token": 1}}', "no_provider"),
        ('{"openai/*": {"litellm_provider": "openai", "input_cost_per_token": 1}}', "no_model"),
        ('{"m": 5}', "no_meaning"),
    ],
)
def test_an_entry_that_cannot_be_told_is_reported_as_a_whole(text: str, reason: str) -> None:
    carried = read(text)
    assert carried.document["entries"] == []
    assert [why for _, why in lost(carried)] == [reason]


def test_the_provider_of_entries_that_name_none_can_be_given() -> None:
    carried = read('{"m": {"input_cost_per_token": 1}}', provider="openai")
    assert carried.document["entries"][0]["provider"] == "openai"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            '{"CostName": "whisper-1", "PricingModel": 10, "AudioCostPerMinute": 0.006}',
            ("audio_per_minute", {"audio_duration_seconds": ("0.006", "60")}),
        ),
        (
            '{"CostName": "tts-1", "PricingModel": 11, "TtsCostPerThousandCharacters": 0.0150000000}',
            ("audio_per_character", {"tts_characters": ("0.0150000000", "1000")}),
        ),
        (
            '{"costName": "gpt-4o-audio", "pricingModel": "AudioTokenBased", '
            '"inputCostPerMillionTokens": 2.5, "outputCostPerMillionTokens": 10, '
            '"audioInputCostPerMillionTokens": 40, "audioOutputCostPerMillionTokens": 80}',
            (
                "audio_token_based",
                {
                    "text_input_tokens": ("2.5", "1000000"),
                    "audio_input_tokens": ("40", "1000000"),
                    "text_output_tokens": ("10", "1000000"),
                    "audio_output_tokens": ("80", "1000000"),
                },
            ),
        ),
    ],
    ids=["minute", "characters", "tokens"],
)
def test_each_pricing_model_of_conduit_is_a_unit_family(row: str, expected: tuple[str, Any]) -> None:
    carried = read(conduit(row), CONDUIT, provider="openai")
    assert carried.document["entries"][0]["pricing_model"] == expected[0]
    assert rates(carried) == expected[1]
    assert carried.not_carried == ()


def test_a_price_of_another_unit_than_the_pricing_model_says_is_reported() -> None:
    row = '{"CostName": "m", "PricingModel": 10, "AudioCostPerMinute": 0.006, "InputCostPerMillionTokens": 0}'
    carried = read(conduit(row), CONDUIT, provider="openai")
    assert rates(carried) == {"audio_duration_seconds": ("0.006", "60")}
    assert lost(carried) == [("/0/InputCostPerMillionTokens", "other_family")]


def test_a_pricing_model_without_a_counterpart_is_reported() -> None:
    carried = read(
        conduit('{"CostName": "m", "PricingModel": 5, "AudioCostPerMinute": 1}'), CONDUIT, provider="openai"
    )
    assert lost(carried) == [("/0", "other_family")]


def test_the_standard_pricing_model_says_nothing_about_the_unit() -> None:
    row = '{"CostName": "m", "PricingModel": 0, "AudioCostPerMinute": 1, "InputCostPerMillionTokens": 2}'
    carried = read(conduit(row), CONDUIT, provider="openai")
    assert {entry["pricing_model"] for entry in carried.document["entries"]} == {
        "audio_per_minute",
        "audio_token_based",
    }


@pytest.mark.parametrize(
    ("dates", "period"),
    [
        ('"EffectiveDate": "2025-09-08T00:00:00Z"', ("2025-09-08", None)),
        ('"EffectiveDate": "2025-09-08T02:00:00+02:00"', ("2025-09-08", None)),
        ('"EffectiveDate": "2025-09-08T10:20:30"', ("2025-09-08T10:20:30Z", None)),
        (
            '"EffectiveDate": "2025-09-08T10:20:30.5Z", "ExpiryDate": "2026-01-01"',
            ("2025-09-08T10:20:30.500000Z", "2026-01-01"),
        ),
        ('"EffectiveDate": null', ("2026-11-21", None)),
    ],
)
def test_the_time_for_which_a_price_holds_is_carried_over(dates: str, period: tuple[str, str | None]) -> None:
    row = f'{{"CostName": "m", "AudioCostPerMinute": 1, {dates}}}'
    found = read(conduit(row), CONDUIT, provider="openai").document["entries"][0]
    assert (found["from"], found.get("until")) == period


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ('"EffectiveDate": "soon"', "no_date"),
        ('"ExpiryDate": 2026', "no_date"),
        ('"EffectiveDate": "2026-01-02", "ExpiryDate": "2026-01-01"', "no_date"),
        ('"IsActive": false', "inactive"),
    ],
)
def test_an_entry_without_a_time_in_which_it_holds_is_reported(members: str, reason: str) -> None:
    carried = read(
        conduit(f'{{"CostName": "m", "AudioCostPerMinute": 1, {members}}}'), CONDUIT, provider="openai"
    )
    assert carried.document["entries"] == []
    assert lost(carried) == [("/0", reason)]


def test_prices_that_follow_each_other_stand_side_by_side() -> None:
    period = '"EffectiveDate": "2025-01-01", "ExpiryDate": "2026-01-01"'
    old = f'{{"CostName": "m", "AudioCostPerMinute": 1, {period}}}'
    new = '{"CostName": "m", "AudioCostPerMinute": 2, "EffectiveDate": "2026-01-01"}'
    carried = read(conduit(old, new), CONDUIT, provider="openai")
    assert [rates(carried, n)["audio_duration_seconds"][0] for n in (0, 1)] == ["1", "2"]
    assert book_faults(carried.document) == ()


def test_one_price_for_two_periods_that_overlap_is_a_contradiction() -> None:
    one = '{"CostName": "m", "AudioCostPerMinute": 1, "EffectiveDate": "2025-01-01"}'
    other = '{"CostName": "m", "AudioCostPerMinute": 1, "EffectiveDate": "2026-01-01"}'
    assert lost(read(conduit(one, other), CONDUIT, provider="openai")) == [
        ("/0", "contradiction"),
        ("/1", "contradiction"),
    ]


@pytest.mark.parametrize("text", ['{"data": [%s], "pagination": {}}', "[%s]", "%s"])
def test_a_page_an_array_or_a_single_row_of_conduit_will_do(text: str) -> None:
    row = '{"CostName": "m", "AudioCostPerMinute": 1}'
    assert len(read(text % row, CONDUIT, provider="openai").document["entries"]) == 1


def test_an_entry_that_names_no_model_is_reported() -> None:
    assert lost(read('[{"AudioCostPerMinute": 1}]', CONDUIT, provider="openai")) == [("/0", "no_model")]


@pytest.mark.parametrize(
    ("declaration", "text", "said"),
    [
        (LITELLM, "[]", "must be an object with one member for each entry"),
        (CONDUIT, "5", "must be an array of entries or hold it at /data"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused(declaration: Any, text: str, said: str) -> None:
    with pytest.raises(InvalidFileError, match=said):
        read(text, declaration)


def test_prices_inside_a_member_are_found_there() -> None:
    declaration = gateway(
        {
            "how": "served",
            "fields": {
                "text_input_tokens": "in",
                "audio_duration_seconds": {"field": "audio/minute", "per": 60},
            },
            "list": {"shape": "map", "inside": "pricing", "model": "model_id", "provider": "provider"},
        }
    )
    text = (
        '{"x": {"model_id": "m", "provider": "openai", "in": 9, '
        '"pricing": {"in": 2, "audio": {"minute": 0.006, "hour": 1}}}}'
    )
    carried = read(text, declaration)
    assert rates(carried, 0) == {"text_input_tokens": ("2", "1")}
    assert rates(carried, 1) == {"audio_duration_seconds": ("0.006", "60")}
    assert set(lost(carried)) == {("/x/in", "no_meaning"), ("/x/pricing/audio/hour", "no_meaning")}


def test_only_the_models_that_were_asked_for_are_read() -> None:
    one = '{"litellm_provider": "openai", "input_cost_per_token": 1, "oddity": 1}'
    text = f'{{"whisper-1": {one}, "openai/tts-1": {one}, "tts-1-hd": {one}}}'
    carried = read(text, models=("tts-*", "openai/*"))
    assert [entry["models"][0] for entry in carried.document["entries"]] == ["tts-1", "tts-1-hd"]
    assert lost(carried) == [("/openai~1tts-1/oddity", "no_meaning"), ("/tts-1-hd/oddity", "no_meaning")]


def test_a_model_that_the_list_does_not_have_is_refused_with_close_matches() -> None:
    with pytest.raises(UnknownNameError, match=r"no model in map\.json 'wisper-1'; did you mean whisper-1"):
        read('{"whisper-1": {"litellm_provider": "openai"}}', models=("wisper-1",))


def test_a_gateway_that_reads_our_books_has_no_list_of_its_own() -> None:
    with pytest.raises(UsageError, match="it reads decibill's own price books"):
        read("{}", load("reference"))


def test_a_gateway_whose_list_is_not_declared_cannot_be_read() -> None:
    with pytest.raises(UsageError, match=r"has no \[prices\.list\]"):
        read("{}", gateway({"how": "file", "fields": {"text_input_tokens": "in"}}))


def test_what_is_read_is_a_valid_price_book() -> None:
    text = """{
      "whisper-1": {"litellm_provider": "openai", "mode": "audio_transcription",
                    "input_cost_per_second": 0.0001, "output_cost_per_second": 0.0001, "source": "https://example.com/prices"},
      "gemini/gemini-2.5-flash": {"litellm_provider": "gemini", "mode": "chat", "input_cost_per_token": 3e-07,
        "input_cost_per_audio_token": 1e-06, "cache_read_input_audio_token_cost": 1e-07,
        "cache_read_input_token_cost": 3e-08, "input_cost_per_audio_token_flex": 5e-07,
        "input_cost_per_token_above_200k_tokens": 6e-07, "output_cost_per_token": 2.5e-06}
    }"""
    document = jsonio.loads(jsonio.dumps(read(text).document), "book")
    assert schemas.faults("price-book", document) == ()
    assert book_faults(document) == ()
    assert len(document["entries"]) == 3
