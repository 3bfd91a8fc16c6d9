"""Totals of many records are exact; `python -m tests.many 10000000` says so of ten million."""

from __future__ import annotations

from tests.many import Expected, charges, summary_of


def test_the_totals_of_many_records_are_exact() -> None:
    expected = Expected()

    summary = summary_of(20_000, expected, "--jobs", "2")

    assert summary["lines"] == 20_000
    assert {row["model"]: (row["records"], row["total"]) for row in summary["charges"]} == charges(expected)
