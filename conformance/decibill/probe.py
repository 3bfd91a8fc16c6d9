"""Calling a gateway about which nothing is known, and keeping all in which it could say what a call cost.

A few calls with figures that tell are sent one after another; the replay upstream, where the user has aimed
the gateway, is told before each. Nothing is asked of any address but the gateway's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from decibill import jsonio, preflight, template
from decibill._data import data_directory
from decibill.case import ExchangeCase
from decibill.cases import parse_case
from decibill.declaration import Auth, Declaration
from decibill.declaration_read import at_url
from decibill.drive_send import Sender, Sent
from decibill.drive_values import environment_values, run_values
from decibill.errors import PreflightError
from decibill.observe_body import documents, usage_of
from decibill.plan import plan
from decibill.probe_surfaces import Document, Surface, answer_surfaces, api_surfaces, record_surfaces
from decibill.redact import legible
from decibill.statements import Delivery
from decibill.target import Target
from decibill.upstream_answer import wire
from decibill.upstream_server import FOREIGN_PORT, ReplayUpstream

__all__ = ["CASES", "ProbeOptions", "ProbedCall", "probe", "probe_cases"]

CASES: Final = (
    preflight.PREFLIGHT_CASE,
    "openai/chat-audio-in-audio-out",
    "openai/chat-cached-split-no-rates",
    "openai/chat-stream-text-in-audio-out",
    "openai/transcription-4o-json",
    "openai/transcription-whisper-verbose-36s",
    "openai/transcription-4o-stream",
    "openai/speech-tts-1-hd-binary",
    "openai/speech-mini-tts-sse",
)
"""The calls that are made: of each operation, with figures that no other call has."""

_EXCERPT: Final = 200
_ASK_EVERY_S: Final = 0.1
_STILL_S: Final = 0.3
_SHORTEST_ID: Final = 6
_LONGEST_ID: Final = 200


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """How a gateway is probed."""

    headers: Mapping[str, str]
    """Sent with every call, secrets as ``{env.NAME}``."""

    apis: tuple[str, ...] = ()
    """Paths of the gateway that may hold its records; ``{call.id}`` stands for an id that an answer gave."""

    model: str = "{case.model}"
    """Template of the name that the gateway knows a model by."""

    upstream_port: int = FOREIGN_PORT
    upstream_bind: str = "127.0.0.1"
    settle_s: float = 3.0
    """The longest that the gateway may take to write a record."""

    timeout_s: float = 30.0
    progress: Callable[[str], None] | None = None
    """Called with the id of each case before it is sent."""


@dataclass(frozen=True, slots=True)
class ProbedCall:
    """One call, what is right about it, and everything that could state it."""

    case: ExchangeCase
    model: str
    """The name that was asked for."""

    delivery: Delivery
    reached: bool
    """Whether the recorded answer came into play."""

    unmatched: tuple[str, ...]
    """Members of the gateway's own request for which there is no recording."""

    seen: Mapping[Surface, Sequence[Document]]
    """Surface to the documents on it that came with this call."""

    provided: frozenset[str] = frozenset()
    """Quantities that the provider's own usage object states."""

    problems: tuple[str, ...] = ()
    """Why a named API could not be read."""

    @property
    def answered(self) -> bool:
        """Whether the call went through to the upstream and back."""
        return self.reached and self.delivery.status is not None and self.delivery.status < 400

    @property
    def cost(self) -> Fraction:
        """The right cost."""
        assert self.case.charge is not None
        return self.case.charge.exact_total

    @property
    def quantities(self) -> Mapping[str, Decimal]:
        """The right quantities above zero."""
        assert self.case.usage is not None
        return {name: Decimal(value) for name, value in self.case.usage.quantities.items() if value}


def probe_cases(root: Path | None = None) -> tuple[ExchangeCase, ...]:
    """Return the cases whose calls are made, in order."""
    home = root or data_directory("fixtures")
    names = [f"cases/{name}.json" for name in CASES]
    cases = [parse_case(jsonio.load_file(home / name, name), name) for name in names]
    return tuple(case for case in cases if isinstance(case, ExchangeCase))


def probe(url: str, options: ProbeOptions, *, fixtures: Path | None = None) -> tuple[ProbedCall, ...]:
    """Return what came of the calls.

    Args:
        url: the gateway, which runs already.
        options: how.
        fixtures: the fixtures root.

    Raises:
        PreflightError: nothing answers, or no call reached the upstream.
        HarnessError: the upstream's port is taken.
        InvalidFileError: *url* is no HTTP address, or an environment variable is not set.
    """
    root = fixtures or data_directory("fixtures")
    declaration = replace(
        at_url(url), file="--header", auth=Auth(dict(options.headers)), model_name=options.model
    )
    values = {
        **environment_values({}),
        **run_values(declaration, upstream="", url=declaration.url, port=0, workdir=None),
    }
    headers = {name: template.fill(value, values, "--header") for name, value in options.headers.items()}
    upstream = ReplayUpstream(
        host=options.upstream_bind,
        port=options.upstream_port,
        probes=declaration.upstream.probes,
        fixtures=root,
    )
    with upstream, Target(declaration.url, headers, timeout_s=options.timeout_s) as target:
        preflight.check_reachable(declaration, declaration.url, target.get("/"))
        values["upstream"] = upstream.url
        sender = Sender(declaration, target, upstream, values, root)
        calls = tuple(_calls(declaration, sender, target, options, root))
        if not any(call.reached or call.unmatched for call in calls):
            raise PreflightError(_never(calls, upstream.url))
        return calls


def _never(calls: Sequence[ProbedCall], upstream: str) -> str:
    first = calls[0].delivery
    said = " ".join(first.body[:_EXCERPT].decode("utf-8", "replace").split())
    answer = f"answered {first.status}{f': {legible(said)}' if said else ''}" if first.status else first.error
    return (
        f"no call reached the upstream: aim the gateway at {upstream}/v1 and give it the models that "
        f"`decibill probe --prices` lists; to a plain text call of {calls[0].model!r} it {answer}"
    )


def _calls(
    declaration: Declaration, sender: Sender, target: Target, options: ProbeOptions, root: Path
) -> list[ProbedCall]:
    instances = {each.case.id: each for each in plan(declaration, probe_cases(root)).instances}
    ordered = [instances[name] for name in CASES]
    sender.load(ordered)
    calls: list[ProbedCall] = []
    for instance in ordered:
        if options.progress is not None:
            options.progress(instance.case.id)
        before = {path: target.get(path) for path in options.apis if "{call.id}" not in path}
        sent = sender.send(instance)
        calls.append(_call(sent, before, target, options, root))
    return calls


def _call(
    sent: Sent, before: Mapping[str, Delivery], target: Target, options: ProbeOptions, root: Path
) -> ProbedCall:
    delivery, case = sent.deliveries[0], sent.instance.case
    reached = any(not attempt.unmatched for attempt in sent.attempts)
    seen: dict[Surface, Sequence[Document]] = {}
    problems: list[str] = []
    if reached:
        seen |= answer_surfaces(delivery)
        for path, old in before.items():
            found, problem = _changed(path, old, target, options)
            seen |= {where: [_named(each, sent) for each in new] for where, new in found.items()}
            problems += [problem] if problem else []
        for path in options.apis:
            if "{call.id}" in path:
                seen |= _by_id(path, delivery, target, options.settle_s)
    return ProbedCall(
        case=case,
        model=sent.calls[0].values["case.name"],
        delivery=delivery,
        reached=reached,
        unmatched=() if reached else tuple(name for each in sent.attempts for name in each.unmatched),
        seen=seen,
        provided=_provided(sent.exchanges[0], root),
        problems=tuple(problems),
    )


def _named(document: Document, sent: Sent) -> Document:
    """Return a document of counters with the model's name left open in their labels."""
    name = json.dumps(sent.calls[0].values["case.name"])
    return {at.replace(f"={name}", '="{case.name}"'): value for at, value in document.items()}


def _provided(exchange: Mapping[str, Any] | None, root: Path) -> frozenset[str]:
    if exchange is None:
        return frozenset()
    sent = wire(exchange, root)
    found, _ = documents(b"".join(sent.parts), dict(sent.headers)["content-type"])
    return frozenset(usage_of(found))


def _changed(
    path: str, old: Delivery, target: Target, options: ProbeOptions
) -> tuple[Mapping[Surface, Sequence[Document]], str | None]:
    """Return what is new on an API since the call, once it has come and nothing more comes."""
    deadline = time.monotonic() + options.settle_s
    last: Mapping[Surface, Sequence[Document]] = {}
    since = time.monotonic()
    while True:
        new = target.get(path)
        if new.error is not None or new.status != 200:
            return {}, f"GET {path} {new.error or f'answered {new.status}'}"
        found = api_surfaces(path, old, new)
        now = time.monotonic()
        if found != last:
            last, since = found, now
        if now >= deadline or (last and now - since >= _STILL_S):
            return last, None
        time.sleep(_ASK_EVERY_S)


def _by_id(
    path: str, delivery: Delivery, target: Target, settle_s: float
) -> Mapping[Surface, Sequence[Document]]:
    """Return the records that an API has under the ids of an answer's headers."""
    found: dict[Surface, Sequence[Document]] = {}
    deadline = time.monotonic() + settle_s
    ids = {name: value for name, value in delivery.headers.items() if _is_id(value)}
    while ids and not found:
        for name, value in ids.items():
            answer = target.get(template.fill(path, {"call.id": value}))
            found |= record_surfaces(path, name, answer)
        if time.monotonic() >= deadline:
            break
        time.sleep(0 if found else _ASK_EVERY_S)
    return found


def _is_id(text: str) -> bool:
    plain: Any = text.replace("-", "").replace("_", "").replace(".", "")
    return _SHORTEST_ID <= len(text) <= _LONGEST_ID and plain.isalnum() and any(map(str.isdigit, text))
