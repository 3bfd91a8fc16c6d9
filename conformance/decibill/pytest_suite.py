"""The tests that `decibill.pytest_plugin` makes of the cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

__all__ = ["test_case", "test_verdict"]


def test_case(decibill_case: str, decibill_report: Mapping[str, Any], request: pytest.FixtureRequest) -> None:
    """The gateway states the right usage and the right cost of one case, in one dialect."""
    row = next(row for row in decibill_report["cases"] if row["id"] == decibill_case)
    for name in sorted({name for check in row["checks"] for name in check["requirements"]}):
        request.node.user_properties.append(("requirement", name))  # JUnit shows it, whatever its family
    outcome = row["outcome"]
    if outcome == "not_declared":
        pytest.skip(f"not declared: it needs {row.get('reason', 'what the gateway does not state')}")
    if outcome == "pass":
        return
    because = "\n".join(_lines(row))
    if row.get("known"):
        pytest.xfail(f"known failure: {because}")
    strict = decibill_report["verdict"]["strict"]
    if outcome == "not_testable" or (row.get("recommendation") and not strict):
        pytest.skip(f"{'recommendation not met' if row.get('recommendation') else 'not testable'}: {because}")
    pytest.fail(because, pytrace=False)


def test_verdict(decibill_report: Mapping[str, Any]) -> None:
    """The verdict is *conformant*, and no entry of the baseline is stale."""
    verdict = decibill_report["verdict"]
    if verdict["exit_code"]:
        stale = ", ".join(decibill_report.get("baseline", {}).get("stale", ()))
        pytest.fail(verdict["sentence"] + (f"; stale: {stale}" if stale else ""), pytrace=False)


def _lines(row: Mapping[str, Any]) -> Iterator[str]:
    yield f"{row['id']}: {row['title']}"
    for check in row["checks"]:
        if check["outcome"] in {"pass", "not_declared"}:
            continue
        yield f"{check['check']} ({', '.join(check['requirements'])}): {check['outcome']}"
        for name in ("expected", "got", "where", "because"):
            if name in check:
                yield f"  {name:9} {check[name]}"
    for name in ("why", "again"):
        if name in row:
            yield f"{name:11} {row[name]}"
