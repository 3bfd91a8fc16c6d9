"""The table of the gateways' bench, in Markdown."""

from __future__ import annotations

from typing import Any

__all__ = ["table"]

_HEAD = (
    "| gateway | calls/s | times {peer} | added p50, 1 client | of {peer} "
    "| added p50, 4 clients | of {peer} | processor, a call | cost stated | rows on disk |",
    "|---|--:|--:|--:|--:|--:|--:|--:|---|---|",
)


def table(result: dict[str, Any]) -> str:
    """Return the rows of a measurement, the provider without a gateway first."""
    direct, *gateways = result["subjects"]
    head = _HEAD[0].format(peer=gateways[-1]["name"].split()[0])
    lines = [head, _HEAD[1], f"| {direct['name']} | {direct['calls_a_second']:.0f} | | | | | | | | |"]
    return "\n".join(lines + [_line(each, result["right_cost"]) for each in gateways])


def _line(found: dict[str, Any], right: str) -> str:
    cells = [found["name"], f"{found['calls_a_second']:.0f}", f"{found['times_the_calls']:.2f}"]
    for name in ("one_client", "four_clients"):
        cells += [_milliseconds(found["added_p50_ms"][name]), f"{found['part_of_the_added_p50'][name]:.2f}"]
    cells.append(_milliseconds(found["processor_ms"]))
    return "| " + " | ".join([*cells, _cost(found["cost_stated"], right), _rows(found)]) + " |"


def _milliseconds(figure: float | None) -> str:
    return "not known" if figure is None else f"{figure:.2f} ms"


def _cost(stated: str | None, right: str) -> str:
    if stated is None:
        return "none"
    return f"{stated}, {'right' if stated == right else 'wrong'}"


def _rows(found: dict[str, Any]) -> str:
    rows: int | None = found["durable_rows"]
    return "none" if rows is None else f"{rows} of {found['calls']}"
