"""The gateways' bench runs; its figures are for people to read, and no test depends on them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from bench.gateway import main
from bench.gateway_load import Wanted, load
from bench.gateway_upstream import provider
from decibill._data import data_directory

if TYPE_CHECKING:
    from pathlib import Path


def test_the_reference_gateway_is_measured_and_every_call_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gateways.json"

    main(["--gateway", "reference", "--rounds", "1", "--seconds", "0.2", "--out", str(out)])

    result = json.loads(out.read_text())
    direct, reference = result["subjects"]
    assert reference["cost_stated"] == result["right_cost"] == "0.0085276"
    assert reference["durable_rows"] == reference["calls"] > 0
    assert direct["p50_ms"].keys() == reference["added_p50_ms"].keys() == {"one_client", "four_clients"}
    assert reference["times_the_calls"] == 1
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert [row.count("|") for row in rows] == [head.count("|")] * 2
    assert f"| {reference['calls']} of {reference['calls']} |" in rows[1]


def test_an_answer_that_is_not_the_right_one_is_no_figure() -> None:
    answer = data_directory("fixtures") / "upstream/openai/transcription-whisper-json.json"
    with provider(answer) as url, pytest.raises(AssertionError, match="text"):
        load(Wanted(f"{url}/v1/audio/transcriptions", {}, b"", "something else"), 2, 0.1)


def test_a_provider_that_is_not_there_is_no_figure() -> None:
    with pytest.raises(ConnectionRefusedError):
        load(Wanted("http://127.0.0.1:1/", {}, b"", ""), 2, 0.1)
