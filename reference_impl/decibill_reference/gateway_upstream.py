"""The gateway's client side: one call to a provider, tried again where that is safe.

An attempt is repeated when the provider could not be reached or answered with a 5xx status, as often as the
alias allows and only before anything was passed on. A connection that breaks off after the request was sent
is not repeated: the provider may have billed it.
"""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from decibill_reference.gateway_dialects import Address

__all__ = ["Answer", "Upstream", "UpstreamFailure", "pause_after", "said"]

_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=10.0, sock_read=600.0)
_KEPT_IDLE_S: Final = 5.0
_LARGEST_HEADER: Final = 64 * 1024
_AT_ONCE: Final = 1024 * 1024
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0


class UpstreamFailure(Exception):  # noqa: N818 - it is the upstream's failure, not an error of ours
    """The provider gave no answer.

    Args:
        problem: what happened, for a person.
        attempts: how often it was tried.
        reached: whether the provider may have received the request.
    """

    def __init__(self, problem: str, attempts: int, *, reached: bool) -> None:
        self.problem = problem
        self.attempts = attempts
        self.reached = reached
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body has not been read."""

    response: aiohttp.ClientResponse
    attempts: int

    async def __aenter__(self) -> Answer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.response.close()


class Upstream:
    """One pool of connections to all providers."""

    def __init__(self) -> None:
        # No proxy or credential of the machine is used but what the configuration names.
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_IDLE_S),
            timeout=_TIMEOUT,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            max_line_size=_LARGEST_HEADER,
            max_field_size=_LARGEST_HEADER,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def send(
        self, address: Address, body: bytes, headers: Mapping[str, str], *, retries: int = 0
    ) -> Answer:
        """Send a request and return the answer of the last attempt.

        Raises:
            UpstreamFailure: there was no answer.
        """
        sent = {**headers, **address.credentials, "accept-encoding": "identity"}
        url = URL(address.url, encoded=True)
        attempts = 0
        while True:
            attempts += 1
            last = attempts > retries
            try:
                response = await self._client.post(
                    url, data=_in_pieces(body), headers=sent, allow_redirects=False
                )
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                if last:
                    problem = f"the provider cannot be reached: {said(error)}"
                    raise UpstreamFailure(problem, attempts, reached=False) from None
            except aiohttp.ClientError as error:
                problem = f"the provider gave no answer: {said(error)}"
                raise UpstreamFailure(problem, attempts, reached=True) from None
            else:
                if last or response.status < 500:
                    return Answer(response, attempts)
                response.close()
            await asyncio.sleep(pause_after(attempts))


def _in_pieces(body: bytes) -> bytes | io.BytesIO:
    """Return a body so that the writing of a large one does not hold up other calls."""
    return body if len(body) <= _AT_ONCE else io.BytesIO(body)


def pause_after(attempts: int) -> float:
    """Return how many seconds to wait after so many attempts."""
    return min(_FIRST_PAUSE_S * 2.0 ** (attempts - 1), _LONGEST_PAUSE_S)


def said(error: Exception) -> str:
    """Return what an error says, or its name where it says nothing."""
    # the text of this one holds the provider's whole address, which is no business of a client
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return text or type(error).__name__
