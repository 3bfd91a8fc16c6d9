"""The pages that the browser is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from decibill.outcome import Outcome
from decibill.report.counts import area_counts
from decibill.report.html.corpus import Corpus
from decibill.report.html.page import render_html
from decibill.report.read import read_report
from tests.test_html_page import hostile

__all__ = ["hostile_page", "many_failures", "published_page"]

PUBLISHED = Path(__file__).parents[1] / "reports" / "0.1"


def published_page(name: str, corpus: Corpus) -> str:
    """Return the page of a published report."""
    return render_html(read_report(PUBLISHED / name / "report.json"), corpus)


def many_failures(number: int, corpus: Corpus) -> str:
    """Return a page with so many failures: those of a published report, again and again."""
    report = read_report(PUBLISHED / "litellm" / "report.json")
    failed = [row for row in report.cases if row.outcome is Outcome.FAIL]
    rest = [row for row in report.cases if row.outcome is not Outcome.FAIL]
    again = [failed[index % len(failed)] for index in range(number)]
    rows = [*(replace(row, id=f"{row.id}[{index}]") for index, row in enumerate(again)), *rest]
    return render_html(replace(report, cases=tuple(rows), areas=area_counts(rows)), corpus)


def hostile_page(corpus: Corpus) -> str:
    """Return the page of a gateway that answers with markup, scripts, control characters and megabytes."""
    return render_html(hostile(), corpus)
