"""The text in which counters are shown is read exactly, and what is none is passed over."""

from __future__ import annotations

from decimal import Decimal

import pytest
from decibill.prometheus import Series, parse_metrics, parse_series, value_of

PAGE = """\
# HELP cost_dollars_sum Cost of a request.
# TYPE cost_dollars_sum counter
cost_dollars_sum{provider="openai",model="gpt-audio"} 0.0030999999999999999
cost_dollars_sum{provider="azure",model="gpt-audio"} 1e-05 1764000000000
cost_dollars_sum{provider="openai",model="with } and , and \\"quotes\\""} 2
cost_dollars_bucket{le="+Inf"} 3
up 1
broken{model="x" 5
nan_total NaN
inf_total +Inf
words_total many
nothing_total
"""


@pytest.mark.parametrize(
    ("text", "series"),
    [
        ("up", Series("up", {})),
        ("up{}", Series("up", {})),
        ('a:b_total{model="x"}', Series("a:b_total", {"model": "x"})),
        ('a{ model = "x" , le="+Inf", }', Series("a", {"model": "x", "le": "+Inf"})),
        ('a{m="one \\"two\\" \\\\ three\\nfour"}', Series("a", {"m": 'one "two" \\ three\nfour'})),
        ('a{m="{case.model}"}', Series("a", {"m": "{case.model}"})),
        ("9a", None),
        ("a b", None),
        ("a{m=x}", None),
        ('a{m="x"', None),
        ('a{m="x" n="y"}', None),
        ("", None),
    ],
    ids=str,
)
def test_a_series_is_a_name_with_labels(text: str, series: Series | None) -> None:
    assert parse_series(text) == series


def test_samples_keep_their_digits() -> None:
    samples = {series.name: number for series, number in parse_metrics(PAGE) if len(series.labels) < 2}
    assert samples == {"cost_dollars_bucket": Decimal(3), "up": Decimal(1)}
    costs = [number for series, number in parse_metrics(PAGE) if series.name == "cost_dollars_sum"]
    assert costs == [Decimal("0.0030999999999999999"), Decimal("0.00001"), Decimal(2)]


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        ('cost_dollars_sum{model="gpt-audio"}', "0.0031099999999999999"),
        ('cost_dollars_sum{model="gpt-audio",provider="azure"}', "0.00001"),
        ('cost_dollars_sum{model="with } and , and \\"quotes\\""}', "2"),
        ('cost_dollars_sum{model="other"}', None),
        ('cost_dollars{model="gpt-audio"}', None),
    ],
)
def test_a_value_is_the_sum_of_the_series_with_at_least_the_labels(wanted: str, value: str | None) -> None:
    series = parse_series(wanted)
    assert series is not None
    assert value_of(series, parse_metrics(PAGE)) == (None if value is None else Decimal(value))
