from __future__ import annotations

import copy
import itertools
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.quantities import COUNTS, QUANTITIES, check_parts, in_order
from decibill_reference.usage import BASES, UsageRecord, weaker
from hypothesis import given
from hypothesis import strategies as st

RECORD: dict[str, Any] = {
    "provider": "azure",
    "surface": "azure_openai",
    "operation": "transcription",
    "model": "gpt-4o-mini-transcribe",
    "at": "2025-11-05T10:24:03Z",
    "quantities": {
        "input_tokens": 784,
        "text_input_tokens": 0,
        "audio_input_tokens": 784,
        "output_tokens": 235,
        "text_output_tokens": 235,
        "audio_output_tokens": 0,
        "total_tokens": 1019,
    },
    "basis": {
        "input_tokens": "provider_reported",
        "text_input_tokens": "provider_reported",
        "audio_input_tokens": "provider_reported",
        "output_tokens": "provider_reported",
        "text_output_tokens": "derived",
        "audio_output_tokens": "derived",
        "total_tokens": "provider_reported",
    },
    "unknown": [],
    "flags": [],
}

FULL: dict[str, Any] = {
    **RECORD,
    "operation": "realtime",
    "quantities": {"audio_duration_seconds": 2, "media_duration_seconds": "1.7", "provider_credits": "0.25"},
    "basis": {
        "audio_duration_seconds": "provider_billed",
        "media_duration_seconds": "provider_reported",
        "provider_credits": "provider_billed",
    },
    "unknown": ["input_tokens"],
    "flags": ["session_incomplete", "unread_members"],
    "service_tier": "flex",
    "region": "westeurope",
    "features": ["diarize"],
    "character_rule": "code_points",
    "provider_cost": {"amount": "0.00010625", "currency": "USD"},
    "unread": ["/response/json/usage/storage_units"],
    "components": [
        {
            "model": "whisper-1",
            "operation": "transcription",
            "quantities": {"audio_duration_seconds": 9},
            "basis": {"audio_duration_seconds": "provider_billed"},
            "unknown": [],
        },
        {"operation": "transcription", "quantities": {}, "basis": {}, "unknown": ["audio_duration_seconds"]},
    ],
}


def changed(**changes: Any) -> dict[str, Any]:
    record = copy.deepcopy(RECORD)
    record.update(changes)
    return {member: value for member, value in record.items() if value is not ...}


def of(**quantities: object) -> dict[str, Any]:
    return changed(quantities=quantities, basis=dict.fromkeys(quantities, "provider_reported"))


def refusal(record: object) -> tuple[str, str]:
    with pytest.raises(DecibillReferenceError) as caught:
        UsageRecord.from_json(record)
    return caught.value.code, caught.value.pointer


# Shape


@pytest.mark.parametrize("record", [RECORD, FULL], ids=["founding", "full"])
def test_a_record_is_written_as_it_was_read_in_the_same_order(record: dict[str, Any]) -> None:
    assert json.dumps(UsageRecord.from_json(record).to_json()) == json.dumps(record)


def test_quantities_are_written_in_canonical_order() -> None:
    shuffled = of(**dict(reversed(RECORD["quantities"].items())))

    assert list(UsageRecord.from_json(shuffled).to_json()["quantities"]) == list(RECORD["quantities"])


@pytest.mark.parametrize(
    ("wire", "written"),
    [("2", 2), ("2.0", 2), (Decimal("2.50"), "2.5"), ("0.00", 0), (Decimal("1E+2"), 100)],
    ids=repr,
)
def test_a_whole_quantity_is_an_integer_and_any_other_a_canonical_string(
    wire: object, written: object
) -> None:
    record = UsageRecord.from_json(of(audio_duration_seconds=wire))

    assert record.to_json()["quantities"] == {"audio_duration_seconds": written}


def test_counts_are_ints_and_durations_decimals() -> None:
    record = UsageRecord.from_json(of(tts_characters="22", audio_duration_seconds=2))

    assert [type(value) for value in record.quantities.values()] == [Decimal, int]


@pytest.mark.parametrize(
    ("record", "pointer"),
    [
        ([], ""),
        (changed(provider=...), "/provider"),
        (changed(model=""), "/model"),
        (changed(quantities=...), "/quantities"),
        (changed(basis=[]), "/basis"),
        (changed(basis={}), "/basis/input_tokens"),
        (of() | {"quantities": {"audio_tokens": 1}}, "/quantities/audio_tokens"),
        (of() | {"quantities": {"a/b": 1}}, "/quantities/a~1b"),
        (changed(quantities={"requests": 2}, basis={"requests": "guessed"}), "/basis/requests"),
        (changed(unknown="input_tokens"), "/unknown"),
        (changed(flags=[1]), "/flags"),
        (changed(region=""), "/region"),
        (changed(components={}), "/components"),
        (changed(components=[5]), "/components/0"),
        (changed(components=[{"quantities": {}, "basis": {}}]), "/components/0/operation"),
        (changed(provider_cost="0.1"), "/provider_cost"),
        (changed(provider_cost={"amount": "0.1"}), "/provider_cost/currency"),
    ],
)
def test_what_is_not_a_usage_record_is_refused_at_its_place(record: object, pointer: str) -> None:
    assert refusal(record) == ("malformed_body", pointer)


def test_a_record_has_a_time() -> None:
    assert refusal(changed(at=...)) == ("missing_time", "/at")


@pytest.mark.parametrize(
    ("record", "code", "pointer"),
    [
        (of(input_tokens=-1), "negative_quantity", "/quantities/input_tokens"),
        (of(input_tokens=True), "invalid_number", "/quantities/input_tokens"),
        (of(input_tokens=None), "invalid_number", "/quantities/input_tokens"),
        (of(tts_characters="1.5"), "invalid_number", "/quantities/tts_characters"),
        (of(audio_duration_seconds="1e3"), "invalid_number", "/quantities/audio_duration_seconds"),
        (
            changed(provider_cost={"amount": "-1", "currency": "USD"}),
            "invalid_number",
            "/provider_cost/amount",
        ),
    ],
)
def test_a_number_that_is_none_is_refused_at_its_place(record: object, code: str, pointer: str) -> None:
    assert refusal(record) == (code, pointer)


# Parts and wholes


@pytest.mark.parametrize(
    ("quantities", "pointer"),
    [
        ({"input_tokens": 10, "audio_input_tokens": 11}, "audio_input_tokens"),
        ({"input_tokens": 10, "cached_input_tokens": 11}, "cached_input_tokens"),
        ({"input_tokens": 10, "unattributed_input_tokens": 11}, "unattributed_input_tokens"),
        ({"cached_input_tokens": 3, "cached_text_input_tokens": 4}, "cached_text_input_tokens"),
        ({"audio_input_tokens": 3, "cached_audio_input_tokens": 4}, "cached_audio_input_tokens"),
        ({"output_tokens": 10, "reasoning_output_tokens": 11}, "reasoning_output_tokens"),
        ({"text_output_tokens": 10, "reasoning_output_tokens": 11}, "reasoning_output_tokens"),
        ({"total_tokens": 10, "input_tokens": 11}, "input_tokens"),
        ({"input_tokens": 10, "text_input_tokens": 6, "audio_input_tokens": 5}, "input_tokens"),
        (
            {"cached_input_tokens": 5, "cached_text_input_tokens": 3, "cached_audio_input_tokens": 3},
            "cached_input_tokens",
        ),
        ({"output_tokens": 10, "text_output_tokens": 6, "audio_output_tokens": 5}, "output_tokens"),
        ({"total_tokens": 10, "input_tokens": 6, "output_tokens": 5}, "total_tokens"),
    ],
)
def test_a_part_never_exceeds_its_whole_alone_or_together(quantities: dict[str, int], pointer: str) -> None:
    assert refusal(of(**quantities)) == ("inconsistent_usage", f"/quantities/{pointer}")


def test_a_component_contradicts_itself_at_its_own_place() -> None:
    component = {"operation": "transcription", **of(input_tokens=1, audio_input_tokens=2)}

    assert refusal(changed(components=[component])) == (
        "inconsistent_usage",
        "/components/0/quantities/audio_input_tokens",
    )


@pytest.mark.parametrize(
    "quantities",
    [
        {"input_tokens": 10, "text_input_tokens": 4, "audio_input_tokens": 6, "cached_input_tokens": 10},
        {"input_tokens": 10, "audio_input_tokens": 6},
        {"audio_input_tokens": 6, "total_tokens": 1},
        {"audio_duration_seconds": 1, "media_duration_seconds": 1000},
    ],
)
def test_parts_may_be_as_large_as_their_whole_or_fall_short_of_it(quantities: dict[str, int]) -> None:
    assert UsageRecord.from_json(of(**quantities)).quantities == quantities


@pytest.mark.parametrize("names", [(), QUANTITIES[:1], QUANTITIES[:2], QUANTITIES])
def test_quantities_and_their_bases_are_put_in_canonical_order(names: tuple[str, ...]) -> None:
    quantities: dict[str, int | Decimal] = {name: place for place, name in enumerate(names)}
    basis = {name: BASES[place % len(BASES)] for place, name in enumerate(names)}
    reversed_quantities = {name: quantities[name] for name in reversed(names)}
    reversed_basis = {name: basis[name] for name in reversed(names)}

    for given_quantities in (quantities, reversed_quantities, {"tokens": 1, **reversed_quantities}):
        got = in_order(given_quantities, reversed_basis if given_quantities is not quantities else basis)
        assert [list(each.items()) for each in got] == [list(quantities.items()), list(basis.items())]


def test_a_refusal_says_both_numbers() -> None:
    with pytest.raises(
        DecibillReferenceError, match="audio_input_tokens is 11, more than its whole, input_tokens, 10"
    ):
        UsageRecord.from_json(of(input_tokens=10, audio_input_tokens=11))


@given(st.dictionaries(st.sampled_from(sorted(COUNTS)), st.integers(min_value=0, max_value=9)))
def test_a_record_that_is_accepted_holds_every_part_in_its_whole(quantities: dict[str, int]) -> None:
    try:
        check_parts(quantities, lambda name: f"/{name}")
    except DecibillReferenceError as error:
        refused = error.code
    else:
        refused = None

    parts: dict[str, tuple[str, ...]] = {
        "input_tokens": tuple(name for name in QUANTITIES[1:6]),
        "output_tokens": tuple(name for name in QUANTITIES[12:15]),
        "cached_input_tokens": tuple(name for name in QUANTITIES[7:11]),
        "total_tokens": ("input_tokens", "output_tokens"),
    }
    sums_hold = all(
        sum(quantities.get(part, 0) for part in names) <= quantities[whole]
        for whole, names in parts.items()
        if whole in quantities
    )
    nested = [
        ("cached_input_tokens", "input_tokens"),
        ("reasoning_output_tokens", "output_tokens"),
        ("reasoning_output_tokens", "text_output_tokens"),
        *(
            (f"cached_{name}_input_tokens", f"{name}_input_tokens")
            for name in ("text", "audio", "image", "video")
        ),
    ]
    pairs_hold = all(quantities.get(part, 0) <= quantities.get(whole, 9) for part, whole in nested)
    assert (refused is None) == (sums_hold and pairs_hold)


def test_the_weaker_basis_is_the_later_in_the_list() -> None:
    for left, right in itertools.combinations(BASES, 2):
        assert weaker(left, right) == weaker(right, left) == right


# The package


def test_importing_the_calculator_loads_the_standard_library_alone() -> None:
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
before = set(sys.modules)
import decibill_reference as package
package.UsageRecord, package.rate, package.DecibillReferenceError
import decibill_reference.extract
loaded = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(sorted(loaded - sys.stdlib_module_names))
"""
    ran = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout == "['decibill_reference']\n"


def test_the_package_has_the_names_it_lists_and_no_others() -> None:
    import decibill_reference as package

    assert dir(package) == sorted(package.__all__)
    assert all(getattr(package, name).__name__ == name for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'ratee'"):
        package.ratee  # noqa: B018


def test_a_refusal_is_shown_and_printed_with_code_and_place() -> None:
    error = DecibillReferenceError("missing_time", "", "there is no time")

    assert str(error) == "missing_time at /: there is no time"
    assert error.to_json() == {
        "error": {"code": "missing_time", "pointer": "", "message": "there is no time"}
    }
