"""The verdict as a badge: JSON of the form that shields.io reads from an address (endpoint badges).

A badge is a claim, and AUB-CNF-a732 says what a claim has to name: the version of the specification, the
features, and whether usage and cost were judged. A verdict on chosen cases says that it is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from decibill import jsonio
from decibill.outcome import Outcome
from decibill.report.model import Selection
from decibill.report.text import printable

if TYPE_CHECKING:
    from decibill.report.model import Report

__all__ = ["badge", "render_badge"]

_COLOURS: Final = {"conformant": "brightgreen", "not conformant": "red", "inconclusive": "lightgrey"}
_WITH_RESERVE: Final = "yellow"


def render_badge(report: Report) -> str:
    """Return the badge of a report as JSON text ending in a newline."""
    return jsonio.dumps(badge(report))


def badge(report: Report) -> dict[str, Any]:
    """Return the badge of a report as JSON values."""
    word = report.verdict.word
    chosen = report.selection != Selection()
    known = len(report.baseline.known) if report.baseline is not None else 0
    reserve = word == "conformant" and bool(chosen or known)
    document: dict[str, Any] = {
        "schemaVersion": 1,
        "label": f"audio billing, AUB {report.suite.spec}",
        "message": printable(_message(report, known=known, chosen=chosen)),
        "color": _WITH_RESERVE if reserve else _COLOURS[word],
    }
    if word == "not conformant":
        document["isError"] = True  # the colour cannot be overridden by the address
    return document


def _message(report: Report, *, known: int, chosen: bool) -> str:
    must = report.levels.get("MUST", {})
    some = (
        f", {report.suite.cases} chosen case{'' if report.suite.cases == 1 else 's'} only" if chosen else ""
    )
    if report.verdict.word == "conformant":
        but = f" but for {known} known failure{'' if known == 1 else 's'}" if known else ""
        return f"conformant{but}: {report.verdict.scope} of {_features(report)}{some}"
    if report.verdict.word == "inconclusive":
        return f"inconclusive{some}"
    failed, met = must.get("fail", 0), must.get("pass", 0)
    return f"not conformant: {failed} of {failed + met} MUST not met{some}"


def _features(report: Report) -> str:
    """Return the declared features that were judged."""
    judged = {row.area for row in report.cases if row.outcome is not Outcome.NOT_DECLARED}
    declared = report.gateway.declared
    asked, streams = (
        " + ".join(name.replace("_", " ") for name in declared.get(kind, ()) if name in judged)
        for kind in ("operations", "streams")
    )
    return f"{asked}, streams of {streams}" if streams else asked
