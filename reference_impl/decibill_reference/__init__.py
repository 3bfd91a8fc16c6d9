"""decibill's reference calculator: from a provider's answer to usage, a charge and a refund.

::

    from decibill_reference.extract import extract

    usage = extract(exchange)
    charge = rate(usage, PriceBook.from_json(book))

Names are loaded when they are first used, so that importing the package costs next to nothing; `extract` and
`refund` are not among them, because modules have these names. The calculator needs the standard library
alone; the reference gateway beside it needs more.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decibill_reference.charge import Charge, rate
    from decibill_reference.errors import DecibillReferenceError
    from decibill_reference.prices import PriceBook
    from decibill_reference.refund import Refund
    from decibill_reference.usage import UsageRecord

__all__ = [
    "Charge",
    "DecibillReferenceError",
    "PriceBook",
    "Refund",
    "UsageRecord",
    "rate",
]

_HOMES = {
    "Charge": "charge",
    "DecibillReferenceError": "errors",
    "PriceBook": "prices",
    "Refund": "refund",
    "UsageRecord": "usage",
    "rate": "charge",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # so that this function is called once a name
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
