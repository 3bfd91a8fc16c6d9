"""The report as JSON (schema ``report``): sorted, decimals as strings.

Only ``started`` and ``timing`` are of a clock: without them two runs that found the same say the same.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from decibill import jsonio
from decibill.judge_call import plain

if TYPE_CHECKING:
    from decimal import Decimal

    from decibill.outcome import CheckResult
    from decibill.report.model import CaseRow, Report, RequirementRow

__all__ = ["SCHEMA", "render_json", "to_json"]

SCHEMA: Final = "urn:decibill:schema:report:0.1"


def render_json(report: Report) -> str:
    """Return the report as JSON text ending in a newline."""
    return jsonio.dumps(to_json(report))


def to_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON values."""
    suite, gateway, verdict = report.suite, report.gateway, report.verdict
    document: dict[str, Any] = {
        "$schema": SCHEMA,
        "format": 1,
        "suite": {
            "version": suite.version,
            "spec": suite.spec,
            "requirements": suite.requirements,
            "cases": suite.cases,
        },
        "started": report.started,
        "gateway": {
            "id": gateway.id,
            "name": gateway.name,
            "version": gateway.version,
            "url": gateway.url,
            "declared": {key: list(words) for key, words in gateway.declared.items()},
            "not_declared": dict(gateway.not_declared),
        },
        "upstream": report.upstream,
        "selection": {
            "only": list(report.selection.only),
            "features": list(report.selection.features),
            "providers": list(report.selection.providers),
        },
        "verdict": {
            "word": verdict.word,
            "exit_code": verdict.exit_code,
            "scope": verdict.scope,
            "strict": verdict.strict,
            "sentence": verdict.sentence,
        },
        "counts": {level: dict(counts) for level, counts in report.levels.items()},
        "requirements": [_requirement(row) for row in report.requirements],
        "cases": [_case(row) for row in report.cases],
        "notes": list(report.notes),
    }
    if gateway.kind != "gateway":
        document["gateway"]["kind"] = gateway.kind
    if suite.fixtures_sha256:
        document["suite"]["fixtures_sha256"] = suite.fixtures_sha256
    if report.timing is not None:
        document["timing"] = asdict(report.timing)
    if report.baseline is not None:
        document["baseline"] = {
            "file": report.baseline.file,
            "known": list(report.baseline.known),
            "stale": list(report.baseline.stale),
            "unused": list(report.baseline.unused),
        }
    return document


def _requirement(row: RequirementRow) -> dict[str, Any]:
    result: dict[str, Any] = {
        "id": row.id,
        "level": row.level,
        "text": row.text,
        "href": row.href,
        "outcome": str(row.outcome),
        "cases": [{"id": name, "outcome": str(outcome)} for name, outcome in row.cases],
    }
    if row.reason:
        result["reason"] = row.reason
    if row.hidden_by:
        result["hidden_by"] = list(row.hidden_by)
    if row.is_excluded:
        result["excluded"] = True
    if row.known:
        result["known"] = {"entries": list(row.known), "all": row.is_known}
    return result


def _case(row: CaseRow) -> dict[str, Any]:
    result: dict[str, Any] = {"id": row.id, "case": row.case, "title": row.title, "area": row.area}
    if row.dialect is not None:
        result["dialect"] = row.dialect
    result["outcome"] = str(row.outcome)
    if row.is_recommendation:
        result["recommendation"] = True
    if row.is_known:
        result["known"] = True
    if row.reason:
        result["reason"] = row.reason
    result["checks"] = [_check(check) for check in row.checks]
    if row.evidence:
        result["why"] = row.why
        result["again"] = row.again
        result["by_hand"] = row.by_hand
        result["answer"] = row.answer
        result["exchange"] = dict(row.evidence)
    return result


def _check(check: CheckResult) -> dict[str, Any]:
    result: dict[str, Any] = {
        "check": check.check,
        "requirements": list(check.requirements),
        "outcome": str(check.outcome),
    }
    for key in ("expected", "got", "where", "because", "cause"):
        if text := getattr(check, key):
            result[key] = text
    if check.money is not None:
        money = check.money
        result["money"] = {
            "billed": _decimal(money.billed),
            "right": _decimal(money.right),
            "ratio": _decimal(money.ratio),
        }
    return result


def _decimal(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)
