"""A declaration is read strictly: what it cannot mean is refused, with file, pointer and close matches."""

from __future__ import annotations

import copy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill.declaration import Declaration, Mark, PriceField
from decibill.declaration_read import at_url, declared_names, is_loopback, load, parse
from decibill.errors import InvalidFileError, UnknownNameError

MINIMAL: dict[str, Any] = {
    "format": 1,
    "gateway": {
        "id": "g",
        "name": "G",
        "version": "1",
        "url": "http://127.0.0.1:8080",
        "dialects": ["openai"],
    },
    "features": {"operations": ["chat"], "price_scope": "alias"},
    "auth": {"headers": {"Authorization": "Bearer {env.KEY}"}},
    "model": {"name": "{case.alias}"},
    "upstream": {"how": "file", "select": "path", "base": {"openai": "{upstream}/c/{case.token}/v1"}},
    "prices": {"how": "file", "unit": {"per": 1000000}, "fields": {"text_input_tokens": "in"}},
    "routes": {"openai": {"chat": "/v1/chat/completions"}},
    "observe": [{"id": "header", "from": "header", "cost": {"name": "X-Cost"}}],
}
POLL: dict[str, Any] = {"id": "ledger", "from": "poll", "get": "/log", "rows": "/data", "identity": ["/id"]}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the minimal declaration with the member at *path* set; None removes it."""
    data = copy.deepcopy(MINIMAL)
    *outer, last = path.split(".")
    place: Any = data
    for part in outer:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    if value is None:
        del place[last]
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return data


def read(data: dict[str, Any]) -> Declaration:
    return parse(data, "mine.toml")


def test_every_declaration_that_comes_with_decibill_can_be_read() -> None:
    names = declared_names()
    assert {"reference", "ferrogw"} <= set(names)
    for name in names:
        assert load(name).id == name


def test_a_minimal_declaration_has_the_defaults_of_the_reference_page() -> None:
    declaration = read(MINIMAL)
    assert declaration.start is None
    assert declaration.providers == {"openai"}
    assert declaration.features.modifiers == frozenset()
    assert declaration.prices.fields == {"text_input_tokens": PriceField("in", Decimal(1000000))}
    source = declaration.source("header")
    assert source.place == "caller"
    assert source.cost is not None
    assert source.cost.at == "x-cost"
    assert (source.cost.per_usd, source.cost.absent) == (Decimal(1), "nothing")
    assert [(probe.method, probe.path) for probe in declaration.upstream.probes] == [("GET", "*/models")]


@pytest.mark.parametrize(
    ("path", "value", "pointer", "says"),
    [
        ("format", 2, "/format", "must be 1"),
        ("gatway", {}, "/gatway", "did you mean gateway"),
        ("gateway.vesion", "1", "/gateway/vesion", "did you mean version"),
        ("gateway.id", None, "/gateway/id", "is missing"),
        ("gateway.id", "", "/gateway/id", "must not be empty"),
        ("gateway.name", 3, "/gateway/name", "must be a string"),
        ("gateway.port", True, "/gateway/port", "must be an integer"),
        ("gateway.port", 70000, "/gateway/port", "between 0 and 65535"),
        ("gateway.url", "http://127.0.0.1:{prt}", "/gateway/url", "did you mean port"),
        ("gateway.url", "http://127.0.0.1:{port}", "/gateway/port", "any free port"),
        ("gateway.dialects", ["openia"], "/gateway/dialects", "did you mean openai"),
        ("gateway.dialects", "openai", "/gateway/dialects", "a list of strings"),
        ("gateway.dialects", [], "/gateway/dialects", "at least one"),
        ("gateway.dialects", ["openai", "openai"], "/gateway/dialects", "twice"),
        ("gateway.dialects", ["openai", "azure"], "/routes", "no route for the declared dialect azure"),
        ("features.operations", ["chatt"], "/features/operations", "did you mean chat"),
        ("features.operations", [], "/features/operations", "at least one"),
        ("features.stream", ["speech"], "/features/stream", "not declared"),
        ("features.providers", {"chatt": ["openai"]}, "/features/providers/chatt", "did you mean chat"),
        ("features.providers", {"chat": ["openia"]}, "/features/providers/chat", "did you mean openai"),
        ("features.modifiers", ["round"], "/features/modifiers", "one of addons"),
        ("features.retry", "yes", "/features/retry", "true or false"),
        ("features", 1, "/features", "must be a table"),
        (
            "auth.headers.Authorization",
            "Bearer sk-live-1",
            "/auth/headers/Authorization",
            "must not hold a secret",
        ),
        ("auth.headers.x-api-key", "abc", "/auth/headers/x-api-key", "must not hold a secret"),
        ("model.name", "{case.allias}", "/model/name", "did you mean case.alias"),
        ("upstream.select", "paht", "/upstream/select", "did you mean path"),
        ("upstream.base.openai", "https://api.openai.com/v1", "/upstream/base/openai", "not on this machine"),
        ("upstream.base.openai", "{upstream}/v1", "/upstream/base/openai", "by which the case is selected"),
        ("upstream.base.opnai", "{upstream}", "/upstream/base/opnai", "did you mean openai"),
        ("upstream.base", {}, "/upstream/base", "at least one provider"),
        ("upstream.select", "key", "/upstream/key", "must hold {case.token}"),
        ("upstream.how", "magic", "/upstream/how", "one of env, file, manual"),
        ("prices", None, "/features/price_scope", "needs [prices]"),
        ("prices.unit.currency", "EUR", "/prices/unit/currency", "one of USD"),
        ("prices.unit.per", "many", "/prices/unit/per", "not a number"),
        ("prices.unit.per", "-1", "/prices/unit/per", "not negative"),
        ("prices.unit.per", Decimal("1.5"), "/prices/unit/per", "a decimal string"),
        ("prices.number.places", 99, "/prices/number/places", "between 0 and 60"),
        ("routes.openai.chat", "v1/chat", "/routes/openai/chat", "must begin with /"),
        ("routes.openai.chatt", "/v1", "/routes/openai/chatt", "did you mean chat"),
        ("routes.opnai", {}, "/routes/opnai", "did you mean openai"),
        ("observe.0.cost", None, "/observe/0", "needs cost or usage"),
        ("observe.0.from", "headers", "/observe/0/from", "did you mean header"),
        ("observe.0.usage", "dialect", "/observe/0/usage", "no usage object"),
        ("observe.0.usage", {"audio_tokens": "x"}, "/observe/0/usage/audio_tokens", "did you mean"),
        ("observe.0.cost.per_usd", 0, "/observe/0/cost/per_usd", "above zero"),
        ("prices.unit.per", "0", "/prices/unit/per", "above zero"),
        ("observe.0.cost.per_usd", "NaN", "/observe/0/cost/per_usd", "must be finite"),
        ("observe.0.cost.absent", "zero", "/observe/0/cost/absent", "one of nothing, unknown"),
        (
            "observe.0.cost.tolerance",
            {"relativ": "1"},
            "/observe/0/cost/tolerance/relativ",
            "did you mean relative",
        ),
        ("observe.0.only", {"operations": ["x"]}, "/observe/0/only/operations", "one of chat"),
        ("observe", {}, "/observe", "a list of tables"),
        ("observe", ["x"], "/observe", "a list of tables"),
        ("observe", [MINIMAL["observe"][0]] * 2, "/observe/1/id", "stands twice"),
        ("observe.0", POLL | {"identity": []}, "/observe/0/identity", "told apart"),
        ("observe.0", POLL | {"get": "log"}, "/observe/0/get", "must begin with /"),
        ("observe.0", POLL | {"row": "/x"}, "/observe/0/row", "not both"),
        ("observe.0", POLL | {"rows": "data"}, "/observe/0/rows", "not a JSON pointer"),
        ("observe.0", POLL | {"match": {"/m": "{case.mdl}"}}, "/observe/0/match/~1m", "template name"),
        ("observe.0", POLL | {"call": "/id", "usage": "dialect"}, "/correlate", "a header must carry it"),
        ("files", {"c": {"path": "../x", "content": {}}}, "/files/c/path", "inside the work folder"),
        ("files", {"c": {"path": "/x", "content": {}}}, "/files/c/path", "inside the work folder"),
        ("files", {"c": {"path": "x", "content": "text"}}, "/files/c/content", "a table or a list"),
        (
            "files",
            {"c": {"path": "x", "content": {"a": "{upstrem}"}}},
            "/files/c/content/a",
            "did you mean upstream",
        ),
        (
            "files",
            {"c": {"path": "x", "content": {"$fro": "case"}}},
            "/files/c/content/$fro",
            "did you mean $for",
        ),
        ("start", {"argv": [], "ready": {"get": "/"}}, "/start/argv", "must name a program"),
        ("start", {"argv": ["g", "{prot}"], "ready": {"get": "/"}}, "/start/argv/1", "did you mean port"),
        ("start", {"argv": ["g"], "ready": {}}, "/start/ready/get", "is missing"),
        (
            "start",
            {"argv": ["g"], "ready": {"get": "/"}, "env": {"A": "{file.x}"}},
            "/start/env/A",
            "template name",
        ),
    ],
)
def test_what_a_declaration_cannot_mean_is_refused_with_its_place(
    path: str, value: Any, pointer: str, says: str
) -> None:
    with pytest.raises(InvalidFileError) as caught:
        read(changed(path, value))
    assert caught.value.pointer == pointer
    assert says in str(caught.value)
    assert str(caught.value).startswith("mine.toml")


def test_no_declaration_can_make_zero_mean_unknown() -> None:
    for mark in ("X-Cost", {"name": "x-cost", "is": ["0"]}):
        with pytest.raises(InvalidFileError, match="no number can mean unknown") as caught:
            read(changed("observe.0.cost.unknown_if", mark))
        assert caught.value.pointer == "/observe/0/cost/unknown_if"


def test_a_remote_upstream_needs_leave() -> None:
    data = changed("upstream.base.openai", "https://gateway.example/c/{case.token}")
    with pytest.raises(InvalidFileError, match="not on this machine"):
        read(data)
    assert parse(data, "mine.toml", allow_remote_upstream=True).providers == {"openai"}


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://127.9.9.9", True),
        ("http://localhost:8471", True),
        ("http://[::1]:8471", True),
        ("http://127.0.0.1.example.com", False),
        ("http://10.0.0.1", False),
        ("http://localhost.example.com", False),
        ("not an address", False),
        ("http://[::1", False),
    ],
)
def test_loopback_is_told_by_the_host_alone(address: str, local: bool) -> None:
    assert is_loopback(address) is local


def test_a_mark_may_name_the_values_that_mean_it() -> None:
    source = read(changed("observe.0.incomplete", {"name": "X-Status", "is": ["partial"]})).source("header")
    assert source.incomplete == Mark("x-status", ("partial",))


def test_a_polled_source_is_a_ledger_that_keeps_records() -> None:
    data = changed("observe.0", POLL | {"match": {"/m": ["{case.model}", "x"]}, "cost": {"pointer": "/c"}})
    source = read(data).source("ledger")
    assert source.place == "ledger"
    assert source.keeps_records
    assert source.match == {"/m": ("{case.model}", "x")}


def test_an_unknown_name_gets_close_matches(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean reference"):
        load("referense")
    with pytest.raises(InvalidFileError, match="no such file"):
        load(str(tmp_path / "gone.toml"))


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"format = ", "not TOML"), (b"\xff\xfe", "not TOML"), (b"format = 1\nformat = 1\n", "not TOML")],
    ids=["cut", "not UTF-8", "key twice"],
)
def test_a_file_that_is_not_toml_says_so(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidFileError, match=says):
        load(str(path))


def test_a_url_alone_is_a_plain_gateway_whose_cost_is_not_declared() -> None:
    declaration = at_url("http://127.0.0.1:9000/")
    assert declaration.url == "http://127.0.0.1:9000"
    assert not declaration.states_cost
    assert declaration.source("body").usage == "dialect"
    assert declaration.upstream.select == "armed"
    assert declaration.start is None


def test_a_url_beside_a_file_moves_the_gateway_and_starts_nothing() -> None:
    moved = at_url("http://127.0.0.1:9000", load("reference"))
    assert (moved.url, moved.start, moved.id) == ("http://127.0.0.1:9000", None, "reference")


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://x", "http://", "gateway"])
def test_a_url_that_is_no_http_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidFileError, match="not an HTTP address"):
        at_url(url)
