"""The gateway's refunds: ``POST /v1/refunds``, and ``GET /v1/usage/{id}/refunds``.

A request is that of the specification's chapter 06 with the member ``call``: the id of the call that is to be
given back. Its own ``id`` is chosen by the client and makes it safe to ask again: whoever lost the answer
gets the same one the second time (AUB-REF-5d61). An id is used once in the whole gateway, so that a request
that names another call under it is refused like one with other quantities (AUB-REF-a580).
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from decibill_reference import jsonio
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.gateway_json import AsciiJSON
from decibill_reference.gateway_relay import error_body
from decibill_reference.ledger_refunds import CallNotFound, sum_of
from decibill_reference.money import plus
from decibill_reference.node import Node
from decibill_reference.numbers import plain
from decibill_reference.refund_record import RefundRequest

if TYPE_CHECKING:
    from starlette.responses import Response

    from decibill_reference.ledger import Ledger

__all__ = ["answer_refund", "answer_refunds_of_call", "ledger_unavailable"]

_STATUS: Final = {"refund_conflict": 409, "refund_exceeds_charge": 422, "no_such_line": 422}
"""HTTP status of what is well formed and cannot be done; everything else that is refused is 400."""


async def answer_refund(ledger: Ledger, content: bytes, at: str) -> Response:
    """Return the answer to a request for a refund, which is durable by then.

    201 for a new one, 200 for one that is told again.
    """
    try:
        call, request = _read(content)
        row, new = await ledger.refund(call, request, at)
    except DecibillReferenceError as error:
        return _refused(_STATUS.get(error.code, 400), error.message, error.code, error.pointer)
    except CallNotFound:
        return _refused(404, "there is no such call", "call_not_found", "/call")
    return AsciiJSON(row.to_json(), 201 if new else 200)


async def answer_refunds_of_call(ledger: Ledger, call: str) -> Response:
    """Return the refunds of a call, what they come to, and what is left of its charge."""
    # In this order a refund that is made meanwhile is missing, and no refund is seen without its call.
    refunds = await asyncio.to_thread(ledger.refunds, call)
    row = await asyncio.to_thread(ledger.find, call)
    if row is None:
        return _refused(404, f"there is no call {call!r}", "call_not_found", None)
    refunded, total = sum_of(refunds), None if row.charge is None else row.charge["total"]
    return AsciiJSON(
        {
            "call": call,
            "charge_total": total,
            "refunded": plain(refunded),
            "left": None if total is None else plain(plus(Decimal(total), refunded)),
            "data": [refund.to_json() for refund in refunds],
        }
    )


def ledger_unavailable(problem: str) -> Response:
    """Return the answer where the ledger cannot be read or written; nothing has been done."""
    return AsciiJSON(error_body(problem, "server_error", "ledger_unavailable"), 503)


def _read(content: bytes) -> tuple[str, RefundRequest]:
    document: Any = jsonio.loads(content)
    members = Node(document, "", "malformed_body").members(("call", "id"), ("full", "quantities", "model"))
    for name in ("call", "id"):
        try:
            members[name].text().encode()
        except UnicodeEncodeError:
            members[name].refuse("must be text that UTF-8 can hold")
    call: str = members["call"].value
    return call, RefundRequest.from_json({name: item for name, item in document.items() if name != "call"})


def _refused(status: int, problem: str, code: str, pointer: str | None) -> Response:
    body = error_body(problem, "invalid_request_error", code)
    body["error"]["param"] = pointer or None
    return AsciiJSON(body, status)
