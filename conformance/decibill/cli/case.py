"""``decibill case new``: begin a case with a raw answer of a provider."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from decibill import jsonio
from decibill._data import data_directory
from decibill.case_new import Headers, Recorded, read_headers, scaffold, unfilled, write
from decibill.errors import InvalidFileError, UsageError
from decibill.raw_body import RawBody, Told, read_body, told
from decibill.schemas import schema

__all__ = ["case"]

_NOT_IN_A_SLUG: Final = re.compile(r"[^a-z0-9.]+")
_ENDINGS: Final = re.compile(r"(\.[a-z][a-z0-9]*)+$")
_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+([.-][a-z0-9]+)*")


_MEMBERS: Final = ("provider", "operation", "model", "surface")
_USUAL: Final = {"openai": "api", "azure": "azure_openai", "elevenlabs": "api", "gemini": "ai_studio"}
"""The interface of a provider that is meant where none is named."""


def _words(member: str) -> list[str]:
    """Return the words that the usage record's schema has for a member."""
    part: dict[str, Any] = schema("usage-record")["$defs"][member]
    return list(part["enum"])


@click.group()
def case() -> None:
    """Work on cases."""


@case.command(short_help="Begin a case with a raw answer of a provider.")
@click.argument("body", metavar="BODY", type=click.Path(path_type=Path))
@click.option("--id", "case_id", metavar="ID", help="Id of the case, such as openai/chat-cached-audio.")
@click.option("--provider", metavar="NAME", help="Who answered, where the answer does not say it.")
@click.option("--operation", metavar="NAME", help="What was asked for, such as transcription.")
@click.option("--model", metavar="NAME", help="The model that is priced.")
@click.option("--surface", metavar="NAME", help="The provider's interface, such as vertex.")
@click.option("--headers", type=click.Path(path_type=Path), help="The answer's headers (curl -D).")
@click.option("--request", type=click.Path(path_type=Path), help="The JSON that was sent.")
@click.option("--status", type=click.IntRange(100, 599), help="HTTP status, where no header file says it.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="Fixtures to write into.")
def new(body: Path, **options: Any) -> int:
    """Write a case for the answer in BODY, and say what is left to fill in.

    BODY is JSON, server-sent events, JSON Lines with the frames of a session, text or audio, as it came from
    the provider. It is kept byte for byte (frames as one array). `decibill check` names what the case lacks.
    """
    raw = read_body(_bytes(body), body.name)
    headers, request = Headers({}), None
    if (file := options["headers"]) is not None:
        headers = read_headers(_text(file), file.name)
    if (file := options["request"]) is not None:
        request = _object(file)
    said = _known(told(raw), {member: options[member] for member in _MEMBERS})
    headers = replace(headers, status=options["status"] or headers.status)
    book = jsonio.load_file(data_directory("fixtures") / "price-books" / "conformance.json")
    made = scaffold(_id(options["case_id"], said, body), Recorded(raw, said, headers, request), book)
    written, kept = write(made, options["root"] or data_directory("fixtures"))
    click.echo(written)
    _tell(raw, kept, headers, jsonio.load_file(written))
    return 0


def _tell(raw: RawBody, kept: Path, headers: Headers, document: Any) -> None:
    """Say on standard error what was done and what is to be done."""
    click.echo(f"the answer is kept in {kept} ({raw.kind}, {len(raw.content)} bytes)", err=True)
    click.echo("write texts, ids and names in it anew, and leave every number as it is", err=True)
    if headers.left_out:
        click.echo(f"headers left out: {', '.join(headers.left_out)}", err=True)
    for fault in unfilled(document):
        click.echo(f"{fault.pointer} {fault.problem}", err=True)


def _known(said: Told, options: Mapping[str, str | None]) -> Told:
    """Return what is known of the call; what the user says counts before what the answer says."""
    for member in ("operation", "surface"):
        words, word = _words(member), options[member]
        if word is not None and word not in words:
            raise UsageError(f"--{member} {word}: there is {', '.join(words)}")
    provider = options["provider"] or said.provider
    surface = said.surface if provider == said.provider else _USUAL.get(str(provider))
    return Told(
        provider,
        options["surface"] or surface,
        options["operation"] or said.operation,
        options["model"] or said.model,
        said.at,
    )


def _id(case_id: str | None, said: Told, body: Path) -> str:
    """Return the id asked for, or one of provider, operation and the name of the file."""
    if case_id is not None:
        if not _ID.fullmatch(case_id):
            raise UsageError(f"--id {case_id}: an id is a folder and a name such as openai/chat-cached-audio")
        return case_id
    stem = _ENDINGS.sub("", body.name.lower())
    slug = _NOT_IN_A_SLUG.sub("-", stem).strip("-.") or "answer"
    start = f"{said.operation}-"
    return f"{said.provider}/{slug if slug.startswith(start) else start + slug}"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidFileError(str(path), f"cannot be read: {error.strerror or error}") from None


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode()
    except UnicodeDecodeError as error:
        raise InvalidFileError(str(path), f"not UTF-8 at byte {error.start}") from None


def _object(path: Path) -> dict[str, Any]:
    document = jsonio.loads(_bytes(path), str(path))
    if not isinstance(document, dict):
        raise InvalidFileError(str(path), "is no JSON object", remedy="give the body that the client sent")
    return document  # pyright: ignore[reportUnknownVariableType]
