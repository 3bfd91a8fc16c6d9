"""Conformance suite of decibill, the open specification of audio usage and billing."""

from __future__ import annotations

__all__ = ["SPEC_VERSION", "__version__"]

__version__ = "0.1.0"

SPEC_VERSION = "0.1"
"""Version of the specification that this suite judges by."""
