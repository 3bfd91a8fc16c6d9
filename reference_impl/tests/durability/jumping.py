"""A gateway whose clock jumps: ``python -m tests.durability.jumping --config FILE``."""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from decibill_reference.gateway import GatewayConfig, serve_forever

__all__: list[str] = []

_JUMPS: Final = (0, 0, 0.001, -0.001, 3600, -3600, 400 * 86400, -400 * 86400)
"""Seconds: corrections by a time server, summer time, and a battery that is empty."""


def _clock() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=random.choice(_JUMPS))


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = replace(GatewayConfig.load(parser.parse_args().config), clock=_clock)
    serve_forever(config, started=lambda url: sys.stderr.write(f"gateway at {url}\n"))


if __name__ == "__main__":
    _main()
