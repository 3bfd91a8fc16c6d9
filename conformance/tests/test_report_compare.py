"""The difference between two reports: fixed, broken, new, gone, and the money."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from decibill.cli.report import report as command
from decibill.outcome import Outcome
from decibill.report.compare import Comparison, compare
from decibill.report.compare_shown import comparison_json, comparison_markdown, comparison_text
from decibill.report.json import render_json
from decibill.report.model import CaseRow, Report, Selection
from tests import story
from tests.story import tell

PUBLISHED = Path(__file__).parents[1] / "reports" / "0.1"
SOME = CaseRow("a", "a", "A case", "charge", None, Outcome.PASS)


def of(**outcomes: str) -> Report:
    """Return a report in which cases came out so."""
    rows = tuple(replace(SOME, id=name, case=name, outcome=Outcome(each)) for name, each in outcomes.items())
    return replace(tell(), cases=rows)


def changes(found: Comparison) -> dict[str, str]:
    return {row.id: row.change for row in found.cases}


@pytest.mark.parametrize(
    ("was", "now", "change"),
    [
        ("pass", "pass", None),
        ("fail", "fail", None),
        ("error", "not_testable", None),
        ("not_declared", "not_declared", None),
        ("fail", "pass", "fixed"),
        ("error", "pass", "decided"),
        ("not_testable", "pass", "decided"),
        ("pass", "fail", "broken"),
        ("error", "fail", "broken"),
        ("not_testable", "fail", "broken"),
        ("pass", "not_testable", "undecided"),
        ("fail", "error", "undecided"),
        ("not_declared", "pass", "new"),
        ("not_declared", "fail", "new"),
        ("pass", "not_declared", "gone"),
        ("fail", "not_declared", "gone"),
    ],
)
def test_a_change_of_outcome_has_a_name(was: str, now: str, change: str | None) -> None:
    assert changes(compare(of(a=was), of(a=now), {})).get("a") == change


def test_a_case_that_only_one_has_is_new_or_gone() -> None:
    found = compare(of(a="pass", b="fail"), of(b="fail", c="pass"), {})
    assert changes(found) == {"c": "new", "a": "gone"}
    assert found.unchanged == 1


def test_a_case_that_neither_asked_is_not_counted_as_the_same() -> None:
    assert compare(of(a="not_declared"), of(a="not_declared"), {}).unchanged == 0


def test_what_is_worst_stands_first() -> None:
    found = compare(of(a="fail", b="pass", c="not_declared"), of(a="pass", b="fail", c="pass"), {})
    assert list(changes(found).values()) == ["broken", "fixed", "new"]


def test_another_wrong_amount_is_a_change_with_its_money() -> None:
    before, after = tell(story.billed("openai/a", "0.01")), tell(story.billed("openai/a", "0.02"))
    (row,) = compare(before, after, {}).cases
    assert row.change == "other amount"
    assert row.before_money is not None
    assert row.after_money is not None
    assert (str(row.before_money.billed), str(row.after_money.billed)) == ("0.01", "0.02")


def test_the_same_wrong_amount_is_none() -> None:
    same = tell(story.billed("openai/a", "0.01"))
    assert compare(same, same, {}).cases == ()


def test_money_is_summed_over_what_both_judged() -> None:
    before = tell(story.at_text_rate("openai/a"), story.right("openai/b"))
    after = tell(story.right("openai/a"))
    found = compare(before, after, {})
    (earlier,), (later,) = found.before_sums, found.after_sums
    assert (earlier.calls, earlier.under) == (1, Decimal("0.0032928"))
    assert (later.calls, later.under) == (1, 0)


def test_a_requirement_that_breaks_makes_it_worse() -> None:
    before, after = tell(story.right("openai/a")), tell(story.at_text_rate("openai/a"))
    found = compare(before, after, {})
    assert {row.id: row.change for row in found.requirements}["AUB-CHG-c3cf"] == "broken"
    assert found.is_worse
    assert not compare(after, before, {}).is_worse


def test_it_says_why_a_difference_may_not_be_the_gateways() -> None:
    one = of(a="pass")
    other = replace(
        one,
        suite=replace(one.suite, version="9.9", spec="9.9", fixtures_sha256="0" * 64),
        gateway=replace(one.gateway, id="other", declared={}),
        selection=Selection(("a",)),
    )
    assert len(compare(one, other, {}).doubts) == 6
    assert compare(one, one, {}).doubts == ()


@pytest.fixture(scope="module")
def found() -> Comparison:
    """Return a difference with something of everything."""
    before = tell(
        story.at_text_rate("openai/a"),
        story.right("openai/b"),
        story.billed("openai/c", "0.01"),
        story.silent_zero("openai/d"),
    )
    after = tell(
        story.right("openai/a"),
        story.lost("openai/b"),
        story.billed("openai/c", "0.02"),
        story.other_request("openai/d"),
        story.right("openai/e"),
    )
    return compare(before, after, {})


class TestShown:
    """Text, Markdown and JSON say the same."""

    def test_text_names_cases_and_money(self, found: Comparison) -> None:
        text = comparison_text(found)
        assert "BROKEN  1 case, wrong now, and was not\n  openai/b  pass -> fail   billed 0.0085276" in text
        assert "  openai/a  fail -> pass   billed 0.0052348 -> 0.0085276, right 0.0085276 USD" in text
        assert "  openai/c  fail -> fail   billed 0.01 -> 0.02, right 0.0085276 USD" in text
        assert "1 case fixed, 1 broken; the verdict was not conformant and is so still" in text
        assert "broken, " in text

    def test_all_three_count_the_same(self, found: Comparison) -> None:
        document = json.loads(comparison_json(found))
        assert sum(document["counts"].values()) - document["counts"]["same"] == len(found.cases)
        assert len(document["cases"]) == len(found.cases)
        assert comparison_markdown(found).count("\n| openai/") == len(found.cases)
        assert document["worse"] is True
        assert document["money"]["after"][0]["currency"] == "USD"

    def test_a_long_list_is_cut_where_it_is_not_asked_for(self) -> None:
        names = [f"c{number:02}" for number in range(50)]
        found = compare(of(**dict.fromkeys(names, "pass")), of(**dict.fromkeys(names, "fail")), {})
        assert "  and 38 more (-v shows all)\n" in comparison_text(found)
        assert comparison_text(found, verbose=True).count("pass -> fail") == 50
        assert "10 more differ." in comparison_markdown(found)

    def test_nothing_different_is_said_in_one_line(self) -> None:
        found = compare(of(a="pass"), of(a="pass"), {})
        assert comparison_text(found).endswith("\n\nNothing is different\n")
        assert comparison_markdown(found).startswith("## Nothing is different\n")

    def test_a_new_verdict_is_named(self) -> None:
        found = compare(tell(story.at_text_rate("openai/a")), tell(story.right("openai/a")), {})
        assert "the verdict was not conformant and is conformant" in comparison_text(found)

    def test_an_unknown_cost_is_called_so(self) -> None:
        found = compare(tell(story.silent_zero("openai/d")), of(), {})
        assert "billed 0, right unknown\n" in comparison_text(found)
        assert "| 0 |  | unknown |" in comparison_markdown(found)
        assert json.loads(comparison_json(found))["cases"][0]["before_money"]["right"] is None

    def test_nothing_from_a_gateway_steers_a_terminal(self, found: Comparison) -> None:
        hostile = replace(found.after, gateway=replace(found.after.gateway, name="\x1b[2J"))
        assert "\x1b" not in comparison_text(replace(found, after=hostile))


class TestCommand:
    """``decibill report compare BEFORE AFTER``."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> tuple[str, str]:
        for name, report in {
            "good": tell(story.right("openai/a")),
            "bad": tell(story.at_text_rate("openai/a")),
        }.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / "report.json").write_text(render_json(report), encoding="utf-8")
        return str(tmp_path / "good"), str(tmp_path / "bad")

    @pytest.mark.parametrize(
        ("form", "begin"), [("text", "before  "), ("markdown", "## "), ("json", '{\n  "before"')]
    )
    def test_it_prints_the_form(self, files: tuple[str, str], form: str, begin: str) -> None:
        good, bad = files
        done = CliRunner().invoke(command, ["compare", good, bad, "--format", form])
        assert done.stdout.startswith(begin)

    def test_its_exit_code_says_whether_anything_broke(self, files: tuple[str, str]) -> None:
        good, bad = files
        run = CliRunner().invoke
        assert run(command, ["compare", good, bad], standalone_mode=False).return_value == 1
        assert run(command, ["compare", bad, good], standalone_mode=False).return_value == 0

    def test_published_reports_can_be_compared(self) -> None:
        folders = [str(PUBLISHED / name) for name in ("litellm", "ferrogw")]
        done = CliRunner().invoke(command, ["compare", *folders, "-v"])
        assert "note           they judge different gateways: litellm and ferrogw\n" in done.stdout
