"""Driving a miniature gateway with variants of one plain text call, for the tests of a run."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from decibill.case import Case
from decibill.cases import load_cases, parse_case
from decibill.declaration import Declaration
from decibill.declaration_read import parse
from decibill.drive import Driven, DriveOptions, drive
from decibill.plan import plan
from decibill.process import free_port
from decibill.statements import Observation
from tests.miniature import Miniature

__all__ = ["DECLARED", "PRICE", "TEXT_CHAT", "declared", "only", "run", "running", "variant"]

TEXT_CHAT = next(case for case in load_cases() if case.id == "gateway/preflight-text-chat")
PRICE = "0.0000198"

DECLARED: dict[str, Any] = {
    "format": 1,
    "gateway": {"id": "mini", "name": "Miniature", "version": "1", "url": "", "dialects": ["openai"]},
    "features": {"operations": ["chat"], "stream": ["chat"], "price_scope": "alias", "retry": True},
    "model": {"name": "{case.alias}"},
    "upstream": {"how": "manual", "select": "path", "base": {"openai": "{upstream}/c/{case.token}/v1"}},
    "prices": {"how": "book"},
    "routes": {"openai": {"chat": "/v1/chat/completions"}},
    "correlate": {"response_header": "x-call"},
    "observe": [
        {"id": "header", "from": "header", "cost": {"name": "x-cost"}},
        {
            "id": "ledger",
            "from": "poll",
            "get": "/usage",
            "rows": "/data",
            "match": {"/model": "{case.alias}"},
            "call": "/id",
            "identity": ["/row"],
            "cost": {"pointer": "/cost"},
        },
        {"id": "body", "from": "body", "usage": "dialect"},
    ],
}


def variant(name: str, client: Any = "read_all", **changes: Any) -> Case:
    """Return the plain text call under another id, with another client or other members."""
    document: dict[str, Any] = copy.deepcopy(dict(TEXT_CHAT.document))
    document["id"] = f"test/{name}"
    document["when"]["client"] = client
    return parse_case({**document, **changes}, name)


def declared(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(DECLARED), **changes}


@contextmanager
def running(data: dict[str, Any] | None = None, **facts: Any) -> Iterator[tuple[Miniature, Declaration, int]]:
    """Yield a running miniature, its declaration, and the port at which it expects the upstream."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    path = "/c/{model}/v1" if data is None or data["upstream"]["select"] == "path" else "/v1"
    with Miniature(base + path, **{"cost": lambda _: PRICE, **facts}) as gateway:
        document = copy.deepcopy(data or DECLARED)
        document["gateway"]["url"] = gateway.url
        yield gateway, parse(document, "mini.toml"), port


def run(
    cases: list[Case], data: dict[str, Any] | None = None, options: DriveOptions | None = None, **facts: Any
) -> tuple[Driven, Miniature]:
    with running(data, **facts) as (gateway, declaration, port):
        chosen = replace(options or DriveOptions(timeout_s=3), upstream_port=port)
        return drive(plan(declaration, cases), declaration, chosen), gateway


def only(driven: Driven) -> Observation:
    (observation,) = driven.observations.values()
    return observation
