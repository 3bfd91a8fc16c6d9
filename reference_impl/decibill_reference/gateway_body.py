"""Request bodies, forwarded byte for byte but for the few members that a gateway has to change.

A body is not parsed and written again, since that could change what nobody meant to change: the digits of a
number, the order of members, the headers of a part. Its members are located, and a new value is spliced in
at the place of the old one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["BadRequest", "Body", "FormBody", "JsonBody", "charset_of", "parse_body"]

Text = TypeVar("Text", str, bytes)

_MODEL: Final = ("model", "model_id")
"""The members that name the model: most providers', and ElevenLabs'."""

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()
_PARAMETER: Final = re.compile(rb';\s*([a-zA-Z0-9*_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))')
_DISPOSITION: Final = re.compile(rb"^content-disposition:(.*)$", re.IGNORECASE | re.MULTILINE)
_TYPE: Final = re.compile(rb"^content-type:[ \t]*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)


class BadRequest(Exception):  # noqa: N818 - the name of the HTTP status
    """A request that cannot be forwarded; the text says why."""


class Body(Protocol):
    """A request body whose members can be read, and some of them changed."""

    @property
    def model(self) -> str | None:
        """The model that the body asks for."""
        ...

    @property
    def upload(self) -> bytes | None:
        """The uploaded media."""
        ...

    @property
    def upload_name(self) -> str | None:
        """The field of the form that holds it."""
        ...

    @property
    def streams(self) -> bool:
        """Whether a stream is asked for."""
        ...

    def request(self) -> dict[str, Any]:
        """Return what stands for the body in the request of an exchange: a member ``json`` or ``form``."""
        ...

    def forwarded(self, model: str | None, *, ask_for_usage: bool = False) -> bytes:
        """Return the body to send on, asking for *model*; None leaves the model as it is.

        With *ask_for_usage* a chat stream is asked to end in a usage chunk, as ``stream_options`` can.
        """
        ...


def charset_of(content_type: str) -> str:
    """Return the encoding that a content type names, UTF-8 where it names none."""
    parameters = dict(_parameters(content_type.encode("latin-1", "replace")))
    return parameters.get(b"charset", b"utf-8").decode("latin-1")


def parse_body(body: bytes, content_type: str) -> Body:
    """Return the body of a request, by its content type.

    Raises:
        BadRequest: it is neither JSON nor a form, or not what it says it is.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return FormBody.parse(body, content_type)
    if kind in {"", "application/json"} or kind.endswith("+json"):
        return JsonBody.parse(body)
    raise BadRequest(f"the content type {kind} is neither application/json nor multipart/form-data")


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A JSON object, and where in its text the value of each member stands."""

    text: str
    start: int
    """Behind the opening brace."""

    members: Mapping[str, Any]
    spans: Mapping[str, tuple[int, int]]

    @classmethod
    def parse(cls, body: bytes) -> JsonBody:
        """Locate the members of a JSON object.

        Raises:
            BadRequest: the body is no JSON object, or repeats a member.
        """
        try:
            return _locate(body.decode())
        except UnicodeDecodeError as error:
            raise BadRequest(f"the body is not UTF-8 at byte {error.start}") from None
        except json.JSONDecodeError as error:
            place = f"line {error.lineno} column {error.colno}"
            raise BadRequest(f"the body is not JSON: {error.msg} at {place}") from None
        except RecursionError:
            raise BadRequest("the body is nested too deeply") from None
        except ValueError:  # int() has a limit of some thousand digits
            raise BadRequest("the body holds a number of thousands of digits") from None

    @property
    def model(self) -> str | None:
        """The model that the body asks for."""
        model = self.members.get(self._model_member)
        return model if isinstance(model, str) else None

    @property
    def _model_member(self) -> str:
        return next((name for name in _MODEL if name in self.members), _MODEL[0])

    @property
    def upload(self) -> None:
        """JSON carries its media inside; its length never matters."""
        return None

    @property
    def upload_name(self) -> None:
        """JSON has no uploads."""
        return None

    @property
    def streams(self) -> bool:
        """Whether a stream is asked for."""
        return self.members.get("stream") is True

    def request(self) -> dict[str, Any]:
        """Return the member ``json`` of an exchange's request."""
        return {"json": self.members}

    def forwarded(self, model: str | None, *, ask_for_usage: bool = False) -> bytes:
        """Return the body to send on, asking for *model*."""
        changes: dict[str, Any] = {} if model is None else {self._model_member: model}
        if ask_for_usage and self.streams:
            options: object = self.members.get("stream_options")
            stated = cast("dict[str, Any]", options) if isinstance(options, dict) else {}
            if stated.get("include_usage") is not True:
                changes["stream_options"] = {**stated, "include_usage": True}
        spans = {self.spans[name]: json.dumps(value) for name, value in changes.items() if name in self.spans}
        added = "".join(
            f"{json.dumps(name)}:{json.dumps(value)},"
            for name, value in changes.items()
            if name not in self.spans
        )
        if added:
            spans[self.start, self.start] = added if self.members else added.removesuffix(",")
        return "".join(_spliced(self.text, spans)).encode()


def _locate(text: str) -> JsonBody:
    place = _space(text, 0)
    if not text.startswith("{", place):
        raise BadRequest("the body is not a JSON object")
    start = place + 1
    members: dict[str, Any] = {}
    spans: dict[str, tuple[int, int]] = {}
    place = _space(text, start)
    while not text.startswith("}", place):
        if spans:
            place = _expect(text, place, ",")
        if not text.startswith('"', place):
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, place)
        name, place = _DECODER.raw_decode(text, place)
        if name in members:
            raise BadRequest(f"the member {name!r} stands twice in the body")
        place = _expect(text, _space(text, place), ":")
        members[name], end = _DECODER.raw_decode(text, place)
        spans[name] = (place, end)
        place = _space(text, end)
    if _space(text, place + 1) != len(text):
        raise json.JSONDecodeError("Extra data", text, place + 1)
    return JsonBody(text, start, members, spans)


def _space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    assert found is not None  # the pattern fits anywhere
    return found.end()


def _expect(text: str, place: int, mark: str) -> int:
    if not text.startswith(mark, place):
        raise json.JSONDecodeError(f"Expecting {mark!r} delimiter", text, place)
    return _space(text, place + 1)


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of a form, and where in the body its content stands."""

    name: str
    start: int
    end: int
    is_file: bool
    content_type: str | None


@dataclass(frozen=True, slots=True)
class FormBody:
    """A multipart form, and where in it the content of each part stands."""

    body: bytes
    boundary: bytes
    parts: tuple[_Part, ...]

    @classmethod
    def parse(cls, body: bytes, content_type: str) -> FormBody:
        """Locate the parts of a form.

        Raises:
            BadRequest: the body is not the form that its content type announces.
        """
        boundary = dict(_parameters(content_type.encode("latin-1", "replace"))).get(b"boundary")
        if not boundary:
            raise BadRequest("the content type multipart/form-data names no boundary")
        return cls(body, boundary, tuple(_parts(body, boundary)))

    @property
    def model(self) -> str | None:
        """The model that the form asks for."""
        return next((self._text(part) for part in self._model_parts), None)

    @property
    def _model_parts(self) -> tuple[_Part, ...]:
        named = (tuple(part for part in self.parts if part.name == name) for name in _MODEL)
        return next((parts for parts in named if parts), ())

    @property
    def upload(self) -> bytes | None:
        """The bytes of the first file."""
        return next((self.body[part.start : part.end] for part in self.parts if part.is_file), None)

    @property
    def upload_name(self) -> str | None:
        """The name of the first file's part."""
        return next((part.name for part in self.parts if part.is_file), None)

    @property
    def streams(self) -> bool:
        """Whether a stream is asked for."""
        return any(part.name == "stream" and self._text(part).lower() == "true" for part in self.parts)

    def request(self) -> dict[str, Any]:
        """Return the member ``form`` of an exchange's request.

        A file is named by its content type alone, and a text that is repeated is a list.
        """
        form: dict[str, Any] = {}
        texts: dict[str, list[str]] = {}
        for part in self.parts:
            if part.is_file:
                form[part.name] = {"content_type": part.content_type} if part.content_type else {}
            else:
                texts.setdefault(part.name, []).append(self._text(part))
                form[part.name] = texts[part.name] if len(texts[part.name]) > 1 else texts[part.name][0]
        return {"form": form}

    def forwarded(self, model: str | None, *, ask_for_usage: bool = False) -> bytes:  # noqa: ARG002 - forms are no chat
        """Return the body to send on, asking for *model*."""
        if model is None:
            return self.body
        spans = {(part.start, part.end): model.encode() for part in self._model_parts}
        if not spans:
            head = b'--%s\r\nContent-Disposition: form-data; name="model"\r\n\r\n%s\r\n'
            spans[0, 0] = head % (self.boundary, model.encode())
        return b"".join(_spliced(self.body, spans))

    def _text(self, part: _Part) -> str:
        return self.body[part.start : part.end].decode("utf-8", "replace")


def _parts(body: bytes, boundary: bytes) -> Iterable[_Part]:
    """Yield the parts of a form by RFC 2046: a delimiter is a line that begins with the boundary."""
    delimiter = b"--" + boundary
    place = 0 if body.startswith(delimiter) else body.find(b"\r\n" + delimiter) + 2
    if place < 2 and not body.startswith(delimiter):
        raise BadRequest("the form does not hold the boundary that its content type names")
    while True:
        place += len(delimiter)
        if body.startswith(b"--", place):
            return
        head = body.find(b"\r\n", place)
        start = body.find(b"\r\n\r\n", head) + 4
        end = body.find(b"\r\n" + delimiter, start - 2)
        if head < 0 or start < 4 or end < 0:
            raise BadRequest("the form breaks off within a part")
        yield _part(body[head:start], start, max(start, end))
        place = end + 2


def _part(head: bytes, start: int, end: int) -> _Part:
    disposition = _DISPOSITION.search(head)
    parameters = dict(_parameters(disposition[1] if disposition else b""))
    if b"name" not in parameters:
        raise BadRequest("a part of the form has no name")
    kind = _TYPE.search(head)
    return _Part(
        parameters[b"name"].decode("utf-8", "replace"),
        start,
        end,
        is_file=b"filename" in parameters or b"filename*" in parameters,
        content_type=kind[1].decode("latin-1").strip() if kind else None,
    )


def _parameters(value: bytes) -> Iterable[tuple[bytes, bytes]]:
    for name, quoted, bare in _PARAMETER.findall(value):
        yield name.lower(), re.sub(rb"\\(.)", rb"\1", quoted) if quoted else bare


def _spliced(body: Text, changes: Mapping[tuple[int, int], Text]) -> list[Text]:
    """Return the pieces of *body* with each span replaced."""
    pieces: list[Text] = []
    place = 0
    for (start, end), new in sorted(changes.items()):
        pieces += (body[place:start], new)
        place = end
    pieces.append(body[place:])
    return pieces
