"""The configuration of the reference gateway: one JSON file.

::

    {"ledger": "usage.sqlite",
     "key_env": "DECIBILL_GATEWAY_KEY",
     "aliases": {"transcribe": {"provider": "azure", "model": "gpt-4o-mini-transcribe",
                                "base_url": "https://example.openai.azure.com", "api_key_env": "AZURE_KEY",
                                "api_version": "2025-04-01-preview", "prices": "prices.json", "retries": 1}}}

Clients ask for an *alias*. It names the provider's model, which is the one that is priced, the address, and
the price book; `surface` says which of a provider's interfaces is meant where there are several (`ai_studio`,
which is Gemini's usual one, or `vertex`). `deployments` says which models the deployments are that a session
can name besides its own. `fallback` lists what stands in for a model that fails, in the same members; `cache`
gives an answer again to the same request. Secrets are named by their environment variable, never written
down. Paths are relative to the file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from decibill_reference.files import load_json, load_price_book, read_document
from decibill_reference.node import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from decibill_reference.prices import PriceBook

__all__ = ["SURFACES", "Alias", "GatewayConfig"]

SURFACES: Final = {
    "openai": ("api",),
    "azure": ("azure_openai", "azure_speech", "voice_live"),
    "gemini": ("ai_studio", "vertex"),
    "elevenlabs": ("api",),
}
"""The surfaces of each provider that the gateway can call, first the one that an alias need not name."""

_DEFAULT_API_VERSION: Final = "2025-04-01-preview"
_MOST_RETRIES: Final = 10
_REQUIRED: Final = ("provider", "model", "base_url", "prices")
_OPTIONAL: Final = (
    "api_key_env",
    "api_version",
    "deployment",
    "deployments",
    "region",
    "retries",
    "surface",
)


@dataclass(frozen=True, slots=True)
class Alias:
    """One name that clients can ask for, and what it stands for."""

    name: str
    provider: str
    model: str
    """The provider's model, which is priced, whatever a deployment of it is called (AUB-AZU-a1c6)."""

    base_url: str
    """Without a slash at the end; for OpenAI with its ``/v1``."""

    book: PriceBook
    api_key: str | None = None
    api_version: str = _DEFAULT_API_VERSION
    deployment: str | None = None
    """Azure's name of the deployment, where it is not the model's."""

    retries: int = 0
    named_surface: str | None = None
    """The provider's interface, where it is not the usual one."""

    region: str | None = None
    """Where the provider computes, if prices depend on it."""

    deployments: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the names mean that the provider may say in place of a session's other models."""

    fallback: tuple[Alias, ...] = ()
    """What stands in for it where it fails, in this order; each under the same name."""

    caches: bool = False
    """Whether an answer is given again to the same request without the provider."""

    @property
    def surface(self) -> str:
        """The provider's interface that is called."""
        return self.named_surface or SURFACES[self.provider][0]


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Everything that a gateway needs to know."""

    ledger: Path
    aliases: Mapping[str, Alias]
    key: str | None = None
    """The key that clients must present; None lets everybody in."""

    clock: Callable[[], datetime] = _utc
    """Tells the time, in UTC. It may jump: calls are priced and listed by it, and that is all."""

    @classmethod
    def load(cls, path: Path, environ: Mapping[str, str] | None = None) -> GatewayConfig:
        """Read a configuration file and the price books that it names.

        Raises:
            FileError: one of the files is not what it should be, or names an environment variable that is
            not set.
        """
        reader = _Reader(path.resolve().parent, os.environ if environ is None else environ)
        return read_document(reader.config, load_json(path), str(path))


class _Reader:
    """Reads one configuration; several aliases share a price book that is read once."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ
        self._books: dict[str, PriceBook] = {}

    def config(self, document: object) -> GatewayConfig:
        members = Node(document, "", "malformed_body").members(("ledger", "aliases"), ("$schema", "key_env"))
        aliases = members["aliases"].mapping()
        if not aliases:
            members["aliases"].refuse("must name at least one model")
        return GatewayConfig(
            self._folder / members["ledger"].text(),
            {name: self._alias(name, node) for name, node in aliases.items()},
            self._secret(members["key_env"]) if "key_env" in members else None,
        )

    def _alias(self, name: str, node: Node) -> Alias:
        members = node.members(_REQUIRED, (*_OPTIONAL, "cache", "fallback"))
        others = members["fallback"].items() if "fallback" in members else []
        return replace(
            self._target(name, members),
            fallback=tuple(self._target(name, other.members(_REQUIRED, _OPTIONAL)) for other in others),
            caches=members["cache"].flag() if "cache" in members else False,
        )

    def _target(self, name: str, members: Mapping[str, Node]) -> Alias:
        provider = members["provider"].one_of(SURFACES)
        return Alias(
            name,
            provider,
            members["model"].text(),
            self._url(members["base_url"]),
            self._book(members["prices"]),
            self._secret(members["api_key_env"]) if "api_key_env" in members else None,
            members["api_version"].text() if "api_version" in members else _DEFAULT_API_VERSION,
            members["deployment"].text() if "deployment" in members else None,
            self._retries(members["retries"]) if "retries" in members else 0,
            members["surface"].one_of(SURFACES[provider]) if "surface" in members else None,
            members["region"].text() if "region" in members else None,
            _texts(members["deployments"]) if "deployments" in members else {},
        )

    def _book(self, node: Node) -> PriceBook:
        name = node.text()
        if name not in self._books:
            self._books[name] = load_price_book(self._folder / name)
        return self._books[name]

    def _secret(self, node: Node) -> str:
        name = node.text()
        secret = self._environ.get(name)
        if not secret:
            node.refuse(f"names the environment variable {name}, which is not set")
        return secret

    @staticmethod
    def _url(node: Node) -> str:
        url = node.text()
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            node.refuse("must be an http or https address without a query")
        return url.rstrip("/")

    @staticmethod
    def _retries(node: Node) -> int:
        retries: object = node.value
        if type(retries) is not int or not 0 <= retries <= _MOST_RETRIES:
            node.refuse(f"must be a whole number from 0 to {_MOST_RETRIES}")
        return retries


def _texts(node: Node) -> dict[str, str]:
    return {name: value.text() for name, value in node.mapping().items()}
