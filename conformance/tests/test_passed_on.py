"""A reader is told what a gateway left out of the calls that it passed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from decibill.report.passed_on import left_out, passed_on_note
from tests.scene import attempt, case, instance, seen

CHAT = {
    "model": "{model}",
    "modalities": ["text", "audio"],
    "messages": [
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": {"$base64": "a.wav"}}}]}
    ],
}


def missing(sent: Mapping[str, Any], arrived: Mapping[str, Any]) -> list[str]:
    of = instance(case(**{"/when/openai": sent}))
    return list(left_out(of, seen(attempts=(attempt(**arrived),))))


@pytest.mark.parametrize(
    ("arrived", "members"),
    [
        (CHAT | {"model": "other", "stream_options": {}}, []),
        ({"model": "m", "messages": CHAT["messages"]}, ["/json/modalities"]),
        (
            CHAT | {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            ["/json/messages/*/content/*/input_audio"],
        ),
        (CHAT | {"messages": []}, ["/json/messages/*"]),
        (CHAT | {"modalities": "text"}, []),
    ],
    ids=["more and other values", "a member", "a member of an item", "an item", "another type"],
)
def test_members_of_json_that_did_not_arrive(arrived: Mapping[str, Any], members: list[str]) -> None:
    assert missing({"json": CHAT}, {"json": arrived}) == members


def test_fields_of_a_form_that_did_not_arrive() -> None:
    sent = {"form": {"model": "{model}", "language": "en", "file": {"media_file": "audio/a.wav"}}}
    assert missing(sent, {"form": {"model": "m", "file": {"filename": "a.wav"}}}) == ["/form/language"]


def test_a_call_that_did_not_arrive_lacks_nothing() -> None:
    assert list(left_out(instance(case()), seen(attempts=()))) == []


def test_a_body_of_another_kind_is_not_compared() -> None:
    assert missing({"json": CHAT}, {"form": {}}) == []


def test_the_note_names_what_most_cases_lack_first() -> None:
    of = instance(case(**{"/when/openai": {"json": {"a": 1, "b": 2}}}))
    one, both = seen(attempts=(attempt(json={"a": 1}),)), seen(attempts=(attempt(json={}),))
    assert passed_on_note([(of, one), (of, both)]) == (
        "the gateway left members of the client's request out (2 cases: /json/b, /json/a); "
        "a provider may answer such a call otherwise than recorded",
    )
    assert passed_on_note([]) == ()
