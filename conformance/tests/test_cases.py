"""Reading cases, and choosing some of them."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from decibill.case import ExchangeCase, RecordCase
from decibill.cases import load_cases, parse_case, select_cases
from decibill.errors import InvalidFileError, UnknownNameError
from tests.scene import CASE, UNSET, case, changed

CORPUS = load_cases()
RECORD = changed(
    CASE,
    {
        "/id": "pricing/step",
        "/given": {"prices": "price-books/conformance.json", "usage": {"provider": "openai"}},
        "/when": {"price": {}},
        "/then/usage": UNSET,
    },
)


def test_every_case_of_the_corpus_is_read() -> None:
    assert len(CORPUS) > 100
    assert [each.id for each in CORPUS] == sorted(each.id for each in CORPUS)


@pytest.mark.parametrize(
    "each", [c for c in CORPUS if c.charge and c.charge.total is not None], ids=lambda each: each.id
)
def test_the_exact_sum_of_the_lines_comes_to_the_total(each: Any) -> None:
    assert abs(each.charge.exact_total - Fraction(each.charge.total)) <= Fraction(1, 2 * 10**12)


class TestReading:
    """A case file becomes a value, or a fault with its pointer."""

    def test_an_exchange_case_knows_its_call(self) -> None:
        of = case()
        assert (of.provider, of.operation, of.model, of.stream) == (
            "openai",
            "transcription",
            "gpt-4o-transcribe",
            False,
        )
        assert of.area == "transcription"

    def test_the_last_step_is_the_one_that_is_billed(self) -> None:
        first = {"answers": [{"exchange": {"provider": "openai", "operation": "chat", "model": "m"}}]}
        of = case(**{"/given/upstream": [first, CASE["given"]["upstream"][0]]})
        assert of.exchange["operation"] == "transcription"

    def test_quantities_are_integers_or_decimals(self) -> None:
        of = case(**{"/then/usage/quantities/audio_duration_seconds": "78.4"})
        assert of.usage is not None
        assert of.usage.quantities["audio_input_tokens"] == 784
        assert of.usage.quantities["audio_duration_seconds"] == Decimal("78.4")

    @pytest.mark.parametrize(
        ("client", "kind", "calls"),
        [
            ("read_all", "read_all", 1),
            ({"disconnect_after": 100}, "disconnect_after", 1),
            ({"repeat": 2}, "repeat", 2),
            ({"parallel": 4}, "parallel", 4),
        ],
        ids=str,
    )
    def test_the_client_makes_one_call_or_several(self, client: object, kind: str, calls: int) -> None:
        of = case(**{"/when/client": client})
        assert (of.client.kind, of.client.calls) == (kind, calls)

    def test_models_are_the_main_one_and_those_of_components(self) -> None:
        of = case(**{"/then/usage/components": [{"model": "whisper-1"}, {"model": "whisper-1"}]})
        assert of.models == ("gpt-4o-transcribe", "whisper-1")

    def test_a_multiplier_is_part_of_a_line(self) -> None:
        of = case(**{"/then/charge/lines/0/multiplier": "0.5", "/then/charge/lines/0/subtotal": "0.0029008"})
        assert of.charge is not None
        assert of.charge.lines[0].exact == Fraction("0.0029008")

    def test_a_record_case_is_for_calculators(self) -> None:
        of = parse_case(RECORD, "cases/pricing/step.json")
        assert isinstance(of, RecordCase)
        assert (of.kind, of.area, of.provider) == ("price", "pricing", "openai")

    def test_a_refund_case_names_no_provider(self) -> None:
        changes = {"/given": {"charge": {}}, "/when": {"refund": {"id": "r1", "full": True}}}
        of = parse_case(changed(RECORD, changes), "cases/refund/x.json")
        assert isinstance(of, RecordCase)
        assert (of.kind, of.provider, of.book) == ("refund", None, None)

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"/title": UNSET}, "/title"),
            ({"/title": 5}, "/title"),
            ({"/features": "chat"}, "/features"),
            ({"/features": [1]}, "/features/0"),
            ({"/given": []}, "/given"),
            ({"/given/upstream": []}, "/given/upstream"),
            ({"/given/upstream/0/answers": []}, "/given/upstream/0/answers"),
            (
                {"/given/upstream/0/answers/0/exchange/model": UNSET},
                "/given/upstream/0/answers/0/exchange/model",
            ),
            ({"/when/client": {"sleep": 1}}, "/when/client"),
            ({"/then/charge/lines/0/billed": "many"}, "/then/charge/lines/0/billed"),
            ({"/then/charge/lines/0/billed": "NaN"}, "/then/charge/lines/0/billed"),
            (
                {"/then/usage/quantities/audio_input_tokens": True},
                "/then/usage/quantities/audio_input_tokens",
            ),
        ],
        ids=[
            "missing",
            "not a string",
            "not a list",
            "not a list of strings",
            "not an object",
            "no step",
            "no answer",
            "no model",
            "unknown client",
            "not a number",
            "not finite",
            "a boolean",
        ],
    )
    def test_a_fault_has_its_pointer(self, changes: dict[str, Any], pointer: str) -> None:
        with pytest.raises(InvalidFileError) as caught:
            case(**changes)
        assert caught.value.pointer == pointer

    def test_what_is_no_object_is_no_case(self) -> None:
        with pytest.raises(InvalidFileError, match="not a JSON object"):
            parse_case([], "cases/x.json")

    def test_the_id_is_the_path(self, tmp_path: Path) -> None:
        folder = tmp_path / "cases" / "openai"
        folder.mkdir(parents=True)
        (folder / "other.json").write_text(json.dumps(CASE), "utf-8")
        with pytest.raises(InvalidFileError, match="is not the file's path") as caught:
            load_cases(tmp_path)
        assert caught.value.pointer == "/id"


class TestChoosing:
    """Values of one option widen the choice, different options narrow it."""

    CASES = (
        case(),
        case(**{"/id": "openai/speech", "/features": ["speech", "stream"]}),
        case(**{"/id": "azure/tokens", "/given/upstream/0/answers/0/exchange/provider": "azure"}),
    )

    def _chosen(self, **options: Any) -> list[str]:
        return [each.id for each in select_cases(self.CASES, **options)]

    def test_no_option_chooses_all(self) -> None:
        assert len(self._chosen()) == 3

    def test_a_glob_is_over_ids(self) -> None:
        assert self._chosen(only=["openai/*"]) == ["openai/tokens", "openai/speech"]

    def test_several_globs_choose_what_fits_one(self) -> None:
        assert self._chosen(only=["*/speech", "azure/*"]) == ["openai/speech", "azure/tokens"]

    def test_a_requirement_chooses_the_cases_that_prove_it(self) -> None:
        assert len(self._chosen(only=["AUB-CHG-c3cf"])) == 3

    def test_a_feature_and_a_provider_narrow_each_other(self) -> None:
        assert self._chosen(features=["transcription"], providers=["openai"]) == ["openai/tokens"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"only": ["openai/token"]}, "there is no case 'openai/token'; did you mean openai/tokens"),
            ({"only": ["AUB-CHG-c3ce"]}, "did you mean AUB-CHG-c3cf"),
            ({"features": ["streams"]}, "there is no feature 'streams'; did you mean stream?"),
            ({"providers": ["azur"]}, "there is no provider 'azur'; did you mean azure?"),
        ],
        ids=["case", "requirement", "feature", "provider"],
    )
    def test_a_name_that_nothing_has_is_answered_with_close_ones(
        self, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(UnknownNameError) as caught:
            self._chosen(**options)
        assert message in str(caught.value)


def test_the_corpus_has_cases_of_both_kinds() -> None:
    assert {type(each) for each in CORPUS} == {ExchangeCase, RecordCase}
