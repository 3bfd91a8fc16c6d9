"""Checks of arithmetic with exact fractions: lines add up, parts add up, refunds add up.

Nothing here is shared with the reference calculator, and nothing here rates anything: a charge is checked
against its own lines, a usage record against its own parts, a refund against itself. `decibill.recompute`
checks a charge against usage and prices, `decibill.recompute_refund` a refund against its charge. Documents
must be valid by their schema first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from decibill.errors import Fault
from decibill.pointer import join

__all__ = [
    "INPUT_MODALITIES",
    "OUTPUT_MODALITIES",
    "PLACES",
    "charge_faults",
    "line_exact",
    "money",
    "refund_faults",
    "rounded",
    "status_of",
    "usage_faults",
]

PLACES: Final = 12
"""Decimal places to which subtotals and totals are rounded, half to even (AUB-CHG-79ca)."""

INPUT_MODALITIES: Final = ("text", "audio", "image", "video", "unattributed")
OUTPUT_MODALITIES: Final = ("text", "audio", "unattributed")

_WHOLES: Final[Mapping[str, tuple[str, ...]]] = {
    "input_tokens": tuple(f"{name}_input_tokens" for name in INPUT_MODALITIES),
    "output_tokens": tuple(f"{name}_output_tokens" for name in OUTPUT_MODALITIES),
}
_PARTS: Final = (
    ("cached_input_tokens", "input_tokens"),
    *((f"cached_{name}_input_tokens", f"{name}_input_tokens") for name in INPUT_MODALITIES[:4]),
    ("reasoning_output_tokens", "text_output_tokens"),
    ("reasoning_output_tokens", "output_tokens"),
)
"""Part and whole, where the other parts of the whole have no name."""


def rounded(exact: Fraction) -> Fraction:
    """Return *exact* rounded once, half to even, to `PLACES` decimal places."""
    return Fraction(round(exact * 10**PLACES), 10**PLACES)


def money(value: Fraction) -> str:
    """Return a fraction with a finite decimal expansion as a canonical decimal string."""
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
        if digits > 60:
            return str(value)
    return format(Decimal((value * 10**digits).numerator).scaleb(-digits), "f")


def line_exact(line: Mapping[str, Any]) -> Fraction:
    """Return billed x amount / per x multiplier of a charge's line, not rounded."""
    exact = Fraction(line["billed"]) * Fraction(line["amount"]) / Fraction(line["per"])
    return exact * Fraction(line.get("multiplier", "1"))


# Usage records


def usage_faults(usage: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return where the quantities of a usage record, and of its components, do not add up or lack a basis."""
    session = usage.get("operation") == "realtime"
    found = list(_record_faults(usage, "", session=session))
    for n, component in enumerate(usage.get("components", ())):
        found += _record_faults(component, join("components", n), session=session)
    return tuple(found)


def _record_faults(record: Mapping[str, Any], at: str, *, session: bool) -> Iterator[Fault]:
    quantities: Mapping[str, int | str] = record["quantities"]
    unknown: Sequence[str] = record["unknown"]
    for name in quantities:
        if name not in record["basis"]:
            yield Fault(f"{at}/basis", f"lacks the basis of {name}; every quantity says where it is from")
    for name in record["basis"]:
        if name not in quantities:
            yield Fault(f"{at}/basis/{name}", "is the basis of a quantity that the record does not have")
    for n, name in enumerate(unknown):
        if name in quantities and not session:  # a session can have a sum and lack one more summand
            yield Fault(f"{at}/unknown/{n}", f"{name} is unknown here and stated in quantities")
    values = {name: Fraction(value) for name, value in quantities.items()}
    yield from _partition_faults(values, unknown, f"{at}/quantities")


def _partition_faults(values: Mapping[str, Fraction], unknown: Sequence[str], at: str) -> Iterator[Fault]:
    for whole, parts in _WHOLES.items():
        if whole not in values:
            continue
        held = {name: values[name] for name in parts if name in values}
        total = sum(held.values(), Fraction(0))
        told = " + ".join(f"{name} {value}" for name, value in held.items()) or "no part"
        if total > values[whole]:
            yield Fault(f"{at}/{whole}", f"{told} = {total}, more than {whole} {values[whole]}")
        elif total < values[whole] and not set(parts) & set(unknown):
            rest = values[whole] - total
            yield Fault(
                f"{at}/{whole}",
                f"{told} = {total}, less than {whole} {values[whole]}; state the other {rest} as a part, "
                f"if need be unattributed_{whole}",
            )
    for part, whole in _PARTS:
        if part in values and whole in values and values[part] > values[whole]:
            yield Fault(f"{at}/{part}", f"{part} {values[part]} is more than {whole} {values[whole]}")
    split = [
        values[f"cached_{name}_input_tokens"]
        for name in INPUT_MODALITIES[:4]
        if f"cached_{name}_input_tokens" in values
    ]
    if "cached_input_tokens" in values and sum(split) > values["cached_input_tokens"]:
        yield Fault(f"{at}/cached_input_tokens", f"is less than its parts, which come to {sum(split)}")
    yield from _total_faults(values, at)


def _total_faults(values: Mapping[str, Fraction], at: str) -> Iterator[Fault]:
    if "total_tokens" not in values:
        return
    whole = values["total_tokens"]
    held = {name: values[name] for name in ("input_tokens", "output_tokens") if name in values}
    total = sum(held.values(), Fraction(0))
    if total > whole or (len(held) == 2 and total != whole):
        yield Fault(f"{at}/total_tokens", f"is {whole}; {' + '.join(held)} = {total}")


# Charges


def charge_faults(charge: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return where a charge's lines do not add up, or its status is not what lines and gaps say."""
    lines: Sequence[Mapping[str, Any]] = charge["lines"]
    exact = sum((line_exact(line) for line in lines), Fraction(0))
    found = [
        fault for n, line in enumerate(lines) for fault in _line_faults(line, lines[:n], join("lines", n))
    ]
    if charge["total"] is not None and Fraction(charge["total"]) != rounded(exact):
        found.append(
            Fault("/total", f"is {charge['total']}; the exact sum of the lines is {money(rounded(exact))}")
        )
    found += _status_faults(charge["status"], lines, charge["unpriced"], exact)
    return tuple(found)


def _line_faults(line: Mapping[str, Any], before: Sequence[Mapping[str, Any]], at: str) -> Iterator[Fault]:
    right = rounded(line_exact(line))
    if Fraction(line["subtotal"]) != right:
        factor = f" x {line['multiplier']}" if "multiplier" in line else ""
        product = f"{line['billed']} x {line['amount']} / {line['per']}{factor}"
        yield Fault(
            f"{at}/subtotal",
            f"is {line['subtotal']}; {product} = {money(right)}",
        )
    if "addon" in line:
        bases = [base for base in before if _key(base) == _key(line) and "addon" not in base]
        if not bases:
            yield Fault(f"{at}/addon", f"no line of {line['quantity']} stands before this surcharge")
        elif all(base["billed"] != line["billed"] for base in bases):
            yield Fault(f"{at}/billed", f"is {line['billed']}; its base line bills {bases[-1]['billed']}")


def _key(line: Mapping[str, Any]) -> tuple[str, str]:
    return line["model"], line["quantity"]


def status_of(lines: Sequence[Mapping[str, Any]], reasons: Iterable[str], exact: Fraction) -> str:
    """Return the status that lines and the reasons of gaps make (AUB 0.1, chapter 5)."""
    gaps = set(reasons)
    if not gaps:
        return "free" if lines and not any(Fraction(line["amount"]) for line in lines) else "priced"
    if rounded(exact) > 0:
        return "partial"
    return "unmetered" if "quantity_unknown" in gaps else "unpriced"


def _status_faults(
    status: str, lines: Sequence[Mapping[str, Any]], gaps: Sequence[Mapping[str, Any]], exact: Fraction
) -> Iterator[Fault]:
    right = status_of(lines, (gap["reason"] for gap in gaps), exact)
    if status == "not_billable":
        return
    if status != right:
        yield Fault("/status", f"is {status}; {len(lines)} lines and {len(gaps)} gaps make it {right}")


# Refunds


def refund_faults(refund: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return where a refund record contradicts itself."""
    lines: Sequence[Mapping[str, Any]] = refund["lines"]
    total, together = (
        Fraction(refund["total"]),
        sum((Fraction(line["subtotal"]) for line in lines), Fraction(0)),
    )
    found: list[Fault] = []
    # Each subtotal is rounded by itself and the total from the exact sum: they may differ in the last place.
    if abs(total - together) > Fraction(len(lines) + 1, 10**PLACES):
        found.append(Fault("/total", f"is {refund['total']}; the lines come to {money(together)}"))
    if -total > Fraction(refund["charge_total"]):
        found.append(Fault("/total", f"gives back more than the charge's total of {refund['charge_total']}"))
    if refund["request"]["id"] != refund["id"]:
        found.append(Fault("/request/id", f"is not the id of the record, {refund['id']}"))
    return tuple(found)
