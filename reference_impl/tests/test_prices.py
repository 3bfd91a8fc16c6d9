from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.prices import PriceBook, instant, tier_name
from decibill_reference.selection import select
from decibill_reference.usage import UsageRecord

BOOKS = Path(__file__).parents[2] / "fixtures" / "price-books"


def entry(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": "openai/whisper-1/2023-03",
        "provider": "openai",
        "models": ["whisper-1"],
        "from": "2023-03-01",
        "pricing_model": "audio_per_minute",
        "rates": {"audio_duration_seconds": {"amount": "0.006", "per": "60"}},
        "source": {"url": "https://example.org/prices", "read": "2026-11-21"},
    }
    base.update(changes)
    return {key: value for key, value in base.items() if value is not None}


def read(*entries: dict[str, Any]) -> PriceBook:
    return PriceBook.from_json({"currency": "USD", "entries": list(entries)})


def tokens(**rates: str) -> dict[str, Any]:
    return {
        "pricing_model": "audio_token_based",
        "rates": {key: {"amount": amount, "per": "1000000"} for key, amount in rates.items()},
    }


# What a book may say


@pytest.mark.parametrize("path", sorted(BOOKS.glob("*.json")), ids=lambda path: path.stem)
def test_every_bundled_price_book_is_read_but_those_made_to_be_refused(path: Path) -> None:
    try:
        PriceBook.from_json(json.loads(path.read_text()))
    except DecibillReferenceError:
        assert path.stem.startswith("refused-")


def test_an_entry_without_currency_has_the_currency_of_the_book() -> None:
    book = read(entry(), entry(id="eur", currency="EUR"))

    assert [item.currency for item in book.entries] == ["USD", "EUR"]


def test_an_amount_keeps_its_published_form() -> None:
    book = read(entry(rates={"audio_duration_seconds": {"amount": "3.00", "per": "3600"}}))

    assert book.entries[0].rates["audio_duration_seconds"].price.amount == "3.00"


def test_fees_stand_beside_any_family() -> None:
    rates = {
        "audio_duration_seconds": {"amount": "0.006", "per": "60"},
        "requests": {"amount": "0.01", "per": "1"},
        "text_messages": {"amount": "0.02", "per": "1"},
    }

    assert set(read(entry(rates=rates)).entries[0].rates) == set(rates)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21", "2026-11-21T00:00:00+00:00"),
        ("2026-11-21T12:30:00Z", "2026-11-21T12:30:00+00:00"),
        ("2026-11-21T12:30:00.5Z", "2026-11-21T12:30:00.500000+00:00"),
    ],
)
def test_a_date_is_midnight_utc_and_a_timestamp_an_instant(text: str, expected: str) -> None:
    moment = instant(text)

    assert moment is not None
    assert moment.isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-13-01",
        "2026-11-21 12:30:00Z",
        "2026-11-21T12:30:00",
        "2026-11-21T12:30:00+01:00",
        "soon",
    ],
)
def test_a_time_that_is_not_utc_names_no_instant(text: str) -> None:
    assert instant(text) is None


@pytest.mark.parametrize("word", [None, "standard", "default", "auto", "ON_DEMAND"])
def test_the_standard_tier_has_several_names(word: str | None) -> None:
    assert tier_name(word) == "standard"


# What a book may not say

RATE = {"amount": "0.006", "per": "60"}


def rate(**changes: Any) -> dict[str, Any]:
    return {"rates": {"audio_duration_seconds": {**RATE, **changes}}}


ENTRY_FAULTS = {
    "an amount that is a JSON number": (rate(amount=0.006), "/rates/audio_duration_seconds/amount"),
    "an amount that is an integer": (rate(amount=15), "/rates/audio_duration_seconds/amount"),
    "an amount with an exponent": (rate(amount="6e-3"), "/rates/audio_duration_seconds/amount"),
    "a negative amount": (rate(amount="-1"), "/rates/audio_duration_seconds/amount"),
    "an amount that is null": (rate(amount=None), "/rates/audio_duration_seconds/amount"),
    "an amount that is a boolean": (rate(amount=True), "/rates/audio_duration_seconds/amount"),
    "an amount of too many digits": (rate(amount="1" * 16), "/rates/audio_duration_seconds/amount"),
    "a rate without per": (
        {"rates": {"audio_duration_seconds": {"amount": "1"}}},
        "/rates/audio_duration_seconds",
    ),
    "a rate per nothing": (rate(per="0"), "/rates/audio_duration_seconds/per"),
    "a step of zero": (rate(step="0"), "/rates/audio_duration_seconds/step"),
    "a misspelt modifier": (rate(mimimum="1"), "/rates/audio_duration_seconds/mimimum"),
    "a factor that is no factor": (rate(multiply_by="requests"), "/rates/audio_duration_seconds/multiply_by"),
    "a character rule of seconds": (rate(rule="code_points"), "/rates/audio_duration_seconds/rule"),
    "thresholds that fall": (
        rate(tiers={"by": "audio_duration_seconds", "steps": [{"above": "9", "amount": "1"}] * 2}),
        "/rates/audio_duration_seconds/tiers/steps/1/above",
    ),
    "tiers without steps": (
        rate(tiers={"by": "audio_duration_seconds", "steps": []}),
        "/rates/audio_duration_seconds/tiers/steps",
    ),
    "tiers by an unknown quantity": (
        rate(tiers={"by": "seconds", "steps": [{"above": "9", "amount": "1"}]}),
        "/rates/audio_duration_seconds/tiers/by",
    ),
    "a rate of another family": ({"rates": {"tts_characters": RATE}}, "/rates/tts_characters"),
    "a rate for information": ({"rates": {"media_duration_seconds": RATE}}, "/rates/media_duration_seconds"),
    "no rate": ({"rates": {}}, "/rates"),
    "rates that are a list": ({"rates": []}, "/rates"),
    "a rate for the total": (
        {"pricing_model": "audio_token_based", "rates": {"total_tokens": RATE}},
        "/rates/total_tokens",
    ),
    "an unknown pricing model": ({"pricing_model": "per_minute"}, "/pricing_model"),
    "a prefix for a model": ({"models": ["whisper-*"]}, "/models/0"),
    "no model": ({"models": []}, "/models"),
    "a model twice": ({"models": ["whisper-1", "whisper-1"]}, "/models/1"),
    "a model that is no text": ({"models": [1]}, "/models/0"),
    "an empty name": ({"provider": ""}, "/provider"),
    "a date that is none": ({"from": "2023-02-30"}, "/from"),
    "a period that ends before it starts": ({"until": "2023-03-01"}, "/until"),
    "a currency that is none": ({"currency": "usd"}, "/currency"),
    "an unknown operation": ({"operations": ["transcribe"]}, "/operations/0"),
    "an unknown surface": ({"surface": "openai"}, "/surface"),
    "a source without a day": ({"source": {"url": "https://example.org"}}, "/source"),
    "a source read at some time": (
        {"source": {"url": "https://example.org", "read": "2026"}},
        "/source/read",
    ),
    "no source": ({"source": None}, ""),
    "a multiplier of zero": ({"multiplier": "0"}, "/multiplier"),
    "an add-on in two ways": (
        {"addons": {"keyterms": {"percent": "20", "amount": "1"}}},
        "/addons/keyterms/percent",
    ),
    "an add-on without per": ({"addons": {"keyterms": {"amount": "1"}}}, "/addons/keyterms"),
}


@pytest.mark.parametrize(("changes", "pointer"), ENTRY_FAULTS.values(), ids=ENTRY_FAULTS)
def test_a_fault_in_an_entry_is_refused_with_its_pointer(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        read(entry(), entry(id="faulty", **changes))

    assert (caught.value.code, caught.value.pointer) == ("invalid_price_book", f"/entries/1{pointer}")


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], ""),
        ({"entries": []}, ""),
        ({"currency": "USD", "entries": {}}, "/entries"),
        ({"currency": "USD", "entries": [None]}, "/entries/0"),
        ({"currency": "USD", "entries": [], "curency": "EUR"}, "/curency"),
        ({"currency": "USD", "entries": [entry(), entry()]}, "/entries/1/id"),
    ],
    ids=["an array", "no currency", "entries as an object", "a null entry", "an unknown member", "id twice"],
)
def test_a_document_that_is_no_price_book_is_refused(document: Any, pointer: str) -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        PriceBook.from_json(document)

    assert (caught.value.code, caught.value.pointer) == ("invalid_price_book", pointer)


def test_reading_a_book_leaves_the_document_alone() -> None:
    document = {"currency": "USD", "entries": [entry(**rate(step="1"))]}
    before = copy.deepcopy(document)

    PriceBook.from_json(document)

    assert document == before


# Which entry applies


def chosen(
    book: PriceBook,
    quantities: dict[str, str] | None = None,
    at: str = "2025-06-01T00:00:00Z",
    **changes: Any,
) -> str | None:
    """Return the id of the entry for a standard whisper call; *quantities* maps a name to its basis."""
    moment = instant(at)
    assert moment is not None
    basis = {"audio_duration_seconds": "media"} if quantities is None else quantities
    call = UsageRecord("openai", "api", "transcription", "whisper-1", at, dict.fromkeys(basis, 1), basis)
    call = call._replace(**changes)
    found = select(book, call, call, call.model, moment)
    return None if found is None else found.id


@pytest.mark.parametrize("model", ["whisper-1", "whisper-2"])
def test_an_entry_is_found_by_each_of_its_names(model: str) -> None:
    assert chosen(read(entry(id="x", models=["whisper-1", "whisper-2"])), model=model) == "x"


@pytest.mark.parametrize(
    "changes",
    [{"model": "whisper-1-large"}, {"model": "whisper"}, {"model": "Whisper-1"}, {"provider": "azure"}],
    ids=["longer", "shorter", "other case", "other provider"],
)
def test_an_entry_is_never_found_by_a_name_that_is_not_exactly_its_own(changes: dict[str, Any]) -> None:
    assert chosen(read(entry()), **changes) is None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2025-05-31T23:59:59Z", "old"),
        ("2025-05-31T23:59:59.999999Z", "old"),
        ("2025-06-01T00:00:00Z", "new"),
        ("2022-12-31T23:59:59Z", None),
    ],
)
def test_a_period_begins_with_its_first_instant_and_ends_before_its_last(
    at: str, expected: str | None
) -> None:
    book = read(
        entry(id="old", **{"from": "2023-01-01", "until": "2025-06-01"}),
        entry(id="new", **{"from": "2025-06-01"}),
    )

    assert chosen(book, at=at) == expected


@pytest.mark.parametrize(
    ("selector", "fits", "differs"),
    [
        ({"operations": ["translation", "transcription"]}, {}, {"operation": "speech"}),
        ({"surface": "azure_openai"}, {"surface": "azure_openai"}, {}),
        ({"region": ["eu"]}, {"region": "eu"}, {}),
        ({"region": ["eu"]}, {"region": "eu"}, {"region": "us"}),
        ({"service_tier": "flex"}, {"service_tier": "flex"}, {}),
        ({"service_tier": "default"}, {}, {"service_tier": "flex"}),
    ],
    ids=["operations", "surface", "no region", "other region", "tier", "standard by another name"],
)
def test_a_selector_limits_an_entry(selector: Any, fits: Any, differs: Any) -> None:
    book = read(entry(id="x", **selector))

    assert (chosen(book, **fits), chosen(book, **differs)) == ("x", None)


def test_an_entry_without_a_tier_fits_the_standard_tier_only() -> None:
    assert chosen(read(entry()), service_tier="batch") is None


def test_the_entry_with_most_selectors_wins() -> None:
    book = read(
        entry(id="any"),
        entry(id="both", operations=["transcription"], surface="api"),
        entry(id="operation", operations=["transcription"]),
    )

    assert chosen(book) == "both"


@pytest.mark.parametrize(
    ("first", "second"),
    [({}, {}), ({"operations": ["transcription"]}, {"surface": "api"})],
    ids=["none each", "one each"],
)
def test_two_entries_with_equally_many_selectors_are_refused(first: Any, second: Any) -> None:
    with pytest.raises(DecibillReferenceError, match=r"'a' and 'b'") as caught:
        chosen(read(entry(id="a", **first), entry(id="b", **second)))

    assert caught.value.code == "ambiguous_price"


def test_a_tie_below_the_entry_with_most_selectors_does_not_matter() -> None:
    assert chosen(read(entry(id="a"), entry(id="b"), entry(id="c", surface="api"))) == "c"


BY_SECOND = entry(id="second")
BY_TOKEN = entry(id="token", **tokens(audio_input_tokens="6"))
BY_REQUEST = entry(id="request", pricing_model="per_request", rates={"requests": {"amount": "1", "per": "1"}})


@pytest.mark.parametrize(
    ("quantities", "expected"),
    [
        ({"audio_duration_seconds": "media"}, "second"),
        ({"output_tokens": "provider_reported"}, "token"),
        ({"audio_duration_seconds": "media", "input_tokens": "provider_reported"}, "token"),
        ({"audio_duration_seconds": "provider_billed", "input_tokens": "provider_reported"}, "second"),
        ({}, "token"),
    ],
    ids=["seconds only", "tokens only", "tokens reported", "seconds billed", "neither: the first family"],
)
def test_of_two_families_the_one_that_the_record_carries_best_is_used(
    quantities: dict[str, str], expected: str
) -> None:
    assert chosen(read(BY_SECOND, BY_TOKEN), quantities) == expected


def test_two_families_that_are_carried_equally_well_are_refused() -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        chosen(
            read(BY_SECOND, BY_TOKEN),
            {"audio_duration_seconds": "provider_reported", "input_tokens": "provider_reported"},
        )

    assert caught.value.code == "ambiguous_price"


def test_a_request_is_always_carried() -> None:
    assert chosen(read(BY_TOKEN, BY_REQUEST, BY_SECOND), {}) == "request"


def test_the_selectors_of_one_family_do_not_matter_to_another() -> None:
    assert chosen(read(entry(id="second", surface="api"), BY_TOKEN), {"input_tokens": "assumed"}) == "token"
