"""Rules of choosing a price that hold for any entries and at any instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from decibill_reference.charge import rate
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.prices import PriceBook
from hypothesis import given
from hypothesis import strategies as st
from tests.rating import entry, usage

START = datetime(2025, 1, 1, tzinfo=UTC)
SMALLEST = timedelta(microseconds=1)
OPERATIONS = ("chat", "speech")
REGIONS = ("eastus", "westus")


def text(moment: datetime) -> str:
    """Return a timestamp as usage records have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


DAYS = st.integers(0, 6).map(lambda days: START + timedelta(days=days, hours=12 * (days % 2)))


@st.composite
def dated(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """Draw an entry that holds for some days and is limited in other respects or is not."""
    first = draw(DAYS)
    last = (
        draw(st.none() | DAYS.filter(lambda day: day > first)) if first < START + timedelta(days=6) else None
    )
    selectors = {
        "until": None if last is None else text(last),
        "operations": draw(st.none() | st.sets(st.sampled_from(OPERATIONS), min_size=1).map(sorted)),
        "surface": draw(st.none() | st.sampled_from(["api", "azure_openai"])),
        "region": draw(st.none() | st.sets(st.sampled_from(REGIONS), min_size=1).map(sorted)),
        "service_tier": draw(st.none() | st.sampled_from(["standard", "flex", "default"])),
    }
    family = draw(st.sampled_from(["audio_input_tokens", "tts_characters", "requests"]))
    named = {name: value for name, value in selectors.items() if value is not None}
    return entry({family: "1"}, id=f"e{number}", models=draw(_MODELS), **{**named, "from": text(first)})


_MODELS = st.sets(st.sampled_from(["m", "m-2025", "other"]), min_size=1).map(sorted)


@st.composite
def books(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw the entries of a price book."""
    return [draw(dated(number)) for number in range(draw(st.integers(0, 5)))]


@st.composite
def lookups(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a call, mostly at an instant at which some price begins or ends, or next to it."""
    moment = draw(DAYS) + draw(st.sampled_from([-SMALLEST, timedelta(0), SMALLEST, timedelta(hours=5)]))
    call = {
        "model": draw(st.sampled_from(["m", "m-2025"])),
        "at": text(moment),
        "operation": draw(st.sampled_from(OPERATIONS)),
        "surface": draw(st.sampled_from(["api", "azure_openai"])),
        "region": draw(st.none() | st.sampled_from(REGIONS)),
        "service_tier": draw(st.sampled_from(["default", "standard", "flex"])),
    }
    used = draw(st.sets(st.sampled_from(["audio_input_tokens", "tts_characters"])))
    basis = {name: draw(st.sampled_from(["provider_billed", "request"])) for name in sorted(used)}
    return {
        **{name: value for name, value in call.items() if value is not None},
        "quantities": dict.fromkeys(sorted(used), 10),
        "basis": basis,
    }


def chosen(entries: list[dict[str, Any]], call: dict[str, Any]) -> str | None:
    """Return the id of the entry that prices *call*, None for no entry, or the code of a refusal."""
    quantities = call["quantities"]
    record = usage(quantities, **{name: value for name, value in call.items() if name != "quantities"})
    try:
        return rate(record, PriceBook.from_json({"currency": "USD", "entries": entries})).entry
    except DecibillReferenceError as refused:
        return refused.code


def fits(found: dict[str, Any], call: dict[str, Any]) -> bool:
    """Return whether an entry fits a call, by the words of the specification."""
    tier = {"default": "standard"}
    asked_tier = tier.get(call["service_tier"], call["service_tier"])
    entry_tier = found.get("service_tier", "standard")
    return (
        call["model"] in found["models"]
        and found["from"] <= call["at"]  # both in one form, so that texts sort as instants do
        and ("until" not in found or call["at"] < found["until"])
        and call["operation"] in found.get("operations", OPERATIONS)
        and found.get("surface", call["surface"]) == call["surface"]
        and ("region" not in found or call.get("region") in found["region"])
        and tier.get(entry_tier, entry_tier) == asked_tier
    )


@given(books(), lookups())
def test_every_call_has_one_price_or_none_or_is_refused_as_ambiguous(
    entries: list[dict[str, Any]], call: dict[str, Any]
) -> None:
    fitting = [found for found in entries if fits(found, call)]
    got = chosen(entries, call)

    if not fitting:
        assert got is None
    elif len(fitting) == 1:
        assert got == fitting[0]["id"]
    else:
        assert got in {"ambiguous_price", *(found["id"] for found in fitting)}
    same_family = {found["pricing_model"] for found in fitting}
    if len(same_family) == 1:
        counts = [
            sum(name in found for name in ("operations", "surface", "region", "service_tier"))
            for found in fitting
        ]
        best = [found["id"] for found, count in zip(fitting, counts, strict=True) if count == max(counts)]
        assert got == (best[0] if len(best) == 1 else "ambiguous_price")


@given(books(), lookups(), st.data())
def test_the_order_of_a_book_decides_nothing(
    entries: list[dict[str, Any]], call: dict[str, Any], data: st.DataObject
) -> None:
    assert chosen(data.draw(st.permutations(entries)), call) == chosen(entries, call)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=5), st.data())
def test_prices_that_follow_each_other_leave_no_instant_without_one_and_none_with_two(
    lengths: list[int], data: st.DataObject
) -> None:
    borders = [START]
    for length in lengths:
        borders.append(borders[-1] + timedelta(days=length))
    entries = [
        entry({"tts_characters": "1"}, id=f"e{number}", **{"from": text(first), "until": text(last)})
        for number, (first, last) in enumerate(pairwise(borders))
    ]
    number = data.draw(st.integers(0, len(lengths) - 1))
    first, last = borders[number], borders[number + 1]
    inside = data.draw(st.datetimes(*(day.replace(tzinfo=None) for day in (first, last - SMALLEST))))

    def at(moment: datetime) -> str | None:
        call = {"quantities": {"tts_characters": 1}, "at": text(moment)}
        return chosen(entries, call)

    assert at(first) == at(last - SMALLEST) == at(inside.replace(tzinfo=UTC)) == f"e{number}"
    assert at(START - SMALLEST) is None
    assert at(borders[-1]) is None
