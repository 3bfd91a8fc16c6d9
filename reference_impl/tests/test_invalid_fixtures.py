"""The calculator refuses each of the suite's faulty documents at the same place as the schemas do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from decibill_reference import jsonio
from decibill_reference.charge_record import Charge
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.prices import PriceBook
from decibill_reference.refund_record import Refund

if TYPE_CHECKING:
    from collections.abc import Callable

READERS: dict[str, Callable[[Any], object]] = {
    "price-book": PriceBook.from_json,
    "charge": Charge.from_json,
    "refund": Refund.from_json,
}
FAULTY = {
    path.stem: json.loads(path.read_bytes())
    for path in sorted((Path(__file__).parents[2] / "fixtures" / "invalid").glob("*.json"))
}


@pytest.mark.parametrize("name", [name for name, faulty in FAULTY.items() if faulty["schema"] in READERS])
def test_a_faulty_document_is_refused_at_the_fault(name: str) -> None:
    faulty = FAULTY[name]
    text = faulty["text"] if "text" in faulty else json.dumps(faulty["document"])

    with pytest.raises(DecibillReferenceError) as caught:
        READERS[faulty["schema"]](jsonio.loads(text))

    assert caught.value.pointer == faulty["pointer"]
