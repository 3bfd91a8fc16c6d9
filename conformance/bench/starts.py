"""What it costs to start: importing a tool, and the way to its first price, each in a process of its own.

All in the same environment, in interleaved rounds, beside a Python that does nothing.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench.machine import our_path
from bench.tool_litellm import ENVIRONMENT

if sys.platform != "win32":
    import resource

__all__ = ["measured"]


@dataclass(frozen=True, slots=True)
class Start:
    """A tool, what its users import, and a first price by the tool's own list of prices."""

    name: str
    package: str
    imports: str
    price: str


_USAGE: Final = """usage = {
    "prompt_tokens": 28, "prompt_tokens_details": {"audio_tokens": 17, "text_tokens": 11},
    "completion_tokens": 125, "completion_tokens_details": {"audio_tokens": 93, "text_tokens": 32},
    "total_tokens": 153,
}
"""
STARTS: Final = (
    Start(
        "decibill",
        "decibill_reference",
        "from decibill_reference import UsageRecord, rate\nfrom decibill_reference.extract import extract",
        f"{_USAGE}"
        "from decibill_reference.files import load_price_book, public_price_book\n"
        "exchange = {'provider': 'openai', 'surface': 'api', 'operation': 'chat',\n"
        "  'model': 'gpt-4o-audio-preview-2024-12-17', 'at': '2025-04-25T16:00:15Z',\n"
        "  'response': {'status': 200, 'json': {'usage': usage}}}\n"
        "assert rate(extract(exchange), load_price_book(public_price_book())).total",
    ),
    Start(
        "genai-prices",
        "genai_prices",
        "from genai_prices import Usage, calc_price",
        "usage = Usage(input_tokens=28, output_tokens=125)\n"
        "calc_price(usage, 'gpt-4o-audio-preview-2024-12-17', provider_id='openai')",
    ),
    Start(
        "LiteLLM",
        "litellm",
        "from litellm import completion_cost",
        f"{_USAGE}completion_cost({{'model': 'gpt-4o-audio-preview-2024-12-17', 'usage': usage}})",
    ),
    Start(
        "tokencost",
        "tokencost",
        "from tokencost import calculate_cost_by_tokens",
        "calculate_cost_by_tokens(28, 'gpt-4o-audio-preview-2024-12-17', 'input')\n"
        "calculate_cost_by_tokens(125, 'gpt-4o-audio-preview-2024-12-17', 'output')",
    ),
)
_PEAK: Final = "\nprint(open('/proc/self/status').read())"


def measured(*, rounds: int) -> dict[str, Any]:
    """Return what was measured, ready for JSON; what is not installed is left out."""
    there = [start for start in STARTS if importlib.util.find_spec(start.package) is not None]
    programs = {"nothing": "pass"}
    for start in there:
        programs[f"{start.name}|import"] = start.imports
        programs[f"{start.name}|price"] = f"{start.imports}\n{start.price}"
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(rounds + 1):  # the first one warms up
        for name, program in programs.items():
            spent = _of_children()
            _run(program)
            if number:
                taken[name].append(_of_children() - spent)
    return {
        "rounds": rounds,
        "bare_python_ms": _milli(taken["nothing"]),
        "tools": [
            {
                "name": start.name,
                "imports": start.imports,
                "import_ms": _over(taken[f"{start.name}|import"], taken["nothing"]),
                "first_price_ms": _over(taken[f"{start.name}|price"], taken["nothing"]),
                "peak_mib": _peak_mib(programs[f"{start.name}|price"]),
            }
            for start in there
        ],
    }


def _of_children() -> float:
    """Return the processor's seconds that processes took which were started here and have ended."""
    if sys.platform == "win32":  # where nobody counts them
        return time.perf_counter()
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def _run(program: str) -> str:
    # What pip installs is compiled; ours is compiled by the first round, even where Python is told not to.
    environment = os.environ | ENVIRONMENT | {"PYTHONPATH": our_path(), "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", program]
    done = subprocess.run(  # noqa: S603 - programs of this module
        command, env=environment, capture_output=True, check=False, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"this did not run:\n{program}\n{done.stderr[-1000:]}")
    return done.stdout


def _over(taken: list[float], bare: list[float]) -> float:
    """Return the median of what is over a bare Python of the same round, in milliseconds."""
    return _milli([one - other for one, other in zip(taken, bare, strict=True)])


def _milli(seconds: list[float]) -> float:
    return round(median(seconds) * 1000, 1)


def _peak_mib(program: str) -> int | None:
    """Return the largest memory of the process, where the system says it."""
    if sys.platform != "linux":
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", _run(program + _PEAK))
    return round(int(found[1]) / 1024) if found else None
