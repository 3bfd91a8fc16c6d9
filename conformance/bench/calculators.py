"""Calculators side by side: what each answers to the payloads, and how long that takes."""

from __future__ import annotations

import gc
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import decibill

from bench import tool_decibill, tool_genai_prices, tool_litellm, tool_tokencost
from bench.answers import judged
from bench.payloads import payloads
from bench.rounds import ratio, timed
from bench.tools import STAGES, CannotPriceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.payloads import Payload
    from bench.rounds import Timed
    from bench.tools import Call, Tool

__all__ = ["OWN", "PEERS", "measured"]

OWN = "decibill"
PEERS = {
    "genai-prices": tool_genai_prices.tool,
    "LiteLLM": tool_litellm.tool,
    "tokencost": tool_tokencost.tool,
}
_PARSING = "json.loads"


def measured(*, rounds: int, turn: float) -> dict[str, Any]:
    """Return what was measured, ready for JSON; a peer that is not installed is left out and named."""
    asked = payloads()
    tools, missing = _installed(asked)
    gc.collect()
    gc.freeze()  # what the tools' modules hold is not walked again in a turn
    try:
        found = [_of_payload(payload, tools, rounds, turn) for payload in asked]
    finally:
        gc.unfreeze()
    return {
        "rounds": rounds,
        "turn_seconds": turn,
        "tools": [{"name": t.name, "version": t.version, "calls": dict(t.calls)} for t in tools],
        "not_installed": missing,
        "payloads": found,
    }


def _installed(asked: Sequence[Payload]) -> tuple[list[Tool], list[str]]:
    tools, missing = [tool_decibill.tool(asked, decibill.__version__)], list[str]()
    for name, tool in PEERS.items():
        try:
            tools.append(tool(asked))
        except ImportError:
            missing.append(name)
    return tools, missing


def _of_payload(payload: Payload, tools: Sequence[Tool], rounds: int, turn: float) -> dict[str, Any]:
    calls: dict[str, Call] = {_PARSING: lambda: [json.loads(message) for message in payload.messages]}
    refused: dict[str, str] = {}
    for tool in tools:
        for stage, way in tool.ways(payload).items():
            if isinstance(way, CannotPriceError):
                refused[f"{tool.name}|{stage}"] = str(way)
            else:
                calls[f"{tool.name}|{stage}"] = way
    answers = {name: call() for name, call in calls.items() if name != _PARSING}
    times = timed(calls, rounds=rounds, turn=turn)
    return {
        "payload": payload.name,
        "case": payload.case,
        "model": payload.model,
        "price_book": payload.book.name,
        "bytes": sum(map(len, payload.messages)),
        "expected": str(payload.expected),
        "why": payload.why,
        "json_loads_us": _micro(times[_PARSING]),
        "tools": {
            tool.name: {
                stage: (
                    {"cannot": refused[f"{tool.name}|{stage}"]}
                    if f"{tool.name}|{stage}" in refused
                    else {
                        "answer": asdict(judged(answers[f"{tool.name}|{stage}"], payload.expected)),
                        **_figures(times, tool.name, stage),
                    }
                )
                for stage in STAGES
            }
            for tool in tools
        },
    }


def _figures(times: Mapping[str, Timed], tool: str, stage: str) -> dict[str, Any]:
    mine = times[f"{tool}|{stage}"]
    found: dict[str, Any] = {"us": _micro(mine), "of_json_loads": _ratios(ratio(mine, times[_PARSING]))}
    if tool != OWN:
        found["of_decibill"] = _ratios(ratio(mine, times[f"{OWN}|{stage}"]))
    return found


def _ratios(quartiles: Sequence[float]) -> dict[str, float]:
    low, middle, high = quartiles
    return {"median": round(middle, 3), "lower_quartile": round(low, 3), "upper_quartile": round(high, 3)}


def _micro(time: Timed) -> float:
    return round(time.median * 1e6, 3)
