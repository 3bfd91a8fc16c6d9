"""ElevenLabs' dialect: paths that name a voice and a variant, and bodies that name the model in `model_id`.

Whatever a call answers with, its headers are the meter, so nothing is kept of a stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from decibill_reference.gateway_dialects import Address, JsonOrForm, credentials, unreachable
from decibill_reference.gateway_stream import StreamDigest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decibill_reference.gateway_body import Body
    from decibill_reference.gateway_config import Alias

__all__ = ["PATHS", "ElevenLabsDialect", "NothingKept"]

_VARIANTS: Final = ("", "/stream", "/with-timestamps", "/stream/with-timestamps")


class NothingKept(StreamDigest):
    """The digest of a stream that says nothing of what it cost; its lines are JSON full of audio."""

    def feed(self, chunk: bytes) -> None:
        """Let the next bytes of the stream go."""


@dataclass(frozen=True, slots=True)
class ElevenLabsDialect(JsonOrForm):
    """One endpoint; a voice stands in its path where `{voice}` does."""

    operation: str
    endpoint: str

    @property
    def digest(self) -> type[StreamDigest]:
        """What metering keeps of a stream."""
        return NothingKept

    def operation_of(self, body: Body) -> str:  # noqa: ARG002 - the path says it
        """Return the operation of the endpoint."""
        return self.operation

    def forwarded(self, alias: Alias, body: Body) -> bytes:
        """Return the body with the provider's model in it."""
        return body.forwarded(alias.model)

    def address(self, alias: Alias, query: Mapping[str, str], path: Mapping[str, str]) -> Address:
        """Return where the call goes."""
        if alias.provider != "elevenlabs":
            raise unreachable(alias, self.operation)
        endpoint = self.endpoint.replace("{voice}", quote(path.get("voice", ""), safe=""))
        url = alias.base_url + endpoint
        return Address(
            f"{url}?{urlencode(query)}" if query else url, credentials("xi-api-key", alias.api_key)
        )


_ENDPOINTS: Final = (
    *(("speech", f"/v1/text-to-speech/{{voice}}{variant}") for variant in _VARIANTS),
    *(("speech", f"/v1/text-to-dialogue{variant}") for variant in _VARIANTS),
    ("transcription", "/v1/speech-to-text"),
    *(
        ("voice_conversion", f"/v1/{name}/{{voice}}{variant}")
        for name in ("speech-to-speech", "voice-changer")
        for variant in ("", "/stream")
    ),
    ("sound_generation", "/v1/sound-generation"),
    ("sound_generation", "/v1/music"),
)

PATHS: Final = tuple([(path, ElevenLabsDialect(operation, path)) for operation, path in _ENDPOINTS])
"""Every path of a call, with its endpoint."""
