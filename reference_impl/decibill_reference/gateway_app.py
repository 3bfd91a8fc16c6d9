"""The reference gateway's server side: calls and sessions of every dialect, and a ledger to look into.

What the provider sends reaches the client byte for byte. Audio and streams pass through as they come; other
answers are read whole first, so that their headers can state the cost. Before a response ends the call's
row is on disk. A client that goes away changes nothing: the answer is read to its end and billed
(AUB-GWY-5793). Sessions are carried by `gateway_realtime`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import uuid
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from decibill_reference import gateway_dialects_azure_speech, gateway_dialects_elevenlabs
from decibill_reference.gateway_body import BadRequest
from decibill_reference.gateway_cache import AnswerCache, CachedAnswer, key_of
from decibill_reference.gateway_dialects import PATHS
from decibill_reference.gateway_dialects_realtime import SESSIONS
from decibill_reference.gateway_fallback import Target, answer_of
from decibill_reference.gateway_json import AsciiJSON
from decibill_reference.gateway_metering import SOUND, Call, Seams
from decibill_reference.gateway_realtime import Client, ClientLeft, Opening, Session
from decibill_reference.gateway_refunds import answer_refund, answer_refunds_of_call, ledger_unavailable
from decibill_reference.gateway_relay import Relay, error_body
from decibill_reference.gateway_upstream import Upstream, UpstreamFailure
from decibill_reference.ledger import LedgerError, timestamp
from decibill_reference.prices import instant

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from decibill_reference.gateway_config import Alias, GatewayConfig
    from decibill_reference.gateway_dialects import Dialect
    from decibill_reference.gateway_dialects_realtime import SessionDialect, Setup
    from decibill_reference.gateway_upstream import Answer
    from decibill_reference.ledger import Ledger

__all__ = ["Gateway"]

D = TypeVar("D")
T = TypeVar("T")

_LARGEST_BODY: Final = 64 * 1024 * 1024
_FORWARDED: Final = frozenset(
    {
        "accept",
        "content-type",
        "openai-beta",
        "openai-organization",
        "openai-project",
        "pronunciation-assessment",
        "x-microsoft-outputformat",
    }
)
_FORWARDED_TO_SESSIONS: Final = frozenset({"openai-beta", "openai-organization", "openai-project"})
_KEY_SUBPROTOCOL: Final = "openai-insecure-api-key."
_KEY_HEADERS: Final = ("api-key", "ocp-apim-subscription-key", "x-goog-api-key", "xi-api-key")
_MOST_ROWS: Final = 1000
_END_OF_TIME: Final = "9"


class _Refusal(Exception):  # noqa: N818 - a response, not an error
    """A request that is answered without the provider."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.response = JSONResponse(error_body(message, kind, code), status)
        super().__init__(message)


class Gateway:
    """A gateway over one configuration and one open ledger."""

    def __init__(self, config: GatewayConfig, ledger: Ledger, seams: Seams = SOUND) -> None:
        self._config = config
        self._ledger = ledger
        self._seams = seams
        self._upstream: Upstream | None = None
        self._cache = AnswerCache()

    def application(self) -> Starlette:
        """Return the ASGI application."""
        paths: Sequence[tuple[str, Dialect]] = (
            *PATHS,
            *gateway_dialects_azure_speech.PATHS,
            *gateway_dialects_elevenlabs.PATHS,
        )
        calls = [Route(path, _Endpoint(self.call, dialect), methods=["POST"]) for path, dialect in paths]
        sessions = [WebSocketRoute(path, _Endpoint(self.session, dialect)) for path, dialect in SESSIONS]
        own = [
            Route("/health", self._health),
            Route("/v1/models", self._models),
            Route("/v1/usage", self._usage),
            Route("/v1/usage/{id}", self._usage_of_call),
            Route("/v1/usage/{id}/refunds", self._refunds_of_call),
            Route("/v1/refunds", self._refund, methods=["POST"]),
        ]
        return Starlette(
            routes=[*calls, *sessions, *own],
            lifespan=self._lifespan,
            exception_handlers={
                _Refusal: _refuse,
                HTTPException: _http_error,
                LedgerError: _ledger_error,
            },
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        self._upstream = Upstream()
        try:
            yield
        finally:
            await self._upstream.aclose()

    async def call(self, dialect: Dialect, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call of a client."""
        headers = _headers(scope)
        self._authorise(headers)
        content = await _read_body(receive)
        if content is None:
            return  # the client went away before it had asked for anything
        content_type = headers.setdefault("content-type", "application/json")
        try:
            body = dialect.parse(content, content_type)
        except BadRequest as error:
            raise _Refusal(400, str(error)) from None
        path: Mapping[str, str] = scope.get("path_params", {})
        named = path.get("alias")
        alias = self._alias(body.model if named is None else named)
        forwarded = {key: value for key, value in headers.items() if key in _FORWARDED}
        call = Call(
            id=str(uuid.uuid4()),
            at=timestamp(self._config.clock()),
            alias=alias,
            operation=dialect.operation_of(body),
            request={"headers": forwarded, **body.request()},
            upload=body.upload,
            upload_name=body.upload_name,
        )
        keep: Callable[[CachedAnswer], None] | None = None
        if alias.caches:
            key = key_of(alias.name, scope["path"], scope["query_string"], content_type, content)
            cached = self._cache.find(key)
            if cached is not None:
                await Relay(call, self._ledger, self._seams, send).again(cached)
                return
            keep = partial(self._cache.keep, key)
        query = _query(scope)

        def target_of(target: Alias) -> Target:
            return Target(
                replace(call, alias=target),
                dialect.address(target, query, path),
                dialect.forwarded(target, body),
            )

        try:
            targets = _reachable(alias, target_of)
        except BadRequest as error:
            raise _Refusal(400, str(error)) from None
        assert self._upstream is not None  # the lifespan has begun
        answered, answer = await answer_of(targets, self._upstream, forwarded)
        relay = Relay(answered, self._ledger, self._seams, send, dialect.digest, keep)
        await self._pass_on(answer, relay, receive)

    async def _pass_on(self, answer: Answer | UpstreamFailure, relay: Relay, receive: Receive) -> None:
        """Tell the client what came of a call."""
        if isinstance(answer, UpstreamFailure):
            await relay.failure(answer)
            return
        async with answer:
            await self._seams.carry(receive, relay.answer(answer))

    async def session(self, dialect: SessionDialect, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one session of a client."""
        headers, query = _headers(scope), _query(scope)
        offered: list[str] = scope["subprotocols"]
        # A browser sets no headers; providers take its key from the query or from a subprotocol.
        self._authorise(headers, *_keys_of_a_browser(query, offered))
        client = Client(scope, receive, send)
        assert (await receive())["type"] == "websocket.connect"
        call_id, at = str(uuid.uuid4()), timestamp(self._config.clock())
        setup: Setup | None = None
        forwarded = {key: value for key, value in headers.items() if key in _FORWARDED_TO_SESSIONS}
        request = {"method": "GET", "path": scope["path"], "headers": forwarded}

        def opening_of(target: Alias) -> Opening:
            return Opening(
                Call(call_id, at, target, "realtime", request),
                dialect.address(target, query),
                None if setup is None else setup.forwarded(target.model),
            )

        try:
            name = dialect.named(query)
            if name is None:
                await client.accept(call_id, {}, None)
                setup = dialect.setup(await client.first())
                name = setup.alias
            openings = _reachable(self._alias(name), opening_of)
        except (BadRequest, _Refusal) as error:
            refusal = error if isinstance(error, _Refusal) else _Refusal(400, str(error))
            await client.refuse(refusal.response, str(refusal))
            return
        except ClientLeft:
            return
        session = Session(openings, self._ledger, self._seams, client, dialect.transcript())
        subprotocols = [name for name in offered if not name.startswith(_KEY_SUBPROTOCOL)]
        await session.run(forwarded, subprotocols)

    def _alias(self, name: str | None) -> Alias:
        alias = self._config.aliases.get(name or "")
        if alias is None:
            wanted = f"there is no model {name!r} here" if name else "the request names no model"
            raise _Refusal(404, f"{wanted}; GET /v1/models lists them", "model_not_found")
        return alias

    def _authorise(self, headers: Mapping[str, str], *others: str) -> None:
        """Let only those in who know the key, by the header of any dialect."""
        if self._config.key is None:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        bare = (headers[name] for name in _KEY_HEADERS if name in headers)
        given = token.strip() if scheme.lower() == "bearer" else next(chain(bare, others), "")
        if not hmac.compare_digest(given.encode(), self._config.key.encode()):
            raise _Refusal(401, "the gateway's key is missing or wrong", "invalid_api_key")

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _models(self, request: Request) -> Response:
        self._authorise(request.headers)
        models = [
            {"id": alias.name, "object": "model", "owned_by": alias.provider}
            for alias in self._config.aliases.values()
        ]
        return JSONResponse({"object": "list", "data": models})

    async def _usage_of_call(self, request: Request) -> Response:
        self._authorise(request.headers)
        call_id: str = request.path_params["id"]
        row = await asyncio.to_thread(self._ledger.find, call_id)
        if row is None:
            raise _Refusal(404, f"there is no call {call_id!r}", "call_not_found")
        return AsciiJSON(row.to_json())

    async def _refunds_of_call(self, request: Request) -> Response:
        self._authorise(request.headers)
        return await answer_refunds_of_call(self._ledger, request.path_params["id"])

    async def _refund(self, request: Request) -> Response:
        self._authorise(request.headers)
        content = await _read_body(request.receive)
        if content is None:
            return Response()  # to nobody: the client went away before it had asked for anything
        return await answer_refund(self._ledger, content, timestamp(self._config.clock()))

    async def _usage(self, request: Request) -> Response:
        self._authorise(request.headers)
        since = _instant(request, "since", "")
        until = _instant(request, "until", _END_OF_TIME)
        limit = _limit(request)
        rows = await asyncio.to_thread(self._ledger.rows, since, until, limit + 1)
        return AsciiJSON({"data": [row.to_json() for row in rows[:limit]], "more": len(rows) > limit})


class _Endpoint(Generic[D]):
    """The ASGI application of one endpoint: no task or queue between the provider and the client."""

    def __init__(self, serve: Callable[[D, Scope, Receive, Send], Awaitable[None]], dialect: D) -> None:
        self._serve = serve
        self._dialect = dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._serve(self._dialect, scope, receive, send)
        except _Refusal as refusal:
            await refusal.response(scope, receive, send)


def _reachable(alias: Alias, way_to: Callable[[Alias], T]) -> list[T]:
    """Return the ways to a model and to those that stand in for it, as far as the dialect can reach them.

    Raises:
        BadRequest: it cannot reach the model itself.
    """
    ways = [way_to(alias)]
    for other in alias.fallback:
        with contextlib.suppress(BadRequest):
            ways.append(way_to(other))
    return ways


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, _Refusal)
    return error.response


async def _ledger_error(_: Request, error: Exception) -> Response:
    return ledger_unavailable(str(error))


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = error_body(str(error.detail), "invalid_request_error")
    return JSONResponse(body, error.status_code, headers=error.headers)


async def _read_body(receive: Receive) -> bytes | None:
    """Return the request's body, or None if the client went away while sending it."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > _LARGEST_BODY:
            raise _Refusal(413, f"the request is larger than {_LARGEST_BODY} bytes")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _keys_of_a_browser(query: Mapping[str, str], subprotocols: Sequence[str]) -> list[str]:
    in_query = [query[name] for name in ("key", "api-key") if name in query]
    offered = [name for name in subprotocols if name.startswith(_KEY_SUBPROTOCOL)]
    return in_query + [name.removeprefix(_KEY_SUBPROTOCOL) for name in offered]


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1")))


def _instant(request: Request, name: str, default: str) -> str:
    text = request.query_params.get(name)
    if not text:
        return default
    moment = instant(text)
    if moment is None:
        raise _Refusal(
            400, f"{name} must be a date or a UTC timestamp such as 2026-11-21T12:00:00Z, not {text!r}"
        )
    return timestamp(moment)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "100")
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= _MOST_ROWS):
        raise _Refusal(400, f"limit must be a whole number from 1 to {_MOST_ROWS}, not {text!r}")
    return int(text)
