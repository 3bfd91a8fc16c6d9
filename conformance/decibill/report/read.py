"""A report read back from ``report.json``: what `decibill.report.json` writes, as the value it was made from.

What the file leaves out stays empty: the arithmetic and the commands of cases that passed, and what only
the verdict needed. No rendering shows any of it, so a report that was read reads the same in every form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from decibill import jsonio, schemas
from decibill.outcome import CheckResult, Money, Outcome
from decibill.report.counts import area_counts, level_counts
from decibill.report.model import (
    BaselineUse,
    CaseRow,
    GatewayInfo,
    Report,
    RequirementRow,
    Selection,
    Spread,
    SuiteInfo,
    Timing,
    VerdictInfo,
)

__all__ = ["from_json", "read_report"]

_TOLD: Final = ("expected", "got", "where", "because", "cause")
_OF_A_FLAW: Final = ("reason", "why", "again", "by_hand", "answer")

Document = Mapping[str, Any]


def read_report(path: Path) -> Report:
    """Return the report in the file at *path*.

    Raises:
        InvalidFileError: the file is not a report.
    """
    return from_json(jsonio.load_file(path), str(path))


def from_json(document: Any, where: str) -> Report:
    """Return the report in a document.

    Args:
        document: the JSON value.
        where: what messages call it.

    Raises:
        InvalidDataError: the document is not a report, with its JSON pointers.
    """
    schemas.validate("report", document, where)
    requirements = tuple(_requirement(row) for row in document["requirements"])
    cases = tuple(_case(row) for row in document["cases"])
    return Report(
        suite=SuiteInfo(**document["suite"]),
        started=document["started"],
        gateway=_gateway(document["gateway"]),
        upstream=document["upstream"],
        selection=Selection(**_tuples(document["selection"])),
        verdict=VerdictInfo(**document["verdict"]),
        levels=level_counts(requirements),
        areas=area_counts(cases),
        requirements=requirements,
        cases=cases,
        baseline=_baseline(document["baseline"]) if "baseline" in document else None,
        notes=tuple(document["notes"]),
        timing=_timing(document["timing"]) if "timing" in document else None,
    )


def _tuples(members: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(words) for name, words in members.items()}


def _timing(members: Document) -> Timing:
    spreads = {name: Spread(**members[name]) for name in ("overhead_us", "gateway_us")}
    read: dict[str, Any] = {**members, **spreads}
    return Timing(**read)


def _gateway(members: Document) -> GatewayInfo:
    read: dict[str, Any] = {**members, "declared": _tuples(members["declared"])}
    return GatewayInfo(**read)


def _baseline(members: Document) -> BaselineUse:
    lists = _tuples({name: words for name, words in members.items() if name != "file"})
    return BaselineUse(members["file"], **lists)


def _requirement(row: Document) -> RequirementRow:
    known = row.get("known", {"entries": (), "all": False})
    return RequirementRow(
        id=row["id"],
        level=row["level"],
        text=row["text"],
        href=row["href"],
        outcome=Outcome(row["outcome"]),
        cases=tuple((item["id"], Outcome(item["outcome"])) for item in row["cases"]),
        known=tuple(known["entries"]),
        is_known=known["all"],
        reason=row.get("reason", ""),
        hidden_by=tuple(row.get("hidden_by", ())),
        is_excluded=row.get("excluded", False),
    )


def _case(row: Document) -> CaseRow:
    return CaseRow(
        id=row["id"],
        case=row["case"],
        title=row["title"],
        area=row["area"],
        dialect=row.get("dialect"),
        outcome=Outcome(row["outcome"]),
        is_recommendation=row.get("recommendation", False),
        is_known=row.get("known", False),
        checks=tuple(_check(check) for check in row["checks"]),
        evidence=row.get("exchange", {}),
        **{name: row.get(name, "") for name in _OF_A_FLAW},
    )


def _check(check: Document) -> CheckResult:
    money = check.get("money")
    return CheckResult(
        check["check"],
        tuple(check["requirements"]),
        Outcome(check["outcome"]),
        money=None if money is None else Money(_decimal(money["billed"]), _decimal(money["right"])),
        **{name: check.get(name, "") for name in _TOLD},
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
