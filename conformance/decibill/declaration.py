"""Gateway declarations: everything in which one gateway differs from another, as data.

A declaration is a TOML file, ``conformance/gateways/NAME.toml`` or any path (schema ``gateway``). This module
holds its shape; `declaration_read` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from decibill.pricelist import PriceList

__all__ = [
    "DIALECTS",
    "MODIFIERS",
    "OPERATIONS",
    "PROVIDERS",
    "Auth",
    "Bootstrap",
    "Correlate",
    "Cost",
    "Declaration",
    "Features",
    "Mark",
    "Only",
    "PriceField",
    "Prices",
    "Probe",
    "Ready",
    "Request",
    "Source",
    "Start",
    "Tolerance",
    "Upstream",
    "VersionFrom",
]

PROVIDERS = ("azure", "elevenlabs", "gemini", "openai")
DIALECTS = ("azure", "azure_speech", "elevenlabs", "gemini", "openai")
OPERATIONS = (
    "chat",
    "realtime",
    "sound_generation",
    "speech",
    "transcription",
    "translation",
    "voice_conversion",
)
MODIFIERS = ("addons", "cached", "minimum", "multiplier", "multiply_by", "step", "tiers")

PriceScope = Literal["alias", "model", "run", "none"]
"""How many prices of one model can stand side by side: one an alias, one a model, one a run, none at all."""

Select = Literal["path", "key", "armed"]
"""How the replay upstream knows the case: by base path, by API key, or by being told before each call."""


@dataclass(frozen=True, slots=True)
class Features:
    """What the gateway claims; a case that needs more is not declared."""

    operations: frozenset[str] = frozenset(OPERATIONS)
    stream: frozenset[str] = frozenset()
    """Operations whose streamed form the gateway supports."""

    providers: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Providers of an operation, where not all that have an address."""

    price_scope: PriceScope = "none"
    modifiers: frozenset[str] = frozenset()
    """Price modifiers that its configuration can express."""

    component_prices: bool = False
    """Whether a second model inside a session can have its own price."""

    estimate_mark: bool = False
    charge_status: bool = False
    retry: bool = False
    """Whether it tries the upstream again after a failure."""

    extra: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ready:
    """How to know that a started gateway listens."""

    get: str
    status: int = 200
    within_s: int = 30
    stdout: str | None = None
    """Pattern whose group ``port`` finds in its output the port that the gateway chose itself."""


@dataclass(frozen=True, slots=True)
class Start:
    """How the gateway is started; happens only on request."""

    argv: tuple[str, ...]
    ready: Ready
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variable to prefix; the rest is random and made for each run."""

    serve_files: bool = False
    """Whether the declaration's files must answer over HTTP before the gateway starts (``{files.url}``)."""


@dataclass(frozen=True, slots=True)
class Auth:
    """How the client authorises itself; values name environment variables, never secrets."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """A call made once before the first case, such as one that issues the client's key."""

    post: str
    """Path."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    json: Any = None
    """The body; strings in it are templates."""

    set: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name to pointer into the answer; the value is ``{set.NAME}`` from then on."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is added to every call of a case."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    json: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Members of a JSON body; one that the case itself sends stays as it is."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A request of the gateway's own that the upstream answers apart from any case."""

    method: str
    path: str
    """Exact path, or ``*`` followed by the end of a path."""

    json: Any


@dataclass(frozen=True, slots=True)
class Upstream:
    """How the gateway is pointed at the replay upstream."""

    how: str
    select: Select
    base: Mapping[str, str]
    """Provider to base address as the gateway is configured with it; its keys are the declared providers."""

    key: str = "decibill-upstream"
    """The API key that the gateway sends to the upstream; names the case where ``select`` is ``key``."""

    probes: tuple[Probe, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceField:
    """The gateway's own member for one rate."""

    field: str
    """Name, or names joined by ``/`` for a member inside a member."""

    per: Decimal
    """How many units one amount is for: 1000000 where the gateway prices a million tokens."""

    also: tuple[str, ...] = ()
    """Members that state the same price again, and count where it is above 0."""

    only: frozenset[str] = frozenset()
    """The gateway's words for the operations for which the member means this; empty: all."""

    plus: tuple[str, ...] = ()
    """Rates that are added to the amount, for a gateway that states surcharges."""

    minus: tuple[str, ...] = ()
    """Rates that are taken from it."""

    written_only: bool = False
    """Whether the member means another rate where a list is read."""


@dataclass(frozen=True, slots=True)
class Prices:
    """How the gateway learns prices."""

    how: Literal["book", "file", "served", "none"]
    """``book``: it reads our price books; ``file``: its own configuration; ``served``: it fetches them."""

    fields: Mapping[str, PriceField] = field(default_factory=dict[str, PriceField])
    number: Literal["decimal", "string"] = "decimal"
    places: int = 20
    """Digits after the point that it keeps; a rate that needs more cannot be expressed."""

    digits: int | None = None
    """Digits that it keeps in all, those after the point included; None: as many as are needed."""

    layout: PriceList | None = None
    """What its own list of prices looks like, for reading and writing one."""


@dataclass(frozen=True, slots=True)
class Correlate:
    """How the gateway's record of a call is found again."""

    send_header: str | None = None
    """Request header that carries an id of ours into the gateway's records."""

    response_header: str | None = None
    """Response header that carries the gateway's own id."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A member that says something about a figure by being there."""

    at: str
    """JSON pointer; for a header source the header's name in lower case."""

    among: tuple[str, ...] | None = None
    """The values that mean it; None: any but null, false, 0 and the empty string."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How exactly a source can state a cost, in USD (design 5.3)."""

    absolute: Decimal | None = None
    relative: Decimal | None = None
    resolution: Decimal | None = None
    """The smallest step that the gateway can store."""

    rounds: Literal["nearest", "down", "up"] = "nearest"


@dataclass(frozen=True, slots=True)
class Cost:
    """Where one source states the cost."""

    at: str
    """JSON pointer; for a header source the header's name in lower case."""

    per_usd: Decimal = Decimal(1)
    """How many of the source's units make one US dollar."""

    unknown_if: Mark | None = None
    """A member that turns the number into unknown; never the cost itself (AUB-CNF-d62b)."""

    absent: Literal["nothing", "unknown"] = "nothing"
    """What leaving the cost out means."""

    tolerance: Tolerance | None = None
    """None: the defaults of the specification."""


@dataclass(frozen=True, slots=True)
class Only:
    """Calls for which a source is asked; None: no restriction."""

    stream: bool | None = None
    operations: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One place where usage or cost is observed."""

    id: str
    origin: Literal["body", "header", "poll", "sink", "sqlite", "metrics"]
    """The answer; a ledger that is asked, pushed to the run, or read from its file; a counter's change."""

    place: Literal["caller", "ledger"]
    get: str | None = None
    """Path and query to poll."""

    file: str | None = None
    """Template of the database file."""

    query: str | None = None
    """The SELECT that gives the records."""

    rows: str | None = None
    """Pointer to the list of records in what is polled; None: it is one record."""

    row: str = ""
    """Pointer to the record in what is polled, where it is one record."""

    match: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Pointer into a record to the values of which it must have one."""

    call: str | None = None
    """Pointer into a record to the call's id; the record belongs to the call that has it."""

    identity: tuple[str, ...] = ()
    """Pointers that together tell two records apart."""

    failed: Mark | None = None
    """What marks the record of an attempt that failed; it is no charge, unless it states one."""

    settle_s: Decimal = Decimal(0)
    """How long after a call the gateway may still write."""

    cost: Cost | None = None
    usage: Mapping[str, tuple[str, ...]] | Literal["dialect"] | None = None
    """Quantity to pointers, the first that leads somewhere counting; or the dialect's own usage object."""

    convention: Literal["inclusive", "disjoint"] = "inclusive"
    status: str | None = None
    """Pointer or header name of the charge status."""

    estimate: Mark | None = None
    incomplete: Mark | None = None
    only: Only = Only()

    @property
    def keeps_records(self) -> bool:
        """Whether duplicates can be told: the source is a ledger whose records have an identity."""
        return bool(self.identity)

    @property
    def named(self) -> bool:
        """Whether its places are names, of a header or of a metric with labels, and no JSON pointers."""
        return self.origin in {"header", "metrics"}


@dataclass(frozen=True, slots=True)
class VersionFrom:
    """Where a running gateway says which version it is."""

    get: str
    pointer: str
    """JSON pointer into the answer."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One gateway, as far as a run needs to know it."""

    file: str
    """The file as the user named it, for messages."""

    id: str
    name: str
    version: str
    url: str
    port: int
    """0: any free port, possible only where decibill starts the gateway."""

    dialects: tuple[str, ...]
    features: Features
    start: Start | None
    auth: Auth
    model_name: str
    """Template of the name that the client asks for."""

    upstream: Upstream
    provider_names: Mapping[str, str]
    operation_names: Mapping[str, str]
    prices: Prices
    files: Mapping[str, tuple[str, Any]]
    """Id to path in the work folder and content: a tree, or a text as it is."""

    routes: Mapping[str, Mapping[str, str]]
    """Dialect to operation to path template."""

    correlate: Correlate
    observe: tuple[Source, ...]
    bootstrap: tuple[Bootstrap, ...] = ()
    request: Request = Request()
    version_from: VersionFrom | None = None
    not_run: str | None = None
    """What the declaration was written from, where it was never tried on the gateway."""

    @property
    def providers(self) -> frozenset[str]:
        """Providers whose upstream address the gateway can be given."""
        return frozenset(self.upstream.base)

    @property
    def states_cost(self) -> bool:
        """Whether any source states a cost; else only usage can be judged."""
        return any(source.cost is not None for source in self.observe)

    def source(self, source_id: str) -> Source:
        """Return the source with that id."""
        return next(source for source in self.observe if source.id == source_id)
