"""The page of a report: its verdict and counts, and nothing that a gateway says becomes markup."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from decibill.case import ExchangeCase
from decibill.cli.report import report as command
from decibill.judge_call import plain
from decibill.outcome import CheckResult, Money, Outcome
from decibill.report.counts import area_counts, counted
from decibill.report.html.case_part import outside
from decibill.report.html.corpus import Corpus, load_corpus
from decibill.report.html.exchange import exchange_part
from decibill.report.html.page import render_html
from decibill.report.html.words import case_class, proper, rounded
from decibill.report.json import to_json
from decibill.report.model import BaselineUse, CaseRow, Report, RequirementRow, Selection, Spread, Timing
from decibill.report.money import stakes, sums
from decibill.report.read import from_json, read_report
from tests.page_reader import Element, read
from tests.test_report_forms import REPORTS

PUBLISHED = Path(__file__).parents[1] / "reports" / "0.1"
LITELLM = PUBLISHED / "litellm" / "report.json"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x00'


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus()


@pytest.fixture(scope="module")
def litellm() -> Report:
    return read_report(LITELLM)


@pytest.fixture(scope="module")
def page(litellm: Report, corpus: Corpus) -> Element:
    return read(render_html(litellm, corpus))


def one(page: Element, tag: str = "", **wanted: str) -> Element:
    found = page.all(tag, **wanted)
    assert found, (tag, wanted)
    return found[0]


def case_of(page: Element, name: str) -> Element:
    body = one(page, "div", id=name)
    return next(each for each in page.all("details", class_="case") if body in each.children)


SOME = ("everything", "known failures", "genai-prices")


@pytest.mark.parametrize("make", [REPORTS[name] for name in SOME], ids=SOME)
def test_verdict_and_counts_are_those_of_the_report(make: Callable[[], Report], corpus: Corpus) -> None:
    report = make()
    page = read(render_html(report, corpus))
    words = {"met": "pass", "not met": "fail", "in error": "error", "known to fail": "known"}
    words |= {"not testable": "not_testable", "not checked": "not_declared"}

    assert report.verdict.word.capitalize() in one(page, class_="verdict").text
    assert one(page, class_="sentence").text == report.verdict.sentence
    table = one(page, class_="levels")
    heads = [words[each.text] for each in table.all("thead")[0].all("th")[1:]]
    for row in table.all("tbody")[0].all("tr"):
        (level,) = (each.text for each in row.all("th"))
        assert (row.attributes["data-level"], row.attributes["title"]) == (
            level,
            counted(report.levels[level]),
        )
        shown = dict(zip(heads, (int(each.text) for each in row.all("td")), strict=True))
        counts = to_json(report)["counts"][level]
        assert shown == {key: counts[key] for key in heads}
        assert all(not number for key, number in counts.items() if key not in heads)
    kinds = Counter(each.attributes["data-outcome"] for each in one(page, id="cases").all(class_="case"))
    assert kinds == Counter(case_class(row) for row in report.cases)


class TestFirstScreen:
    def test_says_what_is_wrong_most_cases_first(self, page: Element, litellm: Report) -> None:
        found = Counter(
            cause
            for row in litellm.cases
            for cause in {
                check.cause for check in row.checks if check.outcome is Outcome.FAIL and check.cause
            }
        )
        items = [each for causes in page.all(class_="causes") for each in causes.all("li")]
        shown = [int(one(one(each, class_="count"), "span").text) for each in items]

        assert shown == sorted(shown, reverse=True)
        assert shown[: len(found)] == sorted(found.values(), reverse=True)[: len(shown)]

    def test_says_where_a_cause_shows(self, page: Element) -> None:
        (zero,) = (each for each in page.all("li") if "silent zero, 0 for a call" in each.text)

        assert re.search(r"transcription, streamed \d+", zero.text)

    def test_explains_itself_by_the_plainest_case(self, page: Element) -> None:
        why = page.all(class_="answer")[1]

        assert one(why, "a").attributes["href"] == "#openai/transcription-4o-stream"
        assert '"input_tokens": 37' in one(why, "mark").text
        assert "37 x 7.4 / 1M = 0.0002738" in why.text
        assert "0 at /response_cost of the record" in why.text
        case = case_of(page, "openai/transcription-4o-stream")
        assert one(why, "blockquote").text in [each.text for each in case.all("blockquote")]

    def test_says_what_it_costs(self, page: Element, litellm: Report, corpus: Corpus) -> None:
        (money,) = sums(stakes(litellm, corpus.cases))
        costs = page.all(class_="answer")[2]

        assert [each.text for each in costs.all("dt")] == ["billed", "right"]
        assert [each.attributes["title"] for each in costs.all("dd")] == [
            plain(money.wrong_billed),
            plain(money.wrong_right),
        ]
        parts = f"{rounded(money.under)} is missing and {rounded(money.over)} is too much"
        assert f"{money.wrong} of {money.calls} calls billed wrong: {parts}." in costs.text
        assert len(costs.all("svg", class_="money")) == 1
        assert f"{money.kinds['zero']} billed as 0, though not free" in costs.text

    def test_says_what_was_declared_and_what_not(self, page: Element, litellm: Report) -> None:
        declared = one(page, class_="declared")

        assert "streams of chat, speech, transcription" in declared.text
        assert f"a calculator: {litellm.gateway.not_declared['a calculator']} cases" in declared.text

    def test_of_a_run_in_which_all_is_right(self, corpus: Corpus) -> None:
        page = read(render_html(REPORTS["fine"](), corpus))

        assert "Nothing that was judged" in page.all(class_="answer")[0].text
        assert "Nothing: " in page.all(class_="answer")[2].text

    def test_of_a_run_that_judged_no_cost(self, corpus: Corpus) -> None:
        page = read(render_html(read_report(PUBLISHED / "mlflow" / "report.json"), corpus))

        assert "No cost was judged" in page.all(class_="answer")[2].text
        assert "MUST" in page.all(class_="answer")[1].text

    def test_of_a_calculator(self, corpus: Corpus) -> None:
        report = read_report(PUBLISHED / "calculators" / "genai-prices" / "report.json")
        markup = render_html(report, corpus)

        assert "The calculator said:" in markup
        assert "The calculator says" in markup

    def test_of_a_failure_that_no_check_explains(self, corpus: Corpus) -> None:
        rows = (CaseRow("openai/a", "openai/a", "A", "chat", "openai", Outcome.FAIL),)
        report = replace(REPORTS["fine"](), cases=rows, areas=area_counts(rows))
        why = read(render_html(report, corpus)).all(class_="answer")[1]

        assert one(why, "a").attributes["href"] == "#openai/a"
        assert "said:" not in why.text

    def test_of_known_failures_alone(self, corpus: Corpus) -> None:
        page = read(render_html(REPORTS["known failures"](), corpus))

        assert "(known)" in one(page, class_="causes").text


class TestCase:
    def test_has_what_a_maintainer_asks_for(self, page: Element) -> None:
        shown = case_of(page, "openai/transcription-4o-stream").text

        for words in (
            "0 is the silent zero",  # what is wrong
            "seen at /response_cost of the record pushed to sink log",  # where
            "\u22120.000413",  # the difference
            "37 x 7.4 / 1M",  # the arithmetic in words
            "37 audio input tokens \u00d7 7.4 / 1M",  # the lines
            "fixtures/upstream/openai/transcription-4o-stream.sse",  # the exchange
            "transcript.text.done",
            "github.com/api7/aisix/pull/865",  # the public bug
            "decibill run --gateway litellm --start --only openai/transcription-4o-stream -v",
            "curl -sS -X POST",
        ):
            assert words in shown

    def test_without_a_public_report_names_one_of_the_same_mistake(self, page: Element) -> None:
        failed = [each.text for each in page.all("details", class_="case", data_outcome="fail")]
        bare = [text for text in failed if "Reported in public" not in text]
        named = [text for text in bare if "The same mistake, reported in public" in text]

        assert len(named) > len(bare) / 2 > 0

    def test_marks_the_members_that_decide(self, page: Element) -> None:
        marks = [each.text for each in case_of(page, "openai/transcription-4o-stream").all("mark")]

        assert any('"audio_tokens": 37' in text for text in marks)
        assert any('"usage": null' in text for text in marks)

    def test_of_the_corpus_that_passed_has_its_picture_and_its_arithmetic(self, page: Element) -> None:
        passed = one(one(page, id="cases"), "details", data_outcome="pass")

        assert passed.all("svg", class_="path")
        assert "Why this is right" in passed.text
        assert "The exchange" not in passed.text

    def test_that_the_corpus_does_not_have_is_shown_without(self, litellm: Report, corpus: Corpus) -> None:
        page = read(render_html(litellm, replace(corpus, cases={})))
        shown = case_of(page, "openai/transcription-4o-stream")

        assert shown.all("svg") == []
        assert "37 x 7.4 / 1M" in shown.text

    def test_of_other_fixtures_says_so(self, litellm: Report, corpus: Corpus) -> None:
        def about(report: Report) -> str:
            return one(read(render_html(report, corpus)), id="about").text

        of_these = replace(litellm, suite=replace(litellm.suite, fixtures_sha256=corpus.manifest))
        of_others = replace(litellm, suite=replace(litellm.suite, fixtures_sha256="0" * 64))

        assert "of other fixtures" not in about(of_these)
        assert "of other fixtures" in about(of_others)

    def test_whose_fixtures_are_gone_says_so(self, litellm: Report, corpus: Corpus, tmp_path: Path) -> None:
        page = read(render_html(litellm, replace(corpus, root=tmp_path)))

        assert "cannot be read" in case_of(page, "openai/transcription-4o-stream").text

    def test_has_an_id_to_link_to_and_so_have_requirements(self, page: Element, litellm: Report) -> None:
        ids = [str(each.attributes["id"]) for each in page.all() if each.attributes.get("id")]
        links = {
            str(each.attributes["href"])[1:]
            for each in page.all("a")
            if str(each.attributes["href"])[0] == "#"
        }

        assert len(ids) == len(set(ids))
        assert {row.id for row in litellm.cases} <= set(ids)
        assert {row.id for row in litellm.requirements} <= set(ids)
        assert links <= set(ids)

    def test_carries_what_the_filters_go_by(self, page: Element) -> None:
        found = case_of(page, "openai/transcription-4o-stream").attributes

        assert found["data-outcome"] == "fail"
        assert found["data-provider"] == "openai"
        assert "stream" in str(found["data-feature"]).split()
        assert found["data-level"] == "MUST"
        assert "1" in str(found["data-cause"]).split()


class TestExchange:
    """Of one case, whatever it sends and whatever came back."""

    def shown(self, corpus: Corpus, name: str, **members: Any) -> dict[str, str]:
        case = corpus.cases[name]
        row = CaseRow(name, name, case.title, case.area, "openai", Outcome.FAIL, **members)
        blocks = [read(block) for block in exchange_part(row, case, corpus)]
        return {one(block, "h4").text: block.text for block in blocks if block.all("h4")}

    def test_of_every_case_has_what_is_sent_and_what_is_answered(self, corpus: Corpus) -> None:
        for case in corpus.cases.values():
            heads = list(self.shown(corpus, case.id))
            if isinstance(case, ExchangeCase):
                assert heads[0] == "The client sends"
                assert heads[1] == f"{proper(case.provider)} answers"
            else:
                assert heads == ["Given"]

    def test_says_how_the_client_behaves(self, corpus: Corpus) -> None:
        shown = self.shown(corpus, "gateway/client-leaves-transcription-stream")

        assert "... disconnect after 200" in shown["The client sends"]

    def test_marks_the_text_where_characters_are_billed(self, corpus: Corpus) -> None:
        case = corpus.cases["openai/speech-tts-1-binary"]
        row = CaseRow(case.id, case.id, case.title, case.area, "openai", Outcome.FAIL)
        sent = read(exchange_part(row, case, corpus)[0])

        assert one(sent, "mark").text.startswith('  "input": ')

    def test_says_where_another_answer_was_given(self, corpus: Corpus) -> None:
        shown = self.shown(
            corpus,
            "openai/transcription-stream-cr",
            answer="fixtures/upstream/openai/transcription-4o-json-37.json",
        )
        block = shown["OpenAI answers another call than the client sent"]

        assert "fixtures/upstream/openai/transcription-4o-json-37.json, constructed" in block

    def test_shows_each_call_and_what_could_not_be_read(self, corpus: Corpus) -> None:
        session = {
            "status": 101,
            "headers": {"x-cost": "0.5"},
            "frames_before": 3,
            "frames": ['{"usage": null}'],
        }
        failed = {"status": 502, "headers": {}, "body": "", "error": "the connection broke"}
        evidence = {"received": [session, failed], "upstream": [], "problems": ["log: no record"]}
        shown = self.shown(corpus, "openai/realtime-audio-turn", evidence=evidence)

        assert "x-cost: 0.5" in shown["The client receives, call 1"]
        assert "... 3 messages before" in shown["The client receives, call 1"]
        assert "the connection broke" in shown["The client receives, call 2"]
        assert "log: no record" in shown["What could not be read"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.org/issues/1", "example.org/issues/1"),
        (
            f"https://example.org/{'a' * 80}/end.json",
            "example.org/aaaaaaaaaaaaaaaaaaaaaa\u2026aaaaaaaaaaa/end.json",
        ),
    ],
)
def test_a_link_out_of_the_page_is_short(url: str, words: str) -> None:
    link = one(read(outside(url)), "a")

    assert link.text == words
    assert link.attributes["rel"] == "noreferrer noopener"


def test_what_is_not_https_is_no_link() -> None:
    assert outside("javascript:alert(1)") == "<span>javascript:alert(1)</span>"


def test_money_in_a_second_currency_stands_below(corpus: Corpus) -> None:
    """The corpus has one case in euros, for calculators."""
    name = next(case.id for case in corpus.cases.values() if case.charge and case.charge.currency == "EUR")
    check = CheckResult("cost", ("AUB-XXX-0000",), Outcome.FAIL, got="3", money=Money(Decimal(3), Decimal(2)))
    dollars, euros = (
        CaseRow(each, each, "A", "pricing", None, Outcome.FAIL, checks=(check,))
        for each in ("openai/a", name)
    )
    cases = (dollars, replace(dollars, id="openai/b"), euros)
    report = replace(REPORTS["fine"](), cases=cases, areas=area_counts(cases))
    page = read(render_html(report, corpus))

    assert "EUR: billed 3, right 2." in page.all(class_="answer")[2].text
    assert case_of(page, "openai/a").all("blockquote") == []
    assert "The gateway said:" in page.all(class_="answer")[1].text


def test_each_filter_offers_what_the_cases_have(page: Element) -> None:
    cases = one(page, id="cases").all(class_="case")
    for name in ("outcome", "provider", "feature", "level"):
        offered = {each.attributes["value"] for each in one(page, "select", name=name).all("option")}
        had = {word for each in cases for word in str(each.attributes.get(f"data-{name}") or "").split()}
        assert offered == had | {""}


class TestRequirements:
    def test_stand_by_chapter_with_their_cases(self, page: Element) -> None:
        shown = one(page, "article", id="AUB-OAI-8527")

        assert "The usage of a streamed transcription MUST be read from" in shown.text
        assert "#openai/transcription-4o-stream" in [each.attributes["href"] for each in shown.all("a")]
        assert "spec/providers/openai.md#AUB-OAI-8527" in shown.text

    def test_lead_to_the_specification_where_its_place_is_known(
        self, litellm: Report, corpus: Corpus
    ) -> None:
        page = read(render_html(litellm, corpus, spec_base="https://example.org/"))
        links = [each.attributes["href"] for each in one(page, "article", id="AUB-OAI-8527").all("a")]

        assert links[0] == "https://example.org/spec/providers/openai.md#AUB-OAI-8527"

    def test_say_why_they_are_not_testable(self, page: Element, litellm: Report) -> None:
        hidden = next(row for row in litellm.requirements if row.hidden_by)

        assert f"behind the failure of {hidden.hidden_by[0]}" in one(page, "article", id=hidden.id).text


def test_the_run_is_described_at_the_end(litellm: Report, corpus: Corpus) -> None:
    run = replace(
        litellm,
        selection=Selection(only=("openai/*",)),
        baseline=BaselineUse("known.json", ("AUB-GWY-1cf8",), ("AUB-GWY-0000",), ("AUB-GWY-1111",)),
        notes=("a note",),
        suite=replace(litellm.suite, fixtures_sha256="a" * 64),
        timing=Timing(332, 2, 3_900_000, Spread(2100, 6000), Spread(3000, 9000)),
    )
    about = one(read(render_html(run, corpus)), id="about").text

    for words in (
        "openai/*",
        "known.json",
        "AUB-GWY-0000",
        "AUB-GWY-1111",
        "a note.",
        "a" * 64,
        "It took 3.9 s; a case 2.1 ms",
    ):
        assert words in about


@pytest.fixture(scope="module")
def markup(corpus: Corpus) -> str:
    return render_html(hostile(), corpus)


class TestHostileGateway:
    def test_adds_no_element_that_runs_or_loads(self, markup: str) -> None:
        page = read(markup)

        assert len(page.all("script")) == len(page.all("style")) == 1
        assert not [
            each for tag in ("img", "iframe", "object", "embed", "base", "link") for each in page.all(tag)
        ]
        names = {name for each in page.all() for name in each.attributes}
        assert not [name for name in names if name.startswith("on")]
        assert "style" not in names

    def test_makes_no_link_that_is_not_within_the_page_or_https(self, markup: str) -> None:
        links = [str(each.attributes["href"]) for each in read(markup).all("a")]

        assert all(re.match(r"#|https://", link) for link in links)

    def test_loses_what_hides_and_steers(self, markup: str) -> None:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]", markup)

    def test_cannot_make_the_page_long(self, markup: str) -> None:
        assert len(markup) < 400_000


def hostile() -> Report:
    """Return a report in which everything that a gateway, its declaration or a file could say is hostile."""
    report = REPORTS["fine"]()
    long = HOSTILE * 30_000
    check = CheckResult(
        "cost",
        ("AUB-GWY-1cf8",),
        Outcome.FAIL,
        expected=long,
        got=long,
        where=long,
        because=long,
        cause=long,
        money=Money(Decimal("1E-300"), Decimal("1E+300")),
    )
    body = f'{{"usage": {{"{HOSTILE}": "{HOSTILE}"}}}}'.replace("\x00", "").replace('">', "'>")
    received = {"status": HOSTILE, "headers": {f"cost{HOSTILE}": HOSTILE}, "body": body}
    evidence: dict[str, Any] = {
        "received": [
            received,
            {**received, "headers": HOSTILE, "body": long},
            {"status": 1, "frames": [long]},
            long,
            7,
        ],
        "upstream": [{"request": {HOSTILE: [long]}}],
        "problems": [long],
    }
    told = {"why": long, "again": long, "by_hand": long, "answer": long}
    failed: dict[str, Any] = {"outcome": Outcome.FAIL, "checks": (check,), "evidence": evidence, **told}
    asked = [HOSTILE, "openai/transcription-4o-stream"]
    rows = [CaseRow(name, name, long, "transcription", "openai", **failed) for name in asked]
    rest = CaseRow("x", "x", long, "transcription", None, Outcome.NOT_DECLARED, reason=long)
    row = RequirementRow("AUB-GWY-1cf8", "MUST", long, f"javascript:alert(1)//{HOSTILE}", Outcome.FAIL, ())
    named = {"id": HOSTILE, "name": long, "version": long, "url": long}
    return replace(
        report,
        cases=(*rows, rest),
        areas=area_counts([*rows, rest]),
        requirements=(row,),
        gateway=replace(report.gateway, **named, declared={"operations": (long,)}, not_declared={long: 1}),
        upstream=long,
        notes=(long,),
    )


class TestCommand:
    def test_writes_the_page_beside_the_report(self, tmp_path: Path) -> None:
        file = tmp_path / "report.json"
        file.write_bytes((PUBLISHED / "mlflow" / "report.json").read_bytes())

        result = CliRunner().invoke(command, ["html", str(tmp_path)])

        assert result.exit_code == 0
        assert result.output.strip() == str(tmp_path / "report.html")
        assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")

    def test_prints_it_where_that_is_asked_for(self) -> None:
        result = CliRunner().invoke(command, ["html", str(PUBLISHED / "mlflow"), "--out", "-"])

        assert result.output.startswith("<!doctype html>")


def test_a_report_that_was_read_makes_the_same_page(litellm: Report, corpus: Corpus) -> None:
    again = from_json(to_json(litellm), "report.json")

    assert render_html(again, corpus) == render_html(litellm, corpus)
