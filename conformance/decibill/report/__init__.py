"""The report of a run: one frozen value, from which JSON, text and JUnit are rendered."""

from __future__ import annotations
