"""The calculator against every case of the corpus.

What a case expects was worked out by hand from the provider's answer; here the calculator has to agree,
quantity by quantity and line by line. The snapshots hold what cases do not state, member order included, one
file a directory.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from decibill_reference import jsonio
from decibill_reference.charge import rate
from decibill_reference.charge_record import Charge
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.prices import PriceBook
from decibill_reference.refund import refund
from decibill_reference.usage import UsageRecord
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion
    from syrupy.types import SerializableData

FIXTURES = Path(__file__).parents[2] / "fixtures"
CASES = {
    f"{path.parent.name}/{path.stem}": jsonio.loads(path.read_bytes())
    for path in sorted((FIXTURES / "cases").glob("*/*.json"))
}
DIRECTORIES = sorted({case_id.partition("/")[0] for case_id in CASES})


class JSONFile(SingleFileSnapshotExtension):
    """A snapshot that is a JSON file with the members in the order in which the calculator wrote them."""

    _write_mode = WriteMode.TEXT
    file_extension = "json"

    def serialize(self, data: SerializableData, **_: Any) -> str:
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def output(case: dict[str, Any]) -> dict[str, Any]:
    """Return what the calculator makes of a case, the shape that its commands print."""
    try:
        return _output(case["given"], case["when"])
    except DecibillReferenceError as error:
        return error.to_json()


def _output(given: dict[str, Any], when: dict[str, Any]) -> dict[str, Any]:
    if "charge" in given:
        return {
            "refund": refund(Charge.from_json(given["charge"]), when["refund"], given["earlier"]).to_json()
        }
    book = prices(given["prices"])
    if "usage" in given:
        usage = UsageRecord.from_json(given["usage"])
        return {"charge": rate(usage, book, when["price"].get("at")).to_json()}
    exchange = given["upstream"][-1]["answers"][0]["exchange"]
    usage = extract(exchange, root=FIXTURES)
    return {"usage": usage.to_json(), "charge": rate(usage, book).to_json()}


@cache
def prices(name: str) -> PriceBook:
    """Return a price book of the fixtures; most cases have the same."""
    return PriceBook.from_json(jsonio.loads((FIXTURES / name).read_bytes()))


def where(section: str) -> Any:
    """Parametrise by the cases that expect *section*."""
    return pytest.mark.parametrize(
        "case_id", [case_id for case_id, case in CASES.items() if section in case["then"]]
    )


@where("usage")
def test_usage_is_what_the_case_expects(case_id: str) -> None:
    case = CASES[case_id]
    expected: dict[str, Any] = case["then"]["usage"]
    got = output(case)["usage"]

    # The head repeats the exchange; a case states the rest in full.
    head = {"provider", "surface", "operation", "model", "at", "region"}
    assert {member: value for member, value in got.items() if member not in head} == expected


@where("usage")
def test_quantities_are_exact_numbers_in_canonical_order(case_id: str) -> None:
    case = CASES[case_id]
    expected: dict[str, Any] = case["then"]["usage"]["quantities"]
    got = output(case)["usage"]["quantities"]

    assert [(name, Decimal(value)) for name, value in got.items()] == [
        (name, Decimal(value)) for name, value in expected.items()
    ]


@where("charge")
def test_the_charge_is_what_the_case_expects(case_id: str) -> None:
    case = CASES[case_id]

    assert output(case)["charge"] == case["then"]["charge"]


@pytest.mark.parametrize(
    ("case_id", "number"),
    [
        (case_id, number)
        for case_id, case in CASES.items()
        for number, right in enumerate(case["then"].get("others", ()), 1)
        if "usage" in right
    ],
)
def test_every_call_of_a_client_that_makes_several_is_worth_what_the_case_expects(
    case_id: str, number: int
) -> None:
    case = CASES[case_id]
    expected = case["then"]["others"][number - 1]
    answers = case["given"]["upstream"][-1]["answers"]
    given = {**case["given"], "upstream": [{"answers": [answers[number]]}]}

    got = _output(given, {})

    assert got["charge"] == expected["charge"]
    assert {member: got["usage"][member] for member in expected["usage"]} == expected["usage"]


@where("refund")
def test_the_refund_is_what_the_case_expects(case_id: str) -> None:
    case = CASES[case_id]

    assert output(case)["refund"] == case["then"]["refund"]


@where("error")
def test_a_refusal_has_the_code_and_the_place_that_the_case_expects(case_id: str) -> None:
    case = CASES[case_id]
    got = output(case)["error"]
    expected: dict[str, str] = case["then"]["error"]

    assert {member: got[member] for member in expected} == expected


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_the_whole_output_stays_as_it_is(directory: str, snapshot: SnapshotAssertion) -> None:
    outputs = {
        case_id: output(case) for case_id, case in CASES.items() if case_id.startswith(f"{directory}/")
    }

    assert outputs == snapshot(extension_class=JSONFile)
