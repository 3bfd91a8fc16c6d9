"""A small gateway for whole runs of the command line: sound as it is, and wrong where a test makes it so."""

from __future__ import annotations

import contextlib
import copy
import http.server
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill import cli, jsonio
from decibill.case import ExchangeCase
from decibill.cases import load_cases
from decibill.declaration_read import parse
from decibill.plan import plan
from decibill.process import free_port
from decibill.toml_text import toml_text
from tests.driven import DECLARED
from tests.miniature import Miniature, Reply

__all__ = ["CASES", "FIRST", "Handler", "Ran", "Wrong", "always", "judge", "later"]

Handler = http.server.BaseHTTPRequestHandler

FIRST = "gateway/preflight-text-chat"
"""The case that a run begins with, to see whether the gateway is ready."""

CASES = (
    FIRST,
    "openai/chat-cached-with-split",
    "openai/chat-stream-cached-with-split",
    "openai/speech-tts-1-binary",
    "openai/transcription-4o-json",
    "openai/transcription-mini-json",
    "openai/transcription-mini-stream",
    "openai/transcription-normal-form-duration",
)


def declared() -> dict[str, Any]:
    """Return a declaration with a cost header, a ledger, and the usage object of the dialect."""
    data = copy.deepcopy(DECLARED)
    data["features"] |= {
        "operations": ["chat", "transcription", "speech"],
        "stream": ["chat", "transcription"],
        "modifiers": ["cached", "step"],
    }
    data["routes"]["openai"] |= {
        "transcription": "/v1/audio/transcriptions",
        "speech": "/v1/audio/speech",
    }
    data["observe"][2]["only"] = {"operations": ["chat", "transcription"]}
    return data


def _costs() -> Mapping[str, str]:
    """Return what each call costs, by the name that the gateway has for its model."""
    chosen = [case for case in load_cases() if case.id in CASES]
    instances = plan(parse(declared() | {"gateway": {**DECLARED["gateway"], "url": "http://x"}}, "x"), chosen)
    costs: dict[str, str] = {}
    for instance in instances.instances:
        assert isinstance(instance.case, ExchangeCase)
        assert instance.case.charge is not None
        total = instance.case.charge.exact_total
        costs[instance.alias] = format(Decimal(total.numerator) / Decimal(total.denominator), "f")
    assert len(costs) == len(CASES)
    return costs


COSTS = _costs()
_FIRST_MODEL = FIRST.replace("/", "--")

Cost = Callable[[str], Any]
Wire = Callable[[Handler, Reply], None]


def always(cost: Any) -> Cost:
    """Return a cost that is the same for every call."""
    return lambda _: cost


def later(cost: Cost) -> Cost:
    """Return the right cost for the first call and *cost* for every other."""
    return lambda model: COSTS[model] if model == _FIRST_MODEL else cost(model)


@dataclass
class Wrong(Miniature):
    """The gateway; what is given beside the costs makes it wrong after the first call, or in every call."""

    cost: Cost = COSTS.__getitem__
    wire: Wire | None = None
    """Writes the answer in place of the gateway."""

    alter: Callable[[Reply], Reply] = lambda reply: reply
    times: int = 1
    """How often it asks the upstream for each call."""

    asks: bool = True
    """Whether it asks the upstream."""

    previous: bool = False
    """Whether it answers with what the call before got."""

    ready: bool = True
    """Whether the first call goes well."""

    calls: list[str] = field(default_factory=list)
    _last: Reply | None = None

    def _is_wrong(self) -> bool:
        return not self.ready or self.calls[-1] != _FIRST_MODEL

    def forward(self, handler: Handler, model: str, body: bytes) -> Reply:
        self.calls.append(model)
        wrong = self._is_wrong()
        if wrong and not self.asks:
            return Reply(200, {"content-type": "application/json"}, b'{"choices": [], "text": "hello"}')
        reply = super().forward(handler, model, body)
        for _ in range(self.times - 1 if wrong else 0):
            super().forward(handler, model, body)
        last, self._last = self._last, Reply(reply.status, dict(reply.headers), reply.body)
        if wrong and self.previous and last is not None:
            reply = Reply(last.status, dict(last.headers), last.body)
        return self.alter(reply) if wrong else reply

    def answer(self, handler: Handler, reply: Reply) -> None:
        if self.wire is not None and handler.command == "POST" and self._is_wrong():
            with contextlib.suppress(OSError):  # the client may have had enough
                self.wire(handler, reply)
            handler.close_connection = True
            return
        super().answer(handler, reply)


@dataclass(frozen=True)
class Ran:
    """What came of a run, as its user sees it."""

    code: int
    stdout: str
    stderr: str
    report: Mapping[str, Any] | None
    gateway: Wrong

    @property
    def text(self) -> str:
        """What was printed, its lines joined."""
        return " ".join((self.stdout + self.stderr).split())

    def failed(self) -> set[str]:
        """Return the requirements that are not met, recommendations left out."""
        assert self.report is not None
        rows = self.report["requirements"]
        return {row["id"] for row in rows if row["outcome"] == "fail" and row["level"].startswith("MUST")}

    def outcomes(self) -> dict[str, str]:
        """Return what came of each case that was asked."""
        assert self.report is not None
        return {row["id"]: row["outcome"] for row in self.report["cases"]}


def judge(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
    data: Mapping[str, Any] | None = None,
    cases: Sequence[str] = CASES,
    **facts: Any,
) -> Ran:
    """Run ``decibill run`` on the gateway and return what its user sees."""
    port = free_port()
    with Wrong(f"http://127.0.0.1:{port}/c/{{model}}/v1", **facts) as gateway:
        document = copy.deepcopy(dict(data or declared()))
        document["gateway"]["url"] = gateway.url
        (tmp_path / "mini.toml").write_text(toml_text(document, "mini.toml"), "utf-8")
        options = ["--gateway", f"{tmp_path}/mini.toml", "--upstream-port", str(port), "--settle", "0"]
        options += ["--out", f"{tmp_path}/out", *(word for name in cases for word in ("--only", name))]
        with pytest.raises(SystemExit) as left:
            cli.main(["run", *options, *arguments])
    printed = capsys.readouterr()
    path = tmp_path / "out" / "report.json"
    report = jsonio.load_file(path) if path.exists() else None
    assert isinstance(left.value.code, int)
    return Ran(left.value.code, printed.out, printed.err, report, gateway)
