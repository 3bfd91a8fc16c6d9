"""The names of checks, and the requirements that a case proves by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["RECORD_CHECKS", "SURFACES_AGREE", "gateway_checks", "requirements_of"]

RECORD_CHECKS: Final = frozenset({"usage", "charge", "error", "refund"})
"""Checks of records, which only a calculator shows."""

SURFACES_AGREE: Final = "AUB-GWY-989b"
"""Proven by ``agree`` wherever two sources state the cost of one call, whatever the case is about."""

Proves = Mapping[str, Sequence[str]]


def gateway_checks(proves: Proves) -> list[str]:
    """Return the checks of gateways that a case names, patterns such as ``ledger.*`` included."""
    return sorted({check for checks in proves.values() for check in checks} - RECORD_CHECKS)


def requirements_of(proves: Proves, check: str) -> tuple[str, ...]:
    """Return the requirements that *check* proves.

    ``ledger.*`` covers the quantities that no other entry of the case names, so that a requirement fails only
    through its own checks.
    """
    exact = [requirement for requirement, checks in proves.items() if check in checks]
    if not exact and "." in check:
        pattern = f"{check.partition('.')[0]}.*"
        exact = [requirement for requirement, checks in proves.items() if pattern in checks]
    if check == "agree" and not exact:
        exact = [SURFACES_AGREE]
    return tuple(sorted(exact))
