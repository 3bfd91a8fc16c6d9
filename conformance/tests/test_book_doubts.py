"""Which published prices are doubtful, and what settles a doubt."""

from __future__ import annotations

from typing import Any

import pytest
from decibill.book_doubts import doubts

PAGE = "https://prices.example/models"


def entry(
    rates: dict[str, str], *, note: str | None = None, url: str = PAGE, **members: Any
) -> dict[str, Any]:
    source = {"url": url, "read": "2026-11-21"} | ({"note": note} if note else {})
    return {
        "id": f"openai/voice/{members.get('from', '2026-01-01')}",
        "provider": "openai",
        "models": ["voice"],
        "from": "2026-01-01",
        "currency": "USD",
        "pricing_model": "audio_token_based",
        "rates": {name: {"amount": amount, "per": "1000000"} for name, amount in rates.items()},
        "source": source,
        **members,
    }


def pointers(*entries: dict[str, Any]) -> list[str]:
    return [fault.pointer for fault in doubts({"currency": "USD", "entries": list(entries)})]


@pytest.mark.parametrize(
    ("rates", "doubtful"),
    [
        ({"text_input_tokens": "2.50", "audio_input_tokens": "32"}, []),
        ({"text_input_tokens": "2.50", "audio_input_tokens": "2.50"}, []),
        ({"text_input_tokens": "2.50", "audio_input_tokens": "1"}, ["audio_input_tokens"]),
        ({"text_output_tokens": "10", "audio_output_tokens": "6.4"}, ["audio_output_tokens"]),
        ({"text_input_tokens": "4", "cached_text_input_tokens": "5"}, ["cached_text_input_tokens"]),
        ({"input_tokens": "4", "cached_audio_input_tokens": "5"}, ["cached_audio_input_tokens"]),
        (
            {"cached_text_input_tokens": "0.4", "cached_audio_input_tokens": "0.3"},
            ["cached_audio_input_tokens"],
        ),
        ({"text_input_tokens": "4", "text_output_tokens": "3"}, ["text_output_tokens"]),
        ({"audio_input_tokens": "32", "audio_output_tokens": "20"}, ["audio_output_tokens"]),
    ],
    ids=[
        "usual",
        "audio as text",
        "audio in below text",
        "audio out below text",
        "cached above fresh",
        "cached above the whole",
        "cached audio below cached text",
        "text out below in",
        "audio out below in",
    ],
)
def test_prices_that_hardly_any_model_has_are_doubtful(rates: dict[str, str], doubtful: list[str]) -> None:
    assert pointers(entry(rates)) == [f"/entries/0/rates/{name}" for name in doubtful]


def test_a_note_that_names_the_quantity_settles_a_doubt() -> None:
    rates = {"text_input_tokens": "2.50", "audio_input_tokens": "1"}
    assert pointers(entry(rates, note="audio_input_tokens: the page says so twice.")) == []
    assert pointers(entry(rates, note="The page says so.")) == ["/entries/0/rates/audio_input_tokens"]


def test_prices_that_are_made_up_are_not_doubted() -> None:
    made_up = entry({"text_input_tokens": "2", "audio_input_tokens": "1"}, url="urn:decibill:constructed:x")
    assert pointers(made_up) == []


@pytest.mark.parametrize(
    ("amount", "doubtful"),
    [
        ("20", []),
        ("0.20", ["/entries/1/rates/text_input_tokens"]),
        ("2500", ["/entries/1/rates/text_input_tokens"]),
    ],
    ids=["dearer", "a tenth or less", "a thousand times"],
)
def test_a_step_of_ten_against_the_period_before_is_doubtful(amount: str, doubtful: list[str]) -> None:
    before = entry({"text_input_tokens": "2.50"}, until="2026-07-01")
    after = entry({"text_input_tokens": amount}, **{"from": "2026-07-01"})
    assert pointers(before, after) == doubtful


def test_another_tier_is_no_period_before() -> None:
    before = entry({"text_input_tokens": "2.50"}, until="2026-07-01")
    flex = entry({"text_input_tokens": "0.10"}, service_tier="flex", **{"from": "2026-07-01"})
    assert pointers(before, flex) == []
