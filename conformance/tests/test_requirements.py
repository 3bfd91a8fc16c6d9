"""Requirements are accepted one by one, never lost or reused, and proven or excluded with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from decibill import requirements
from decibill._data import data_directory
from decibill.errors import InvalidFileError, UnknownNameError, UsageError
from decibill.prose import read_catalogue

REASON = "no case can show this; a unit test does"


class Tree:
    """A small specification with its cases, in which everything agrees."""

    def __init__(self, root: Path) -> None:
        self.spec = root / "spec"
        self.cases = root / "cases"
        self.spec.mkdir()
        self.cases.mkdir()
        self.sentences = {
            "AUB-EXT-0001": ("wire", "One MUST be read."),
            "AUB-EXT-0002": ("internal", "Two MUST be."),
        }
        self.write()
        self.case("openai/one", "AUB-EXT-0001")
        self.exclude({"AUB-EXT-0002": REASON})
        self.run("extract")
        for identity in self.sentences:
            self.run("accept", identity)

    def write(self) -> None:
        lines = [
            f'- <a id="{identity}" data-observable="{observable}" data-since="0.1"></a>'
            f"**{identity}** — {text}"
            for identity, (observable, text) in self.sentences.items()
        ]
        (self.spec / "03-extraction.md").write_text("# Three\n\n" + "\n".join(lines) + "\n", encoding="utf-8")

    def case(self, name: str, *proven: str) -> None:
        file = self.cases / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            json.dumps({"then": {"proves": {identity: ["cost"] for identity in proven}}}), encoding="utf-8"
        )

    def exclude(self, reasons: dict[str, str]) -> None:
        (self.spec / "exclusions.json").write_text(json.dumps(reasons), encoding="utf-8")

    def run(self, *arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(
            requirements.main,
            ["--spec", str(self.spec), *arguments],
            catch_exceptions=True,
            standalone_mode=False,
        )
        if result.exception is not None:
            raise result.exception
        return result.exit_code, result.output

    def problems(self) -> list[str]:
        return [finding.problem for finding in requirements.check(self.spec, self.cases)]

    def change(self, identity: str, text: str) -> None:
        self.sentences[identity] = (self.sentences[identity][0], text)
        self.write()
        self.run("extract")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_tree_in_which_everything_agrees_has_no_findings(tree: Tree) -> None:
    assert tree.problems() == []


def test_changed_text_stops_until_that_id_is_accepted(tree: Tree) -> None:
    tree.change("AUB-EXT-0001", "One MUST be read twice.")
    assert tree.problems() == ["the text of AUB-EXT-0001 has changed since it was accepted"]
    tree.run("accept", "AUB-EXT-0001")
    assert tree.problems() == []


def test_the_finding_says_how_to_accept_the_one_id(tree: Tree) -> None:
    tree.change("AUB-EXT-0001", "One MUST be read twice.")
    [finding] = requirements.check(tree.spec, tree.cases)
    assert finding.where == "spec/03-extraction.md#AUB-EXT-0001"
    assert finding.remedy.endswith("run python -m decibill.requirements accept AUB-EXT-0001")


def test_accepting_one_id_does_not_accept_another(tree: Tree) -> None:
    tree.change("AUB-EXT-0001", "One MUST change.")
    tree.change("AUB-EXT-0002", "Two MUST change.")
    tree.run("accept", "AUB-EXT-0001")
    assert tree.problems() == ["the text of AUB-EXT-0002 has changed since it was accepted"]


def test_a_new_id_waits_to_be_accepted(tree: Tree) -> None:
    tree.sentences["AUB-EXT-0003"] = ("wire", "Three MUST be.")
    tree.change("AUB-EXT-0003", "Three MUST be.")
    tree.case("openai/three", "AUB-EXT-0003")
    assert tree.problems() == ["AUB-EXT-0003 is new"]


def test_a_vanished_id_stops_until_it_is_withdrawn(tree: Tree) -> None:
    del tree.sentences["AUB-EXT-0002"]
    tree.write()
    tree.run("extract")
    tree.exclude({})
    assert tree.problems() == ["AUB-EXT-0002 has vanished from the prose"]
    tree.run("withdraw", "AUB-EXT-0002")
    assert tree.problems() == []


def test_a_withdrawn_id_is_never_used_again(tree: Tree) -> None:
    gone = tree.sentences.pop("AUB-EXT-0002")
    tree.write()
    tree.run("withdraw", "AUB-EXT-0002")
    tree.sentences["AUB-EXT-0002"] = gone
    tree.write()
    tree.run("extract")
    assert tree.problems() == ["AUB-EXT-0002 was withdrawn and is used again"]
    with pytest.raises(UsageError, match="never reused"):
        tree.run("accept", "AUB-EXT-0002")


def test_an_id_in_the_prose_cannot_be_withdrawn(tree: Tree) -> None:
    with pytest.raises(UsageError, match="still in the prose"):
        tree.run("withdraw", "AUB-EXT-0001")


@pytest.mark.parametrize("command", ["accept", "withdraw"])
def test_an_unknown_id_is_answered_with_close_ones(tree: Tree, command: str) -> None:
    with pytest.raises(UnknownNameError, match="did you mean AUB-EXT-0002"):
        tree.run(command, "AUB-EXT-0022")


def test_a_lock_that_holds_no_digest_is_a_finding(tree: Tree) -> None:
    (tree.spec / "requirements.lock.json").write_text('{"AUB-EXT-0001": "yes", "AUB-EXT-0002": "withdrawn"}')
    assert "AUB-EXT-0001 is accepted as 'yes'" in tree.problems()


def test_a_stale_catalogue_is_a_finding(tree: Tree) -> None:
    (tree.spec / "requirements.json").write_text('{"spec": "0.1", "requirements": []}')
    assert tree.problems() == ["is not what the prose says"]


def test_a_missing_catalogue_is_a_finding(tree: Tree) -> None:
    (tree.spec / "requirements.json").unlink()
    assert tree.problems() == ["is not what the prose says"]


def test_findings_of_the_prose_are_findings_of_the_check(tree: Tree) -> None:
    (tree.spec / "04-price-book.md").write_text("Prices MUST be low.\n")
    assert tree.problems() == ["the key word MUST stands outside a requirement"]


def test_a_requirement_without_case_and_without_reason_is_a_finding(tree: Tree) -> None:
    tree.case("openai/one")
    assert tree.problems() == ["no case proves AUB-EXT-0001"]
    tree.exclude({"AUB-EXT-0001": REASON, "AUB-EXT-0002": REASON})
    assert tree.problems() == []


def test_an_internal_requirement_needs_a_reason(tree: Tree) -> None:
    tree.exclude({})
    assert tree.problems() == ["AUB-EXT-0002 is internal without a reason"]


def test_a_reason_of_a_few_letters_is_none(tree: Tree) -> None:
    tree.exclude({"AUB-EXT-0002": "  internal          "})
    assert tree.problems() == ["AUB-EXT-0002 is excluded without a reason"]


def test_an_exclusion_of_a_proven_requirement_is_stale(tree: Tree) -> None:
    tree.exclude({"AUB-EXT-0001": REASON, "AUB-EXT-0002": REASON})
    assert tree.problems() == ["AUB-EXT-0001 is excluded and yet proven by openai/one"]


def test_an_exclusion_of_an_unknown_id_is_a_finding(tree: Tree) -> None:
    tree.exclude({"AUB-EXT-0002": REASON, "AUB-EXT-0009": REASON})
    assert tree.problems() == ["AUB-EXT-0009 does not exist"]


def test_a_case_that_proves_an_unknown_id_is_a_finding_with_its_place(tree: Tree) -> None:
    tree.case("openai/other", "AUB-EXT-0009")
    [finding] = requirements.check(tree.spec, tree.cases)
    assert finding.where == "fixtures/cases/openai/other.json at /then/proves/AUB-EXT-0009"
    assert finding.problem == "no such requirement"


@pytest.mark.parametrize("document", ["[]", '{"then": {}}', '{"then": []}', '{"then": {"proves": ["x"]}}'])
def test_a_case_that_proves_nothing_is_refused(tree: Tree, document: str) -> None:
    (tree.cases / "openai" / "one.json").write_text(document)
    with pytest.raises(InvalidFileError, match="proves nothing"):
        requirements.check(tree.spec, tree.cases)


@pytest.mark.parametrize("document", ["[]", '{"AUB-EXT-0002": null}'])
def test_exclusions_are_an_object_of_texts(tree: Tree, document: str) -> None:
    (tree.spec / "exclusions.json").write_text(document)
    with pytest.raises(InvalidFileError, match="not an object of strings"):
        requirements.check(tree.spec, tree.cases)


def test_a_minted_id_is_fresh_even_where_few_are_left(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree.spec / "requirements.lock.json").write_text('{"AUB-EXT-0003": "withdrawn"}')
    draws = iter(["0001", "0003", "0004"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(draws))
    assert requirements.mint("EXT", tree.spec) == "AUB-EXT-0004"


def test_an_unknown_area_is_answered_with_close_ones(tree: Tree) -> None:
    with pytest.raises(UnknownNameError, match="did you mean EXT"):
        tree.run("mint", "EXX")


def test_the_catalogue_is_read_back_as_it_was_written(tree: Tree) -> None:
    assert requirements.load(tree.spec) == read_catalogue(tree.spec).by_id()


@pytest.mark.parametrize("document", ["{}", "[]", '{"requirements": [{"id": "x", "features": []}]}'])
def test_a_catalogue_of_another_shape_is_refused(tree: Tree, document: str) -> None:
    (tree.spec / "requirements.json").write_text(document)
    with pytest.raises(InvalidFileError, match="not a list of requirements"):
        requirements.load(tree.spec)


def test_check_exits_1_and_names_each_finding(tree: Tree) -> None:
    tree.change("AUB-EXT-0001", "One MUST change.")
    result = CliRunner().invoke(
        requirements.main, ["--spec", str(tree.spec), "check", "--cases", str(tree.cases)]
    )
    assert result.exit_code == 1
    assert "the text of AUB-EXT-0001 has changed" in result.stderr


def test_check_exits_0_where_everything_agrees(tree: Tree) -> None:
    result = CliRunner().invoke(
        requirements.main, ["--spec", str(tree.spec), "check", "--cases", str(tree.cases)]
    )
    assert (result.exit_code, result.stderr) == (0, "")


def test_coverage_lists_cases_reasons_and_what_lacks_both(tree: Tree) -> None:
    tree.change("AUB-EXT-0001", "One MUST be read.")
    tree.sentences["AUB-EXT-0003"] = ("wire", "Three SHOULD be.")
    tree.write()
    _, output = tree.run("coverage", "--cases", str(tree.cases))
    assert output.splitlines() == [
        "AUB-EXT-0001  MUST       openai/one",
        f"AUB-EXT-0002  MUST       excluded: {REASON}",
        "AUB-EXT-0003  SHOULD     NOT COVERED",
    ]


def test_mint_prints_an_id_of_the_area(tree: Tree) -> None:
    assert tree.run("mint", "OAI")[1].startswith("AUB-OAI-")


def test_a_mistake_on_the_command_line_is_one_line_and_exit_2(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["requirements", "--spec", str(tree.spec), "accept", "AUB-EXT-0022"])
    with pytest.raises(SystemExit) as stop:
        requirements._run()
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.splitlines() == [
        "decibill: there is no requirement 'AUB-EXT-0022'; did you mean AUB-EXT-0002, AUB-EXT-0001?"
    ]


def test_the_specification_of_this_repository_has_no_finding_of_its_own() -> None:
    assert [str(finding) for finding in read_catalogue(data_directory("spec")).findings] == []


def test_the_catalogue_of_this_repository_is_what_its_prose_says() -> None:
    spec = data_directory("spec")
    assert (spec / requirements.CATALOGUE).read_text(encoding="utf-8") == requirements.render(
        read_catalogue(spec)
    )
