"""The report as text, JSON and JUnit: one value, three renderings."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from decibill import schemas
from decibill.baseline import Baseline, KnownFailure
from decibill.report.build import hide_host
from decibill.report.json import render_json, to_json
from decibill.report.junit import render_junit
from decibill.report.model import Report
from decibill.report.text import printable, render_text
from syrupy.assertion import SnapshotAssertion
from tests import story
from tests.scene import ledger
from tests.story import Told, tell

FINE: tuple[Told, ...] = (story.right("openai/a"), story.right("openai/b"), story.not_declared("openai/z"))
STORY: tuple[Told, ...] = (
    *FINE,
    story.at_text_rate("openai/c-text-rate"),
    story.silent_zero("openai/d-silent"),
    *(story.lost(f"openai/e-lost-{letter}") for letter in "abcdef"),
    story.other_status("openai/f-status"),
    story.other_request("openai/g-format"),
    story.never_called("openai/h-refused"),
)


@pytest.fixture(scope="module")
def fine() -> Report:
    return tell(*FINE)


@pytest.fixture(scope="module")
def everything() -> Report:
    return tell(*STORY)


def _known() -> Report:
    entries = (
        KnownFailure("AUB-GWY-3725", "The caller's usage is cut by our filter.", "https://example.org/1"),
        KnownFailure("openai/e-lost-a", "The ledger drops it as well.", "https://example.org/2"),
        KnownFailure("openai/a", "Long put right.", "https://example.org/3"),
        KnownFailure("openai/zzz", "Not in this run.", "https://example.org/4"),
    )
    return tell(
        story.right("openai/a"), story.lost("openai/e-lost-a"), baseline=Baseline("known.json", entries)
    )


class TestText:
    """What a person reads on a terminal."""

    def test_a_run_in_which_all_is_well(self, fine: Report, snapshot: SnapshotAssertion) -> None:
        assert render_text(fine, files=["out/report.json", "out/junit.xml"]) == snapshot

    def test_it_fits_the_first_screen_when_all_is_well(self, fine: Report) -> None:
        assert render_text(fine, files=["report.json"]).count("\n") <= 24

    def test_a_run_in_which_everything_happens(self, everything: Report, snapshot: SnapshotAssertion) -> None:
        assert render_text(everything) == snapshot

    def test_every_case_in_full(self, everything: Report, snapshot: SnapshotAssertion) -> None:
        assert render_text(everything, verbose=True) == snapshot

    def test_known_failures(self, snapshot: SnapshotAssertion) -> None:
        assert render_text(_known()) == snapshot

    def test_a_narrow_terminal(self, everything: Report) -> None:
        lines = render_text(everything, width=72).splitlines()
        commands = ("  again", "  by hand", "  answer")  # meant to be copied, so never broken
        assert all(len(line) <= 72 for line in lines if not line.startswith(commands))

    def test_a_long_command_is_left_to_the_file(self) -> None:
        of, seen = story.at_text_rate("openai/c")
        long = type(seen)(seen.deliveries, seen.attempts, seen.sources, "curl " + "x" * 1000)
        report = tell((of, long))
        assert "xxxx" not in render_text(report)
        assert "a long command line: in report.json" in render_text(report)
        assert "xxxx" in render_text(report, verbose=True)

    def test_nothing_from_a_gateway_steers_the_terminal(self, everything: Report) -> None:
        text = render_text(everything, verbose=True)
        assert "partial?[2J" in text
        assert {character for character in text if ord(character) < 32} == {"\n"}

    @pytest.mark.parametrize(
        "character", ["\x1b", "\x07", "\x9b", "\x7f", "\u202e", "\u2066"], ids=lambda each: f"{ord(each):04x}"
    )
    def test_each_such_character_is_replaced(self, character: str) -> None:
        assert printable(f"a{character}b") == "a?b"

    def test_one_block_stands_for_one_requirement(self, everything: Report) -> None:
        text = render_text(everything)
        assert text.count("AUB-GWY-3725  MUST") == 1
        assert "openai/e-lost-b, openai/e-lost-c, openai/e-lost-d and 2 more (-v shows all)" in text

    def test_the_case_that_is_furthest_off_is_shown(self) -> None:
        costs = {"openai/a": "0.008", "openai/b": "0.0001", "openai/c": "0.02"}
        text = render_text(tell(*(story.billed(name, cost) for name, cost in costs.items())))
        assert "case         openai/b:" in text
        assert "also         openai/c, openai/a" in text


class TestJson:
    """What a program reads."""

    @pytest.mark.parametrize("told", [FINE, STORY], ids=["fine", "everything"])
    def test_it_fits_its_schema(self, told: tuple[Told, ...]) -> None:
        assert list(schemas.faults("report", to_json(tell(*told)))) == []

    def test_it_is_the_same_for_the_same_run(self, everything: Report, snapshot: SnapshotAssertion) -> None:
        assert render_json(everything) == render_json(tell(*STORY))
        assert render_json(everything) == snapshot

    def test_the_start_is_its_only_clock(self) -> None:
        of, seen = story.right("openai/a")
        dated = ledger("0.0085276")
        cost = replace(dated.cost, where="/cost of GET /usage?since=2026-11-21T12:00:03Z")
        document = to_json(tell((of, replace(seen, sources=((replace(dated, cost=cost),),)))))
        (where,) = [check["where"] for check in document["cases"][0]["checks"] if check["check"] == "cost"]
        assert where == "/cost of GET /usage?since={started}"

    def test_it_is_sorted(self, everything: Report) -> None:
        document = to_json(everything)
        for key in ("requirements", "cases"):
            ids = [row["id"] for row in document[key]]
            assert ids == sorted(ids)

    def test_money_is_decimal_strings(self, everything: Report) -> None:
        checks = [
            check for row in to_json(everything)["cases"] for check in row["checks"] if "money" in check
        ]
        assert {"billed": "0.0052348", "right": "0.0085276", "ratio": "0.6139"} in [
            c["money"] for c in checks
        ]

    def test_secrets_do_not_stand_in_it(self, everything: Report) -> None:
        assert "secret" not in render_json(everything)

    def test_media_does_not_stand_in_it(self) -> None:
        of, seen = story.at_text_rate("openai/c")
        spoken = json.dumps({"audio": {"data": "QUJD" * 200}}).encode()
        delivery = type(seen.deliveries[0])(200, {"content-type": "application/json"}, spoken)
        report = tell((of, type(seen)((delivery,), seen.attempts, seen.sources)))
        assert "QUJD" not in render_json(report)
        assert "[base64, 800 characters]" in render_json(report)

    @pytest.mark.parametrize(
        ("address", "shown"),
        [
            ("http://127.0.0.1:9", "http://127.0.0.1:9"),
            ("http://localhost:9", "http://localhost:9"),
            ("https://gateway.example.com:8443/v1", "https://[host]/v1"),
        ],
    )
    def test_only_this_machine_is_named(self, address: str, shown: str) -> None:
        assert hide_host(address) == shown

    def test_a_remote_gateway_is_not_named_in_commands_either(self) -> None:
        of, seen = story.at_text_rate("openai/c")
        remote = type(seen)(seen.deliveries, seen.attempts, seen.sources, "curl https://gw.example.com/v1")
        report = tell((of, remote), gateway_url="https://gw.example.com")
        assert "example.com" not in render_json(report)
        assert "curl $GATEWAY_URL/v1" in render_json(report)


class TestJUnit:
    """What a build server reads: red for exactly what makes a gateway not conformant."""

    def test_the_document(self, everything: Report, snapshot: SnapshotAssertion) -> None:
        assert render_junit(everything) == snapshot

    @pytest.mark.parametrize(
        ("name", "tag", "message"),
        [
            ("openai/a", None, ""),
            ("openai/c-text-rate", "failure", "the 784 audio input tokens are billed at the text rate"),
            ("openai/z", "skipped", "not declared: the operation translation"),
            ("openai/f-status", "skipped", "recommendation not met: "),
            ("openai/g-format", "skipped", "not testable: the gateway asked the upstream"),
            ("openai/h-refused", "error", "the gateway never called the upstream and answered 404"),
        ],
    )
    def test_each_outcome_has_its_element(
        self, everything: Report, name: str, tag: str | None, message: str
    ) -> None:
        root = ElementTree.fromstring(render_junit(everything))
        (case,) = [each for each in root.iter("testcase") if each.get("name") == name]
        found = [each for each in case if each.tag != "properties"]
        assert [each.tag for each in found] == ([tag] if tag else [])
        assert all(str(each.get("message")).startswith(message) for each in found)

    def test_a_recommendation_is_a_failure_where_the_run_is_strict(self) -> None:
        root = ElementTree.fromstring(render_junit(tell(story.other_status("openai/f"), strict=True)))
        assert (
            len(list(root.iter("error"))) + len(list(root.iter("failure"))) + len(list(root.iter("skipped")))
            == 1
        )

    def test_a_known_failure_is_skipped(self) -> None:
        root = ElementTree.fromstring(render_junit(_known()))
        assert [str(each.get("message"))[:15] for each in root.iter("skipped")] == ["known failure: "]

    def test_it_holds_no_host_and_no_time(self, everything: Report) -> None:
        document = render_junit(everything)
        assert not any(word in document for word in ("hostname", "timestamp", "time="))

    def test_its_numbers_are_those_of_its_elements(self, everything: Report) -> None:
        for suite in ElementTree.fromstring(render_junit(everything)):
            for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
                assert suite.get(attribute) == str(len(list(suite.iter(tag))))


def test_the_three_renderings_agree(everything: Report) -> None:
    document = to_json(everything)
    sentence = document["verdict"]["sentence"]
    assert sentence in " ".join(render_text(everything, width=200).split())
    assert sentence in render_junit(everything)
    failing = {row["id"] for row in document["requirements"] if row["outcome"] == "fail"}
    assert all(f"FAILED  {name}" in render_text(everything) for name in failing)
