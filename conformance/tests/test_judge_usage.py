"""Usage at the caller and in the ledger: lost, invented, wrong, or right."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from decibill.judge_call import RunFacts
from decibill.outcome import Outcome
from decibill.statements import Delivery
from tests.scene import UNSET, body, case, checks, declaration, found, ledger, seen, stated, unpriced

AUDIO = "ledger.audio_input_tokens"


def _usage(**values: object) -> dict[str, Any]:
    return {
        name: stated(value, f"/{name} of GET /usage", is_float="." in str(value))
        for name, value in values.items()
    }


def _judged(value: object, of: Any = None, quantity: str = "audio_input_tokens", **members: Any) -> Any:
    source = ledger("0.0085276", usage=_usage(**{quantity: value}), **members)
    return found(f"ledger.{quantity}", of or case(), source)


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (784, Outcome.PASS),
        (785, Outcome.FAIL),
        (0, Outcome.FAIL),
        (UNSET, Outcome.FAIL),
        (None, Outcome.FAIL),
    ],
    ids=["equal", "off by one", "zero", "nothing", "unknown"],
)
def test_a_right_answer_above_zero(value: object, outcome: Outcome) -> None:
    assert _judged(value).outcome is outcome


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(0, Outcome.PASS), (UNSET, Outcome.PASS), (None, Outcome.PASS), (5, Outcome.FAIL)],
    ids=["zero", "nothing", "unknown", "a number"],
)
def test_a_right_answer_of_zero(value: object, outcome: Outcome) -> None:
    assert _judged(value, quantity="text_input_tokens").outcome is outcome


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(0, Outcome.PASS), (UNSET, Outcome.PASS), (5, Outcome.FAIL)],
    ids=["zero", "nothing", "a number"],
)
def test_a_quantity_that_the_call_does_not_have(value: object, outcome: Outcome) -> None:
    assert _judged(value, quantity="tts_characters").outcome is outcome


class TestUnknown:
    """A quantity that nothing says: unknown, nothing, or a marked estimate."""

    CASE = unpriced(
        "unmetered",
        **{"/then/usage/quantities": {}, "/then/usage/basis": {}, "/then/usage/unknown": ["input_tokens"]},
    )

    @pytest.mark.parametrize(
        ("value", "marked", "outcome"),
        [
            (None, False, Outcome.PASS),
            (UNSET, False, Outcome.PASS),
            (700, True, Outcome.PASS),
            (700, False, Outcome.FAIL),
            (0, False, Outcome.FAIL),
        ],
        ids=["unknown", "nothing", "marked estimate", "plain number", "zero"],
    )
    def test_the_whole(self, value: object, marked: bool, outcome: Outcome) -> None:
        result = _judged(value, self.CASE, "input_tokens", estimate=marked)
        assert result.outcome is outcome

    def test_a_part_of_what_is_unknown_is_unknown_too(self) -> None:
        result = _judged(0, self.CASE)
        assert (result.outcome, result.expected) == (Outcome.FAIL, "unknown")
        assert result.because == (
            "neither the answer nor the request says how many audio input tokens there were, "
            "and 0 says that there were none"
        )


@pytest.mark.parametrize(
    ("value", "because"),
    [
        (UNSET, "the usage is lost: the provider reported 784"),
        (800, "the provider reported 784"),
        (0, "the provider reported 784, and 0 says that nothing was used"),
    ],
    ids=["lost", "wrong", "zero"],
)
def test_it_is_said_who_has_the_right_number(value: object, because: str) -> None:
    assert _judged(value).because == because


def test_usage_read_from_an_error_is_named_as_such() -> None:
    of = case(
        **{
            "/then/usage": {"quantities": {}, "basis": {}, "unknown": [], "flags": ["error_response"]},
            "/then/charge/status": "not_billable",
            "/then/charge/total": "0",
            "/then/charge/lines": [],
        }
    )
    assert _judged(12, of).because == "the upstream answered with an error, from which no usage may be read"


class TestSeconds:
    """Seconds are compared within half of the last place that the source wrote."""

    @pytest.mark.parametrize(
        ("right", "basis", "written", "outcome"),
        [
            ("8.47", "provider_reported", "8.47", Outcome.PASS),
            ("8.47", "provider_reported", "8.5", Outcome.PASS),
            ("8.47", "provider_reported", "8", Outcome.PASS),
            ("8.47", "provider_reported", "9", Outcome.FAIL),
            ("8.47", "provider_reported", "8.48", Outcome.FAIL),
            ("8.47", "provider_reported", "8.470000028610229", Outcome.FAIL),
            ("8.470000028610229", "provider_reported", "8.470000028610229", Outcome.PASS),
            ("9", "provider_billed", "8.47", Outcome.FAIL),
            ("3.6", "media", "3.65", Outcome.PASS),
            ("3.6", "media", "3.75", Outcome.FAIL),
        ],
    )
    def test_the_last_place_counts(self, right: str, basis: str, written: str, outcome: Outcome) -> None:
        of = case(
            **{
                "/when/openai/form/file/media_file": "audio/reply-3.6s.mp3",
                "/then/usage/quantities": {"audio_duration_seconds": right},
                "/then/usage/basis": {"audio_duration_seconds": basis},
            }
        )
        assert _judged(written, of, "audio_duration_seconds").outcome is outcome

    def test_wav_is_measured_exactly(self) -> None:
        of = case(
            **{
                "/then/usage/quantities": {"audio_duration_seconds": "78.4"},
                "/then/usage/basis": {"audio_duration_seconds": "media"},
            }
        )
        assert _judged("78.45", of, "audio_duration_seconds").outcome is Outcome.FAIL


class TestCaller:
    """Usage that the provider sent MUST reach the caller unchanged."""

    CHECK = "caller.audio_input_tokens"

    @pytest.mark.parametrize(
        ("value", "outcome"),
        [(784, Outcome.PASS), (UNSET, Outcome.FAIL), (0, Outcome.FAIL), (800, Outcome.FAIL)],
        ids=["unchanged", "lost", "zero", "changed"],
    )
    def test_what_was_sent(self, value: object, outcome: Outcome) -> None:
        source = replace(body(audio_input_tokens=value), sent={"audio_input_tokens": Decimal(784)})
        assert found(self.CHECK, case(), source).outcome is outcome

    @pytest.mark.parametrize("value", [UNSET, None], ids=["nothing", "null"])
    def test_what_the_provider_did_not_send_is_not_lost(self, value: object) -> None:
        source = replace(body(audio_input_tokens=value), sent={"input_tokens": Decimal(1019)})
        assert found(self.CHECK, case(), source).outcome is Outcome.PASS

    def test_it_is_what_was_sent_even_where_the_right_usage_differs(self) -> None:
        """A provider's total that is wrong is passed on, not put right."""
        source = replace(body(audio_input_tokens=900), sent={"audio_input_tokens": Decimal(900)})
        assert found(self.CHECK, case(), source).outcome is Outcome.PASS

    def test_a_place_of_the_gateway_own_needs_only_what_the_provider_said(self) -> None:
        gateway = declaration(
            **{"/observe/2/usage": {"audio_input_tokens": "/usage/audio", "text_input_tokens": "/usage/text"}}
        )
        of = case(**{"/then/usage/basis/audio_input_tokens": "derived"})
        assert found(self.CHECK, of, body(audio_input_tokens=UNSET), gateway=gateway).outcome is Outcome.PASS

    def test_an_error_in_place_of_the_answer_loses_all_usage(self) -> None:
        observation = seen(body(), deliveries=(Delivery(502),))
        result = checks(case(), observation)["caller.*"]
        assert result.outcome is Outcome.FAIL
        assert result.because == "the gateway answered 502 where the upstream answered 200"


class TestPlaces:
    """The first source of a place that states something decides; without a place nothing is judged."""

    def test_no_place(self) -> None:
        gateway = declaration(**{"/observe": [{"id": "body", "from": "body", "usage": "dialect"}]})
        results = checks(case(), seen(body(audio_input_tokens=784)), gateway)
        assert results["ledger.*"].outcome is Outcome.NOT_DECLARED
        assert results["caller.audio_input_tokens"].outcome is Outcome.PASS

    def test_a_record_that_others_have_is_lost(self) -> None:
        facts = RunFacts(records={"ledger": frozenset({"openai/other"})})
        source = ledger(usage=_usage(audio_input_tokens=UNSET), records=())
        result = found(AUDIO, case(), source, facts=facts)
        assert result.outcome is Outcome.FAIL
        assert result.because == "the ledger has records of other calls and none of this one"

    def test_a_ledger_that_never_has_a_record_cannot_be_judged(self) -> None:
        source = ledger(usage=_usage(audio_input_tokens=UNSET), records=())
        assert found(AUDIO, case(), source).outcome is Outcome.NOT_TESTABLE

    def test_a_source_that_could_not_be_read_cannot_be_judged(self) -> None:
        assert _judged(UNSET, problem="it answered 500").outcome is Outcome.NOT_TESTABLE


class TestUnmeteredIsAccepted:
    """Where *unmetered* is another right answer and the gateway gave it, usage may be missing."""

    CASE = case(**{"/then/accepted": [{"status": "unmetered", "reason": "Client gone.", "arithmetic": ""}]})

    @pytest.mark.parametrize(
        ("cost", "outcome"), [(None, Outcome.PASS), ("0.0085276", Outcome.FAIL)], ids=["unknown", "priced"]
    )
    def test_missing_usage(self, cost: object, outcome: Outcome) -> None:
        source = ledger(cost, usage=_usage(audio_input_tokens=UNSET))
        assert found(AUDIO, self.CASE, source).outcome is outcome

    def test_wrong_usage_stays_wrong(self) -> None:
        source = ledger(None, usage=_usage(audio_input_tokens=1))
        assert found(AUDIO, self.CASE, source).outcome is Outcome.FAIL
