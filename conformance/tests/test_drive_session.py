"""A session goes through a gateway frame by frame, and every way in which it can end is seen."""

from __future__ import annotations

from decimal import Decimal

from tests.driven import only
from tests.sessions import PRICE, hold, session_case


def test_a_session_passes_through_a_gateway_and_is_observed_at_every_source() -> None:
    driven, gateway, _ = hold([session_case()])
    observation = only(driven)
    (delivery,) = observation.deliveries
    assert delivery.error is None
    assert delivery.status == 101
    assert delivery.frames is not None
    assert len(delivery.frames) == 4
    (attempt,) = observation.attempts
    assert (attempt.method, attempt.path, attempt.problem) == ("GET", "/c/test--session/v1/realtime", None)
    body, ledger = observation.sources[0]
    assert body.usage["input_tokens"].value == 24
    assert body.sent["output_tokens"] == 9
    assert ledger.cost is not None
    assert ledger.cost.value == Decimal(PRICE)
    assert len(ledger.records) == 1
    assert gateway.closed_by_client == [1000]
