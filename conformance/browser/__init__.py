"""The pages of decibill in a real browser: ``nox -s browser``."""

from __future__ import annotations
