"""A provider on the loopback interface, for every test that needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pytest_httpserver import HTTPServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def provider() -> Iterator[HTTPServer]:
    with HTTPServer("127.0.0.1", threaded=True) as server:
        yield server


@pytest.fixture
def upstream(provider: HTTPServer) -> HTTPServer:
    """The provider, which has nothing to answer yet."""
    provider.clear()
    return provider
