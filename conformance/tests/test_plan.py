"""Which cases a declared gateway is asked, and why not the rest."""

from __future__ import annotations

from typing import Any

import pytest
from decibill.case import ExchangeCase
from decibill.cases import load_cases, parse_case
from decibill.declaration import Declaration
from decibill.declaration_read import load
from decibill.plan import plan
from tests.scene import CASE, UNSET, case, changed, declaration

EXCHANGE = "/given/upstream/0/answers/0/exchange"
FIELDS = {
    "text_input_tokens": "text_in",
    "audio_input_tokens": "audio_in",
    "text_output_tokens": "text_out",
}


def _reason(of: Any, gateway: Declaration | None = None) -> str | None:
    planned = plan(gateway or declaration(), [of])
    return planned.not_declared[0].reason if planned.not_declared else None


def _priced(**fields: Any) -> Declaration:
    """Return a gateway that writes prices into fields of its own."""
    prices = {"how": "file", "unit": {"currency": "USD", "per": 1000000}, "fields": fields}
    return declaration(**{"/prices": prices, "/files": {"config": {"path": "c.json", "content": {}}}})


def test_the_plan_does_not_depend_on_the_order_of_the_cases() -> None:
    cases = load_cases()
    gateway = load("reference")
    assert plan(gateway, cases) == plan(gateway, tuple(reversed(cases)))


def test_every_case_is_planned_or_has_a_reason() -> None:
    cases = load_cases()
    planned = plan(load("ferrogw"), cases)
    ids = {each.case.id for each in planned.instances} | {each.case.id for each in planned.not_declared}
    assert ids == {each.id for each in cases}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({f"{EXCHANGE}/operation": "translation"}, "the dialect openai"),
        ({f"{EXCHANGE}/operation": "realtime"}, "the operation realtime"),
        ({f"{EXCHANGE}/provider": "azure"}, "the provider azure"),
        ({"/features": ["transcription", "stream"]}, "streams of transcription"),
        ({"/when/azure": {}, "/when/openai": UNSET}, "the dialect azure"),
        ({"/features": ["transcription", "upstream.retry"]}, "retries"),
        ({"/features": ["transcription", "convert"]}, "the conversion of one dialect into another"),
        ({"/features": ["transcription", "session.live"]}, "sessions of the Live API"),
        ({"/features": ["transcription", "calculator"]}, "a calculator"),
        ({"/then/proves": {"AUB-CHG-c3cf": ["charge", "usage"]}}, "a calculator"),
        ({"/then/usage/components": [{"model": "whisper-1"}]}, "a price for the second model of a session"),
    ],
    ids=[
        "declared",
        "no route",
        "operation",
        "provider",
        "stream",
        "dialect",
        "retry",
        "convert",
        "session",
        "calculator",
        "only records",
        "component",
    ],
)
def test_what_the_gateway_lacks_is_the_reason(changes: dict[str, Any], reason: str | None) -> None:
    assert _reason(case(**changes)) == reason


def test_an_operation_may_be_served_for_some_providers_alone() -> None:
    gateway = declaration(**{"/features/providers": {"transcription": ["azure"]}})
    assert _reason(case(), gateway) == "the operation transcription of the provider openai"
    others = declaration(**{"/features/providers": {"chat": ["azure"]}})
    assert _reason(case(), others) is None


def test_a_record_case_needs_a_calculator() -> None:
    given = {"prices": "price-books/conformance.json", "usage": {}}
    record = changed(CASE, {"/given": given, "/when": {"price": {}}, "/then/usage": UNSET})
    assert _reason(parse_case(record, "cases/x.json")) == "a calculator"


class TestInstances:
    """One instance for every dialect that case and gateway share."""

    BOTH = case(**{"/when/azure": {}})
    AZURE_TOO = declaration(
        **{
            "/gateway/dialects": ["openai", "azure"],
            "/routes/azure": {"transcription": "/openai/deployments/{case.alias}/audio/transcriptions"},
        }
    )

    def test_one_dialect_keeps_the_id_of_the_case(self) -> None:
        (only,) = plan(declaration(), [self.BOTH]).instances
        assert (only.id, only.dialect, only.token) == ("openai/tokens", "openai", "openai--tokens")

    def test_two_dialects_are_named(self) -> None:
        ids = [each.id for each in plan(self.AZURE_TOO, [self.BOTH]).instances]
        assert ids == ["openai/tokens[azure]", "openai/tokens[openai]"]

    def test_tokens_and_aliases_are_unique_and_safe_in_a_url(self) -> None:
        instances = plan(load("reference"), load_cases()).instances
        for names in ([each.token for each in instances], [each.alias for each in instances]):
            assert len(set(names)) == len(instances)
            assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.") for name in names)


class TestModifiers:
    """A price modifier that the configuration cannot express is not declared."""

    def _case(self, entry: str) -> ExchangeCase:
        found = next(each for each in load_cases() if each.id == entry)
        assert isinstance(found, ExchangeCase)
        return found

    @pytest.mark.parametrize(
        ("entry", "modifier"),
        [
            ("openai/speech-tts-1-hd-1106-minimum", "minimum"),
            ("azure/transcription-whisper-step", "step"),
            ("openai/chat-cached-with-split", "cached"),
        ],
    )
    def test_it_is_named(self, entry: str, modifier: str) -> None:
        without = declaration(
            **{"/features/modifiers": [], "/upstream/base/azure": "{upstream}/c/{case.token}"}
        )
        with_it = declaration(
            **{"/features/modifiers": [modifier], "/upstream/base/azure": "{upstream}/c/{case.token}"}
        )
        assert _reason(self._case(entry), without) == f"the price modifier {modifier}"
        assert _reason(self._case(entry), with_it) is None

    def test_a_gateway_without_prices_is_asked_for_usage_all_the_same(self) -> None:
        gateway = declaration(**{"/features/price_scope": "none", "/prices": {"how": "none"}})
        assert _reason(self._case("openai/speech-tts-1-hd-1106-minimum"), gateway) is None


class TestRates:
    """A rate without a field is left out; where another would take its place, the case is not declared."""

    def test_a_gateway_with_all_fields_is_given_all_rates(self) -> None:
        (only,) = plan(_priced(**FIELDS), [case()]).instances
        assert only.left_out == ()

    def test_a_rate_without_a_field_is_left_out(self) -> None:
        without = {name: field for name, field in FIELDS.items() if name != "audio_input_tokens"}
        (only,) = plan(_priced(**without), [case()]).instances
        assert only.left_out == ("audio_input_tokens",)

    def test_a_rate_that_the_charge_does_not_use_does_not_matter(self) -> None:
        without = {name: field for name, field in FIELDS.items() if name != "text_input_tokens"}
        (only,) = plan(_priced(**without), [case()]).instances
        assert only.left_out == ()

    def test_a_rate_with_more_places_than_the_field_keeps_is_left_out(self) -> None:
        gateway = declaration(
            **{
                "/prices": {
                    "how": "file",
                    "unit": {"currency": "USD", "per": 1},
                    "number": {"kind": "decimal", "places": 6},
                    "fields": FIELDS,
                },
                "/files": {"config": {"path": "c.json", "content": {}}},
            }
        )
        (only,) = plan(gateway, [case()]).instances
        assert only.left_out == ("audio_input_tokens", "text_output_tokens")

    def test_a_cached_rate_whose_fresh_rate_the_gateway_has_is_not_declared(self) -> None:
        """Without the cached rate the fresh one is right by the leaf rule, so another cost would be right."""
        of = next(each for each in load_cases() if each.id == "openai/chat-cached-with-split")
        gateway = _priced(**FIELDS, audio_output_tokens="audio_out")
        assert _reason(of, gateway) == "a separate price for cached_audio_input_tokens"

    def test_a_book_has_a_place_for_every_rate(self) -> None:
        (only,) = plan(declaration(), [case()]).instances
        assert only.left_out == ()


class TestSecondPrice:
    """A gateway with one price for a model is not asked for a second one in the same run."""

    ONE = declaration(**{"/features/price_scope": "model"})
    SECOND = case(**{"/id": "openai/second", "/features": ["transcription", "price.second"]})

    def test_the_feature_alone_is_enough_so_that_a_selection_changes_nothing(self) -> None:
        assert _reason(self.SECOND, self.ONE) == "a second price for one model in one run"

    def test_a_gateway_with_a_price_for_each_alias_is_asked(self) -> None:
        assert _reason(self.SECOND) is None

    def test_the_suite_own_prices_come_first(self) -> None:
        other = case(**{"/id": "openai/a-first", "/given/prices": "price-books/founding.json",
                        f"{EXCHANGE}/model": "whisper-1"})  # fmt: skip
        own = case(**{"/id": "openai/z-last", f"{EXCHANGE}/model": "whisper-1"})
        planned = plan(self.ONE, [other, own])
        assert [each.id for each in planned.instances] == ["openai/z-last"]
