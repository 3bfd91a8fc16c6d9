"""The gateway's client side of a session: opened at the provider, tried again where that is safe.

Nothing is used before a session is open, so an attempt that fails costs nothing. It is repeated when the
provider could not be reached or answered with a 5xx status, as often as the alias allows.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from decibill_reference.gateway_upstream import pause_after, said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decibill_reference.gateway_dialects import Address

__all__ = ["LARGEST_FRAME", "Opened", "SessionRefused", "open_session"]

LARGEST_FRAME: Final = 16 * 1024 * 1024
_OPEN_S: Final = 10.0
_WAITING_FRAMES: Final = 4


class SessionRefused(Exception):  # noqa: N818 - the provider's answer, not an error of ours
    """The provider opened no session.

    Args:
        problem: what happened, for a person.
        attempts: how often it was tried.
        status: what the provider answered, if it did.
        headers: those of its answer.
        body: that of its answer.
    """

    def __init__(
        self,
        problem: str,
        attempts: int,
        status: int = 502,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        self.problem = problem
        self.attempts = attempts
        self.status = status
        self.headers = headers or {}
        self.body = body
        super().__init__(problem, attempts, status)


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that is open."""

    connection: ClientConnection
    attempts: int

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the provider's answer."""
        assert self.connection.response is not None  # it is open
        return {name.lower(): value for name, value in self.connection.response.headers.raw_items()}


class _Connect(connect):
    """A connection that follows no redirect: it would carry the provider's key elsewhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return the answer itself."""
        return exc


async def open_session(
    address: Address, headers: Mapping[str, str], subprotocols: Sequence[str], *, retries: int = 0
) -> Opened:
    """Open a session and return it.

    Raises:
        SessionRefused: the provider opened none.
    """
    attempts = 0
    while True:
        attempts += 1
        try:
            connection = await _Connect(
                address.url,
                additional_headers={**headers, **address.credentials},
                user_agent_header=None,
                subprotocols=[Subprotocol(name) for name in subprotocols] or None,
                compression=None,
                # No proxy of the machine is used but what the configuration names.
                proxy=None,
                open_timeout=_OPEN_S,
                max_size=LARGEST_FRAME,
                max_queue=_WAITING_FRAMES,
            )
        except InvalidStatus as error:
            answer = error.response
            refused = SessionRefused(
                f"the provider answered {answer.status_code}",
                attempts,
                answer.status_code if answer.status_code >= 400 else 502,
                dict(answer.headers.raw_items()),
                bytes(answer.body or b""),
            )
        except (OSError, WebSocketException) as error:  # a TimeoutError is an OSError
            refused = SessionRefused(f"the provider opened no session: {said(error)}", attempts)
        else:
            return Opened(connection, attempts)
        if attempts > retries or refused.status < 500:
            raise refused
        await asyncio.sleep(pause_after(attempts))
