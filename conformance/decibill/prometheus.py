"""The text in which a program shows its counters to Prometheus, as far as a run needs to read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

__all__ = ["Series", "parse_metrics", "parse_series", "value_of"]

_LONGEST_LINE: Final = 10_000
_NAME: Final = r"[A-Za-z_:][A-Za-z0-9_:]*"
_SERIES: Final = re.compile(rf"({_NAME})(?:\{{(.*)\}})?")
_LABEL: Final = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPES: Final = {"n": "\n", "\\": "\\", '"': '"'}


@dataclass(frozen=True, slots=True)
class Series:
    """A metric's name with some or all of its labels."""

    name: str
    labels: Mapping[str, str]


def parse_series(text: str) -> Series | None:
    """Return the series that *text* names, such as ``cost_total{model="x"}``; None where it names none."""
    match = _SERIES.fullmatch(text.strip())
    if match is None:
        return None
    labels: dict[str, str] = {}
    rest = match[2] or ""
    while rest.strip():
        label = _LABEL.match(rest)
        if label is None:
            return None
        labels[label[1]] = _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[0]), label[2])
        rest = rest[label.end() :]
    return Series(match[1], labels)


def parse_metrics(text: str) -> list[tuple[Series, Decimal]]:
    """Return the samples in *text*, the text format 0.0.4; lines that are none are passed over."""
    samples: list[tuple[Series, Decimal]] = []
    for line in text.splitlines():
        if not line or line.startswith("#") or len(line) > _LONGEST_LINE:
            continue
        # the labels may hold spaces; a value and perhaps a time follow them
        head, brace, tail = line.rpartition("}")
        name, rest = (head + brace, tail) if brace else (line.partition(" ")[0], line.partition(" ")[2])
        series, words = parse_series(name), rest.split()
        try:
            number = Decimal(words[0]) if words else Decimal("NaN")
        except InvalidOperation:
            continue
        if series is not None and number.is_finite():
            samples.append((series, number))
    return samples


def value_of(wanted: Series, samples: list[tuple[Series, Decimal]]) -> Decimal | None:
    """Return the sum of the samples that have the name and at least the labels of *wanted*; None for none."""
    fitting = [
        number
        for series, number in samples
        if series.name == wanted.name and wanted.labels.items() <= series.labels.items()
    ]
    return sum(fitting, Decimal(0)) if fitting else None
