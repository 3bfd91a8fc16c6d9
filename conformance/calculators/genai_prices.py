"""genai-prices 0.2.3, asked by lines: its extractors read the answer, the suite's prices stand in its model.

Run it with the Python of an environment that has the package::

    decibill run --calculator "PYTHON conformance/calculators/genai_prices.py"
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path = [place for place in sys.path if Path(place or ".").resolve() != Path(__file__).resolve().parent]

from genai_prices import Usage  # noqa: E402 - this file has the package's name, so its folder leaves the path
from genai_prices.data_snapshot import find_provider_by_id, get_snapshot  # noqa: E402
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice, Provider  # noqa: E402

sys.path.append(str(Path(__file__).resolve().parent))

from common import Answer, NotDeclaredError, events_of, only_entry, serve  # noqa: E402

PROVIDERS = {"openai": "openai", "azure": "azure", "gemini": "google"}
FLAVORS = {
    ("openai", "chat"): "chat",
    ("azure", "chat"): "chat",
    ("openai", "realtime"): "realtime",
    ("azure", "realtime"): "realtime",
}
GOOGLE = frozenset({"chat", "speech", "transcription"})
"""All three are generateContent, which its only extractor for Google's own API reads."""

# In its own data a price of text is that of all tokens, beside which those of other modalities stand.
PRICES = {
    "text_input_tokens": "input_mtok",
    "input_tokens": "input_mtok",
    "audio_input_tokens": "input_audio_mtok",
    "image_input_tokens": "input_image_mtok",
    "video_input_tokens": "input_video_mtok",
    "cached_text_input_tokens": "cache_read_mtok",
    "cached_input_tokens": "cache_read_mtok",
    "cached_audio_input_tokens": "cache_audio_read_mtok",
    "cached_image_input_tokens": "cache_image_read_mtok",
    "cached_video_input_tokens": "cache_video_read_mtok",
    "text_output_tokens": "output_mtok",
    "output_tokens": "output_mtok",
    "audio_output_tokens": "output_audio_mtok",
    "image_output_tokens": "output_image_mtok",
    "reasoning_output_tokens": "output_reasoning_mtok",
}
QUANTITIES = {
    "input_tokens": "input_tokens",
    "input_audio_tokens": "audio_input_tokens",
    "cache_read_tokens": "cached_input_tokens",
    "cache_audio_read_tokens": "cached_audio_input_tokens",
    "output_tokens": "output_tokens",
    "output_audio_tokens": "audio_output_tokens",
    "output_reasoning_tokens": "reasoning_output_tokens",
}


def answer(asked: Mapping[str, Any]) -> Answer:
    """Return the cost and the quantities of an exchange."""
    exchange = asked["exchange"]
    provider, flavor = _reader(exchange)
    usage = _usage(provider, flavor, exchange)
    prices = _prices(asked, usage)
    if usage is None:
        return {"cost": None, "quantities": {}}
    stated = usage._reported_values()  # noqa: SLF001 - all of them; it has no public list
    extractor = next(each for each in provider.extractors or () if each.api_flavor == flavor)
    known = {mapping.dest for mapping in extractor.mappings} & QUANTITIES.keys()
    quantities = {QUANTITIES[name]: stated.get(name) for name in sorted(known)}
    return {"cost": _cost(usage, provider, prices, exchange), "quantities": quantities}


def _reader(exchange: Mapping[str, Any]) -> tuple[Provider, str]:
    name, operation = exchange["provider"], exchange["operation"]
    if name == "gemini" and operation in GOOGLE:
        if "sse" in exchange["response"]:
            raise NotDeclaredError("streams of Gemini, of which each event has usage")
        # the body of Google's route for clients of OpenAI has an extractor of its own
        flavor = "chat" if "choices" in exchange["response"].get("json", {}) else "default"
    elif (name, operation) in FLAVORS:
        flavor = FLAVORS[name, operation]
    else:
        raise NotDeclaredError(f"an extractor for {operation} of {name}")
    provider = find_provider_by_id(get_snapshot().providers, PROVIDERS[name])
    assert provider is not None
    return provider, flavor


def _prices(asked: Mapping[str, Any], usage: Usage | None) -> ModelPrice | None:
    """Return the prices, without those of images and video where the call has neither.

    It refuses a card with a price for them and one for cached tokens, but none for both at once.
    """
    entry = only_entry(asked)
    if entry is None:
        return None
    prices: dict[str, Decimal] = {}
    for quantity, rate in entry["rates"].items():
        if not _used(quantity, usage):
            continue
        if quantity not in PRICES:
            raise NotDeclaredError(f"a price of {quantity}")
        prices[PRICES[quantity]] = Decimal(rate["amount"]) * 1_000_000 / Decimal(rate["per"])
    return ModelPrice(**prices)  # type: ignore[arg-type]  # its constructor takes any registered unit


def _used(quantity: str, usage: Usage | None) -> bool:
    for modality in ("image", "video"):
        if modality in quantity:
            return usage is None or any(
                modality in name and count
                for name, count in usage._reported_values().items()  # noqa: SLF001 - as above
            )
    return True


def _usage(provider: Provider, flavor: str, exchange: Mapping[str, Any]) -> Usage | None:
    """Return the usage of the event that has one, or of a session the sum over its responses."""
    if flavor == "realtime":
        responses = [_read(provider, flavor, event) for event in _responses(exchange)]
        known = [usage for usage in responses if usage is not None]
        return sum(known, start=Usage()) if len(known) == len(responses) else None
    found = [_read(provider, flavor, event) for event in events_of(exchange)]
    return next((usage for usage in reversed(found) if usage is not None), None)


def _read(provider: Provider, flavor: str, event: Mapping[str, Any]) -> Usage | None:
    tier = event.get("service_tier") or event.get("usageMetadata", {}).get("trafficType")
    if tier not in {None, "default", "auto", "standard", "ON_DEMAND"}:
        raise NotDeclaredError("a choice between prices of one model")
    try:
        return provider.extract_usage(event, api_flavor=flavor)[1]
    except ValueError:
        return None  # it says so of an event without usage, and of usage that it cannot read


def _responses(exchange: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what its extractor for sessions reads: the responses that are done."""
    if "events" not in exchange["response"]:
        raise NotDeclaredError("a session that was not held over a WebSocket")
    for each in exchange["response"]["events"]:
        frame = each.get("frame", {})
        kind = frame.get("type", "")
        if kind == "response.done":
            yield frame
        elif "usage" in frame or "transcription.completed" in kind or each.get("close", 1000) != 1000:
            raise NotDeclaredError("a session with other models or without an end")


def _cost(
    usage: Usage, provider: Provider, prices: ModelPrice | None, exchange: Mapping[str, Any]
) -> str | None:
    if prices is None:
        return None  # it raises LookupError where it does not know the model
    model = ModelInfo(id=exchange["model"], match=ClauseEquals(exchange["model"]), prices=prices)
    at = datetime.fromisoformat(exchange["at"])
    try:
        return str(model.calc_price(usage, provider, genai_request_timestamp=at).total_price)
    except ValueError as error:
        if "Missing ancestor price" in str(error) or "Missing join price" in str(error):
            raise NotDeclaredError(
                "a price for one modality and none for all, or for each when cached"
            ) from None
        return None  # usage at odds with itself, or a part of it that the price needs and the answer lacks


if __name__ == "__main__":
    serve("genai-prices", version("genai-prices"), answer)
