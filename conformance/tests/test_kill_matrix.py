"""The kill matrix sees what a defect breaks, what it does not, and what nothing breaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import pytest
from decibill import kill_matrix
from decibill.cli import cli
from decibill.cli.defects import NamedDefect, named_defects
from decibill.failure_classes import CLASSES, NOT_OF_A_GATEWAY
from decibill.kill_matrix import SOUND, Killed, differences, kill, render, without_defect
from decibill.specification import load_specification

PAGE = Path(__file__).parents[1] / "KILL_MATRIX.md"
DEFECTS = named_defects(click.Context(cli))
WRONG = NamedDefect("wrong", "is wrong", "https://example.org/1", ("AUB-A", "AUB-B"))


def killed(*failed: str, verdict: str = "not conformant", unexplained: tuple[str, ...] = ()) -> Killed:
    return Killed(WRONG, verdict, failed, (*failed, "AUB-C"), unexplained, cases=3)


def test_a_defect_that_breaks_what_it_declares_is_as_declared() -> None:
    assert list(differences(killed("AUB-A", "AUB-B"))) == []


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (killed("AUB-A"), "wrong: met all the same: AUB-B"),
        (killed("AUB-A", "AUB-B", "AUB-C"), "wrong: not met, and not declared: AUB-C"),
        (
            killed("AUB-A", "AUB-B", verdict="inconclusive"),
            "wrong: the verdict is inconclusive, not not conformant",
        ),
        (killed("AUB-A", "AUB-B", unexplained=("AUB-C",)), "wrong: could not be decided: AUB-C"),
    ],
    ids=["survives", "accuses-more", "verdict", "undecided"],
)
def test_anything_else_is_a_difference(found: Killed, says: str) -> None:
    assert list(differences(found)) == [says]


def test_nothing_may_be_found_against_the_sound_gateway() -> None:
    sound = replace(killed(verdict="conformant"), defect=SOUND)
    assert list(differences(sound)) == []
    assert len(list(differences(replace(killed("AUB-A"), defect=SOUND)))) == 2


def test_a_requirement_that_no_defect_breaks_is_named() -> None:
    assert without_defect(killed("AUB-A"), [WRONG]) == ["AUB-C"]


@pytest.mark.parametrize("name", sorted(set(CLASSES) - set(NOT_OF_A_GATEWAY)))
def test_every_class_of_mistake_that_a_gateway_can_make_has_a_defect(name: str) -> None:
    assert [each.name for each in DEFECTS.values() if each.kind == name]


def test_every_defect_belongs_to_a_class_of_mistake() -> None:
    assert {each.kind for each in DEFECTS.values()} <= set(CLASSES) - set(NOT_OF_A_GATEWAY)


def test_a_defect_without_a_public_report_says_so() -> None:
    unreported = replace(WRONG, bug=None)
    assert str(unreported) == "is wrong; breaks AUB-A, AUB-B; no public report known"
    assert "| `wrong` | is wrong | AUB-A, AUB-B | - |" in render([unreported], {})


def test_the_page_leads_from_classes_of_mistakes_to_defects() -> None:
    lines = render([replace(WRONG, kind="unit-dropped")], {}).splitlines()
    assert next(line for line in lines if line.startswith("| `unit-dropped` |")).endswith("| `wrong` |")
    assert next(line for line in lines if line.startswith("| `detail-field-lost` |")).endswith("| none |")


def test_the_page_leads_from_defects_to_requirements_and_back() -> None:
    page = render([WRONG], {"AUB-A": "A text.", "AUB-C": "Another."})
    assert "| `wrong` | is wrong | AUB-A, AUB-B | <https://example.org/1> |" in page
    assert "| AUB-A: A text. | `wrong` |" in page
    assert "Another." not in page


def test_the_committed_page_is_what_the_defects_say(capsys: pytest.CaptureFixture[str]) -> None:
    requirements = load_specification().requirements
    texts = {row.id: " ".join(row.text.split()) for row in requirements.values()}
    assert PAGE.read_text(encoding="utf-8") == render(list(DEFECTS.values()), texts)


def test_every_defect_breaks_requirements_that_there_are() -> None:
    requirements = load_specification().requirements
    for defect in DEFECTS.values():
        assert defect.requirements, defect.name
        assert all(requirements[name].level.startswith("MUST") for name in defect.requirements), defect.name


def test_there_is_a_defect_for_every_kind_of_failure() -> None:
    assert len(DEFECTS) >= 45


@pytest.mark.parametrize("name", ["input-transcription-lost"])
def test_a_defect_is_caught_by_what_it_breaks_and_accused_of_nothing_else(name: str) -> None:
    """All the others: ``nox -s matrix``."""
    assert list(differences(kill(DEFECTS[name]))) == []


def test_the_sound_gateway_is_caught_by_nothing_and_every_must_has_a_defect() -> None:
    sound = kill(SOUND)
    assert list(differences(sound)) == []
    assert without_defect(sound, DEFECTS.values()) == []


class TestCommand:
    """The module as a command."""

    def test_it_writes_the_page_and_tells_what_differs(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page = tmp_path / "page.md"
        monkeypatch.setattr(kill_matrix, "_all_defects", lambda: {"wrong": WRONG})
        monkeypatch.setattr(kill_matrix, "ProcessPoolExecutor", InThisProcess)
        monkeypatch.setattr(kill_matrix, "kill", lambda _: killed("AUB-A"))
        assert kill_matrix.main(["wrong", "--page", str(page)]) == 1
        said = capsys.readouterr()
        assert "wrong" in said.out
        assert "differs" in said.out
        assert f"{page} is not what the defects say: run with --write" in said.err
        assert "met all the same: AUB-B" in said.err
        kill_matrix.main(["wrong", "--page", str(page), "--write"])
        assert page.read_text(encoding="utf-8").startswith("# Kill matrix")

    def test_it_asks_of_the_sound_gateway_that_every_must_has_a_defect(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kill_matrix, "_all_defects", dict)
        monkeypatch.setattr(kill_matrix, "ProcessPoolExecutor", InThisProcess)
        monkeypatch.setattr(
            kill_matrix, "kill", lambda _: replace(killed(verdict="conformant"), defect=SOUND)
        )
        assert kill_matrix.main([]) == 1
        assert "no defect breaks AUB-C" in capsys.readouterr().err

    def test_an_unknown_name_is_wrong_usage(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert kill_matrix.main(["no-such"]) == 2
        assert "there is no defect 'no-such'" in capsys.readouterr().err


class InThisProcess:
    """A pool of one, where what is patched holds."""

    def __init__(self, _: int) -> None:
        self.map = map

    def __enter__(self) -> InThisProcess:
        return self

    def __exit__(self, *_: object) -> None:
        return
