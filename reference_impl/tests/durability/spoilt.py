"""Gateways that a trial must find out: ``python -m tests.durability.spoilt WAY --config FILE``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from decibill_reference import ledger_refunds
from decibill_reference.gateway import GatewayConfig, serve_forever
from decibill_reference.ledger import Ledger

if TYPE_CHECKING:
    from decibill_reference.charge_record import Charge
    from decibill_reference.ledger import LedgerRow
    from decibill_reference.refund import Refund, RefundRequest

__all__: list[str] = []

_sound_record = Ledger.record
_sound_refund = ledger_refunds.refund
_later: list[asyncio.TimerHandle] = []


async def _answer_first(self: Ledger, *rows: LedgerRow) -> None:
    """Write a row some time after the response."""

    def write() -> None:
        asyncio.ensure_future(_sound_record(self, *rows))  # noqa: RUF006 - lost, as is the point of it

    _later.append(asyncio.get_running_loop().call_later(60, write))


def _forget_earlier(charge: Charge, request: RefundRequest, _: object) -> Refund:
    """Make a refund as if it were the first."""
    return _sound_refund(charge, request, ())


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=("answers-first", "forgets-refunds"))
    parser.add_argument("--config", type=Path, required=True)
    options = parser.parse_args()
    if options.way == "answers-first":
        Ledger.record = _answer_first  # type: ignore[method-assign]
    else:
        ledger_refunds.refund = _forget_earlier
    config = GatewayConfig.load(options.config)
    serve_forever(config, started=lambda url: sys.stderr.write(f"gateway at {url}\n"))


if __name__ == "__main__":
    _main()
