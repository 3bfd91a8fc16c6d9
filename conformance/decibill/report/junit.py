"""The report as JUnit XML: a test case is a case, a class its area; no times, no host name.

What is not declared, not testable, known to fail, or only against a recommendation is *skipped* with its own
message, so that a build that reads the file turns red for exactly what makes the verdict *not conformant*.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as Tree

from decibill.outcome import CheckResult, Outcome
from decibill.report.counts import counted
from decibill.report.text import printable

if TYPE_CHECKING:
    from decibill.report.model import CaseRow, Report, RequirementRow

__all__ = ["render_junit"]

_WEIGHT: Final = {"silent_zero": 0, "cost": 1, "once": 2}
"""Which check of a case stands for it in one line: the one at which most money is at stake."""


def render_junit(report: Report) -> str:
    """Return the report as a JUnit XML document."""
    requirements = {row.id: row for row in report.requirements}
    root = Tree.Element("testsuites", name="decibill")
    for area in report.areas:
        suite = Tree.SubElement(root, "testsuite", name=area.name)
        for row in report.cases:
            if row.area == area.name:
                _case(suite, row, requirements, strict=report.verdict.strict)
        for outcome, tag in (("tests", "testcase"), ("failures", ".//failure"), ("errors", ".//error")):
            suite.set(outcome, str(len(suite.findall(tag))))
        suite.set("skipped", str(len(suite.findall(".//skipped"))))
    properties = Tree.Element("properties")
    facts = {
        "verdict": report.verdict.sentence,
        report.gateway.kind: f"{report.gateway.id} {report.gateway.version}",
        "spec": report.suite.spec,
        "suite": report.suite.version,
        **{level: counted(counts) for level, counts in report.levels.items()},
    }
    for name, value in facts.items():
        Tree.SubElement(properties, "property", name=name, value=_clean(value))
    for suite in root:
        suite.insert(0, properties)
    Tree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Tree.tostring(root, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    """Return *text* without characters that XML cannot hold."""
    lines = (printable(line) for line in text.split("\n"))
    return "".join(
        c for c in "\n".join(lines) if not 0xD800 <= ord(c) <= 0xDFFF and ord(c) not in {0xFFFE, 0xFFFF}
    )


def _case(
    suite: Tree.Element, row: CaseRow, requirements: dict[str, RequirementRow], *, strict: bool
) -> None:
    case = Tree.SubElement(suite, "testcase", classname=f"decibill.{row.area}", name=row.id)
    proven = sorted({name for check in row.checks for name in check.requirements})
    if proven:
        properties = Tree.SubElement(case, "properties")
        for name in proven:
            known = requirements.get(name)
            value = f"{known.level} {known.href}" if known else ""
            Tree.SubElement(properties, "property", name=name, value=value)
    flaws = sorted(
        (check for check in row.checks if check.outcome not in {Outcome.PASS, Outcome.NOT_DECLARED}),
        key=lambda check: (_WEIGHT.get(check.check, len(_WEIGHT)), check.check),
    )
    if row.outcome is Outcome.NOT_DECLARED:
        lacks = [check.because for check in row.checks if check.because]
        _skip(case, f"not declared: {row.reason or ' '.join(lacks[:1])}")
    elif flaws and row.is_known:
        _skip(case, f"known failure: {flaws[0].because}")
    elif flaws and row.is_recommendation and not strict:
        _skip(case, f"recommendation not met: {flaws[0].because}")
    elif row.outcome is Outcome.NOT_TESTABLE:
        _skip(case, f"not testable: {flaws[0].because}")
    elif flaws:
        worst = next(check for check in flaws if check.outcome is row.outcome)
        tag = "failure" if row.outcome is Outcome.FAIL else "error"
        element = Tree.SubElement(case, tag, message=_clean(worst.because), type=worst.check)
        element.text = _clean("\n".join(_lines(row, flaws)))


def _skip(case: Tree.Element, message: str) -> None:
    Tree.SubElement(case, "skipped", message=_clean(message))


def _lines(row: CaseRow, flaws: Iterable[CheckResult]) -> Iterable[str]:
    for check in flaws:
        yield f"{check.check} ({', '.join(check.requirements)}): {check.outcome}"
        for name in ("expected", "got", "where", "because"):
            if text := getattr(check, name):
                yield f"  {name:9} {text}"
    yield f"again     {row.again}"
    if row.by_hand:
        yield f"by hand   {row.by_hand}"
