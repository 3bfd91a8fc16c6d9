"""The checks of a calculator: its records against the right ones, member by member (fixtures/README.md).

A calculator that knows no records can state a sum in place of a charge, and quantities in place of a usage
record. They are judged as the same statements of a gateway are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

from decibill.attribution import explained
from decibill.calculator import Question
from decibill.calculator_answer import RECORDS, Answer
from decibill.case import Case, ExchangeCase, RecordCase
from decibill.checks import RECORD_CHECKS, requirements_of
from decibill.judge import priced_quantities
from decibill.judge_sums import judge_sums
from decibill.outcome import CheckResult, Finding, Money, Outcome, worse

__all__ = ["differences", "judge_answers", "stated_members"]

_UNORDERED: Final = frozenset({"unknown", "flags", "unread", "features", "lines", "unpriced"})
_ABSENT: Final = (
    "service_tier",
    "features",
    "character_rule",
    "unread",
    "provider_cost",
    "components",
    "entry",
)
"""Members of which absent means absent."""

_CHARGED: Final = frozenset(
    {"quantities", "unknown", "flags", "components", "features", "service_tier", "character_rule"}
)
"""Members of a usage record that its charge follows from."""

_LONGEST: Final = 300
_WORDS: Final = {"usage": "usage record", "charge": "charge", "refund": "refund record"}


def stated_members(answers: Iterable[Answer]) -> frozenset[str]:
    """Return the members that any answer of a run has: what the calculator never states is not judged."""
    return frozenset(name for answer in answers for name in answer.members)


def judge_answers(
    case: Case, answered: Sequence[tuple[Question, Answer]], stated: frozenset[str]
) -> tuple[CheckResult, ...]:
    """Return the result of every check of records that *case* proves something by.

    Args:
        case: the case.
        answered: what was asked of it, one for each call of its client, and the answers.
        stated: the members that the calculator states in this run.
    """
    worst: dict[str, Finding] = {}
    follows: set[str] = set()
    for number, (question, answer) in enumerate(answered, 1):
        for finding, is_consequence in _findings(question.case, answer, stated):
            held = worst.get(finding.check)
            if held is None or worse(finding.outcome, held.outcome):
                told = f"{finding.where}, call {number}" if len(answered) > 1 else finding.where
                worst[finding.check] = replace(finding, where=told)
                (follows.add if is_consequence else follows.discard)(finding.check)
    results = [
        CheckResult(
            each.check,
            _requirements(case, each.check),
            each.outcome,
            each.expected,
            each.got,
            each.where,
            each.because,
            each.cause,
            each.money,
            each.breaks,
            each.else_breaks,
        )
        for each in worst.values()
    ]
    proving = [result for result in results if result.requirements]
    behind = next((result.requirements for result in proving if result.check == "usage"), ())
    proving = [
        replace(result, explained_by=behind) if behind and result.check in follows else result
        for result in proving
    ]
    priced = priced_quantities(case) if isinstance(case, ExchangeCase) else ()
    return explained(tuple(sorted(proving, key=lambda result: result.check)), priced)


def _requirements(case: Case, check: str) -> tuple[str, ...]:
    """Return the requirements that a check shows of a calculator.

    A sum says nothing about how a gateway behaves, but that 0 is no word for an unknown cost.
    """
    proven = requirements_of(case.proves, check)
    if check in RECORD_CHECKS or check == "silent_zero":
        return proven
    return tuple(name for name in proven if not name.startswith("AUB-GWY-"))


def _findings(case: Case, answer: Answer, stated: frozenset[str]) -> Iterator[tuple[Finding, bool]]:
    """Yield the findings of one call, each with whether it only follows from wrong usage."""
    checks = sorted({check for checks in case.proves.values() for check in checks} & RECORD_CHECKS)
    where = f"line {answer.number}"
    wrong_usage = False
    for check in sorted(checks, key=("usage", "charge", "refund", "error").index):
        if check == "error":
            yield _error(case, answer, stated, where), False
            continue
        right = _right(case, check)
        if right is None:
            continue
        finding, members = _record(check, right, answer, stated, where)
        if check == "usage":
            wrong_usage = bool(_CHARGED & set(members))
        yield finding, check == "charge" and wrong_usage and finding.outcome is Outcome.FAIL
    if isinstance(case, ExchangeCase) and not answer.error:
        yield from ((finding, False) for finding in judge_sums(case, answer, stated))


def _right(case: Case, check: str) -> Mapping[str, Any] | None:
    if check == "charge":
        return case.charge.record if case.charge else None
    if check == "refund":
        return case.refund if isinstance(case, RecordCase) else None
    return case.usage.record if isinstance(case, ExchangeCase) and case.usage else None


def _error(case: Case, answer: Answer, stated: frozenset[str], where: str) -> Finding:
    right = case.error
    if not stated & {*RECORDS, "error"}:
        return Finding("error", Outcome.NOT_DECLARED, because="the calculator states no refusal")
    expected = f"{right.code} at {right.pointer}" if right and right.pointer else right.code if right else ""
    if answer.error is None:
        because = "it has to be refused, and the calculator answers as if all were well"
        return Finding(
            "error", Outcome.FAIL, expected, "no refusal", where, because, "what is wrong is not refused"
        )
    got = _refusal(answer.error)
    finding = Finding("error", Outcome.PASS, expected, got, where)
    if right is None or answer.error["code"] != right.code:
        because = f"it is refused for another reason than {right.code if right else 'the right one'}"
        return replace(finding, outcome=Outcome.FAIL, because=because, cause="a refusal has another code")
    if right.pointer is not None and answer.error.get("pointer") != right.pointer:
        because = f"the refusal points to another place than {right.pointer}"
        return replace(finding, outcome=Outcome.FAIL, because=because, cause="a refusal has another place")
    return finding


def _refusal(error: Mapping[str, Any]) -> str:
    at = error.get("pointer")
    return _cut(f"{error['code']} at {at}" if at else str(error["code"]))


def _record(
    check: str, right: Mapping[str, Any], answer: Answer, stated: frozenset[str], where: str
) -> tuple[Finding, tuple[str, ...]]:
    """Return the finding about one record, and the members of it that differ."""
    if check not in stated:
        lack = f"the calculator states no {_WORDS[check]}"
        return Finding(check, Outcome.NOT_DECLARED, because=lack), ()
    if answer.error is not None:
        because = f"the calculator refuses what is right: {_refusal(answer.error)}"
        message = answer.error.get("message")
        because += f" ({_cut(message)})" if isinstance(message, str) else ""
        cause = f"refused with {answer.error['code']}"
        return Finding(check, Outcome.FAIL, f"a {_WORDS[check]}", "a refusal", where, because, cause), ()
    given = answer.members.get(check)
    if given is None:
        because = f"the answer has no {_WORDS[check]}, and others of this calculator have one"
        cause = f"an answer has no {_WORDS[check]}"
        return Finding(check, Outcome.FAIL, f"a {_WORDS[check]}", "nothing", where, because, cause), ()
    wrong = differences(right, given)
    if not wrong:
        return Finding(check, Outcome.PASS, where=where), ()
    members = tuple(dict.fromkeys(at.split("/")[0] for at, _, _ in wrong))
    at, expected, got = wrong[0]
    more = f", and differs in {len(wrong) - 1} more places" if len(wrong) > 1 else ""
    because = f"{at} of the {_WORDS[check]} is {_cut(got)} and not {_cut(expected)}{more}"
    if _same_number(expected, got):
        because += "; the number is the same, but not written as chapter 01 says"
    finding = Finding(
        check,
        Outcome.FAIL,
        f"{at} {_cut(expected)}",
        f"{at} {_cut(got)}",
        where,
        because,
        f"the {_WORDS[check]} is wrong in {', '.join(members)}",
        _money(right, given) if check == "charge" else None,
    )
    return finding, members


def differences(right: Mapping[str, Any], given: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return where two records differ: the place, what is right, what is given; empty where they are equal.

    Members of *given* that *right* does not have are not compared, but for those of which absent means
    absent. What stands inside a member has to be the same to the last member of it.
    """
    found: list[tuple[str, str, str]] = []
    for name in dict.fromkeys((*right, *_ABSENT)):
        one, other = right.get(name), given.get(name)
        if name in right and _form(name, one) == (_form(name, other) if name in given else None):
            continue
        if name not in right and name not in given:
            continue
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found += _inside(name, cast("Mapping[str, Any]", one), cast("Mapping[str, Any]", other))
        else:
            found.append((name, _shown(name, right), _shown(name, given)))
    return found


def _inside(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key in dict.fromkeys((*one, *other)):
        pair = (_shown(key, one), _shown(key, other))
        if pair[0] != pair[1]:
            yield f"{name}/{key}", *pair


def _shown(name: str, record: Mapping[str, Any]) -> str:
    return _form(name, record[name]) if name in record else "absent"


def _form(name: str, value: Any) -> str:
    """Return a text that is the same for equal values alone; a set's members in one order."""
    if name in _UNORDERED and isinstance(value, list):
        items = cast("list[Any]", value)  # type: ignore[redundant-cast]  # pyright needs it
        return f"[{', '.join(sorted(_canonical(item) for item in items))}]"
    return _canonical(value)


def _canonical(value: Any) -> str:
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return (
            "{" + ", ".join(f"{json.dumps(key)}: {_canonical(members[key])}" for key in sorted(members)) + "}"
        )
    if isinstance(value, list):
        items = cast("list[Any]", value)  # type: ignore[redundant-cast]  # pyright needs it
        return f"[{', '.join(_canonical(item) for item in items)}]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def _same_number(one: str, other: str) -> bool:
    try:
        return Decimal(one.strip('"')) == Decimal(other.strip('"'))
    except InvalidOperation:
        return False


def _money(right: Mapping[str, Any], given: Mapping[str, Any]) -> Money | None:
    """Return the money at stake, where the total itself is wrong."""
    totals = (given.get("total"), right.get("total"))
    if totals[0] == totals[1] or not all(total is None or isinstance(total, str) for total in totals):
        return None
    try:
        billed, correct = (None if total is None else Decimal(str(total)) for total in totals)
    except InvalidOperation:
        return None
    if any(number is not None and not number.is_finite() for number in (billed, correct)):
        return None
    return Money(billed, correct)


def _cut(text: str) -> str:
    """Return a text of a calculator's, no longer than a line or three, that UTF-8 can hold."""
    whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST]}…"
