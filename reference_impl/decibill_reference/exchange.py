"""One exchange, opened: who was asked for what, and the body of the answer as what it is.

The exchange is the calculator's only input. Its parts can stand in files beside it (`json_file` and the
like), which are found below one root directory and nowhere else. Nothing is read before it is needed: most
answers are metered without a look at the request, and media is opened only when a duration depends on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from decibill_reference import jsonio
from decibill_reference.errors import DecibillReferenceError
from decibill_reference.jsonio import is_object
from decibill_reference.numbers import escape, read_decimal
from decibill_reference.usage import read_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from pathlib import Path

__all__ = ["Body", "Exchange", "header", "named_header"]

Kind: TypeAlias = Literal["json", "text", "sse", "events", "media"]

_KINDS: tuple[Kind, ...] = ("json", "text", "sse", "events", "media")
_INLINE: Mapping[str, Kind] = {kind: kind for kind in _KINDS}
_IN_FILE: Mapping[str, Kind] = {f"{kind}_file": kind for kind in _KINDS if kind != "media"}
_MEMBERS: Mapping[str, Kind] = {**_INLINE, **_IN_FILE}


class Body(NamedTuple):
    """The body of a response."""

    kind: Kind
    """What it is, which need not be what was asked for (AUB-EXT-b80f)."""

    value: Any
    """A JSON value, text, the raw stream, the frames of a session, or a reference to media."""

    pointer: str
    """Where it stands, the start of every pointer into it."""


class Exchange(NamedTuple):
    """An exchange whose head has been checked and whose bodies have not been touched."""

    provider: str
    surface: str
    operation: str
    model: str
    at: str
    region: str | None
    status: int
    request: Mapping[str, Any]
    response: Mapping[str, Any]
    root: Path | None
    aliases: Mapping[str, str]
    """Deployment to model, for the other models of a session."""

    @classmethod
    def open(cls, value: object, root: Path | None = None) -> Exchange:
        """Return the exchange that the JSON data *value* describes.

        Args:
            value: an exchange as of the data model, section 1.
            root: the directory below which its `*_file` members stand.

        Raises:
            DecibillReferenceError: `unsupported_exchange` where the head is not that of an exchange,
                `missing_time`.
        """
        exchange = _part(value, "")
        response = _part(exchange.get("response"), "/response")
        request: object = exchange.get("request")
        provider = _word(exchange, "provider")
        region: object = exchange.get("region")
        status: object = response.get("status", 200)
        aliases: object = exchange.get("aliases")
        if type(status) is not int or not 100 <= status <= 599:
            raise _unsupported("/response/status", "the status is not an HTTP status")
        if region is not None and not isinstance(region, str):
            raise _unsupported("/region", "the region is not a text")
        return cls(
            provider,
            _word(exchange, "surface"),
            _word(exchange, "operation"),
            _word(exchange, "model"),
            read_time(exchange.get("at"), "/at"),
            region or None,
            status,
            {} if request is None else _part(request, "/request"),
            response,
            root,
            {} if aliases is None else _aliases(aliases),
        )

    def body(self) -> Body:
        """Return the body of the response.

        The member of the exchange says how the body was written down, the content type what it claims to be.
        Text that claims to be JSON is read as JSON, and a recorded stream that turns out to be a JSON
        document as that.

        Raises:
            DecibillReferenceError: `malformed_body`, `duplicate_key` or `invalid_number` for a body that is
                not what it claims to be, `unsupported_exchange` where there is not exactly one.
        """
        member = self._body_member()
        kind = _MEMBERS[member]
        pointer = f"/response/{kind}"
        value: object = self.response[member]
        if member in {"json", "events"}:
            return Body(kind, value, pointer)
        if member in _IN_FILE:
            value = self._file(value, f"/response/{member}")
            if kind in {"json", "events"}:
                return Body(kind, jsonio.loads(value, pointer), pointer)
            value = value.decode("utf-8", errors="replace")
        if kind == "media":
            return Body(kind, _part(value, pointer), pointer)
        if not isinstance(value, str):
            raise _unsupported(pointer, "a text was expected here")
        return _text_body(kind, value, pointer, media_type(self.response))

    def kind(self) -> Kind:
        """Return how the body of the response was written down, without opening it.

        Raises:
            DecibillReferenceError: `unsupported_exchange` where there is not exactly one body.
        """
        return _MEMBERS[self._body_member()]

    def _body_member(self) -> str:
        present = [member for member in self.response if member in _MEMBERS]
        if len(present) != 1:
            found = ", ".join(present) or "none"
            raise _unsupported("/response", f"exactly one of {', '.join(_KINDS)} is the body; found {found}")
        return present[0]

    def request_object(self) -> Mapping[str, Any]:
        """Return the JSON object or the form that was sent; an empty one where there was neither."""
        for member in ("json", "form"):
            value: object = self.request.get(member)
            if is_object(value):
                return value
        if "json_file" in self.request:
            content = self._file(self.request["json_file"], "/request/json_file")
            value = jsonio.loads(content, "/request/json")
            if is_object(value):
                return value
        return {}

    def request_text(self) -> str | None:
        """Return the text that was sent as the body of the request, or None."""
        text: object = self.request.get("text")
        if isinstance(text, str):
            return text
        if "text_file" in self.request:
            content = self._file(self.request["text_file"], "/request/text_file")
            return content.decode("utf-8", errors="replace")
        return None

    def model_of(self, name: str) -> str:
        """Return the model behind *name*, which is a deployment's or the model's own."""
        return self.aliases.get(name, name)

    def media_seconds(self, media: Mapping[str, Any], pointer: str) -> Decimal | None:
        """Return the length of *media*, which stands at *pointer*, or None if it cannot be known.

        The file is measured where it is there; a tree without audio states the lengths in `media_seconds`.
        """
        measured = self._measured(media.get("media_file"), f"{pointer}/media_file")
        if measured is not None:
            return measured
        stated = media.get("media_seconds")
        return None if stated is None else read_decimal(stated, f"{pointer}/media_seconds")

    def _measured(self, name: object, pointer: str) -> Decimal | None:
        if name is None or self.root is None:
            return None
        path = _inside(self.root, name, pointer)
        if not path.is_file():
            return None
        from decibill_reference import media  # noqa: PLC0415  # rarely needed, and it knows of file formats

        return media.measure(path.read_bytes())

    def _file(self, name: object, pointer: str) -> bytes:
        if self.root is None:
            raise _unsupported(
                pointer, "a part stands in a file, and no root directory was given to find it in"
            )
        path = _inside(self.root, name, pointer)
        try:
            return path.read_bytes()
        except OSError as error:
            reason = error.strerror or "cannot be read"
            raise _unsupported(pointer, f"the file {name} cannot be read below the root: {reason}") from None


def header(part: Mapping[str, Any], name: str) -> str | None:
    """Return the header *name*, given in lower case, of a request or response; an empty one is absent."""
    found = named_header(part, name)
    return found[1] if found else None


def named_header(part: Mapping[str, Any], name: str) -> tuple[str, str] | None:
    """Return the header *name*, given in lower case, as it is spelled and what it says."""
    headers: object = part.get("headers")
    if is_object(headers):
        for key, value in headers.items():
            if key.lower() == name and isinstance(value, str) and value.strip():
                return key, value.strip()
    return None


def media_type(part: Mapping[str, Any]) -> str:
    """Return the content type of a request or response without parameters; an empty text where none is."""
    return (header(part, "content-type") or "").partition(";")[0].strip().lower()


def is_json_type(content_type: str) -> bool:
    """Tell whether *content_type* claims that the body is JSON."""
    return content_type == "application/json" or content_type.endswith("+json")


def _text_body(kind: Kind, text: str, pointer: str, content_type: str) -> Body:
    if is_json_type(content_type):
        return Body("json", jsonio.loads(text, pointer), pointer)
    if kind == "sse" and text.lstrip("\ufeff \t\r\n").startswith("{"):  # no field of an event begins so
        return Body("json", jsonio.loads(text, pointer), pointer)
    if content_type == "text/event-stream":
        return Body("sse", text, pointer)
    return Body(kind, text, pointer)


def _inside(root: Path, name: object, pointer: str) -> Path:
    """Return the file *name* below *root*, never one outside it, not even through a link."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise _unsupported(pointer, "the name of a file was expected here")
    base = root.resolve()
    path = (base / name).resolve()
    if not path.is_relative_to(base):
        raise _unsupported(pointer, f"the file {name} is not below the root directory")
    return path


def _part(value: object, pointer: str) -> Mapping[str, Any]:
    if is_object(value):
        return value
    raise _unsupported(pointer, "an exchange has an object here")


def _aliases(value: object) -> Mapping[str, str]:
    named = _part(value, "/aliases")
    for name, model in named.items():
        if not isinstance(model, str) or not model:
            raise _unsupported(f"/aliases/{escape(name)}", "the name of a model was expected here")
    return named


def _word(exchange: Mapping[str, Any], member: str) -> str:
    value: object = exchange.get(member)
    if not isinstance(value, str) or not value:
        raise _unsupported(f"/{member}", f"an exchange names its {member} here")
    return value


def _unsupported(pointer: str, problem: str) -> DecibillReferenceError:
    return DecibillReferenceError("unsupported_exchange", pointer, problem)
