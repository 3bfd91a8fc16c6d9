"""The gateway's own cache: answers that are given again without the provider, and therefore free.

Only whole answers of status 200 are kept, for the very same request: path, query, content type and body. The
cache lives in memory, has a bound, and drops what was not asked for the longest.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from decibill_reference.charge_record import Charge
from decibill_reference.gateway_metering import Metered
from decibill_reference.usage import UsageRecord

if TYPE_CHECKING:
    from decibill_reference.gateway_metering import Call

__all__ = ["LARGEST_ANSWER", "AnswerCache", "CachedAnswer", "key_of", "served_from_cache"]

LARGEST_ANSWER: Final = 1024 * 1024
_MOST_ANSWERS: Final = 100


class CachedAnswer(NamedTuple):
    """An answer that can be given again."""

    content_type: str
    body: bytes


class AnswerCache:
    """The answers that are kept, the latest used last."""

    def __init__(self) -> None:
        self._answers: OrderedDict[bytes, CachedAnswer] = OrderedDict()

    def find(self, key: bytes) -> CachedAnswer | None:
        """Return the answer to a request, or None."""
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
        return answer

    def keep(self, key: bytes, answer: CachedAnswer) -> None:
        """Keep an answer, unless it is too large."""
        if len(answer.body) > LARGEST_ANSWER:
            return
        self._answers[key] = answer
        if len(self._answers) > _MOST_ANSWERS:
            self._answers.popitem(last=False)


def key_of(alias: str, path: str, query: bytes, content_type: str, body: bytes) -> bytes:
    """Return what two requests have in common only if they are the same."""
    digest = hashlib.sha256()
    for part in (alias.encode(), path.encode(), query, content_type.encode(), body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def served_from_cache(call: Call) -> Metered:
    """Return the metering of a call that no provider answered: nothing was used (AUB-GWY-8601)."""
    alias = call.alias
    usage = UsageRecord(
        provider=alias.provider,
        surface=alias.surface,
        operation=call.operation,
        model=alias.model,
        at=call.at,
        quantities={},
        basis={},
        unknown=(),
        flags=(),
    )
    charge = Charge("not_billable", alias.book.currency, Decimal(0))
    return Metered(charge.status, "0", usage, charge)
