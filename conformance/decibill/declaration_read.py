"""Reading of gateway declarations, and the declaration of a plain gateway known by its URL alone."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from decibill import schemas, template
from decibill._data import data_directory
from decibill.declaration import (
    DIALECTS,
    MODIFIERS,
    OPERATIONS,
    PROVIDERS,
    Correlate,
    Declaration,
    Features,
    Probe,
    Upstream,
    VersionFrom,
)
from decibill.declaration_prices import read_prices
from decibill.declaration_sources import read_sources
from decibill.declaration_start import (
    checked,
    read_auth,
    read_bootstrap,
    read_files,
    read_request,
    read_start,
    set_names,
)
from decibill.declaration_table import Table
from decibill.errors import InvalidFileError, UnknownNameError
from decibill.toml_read import read_toml

__all__ = ["at_url", "declared_names", "is_http", "is_loopback", "load", "parse"]

_DOUBTFUL = re.compile(r"[^!#-;=?-\[\]_a-z{}~]")
"""What no address may hold: to some readers a backslash ends the host, and others drop white space."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_UPSTREAM_NAMES = frozenset({"case.asked_upstream", "case.key", "case.upstream"})
_ROUTE_NAMES = template.RUN_NAMES | template.CASE_NAMES
_DEFAULT_PROBE = Probe("GET", "*/models", {"object": "list", "data": []})


def declared_names(directory: Path | None = None) -> list[str]:
    """Return the names of the declarations that come with decibill."""
    return sorted(path.stem for path in (directory or data_directory("gateways")).glob("*.toml"))


def load(name: str, *, allow_remote_upstream: bool = False, directory: Path | None = None) -> Declaration:
    """Return the declaration called *name*, or the one in the file at the path *name*.

    Raises:
        UnknownNameError: there is neither such a declaration nor such a file.
        InvalidFileError: the file is not a declaration; with its pointer.
    """
    home = directory or data_directory("gateways")
    is_path = "/" in name or "\\" in name or name.endswith(".toml")
    path = Path(name) if is_path else home / f"{name}.toml"
    if not path.is_file():
        if is_path:
            raise InvalidFileError(name, "there is no such file")
        raise UnknownNameError("gateway", name, declared_names(home))
    file = name if is_path else f"gateways/{name}.toml"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidFileError(file, f"cannot be read: {error.strerror or error}") from None
    data = read_toml(raw, file)
    declaration = parse(data, file, allow_remote_upstream=allow_remote_upstream)
    schemas.validate("gateway", data, file)  # what parse() lets through must satisfy other readers too
    return declaration


def parse(data: Mapping[str, Any], file: str, *, allow_remote_upstream: bool = False) -> Declaration:
    """Return the declaration in *data*, called *file* in messages.

    Raises:
        InvalidFileError: with the pointer of the first fault.
    """
    top = Table(file, data)
    if top.raw("format") != 1:
        top.refuse("format", "must be 1, the only format there is")
    gateway = top.table("gateway")
    own = _own_names(top)
    files = read_files(top.table("files"), own)
    start = read_start(top.optional_table("start"), own)
    bootstrap = top.tables("bootstrap")
    issued = set_names(bootstrap)
    prices = read_prices(top.optional_table("prices"))
    port = gateway.integer("port", 0, 0, 65535)
    url = gateway.text("url")
    template.check(url, {"port"}, file=file, pointer="/gateway/url")
    if "{port}" in url and port == 0 and start is None:
        gateway.refuse("port", "0 means any free port, and there is no [start] to give it to")
    model = top.table("model")
    names = top.table("names")
    if not _ID.fullmatch(gateway.text("id")):
        gateway.refuse("id", "must be letters, digits, ., - and _, the first a letter or digit")
    declaration = Declaration(
        file=file,
        id=gateway.text("id"),
        name=gateway.text("name"),
        version=gateway.text("version"),
        url=url,
        port=port,
        dialects=gateway.words("dialects", DIALECTS),
        features=_features(top.table("features")),
        start=start,
        auth=read_auth(top.table("auth"), issued),
        bootstrap=read_bootstrap(bootstrap),
        request=read_request(top.table("request"), issued),
        model_name=checked(model, "name", template.CASE_NAMES - {"case.name"}),
        upstream=_upstream(top.table("upstream"), allow_remote=allow_remote_upstream),
        provider_names=names.table("provider").texts_among(PROVIDERS),
        operation_names=names.table("operation").texts_among(OPERATIONS),
        prices=prices,
        files=files,
        routes=_routes(top.table("routes")),
        correlate=_correlate(top.table("correlate")),
        observe=read_sources(top.tables("observe")),
        version_from=_version_from(gateway.optional_table("version_from")),
        not_run=gateway.optional_text("not_run"),
    )
    for table in (gateway, model, names, top):
        table.done()
    _check_whole(declaration, top)
    return declaration


def _own_names(top: Table) -> frozenset[str]:
    """Return the template names that the declaration makes itself."""
    sinks = (source.raw("id") for source in top.tables("observe") if source.raw("from") == "sink")
    return frozenset({*(f"file.{name}" for name in top.table("files")), *(f"sink.{name}" for name in sinks)})


def _version_from(table: Table | None) -> VersionFrom | None:
    if table is None:
        return None
    version_from = VersionFrom(table.text("get"), table.text("pointer"))
    for key in ("get", "pointer"):
        if not table.text(key).startswith("/"):
            table.refuse(key, "must begin with /")
    table.done()
    return version_from


def _check_whole(declaration: Declaration, top: Table) -> None:
    """Refuse what no single member shows to be wrong."""
    if not declaration.dialects:
        top.table("gateway").refuse("dialects", "must name at least one dialect")
    for dialect in declaration.dialects:
        if not declaration.routes.get(dialect):
            top.refuse("routes", f"has no route for the declared dialect {dialect}")
    if declaration.start and declaration.start.ready.stdout and "{port}" not in declaration.url:
        top.table("gateway").refuse("url", "must hold {port}, which the gateway chooses and prints")
    if declaration.features.stream - declaration.features.operations:
        top.table("features").refuse("stream", "names an operation that is not declared")
    if declaration.features.price_scope != "none" and declaration.prices.how == "none":
        top.table("features").refuse("price_scope", "needs [prices]; without it write none")
    needs_id = any(source.get and "call.id" in template.names(source.get) for source in declaration.observe)
    needs_id = needs_id or any(source.call for source in declaration.observe)
    if needs_id and not (declaration.correlate.send_header or declaration.correlate.response_header):
        top.refuse("correlate", "a source asks for {call.id}, so a header must carry it")


def _features(table: Table) -> Features:
    providers = table.table("providers")
    for operation in providers:
        if operation not in OPERATIONS:
            providers.refuse(operation, str(UnknownNameError("operation", operation, OPERATIONS)))
    features = Features(
        providers={operation: frozenset(providers.words(operation, PROVIDERS)) for operation in providers},
        operations=frozenset(table.words("operations", OPERATIONS)),
        stream=frozenset(table.words("stream", OPERATIONS)),
        price_scope=cast("Any", table.choice("price_scope", ("alias", "model", "run", "none"), "none")),
        modifiers=frozenset(table.words("modifiers", MODIFIERS)),
        component_prices=table.flag("component_prices"),
        estimate_mark=table.flag("estimate_mark"),
        charge_status=table.flag("charge_status"),
        retry=table.flag("retry"),
        extra=frozenset(table.words("extra")),
    )
    providers.done()
    if not features.operations:
        table.refuse("operations", "must name at least one operation")
    table.done()
    return features


def _upstream(table: Table, *, allow_remote: bool) -> Upstream:
    base = table.table("base")
    for provider in base:
        if provider not in PROVIDERS:
            base.refuse(provider, str(UnknownNameError("provider", provider, PROVIDERS)))
        address = checked(base, provider, template.CASE_NAMES - _UPSTREAM_NAMES | {"upstream"})
        if not (address.startswith("{upstream}") or allow_remote or is_loopback(address)):
            base.refuse(
                provider,
                f"{address} is not on this machine",
                remedy="begin it with {upstream}, or allow a remote one",
            )
    if not tuple(base):
        table.refuse("base", "must give at least one provider its upstream address")
    key = table.text("key", "decibill-upstream")
    template.check(key, template.CASE_NAMES - _UPSTREAM_NAMES, file=table.file, pointer="/upstream/key")
    upstream = Upstream(
        how=table.choice("how", ("env", "file", "request", "manual")),
        select=cast("Any", table.choice("select", ("path", "key", "armed"))),
        base=base.texts_of(),
        key=key,
        probes=tuple(_probe(probe) for probe in table.tables("probes")) or (_DEFAULT_PROBE,),
    )
    _check_selectable(upstream, table)
    table.done()
    return upstream


def _check_selectable(upstream: Upstream, table: Table) -> None:
    """Refuse a way of selection that could not tell two cases apart."""
    telling = {"case.token", "case.id"}
    if upstream.select == "path":
        for provider, address in upstream.base.items():
            if "/c/{case.token}" not in address:
                table.table("base").refuse(
                    provider, "must hold /c/{case.token}, by which the case is selected"
                )
    elif upstream.select == "key" and not telling & set(template.names(upstream.key)):
        table.refuse("key", "must hold {case.token}, by which the case is selected")


def _probe(table: Table) -> Probe:
    probe = Probe(table.text("method", "GET"), table.text("path"), table.raw("json", {}))
    table.done()
    return probe


def _routes(table: Table) -> Mapping[str, Mapping[str, str]]:
    routes: dict[str, Mapping[str, str]] = {}
    for dialect in table:
        if dialect not in DIALECTS:
            table.refuse(dialect, str(UnknownNameError("dialect", dialect, DIALECTS)))
        member = table.table(dialect)
        routes[dialect] = member.texts_among(OPERATIONS)
        for operation in routes[dialect]:
            if not checked(member, operation, _ROUTE_NAMES).startswith(_PATHS):
                member.refuse(operation, "must begin with /")
    return routes


def _correlate(table: Table) -> Correlate:
    correlate = Correlate(table.optional_text("send_header"), table.optional_text("response_header"))
    table.done()
    return Correlate(
        *(name.lower() if name else None for name in (correlate.send_header, correlate.response_header))
    )


def is_http(address: str) -> bool:
    """Return whether *address* is an HTTP URL with a host."""
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, a port beyond 65535
        return False


def is_loopback(address: str) -> bool:
    """Return whether the URL *address* names this machine, to every program that reads addresses."""
    if _DOUBTFUL.search(address):
        return False
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_PATHS = ("/", "{case.path}", "{case.session}")
_CALLS = ["chat", "speech", "transcription", "translation"]
_PLAIN: dict[str, Any] = {
    "format": 1,
    "gateway": {
        "id": "plain",
        "name": "OpenAI-compatible gateway",
        "version": "unknown",
        "dialects": ["openai"],
    },
    "features": {"operations": _CALLS, "stream": _CALLS},
    "model": {"name": "{case.model}"},
    "upstream": {"how": "manual", "select": "armed", "base": {"openai": "{upstream}/v1"}},
    "routes": {
        "openai": {
            "transcription": "/v1/audio/transcriptions",
            "translation": "/v1/audio/translations",
            "speech": "/v1/audio/speech",
            "chat": "/v1/chat/completions",
        }
    },
    "observe": [{"id": "body", "from": "body", "place": "caller", "usage": "dialect"}],
}


def at_url(url: str, declaration: Declaration | None = None) -> Declaration:
    """Return *declaration* with its gateway at *url*, already running; without one, a plain gateway.

    A plain gateway speaks the OpenAI dialect, states usage in the body and declares no cost.

    Raises:
        InvalidFileError: the URL is not an HTTP address.
    """
    if not is_http(url):
        raise InvalidFileError("--url", f"{url!r} is not an HTTP address", remedy="write http://HOST:PORT")
    base = url.rstrip("/")
    if declaration is not None:
        return replace(declaration, url=base, start=None)
    gateway = {**_PLAIN["gateway"], "url": base}
    return parse({**_PLAIN, "gateway": gateway}, "--url")
