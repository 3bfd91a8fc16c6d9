"""The cases: what goes in and what is right, as frozen values.

An *exchange case* can be seen on a gateway and by a calculator: an upstream answers, a client asks, usage and
a charge are right. A *record case* (``pricing/*``, ``refund/*``) starts from a record and is for calculators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

__all__ = [
    "Accepted",
    "Answer",
    "Case",
    "Client",
    "ClientKind",
    "ExchangeCase",
    "ExpectedCharge",
    "ExpectedError",
    "ExpectedLine",
    "ExpectedUsage",
    "Flag",
    "OtherCall",
    "RecordCase",
    "Request",
    "Source",
    "Step",
]

ClientKind = Literal["read_all", "disconnect_after", "repeat", "parallel"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the numbers of a case come from."""

    kind: str
    """``recorded``, ``documented``, ``reported`` or ``constructed``."""

    url: str
    read: str
    changed: str | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """A public bug that the case would have caught."""

    bug: str
    effect: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One recorded exchange, given when the request that arrived fits `condition`."""

    condition: Mapping[str, Any]
    """Pointer into the request that arrived → value; None means absent. Empty: always."""

    exchange: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """What the upstream does on one attempt."""

    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Client:
    """How the client behaves."""

    kind: ClientKind = "read_all"
    number: int = 0
    """Bytes of the body for ``disconnect_after``, calls for ``repeat`` and ``parallel``."""

    @property
    def calls(self) -> int:
        """How many calls the client makes."""
        return self.number if self.kind in {"repeat", "parallel"} else 1


@dataclass(frozen=True, slots=True)
class Request:
    """What the client sends in one dialect; at most one of the bodies is given."""

    json: Mapping[str, Any] | None = None
    form: Mapping[str, Any] | None = None
    text: str | None = None
    media: Mapping[str, Any] | None = None
    frames: tuple[Mapping[str, Any], ...] | None = None
    """What the client sends in a session, one after another."""

    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class ExpectedUsage:
    """The right usage of one call."""

    quantities: Mapping[str, int | Decimal]
    unknown: tuple[str, ...]
    flags: tuple[str, ...]
    record: Mapping[str, Any]
    """The whole usage record as the case states it."""


@dataclass(frozen=True, slots=True)
class ExpectedLine:
    """One right line of a charge."""

    model: str
    quantity: str
    billed: Decimal
    amount: Decimal
    per: Decimal
    subtotal: Decimal
    multiplier: Decimal = Decimal(1)
    addon: str | None = None

    @property
    def exact(self) -> Fraction:
        """The line before rounding."""
        return Fraction(self.billed) * Fraction(self.amount) / Fraction(self.per) * Fraction(self.multiplier)


@dataclass(frozen=True, slots=True)
class ExpectedCharge:
    """The right charge for one call."""

    status: str
    currency: str | None
    total: Decimal | None
    entry: str | None
    lines: tuple[ExpectedLine, ...]
    unpriced: tuple[Mapping[str, Any], ...]
    flags: tuple[str, ...]
    record: Mapping[str, Any]
    """The whole charge as the case states it."""

    @property
    def exact_total(self) -> Fraction:
        """The sum of the lines before rounding: what a gateway is compared with."""
        return sum((line.exact for line in self.lines), Fraction(0))


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """The right refusal."""

    code: str
    pointer: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Another right answer, with the reason why it is right."""

    reason: str
    arithmetic: str
    total: Decimal | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class OtherCall:
    """A call after the first that is not the same, or for which something else is right."""

    when: Mapping[str, Request]
    """Dialect → what the client sends; empty where it sends the same again."""

    usage: ExpectedUsage | None
    charge: ExpectedCharge | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What all cases have in common."""

    id: str
    title: str
    requirements: tuple[str, ...]
    features: tuple[str, ...]
    since: str
    why: str
    source: Source
    flags: tuple[Flag, ...] = ()
    book: str | None = None
    """Price book, relative to the fixtures root."""

    charge: ExpectedCharge | None = None
    error: ExpectedError | None = None
    proves: Mapping[str, tuple[str, ...]]
    """Requirement id → the checks that prove it."""

    document: Mapping[str, Any] = field(repr=False)
    """The whole case file."""

    @property
    def area(self) -> str:
        """The heading under which the case is counted: its operation, ``pricing`` or ``refund``."""
        return self.id.split("/", 1)[0]

    @property
    def provider(self) -> str | None:
        """The provider of the call; None for a record that names none."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCase(Case):
    """A case that starts from a record: for calculators only."""

    kind: Literal["price", "refund"]
    given: Mapping[str, Any]
    when: Mapping[str, Any]
    refund: Mapping[str, Any] | None = None

    @property
    def provider(self) -> str | None:
        """The provider that the usage record names."""
        usage = self.given.get("usage")
        return usage.get("provider") if isinstance(usage, Mapping) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeCase(Case):
    """A case that starts from a recorded exchange: for gateways and calculators."""

    steps: tuple[Step, ...]
    """The n-th attempt of a call gets the n-th step; the last step repeats."""

    when: Mapping[str, Request]
    """Dialect → what the client sends."""

    client: Client = Client()
    usage: ExpectedUsage | None = None
    accepted: tuple[Accepted, ...] = ()
    others: tuple[OtherCall, ...] = ()
    """The calls of the client after the first, where they differ from it."""

    def of_call(self, number: int) -> ExchangeCase:
        """Return the case as it is for one call of the client, by its *number* from 0."""
        if number == 0 or not self.others:
            return self
        other, answers = self.others[number - 1], self.steps[-1].answers
        if other.when:
            answers = (answers[number], *answers[:number], *answers[number + 1 :])
        return replace(
            self,
            when=other.when or self.when,
            usage=other.usage,
            charge=other.charge,
            steps=(*self.steps[:-1], Step(answers)),
            accepted=(),
            others=(),
        )

    @property
    def upstream_calls(self) -> int:
        """How many calls of the client reach the provider; the rest is answered by the gateway's cache."""
        return 1 if "gateway.cache" in self.features else self.client.calls

    @property
    def most_attempts(self) -> int:
        """How often the upstream may be asked: for every step of each call, each model that answers it."""
        exchanges = [answer.exchange for step in self.steps for answer in step.answers]
        models = {(exchange["provider"], exchange["model"]) for exchange in exchanges}
        return self.upstream_calls * len(self.steps) * len(models)

    @property
    def asked(self) -> Mapping[str, Any]:
        """The exchange with the model that the client asks for: after a fallback not the billed one."""
        billed = (self.provider, self.model)
        exchanges = (answer.exchange for step in self.steps for answer in step.answers)
        others = (each for each in exchanges if (each["provider"], each["model"]) != billed)
        return next(others, self.exchange)

    @property
    def exchange(self) -> Mapping[str, Any]:
        """The exchange that is billed: the first answer of the last step."""
        return self.steps[-1].answers[0].exchange

    @property
    def operation(self) -> str:
        """The operation of the call, such as ``transcription``."""
        return str(self.exchange["operation"])

    @property
    def area(self) -> str:
        """The operation."""
        return self.operation

    @property
    def provider(self) -> str:
        """The provider that answers."""
        return str(self.exchange["provider"])

    @property
    def model(self) -> str:
        """The model that is priced."""
        return str(self.exchange["model"])

    @property
    def stream(self) -> bool:
        """Whether the client asks for a stream."""
        return "stream" in self.features

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are priced: the main one, then those of components."""
        found = [self.model]
        if self.usage is not None:
            found += [
                str(part["model"]) for part in self.usage.record.get("components", ()) if "model" in part
            ]
        return tuple(dict.fromkeys(found))
