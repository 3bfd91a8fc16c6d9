"""The coverage of a run: which requirements it tested, and which defects show that the tests can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from decibill import jsonio
from decibill.cli import cli
from decibill.cli.defects import NamedDefect
from decibill.errors import InvalidFileError
from decibill.report.coverage import Covered, coverage, gaps, render_text
from decibill.specification import load_specification

REPORT = Path(__file__).parents[1] / "reports" / "0.1" / "litellm" / "report.json"
REQUIREMENTS = load_specification().requirements
AUDIO, TERMS, SHOULD = "AUB-CHG-c3cf", "AUB-TRM-8fd0", "AUB-GWY-3e04"
DEFECT = NamedDefect("wrong", "is wrong", "https://example.org/1", (AUDIO,))


def rows(tested: dict[str, tuple[str, ...]], *defects: NamedDefect) -> dict[str, Covered]:
    wanted = [REQUIREMENTS[name] for name in (AUDIO, TERMS, SHOULD)]
    return {row.id: row for row in coverage(wanted, tested, defects)}


def test_a_must_with_a_case_and_a_defect_lacks_nothing() -> None:
    covered = rows({AUDIO: ("openai/a", "openai/b")}, DEFECT)
    assert (covered[AUDIO].cases, covered[AUDIO].defects) == (("openai/a", "openai/b"), ("wrong",))
    assert list(gaps(covered.values())) == []


@pytest.mark.parametrize(
    ("tested", "defects", "says"),
    [
        ({}, [DEFECT], f"{AUDIO}: no case of the run tests it"),
        ({AUDIO: ("openai/a",)}, [], f"{AUDIO}: no named defect shows that its test can fail"),
    ],
    ids=["case", "defect"],
)
def test_what_lacks_one_of_them_is_named(
    tested: dict[str, tuple[str, ...]], defects: list[NamedDefect], says: str
) -> None:
    assert list(gaps(rows(tested, *defects).values())) == [says]


def test_what_only_records_show_and_what_is_only_recommended_is_not_asked_for() -> None:
    covered = rows({AUDIO: ("openai/a",)}, DEFECT)
    assert not covered[TERMS].is_due
    assert not covered[SHOULD].is_due


def test_the_text_counts_what_is_due() -> None:
    lines = list(render_text(list(rows({AUDIO: ("openai/a", "openai/b")}, DEFECT).values())))
    assert lines[0] == f"{AUDIO}  MUST        openai/a and 1 more; wrong"
    assert "1 of 1 MUSTs that a gateway can show have a case and a defect" in lines


class TestCommand:
    """``decibill report coverage``."""

    def _run(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["report", "coverage", *arguments], standalone_mode=False)

    def test_a_gateway_that_lacks_features_does_not_cover_everything(self) -> None:
        done = self._run(str(REPORT))
        assert done.return_value == 1
        assert AUDIO in done.stdout
        assert "no case of the run tests it" in done.stderr

    def test_as_json_every_case_is_named(self) -> None:
        found = {
            row["id"]: row for row in jsonio.loads(self._run(str(REPORT), "--format", "json").stdout, "-")
        }
        assert "azure/transcription-founding-report" in found[AUDIO]["cases"]
        assert "audio-at-text-rate" in found[AUDIO]["defects"]

    def test_another_file_is_no_report(self, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text("{}")
        done = self._run(str(tmp_path / "x.json"))
        assert isinstance(done.exception, InvalidFileError)
