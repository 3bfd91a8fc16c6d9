"""What is written to a gateway's list and read back is the same price, and nothing is lost in silence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from decibill import jsonio, schemas
from decibill.book_checks import book_faults
from decibill.declaration import Declaration
from decibill.pricemap_write import WriteOptions, write_list
from decibill.template_tree import plain_json
from hypothesis import given
from hypothesis import strategies as st
from tests.pricelists import CONDUIT, LITELLM, book, entry, read

NOW = datetime(2026, 11, 21, tzinfo=UTC)
FAMILIES = {
    "audio_token_based": [
        "text_input_tokens",
        "audio_input_tokens",
        "cached_text_input_tokens",
        "cached_audio_input_tokens",
        "text_output_tokens",
        "audio_output_tokens",
        "unattributed_output_tokens",
    ],
    "audio_per_minute": ["audio_duration_seconds"],
    "audio_per_character": ["tts_characters"],
}
Key = tuple[str, str, str]
"""Model, service tier and quantity."""

amounts = st.decimals(min_value=0, max_value=10**9, places=6).map(lambda number: format(number, "f"))


@st.composite
def books(draw: st.DrawFn) -> dict[str, Any]:
    """Price books in which no two entries fit one call."""
    entries: dict[tuple[str, str, str], dict[str, Any]] = {}
    for _ in range(draw(st.integers(1, 5))):
        family = draw(st.sampled_from(sorted(FAMILIES)))
        model = draw(st.sampled_from(["whisper-1", "tts-1-hd", "a/b", "openai/x"]))
        tier = draw(st.sampled_from(["standard", "batch", "flex"]))
        rates: dict[str, Any] = {}
        for quantity in draw(st.lists(st.sampled_from(FAMILIES[family]), min_size=1, unique=True)):
            rate = {
                "amount": draw(amounts),
                "per": draw(st.sampled_from(["1", "7", "60", "1000", "1000000"])),
            }
            if draw(st.booleans()):
                above = draw(st.sampled_from(["128000", "150000"]))
                rate["tiers"] = {"by": "input_tokens", "steps": [{"above": above, "amount": draw(amounts)}]}
            rates[quantity] = rate
        more = {"multiplier": draw(st.sampled_from(["0.5", "1.1", "1"]))} if draw(st.booleans()) else {}
        more |= {"service_tier": tier} if tier != "standard" else {}
        entries[model, family, tier] = entry(family, rates, models=[model], **more)
    return book(*entries.values())


def prices(document: Mapping[str, Any]) -> dict[Key, tuple[Fraction, list[tuple[str, Fraction]]]]:
    """Return what one unit costs, and what it costs above each threshold."""
    found: dict[Key, tuple[Fraction, list[tuple[str, Fraction]]]] = {}
    for one in document["entries"]:
        factor = Fraction(one.get("multiplier", "1"))
        for quantity, rate in one["rates"].items():
            steps = rate.get("tiers", {}).get("steps", [])
            found[one["models"][0], one.get("service_tier", "standard"), quantity] = (
                Fraction(rate["amount"]) * factor / Fraction(rate["per"]),
                [(s["above"], Fraction(s["amount"]) * factor / Fraction(rate["per"])) for s in steps],
            )
    return found


@pytest.mark.parametrize("declaration", [LITELLM, CONDUIT], ids=["litellm", "conduit"])
@given(given_book=books())
def test_a_price_comes_back_as_it_was_or_is_listed(
    declaration: Declaration, given_book: dict[str, Any]
) -> None:
    assert schemas.faults("price-book", given_book) == ()
    written = write_list(given_book, declaration, WriteOptions("book.json", NOW))
    again = read(plain_json(written.document), declaration, provider="openai")
    assert again.not_carried == ()
    assert schemas.faults("price-book", jsonio.loads(jsonio.dumps(again.document), "")) == ()
    assert book_faults(again.document) == ()
    back, listed = prices(again.document), {item.pointer for item in written.not_carried}
    for (key, price), place in zip(prices(given_book).items(), places(given_book), strict=True):
        whole_entry = {
            re.sub("/rates/.*", "", place) + end for end in ("", "/service_tier", "/pricing_model")
        }
        if place in listed or whole_entry & listed:
            assert key not in back
        elif f"{place}/tiers" in listed:
            assert back.pop(key) == (price[0], [])
        else:
            assert back.pop(key) == price
    assert back == {}


def places(document: Mapping[str, Any]) -> list[str]:
    return [
        f"/entries/{n}/rates/{quantity}"
        for n, one in enumerate(document["entries"])
        for quantity in one["rates"]
    ]


@given(st.integers(0, 10**12), st.integers(-18, 2))
def test_a_number_of_a_list_has_the_same_value_in_the_book(digits: int, exponent: int) -> None:
    """However it is written: with an exponent, or in plain digits."""
    text = f"{digits}e{exponent}"
    carried = read(f'{{"m": {{"litellm_provider": "openai", "input_cost_per_token": {text}}}}}')
    amount = carried.document["entries"][0]["rates"]["text_input_tokens"]["amount"]
    assert Fraction(amount) == Fraction(digits) * Fraction(10) ** exponent
    assert re.fullmatch(r"(0|[1-9][0-9]*)(\.[0-9]+)?", amount)


def test_no_module_of_the_mapping_names_a_float() -> None:
    package = Path(schemas.__file__).parent
    modules = [*package.glob("price*.py"), package / "declaration_prices.py", package / "cli" / "prices.py"]
    assert len(modules) > 6
    for module in modules:
        assert not re.search(r"\bfloat\b", module.read_text("utf-8")), module.name
