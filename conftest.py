"""What all tests of the project start from."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

settings.register_profile(
    "decibill", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("decibill")
"""A test says the same on every machine, day and load; ``nox -s fuzz`` is what looks for something new."""


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs that tests start.

    A shell starts what runs in its background with SIGINT ignored, and children inherit that; a handler of
    any kind here gives them the default back.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
