"""The options and hooks of `test_gateway.py`; tests of our own do not see them."""

from decibill.pytest_plugin import (
    decibill_report,
    pytest_addoption,
    pytest_configure,
    pytest_generate_tests,
    pytest_terminal_summary,
)

__all__ = [
    "decibill_report",
    "pytest_addoption",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_terminal_summary",
]
