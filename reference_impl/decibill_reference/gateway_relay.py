"""Passing an upstream answer on to the client while it is metered.

There are three kinds. *Whole* answers (JSON, text, errors) are read to their end first, so that the headers
can state the cost. *Media* is metered by the request alone, so its headers can too, and its bytes are not
kept. *Streams* cannot know their cost in a header; the ledger has it.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from decibill_reference.gateway_cache import LARGEST_ANSWER, CachedAnswer, served_from_cache
from decibill_reference.gateway_metering import Metered, meter, unanswered
from decibill_reference.gateway_stream import StreamDigest
from decibill_reference.gateway_upstream import said
from decibill_reference.ledger import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Send

    from decibill_reference.gateway_metering import Call, Seams
    from decibill_reference.gateway_upstream import Answer, UpstreamFailure
    from decibill_reference.ledger import Ledger

__all__ = ["Relay", "error_body"]

_LOG: Final = logging.getLogger("decibill.gateway")

_OURS: Final = b"x-decibill-"
# Of one connection only, or no longer true of what is passed on.
_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"content-encoding",
        b"content-length",
        b"date",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-connection",
        b"server",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_AUDIO: Final = frozenset({"speech", "voice_conversion", "sound_generation"})
"""The operations that answer in audio."""

_TEXT: Final = ("application/json", "text/", "application/x-subrip")

Headers = list[tuple[bytes, bytes]]


def error_body(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    """Return an error in OpenAI's form."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Relay:
    """One call on its way back to the client."""

    call: Call
    ledger: Ledger
    seams: Seams
    client: Send
    digest: type[StreamDigest] = StreamDigest
    """What metering keeps of a stream."""

    keep: Callable[[CachedAnswer], None] | None = None
    """Who keeps whole answers to give them again."""

    async def answer(self, answer: Answer) -> None:
        """Pass an answer of the provider on, and record what the call used and cost."""
        response = answer.response
        kind = _kind(response.headers.get("content-type", ""))
        if response.status >= 400:
            await self._whole(answer)
        elif kind == "text/event-stream":
            await self._stream(answer)
        elif self._is_media(kind):
            await self._media(answer, kind)
        else:
            await self._whole(answer)

    def _is_media(self, kind: str) -> bool:
        return self.call.operation in _AUDIO and not kind.startswith(_TEXT)

    async def again(self, cached: CachedAnswer) -> None:
        """Give an answer again that was given before; it costs nothing."""
        if self.seams.cached_is_free:
            metered = served_from_cache(self.call)
        else:
            kind = _kind(cached.content_type)
            read: dict[str, Any] = {"text": cached.body.decode("utf-8", "replace")}
            if self._is_media(kind):
                read = {"media": {"content_type": kind}}
            response = {"status": 200, "headers": {"content-type": cached.content_type}, **read}
            metered = await meter(self.call, response, self.seams)
        if not await self._record(metered, 200, 0):
            await self._not_recorded()
            return
        headers = [
            (b"content-type", cached.content_type.encode("latin-1")),
            (b"content-length", b"%d" % len(cached.body)),
        ]
        await self._start(200, headers + self._marks(metered))
        await self._send(cached.body, last=True)

    async def failure(self, failure: UpstreamFailure) -> None:
        """Tell the client that the provider gave no answer, and record it."""
        if failure.reached:
            metered = unanswered(failure.problem)
        else:  # nobody received the request, so nobody bills it
            metered = await meter(self.call, {"status": 502, "text": ""}, self.seams)
        await self._own_error(502, failure.problem, metered, failure.attempts)

    async def _whole(self, answer: Answer) -> None:
        response = answer.response
        try:
            body = await response.read()
        except aiohttp.ClientError as error:
            problem = f"the provider's answer broke off: {said(error)}"
            await self._own_error(502, problem, unanswered(problem), answer.attempts)
            return
        text = body.decode("utf-8", "replace")
        metered = await meter(self.call, {**_head(response), "text": text}, self.seams)
        if not await self._record(metered, response.status, answer.attempts):
            await self._not_recorded()
            return
        body = self.seams.deliver(self.call.operation, body)
        self._keep(response, body)
        await self._start(response.status, self._headers(response, metered, len(body)))
        await self._send(body, last=True)

    async def _media(self, answer: Answer, kind: str) -> None:
        response = answer.response
        metered = await meter(self.call, {**_head(response), "media": {"content_type": kind}}, self.seams)
        left = _length(response)
        headers = self._headers(response, metered, left)
        empty = left == 0  # the headers are the whole response: it must not end before the row is there
        if not empty:
            await self._start(response.status, headers)
        held, complete = b"", True
        kept = bytearray()
        try:
            async for chunk in response.content.iter_any():
                if self.keep is not None and len(kept) <= LARGEST_ANSWER:
                    kept += chunk
                if left is not None and (left := left - len(chunk)) <= 0:
                    held = chunk  # with it the client has all that was announced: the response ends
                else:
                    await self._send(chunk)
        except aiohttp.ClientError:
            complete = False
        recorded = await self._record(metered, response.status, answer.attempts, complete=complete)
        if empty:
            if not recorded:
                await self._not_recorded()
                return
            await self._start(response.status, headers)
        if complete and recorded:
            self._keep(response, bytes(kept))
            await self._send(held, last=True)

    async def _stream(self, answer: Answer) -> None:
        response = answer.response
        digest = self.seams.digest(self.digest)
        await self._start(response.status, self._headers(response, None))
        complete = True
        try:
            async for chunk in response.content.iter_any():
                digest.feed(chunk)
                await self._send(chunk)
        except aiohttp.ClientError:
            complete = False
        metered = await meter(self.call, {**_head(response), "sse": digest.text()}, self.seams)
        recorded = await self._record(metered, response.status, answer.attempts, complete=complete)
        # An answer that the provider broke off is not ended: the client sees it break off as well.
        if complete and recorded:
            await self._send(b"", last=True)

    def _keep(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        if self.keep is not None and response.status == 200:
            self.keep(CachedAnswer(response.headers.get("content-type", ""), body))

    async def _record(
        self, metered: Metered, http_status: int, attempts: int, *, complete: bool = True
    ) -> bool:
        """Write the call's row, and tell whether it is durable."""
        row = metered.row(self.call, http_status=http_status, attempts=attempts, complete=complete)
        try:
            await self.ledger.record(*self.seams.rows(row))
        except LedgerError:
            _LOG.exception("call %s is not recorded", self.call.id)
            return False
        return True

    async def _own_error(self, status: int, problem: str, metered: Metered, attempts: int) -> None:
        if not await self._record(metered, status, attempts, complete=False):
            await self._not_recorded()
            return
        await self._own(status, problem, "upstream_error", metered)

    async def _not_recorded(self) -> None:
        """Fail the call: an answer that nobody recorded is an answer that nobody can bill."""
        await self._own(500, "the call could not be recorded", "server_error", None)

    async def _own(self, status: int, problem: str, kind: str, metered: Metered | None) -> None:
        body = json.dumps(error_body(problem, kind)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await self._start(status, headers + self._marks(metered))
        await self._send(body, last=True)

    def _headers(
        self, response: aiohttp.ClientResponse, metered: Metered | None, length: int | None = None
    ) -> Headers:
        kept = [(name, value) for name, value in response.raw_headers if not _is_ours(name.lower())]
        if length is not None:
            kept.append((b"content-length", b"%d" % length))
        return kept + self._marks(metered)

    def _marks(self, metered: Metered | None) -> Headers:
        marks = [(b"x-decibill-request-id", self.call.id.encode())]
        if metered is not None:
            marks.append((b"x-decibill-cost-status", metered.status.encode()))
            if metered.cost is not None:  # an unknown cost is never stated
                marks.append((b"x-decibill-cost", metered.cost.encode()))
        return marks

    async def _start(self, status: int, headers: Headers) -> None:
        await self._tell({"type": "http.response.start", "status": status, "headers": headers})

    async def _send(self, body: bytes, *, last: bool = False) -> None:
        await self._tell({"type": "http.response.body", "body": body, "more_body": not last})

    async def _tell(self, message: dict[str, Any]) -> None:
        try:
            await self.client(message)
        except OSError:
            _LOG.debug("the client of call %s has gone away", self.call.id)


def _is_ours(name: bytes) -> bool:
    """Return whether this gateway, and not the provider, says what stands in a header."""
    return name in _HOP_BY_HOP or name.startswith(_OURS)


def _head(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """Return what an exchange says of a response apart from its body."""
    headers = response.headers
    stated = {name.lower(): ", ".join(headers.getall(name)) for name in headers}
    return {"status": response.status, "headers": stated}


def _length(response: aiohttp.ClientResponse) -> int | None:
    """Return how long the body will be that is passed on, if the provider announced it."""
    announced: str = response.headers.get("content-length", "")
    return int(announced) if announced.isdecimal() and "content-encoding" not in response.headers else None
