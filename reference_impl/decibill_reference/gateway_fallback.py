"""Who is asked: the model behind an alias, and where it fails those that stand in for it, in their order.

One stands in for another under the conditions under which a call may be repeated at all: before anything was
passed on, where the provider could not be reached or failed, and where it asks for patience. Whoever answers
is priced.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from decibill_reference.gateway_upstream import Answer, UpstreamFailure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decibill_reference.gateway_dialects import Address
    from decibill_reference.gateway_metering import Call
    from decibill_reference.gateway_upstream import Upstream

__all__ = ["Target", "answer_of", "may_be_another"]

_PATIENCE = 429


@dataclass(frozen=True, slots=True)
class Target:
    """One model that can be asked."""

    call: Call
    """The call as it is recorded if this model answers it."""

    address: Address
    body: bytes = b""


def may_be_another(status: int) -> bool:
    """Tell whether a call that was answered so may be made elsewhere."""
    return status >= 500 or status == _PATIENCE


async def answer_of(
    targets: Sequence[Target], upstream: Upstream, headers: Mapping[str, str]
) -> tuple[Call, Answer | UpstreamFailure]:
    """Ask until one answers; return what came of it, the attempts of all counted.

    Args:
        targets: whom to ask, at least one.
        upstream: the connections to all providers.
        headers: what the provider gets of the client's headers.
    """
    attempts = 0
    waiting = list(targets)
    while True:
        target = waiting.pop(0)
        try:
            answer = await upstream.send(
                target.address, target.body, headers, retries=target.call.alias.retries
            )
        except UpstreamFailure as failure:
            attempts += failure.attempts
            if failure.reached or not waiting:
                return target.call, UpstreamFailure(failure.problem, attempts, reached=failure.reached)
        else:
            attempts += answer.attempts
            if not waiting or not may_be_another(answer.response.status):
                return target.call, replace(answer, attempts=attempts)
            answer.response.close()
