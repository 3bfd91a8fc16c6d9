"""From one call of the gateway to its row in the ledger: usage, charge, status.

Everything here goes through `Seams`, so that a named defect can replace one step and the sound gateway has
no trace of it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from decibill_reference import media
from decibill_reference.charge import rate
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.extract import extract
from decibill_reference.ledger import LedgerRow
from decibill_reference.numbers import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from decimal import Decimal

    from starlette.types import Receive

    from decibill_reference.charge_record import Charge
    from decibill_reference.gateway_config import Alias
    from decibill_reference.gateway_stream import StreamDigest
    from decibill_reference.prices import PriceBook
    from decibill_reference.usage import UsageRecord

__all__ = ["SOUND", "Call", "Metered", "Seams", "meter", "unanswered"]

_LOG: Final = logging.getLogger("decibill.gateway")
_SECONDS: Final = "audio_duration_seconds"
_CREDITS: Final = "provider_credits"


def _cost(charge: Charge) -> str | None:
    return None if charge.total is None else plain(charge.total)


def _as_received(operation: str, body: bytes) -> bytes:  # noqa: ARG001 - the signature of the seam
    return body


def _one_row(row: LedgerRow) -> tuple[LedgerRow, ...]:
    return (row,)


def _own_digest(kind: type[StreamDigest]) -> StreamDigest:
    return kind()


async def _to_its_end(receive: Receive, work: Coroutine[Any, Any, None]) -> None:  # noqa: ARG001 - as above
    await work


@dataclass(frozen=True, slots=True)
class Seams:
    """The steps of metering that a defect can replace."""

    read: Callable[[Mapping[str, Any]], UsageRecord] = extract
    """From the exchange to the usage record."""

    rate: Callable[[UsageRecord, PriceBook], Charge] = rate
    """From the usage record to the charge."""

    cost: Callable[[Charge], str | None] = _cost
    """What is stated as the cost; None is unknown, and an unknown cost is never stated."""

    deliver: Callable[[str, bytes], bytes] = _as_received
    """The body that the client gets, from the operation and the body that the provider sent."""

    rows: Callable[[LedgerRow], tuple[LedgerRow, ...]] = _one_row
    """The rows that are recorded of one call."""

    measure: Callable[[bytes], Decimal | None] = media.measure
    """From the bytes of an upload to its seconds."""

    digest: Callable[[type[StreamDigest]], StreamDigest] = _own_digest
    """What metering keeps of a stream, given the digest of its dialect."""

    cached_is_free: bool = True
    """Whether an answer from the gateway's own cache costs nothing."""

    carry: Callable[[Receive, Coroutine[Any, Any, None]], Coroutine[Any, Any, None]] = _to_its_end
    """How the passing on of an answer is carried out, given what the client does meanwhile."""


SOUND: Final = Seams()
"""The gateway as it should be."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a client."""

    id: str
    at: str
    """When it arrived by the gateway's clock, in UTC; its prices are those of that instant."""

    alias: Alias
    operation: str
    request: Mapping[str, Any]
    """What an exchange says of the request: its member ``json`` or ``form``."""

    upload: bytes | None = None
    upload_name: str | None = None
    """The field of the form that holds the upload; None where the upload is the whole body."""


@dataclass(frozen=True, slots=True)
class Metered:
    """What a call used and cost, or why that is not known."""

    status: str
    """Of the charge; ``refused`` where the usage cannot be believed."""

    cost: str | None
    usage: UsageRecord | None = None
    charge: Charge | None = None
    error: Mapping[str, str] | None = None

    def row(self, call: Call, *, http_status: int, attempts: int, complete: bool = True) -> LedgerRow:
        """Return the ledger's row of the call."""
        return LedgerRow(
            id=call.id,
            at=call.at,
            alias=call.alias.name,
            provider=call.alias.provider,
            model=call.alias.model,
            operation=call.operation,
            http_status=http_status,
            attempts=attempts,
            complete=complete,
            status=self.status,
            cost=self.cost,
            usage=None if self.usage is None else self.usage.to_json(),
            charge=None if self.charge is None else self.charge.to_json(),
            error=self.error,
        )


async def meter(call: Call, response: Mapping[str, Any], seams: Seams) -> Metered:
    """Return what the call used and cost, given the response of its exchange.

    Never raises: usage that is refused is recorded as refused, with no cost.
    """
    metered = _meter(call, call.request, response, seams)
    if call.upload is None or metered.usage is None or not _lacks_length(metered.usage):
        return metered
    # Nothing in the answer says how long the upload is, so it is measured, and only then.
    seconds = await asyncio.to_thread(seams.measure, call.upload)
    if seconds is None:
        return metered
    return _meter(call, _with_length(call, plain(seconds)), response, seams)


def _with_length(call: Call, seconds: str) -> dict[str, Any]:
    """Return what an exchange says of the request, with the length of its upload."""
    if call.upload_name is None:
        return {**call.request, "media": {**call.request["media"], "media_seconds": seconds}}
    form = call.request["form"]
    file = {**form[call.upload_name], "media_seconds": seconds}
    return {**call.request, "form": {**form, call.upload_name: file}}


def _lacks_length(usage: UsageRecord) -> bool:
    """Tell whether a length is missed, or would stand beside credits, which a price need not be in."""
    return _SECONDS in usage.unknown or (_CREDITS in usage.quantities and _SECONDS not in usage.quantities)


def unanswered(problem: str) -> Metered:
    """Return the metering of a call to which the provider gave no answer that says whether it was billed."""
    return Metered(
        "unmetered", None, error={"code": "malformed_body", "pointer": "/response", "message": problem}
    )


def _meter(call: Call, request: Mapping[str, Any], response: Mapping[str, Any], seams: Seams) -> Metered:
    alias = call.alias
    exchange: dict[str, Any] = {
        "provider": alias.provider,
        "surface": alias.surface,
        "operation": call.operation,
        "model": alias.model,
        "at": call.at,
        "region": alias.region,
        "aliases": alias.deployments,
        "request": request,
        "response": response,
    }
    usage = None
    try:
        usage = seams.read(exchange)
        charge = seams.rate(usage, call.alias.book)
        return Metered(charge.status, seams.cost(charge), usage, charge)
    except DecibillReferenceError as error:
        return Metered("refused", None, usage, error=error.to_json()["error"])
    except Exception:  # noqa: BLE001 - the provider has billed this call: no fault of ours may lose its record
        _LOG.exception("call %s could not be metered", call.id)
        problem = {"code": "internal_error", "pointer": "", "message": "the gateway could not meter the call"}
        return Metered("refused", None, usage, error=problem)
