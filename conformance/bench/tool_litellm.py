"""LiteLLM: `completion_cost` of an answer, `cost_per_token` of its own usage, with our prices registered."""

from __future__ import annotations

import importlib
import json
import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from bench.payloads import parsed
from bench.tools import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from bench.payloads import Payload
    from bench.tools import Stage, Ways

    OfValues: TypeAlias = Callable[[list[Any]], Any]
    Usage: TypeAlias = dict[str, Any]

__all__ = ["ENVIRONMENT", "tool"]

ENVIRONMENT: Final = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_LOG": "CRITICAL",
}
"""So that it prices and logs nothing else meanwhile, and no import waits for a download."""

MODES: Final = {
    "chat": "chat",
    "transcription": "audio_transcription",
    "speech": "audio_speech",
    "realtime": "realtime",
}
FIELDS: Final = {
    "text_input_tokens": "input_cost_per_token",
    "audio_input_tokens": "input_cost_per_audio_token",
    "cached_text_input_tokens": "cache_read_input_token_cost",
    "cached_audio_input_tokens": "cache_read_input_audio_token_cost",
    "text_output_tokens": "output_cost_per_token",
    "audio_output_tokens": "output_cost_per_audio_token",
    "tts_characters": "input_cost_per_character",
}


def tool(payloads: Sequence[Payload]) -> Tool:
    """Return LiteLLM with the prices of *payloads* registered.

    Raises:
        ImportError: it is not installed.
    """
    found = version("litellm")
    os.environ |= ENVIRONMENT
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True  # it prints where its providers are listed
    litellm.register_model({_name(payload): _card(payload) for payload in payloads})

    readers = {
        "chat": _chat,
        "transcription": _transcription,
        "realtime": _realtime,
        "speech": _speech,
    }

    def ways(payload: Payload) -> Ways:
        values = parsed(payload.messages)
        reader = _gemini if payload.head["provider"] == "gemini" else readers[payload.operation]
        price, usage = reader(litellm, payload, values)
        said = {"model": _name(payload), "custom_llm_provider": payload.head["provider"], **usage}
        return {
            "bytes": lambda: price([json.loads(message) for message in payload.messages]),
            "body": lambda: price(values),
            "own": lambda: sum(litellm.cost_per_token(**said)),
        }

    calls: Mapping[Stage, str] = {
        "bytes": "`json.loads`, then as below",
        "body": "`completion_cost(completion_response=body, model=…, custom_llm_provider=…, "
        "custom_pricing=True)`; of Gemini and of sessions what its client and its proxy call to read "
        "the usage, then `cost_per_token`",
        "own": "`cost_per_token(usage_object=…)` of its `Usage`, or of a count of characters",
    }
    return Tool("LiteLLM", found, calls, ways)


def _chat(litellm: Any, payload: Payload, values: list[Any]) -> tuple[OfValues, Usage]:
    said = _said(payload)
    return (
        lambda values: litellm.completion_cost(completion_response=values[0], **said),
        {"usage_object": litellm.ModelResponse(**values[0]).usage},
    )


def _transcription(litellm: Any, payload: Payload, values: list[Any]) -> tuple[OfValues, Usage]:
    converting: Any = importlib.import_module(
        "litellm.litellm_core_utils.llm_response_utils.convert_dict_to_response"
    )
    costs: Any = importlib.import_module("litellm.cost_calculator")
    said = {**_said(payload), "call_type": "transcription"}
    own = converting.convert_to_model_response_object(
        values[0], litellm.TranscriptionResponse(), response_type="audio_transcription"
    )
    return (
        lambda values: litellm.completion_cost(completion_response=values[0], **said),
        {"usage_object": costs.get_usage_object(own), "call_type": "transcription"},
    )


def _gemini(litellm: Any, payload: Payload, values: list[Any]) -> tuple[OfValues, Usage]:
    """Price a body of Gemini: nothing public reads one, so the part of its client that does is called."""
    home = "litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini"
    read_usage = importlib.import_module(home).VertexGeminiConfig._calculate_usage  # noqa: SLF001 - as above
    said = {"model": _name(payload), "custom_llm_provider": "gemini"}
    return (
        lambda values: sum(
            litellm.cost_per_token(usage_object=read_usage(completion_response=values[0]), **said)
        ),
        {"usage_object": read_usage(completion_response=values[0])},
    )


def _realtime(litellm: Any, payload: Payload, values: list[Any]) -> tuple[OfValues, Usage]:
    """Price a session: its usage is what the proxy adds up, and no other model took part."""
    costs: Any = importlib.import_module("litellm.cost_calculator")
    combined = costs.RealtimeAPITokenUsageProcessor.collect_and_combine_usage_from_realtime_stream_results
    said = {"model": _name(payload), "custom_llm_provider": payload.head["provider"]}
    return (
        lambda values: sum(litellm.cost_per_token(usage_object=combined(results=values), **said)),
        {"usage_object": combined(results=values)},
    )


def _speech(litellm: Any, payload: Payload, _: list[Any]) -> tuple[OfValues, Usage]:
    types: Any = importlib.import_module("litellm.types.llms.openai")
    httpx: Any = importlib.import_module("httpx")
    answer = types.HttpxBinaryResponseContent(httpx.Response(200, content=b"ID3"))
    said = {**_said(payload), "call_type": "speech", "completion_response": answer}
    return (
        lambda values: litellm.completion_cost(prompt=values[0]["input"], **said),
        {"prompt_characters": payload.quantities["tts_characters"], "call_type": "speech"},
    )


def _said(payload: Payload) -> dict[str, Any]:
    """Return what spares `completion_cost` a search: it is faster with it."""
    return {
        "model": _name(payload),
        "custom_llm_provider": payload.head["provider"],
        "custom_pricing": True,
    }


def _name(payload: Payload) -> str:
    return f"gemini/{payload.model}" if payload.head["provider"] == "gemini" else payload.model


def _card(payload: Payload) -> dict[str, Any]:
    prices = {
        FIELDS[quantity]: float(amount / per)
        for quantity, (amount, per) in payload.rates.items()
        if quantity in FIELDS
    }
    return {"litellm_provider": payload.head["provider"], "mode": MODES[payload.operation], **prices}
