"""The command ``calculator``: the reference calculator as `decibill run --calculator` asks any program.

One line of JSON in, one out, by chapter 08 of the specification: a usage record and a charge for an exchange,
a charge for a usage record, a refund record for a charge, or a refusal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import click

from decibill_reference import jsonio
from decibill_reference.charge import rate
from decibill_reference.charge_record import Charge
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.prices import PriceBook
from decibill_reference.refund import refund
from decibill_reference.refund_record import Refund, RefundRequest
from decibill_reference.talk import Failure, json_text
from decibill_reference.usage import UsageRecord

__all__ = ["answer", "calculator"]

_OURSELVES: Final = {"name": "decibill reference calculator"}


@click.command()
def calculator() -> None:
    """Answer lines of JSON on standard input with the reference calculator, one line each.

    This is what `decibill run --calculator "decibill calculator"` asks; chapter 08 of the specification says
    what a line holds. The variable DECIBILL_FIXTURES names the folder of files that a line names.
    """
    root = Path(os.environ.get("DECIBILL_FIXTURES", ".")).resolve()
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            asked = jsonio.loads(line)
        except DecibillReferenceError as error:
            raise Failure(f"line {number}: {error.message}") from None
        if not isinstance(asked, Mapping):
            raise Failure(f"line {number}: not an object")
        click.echo(json_text(answer(cast("Mapping[str, Any]", asked), root)))


def answer(asked: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return the answer to one line.

    Args:
        asked: the line.
        root: the folder of the files that it names.
    """
    try:
        result = _result(asked, root)
    except DecibillReferenceError as error:
        result = error.to_json()
    return {"id": asked.get("id"), "calculator": _OURSELVES, **result}


def _result(asked: Mapping[str, Any], root: Path) -> dict[str, Any]:
    if "charge" in asked:
        charge = Charge.from_json(asked["charge"])
        request = RefundRequest.from_json(asked["refund"])
        earlier = [Refund.from_json(record) for record in asked.get("earlier", [])]
        return {"refund": refund(charge, request, earlier).to_json()}
    if "usage" in asked:
        usage = UsageRecord.from_json(asked["usage"])
        return {"charge": rate(usage, _book(asked, root), asked.get("at")).to_json()}
    usage = extract(asked.get("exchange"), root=root)
    return {"usage": usage.to_json(), "charge": rate(usage, _book(asked, root)).to_json()}


def _book(asked: Mapping[str, Any], root: Path) -> PriceBook:
    if "prices_file" in asked:
        return PriceBook.from_json(jsonio.loads((root / str(asked["prices_file"])).read_bytes()))
    return PriceBook.from_json(asked.get("prices"))
