"""The report of a run as a page for people: one file, no network, readable without script."""

from __future__ import annotations
