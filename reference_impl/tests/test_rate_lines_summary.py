"""Summaries of parts merge exactly into the summary of the whole."""

from __future__ import annotations

import json
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from decibill_reference import jsonio
from decibill_reference.charge_record import STATUSES, Charge, Gap
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.rate_lines.summary import Summary
from hypothesis import given
from hypothesis import strategies as st

WITHOUT_TOTAL = ("unmetered", "unpriced")


def charge(status: str, currency: str, total: str) -> Charge:
    gaps = (Gap("no_entry"),) if status in {"partial", *WITHOUT_TOTAL} else ()
    return Charge(status, currency, None if status in WITHOUT_TOTAL else Decimal(total), unpriced=gaps)


CHARGES = st.builds(
    charge,
    st.sampled_from(STATUSES),
    st.sampled_from(["USD", "EUR"]),
    st.decimals("0", "999999999", places=12).map(str)
    | st.sampled_from(["0", "0.000000000001", "99999999999999999999.999999999999"]),
)
RECORDS = st.lists(
    st.tuples(st.sampled_from(["openai", "azure"]), st.sampled_from(["a", "b"]), CHARGES)
    | st.sampled_from(["malformed_body", "duplicate_key"]),
    max_size=30,
)


def summed(records: list[Any]) -> Summary:
    summary = Summary()
    for record in records:
        if isinstance(record, str):
            summary.refuse(record)
        else:
            summary.add(*record)
    return summary


def merged(parts: list[Summary]) -> Summary:
    whole = Summary()
    for part in parts:
        whole.merge(part)
    return whole


@given(RECORDS, st.lists(st.integers(0, 4), min_size=30, max_size=30), st.permutations(range(5)))
def test_parts_merge_into_the_whole_however_the_log_is_divided(
    records: list[Any], parts: list[int], order: list[int]
) -> None:
    shards = [[r for r, part in zip(records, parts, strict=False) if part == shard] for shard in order]

    assert merged([summed(shard) for shard in shards]).to_json() == summed(records).to_json()


@given(RECORDS, RECORDS, RECORDS)
def test_it_is_the_same_which_parts_are_merged_first(a: list[Any], b: list[Any], c: list[Any]) -> None:
    first = merged([merged([summed(a), summed(b)]), summed(c)])
    last = merged([summed(a), merged([summed(b), summed(c)])])

    assert first.to_json() == last.to_json()


@given(RECORDS)
def test_a_total_is_the_exact_sum_whatever_the_callers_context(records: list[Any]) -> None:
    with localcontext() as context:
        context.prec = 3
        got = {row["currency"]: Fraction(row["total"]) for row in summed(records).to_json()["totals"]}

    charges = [record[2] for record in records if not isinstance(record, str)]
    assert got == {
        each.currency: sum(Fraction(other.total or 0) for other in charges if other.currency == each.currency)
        for each in charges
    }


@given(RECORDS)
def test_a_summary_is_read_back_as_it_was_written(records: list[Any]) -> None:
    written = json.dumps(summed(records).to_json())

    assert Summary.from_json(jsonio.loads(written)).to_json() == json.loads(written)


@given(CHARGES, st.integers(1, 10**9))
def test_many_records_of_one_charge_come_to_as_many_times_that(one: Charge, records: int) -> None:
    summary = Summary()
    summary.add("p", "m", one, records)

    (row,) = summary.to_json()["charges"]
    assert summary.lines == row["records"] == records
    assert one.total is None or Fraction(row["total"]) == Fraction(one.total) * records


@pytest.mark.parametrize(
    ("statuses", "complete"),
    [
        (["priced", "free", "not_billable"], True),
        (["priced", "partial"], False),
        (["priced", "unpriced"], False),
        (["priced", "unmetered"], False),
    ],
)
def test_a_total_says_whether_it_is_all(statuses: list[str], complete: bool) -> None:
    summary = summed([("p", "m", charge(status, "USD", "1.5")) for status in statuses])

    assert [row["complete"] for row in summary.to_json()["totals"]] == [complete]
    assert any("at least" in line for line in summary.text()) != complete


def test_a_total_is_not_all_where_a_line_was_refused() -> None:
    summary = summed([("p", "m", charge("priced", "USD", "1.5")), "malformed_body"])

    assert [row["complete"] for row in summary.to_json()["totals"]] == [False]


def test_the_table_names_every_group_and_every_refusal() -> None:
    records = [("openai", "whisper-1", charge("priced", "USD", "1234567.25"))] * 2
    unknown = ("openai", "gpt-9", charge("unpriced", "USD", "0"))

    assert list(summed([*records, unknown, "malformed_body"]).text()) == [
        "openai gpt-9      unpriced  1          -",
        "openai whisper-1  priced    2  2469134.5  USD",
        "refused: malformed_body 1",
        "total: at least 2469134.5 USD",
        "4 lines, 1 of them refused",
    ]


def test_an_empty_log_has_an_empty_summary() -> None:
    assert list(Summary().text()) == ["0 lines, 0 of them refused"]


GOOD = summed([("openai", "m", charge("priced", "USD", "1.5")), "malformed_body"]).to_json()
ROW = GOOD["charges"][0]


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], ""),
        ({**GOOD, "more": 1}, "/more"),
        ({**GOOD, "lines": 3}, "/lines"),
        ({**Summary().to_json(), "lines": False}, "/lines"),
        ({**GOOD, "refused": {"malformed_body": 0}}, "/refused/malformed_body"),
        ({**GOOD, "refused": {"malformed_body": True}}, "/refused/malformed_body"),
        ({**GOOD, "charges": [{**ROW, "status": "paid"}]}, "/charges/0/status"),
        ({**GOOD, "charges": [{**ROW, "total": None}]}, "/charges/0/total"),
        ({**GOOD, "charges": [{**ROW, "status": "unpriced"}]}, "/charges/0/total"),
        ({**GOOD, "charges": [{**ROW, "total": 1.5}]}, "/charges/0/total"),
        ({**GOOD, "charges": [{**ROW, "records": 0}]}, "/charges/0/records"),
        ({**GOOD, "charges": [ROW, ROW]}, "/charges/1"),
        ({**GOOD, "totals": []}, "/totals"),
    ],
)
def test_what_is_no_summary_is_refused_with_its_place(document: Any, pointer: str) -> None:
    with pytest.raises(DecibillReferenceError) as caught:
        Summary.from_json(document)

    assert (caught.value.code, caught.value.pointer) == ("malformed_body", pointer)
