"""Why a cost is wrong, in one sentence that the gateway's own engineer believes at once.

A wrong number is compared with the numbers that well-known mistakes would give (`judge_mistakes`); where none
fits, the right arithmetic is shown. A *cause* is the same in a few words that do not depend on the case.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from decibill.judge_call import exact_text, join_words, noun, plain
from decibill.judge_mistakes import recognise

if TYPE_CHECKING:
    from decibill.case import ExchangeCase, ExpectedLine

__all__ = [
    "SILENT_ZERO",
    "arithmetic",
    "explain_number",
    "explain_plain_number",
    "explain_unknown",
    "explain_zero",
    "gap_words",
    "measured_words",
]

SILENT_ZERO: Final = "silent zero, 0 for a call that was not free"
"""The cause of most public reports."""

_WHO: Final = {
    "provider_billed": "the provider reported {}",
    "provider_reported": "the provider reported {}",
    "derived": "the provider reported {}",
    "assumed": "the provider reported {}",
    "request": "the request carries {}",
    "media": "the upload measures {}",
}
_TIMES: Final = "\N{MULTIPLICATION SIGN}"


def _amount(quantity: str, number: Decimal | str) -> str:
    return f"{plain(Decimal(number))} {noun(quantity)}"


def measured_words(case: ExchangeCase) -> str:
    """Return who says how much was used, such as ``the provider reported 235 text output tokens``."""
    lines = case.charge.lines if case.charge else ()
    amounts = list(dict.fromkeys(_amount(line.quantity, line.billed) for line in lines if not line.addon))
    if not lines:
        return "the call was made"
    basis: Mapping[str, str] = case.usage.record.get("basis", {}) if case.usage else {}
    who = _WHO.get(basis.get(lines[0].quantity, "provider_reported"), "the call used {}")
    if any(line.billed != _measured(case, line) for line in lines):
        who = "the call is billed for {}"
    return who.format(join_words(amounts))


def _measured(case: ExchangeCase, line: ExpectedLine) -> Decimal:
    return Decimal(case.usage.quantities.get(line.quantity, line.billed)) if case.usage else line.billed


def arithmetic(case: ExchangeCase) -> str:
    """Return the right sum: every line as quantity times amount over unit, and what they come to."""
    if case.charge is None or not case.charge.lines:
        return ""
    models = {line.model for line in case.charge.lines}
    terms = [_term(line, line.model if len(models) > 1 else "") for line in case.charge.lines]
    return f"{' + '.join(terms)} = {exact_text(case.charge.exact_total)}"


def _term(line: ExpectedLine, model: str) -> str:
    per = "" if line.per == 1 else f" / {plain(line.per)}"
    factor = "" if line.multiplier == 1 else f" {_TIMES} {plain(line.multiplier)}"
    addon = f" for {line.addon}" if line.addon else ""
    of = f" of {model}" if model else ""
    return f"{_amount(line.quantity, line.billed)}{of} {_TIMES} {line.amount}{per}{factor}{addon}"


def explain_zero(case: ExchangeCase) -> str:
    """Return why a stated 0 is wrong."""
    if case.charge is not None and case.charge.exact_total:
        return f"0 is the silent zero: {measured_words(case)}, and the price book prices them"
    gap = gap_words(case) or "the usage contradicts itself"
    return f"0 is the silent zero: it says that the call was free, but {gap}, so the cost is unknown"


def explain_unknown(case: ExchangeCase) -> str:
    """Return why *unknown* is wrong."""
    if case.charge is not None and not case.charge.exact_total:
        nothing = "every rate that applies is 0" if case.charge.lines else "nothing was used"
        return f"{nothing}, so the cost is known: it is 0"
    return f"the cost can be known: {measured_words(case)}, and the price book prices them"


def explain_number(case: ExchangeCase, number: Fraction) -> tuple[str, str]:
    """Return the cause and the sentence for a wrong *number*: a known mistake, else the right sum."""
    mistake = recognise(case, number)
    if mistake is not None:
        return mistake.cause, mistake.words
    return "the sum is wrong", f"the right sum is {arithmetic(case)}"


def explain_plain_number(case: ExchangeCase, number: Fraction) -> tuple[str, str]:
    """Return the cause and the sentence for a plain *number* where the cost cannot be known."""
    mistake = recognise(case, number)
    gap = f"{gap_words(case)}, so no plain number can be right"
    if mistake is not None:
        return mistake.cause, f"{gap}: {mistake.words}"
    other = next((other for other in case.accepted if other.total is not None), None)
    if other is not None and other.total is not None:
        right = f"{gap_words(case)}; {plain(other.total)} is right too"
        return "the sum is wrong", f"{right} where {other.reason[0].lower()}{other.reason[1:].rstrip('.')}"
    return "a plain number where the cost is not known", gap


def gap_words(case: ExchangeCase) -> str:
    """Return what could not be priced and why, as clauses joined by *and*; empty where nothing is missing."""
    gaps = case.charge.unpriced if case.charge else ()
    by_reason: dict[str, list[Mapping[str, Any]]] = {}
    for gap in gaps:
        by_reason.setdefault(str(gap.get("reason")), []).append(gap)
    return join_words([_clause(case, reason, some) for reason, some in by_reason.items()])


def _clause(case: ExchangeCase, reason: str, gaps: list[Mapping[str, Any]]) -> str:
    """Return why the *gaps* of one reason are gaps."""
    names = join_words([noun(str(gap.get("quantity", "usage"))) for gap in gaps])
    amounts = join_words([_gap_amount(gap) for gap in gaps])
    models = join_words(list(dict.fromkeys(str(gap.get("model", case.model)) for gap in gaps)))
    a_part = f"the {amounts}" if any("quantity" in gap for gap in gaps) else "a part of the usage"
    clauses = {
        "no_rate": f"the price book has no rate for the {amounts}",
        "modality_unknown": f"the provider does not say what the {amounts} were, and their prices differ",
        "quantity_unknown": f"the price book prices {names}, and nothing says how many there were",
        "unit_mismatch": f"the price book prices {names}, and the provider reported another unit",
        "no_entry": f"the price book has no entry for {models}",
        "model_unknown": f"nothing names the model of {a_part}",
        "currency": f"{models} is priced in another currency",
    }
    return clauses.get(reason, f"the {amounts} cannot be priced ({reason})")


def _gap_amount(gap: Mapping[str, Any]) -> str:
    quantity = str(gap.get("quantity", "usage"))
    return _amount(quantity, gap["measured"]) if "measured" in gap else noun(quantity)
