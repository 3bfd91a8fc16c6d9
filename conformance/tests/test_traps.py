"""The table of known traps leaves none out, and names cases that exist or says why there is none."""

from __future__ import annotations

import re

import pytest
from decibill._data import data_directory

FIXTURES = data_directory("fixtures")
TABLES = {"OpenAI and Azure": 46, "Gemini, ElevenLabs and others": 57}
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| (.+) \|$", re.MULTILINE)
CASE = re.compile(r"`((?:openai|azure|gemini|elevenlabs|pricing|refund|gateway)/[a-z0-9.-]+)`")


def rows(heading: str) -> list[tuple[str, str, str]]:
    page = (FIXTURES / "TRAPS.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [(number, trap.strip(), cases.strip()) for number, trap, cases in ROW.findall(section)]


@pytest.mark.parametrize(("heading", "count"), TABLES.items(), ids=["openai-azure", "others"])
def test_no_trap_is_left_out(heading: str, count: int) -> None:
    assert [int(number) for number, _, _ in rows(heading)] == list(range(1, count + 1))


@pytest.mark.parametrize("heading", TABLES, ids=["openai-azure", "others"])
def test_every_case_named_for_a_trap_exists(heading: str) -> None:
    missing = [
        (number, name)
        for number, _, cases in rows(heading)
        for name in CASE.findall(cases)
        if not (FIXTURES / "cases" / f"{name}.json").is_file()
    ]
    assert missing == []


@pytest.mark.parametrize("heading", TABLES, ids=["openai-azure", "others"])
def test_a_trap_without_a_case_says_why(heading: str) -> None:
    silent = [
        number
        for number, _, cases in rows(heading)
        if not CASE.search(cases) and len(cases.split()) < 6  # a word such as "none" is no reason
    ]
    assert silent == []
