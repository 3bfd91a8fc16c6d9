"""The pictures: every case has one, it says what the case says, and no mark is told by its colour alone."""

from __future__ import annotations

import re
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from decibill.case import Case
from decibill.judge_call import plain
from decibill.report.html.corpus import Corpus, load_corpus
from decibill.report.html.flows import picture_of
from decibill.report.html.svg_money import money_svg
from decibill.report.html.svg_path import described, path_svg
from decibill.report.money import Stake

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus()


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def numbers(svg: str) -> list[float]:
    """Return every coordinate of a picture."""
    found: list[float] = []
    for element in ElementTree.fromstring(svg).iter():
        for name in ("x", "y", "width", "height", "d"):
            found += map(float, re.findall(r"-?[\d.]+", element.get(name, "")))
    return found


class TestPath:
    def test_of_every_case_is_sound_and_within_its_frame(self, corpus: Corpus) -> None:
        for case in corpus.cases.values():
            root = ElementTree.fromstring(path_svg(case))
            height = float(root.get("viewBox", "").split()[3])
            for rect in root.iter(f"{SVG}rect"):
                top = float(rect.get("y", "nan"))
                assert 0 <= top <= top + float(rect.get("height", "nan")) <= height, case.id

    def test_of_every_case_has_each_line_and_the_total(self, corpus: Corpus) -> None:
        for case in corpus.cases.values():
            picture = picture_of(case)
            flows = [flow for group in picture.groups for flow in group.flows]
            charge = case.charge
            if charge is not None and charge.lines and case.error is None:
                priced = [flow.money for flow in flows if flow.money is not None]
                assert sorted(priced) == sorted(line.subtotal for line in charge.lines), case.id
            if charge is not None and charge.total is not None and case.error is None:
                assert picture.total == plain(charge.total), case.id

    def test_shows_the_split_of_a_direction(self, corpus: Corpus) -> None:
        shown = texts(path_svg(corpus.cases["azure/realtime-cached-audio"]))

        assert shown[3:5] == ["256", "input tokens"]
        assert "128 cached audio in" in shown
        assert "\u00d7 0.55 / 1M = 0.0000704" in shown
        assert shown[-2:] == ["0.0043357", "USD"]

    def test_names_the_model_where_there_are_several(self, corpus: Corpus) -> None:
        shown = texts(path_svg(corpus.cases["openai/realtime-audio-turn"]))

        assert {"gpt-realtime", "gpt-realtime-wh…"} <= set(shown)

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("openai/chat-usage-null", "unknown: no"),
            ("azure/transcription-error-404", "0 USD"),
            ("elevenlabs/speech-header-sent-twice", "refused:"),
            ("gemini/generate-audio-without-rate", "no rate"),
            ("elevenlabs/speech-header-zero", "no line"),
            ("pricing/addon-minimum", "4 seconds of audio, billed …"),
            ("refund/addons", "charged"),
            ("elevenlabs/price-scribe-10s", "0.000611111111"),
        ],
    )
    def test_says_what_no_number_can(self, corpus: Corpus, name: str, words: str) -> None:
        assert words in texts(path_svg(corpus.cases[name]))

    def test_a_part_without_price_is_dashed(self, corpus: Corpus) -> None:
        svg = path_svg(corpus.cases["gemini/generate-audio-without-rate"])

        assert 'class="leaf audio none"' in svg

    def test_a_multiplier_and_a_rounded_duration_are_in_it(self, corpus: Corpus) -> None:
        said = [described(picture_of(case)) for case in corpus.cases.values()]

        assert any("billed as" in words for words in said)
        assert any(re.search("/ 1M \u00d7 [0-9.]+ =", words) for words in said)

    def test_in_words_it_is_the_whole_arithmetic(self, corpus: Corpus) -> None:
        assert described(picture_of(corpus.cases["openai/transcription-stream-cr"])) == (
            "audio in: 37 \u00d7 7.4 / 1M = 0.0002738; text out: 12 \u00d7 11.6 / 1M = 0.0001392; "
            "together 0.000413 USD"
        )

    @pytest.mark.parametrize(
        ("billed", "words"),
        [
            ("0", "0 (\u00d7 0)"),
            ("0.000826", "0.000826 (\u00d7 2)"),
            ("4.13", "4.13 (\u00d7 10000)"),
            (None, "unknown"),
        ],
    )
    def test_what_was_billed_stands_below(self, corpus: Corpus, billed: str | None, words: str) -> None:
        case = corpus.cases["openai/transcription-stream-cr"]
        number = None if billed is None else Decimal(billed)

        assert texts(path_svg(case, billed=number, is_billed=True))[-4:] == [
            "right",
            "0.000413",
            "billed",
            words,
        ]

    def test_where_nothing_is_right_any_bill_is_without_ratio(self, corpus: Corpus) -> None:
        case = corpus.cases["openai/chat-usage-null"]

        assert texts(path_svg(case, billed=Decimal(1), is_billed=True))[-4:] == [
            "right",
            "unknown",
            "billed",
            "1",
        ]

    def test_a_title_of_a_case_cannot_become_markup(self, corpus: Corpus) -> None:
        case: Case = corpus.cases["openai/transcription-stream-cr"]
        usage = case.document["then"]["charge"]["lines"][0]
        document = {
            **case.document,
            "then": {"charge": {"status": "x", "total": "1", "currency": "<b>", "lines": [usage]}},
        }

        assert "<b>" not in path_svg(type(case)(**{**_members(case), "document": document}))


def _members(case: Case) -> dict[str, object]:
    return {name: getattr(case, name) for name in case.__dataclass_fields__}


def stake(name: str, billed: str | None, right: str | None, *, is_right: bool = False) -> Stake:
    money = [None if text is None else Decimal(text) for text in (billed, right)]
    return Stake(name, "USD", money[0], money[1], is_right)


EVERYTHING = [
    stake("a/right", "0.5", "0.5", is_right=True),
    stake("a/free", "0", "0", is_right=True),
    stake("a/under", "0.03125", "0.5"),
    stake("a/over", "500", "0.5"),
    stake("a/zero", "0", "0.5"),
    stake("a/unknown", None, "0.5"),
    stake("a/unfounded", "0.5", None),
    stake("a/of-nothing", "0.5", "0"),
]


class TestMoney:
    def test_each_kind_has_a_shape_of_its_own(self) -> None:
        root = ElementTree.fromstring(money_svg(EVERYTHING))
        shapes = {
            (each.get("class"), re.sub(r"^M[\d. -]+", "", each.get("d", "")))
            for each in root.iter(f"{SVG}path")
            if (each.get("class") or "").startswith("mark")
        }
        assert len({kind for kind, _ in shapes}) == len({shape for _, shape in shapes}) == len(shapes) == 6

    def test_more_is_higher_and_right_is_on_the_line(self) -> None:
        places = {
            each.text: each for each in ElementTree.fromstring(money_svg(EVERYTHING)).iter(f"{SVG}title")
        }
        assert "a/under: billed 0.03125, right 0.5" in places
        at = {
            name: _height(money_svg(EVERYTHING), name) for name in ("a/over", "a/right", "a/under", "a/zero")
        }

        assert at["a/over"] < at["a/right"] < at["a/under"] < at["a/zero"]

    def test_it_says_itself_in_words(self) -> None:
        said = ElementTree.fromstring(money_svg(EVERYTHING)).get("aria-label")

        assert said == (
            "Billed against right, one mark for each call: 2 right, 1 too little, 2 too much, "
            "1 0 for a call that is not free, 1 said to be unknown, and is known, "
            "1 a number for a cost that nobody can know"
        )

    def test_a_mark_of_what_is_wrong_leads_to_its_case(self) -> None:
        svg = money_svg(EVERYTHING, links={each.id: f"#{each.id}" for each in EVERYTHING})
        links = [each.get("href") for each in ElementTree.fromstring(svg).iter(f"{SVG}a")]

        assert sorted(links) == sorted(f"#{each.id}" for each in EVERYTHING if not each.is_right)

    @pytest.mark.parametrize(
        "found", [[], EVERYTHING[:1], [stake("a", "1e9", "1e-9"), stake("b", "1e-12", "1e3")]]
    )
    def test_every_mark_is_within_the_frame(self, found: list[Stake]) -> None:
        assert all(-10 <= number <= 470 for number in numbers(money_svg(found)))


def _height(svg: str, name: str) -> float:
    for each in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        title = each.find(f"{SVG}title")
        if title is not None and (title.text or "").startswith(f"{name}:"):
            return float(re.findall(r"-?[\d.]+", each.get("d", ""))[1])
    raise AssertionError(name)
