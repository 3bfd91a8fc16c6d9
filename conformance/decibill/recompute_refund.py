"""Recomputes a refund from the charge's own lines (AUB 0.1, chapter 06).

With exact fractions and no code of the calculator, to find mistakes in expected values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from decibill.arithmetic import line_exact, money, rounded
from decibill.errors import Fault
from decibill.pointer import join

__all__ = ["against_charge"]

_Key = tuple[str, str, str]


def against_charge(
    refund: Mapping[str, Any],
    charge: Mapping[str, Any],
    request: Mapping[str, Any],
    earlier: Sequence[Mapping[str, Any]],
) -> tuple[Fault, ...]:
    """Return where *refund* is not what *request* gives back of *charge* after the *earlier* refunds."""
    repeated = next((record for record in earlier if record["id"] == request["id"]), None)
    right = repeated if repeated is not None else _refund(charge, request, earlier)
    found = [
        Fault(f"/{member}", f"is {refund[member]}; the charge makes it {right[member]}")
        for member in ("id", "charge_total", "currency", "total")
        if refund[member] != right[member]
    ]
    if refund["request"] != request:
        found.append(Fault("/request", "is not the request that was made"))
    stated, wanted = refund["lines"], right["lines"]
    if [_key(line) for line in stated] != [_key(line) for line in wanted]:
        return (*found, Fault("/lines", f"are {_told(stated)}; the charge makes them {_told(wanted)}"))
    for n, (line, other) in enumerate(zip(stated, wanted, strict=True)):
        found += [
            Fault(join("lines", n, member), f"is {line[member]}; the charge makes it {other[member]}")
            for member in ("refunded", "subtotal")
            if line[member] != other[member]
        ]
    return tuple(found)


def _refund(
    charge: Mapping[str, Any], request: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    held = [_Held(line, Fraction(line["billed"]), Fraction(line["subtotal"])) for line in charge["lines"]]
    for given in (line for record in earlier for line in record["lines"]):
        # Lines of one key are used up in order, so the first with something left is the one.
        piece = next(piece for piece in held if _key(piece.line) == _key(given) and piece.units)
        piece.units -= Fraction(given["refunded"])
        piece.value += Fraction(given["subtotal"])
    exact, lines = Fraction(0), list[dict[str, Any]]()
    asked = dict[_Key, Fraction]()
    for piece in held:
        wanted = asked.setdefault(_key(piece.line), _asked(request, piece.line))
        units = piece.units if "full" in request else min(piece.units, wanted)
        asked[_key(piece.line)] -= units
        if units:
            value = piece.take(units)
            exact += value
            addon = {"addon": piece.line["addon"]} if "addon" in piece.line else {}
            lines.append(
                {
                    "model": piece.line["model"],
                    "quantity": piece.line["quantity"],
                    "refunded": money(units),
                    "subtotal": money(-rounded(value)),
                    **addon,
                }
            )
    if not any(piece.units for piece in held):
        exact = Fraction(charge["total"]) + sum(Fraction(record["total"]) for record in earlier)
    return {
        "id": request["id"],
        "charge_total": charge["total"],
        "currency": charge["currency"],
        "total": money(-rounded(exact)),
        "lines": lines,
    }


@dataclass(slots=True)
class _Held:
    """A line of the charge, and the units and the money that are left of it."""

    line: Mapping[str, Any]
    units: Fraction
    value: Fraction

    def take(self, units: Fraction) -> Fraction:
        """Take *units* off the line; return what comes back for them: the last takes all that is left."""
        exact = self.value
        if units != self.units:
            exact = line_exact(self.line) * units / Fraction(self.line["billed"])
        self.units -= units
        self.value -= rounded(exact)
        return exact


def _asked(request: Mapping[str, Any], line: Mapping[str, Any]) -> Fraction:
    if request.get("model", line["model"]) != line["model"]:
        return Fraction(0)
    return Fraction(request.get("quantities", {}).get(line["quantity"], 0))


def _key(line: Mapping[str, Any]) -> _Key:
    return line["model"], line["quantity"], line.get("addon", "")


def _told(lines: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(" ".join(part for part in _key(line) if part) for line in lines) or "none"
