"""tokencost: two counts at two prices. It reads no answers, so the caller's counts are given to it."""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from bench.tools import CannotPriceError, Tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.payloads import Payload
    from bench.tools import Stage, Ways

__all__ = ["tool"]

_NO_READER = CannotPriceError("reads no answers")
_NO_CHARACTERS = CannotPriceError("has no prices but of tokens")


def tool(payloads: Sequence[Payload]) -> Tool:
    """Return tokencost with the text prices of *payloads*: it has no others.

    Raises:
        ImportError: it is not installed.
    """
    found = version("tokencost")
    tokencost: Any = importlib.import_module("tokencost")
    for payload in payloads:
        if "text_input_tokens" in payload.rates:
            given, answered = (payload.rates[f"text_{side}_tokens"] for side in ("input", "output"))
            tokencost.configure_model(
                payload.model, given[0] * 1000 / given[1], answered[0] * 1000 / answered[1]
            )

    def ways(payload: Payload) -> Ways:
        if "text_input_tokens" not in payload.rates:
            return {"bytes": _NO_READER, "body": _NO_READER, "own": _NO_CHARACTERS}
        given, answered = (payload.quantities[f"{side}_tokens"] for side in ("input", "output"))
        by_tokens, model = tokencost.calculate_cost_by_tokens, payload.model
        return {
            "bytes": _NO_READER,
            "body": _NO_READER,
            "own": lambda: by_tokens(given, model, "input") + by_tokens(answered, model, "output"),
        }

    calls: Mapping[Stage, str] = {
        "own": "`calculate_cost_by_tokens` of the input tokens, and of the output tokens, as given"
    }
    return Tool("tokencost", found, calls, ways)
