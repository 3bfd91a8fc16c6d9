"""What differs between the dialects that clients speak: paths, where the alias stands, whom they can reach.

A request is passed on in the dialect in which it came. OpenAI's reaches OpenAI, Azure OpenAI and, for chat,
Gemini's compatible endpoint; Gemini's reaches Gemini alone. Further dialects stand in modules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast
from urllib.parse import quote, urlencode

from decibill_reference.gateway_body import BadRequest, parse_body
from decibill_reference.gateway_stream import GeminiDigest, StreamDigest

if TYPE_CHECKING:
    from decibill_reference.gateway_body import Body
    from decibill_reference.gateway_config import Alias

__all__ = [
    "PATHS",
    "Address",
    "Dialect",
    "GeminiDialect",
    "JsonOrForm",
    "OpenAIDialect",
    "credentials",
    "unreachable",
]

_ENDPOINTS: Final = {
    "transcription": "/audio/transcriptions",
    "translation": "/audio/translations",
    "speech": "/audio/speech",
    "chat": "/chat/completions",
}


class Address(NamedTuple):
    """Where a call goes, and with which key."""

    url: str
    credentials: Mapping[str, str]


class Dialect(Protocol):
    """One endpoint of one dialect."""

    @property
    def digest(self) -> type[StreamDigest]:
        """What metering keeps of a stream."""
        ...

    def parse(self, content: bytes, content_type: str) -> Body:
        """Return the body of a request.

        Raises:
            BadRequest: it is not what this dialect sends.
        """
        ...

    def operation_of(self, body: Body) -> str:
        """Return the operation that *body* asks for."""
        ...

    def forwarded(self, alias: Alias, body: Body) -> bytes:
        """Return the body to send on."""
        ...

    def address(self, alias: Alias, query: Mapping[str, str], path: Mapping[str, str]) -> Address:
        """Return where the call goes.

        Args:
            alias: the model that was asked for.
            query: of the client's call.
            path: what stood in the parts of the path that can be anything.

        Raises:
            BadRequest: the alias stands for a model that this dialect cannot reach.
        """
        ...


class JsonOrForm:
    """What most dialects have in common."""

    __slots__ = ()

    def parse(self, content: bytes, content_type: str) -> Body:
        """Return the body of a request, which is JSON or a form."""
        return parse_body(content, content_type)


@dataclass(frozen=True, slots=True)
class OpenAIDialect(JsonOrForm):
    """OpenAI's endpoints, which Azure OpenAI has too, below the name of a deployment."""

    operation: str

    @property
    def digest(self) -> type[StreamDigest]:
        """What metering keeps of a stream."""
        return StreamDigest

    def operation_of(self, body: Body) -> str:  # noqa: ARG002 - the path says it
        """Return the operation of the endpoint."""
        return self.operation

    def forwarded(self, alias: Alias, body: Body) -> bytes:
        """Return the body with the provider's model in it, and a chat stream asked for its usage."""
        # Azure takes the model from the path, so there only a model that is named is replaced.
        model = None if alias.provider == "azure" and body.model is None else alias.model
        return body.forwarded(model, ask_for_usage=self.operation == "chat")

    def address(self, alias: Alias, query: Mapping[str, str], path: Mapping[str, str]) -> Address:  # noqa: ARG002 - only the alias stands there
        """Return where the call goes."""
        endpoint = _ENDPOINTS[self.operation]
        if alias.surface == "azure_openai":
            deployment = quote(alias.deployment or alias.model, safe="")
            version = urlencode({"api-version": query.get("api-version") or alias.api_version})
            url = f"{alias.base_url}/openai/deployments/{deployment}{endpoint}?{version}"
            return Address(url, credentials("api-key", alias.api_key))
        key = f"Bearer {alias.api_key}" if alias.api_key is not None else None
        if alias.provider == "openai":
            return Address(alias.base_url + endpoint, credentials("authorization", key))
        if alias.surface == "ai_studio" and self.operation == "chat":
            return Address(f"{alias.base_url}/v1beta/openai{endpoint}", credentials("authorization", key))
        raise unreachable(alias, self.operation)


@dataclass(frozen=True, slots=True)
class GeminiDialect(JsonOrForm):
    """One method of a Gemini model; the path names the model, and the body says whether speech is wanted."""

    method: str

    @property
    def digest(self) -> type[StreamDigest]:
        """What metering keeps of a stream."""
        return GeminiDigest

    def operation_of(self, body: Body) -> str:
        """Return `speech` where the answer is to be audio and nothing else, else `chat`."""
        config: object = body.request().get("json", {}).get("generationConfig")
        asked: object = (
            cast("Mapping[str, object]", config).get("responseModalities")
            if isinstance(config, Mapping)
            else None
        )
        return "speech" if asked == ["AUDIO"] else "chat"

    def forwarded(self, alias: Alias, body: Body) -> bytes:  # noqa: ARG002 - the path names the model
        """Return the body as it came."""
        return body.forwarded(None)

    def address(self, alias: Alias, query: Mapping[str, str], path: Mapping[str, str]) -> Address:  # noqa: ARG002 - only the alias stands there
        """Return where the call goes."""
        if alias.provider != "gemini":
            raise unreachable(alias, self.method)
        base = "/v1/publishers/google" if alias.surface == "vertex" else "/v1beta"
        # The client's key is the gateway's, not the provider's; it never leaves.
        kept = urlencode({name: value for name, value in query.items() if name != "key"})
        url = f"{alias.base_url}{base}/models/{quote(alias.model, safe='')}:{self.method}"
        return Address(f"{url}?{kept}" if kept else url, credentials("x-goog-api-key", alias.api_key))


def credentials(header: str, value: str | None) -> dict[str, str]:
    """Return the header with the provider's key, none where there is no key."""
    return {} if value is None else {header: value}


def unreachable(alias: Alias, wanted: str) -> BadRequest:
    """Return the refusal of a call for which a dialect has no address."""
    where = f"{alias.provider} ({alias.surface})"
    return BadRequest(f"{alias.name!r} is a model of {where}, which has no {wanted} in this dialect")


PATHS: Final[tuple[tuple[str, Dialect], ...]] = (
    *(
        (path + endpoint, OpenAIDialect(operation))
        for operation, endpoint in _ENDPOINTS.items()
        for path in ("/v1", "/openai/deployments/{alias:path}")
    ),
    *(
        (f"{version}/models/{{alias:path}}:{method}", GeminiDialect(method))
        for method in ("generateContent", "streamGenerateContent")
        for version in ("/v1beta", "/v1")
    ),
)
"""Every path of a call, with its dialect."""
