"""One session: frames passed on byte for byte in both directions, metered when it ends, however it ends.

A session that the provider ends is recorded before the client is told (AUB-GWY-069e). One that the client
ends, or drops, is ended at the provider at once and read to its end there, then recorded. What the provider
had begun by then it may bill without saying so; the record then says that it is not known (AUB-GWY-5793).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from starlette.responses import Response
from websockets.exceptions import ConnectionClosed

from decibill_reference.gateway_fallback import may_be_another
from decibill_reference.gateway_metering import Metered, meter
from decibill_reference.gateway_realtime_upstream import SessionRefused, open_session
from decibill_reference.ledger import LedgerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import Receive, Scope, Send
    from websockets.asyncio.client import ClientConnection

    from decibill_reference.gateway_dialects import Address
    from decibill_reference.gateway_metering import Call, Seams
    from decibill_reference.gateway_realtime_transcript import Transcript
    from decibill_reference.gateway_realtime_upstream import Opened
    from decibill_reference.ledger import Ledger

__all__ = ["Client", "ClientLeft", "Opening", "Session"]

_LOG: Final = logging.getLogger("decibill.gateway")

_NORMAL: Final = 1000
_POLICY: Final = 1008
_BROKEN: Final = 1011
_UNSAID: Final = frozenset({1004, 1005, 1006, 1015})
"""Codes that stand for a close without a code; they cannot be sent."""

_LONGEST_REASON: Final = 123
_OF_THE_HANDSHAKE: Final = frozenset(
    {"connection", "content-length", "date", "server", "transfer-encoding", "upgrade"}
)


class ClientLeft(Exception):  # noqa: N818 - no error, a client may leave
    """The client is gone.

    Args:
        code: with which it left.
        reason: what it said of that.
    """

    def __init__(self, code: int, reason: str) -> None:
        self.code = _NORMAL if code in _UNSAID else code
        self.reason = _short(reason)
        super().__init__(code, reason)


class Client:
    """The client's side of a session."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._accepted = False
        self._gone = False

    async def accept(self, call_id: str, headers: Mapping[str, str], subprotocol: str | None) -> None:
        """Open the session; once only."""
        if self._accepted:
            return
        self._accepted = True
        kept = [
            (name.encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in headers.items()
            if name not in _OF_THE_HANDSHAKE and not name.startswith(("sec-websocket-", "x-decibill-"))
        ]
        marks = [(b"x-decibill-request-id", call_id.encode())]
        await self._tell({"type": "websocket.accept", "headers": kept + marks, "subprotocol": subprotocol})

    async def frame(self) -> str | bytes:
        """Return the client's next frame.

        Raises:
            ClientLeft: there is none.
        """
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._gone = True
            raise ClientLeft(message.get("code", _NORMAL), message.get("reason") or "")
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text

    async def first(self) -> str:
        """Return the first frame as a text.

        Raises:
            ClientLeft: there is none.
        """
        frame = await self.frame()
        return frame if isinstance(frame, str) else frame.decode("utf-8", "replace")

    async def pass_on(self, frame: str | bytes) -> None:
        """Send a frame to the client, if it is still there."""
        kind = "text" if isinstance(frame, str) else "bytes"
        await self._tell({"type": "websocket.send", kind: frame})

    async def refuse(self, response: Response, problem: str) -> None:
        """Answer in place of a session, or end one that is open already."""
        if self._accepted:
            await self.close(_POLICY if response.status_code < 500 else _BROKEN, problem)
        else:
            with contextlib.suppress(OSError):
                await response(self._scope, self._receive, self._send)

    async def close(self, code: int, reason: str) -> None:
        """End the session."""
        await self._tell({"type": "websocket.close", "code": code, "reason": _short(reason)})
        self._gone = True

    async def _tell(self, message: dict[str, Any]) -> None:
        if self._gone:
            return
        try:
            await self._send(message)
        except (OSError, RuntimeError):  # the server calls it a mistake to write to one that it has dropped
            self._gone = True
            _LOG.debug("the client of a session has gone away")


class Opening(NamedTuple):
    """One way of opening a session."""

    call: Call
    """The session as it is recorded if it is opened so."""

    address: Address
    first: str | None = None
    """What is sent to the provider before anything else of the client."""


class Session:
    """One session of a client with a provider.

    Args:
        openings: whom to ask for it, in this order.
        ledger: where it is recorded.
        seams: the steps of metering.
        client: who asks.
        transcript: what is kept of it.
    """

    def __init__(
        self,
        openings: Sequence[Opening],
        ledger: Ledger,
        seams: Seams,
        client: Client,
        transcript: Transcript,
    ) -> None:
        self._openings = openings
        self._call = openings[0].call
        self._ledger = ledger
        self._seams = seams
        self._client = client
        self._transcript = transcript

    async def run(self, headers: Mapping[str, str], subprotocols: Sequence[str]) -> None:
        """Carry the session from its beginning to its end, and record it.

        Args:
            headers: what the provider gets of the client's headers.
            subprotocols: those that the client offers.
        """
        try:
            opened, first = await self._open(headers, subprotocols)
        except SessionRefused as refused:
            await self._refuse(refused)
            return
        async with opened.connection as provider:
            await self._client.accept(self._call.id, opened.headers, provider.subprotocol)
            if first is not None:
                await _send(provider, first)
            leaving = asyncio.create_task(self._up(provider))
            try:
                end = await self._down(provider)
            finally:
                leaving.cancel()
                await asyncio.wait((leaving,))
        await self._end(opened, end)

    async def _open(
        self, headers: Mapping[str, str], subprotocols: Sequence[str]
    ) -> tuple[Opened, str | None]:
        attempts = 0
        waiting = list(self._openings)
        while True:
            opening = waiting.pop(0)
            self._call = opening.call
            try:
                opened = await open_session(
                    opening.address, headers, subprotocols, retries=opening.call.alias.retries
                )
            except SessionRefused as refused:
                attempts += refused.attempts
                if not waiting or not may_be_another(refused.status):
                    refused.attempts = attempts
                    raise
            else:
                return replace(opened, attempts=attempts + opened.attempts), opening.first

    async def _up(self, provider: ClientConnection) -> None:
        """Pass on what the client sends, until it leaves."""
        try:
            while await _send(provider, await self._client.frame()):
                pass
        except ClientLeft as left:
            await provider.close(left.code, left.reason)

    async def _down(self, provider: ClientConnection) -> ConnectionClosed:
        """Pass on what the provider sends, and return how it ended."""
        try:
            while True:
                frame = await provider.recv()
                self._transcript.take(frame)
                await self._client.pass_on(frame)
                if self._transcript.is_full:
                    await provider.close(_POLICY, "the session is too long to be metered")
        except ConnectionClosed as closed:
            return closed

    async def _end(self, opened: Opened, end: ConnectionClosed) -> None:
        """Record the session, then tell the client of its end."""
        fault = self._transcript.fault
        if fault is not None:
            metered = Metered("refused", None, error=fault.to_json()["error"])
        else:
            response = {"status": 101, "headers": opened.headers, "events": self._transcript.events()}
            metered = await meter(self._call, response, self._seams)
        complete = end.rcvd is not None
        if not await self._record(metered, 101, opened.attempts, complete=complete):
            await self._client.close(_BROKEN, "the session could not be recorded")
        elif end.rcvd is not None:
            code = _NORMAL if end.rcvd.code in _UNSAID else end.rcvd.code
            await self._client.close(code, end.rcvd.reason)
        else:
            await self._client.close(_BROKEN, "the provider's session broke off")

    async def _refuse(self, refused: SessionRefused) -> None:
        """Tell the client that there is no session, in the provider's words where it had any."""
        response = {"status": refused.status, "headers": refused.headers, "text": ""}
        metered = await meter(self._call, response, self._seams)
        if not await self._record(metered, refused.status, refused.attempts, complete=False):
            problem = "the session could not be recorded"
            await self._client.refuse(Response(problem, 500), problem)
            return
        marks = {"x-decibill-request-id": self._call.id, "x-decibill-cost-status": metered.status}
        if metered.cost is not None:
            marks["x-decibill-cost"] = metered.cost
        kind = refused.headers.get("Content-Type", "text/plain")
        body = refused.body or refused.problem.encode()
        await self._client.refuse(Response(body, refused.status, marks, kind), refused.problem)

    async def _record(self, metered: Metered, http_status: int, attempts: int, *, complete: bool) -> bool:
        """Write the session's row, and tell whether it is durable."""
        row = metered.row(self._call, http_status=http_status, attempts=attempts, complete=complete)
        try:
            await self._ledger.record(*self._seams.rows(row))
        except LedgerError:
            _LOG.exception("session %s is not recorded", self._call.id)
            return False
        return True


async def _send(provider: ClientConnection, frame: str | bytes) -> bool:
    """Send a frame to the provider, and tell whether it was still there."""
    try:
        await provider.send(frame)
    except ConnectionClosed:
        return False
    return True


def _short(reason: str) -> str:
    return reason.encode()[:_LONGEST_REASON].decode("utf-8", "ignore")
