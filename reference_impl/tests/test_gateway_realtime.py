"""Sessions through the reference gateway, between a client and a provider on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from decibill_reference import gateway_realtime_transcript, gateway_realtime_upstream
from decibill_reference.gateway import GatewayConfig
from decibill_reference.gateway_body import BadRequest
from decibill_reference.gateway_config import Alias
from decibill_reference.gateway_dialects_realtime import RealtimeDialect
from decibill_reference.gateway_metering import SOUND, Seams
from decibill_reference.gateway_realtime import Session
from decibill_reference.ledger import Ledger, LedgerError
from tests.gateway_scene import BOOK, running
from tests.session_scene import Provider, calling, drop, end_of, event, providing
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.gateway_scene import Running

KEY = "sk-gateway"
USAGE = {
    "total_tokens": 205,
    "input_tokens": 41,
    "output_tokens": 164,
    "input_token_details": {"text_tokens": 14, "audio_tokens": 27, "cached_tokens": 0},
    "output_token_details": {"text_tokens": 28, "audio_tokens": 136},
}
COST = "0.0103252"  # 14 x 4.2 + 27 x 33.6 + 28 x 16.6 + 136 x 65.4 = 10325.2 millionths
DONE = event("response.done", response={"id": "resp_1", "status": "completed", "usage": USAGE})
LIVE_MODEL = "gemini-2.5-flash-native-audio-preview-09-2025"
LIVE_USAGE = {
    "promptTokenCount": 10,
    "responseTokenCount": 20,
    "totalTokenCount": 30,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}],
}
AI_STUDIO = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
VERTEX = "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"
SETUP = '{"setup" : {"x": 1.50, "model": "models/live"} }'


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[Provider, Running]]]:
    """Start a provider and a gateway before it; all that a session takes of an alias can be changed."""
    with contextlib.ExitStack() as stack:

        def starter(
            provider: Provider, key: str | None = None, seams: Seams = SOUND, **changes: Any
        ) -> tuple[Provider, Running]:
            stack.enter_context(providing(provider))
            base = provider.url
            models = (
                Alias("rt", "openai", "gpt-realtime", f"{base}/v1", BOOK, "sk-provider"),
                Alias("deployed", "azure", "gpt-realtime", base, BOOK, "sk-azure", deployment="team a"),
                Alias("voice", "azure", "gpt-realtime", base, BOOK, "sk-azure", named_surface="voice_live"),
                Alias("live", "gemini", LIVE_MODEL, base, BOOK, "sk-google"),
                Alias("vertex", "gemini", LIVE_MODEL, base, BOOK, named_surface="vertex"),
            )
            aliases = {alias.name: replace(alias, **changes) for alias in models}
            config = GatewayConfig(tmp_path / "usage.sqlite", aliases, key)
            gateway = stack.enter_context(running(config, seams))
            if key is not None:
                gateway.client.headers["authorization"] = f"Bearer {key}"
            return provider, gateway

        yield starter


def close(code: int, reason: str = "") -> Callable[[Any], object]:
    return lambda connection: connection.close(code, reason)


def refusal_of(gateway: Running, path: str, **options: Any) -> tuple[int, str, dict[str, str]]:
    """Return what the gateway answers in place of a session."""
    with pytest.raises(InvalidStatus) as caught, calling(gateway, path, **options):
        pass
    answer = caught.value.response
    headers = {name.lower(): value for name, value in answer.headers.raw_items()}
    return answer.status_code, (answer.body or b"").decode(), headers


class TestFrames:
    def test_frames_pass_byte_for_byte_in_both_directions(self, start: Callable[..., Any]) -> None:
        said: list[str | bytes] = ['{"type": "a",  "x":1.50}', "\u00e9 \U0001f600", b"\x00\xff", "", DONE]
        sent: list[str | bytes] = ['{ "type":"session.update" }', b"\xfe\x00", "\u6f22"]
        provider, gateway = start(Provider(play=said, wait_for=3))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            for frame in sent:
                client.send(frame)
            heard = [client.recv(timeout=10) for _ in said]

        gateway.rows(1)
        assert heard == said
        assert provider.frames == sent

    def test_a_frame_in_fragments_passes_whole(self, start: Callable[..., Any]) -> None:
        provider, gateway = start(Provider(play=["done"], wait_for=1))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            client.send(["one ", "two ", "three"])
            client.recv(timeout=10)

        gateway.rows(1)
        assert provider.frames == ["one two three"]

    def test_a_frame_of_the_provider_that_is_too_large_ends_the_session(
        self, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(gateway_realtime_upstream, "LARGEST_FRAME", 1000)
        _, gateway = start(Provider(play=[DONE, "x" * 1001]))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            code, _ = end_of(client)

        (row,) = gateway.rows(1)
        assert (code, row["complete"], row["cost"]) == (1011, False, COST)

    def test_a_session_that_cannot_be_metered_any_more_is_ended(
        self, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(gateway_realtime_transcript, "_MOST_KEPT", 10)
        _, gateway = start(Provider(play=[DONE]))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            assert end_of(client) == (1008, "the session is too long to be metered")

        (row,) = gateway.rows(1)
        assert row["cost"] == COST


class TestTheEnd:
    def test_the_row_is_there_before_the_client_is_told(self, start: Callable[..., Any]) -> None:
        _, gateway = start(Provider(play=[DONE], then=close(1000)))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            call = client.response.headers["x-decibill-request-id"]
            assert end_of(client) == (1000, "")
            row = gateway.client.get(f"/v1/usage/{call}").json()

        assert (row["operation"], row["http_status"], row["attempts"]) == ("realtime", 101, 1)
        assert (row["complete"], row["status"], row["cost"]) == (True, "priced", COST)
        assert row["usage"]["quantities"]["audio_input_tokens"] == 27

    @pytest.mark.parametrize(
        ("end", "told"),
        [
            ((1000, "bye"), (1000, "bye")),
            ((1001, ""), (1001, "")),
            ((4000, "session_expired"), (4000, "session_expired")),
        ],
        ids=["normal", "going away", "of its own"],
    )
    def test_the_client_is_told_of_the_end_in_the_words_of_the_provider(
        self, start: Callable[..., Any], end: tuple[int, str], told: tuple[int, str]
    ) -> None:
        _, gateway = start(Provider(then=close(*end)))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            assert end_of(client) == told

        assert gateway.rows(1)[0]["complete"] is True

    def test_a_close_without_a_code_is_a_normal_one(self, start: Callable[..., Any]) -> None:
        def without_code(connection: Any) -> None:
            connection.socket.sendall(b"\x88\x00")

        _, gateway = start(Provider(then=without_code))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            assert end_of(client) == (1000, "")

    def test_a_provider_that_breaks_off_is_recorded_with_what_it_said(
        self, start: Callable[..., Any]
    ) -> None:
        _, gateway = start(Provider(play=[DONE], then=drop))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            assert end_of(client) == (1011, "the provider's session broke off")

        (row,) = gateway.rows(1)
        assert (row["complete"], row["cost"]) == (False, COST)

    def test_a_client_that_closes_closes_the_session_of_the_provider(self, start: Callable[..., Any]) -> None:
        provider, gateway = start(Provider(play=[DONE]))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            client.recv(timeout=10)
            client.close(4321, "enough")

        (row,) = gateway.rows(1)
        (end,) = provider.ends
        assert end.rcvd is not None
        assert (end.rcvd.code, end.rcvd.reason) == (4321, "enough")
        assert (row["complete"], row["cost"]) == (True, COST)

    def test_a_client_that_drops_is_billed_for_what_there_was(self, start: Callable[..., Any]) -> None:
        provider, gateway = start(Provider(play=[DONE]))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            client.recv(timeout=10)
            drop(client)

        (row,) = gateway.rows(1)
        assert (row["complete"], row["cost"]) == (True, COST)
        assert provider.ends[0].rcvd is not None
        assert provider.ends[0].rcvd.code == 1000

    def test_what_the_provider_says_while_the_session_is_closed_is_billed(
        self, start: Callable[..., Any]
    ) -> None:
        left = threading.Event()

        def tell(connection: Any) -> None:
            left.wait(10)
            connection.send(DONE)

        _, gateway = start(Provider(then=tell))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            # more than the provider takes before it waits: 17 frames at least, and at most 64 KiB at once
            for _ in range(40):
                client.send("{" + " " * 4096 + "}")
        left.set()

        (row,) = gateway.rows(1)
        assert (row["complete"], row["cost"]) == (True, COST)

    def test_a_response_that_was_not_done_is_not_known(self, start: Callable[..., Any]) -> None:
        begun = event("response.created", response={"id": "resp_2"})
        _, gateway = start(Provider(play=[DONE, begun]))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            client.recv(timeout=10)
            client.recv(timeout=10)

        (row,) = gateway.rows(1)
        assert row["usage"]["flags"] == ["session_incomplete"]
        assert row["status"] == "partial"

    def test_a_session_that_contradicts_itself_is_recorded_without_a_cost(
        self, start: Callable[..., Any]
    ) -> None:
        _, gateway = start(Provider(play=[DONE, '{"type":"response.done","type":"response.done"}', DONE]))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            for _ in range(3):
                client.recv(timeout=10)

        (row,) = gateway.rows(1)
        assert (row["status"], row["cost"], row["usage"]) == ("refused", None, None)
        assert row["error"]["code"] == "duplicate_key"
        assert row["error"]["pointer"] == "/response/events/1/frame/type"

    def test_an_end_that_nobody_recorded_is_an_error(
        self, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def failing(*_: object) -> None:
            raise LedgerError("the disk is full")

        monkeypatch.setattr(Ledger, "record", failing)
        _, gateway = start(Provider(then=close(1000)))

        with calling(gateway, "/v1/realtime?model=rt") as client:
            assert end_of(client) == (1011, "the session could not be recorded")

    def test_sessions_at_the_same_time_are_told_apart(self, start: Callable[..., Any]) -> None:
        def echo(connection: Any) -> None:
            connection.send(connection.recv())

        _, gateway = start(Provider(then=echo))
        asked: dict[str, int] = {}

        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(calling(gateway, "/v1/realtime?model=rt")) for _ in range(4)]
            for number, client in enumerate(clients, 1):
                usage = {"input_tokens": number, "output_tokens": 0, "total_tokens": number}
                client.send(event("response.done", response={"id": "r", "usage": usage}))
                asked[client.response.headers["x-decibill-request-id"]] = number
            for client in clients:
                client.recv(timeout=10)

        rows = gateway.rows(4)
        assert {row["id"]: row["usage"]["quantities"]["input_tokens"] for row in rows} == asked

    def test_a_gateway_that_stops_records_what_is_open(self, start: Callable[..., Any]) -> None:
        _, gateway = start(Provider(play=[DONE]))
        with calling(gateway, "/v1/realtime?model=rt") as client:
            client.recv(timeout=10)
            gateway.stop()

            assert end_of(client)[0] == 1012

        (row,) = gateway.ledger.rows()
        assert row.cost == COST


class TestThePath:
    @pytest.mark.parametrize(
        ("asked", "got"),
        [
            ("/v1/realtime?model=rt", "/v1/realtime?model=gpt-realtime"),
            ("/v1/realtime?call_id=c%201&model=rt", "/v1/realtime?call_id=c%201&model=gpt-realtime"),
            ("/v1/realtime?model=rt&intent=transcription", "/v1/realtime?intent=transcription"),
            ("/v1/realtime/translations?model=rt", "/v1/realtime/translations?model=gpt-realtime"),
            ("/v1/live/sessions?model=rt", "/v1/live/sessions?model=gpt-realtime"),
            ("/v1/realtime?model=deployed", "/openai/v1/realtime?model=team%20a"),
            ("/openai/v1/realtime?model=deployed&api-key=k", "/openai/v1/realtime?model=team%20a"),
            ("/openai/v1/live/sessions?model=deployed", "/openai/v1/live/sessions?model=team%20a"),
            (
                "/openai/realtime?deployment=deployed",
                "/openai/realtime?deployment=team%20a&api-version=2025-04-01-preview",
            ),
            (
                "/openai/realtime?api-version=2024-10-01-preview&deployment=deployed",
                "/openai/realtime?api-version=2024-10-01-preview&deployment=team%20a",
            ),
            (
                "/voice-live/realtime?api-version=2026-04-10&model=voice",
                "/voice-live/realtime?api-version=2026-04-10&model=gpt-realtime",
            ),
        ],
    )
    def test_the_alias_becomes_the_model_or_its_deployment(
        self, start: Callable[..., Any], asked: str, got: str
    ) -> None:
        provider, gateway = start(Provider(play=[DONE]))

        with calling(gateway, asked) as client:
            client.recv(timeout=10)

        (row,) = gateway.rows(1)
        assert provider.paths == [got]
        assert row["cost"] == (COST if row["alias"] == "rt" else row["cost"])

    def test_a_session_of_translation_is_known_by_its_path(self, start: Callable[..., Any]) -> None:
        _, gateway = start(Provider(play=[event("session.closed")]))

        with calling(gateway, "/v1/realtime/translations?model=rt") as client:
            client.recv(timeout=10)

        (row,) = gateway.rows(1)
        assert row["usage"]["unknown"] == ["audio_duration_seconds"]

    def test_names_of_deployments_are_understood(self, start: Callable[..., Any]) -> None:
        session = {"audio": {"input": {"transcription": {"model": "ears"}}}}
        heard = {"item_id": "i", "content_index": 0, "usage": {"type": "duration", "seconds": 3}}
        play = [
            event("session.updated", session=session),
            event("conversation.item.input_audio_transcription.completed", **heard),
        ]
        _, gateway = start(Provider(play=play), deployments={"ears": "whisper-1"}, region="swedencentral")

        with calling(gateway, "/openai/v1/realtime?model=deployed") as client:
            client.recv(timeout=10)
            client.recv(timeout=10)

        (row,) = gateway.rows(1)
        assert row["usage"]["components"][0]["model"] == "whisper-1"
        assert row["usage"]["region"] == "swedencentral"

    @pytest.mark.parametrize(
        ("path", "wanted"),
        [
            ("/v1/realtime?model=rt", {"authorization": "Bearer sk-provider"}),
            ("/openai/v1/realtime?model=deployed", {"api-key": "sk-azure"}),
        ],
        ids=["openai", "azure"],
    )
    def test_the_provider_gets_its_own_key_and_what_is_meant_for_it(
        self, start: Callable[..., Any], path: str, wanted: dict[str, str]
    ) -> None:
        provider, gateway = start(Provider(), KEY)
        headers = {"Authorization": f"Bearer {KEY}", "OpenAI-Beta": "realtime=v1", "X-Own": "1"}

        with calling(gateway, path, additional_headers=headers):
            pass

        gateway.rows(1)
        (got,) = provider.headers
        keys = {name: got[name] for name in ("authorization", "api-key") if name in got}
        assert keys == wanted
        assert got["openai-beta"] == "realtime=v1"
        assert "x-own" not in got
        assert "sec-websocket-extensions" not in got

    def test_a_provider_without_a_key_gets_none(self, start: Callable[..., Any]) -> None:
        provider, gateway = start(Provider(), api_key=None)

        with calling(gateway, "/v1/realtime?model=rt"):
            pass

        gateway.rows(1)
        assert "authorization" not in provider.headers[0]


class TestTheKey:
    @pytest.mark.parametrize(
        ("query", "options"),
        [
            ("", {"additional_headers": {"Authorization": f"Bearer {KEY}"}}),
            ("", {"additional_headers": {"api-key": KEY}}),
            ("", {"additional_headers": {"x-goog-api-key": KEY}}),
            (f"&api-key={KEY}", {}),
            (f"&key={KEY}", {}),
            ("", {"subprotocols": ["realtime", f"openai-insecure-api-key.{KEY}"]}),
        ],
        ids=["bearer", "api-key", "x-goog-api-key", "query api-key", "query key", "subprotocol"],
    )
    def test_a_client_may_show_its_key_as_with_any_provider(
        self, start: Callable[..., Any], query: str, options: dict[str, Any]
    ) -> None:
        provider, gateway = start(Provider(), KEY)

        with calling(gateway, f"/v1/realtime?model=rt{query}", **options) as client:
            chosen = client.subprotocol

        gateway.rows(1)
        assert chosen == ("realtime" if "subprotocols" in options else None)
        assert KEY not in str(provider.paths) + str(provider.headers)

    @pytest.mark.parametrize(
        "options",
        [{}, {"additional_headers": {"Authorization": "Bearer wrong"}}],
        ids=["none", "wrong"],
    )
    def test_without_the_key_there_is_no_session(
        self, start: Callable[..., Any], options: dict[str, Any]
    ) -> None:
        provider, gateway = start(Provider(), KEY)

        status, body, _ = refusal_of(gateway, "/v1/realtime?model=rt", **options)

        assert (status, json.loads(body)["error"]["code"]) == (401, "invalid_api_key")
        assert provider.paths == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "status", "said"),
        [
            ("/v1/realtime?model=none", 404, "there is no model 'none' here"),
            ("/v1/realtime", 404, "the request names no model"),
            ("/v1/realtime?intent=transcription", 404, "the request names no model"),
            ("/v1/realtime?model=live", 400, "'live' is a model of gemini (ai_studio)"),
            ("/openai/realtime?deployment=rt", 400, "'rt' is a model of openai (api)"),
            ("/voice-live/realtime?model=deployed", 400, "which has no such session"),
            ("/v1/realtime/translations?model=voice", 400, "which has no such session"),
        ],
    )
    def test_a_model_that_is_not_there_has_no_session(
        self, start: Callable[..., Any], path: str, status: int, said: str
    ) -> None:
        provider, gateway = start(Provider())

        found, body, _ = refusal_of(gateway, path)

        assert found == status
        assert said in json.loads(body)["error"]["message"]
        assert provider.paths == []
        assert gateway.rows(0) == []

    def test_the_provider_refuses_in_its_own_words(self, start: Callable[..., Any]) -> None:
        _, gateway = start(Provider(refuse=[(401, '{"error": "no"}')]))

        status, body, headers = refusal_of(gateway, "/v1/realtime?model=rt")

        (row,) = gateway.rows(1)
        assert (status, body) == (401, '{"error": "no"}')
        assert headers["x-decibill-request-id"] == row["id"]
        assert (headers["x-decibill-cost"], headers["x-decibill-cost-status"]) == ("0", "not_billable")
        assert (row["http_status"], row["status"], row["cost"]) == (401, "not_billable", "0")
        assert (row["attempts"], row["complete"]) == (1, False)

    def test_a_cost_that_is_not_known_is_not_stated(self, start: Callable[..., Any]) -> None:
        _, gateway = start(Provider(refuse=[(401, "")]), seams=replace(SOUND, cost=lambda _: None))

        _, _, headers = refusal_of(gateway, "/v1/realtime?model=rt")

        assert "x-decibill-cost" not in headers

    def test_a_refusal_is_tried_again_where_that_is_allowed(self, start: Callable[..., Any]) -> None:
        provider, gateway = start(Provider(play=[DONE], refuse=[(503, ""), (500, "")]), retries=2)

        with calling(gateway, "/v1/realtime?model=rt") as client:
            client.recv(timeout=10)

        (row,) = gateway.rows(1)
        assert (row["attempts"], row["cost"], len(provider.paths)) == (3, COST, 3)

    def test_a_refusal_of_the_client_is_not_tried_again(self, start: Callable[..., Any]) -> None:
        provider, gateway = start(Provider(refuse=[(429, "slow down")] * 2), retries=2)

        assert refusal_of(gateway, "/v1/realtime?model=rt")[:2] == (429, "slow down")
        assert len(provider.paths) == 1

    def test_the_last_refusal_is_told(self, start: Callable[..., Any]) -> None:
        _, gateway = start(Provider(refuse=[(500, "a"), (503, "")]), retries=1)

        assert refusal_of(gateway, "/v1/realtime?model=rt")[:2] == (503, "the provider answered 503")

    def test_a_redirect_is_not_followed(self, start: Callable[..., Any]) -> None:
        _, gateway = start(Provider(refuse=[(302, "elsewhere")]))

        assert refusal_of(gateway, "/v1/realtime?model=rt")[:2] == (502, "elsewhere")

    def test_a_provider_that_cannot_be_reached_costs_nothing(self, start: Callable[..., Any]) -> None:
        _, gateway = start(Provider(), base_url="http://127.0.0.1:1/v1")

        status, body, _ = refusal_of(gateway, "/v1/realtime?model=rt")

        (row,) = gateway.rows(1)
        assert status == 502
        assert body.startswith("the provider opened no session: ")
        assert (row["status"], row["cost"]) == ("not_billable", "0")

    def test_a_refusal_that_nobody_recorded_is_an_error(
        self, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def failing(*_: object) -> None:
            raise LedgerError("the disk is full")

        monkeypatch.setattr(Ledger, "record", failing)
        _, gateway = start(Provider(refuse=[(401, "")]))

        status, body, _ = refusal_of(gateway, "/v1/realtime?model=rt")

        assert (status, body) == (500, "the session could not be recorded")


def test_a_frame_for_a_provider_that_is_gone_is_dropped() -> None:
    class Provider:
        async def send(self, _: object) -> None:
            raise ConnectionClosedOK(None, None)

    class Client:
        async def frame(self) -> str:
            return "frame"

    parts: Any = ([SimpleNamespace(call=None)], None, None, Client(), None)
    gone: Any = Provider()

    asyncio.run(Session(*parts)._up(gone))  # ends


def test_where_the_path_names_the_model_no_frame_does() -> None:
    with pytest.raises(BadRequest, match="is no frame that names a model"):
        RealtimeDialect("/realtime").setup("{}")


class TestGemini:
    @pytest.mark.parametrize(
        ("path", "asked", "at", "got"),
        [
            (AI_STUDIO, "models/live", AI_STUDIO, f"models/{LIVE_MODEL}"),
            (f"{AI_STUDIO}?key=k&alt=x", "models/live", f"{AI_STUDIO}?alt=x", f"models/{LIVE_MODEL}"),
            (AI_STUDIO.replace("v1beta", "v1alpha"), "live", AI_STUDIO, LIVE_MODEL),
            (
                VERTEX,
                "projects/p/locations/l/publishers/google/models/vertex",
                VERTEX,
                f"projects/p/locations/l/publishers/google/models/{LIVE_MODEL}",
            ),
        ],
        ids=["AI Studio", "query", "another version", "Vertex"],
    )
    def test_the_alias_in_the_setup_becomes_the_model_and_all_else_stays(
        self, start: Callable[..., Any], path: str, asked: str, at: str, got: str
    ) -> None:
        provider, gateway = start(Provider(play=[b'{"setupComplete":{}}'], wait_for=2))
        setup = SETUP.replace("models/live", asked)

        with calling(gateway, path) as client:
            client.send(setup)
            client.send('{ "clientContent": {} }')
            assert client.recv(timeout=10) == b'{"setupComplete":{}}'

        gateway.rows(1)
        assert provider.paths == [at]
        assert provider.frames == [SETUP.replace("models/live", got), '{ "clientContent": {} }']
        assert provider.headers[0].get("x-goog-api-key") == ("sk-google" if at != VERTEX else None)

    def test_a_session_is_the_sum_of_its_usage(self, start: Callable[..., Any]) -> None:
        turn = json.dumps(
            {
                "serverContent": {"modelTurn": {"parts": [{"inlineData": {}}]}, "turnComplete": True},
                "usageMetadata": LIVE_USAGE,
            }
        )
        _, gateway = start(Provider(play=[turn.encode(), turn], wait_for=1, then=close(1000)))

        with calling(gateway, AI_STUDIO) as client:
            client.send(SETUP.encode())  # a setup in a binary frame is one as well
            assert client.response.headers["x-decibill-request-id"]
            assert end_of(client) == (1000, "")

        (row,) = gateway.rows(1)
        assert row["usage"]["quantities"]["audio_output_tokens"] == 40
        assert row["id"] == client.response.headers["x-decibill-request-id"]

    @pytest.mark.parametrize(
        ("frame", "said"),
        [
            ("not JSON", "the body is not a JSON object"),
            ("{}", "the first frame has to be a setup that names a model"),
            ('{"setup": {"model": 1}}', "the first frame has to be a setup that names a model"),
            ('{"setup": {"model": "models/none"}}', "there is no model 'none' here"),
            ('{"setup": {"model": "models/rt"}}', "'rt' is a model of openai (api)"),
            ('{"setup": {"model": "a", "model": "live"}}', "the member 'model' stands twice"),
        ],
    )
    def test_a_first_frame_that_names_no_model_ends_the_session(
        self, start: Callable[..., Any], frame: str, said: str
    ) -> None:
        provider, gateway = start(Provider())

        with calling(gateway, AI_STUDIO) as client:
            client.send(frame)
            code, reason = end_of(client)

        assert code == 1008
        assert said in reason
        assert provider.paths == []

    def test_a_client_that_leaves_before_it_asks_is_no_call(self, start: Callable[..., Any]) -> None:
        provider, gateway = start(Provider())

        with calling(gateway, AI_STUDIO):
            pass

        assert gateway.rows(0) == []
        assert provider.paths == []

    @pytest.mark.parametrize(
        ("refuse", "code"), [((403, "no"), 1008), ((503, "busy"), 1011)], ids=["the client", "the provider"]
    )
    def test_a_provider_that_refuses_ends_the_session(
        self, start: Callable[..., Any], refuse: tuple[int, str], code: int
    ) -> None:
        _, gateway = start(Provider(refuse=[refuse]))

        with calling(gateway, AI_STUDIO) as client:
            client.send(SETUP)
            assert end_of(client) == (code, f"the provider answered {refuse[0]}")

        assert gateway.rows(1)[0]["status"] == "not_billable"

    def test_a_client_that_leaves_while_the_provider_refuses_is_recorded(
        self, start: Callable[..., Any]
    ) -> None:
        _, gateway = start(Provider(refuse=[(403, "no")]))

        with calling(gateway, AI_STUDIO) as client:
            client.send(SETUP)

        assert gateway.rows(1)[0]["status"] == "not_billable"
