"""How a session is addressed, shown and reported."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from decibill._data import data_directory
from decibill.case import Request
from decibill.cli import cli
from decibill.curl import session_line
from decibill.declaration_read import load
from decibill.drive import Driven, DriveOptions
from decibill.drive_values import case_values, run_values
from decibill.engine import RunOptions, run
from decibill.media import frame_texts
from decibill.observations import Replay
from decibill.observations_read import parse
from decibill.outcome import Outcome
from decibill.plan import Plan, plan
from decibill.statements import Attempt, Delivery, Observation, SourceObservation
from tests.sessions import DONE, session_case

ROOT = data_directory("fixtures")
REFERENCE = load("reference")


@pytest.mark.parametrize(
    ("dialect", "path", "asked"),
    [
        ("openai", "/v1/realtime?model=gpt-realtime", "/v1/realtime?model=NAME"),
        ("openai", "/v1/realtime?intent=transcription", "/v1/realtime?intent=transcription&model=NAME"),
        ("openai", "/v1/realtime/translations?model=m", "/v1/realtime/translations?model=NAME"),
        ("openai", "/v1/live/sessions", "/v1/live/sessions?model=NAME"),
        ("openai", "/openai/v1/realtime?model=deployed", "/v1/realtime?model=NAME"),
        ("openai", "/openai/realtime?api-version=1&deployment=d", "/v1/realtime?model=NAME"),
        ("azure", "/openai/v1/realtime?model=deployed", "/openai/v1/realtime?model=NAME"),
        (
            "azure",
            "/openai/realtime?api-version=1&deployment=d",
            "/openai/realtime?api-version=1&deployment=NAME",
        ),
        (
            "azure",
            "/voice-live/realtime?api-version=1&model=m",
            "/voice-live/realtime?api-version=1&model=NAME",
        ),
        ("gemini", "/ws/x.v1beta.Service.BidiGenerateContent", "/ws/x.v1beta.Service.BidiGenerateContent"),
    ],
)
def test_a_session_is_asked_for_by_the_name_that_the_gateway_has(dialect: str, path: str, asked: str) -> None:
    case = session_case(request={"method": "GET", "path": path})
    (instance,) = plan(REFERENCE, [case]).instances
    given = run_values(
        REFERENCE, upstream="http://127.0.0.1:1", url="http://127.0.0.1:2", port=2, workdir=None
    )
    values = case_values(replace(instance, dialect=dialect, alias="NAME"), REFERENCE, given, ROOT)
    assert values["case.session"] == asked
    assert values["case.path"] == path.partition("?")[0]


def test_the_models_name_stands_inside_texts_and_media_comes_from_its_file() -> None:
    audio = {"type": "input_audio_buffer.append", "audio": {"$base64": "audio/tone-0.4s.wav"}}
    request = Request(frames=({"setup": {"model": "models/{model}", "n": 1}}, audio, {"list": ["{model}"]}))
    setup, append, others = (json.loads(text) for text in frame_texts(request, "NAME", ROOT))
    assert setup == {"setup": {"model": "models/NAME", "n": 1}}
    assert append["audio"].startswith("UklGR")
    assert others == {"list": ["NAME"]}


def test_a_session_is_repeated_by_a_line_without_secrets() -> None:
    frames = ({"type": "a", "audio": {"$base64": "audio/x.wav"}},)
    line = session_line("https://h/v1?model=m", {"authorization": "Bearer {env.KEY}"}, frames)
    assert line == (
        """(printf '%s\\n' '{"type": "a", "audio": "'"$(base64 < fixtures/audio/x.wav | tr -d '\\n')"'"}'; """
        """sleep 1) | websocat --text -H "authorization: Bearer ${KEY}" 'wss://h/v1?model=m'"""
    )


def test_a_session_in_which_the_client_only_listens_is_kept_open_for_a_while() -> None:
    assert session_line("http://h/", {}, ()) == "(sleep 1) | websocat --text ws://h/"


def _shown(identity: str) -> list[str]:
    result = CliRunner().invoke(cli, ["show", identity], catch_exceptions=False)
    lines = result.output.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("call "))
    return [line for line in lines[first:] if line.startswith(("client ", "server "))]


def test_a_session_is_told_in_turns() -> None:
    assert _shown("gemini/live-two-turns") == [
        "client       setup",
        "server       setupComplete",
        "client       clientContent",
        "server       toolCall",
        "client       toolResponse",
        "server       17 serverContent",
        "client       clientContent",
        "server       42 serverContent",
        "client       closes with 1000",
    ]


def _reported(delivery: Delivery, problem: str | None = None) -> Any:
    """Return the row of a session of which the gateway kept no record."""
    attempt = Attempt("GET", "/v1/realtime", {}, 0, problem=problem)
    nothing = SourceObservation("ledger", "ledger", keeps_records=True)
    seen = Observation((delivery,), (attempt,), ((nothing,),), "line")

    def driver(planned: Plan, *_: object) -> Driven:
        return Driven({each.id: seen for each in planned.instances}, "http://h", "http://u", ())

    report = run(REFERENCE, [session_case()], RunOptions(drive=DriveOptions()), driver=driver)
    (row,) = report.cases
    return row


def test_a_report_shows_the_last_messages_of_a_session() -> None:
    frames = tuple(json.dumps({"type": f"event.{number}"}) for number in range(30))
    row = _reported(Delivery(101, frames=frames))
    assert row.outcome is not Outcome.PASS
    (received,) = row.evidence["received"]
    assert received["frames"] == list(frames[10:])
    assert received["frames_before"] == 10


def test_a_report_says_why_a_session_stopped() -> None:
    row = _reported(Delivery(101, frames=()), problem="the frame 'x' never came")
    assert row.outcome is Outcome.NOT_TESTABLE
    assert row.evidence["upstream"][0]["problem"] == "the frame 'x' never came"
    assert row.answer == "status 101 and the body in the case"


@pytest.mark.parametrize(("frames", "outcome"), [([DONE], Outcome.PASS), ([], Outcome.FAIL)])
def test_what_came_of_a_session_can_stand_in_a_file(frames: list[Any], outcome: Outcome) -> None:
    case = session_case()
    written = {
        "gateway": {"id": "tiny", "name": "Tiny", "version": "1", "dialects": ["openai"]},
        "providers": ["openai"],
        "features": {"operations": ["realtime"], "price_scope": "alias"},
        "prices": {"how": "book"},
        "observe": [{"id": "body", "from": "body", "usage": "dialect"}],
        "instances": [{"case": case.id, "calls": [{"answer": {"frames": frames}}]}],
    }
    read = parse(written, "observations.json", [case])
    report = run(read.declaration, [case], driver=Replay(read))
    (row,) = report.cases
    assert {check.outcome for check in row.checks if check.check == "caller.input_tokens"} == {outcome}
