"""genai-prices: `extract_usage` of the parsed body, then `calc_price`, with our prices in its snapshot."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from bench.payloads import parsed
from bench.tools import CannotPriceError, Tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.payloads import Payload, Rates
    from bench.tools import Stage, Ways

__all__ = ["tool"]

PROVIDERS: Final = {"openai": "openai", "gemini": "google"}
FLAVORS: Final = {
    ("openai", "chat"): "chat",
    ("openai", "realtime"): "realtime",
    ("gemini", "chat"): "default",
}

# A price of text is that of all tokens, beside which those of other modalities stand. Images and video are
# left out: no payload has images, and video is at the price of text.
PRICES: Final = {
    "text_input_tokens": "input_mtok",
    "audio_input_tokens": "input_audio_mtok",
    "cached_text_input_tokens": "cache_read_mtok",
    "cached_audio_input_tokens": "cache_audio_read_mtok",
    "text_output_tokens": "output_mtok",
    "audio_output_tokens": "output_audio_mtok",
    "tts_characters": "input_mchars",
}
USAGE: Final = {
    "input_tokens": "input_tokens",
    "audio_input_tokens": "input_audio_tokens",
    "output_tokens": "output_tokens",
    "audio_output_tokens": "output_audio_tokens",
    "tts_characters": "input_characters",
}


def tool(payloads: Sequence[Payload]) -> Tool:
    """Return genai-prices with the prices of *payloads* before those of its own list.

    Raises:
        ImportError: it is not installed.
    """
    found = version("genai-prices")
    genai: Any = importlib.import_module("genai_prices")
    snapshots: Any = importlib.import_module("genai_prices.data_snapshot")
    models = _put_prices_in(payloads, snapshots)

    def ways(payload: Payload) -> Ways:
        provider, model = PROVIDERS[str(payload.head["provider"])], models[payload.model]
        at = datetime.fromisoformat(str(payload.head["at"]))
        flavor = FLAVORS.get((str(payload.head["provider"]), payload.operation))
        if flavor is None:
            usage = genai.Usage(
                **{USAGE[key]: count for key, count in payload.quantities.items() if key in USAGE}
            )
            lack = CannotPriceError(f"no extractor for {payload.operation} of {provider}")

            def of_usage() -> Any:
                found = genai.calc_price(
                    usage, payload.model, provider_id=provider, genai_request_timestamp=at
                )
                return found.total_price

            return {"bytes": lack, "body": lack, "own": of_usage}

        def cost(values: list[Any]) -> Any:
            return extracted(values).calc_price(genai_request_timestamp=at, model=model).total_price

        def extracted(values: list[Any]) -> Any:
            if payload.operation != "realtime":
                return genai.extract_usage(values[0], provider_id=provider, api_flavor=flavor)
            (done,) = (frame for frame in values if frame["type"] == "response.done")
            return genai.extract_usage(done, provider_id=provider, api_flavor=flavor)

        values = parsed(payload.messages)
        own = extracted(values)
        return {
            "bytes": lambda: cost([json.loads(message) for message in payload.messages]),
            "body": lambda: cost(values),
            "own": lambda: own.calc_price(genai_request_timestamp=at, model=model).total_price,
        }

    calls: Mapping[Stage, str] = {
        "bytes": "`json.loads`, then as below",
        "body": "`extract_usage(body, provider_id=…, api_flavor=…).calc_price(…).total_price`",
        "own": "`calc_price` of an `ExtractedUsage`, or of a `Usage` where there is no extractor",
    }
    return Tool("genai-prices", found, calls, ways)


def _put_prices_in(payloads: Sequence[Payload], snapshots: Any) -> Mapping[str, Any]:
    """Make the prices part of the snapshot that all its functions use, and return the models."""
    types: Any = importlib.import_module("genai_prices.types")
    models: dict[str, Any] = {}
    owners: dict[str, dict[str, Any]] = {}
    for payload in payloads:
        match = types.ClauseEquals(equals=payload.model)
        prices = types.ModelPrice(**_prices(payload.rates))
        models[payload.model] = types.ModelInfo(id=payload.model, match=match, prices=prices)
        owners.setdefault(PROVIDERS[str(payload.head["provider"])], {})[payload.model] = models[payload.model]
    providers = [
        replace(provider, models=[*owners.get(provider.id, {}).values(), *provider.models])
        for provider in snapshots.get_snapshot().providers
    ]
    snapshots.set_custom_snapshot(snapshots.DataSnapshot(providers=providers, from_auto_update=False))
    return models


def _prices(rates: Rates) -> dict[str, Decimal]:
    return {
        PRICES[quantity]: amount * 1_000_000 / per
        for quantity, (amount, per) in rates.items()
        if quantity in PRICES
    }
