"""Price books: refused as one at a place, or a book by which any record is priced without a contradiction.

What the reference accepts is a price book by the schema, and what schema and suite accept it can read.
Records of every unit family are priced at several instants; each charge is read back as it was written and
adds up by the suite's own arithmetic.
"""

from __future__ import annotations

import json
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from decibill import arithmetic, book_checks, schemas
from decibill import jsonio as suite_jsonio
from decibill.errors import InvalidFileError
from decibill_reference import jsonio
from decibill_reference.charge import rate
from decibill_reference.charge_record import Charge
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.prices import PriceBook
from decibill_reference.refund import refund
from decibill_reference.usage import UsageRecord

from fuzz import extraction
from fuzz.trees import changed_json, strings_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

PROVIDER, MODEL = "p", "m"
TIMES: Final = ("2000-01-01T00:00:00Z", "2025-06-01T00:00:00Z", "2025-05-31T23:59:59.999999Z")
_TOKENS: Final = {
    "input_tokens": 900,
    "text_input_tokens": 300,
    "audio_input_tokens": 500,
    "image_input_tokens": 60,
    "unattributed_input_tokens": 40,
    "cached_input_tokens": 450,
    "cached_audio_input_tokens": 200,
    "output_tokens": 70,
    "text_output_tokens": 50,
    "audio_output_tokens": 13,
    "reasoning_output_tokens": 20,
}
_RECORDS: Final[Sequence[dict[str, Any]]] = (
    _TOKENS,
    {"audio_duration_seconds": "78.4", "audio_channels": 2},
    {"tts_characters": 4097},
    {"provider_credits": "12.5"},
    {"requests": 3, "text_messages": 2},
    {**_TOKENS, "audio_duration_seconds": 999_999_999_999_999},
    {},
)


def seeds() -> Iterator[bytes]:
    """Yield the price books of the fixtures one entry each, and entries for what is priced here."""
    for path in sorted((extraction.FIXTURES / "price-books").glob("*.json")):
        book = json.loads(path.read_bytes())
        for entry in book["entries"]:
            named = {**entry, "provider": PROVIDER, "models": [MODEL]}
            yield json.dumps({"currency": book["currency"], "entries": [named]}).encode()
    first = {**json.loads(next(_entries()))["entries"][0], "until": "2025-06-01"}
    second = {**first, "id": "second", "from": "2025-06-01"}
    del second["until"]
    yield json.dumps({"currency": "USD", "entries": [first, second]}).encode()


def _entries() -> Iterator[bytes]:
    book = json.loads((extraction.FIXTURES / "price-books/conformance.json").read_bytes())
    for entry in book["entries"]:
        named = {**entry, "provider": PROVIDER, "models": [MODEL]}
        yield json.dumps({"currency": book["currency"], "entries": [named]}).encode()


def changed(data: bytes, random: Random) -> bytes | None:
    """Return another price book."""
    return changed_json(data, random, words())


@cache
def words() -> tuple[str, ...]:
    """Return the vocabulary of price books, and texts that are nearly numbers or times."""
    found = {word for seed in seeds() for word in strings_of(json.loads(seed))}
    near = ("2025-06-01T00:00:00Z", "2025-02-30", "20250601", "0.0", "00", "1.", ".5", "1e3", "٣", "0" * 40)
    members = ("step", "minimum", "tiers", "by", "steps", "above", "multiply_by", "rule", "addons", "percent")
    more = ("until", "operations", "surface", "region", "service_tier", "multiplier", "audio_channels")
    return tuple(sorted(found.union(near, members, more)))


def attempt(data: bytes) -> None:
    """Read one price book and price by it."""
    try:
        document = jsonio.loads(data)
    except DecibillReferenceError:
        return
    try:
        book = PriceBook.from_json(document)
    except DecibillReferenceError as refused:
        assert refused.code == "invalid_price_book", refused
        assert not refused.pointer or refused.pointer.startswith("/"), refused
        if zlib.crc32(data) % 4 == 0:
            assert _suite_refuses(data), refused
        return
    if zlib.crc32(data) % 4 == 0:
        found = schemas.faults("price-book", document)
        assert all(_is_lax(fault.pointer) for fault in found), found
    for quantities in _RECORDS:
        for at in TIMES:
            price(quantities, book, at)


def _is_lax(pointer: str) -> bool:
    """Return whether the reference takes more there than the schema: no bill hangs on it."""
    return "/source/" in pointer or pointer.endswith(("/provider", "/addons"))


def _suite_refuses(data: bytes) -> bool:
    """Return whether the suite too finds fault with a price book that the reference refuses."""
    try:
        document = suite_jsonio.loads(data, "input")
    except InvalidFileError:
        return True
    return bool(schemas.faults("price-book", document) or book_checks.book_faults(document))


def price(quantities: dict[str, Any], book: PriceBook, at: str) -> None:
    """Price one record, and refund what it costs."""
    record = UsageRecord.from_json(
        {
            "provider": PROVIDER,
            "surface": "api",
            "operation": "chat",
            "model": MODEL,
            "at": at,
            "quantities": quantities,
            "basis": dict.fromkeys(quantities, "provider_reported"),
            "features": sorted({feature for entry in book.entries for feature in entry.addons}),
        }
    )
    try:
        charge = rate(record, book)
    except DecibillReferenceError as refused:
        assert refused.code == "ambiguous_price", refused
        return
    written = charge.to_json()
    assert Charge.from_json(written).to_json() == written
    assert not arithmetic.charge_faults(written), arithmetic.charge_faults(written)
    assert charge.total is None or charge.total >= 0
    if charge.total is not None and charge.lines:
        record_ = refund(charge, {"id": "r", "full": True}).to_json()
        assert not arithmetic.refund_faults(record_), arithmetic.refund_faults(record_)
