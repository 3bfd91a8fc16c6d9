"""Another model that answers: before anything was passed on, at its own price, charged once."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from decibill_reference.gateway import GatewayConfig
from decibill_reference.gateway_config import Alias
from decibill_reference.gateway_metering import SOUND
from tests.gateway_scene import BOOK, answering, as_json, running
from tests.session_scene import Provider, calling, end_of, event, providing
from websockets.exceptions import InvalidStatus
from werkzeug import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_httpserver import HTTPServer
    from tests.gateway_scene import Running

FIRST = "/v1/audio/speech"
SECOND = "/openai/deployments/tts-1-hd/audio/speech"
SPOKEN = Response(b"mp3", content_type="audio/mpeg")


@pytest.fixture
def start(tmp_path: Path, upstream: HTTPServer) -> Iterator[Callable[..., Running]]:
    """Start a gateway whose voice has another one that stands in for it."""
    with contextlib.ExitStack() as stack:

        def starter(**changes: Any) -> Running:
            base = upstream.url_for("")
            other = Alias("speak", "azure", "tts-1-hd", base, BOOK)
            alias = Alias("speak", "openai", "tts-1", f"{base}/v1", BOOK, fallback=(other,))
            config = GatewayConfig(tmp_path / "usage.sqlite", {"speak": replace(alias, **changes)})
            return stack.enter_context(running(config, SOUND))

        yield starter


def failing(status: int) -> Response:
    return as_json({"error": {"message": "no"}}, status)


@contextlib.contextmanager
def hanging_up() -> Iterator[int]:
    """Give the port of a server that takes one request and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1)

        thread = threading.Thread(target=hang_up)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("status", [500, 503, 429])
def test_another_model_answers_and_is_priced(
    start: Callable[..., Running], upstream: HTTPServer, status: int
) -> None:
    answering(upstream, FIRST, failing(status))
    seen = answering(upstream, SECOND, SPOKEN)
    gateway = start()

    answer = gateway.speak()

    (row,) = gateway.rows(1)
    assert (answer.content, json.loads(seen[0].body)["model"]) == (b"mp3", "tts-1-hd")
    assert (row["alias"], row["provider"], row["model"]) == ("speak", "azure", "tts-1-hd")
    assert (row["attempts"], row["cached"], row["usage"]["model"]) == (2, False, "tts-1-hd")
    assert answer.headers["x-decibill-cost"] == row["cost"]
    assert row["charge"]["entry"].startswith("azure/tts-1-hd/")


def test_an_error_of_the_client_is_not_asked_of_another(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, FIRST, failing(400))
    seen = answering(upstream, SECOND, SPOKEN)
    gateway = start()

    assert gateway.speak().status_code == 400
    assert seen == []
    assert gateway.rows(1)[0]["model"] == "tts-1"


def test_the_first_model_is_tried_again_before_another(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    first = answering(upstream, FIRST, failing(500))
    answering(upstream, SECOND, SPOKEN)
    gateway = start(retries=2)

    gateway.speak()

    assert (len(first), gateway.rows(1)[0]["attempts"]) == (3, 4)


def test_if_all_fail_the_last_failure_is_told_and_nothing_is_billed(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, FIRST, failing(500))
    answering(upstream, SECOND, failing(503))
    gateway = start()

    answer = gateway.speak()

    (row,) = gateway.rows(1)
    assert answer.status_code == 503
    assert (row["model"], row["attempts"]) == ("tts-1-hd", 2)
    assert (row["status"], row["cost"]) == ("not_billable", "0")


def test_a_provider_that_cannot_be_reached_is_passed_over(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, SECOND, SPOKEN)
    gateway = start(base_url="http://127.0.0.1:1")

    assert gateway.speak().content == b"mp3"
    assert gateway.rows(1)[0]["attempts"] == 2


def test_where_nobody_can_be_reached_that_is_told(start: Callable[..., Running]) -> None:
    nowhere = Alias("speak", "openai", "tts-1", "http://127.0.0.1:1", BOOK)
    gateway = start(base_url="http://127.0.0.1:1", fallback=(nowhere,))

    answer = gateway.speak()

    assert answer.status_code == 502
    assert (gateway.rows(1)[0]["attempts"], gateway.rows(1)[0]["status"]) == (2, "not_billable")


def test_a_connection_that_breaks_off_is_not_asked_of_another(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    seen = answering(upstream, SECOND, SPOKEN)
    with hanging_up() as port:
        gateway = start(base_url=f"http://127.0.0.1:{port}")
        answer = gateway.speak()

    assert answer.status_code == 502
    assert seen == []
    assert gateway.rows(1)[0]["status"] == "unmetered"


def test_a_model_that_the_dialect_cannot_reach_does_not_stand_in(
    start: Callable[..., Running], upstream: HTTPServer
) -> None:
    answering(upstream, FIRST, failing(500))
    gemini = Alias("speak", "gemini", "gemini-2.5-flash", upstream.url_for(""), BOOK)
    gateway = start(fallback=(gemini,))

    assert gateway.speak().status_code == 500
    assert gateway.rows(1)[0]["model"] == "tts-1"


@pytest.mark.parametrize("status", [503, 429])
def test_a_session_is_opened_with_another_model(tmp_path: Path, status: int) -> None:
    used = {"input_tokens": 1, "output_tokens": 0, "total_tokens": 1}
    play = [event("response.done", response={"id": "r", "usage": used})]
    with (
        providing(Provider(refuse=[(status, "busy")])) as busy,
        providing(Provider(play=play, then=lambda connection: connection.close(1000))) as free,
    ):
        other = Alias("rt", "openai", "gpt-realtime-mini", f"{free.url}/v1", BOOK)
        alias = Alias("rt", "openai", "gpt-realtime", f"{busy.url}/v1", BOOK, fallback=(other,))
        with running(GatewayConfig(tmp_path / "usage.sqlite", {"rt": alias}), SOUND) as gateway:
            with calling(gateway, "/v1/realtime?model=rt") as client:
                assert end_of(client) == (1000, "")
            (row,) = gateway.rows(1)

    assert free.paths == ["/v1/realtime?model=gpt-realtime-mini"]
    assert (row["model"], row["attempts"], row["http_status"]) == ("gpt-realtime-mini", 2, 101)


def test_a_session_that_nobody_opens_is_refused_by_the_last(tmp_path: Path) -> None:
    with providing(Provider(refuse=[(503, "busy"), (403, "no")])) as provider:
        other = Alias("rt", "openai", "gpt-realtime-mini", f"{provider.url}/v1", BOOK)
        alias = replace(other, model="gpt-realtime", fallback=(other, other))
        with running(GatewayConfig(tmp_path / "usage.sqlite", {"rt": alias}), SOUND) as gateway:
            with pytest.raises(InvalidStatus) as caught, calling(gateway, "/v1/realtime?model=rt"):
                pass
            (row,) = gateway.rows(1)

    assert caught.value.response.status_code == 403
    assert (row["model"], row["attempts"], row["status"]) == ("gpt-realtime-mini", 2, "not_billable")
