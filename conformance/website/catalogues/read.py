"""Read the prices of audio out of another tool's catalogue, for the models of our public price book.

A program of its own: it needs the tool in its environment, and nothing of decibill. ::

    python conformance/website/catalogues/read.py litellm fixtures/price-books/public-2026-11.json
    python conformance/website/catalogues/read.py genai-prices fixtures/price-books/public-2026-11.json

It prints rows for ``prices.json``. A model that has a price for text and none for the audio in question gets
a row with ``"as": "text"``: that is what such a tool charges for it.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

DAY: Final = datetime(2026, 11, 21, tzinfo=UTC)
Price = tuple[str, str, str]
"""Amount, per, and ``audio`` or ``text``."""

_MILLION: Final = "1000000"
_LITELLM: Final[Mapping[str, Sequence[tuple[str, str, str]]]] = {
    "audio_input_tokens": [
        ("input_cost_per_audio_token", "1", "audio"),
        ("input_cost_per_token", "1", "text"),
    ],
    "audio_output_tokens": [
        ("output_cost_per_audio_token", "1", "audio"),
        ("output_cost_per_token", "1", "text"),
    ],
    "cached_audio_input_tokens": [
        ("cache_read_input_audio_token_cost", "1", "audio"),
        ("cache_read_input_token_cost", "1", "text"),
    ],
    "audio_duration_seconds": [
        ("input_cost_per_second", "1", "audio"),
        ("cost_per_second", "1", "audio"),
        ("output_cost_per_second", "1", "audio"),
    ],
    "tts_characters": [("input_cost_per_character", "1", "audio")],
}
_GENAI: Final[Mapping[str, Sequence[tuple[str, str, str]]]] = {
    "audio_input_tokens": [("input_audio_mtok", _MILLION, "audio"), ("input_mtok", _MILLION, "text")],
    "audio_output_tokens": [("output_audio_mtok", _MILLION, "audio"), ("output_mtok", _MILLION, "text")],
    "cached_audio_input_tokens": [
        ("cache_audio_read_mtok", _MILLION, "audio"),
        ("cache_read_mtok", _MILLION, "text"),
    ],
    "audio_duration_seconds": [("audio_hours", "3600", "audio"), ("input_audio_hours", "3600", "audio")],
    "tts_characters": [("input_mchars", _MILLION, "audio")],
}


def wanted(book: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield provider, model and quantity of every price of audio in a price book, each once."""
    seen: dict[tuple[str, str, str], None] = {}
    for entry in book["entries"]:
        for model in entry["models"]:
            for quantity in entry["rates"]:
                if quantity in _LITELLM:
                    seen[entry["provider"], model, quantity] = None
    yield from sorted(seen)


def from_litellm() -> Callable[[str, str, str], Price | None]:
    """Return what LiteLLM's map says of a provider, a model and a quantity."""
    package = Path(str(importlib.import_module("litellm").__file__)).parent
    text = (package / "model_prices_and_context_window_backup.json").read_text("utf-8")
    prices = json.loads(text, parse_float=Decimal)

    def said(provider: str, model: str, quantity: str) -> Price | None:
        entry = prices.get(model if provider == "openai" else f"{provider}/{model}")
        return None if entry is None else _first(entry.get, _LITELLM[quantity])

    return said


def from_genai_prices() -> Callable[[str, str, str], Price | None]:
    """Return what genai-prices says of a provider, a model and a quantity."""
    providers = {each.id: each for each in importlib.import_module("genai_prices.data").providers}
    names = {"gemini": "google"}

    def said(provider: str, model: str, quantity: str) -> Price | None:
        found = providers[names.get(provider, provider)].find_model(model)
        if found is None:
            return None
        prices = found.get_prices(DAY)

        def of(name: str) -> Any:
            value = getattr(prices, name, None)
            return getattr(value, "base", value)  # of a price by tiers, the first

        return _first(of, _GENAI[quantity])

    return said


def _first(value_of: Callable[[str], Any], members: Sequence[tuple[str, str, str]]) -> Price | None:
    for name, per, kind in members:
        value = value_of(name)
        if value:  # a price of 0 is no price of a call that is not free
            return format(Decimal(value).normalize(), "f"), per, kind
    return None


def main(arguments: Sequence[str]) -> int:
    """Print the rows of one catalogue; return the exit code."""
    readers = {"litellm": from_litellm, "genai-prices": from_genai_prices}
    if len(arguments) != 2 or arguments[0] not in readers:
        sys.stderr.write(f"usage: read.py {'|'.join(readers)} PRICE-BOOK\n")
        return 2
    catalogue, book = arguments
    said = readers[catalogue]()
    for provider, model, quantity in wanted(json.loads(Path(book).read_text("utf-8"))):
        price = said(provider, model, quantity)
        if price is not None:
            amount, per, kind = price
            row = {"catalogue": catalogue, "provider": provider, "model": model, "quantity": quantity}
            row |= {"amount": amount, "per": per} | ({"as": "text"} if kind == "text" else {})
            sys.stdout.write(json.dumps(row) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
