"""JSON that the gateway answers with, in ASCII.

A provider's answer can hold half of a surrogate pair, where a stream was cut in the middle of an emoji. JSON
can say it and UTF-8 cannot, so whatever quotes a provider or a client is written with escapes.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse

__all__ = ["AsciiJSON"]


class AsciiJSON(JSONResponse):
    """An answer in JSON that holds any text."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")
