"""Sessions: the paths under which clients open them, how they name a model, where the provider has them.

OpenAI and Azure take the model from the query of the path. In Gemini's Live API it stands in the first frame,
which is therefore the only frame that a gateway has to change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast
from urllib.parse import quote, urlencode

from decibill_reference.gateway_body import BadRequest, JsonBody
from decibill_reference.gateway_dialects import Address
from decibill_reference.gateway_realtime_transcript import GeminiTranscript, OpenAITranscript, Transcript

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decibill_reference.gateway_config import Alias

__all__ = ["SESSIONS", "GeminiLive", "RealtimeDialect", "SessionDialect", "Setup"]

_SECRETS: Final = frozenset({"key", "api-key"})
"""The client's key is the gateway's, not the provider's; it never leaves."""


class SessionDialect(Protocol):
    """One way of opening a session."""

    @property
    def transcript(self) -> type[Transcript]:
        """What metering keeps of a session."""
        ...

    def named(self, query: Mapping[str, str]) -> str | None:
        """Return the alias that the path names; None where the first frame names it."""
        ...

    def setup(self, frame: str) -> Setup:
        """Return what the first frame of a session says, where the path names no alias.

        Raises:
            BadRequest: it says nothing of a model.
        """
        ...

    def address(self, alias: Alias, query: Mapping[str, str]) -> Address:
        """Return where the session is opened.

        Raises:
            BadRequest: the alias stands for a model that cannot be reached so.
        """
        ...


class Setup(NamedTuple):
    """The first frame of a session that is opened without naming a model in its path."""

    body: JsonBody
    name: str
    """The model's name as the frame has it."""

    @property
    def alias(self) -> str:
        """What the client asks for: the last part of a name such as ``models/alias``."""
        return self.name.rpartition("models/")[2]

    def forwarded(self, model: str) -> str:
        """Return the frame with the provider's model in it, and not one other byte changed."""
        start, end = self.body.spans["setup"]
        inner = JsonBody.parse(self.body.text[start:end].encode())
        changed = inner.forwarded(self.name.removesuffix(self.alias) + model).decode()
        return self.body.text[:start] + changed + self.body.text[end:]


@dataclass(frozen=True, slots=True)
class RealtimeDialect:
    """OpenAI's sessions, which Azure has too: the model is a member of the query."""

    openai: str | None = None
    """OpenAI's path below the base address, or None where it has no such session."""

    azure: str | None = None
    """The path of Azure OpenAI, in the same way."""

    voice_live: str | None = None
    """The path of Voice Live, in the same way."""

    names_model: str = "model"
    """The member of the query that names the model."""

    @property
    def transcript(self) -> type[Transcript]:
        """What metering keeps of a session."""
        return OpenAITranscript

    def named(self, query: Mapping[str, str]) -> str | None:
        """Return the alias; one that is not named is the empty one, which there is not."""
        return query.get(self.names_model, "")

    def setup(self, frame: str) -> Setup:
        """Refuse: the path has named the model."""
        raise BadRequest(f"{frame[:20]!r} is no frame that names a model")

    def address(self, alias: Alias, query: Mapping[str, str]) -> Address:
        """Return where the session is opened."""
        path = {"api": self.openai, "azure_openai": self.azure, "voice_live": self.voice_live}.get(
            alias.surface
        )
        if path is None:
            raise _unreachable(alias)
        asked = {name: value for name, value in query.items() if name not in _SECRETS}
        if asked.get("intent") == "transcription":
            asked.pop(self.names_model)  # there the session's own configuration names the model
        else:
            asked[self.names_model] = alias.deployment or alias.model
        if alias.provider == "openai":
            key = None if alias.api_key is None else f"Bearer {alias.api_key}"
            return _address(alias, path, asked, "authorization", key)
        if not path.startswith("/openai/v1/"):
            asked["api-version"] = asked.get("api-version") or alias.api_version
        return _address(alias, path, asked, "api-key", alias.api_key)


@dataclass(frozen=True, slots=True)
class GeminiLive:
    """Gemini's Live API, by the name of one of its services."""

    @property
    def transcript(self) -> type[Transcript]:
        """What metering keeps of a session."""
        return GeminiTranscript

    def named(self, query: Mapping[str, str]) -> None:  # noqa: ARG002 - no path of Live names a model
        """Return nothing: the first frame names the model."""
        return

    def setup(self, frame: str) -> Setup:
        """Return the first frame, which has to be ``{"setup": {"model": …}}``."""
        body = JsonBody.parse(frame.encode("utf-8", "surrogatepass"))
        setup: object = body.members.get("setup")
        name: object = cast("dict[str, Any]", setup).get("model") if isinstance(setup, dict) else None
        if not isinstance(name, str):
            raise BadRequest("the first frame has to be a setup that names a model")
        return Setup(body, name)

    def address(self, alias: Alias, query: Mapping[str, str]) -> Address:
        """Return where the session is opened."""
        path = _LIVE.get(alias.surface)
        if path is None:
            raise _unreachable(alias)
        asked = {name: value for name, value in query.items() if name not in _SECRETS}
        return _address(alias, path, asked, "x-goog-api-key", alias.api_key)


def _address(alias: Alias, path: str, query: Mapping[str, str], header: str, key: str | None) -> Address:
    # http becomes ws, and https wss.
    url = "ws" + alias.base_url.removeprefix("http") + path
    asked = urlencode(query, quote_via=quote)
    return Address(f"{url}?{asked}" if asked else url, {} if key is None else {header: key})


def _unreachable(alias: Alias) -> BadRequest:
    where = f"{alias.provider} ({alias.surface})"
    return BadRequest(f"{alias.name!r} is a model of {where}, which has no such session")


_LIVE: Final = {
    "ai_studio": "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
    "vertex": "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent",
}
_CONVERSATION: Final = RealtimeDialect("/realtime", "/openai/v1/realtime", "/voice-live/realtime")
_TRANSLATION: Final = RealtimeDialect("/realtime/translations", "/openai/v1/realtime/translations")
_BY_THE_CLOCK: Final = RealtimeDialect("/live/sessions", "/openai/v1/live/sessions")

SESSIONS: Final[tuple[tuple[str, SessionDialect], ...]] = (
    *(
        (prefix + path, dialect)
        for prefix in ("/v1", "/openai/v1")
        for path, dialect in (
            ("/realtime", _CONVERSATION),
            ("/realtime/translations", _TRANSLATION),
            ("/live/sessions", _BY_THE_CLOCK),
        )
    ),
    ("/openai/realtime", RealtimeDialect(azure="/openai/realtime", names_model="deployment")),
    ("/voice-live/realtime", RealtimeDialect(voice_live="/voice-live/realtime")),
    ("/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent", GeminiLive()),
    ("/ws/google.cloud.aiplatform.{version}.LlmBidiService/BidiGenerateContent", GeminiLive()),
)
"""Every path of a session, with its dialect."""
