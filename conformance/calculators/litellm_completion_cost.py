"""LiteLLM 1.109.1's `completion_cost`, asked by lines: its own response types, the suite's prices registered.

Run it with the Python of an environment that has the package::

    decibill run --calculator "PYTHON conformance/calculators/litellm_completion_cost.py"
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ |= {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_LOG": "CRITICAL",
}

import litellm
from common import Answer, NotDeclaredError, body_of, only_entry, serve
from litellm import ModelResponse, TranscriptionResponse, completion_cost
from litellm.litellm_core_utils.audio_utils.utils import calculate_request_duration
from litellm.litellm_core_utils.llm_response_utils.convert_dict_to_response import (
    convert_to_model_response_object,
)

OPERATIONS = {"chat": "acompletion", "transcription": "atranscription"}
MODES = {"chat": "chat", "transcription": "audio_transcription"}
FIELDS = {
    "text_input_tokens": "input_cost_per_token",
    "input_tokens": "input_cost_per_token",
    "audio_input_tokens": "input_cost_per_audio_token",
    "image_input_tokens": "input_cost_per_image_token",
    "video_input_tokens": "input_cost_per_video_token",
    "cached_text_input_tokens": "cache_read_input_token_cost",
    "cached_input_tokens": "cache_read_input_token_cost",
    "cached_audio_input_tokens": "cache_read_input_audio_token_cost",
    "cached_image_input_tokens": "cache_read_input_image_token_cost",
    "text_output_tokens": "output_cost_per_token",
    "output_tokens": "output_cost_per_token",
    "audio_output_tokens": "output_cost_per_audio_token",
    "reasoning_output_tokens": "output_cost_per_reasoning_token",
    "audio_duration_seconds": "input_cost_per_second",
}


def answer(asked: Mapping[str, Any]) -> Answer:
    """Return the cost of an exchange; what it counted is not in the result of `completion_cost`."""
    exchange = asked["exchange"]
    provider, operation = exchange["provider"], exchange["operation"]
    if provider not in {"openai", "azure"} or exchange["surface"] not in {"api", "azure_openai"}:
        raise NotDeclaredError("answers in another shape than OpenAI's")
    if operation not in OPERATIONS:
        raise NotDeclaredError(f"the operation {operation}")
    if "sse" in exchange["response"]:
        raise NotDeclaredError("streams, which its client puts together before they are priced")
    entry = only_entry(asked)
    if body_of(exchange).get("service_tier") not in {None, "default", "auto"}:
        raise NotDeclaredError("a choice between prices of one model")
    name = f"{provider}/{asked['id'].replace('/', '--')}"
    if entry is not None:
        litellm.register_model({name: _card(entry, provider, operation)})
    try:
        cost = completion_cost(
            completion_response=_response(exchange, operation),
            model=name,
            custom_llm_provider=provider,
            call_type=OPERATIONS[operation],
            custom_pricing=True,
        )
    except Exception:  # noqa: BLE001 - it raises whatever its reading of the answer meets: no cost is stated
        return {"cost": None}
    return {"cost": cost}


def _card(entry: Mapping[str, Any], provider: str, operation: str) -> dict[str, Any]:
    card: dict[str, Any] = {"litellm_provider": provider, "mode": MODES[operation]}
    for quantity, rate in entry["rates"].items():
        if quantity not in FIELDS:
            raise NotDeclaredError(f"a price of {quantity}")
        card[FIELDS[quantity]] = float(Decimal(rate["amount"]) / Decimal(rate["per"]))
        if quantity == "audio_duration_seconds":
            card["output_cost_per_second"] = card[FIELDS[quantity]]  # as the entries of its own list have it
    return card


def _response(exchange: Mapping[str, Any], operation: str) -> Any:
    """Return the answer as LiteLLM's client makes it of the body."""
    body = json.loads(json.dumps(body_of(exchange), default=float))
    if operation == "chat":
        made = convert_to_model_response_object(body, ModelResponse(), response_type="completion")
    else:
        upload = _upload(exchange)
        measured = calculate_request_duration(upload) if upload and "duration" not in body else None
        if measured is not None:
            body["_audio_transcription_duration"] = measured  # as its function `transcription` does
        made = convert_to_model_response_object(
            body, TranscriptionResponse(), response_type="audio_transcription"
        )
    return made


def _upload(exchange: Mapping[str, Any]) -> tuple[str, bytes] | None:
    form = exchange.get("request", {}).get("form", {})
    parts = [part for part in form.values() if isinstance(part, Mapping) and "media_file" in part]
    if not parts:
        return None
    path = Path(os.environ["DECIBILL_FIXTURES"], parts[0]["media_file"])
    return (path.name, path.read_bytes()) if path.is_file() else None


if __name__ == "__main__":
    serve("LiteLLM completion_cost", version("litellm"), answer)
