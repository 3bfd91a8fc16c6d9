"""Azure AI Speech: paths that name no model, and bodies that are audio or SSML.

The alias stands in front of Azure's own path, ``/azure-speech/{alias}``, since nothing of what a client sends
there names a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from decibill_reference.gateway_body import BadRequest, FormBody, charset_of
from decibill_reference.gateway_dialects import Address, credentials, unreachable
from decibill_reference.gateway_stream import StreamDigest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decibill_reference.gateway_body import Body
    from decibill_reference.gateway_config import Alias

__all__ = ["PATHS", "AudioBody", "AzureSpeechDialect", "TextBody"]

_VERSION: Final = "2024-11-15"
_SECRETS: Final = frozenset({"subscription-key"})


@dataclass(frozen=True, slots=True)
class _BareBody:
    """A body that is one thing without members; it names no model."""

    content: bytes
    content_type: str

    @property
    def model(self) -> None:
        """Nothing names a model."""
        return None

    @property
    def upload_name(self) -> None:
        """There is no form."""
        return None

    @property
    def streams(self) -> bool:
        """Nothing asks for a stream."""
        return False

    def forwarded(self, model: str | None, *, ask_for_usage: bool = False) -> bytes:  # noqa: ARG002 - nothing to change
        """Return the body as it came."""
        return self.content


@dataclass(frozen=True, slots=True)
class TextBody(_BareBody):
    """SSML."""

    text: str

    @classmethod
    def parse(cls, content: bytes, content_type: str) -> TextBody:
        """Read the text.

        Raises:
            BadRequest: it is not in the encoding that its content type names, UTF-8 where it names none.
        """
        charset = charset_of(content_type)
        try:
            return cls(content, content_type, content.decode(charset))
        except (LookupError, UnicodeDecodeError):
            raise BadRequest(f"the body is not a text in {charset}") from None

    @property
    def upload(self) -> None:
        """A text has no length."""
        return None

    def request(self) -> dict[str, Any]:
        """Return the member ``text`` of an exchange's request."""
        return {"text": self.text}


@dataclass(frozen=True, slots=True)
class AudioBody(_BareBody):
    """Audio and nothing else."""

    @classmethod
    def parse(cls, content: bytes, content_type: str) -> AudioBody:
        """Take the audio as it is."""
        return cls(content, content_type)

    @property
    def upload(self) -> bytes:
        """The audio."""
        return self.content

    def request(self) -> dict[str, Any]:
        """Return the member ``media`` of an exchange's request."""
        return {"media": {"content_type": self.content_type}}


@dataclass(frozen=True, slots=True)
class AzureSpeechDialect:
    """One endpoint, and what its body is."""

    operation: str
    endpoint: str
    kind: type[FormBody] | type[TextBody] | type[AudioBody]

    @property
    def digest(self) -> type[StreamDigest]:
        """What metering keeps of a stream; Azure sends none here."""
        return StreamDigest

    def parse(self, content: bytes, content_type: str) -> Body:
        """Return the body of a request."""
        return self.kind.parse(content, content_type)

    def operation_of(self, body: Body) -> str:  # noqa: ARG002 - the path says it
        """Return the operation of the endpoint."""
        return self.operation

    def forwarded(self, alias: Alias, body: Body) -> bytes:  # noqa: ARG002 - nothing names a model
        """Return the body as it came."""
        return body.forwarded(None)

    def address(self, alias: Alias, query: Mapping[str, str], path: Mapping[str, str]) -> Address:
        """Return where the call goes."""
        if alias.surface != "azure_speech":
            raise unreachable(alias, self.operation)
        asked = {name: value for name, value in query.items() if name not in _SECRETS}
        if self.kind is FormBody:
            asked.setdefault("api-version", _VERSION)
        url = alias.base_url + self.endpoint.replace("{mode}", quote(path.get("mode", ""), safe=""))
        return Address(
            f"{url}?{urlencode(asked)}" if asked else url,
            credentials("ocp-apim-subscription-key", alias.api_key),
        )


_ENDPOINTS: Final = (
    AzureSpeechDialect("transcription", "/speechtotext/transcriptions:transcribe", FormBody),
    AzureSpeechDialect("transcription", "/speech/recognition/{mode}/cognitiveservices/v1", AudioBody),
    AzureSpeechDialect("speech", "/cognitiveservices/v1", TextBody),
)

PATHS: Final = tuple([(f"/azure-speech/{{alias}}{dialect.endpoint}", dialect) for dialect in _ENDPOINTS])
"""Every path of a call, with its endpoint."""
