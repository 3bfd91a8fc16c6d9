from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from decibill_reference.files import FileError
from decibill_reference.gateway_config import GatewayConfig

FOUNDING = Path(__file__).parents[2] / "fixtures" / "price-books" / "founding.json"


def alias(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "provider": "azure",
        "model": "gpt-4o-mini-transcribe",
        "base_url": "https://example.org/",
        "prices": "prices.json",
    }
    base.update(changes)
    return {key: value for key, value in base.items() if value is not None}


def load(folder: Path, environ: dict[str, str] | None = None, **changes: Any) -> GatewayConfig:
    (folder / "prices.json").write_bytes(FOUNDING.read_bytes())
    config: dict[str, Any] = {"ledger": "data/usage.sqlite", "aliases": {"transcribe": alias()}}
    config.update(changes)
    path = folder / "gateway.json"
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))
    return GatewayConfig.load(path, environ or {})


def test_paths_are_relative_to_the_configuration(tmp_path: Path) -> None:
    config = load(tmp_path)

    assert config.ledger == tmp_path / "data" / "usage.sqlite"
    assert config.aliases["transcribe"].book.named("azure", "gpt-4o-mini-transcribe")


def test_an_address_loses_the_slash_at_its_end(tmp_path: Path) -> None:
    assert load(tmp_path).aliases["transcribe"].base_url == "https://example.org"


@pytest.mark.parametrize(
    ("provider", "surface"), [("openai", "api"), ("azure", "azure_openai"), ("gemini", "ai_studio")]
)
def test_each_provider_has_its_surface(tmp_path: Path, provider: str, surface: str) -> None:
    config = load(tmp_path, aliases={"a": alias(provider=provider)})

    assert config.aliases["a"].surface == surface


def test_another_surface_of_a_provider_can_be_named(tmp_path: Path) -> None:
    config = load(tmp_path, aliases={"a": alias(provider="gemini", surface="vertex")})

    assert config.aliases["a"].surface == "vertex"


def test_secrets_are_read_from_the_environment(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        {"GATEWAY": "one", "AZURE": "two"},
        key_env="GATEWAY",
        aliases={"a": alias(api_key_env="AZURE", api_version="2026-01-01", deployment="d", retries=3)},
    )

    found = config.aliases["a"]
    assert (config.key, found.api_key, found.api_version) == ("one", "two", "2026-01-01")
    assert (found.deployment, found.retries) == ("d", 3)


def test_a_region_and_the_names_of_other_deployments_can_be_named(tmp_path: Path) -> None:
    named = alias(region="swedencentral", deployments={"ears": "whisper-1"})

    found = load(tmp_path, aliases={"a": named}).aliases["a"]

    assert (found.region, found.deployments) == ("swedencentral", {"ears": "whisper-1"})


def test_others_can_stand_in_for_a_model_under_its_name(tmp_path: Path) -> None:
    others = [alias(provider="openai", model="whisper-1"), alias(retries=1)]

    found = load(tmp_path, aliases={"a": alias(fallback=others)}).aliases["a"]

    assert [(other.name, other.provider, other.model, other.retries) for other in found.fallback] == [
        ("a", "openai", "whisper-1", 0),
        ("a", "azure", "gpt-4o-mini-transcribe", 1),
    ]


@pytest.mark.parametrize("cache", [True, False, None])
def test_answers_are_kept_where_that_is_said(tmp_path: Path, cache: bool | None) -> None:
    assert load(tmp_path, aliases={"a": alias(cache=cache)}).aliases["a"].caches is bool(cache)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"key_env": "UNSET"}, "/key_env"),
        ({"aliases": {}}, "/aliases"),
        ({"aliases": []}, "/aliases"),
        ({"ledger": 1}, "/ledger"),
        ({"ledger": None}, ""),
        ({"port": 1}, "/port"),
        ({"aliases": {"a/b": alias(provider="acme")}}, "/aliases/a~1b/provider"),
        ({"aliases": {"a": alias(model="")}}, "/aliases/a/model"),
        ({"aliases": {"a": alias(base_url="example.org")}}, "/aliases/a/base_url"),
        ({"aliases": {"a": alias(base_url="https://example.org?a=1")}}, "/aliases/a/base_url"),
        ({"aliases": {"a": alias(retries=-1)}}, "/aliases/a/retries"),
        ({"aliases": {"a": alias(retries=True)}}, "/aliases/a/retries"),
        ({"aliases": {"a": alias(api_key_env="UNSET")}}, "/aliases/a/api_key_env"),
        ({"aliases": {"a": alias(price="prices.json")}}, "/aliases/a/price"),
        ({"aliases": {"a": alias(prices=None)}}, "/aliases/a"),
        ({"aliases": {"a": alias(cache=1)}}, "/aliases/a/cache"),
        ({"aliases": {"a": alias(deployments={"b": ""})}}, "/aliases/a/deployments/b"),
        ({"aliases": {"a": alias(fallback={})}}, "/aliases/a/fallback"),
        ({"aliases": {"a": alias(fallback=[alias(cache=True)])}}, "/aliases/a/fallback/0/cache"),
    ],
    ids=str,
)
def test_a_fault_is_refused_with_file_and_pointer(tmp_path: Path, changes: Any, pointer: str) -> None:
    with pytest.raises(FileError) as caught:
        load(tmp_path, **changes)

    assert (caught.value.pointer, Path(caught.value.file).name) == (pointer, "gateway.json")


def test_a_fault_in_a_price_book_names_the_price_book(tmp_path: Path) -> None:
    (tmp_path / "wrong.json").write_text('{"currency": "USD", "entries": [{"id": 1}]}')

    with pytest.raises(FileError, match=r"wrong\.json at /entries/0"):
        load(tmp_path, aliases={"a": alias(prices="wrong.json")})


@pytest.mark.parametrize("content", ['{"ledger": "a", "ledger": "b"}', "{", "\0", '{"a": NaN}'])
def test_a_file_that_is_no_strict_json_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "gateway.json"
    path.write_text(content)

    with pytest.raises(FileError, match=r"gateway\.json"):
        GatewayConfig.load(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"gateway\.json: cannot be read"):
        GatewayConfig.load(tmp_path / "gateway.json")
