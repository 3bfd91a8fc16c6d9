"""The page of a measurement, in Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.calculators import OWN
from bench.gateway_table import table as gateway_table
from bench.tools import STAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["page", "summary"]

_WORDS: Final = Path(__file__).parent / "words"


def page(found: Mapping[str, Any]) -> str:
    """Return the whole page of what was measured."""
    head = _words("head").format(
        date=found["date"],
        machine=machine_words(found["machine"]),
        python=found["machine"]["python"],
        load=" and ".join(str(each) for each in found["load"]),
    )
    parts = [head]
    for name, tables in _TABLES.items():
        if name in found:
            parts += [_words(name), *(table(found[name]) for table in tables)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _words(name: str) -> str:
    """Return how a measurement is taken, and what it does not say."""
    return (_WORDS / f"{name}.md").read_text(encoding="utf-8")


def summary(found: Mapping[str, Any]) -> str:
    """Return the short table: times `json.loads`, from the parsed answer and from the tool's own usage."""
    result = found["calculators"]
    rows = [
        [
            payload["payload"],
            f"{payload['json_loads_us']:.1f} µs",
            *(_short(payload["tools"][tool["name"]]) for tool in result["tools"]),
        ]
        for payload in result["payloads"]
    ]
    titles = [f"{tool['name']} {tool['version']}" for tool in result["tools"]]
    return _table(["", "`json.loads`", *titles], rows)


def machine_words(machine: Mapping[str, Any]) -> str:
    """Return the class of a machine in words."""
    memory = f", {machine['memory_gib']} GiB" if machine["memory_gib"] else ""
    processors = machine["processors"]
    count = f"{processors} processor{'' if processors == 1 else 's'}"
    return f"{count} of an {machine['processor']}{memory}, {machine['system']}"


def _calculators(result: Mapping[str, Any]) -> str:
    head = [
        "payload",
        "tool",
        *(f"{words}, µs" for words in _STAGE_WORDS.values()),
        "of decibill's",
        "answer",
    ]
    rows: list[list[str]] = []
    for payload in result["payloads"]:
        rows.append([_about(payload), "`json.loads`", f"{payload['json_loads_us']:.1f}", "", "", "", ""])
        for name, stages in payload["tools"].items():
            cells = [_time(stages[stage]) for stage in STAGES]
            rows.append(["", name, *cells, _of_decibill(name, stages), _answer(stages, payload["expected"])])
    return _table(head, rows)


_STAGE_WORDS: Final = {
    "bytes": "from bytes",
    "body": "from the parsed body",
    "own": "from its own object",
}


def _about(payload: Mapping[str, Any]) -> str:
    size = payload["bytes"]
    words = f"{size} bytes" if size < 10_000 else f"{size / 1024:.0f} KiB"
    return f"**{payload['payload']}**, {words}, `{payload['case']}`"


def _time(stage: Mapping[str, Any]) -> str:
    if "cannot" in stage:
        return f"none: {stage['cannot']}"
    return f"{stage['us']:.1f} ({_times(stage['of_json_loads']['median'])})"


def _of_decibill(name: str, stages: Mapping[str, Any]) -> str:
    if name == OWN:
        return "1 / 1 / 1"
    ratios = [stages[stage].get("of_decibill") for stage in STAGES]
    return " / ".join("none" if ratio is None else _times(ratio["median"]) for ratio in ratios)


def _answer(stages: Mapping[str, Any], expected: str) -> str:
    """Return what all ways answered, or each way where they differ."""
    ways: dict[str, list[str]] = {}
    for stage, found in stages.items():
        if "answer" in found:
            ways.setdefault(_verdict(found["answer"], expected), []).append(_STAGE_WORDS[stage])
    if len(ways) < 2:
        return next(iter(ways), "none")
    return "; ".join(f"{' and '.join(names)} {said}" for said, names in ways.items())


def _verdict(answer: Mapping[str, Any], expected: str) -> str:
    if answer["verdict"] == "exact":
        return "right"
    if answer["verdict"] == "right":
        return f"right to nine digits ({answer['stated']})"
    if answer["verdict"] == "wrong":
        return f"wrong: {answer['stated']}, {answer['times']} times the right {expected}"
    return "unknown"


def _short(stages: Mapping[str, Any]) -> str:
    return " / ".join(_figure(stages[stage]) for stage in ("body", "own"))


def _figure(stage: Mapping[str, Any]) -> str:
    if "cannot" in stage:
        return "none"
    mark = " **wrong**" if stage["answer"]["verdict"] == "wrong" else ""
    return f"{_times(stage['of_json_loads']['median'])}{mark}"


def _calls(result: Mapping[str, Any]) -> str:
    rows = [
        [
            f"{tool['name']} {tool['version']}",
            *(tool["calls"].get(stage, "none") for stage in STAGES),
        ]
        for tool in result["tools"]
    ]
    return "What is called:\n\n" + _table(["tool", *_STAGE_WORDS.values()], rows)


def _starts(result: Mapping[str, Any]) -> str:
    rows = [
        [
            tool["name"],
            f"`{tool['imports'].splitlines()[-1]}`",
            f"{tool['import_ms']:.0f}",
            f"{tool['first_price_ms']:.0f}",
            "unknown" if tool["peak_mib"] is None else str(tool["peak_mib"]),
        ]
        for tool in result["tools"]
    ]
    return _table(["tool", "imported", "import, ms", "to the first price, ms", "peak memory, MiB"], rows)


def _logs(result: Mapping[str, Any]) -> str:
    rows: list[list[str]] = []
    for log in result["logs"]:
        total = f"{log['totals'][0]}, {'exact' if log['exact'] else 'WRONG'}"
        about = f"{log['lines']:,} {log['of']}, {log['mib']:.0f} MiB"
        for way, figures in log["ways"].items():
            ours = way.isdigit()
            cells = [f"{figures['a_second']:,}", f"{figures['processor_us_a_line']:.1f}"]
            name = f"`--jobs {way}`" if ours else f"`{way}` of each line"
            rows.append([about, name, *cells, total if ours else ""])
    head = ["log", "with", "lines a second", "processor time a line, µs", "total"]
    return _table(head, rows)


def _suite(result: Mapping[str, Any]) -> str:
    rows = [
        [
            f"`--jobs {run['jobs']}`",
            f"{run['seconds']:.1f}",
            f"{run['overhead_ms']:.1f}",
            f"{run['overhead_p95_ms']:.1f}",
            f"{run['gateway_ms']:.1f}",
        ]
        for run in result["runs"]
    ]
    head = ["run", "the command, s", "decibill's own time for a case, median, ms", "p95, ms"]
    return _table([*head, "the gateway's, median, ms"], rows)


def _times(ratio: float) -> str:
    return f"{ratio:.2f} x" if ratio < 10 else f"{ratio:.0f} x"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


_TABLES: Final[Mapping[str, Sequence[Callable[[Any], str]]]] = {
    "calculators": (_calculators, _calls),
    "starts": (_starts,),
    "logs": (_logs,),
    "suite": (_suite,),
    "gateways": (gateway_table,),
}
