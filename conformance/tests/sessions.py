"""Driving a miniature gateway with small sessions, for the tests of everything that has to do with them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from decibill.case import ExchangeCase
from decibill.cases import parse_case
from decibill.declaration import Declaration
from decibill.declaration_read import parse
from decibill.drive import Driven, DriveOptions, drive
from decibill.plan import plan
from decibill.process import free_port
from tests.driven import DECLARED, TEXT_CHAT
from tests.miniature_session import SessionMiniature

__all__ = ["DONE", "PRICE", "TURN", "client", "declared", "hold", "server", "session_case"]

PRICE = "0.0000198"
DONE = {
    "type": "response.done",
    "response": {
        "id": "resp_1",
        "usage": {
            "input_tokens": 24,
            "output_tokens": 9,
            "total_tokens": 33,
            "input_token_details": {"text_tokens": 24, "audio_tokens": 0, "cached_tokens": 0},
            "output_token_details": {"text_tokens": 9, "audio_tokens": 0},
        },
    },
}


def client(kind: str, **members: Any) -> dict[str, Any]:
    return {"from": "client", "frame": {"type": kind, **members}}


def server(kind: str, **members: Any) -> dict[str, Any]:
    return {"from": "server", "frame": {"type": kind, **members}}


TURN: Sequence[dict[str, Any]] = (
    server("session.created", session={"model": "gpt-realtime"}),
    client("session.update", session={"model": "{model}"}),
    server("session.updated"),
    client("response.create"),
    server("response.created", response={"id": "resp_1"}),
    {"from": "server", "frame": DONE},
)
"""One turn of a realtime session."""


def session_case(
    entries: Sequence[Mapping[str, Any]] = TURN,
    name: str = "session",
    document: Mapping[str, Any] | None = None,
    **exchange: Any,
) -> ExchangeCase:
    """Return a case whose upstream plays *entries*, or the one that *document* is."""
    if document is not None:
        case = parse_case(document, name)
        assert isinstance(case, ExchangeCase)
        return case
    made: dict[str, Any] = copy.deepcopy(dict(TEXT_CHAT.document))
    answer = {
        "provider": "openai",
        "surface": "api",
        "operation": "realtime",
        "model": "gpt-realtime",
        "at": "2026-06-01T10:00:00Z",
        "request": {"method": "GET", "path": "/v1/realtime?model=gpt-realtime"},
        "response": {"status": 101, "headers": {}, "events": list(entries)},
        **exchange,
    }
    frames = [each["frame"] for each in entries if each["from"] == "client" and "frame" in each]
    made |= {"id": f"test/{name}", "features": ["realtime", "price.audio_token_based"]}
    made["given"]["upstream"] = [{"answers": [{"exchange": answer}]}]
    made["when"] = {"openai": {"frames": frames}, "client": "read_all"}
    made["then"]["usage"]["quantities"] = {"input_tokens": 24, "output_tokens": 9}
    case = parse_case(made, name)
    assert isinstance(case, ExchangeCase)
    return case


def declared() -> dict[str, Any]:
    data = copy.deepcopy(DECLARED)
    data["features"]["operations"] = ["realtime"]
    data["features"]["stream"] = []
    data["routes"] = {"openai": {"realtime": "{case.session}"}}
    data["observe"][0] = {"id": "body", "from": "body", "usage": "dialect"}
    del data["observe"][2]
    return data


def hold(
    cases: Sequence[ExchangeCase], options: DriveOptions | None = None, select: str = "path", **facts: Any
) -> tuple[Driven, SessionMiniature, Declaration]:
    """Hold the sessions of *cases* through a miniature and return what was seen of them."""
    port = options.upstream_port if options is not None and options.upstream_port else free_port()
    base = f"http://127.0.0.1:{port}{'/c/{model}' if select == 'path' else ''}/v1"
    with SessionMiniature(base, **{"cost": lambda _: PRICE, **facts}) as gateway:
        data = declared()
        data["gateway"]["url"] = gateway.url
        if select != "path":
            base = {"openai": "{upstream}/v1"}
            data["upstream"] = {"how": "manual", "select": select, "base": base, "key": "key-{case.token}"}
        declaration = parse(data, "mini.toml")
        settings = options or DriveOptions(upstream_port=port, timeout_s=10)
        return drive(plan(declaration, cases), declaration, settings), gateway, declaration
