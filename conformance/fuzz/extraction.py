"""Extraction and rating of any exchange: refused with a declared code and a place, or a record that holds.

Every record is read back as it was written, is a usage record by the schema, has no part above its whole; its
charge adds up by the suite's own arithmetic, which shares no code with the calculator.
"""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from decibill import arithmetic, schemas
from decibill_reference import jsonio
from decibill_reference.charge import rate
from decibill_reference.charge_record import Charge
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.prices import PriceBook
from decibill_reference.usage import UsageRecord

from fuzz.trees import changed_json, strings_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

FIXTURES: Final = Path(__file__).parents[2] / "fixtures"
REFUSALS: Final = frozenset(
    {
        *("inconsistent_usage", "invalid_number", "negative_quantity", "duplicate_key"),
        *("malformed_body", "unsupported_exchange", "missing_time"),
    }
)
LARGEST: Final = 8000
"""Bytes of a seed; larger ones are slow and teach the same."""


def seeds() -> Iterator[bytes]:
    """Yield the exchanges of the corpus, each with its body in place of the file that holds it."""
    for exchange in exchanges():
        text = json.dumps(exchange, default=str).encode()
        if len(text) <= LARGEST:
            yield text


def exchanges() -> Iterator[dict[str, Any]]:
    """Yield the first exchange of every case, bodies included."""
    for path in sorted((FIXTURES / "cases").glob("*/*.json")):
        given = json.loads(path.read_bytes())["given"]
        if "upstream" in given:
            exchange = dict(given["upstream"][-1]["answers"][0]["exchange"])
            exchange["response"] = inline(exchange["response"])
            yield exchange


def inline(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return a response whose body stands in it."""
    parts: dict[str, Any] = {}
    for member, value in response.items():
        kind = member.removesuffix("_file")
        if kind in {member, "media"}:
            parts[member] = value
        else:
            raw = (FIXTURES / value).read_bytes()
            parts[kind] = json.loads(raw) if kind in {"json", "events"} else raw.decode("utf-8", "replace")
    return parts


def changed(data: bytes, random: Random) -> bytes | None:
    """Return another exchange."""
    return changed_json(data, random, words())


@cache
def words() -> tuple[str, ...]:
    """Return the vocabulary of the corpus."""
    found = {word for exchange in exchanges() for word in strings_of(exchange)}
    return tuple(sorted(found))


@cache
def book() -> PriceBook:
    """Return the suite's own prices."""
    return PriceBook.from_json(jsonio.loads((FIXTURES / "price-books/conformance.json").read_bytes()))


def attempt(data: bytes) -> None:
    """Extract and rate one exchange."""
    try:
        record = extract(jsonio.loads(data))
    except DecibillReferenceError as refused:
        assert refused.code in REFUSALS, refused
        assert not refused.pointer or refused.pointer.startswith("/"), refused
        return
    check(record, thorough=zlib.crc32(data) % 8 == 0)


def check(record: UsageRecord, *, thorough: bool) -> None:
    """Check that a record and its charge hold together; *thorough*: by the schemas too."""
    usage = record.to_json()
    assert UsageRecord.from_json(usage).to_json() == usage
    if record.operation != "realtime":  # of a session a part can be known and the whole not
        assert not record.quantities.keys() & set(record.unknown)
    try:
        charge = rate(record, book()).to_json()
    except DecibillReferenceError as refused:
        assert refused.code == "ambiguous_price", refused
        return
    assert Charge.from_json(charge).to_json() == charge
    assert (charge["total"] is None) == (charge["status"] in {"unmetered", "unpriced"})
    assert not arithmetic.usage_faults(usage), arithmetic.usage_faults(usage)
    assert not arithmetic.charge_faults(charge), arithmetic.charge_faults(charge)
    if thorough:
        assert not schemas.faults("usage-record", usage), schemas.faults("usage-record", usage)
        assert not schemas.faults("charge", charge), schemas.faults("charge", charge)
