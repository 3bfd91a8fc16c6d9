"""``decibill list`` and ``decibill show``."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result
from decibill.cases import load_cases
from decibill.cli import cli
from decibill.errors import UnknownNameError
from decibill.specification import load_specification
from syrupy.assertion import SnapshotAssertion


def _call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), catch_exceptions=False)


class TestList:
    """One thing a line, its id first, so that a shell can work with it."""

    def _ids(self, *arguments: str) -> list[str]:
        result = _call("list", *arguments)
        assert result.exit_code == 0
        return [line.split()[0] for line in result.stdout.splitlines()]

    def test_cases(self) -> None:
        assert self._ids() == [each.id for each in load_cases()]

    def test_cases_of_a_provider(self) -> None:
        assert self._ids("--provider", "azure") == [
            each.id for each in load_cases() if each.provider == "azure"
        ]

    def test_cases_by_glob_and_feature(self) -> None:
        ids = self._ids("--only", "openai/chat-*", "--feature", "stream")
        assert ids
        assert all(name.startswith("openai/chat-") for name in ids)

    def test_requirements(self) -> None:
        assert self._ids("--requirements") == list(load_specification().requirements)

    def test_gateways(self) -> None:
        assert {"ferrogw", "reference"} <= set(self._ids("--gateways"))

    def test_the_named_defects(self) -> None:
        ids = self._ids("--defects")
        assert {"silent-zero", "charged-twice", "audio-at-text-rate"} <= set(ids)
        assert len(ids) >= 8

    def test_an_unknown_provider_is_answered_with_a_close_one(self) -> None:
        with pytest.raises(UnknownNameError, match="did you mean azure"):
            _call("list", "--provider", "azur")


class TestShow:
    """Everything about one thing."""

    @pytest.mark.parametrize(
        "identity",
        [
            "azure/transcription-founding-report",
            "openai/chat-card-without-audio",
            "gateway/retry-after-500",
            "gateway/client-leaves-stream",
            "openai/chat-audio-exceeds-prompt",
            "pricing/multiplier",
            "refund/more-than-billed",
        ],
    )
    def test_a_case(self, identity: str) -> None:
        case = next(each for each in load_cases() if each.id == identity)
        text = _call("show", identity).stdout
        assert text.startswith(f"{identity}\n  {case.title}\n")
        assert f"decibill run --only {identity} -v" in text
        assert all(name in text for name in case.requirements)

    def test_the_founding_case(self, snapshot: SnapshotAssertion) -> None:
        text = _call("show", "azure/transcription-founding-report").stdout
        assert text[text.index("call     ") : text.index("proves ")] == snapshot

    def test_a_requirement(self, snapshot: SnapshotAssertion) -> None:
        text = _call("show", "AUB-GWY-897f").stdout
        assert text == snapshot

    def test_a_requirement_that_no_case_proves_says_why(self) -> None:
        assert "no case" in _call("show", "AUB-CNF-a732").stdout

    def test_a_defect(self) -> None:
        text = _call("show", "silent-zero").stdout
        assert text.startswith("silent-zero\n")
        assert "decibill run --defect silent-zero" in text

    @pytest.mark.parametrize(
        ("identity", "close"),
        [
            ("openai/speech-tts-1-binry", "openai/speech-tts-1-binary"),
            ("AUB-GWY-3a9c", "AUB-GWY-3a9b"),
            ("silent-zeros", "silent-zero"),
        ],
    )
    def test_what_does_not_exist_is_answered_with_what_does(self, identity: str, close: str) -> None:
        with pytest.raises(UnknownNameError) as caught:
            _call("show", identity)
        assert close in str(caught.value)
        assert caught.value.exit_code == 2
