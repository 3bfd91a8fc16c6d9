"""A curl line that repeats a call without decibill; secrets stand by the name of their variable.

A session is repeated by websocat, which sends every line of its input as one message.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from decibill.media import Body
from decibill.template_tree import plain_json

__all__ = ["curl_line", "session_line"]

_ENV = re.compile(r"\{(?:env|set)\.([A-Za-z_][A-Za-z0-9_]*)\}")
_BASE64 = re.compile(r'\{\s*"\$base64": "([^"]+)"\s*\}')


def curl_line(
    method: str, url: str, headers: Mapping[str, str], body: Body, fixtures: str = "fixtures"
) -> str:
    """Return one shell command.

    Args:
        method: HTTP method.
        url: where the call goes, secrets as in headers.
        headers: header values as declared, with ``{env.NAME}`` or ``{set.NAME}`` for secrets.
        body: what is sent.
        fixtures: how the shell reaches the fixtures root.
    """
    words = ["curl", "-sS", "-X", method, _word(url)]
    for name, value in headers.items():
        words += ["-H", _word(f"{name}: {value}")]
    for field in body.fields:
        text = field.value
        if field.file is not None:
            text = f"@{fixtures}/{field.file};type={field.content_type};filename={field.filename}"
            words += ["-F", shlex.quote(f"{field.name}={text}")]
        else:
            words += ["--form-string", shlex.quote(f"{field.name}={text}")]
    if not body.fields and body.content_type is not None:
        words += ["-H", shlex.quote(f"Content-Type: {body.content_type}")]
    if body.media is not None:
        words += ["--data-binary", shlex.quote(f"@{fixtures}/{body.media}")]
    elif body.shown is not None:
        words += ["--data-binary", _data(body, fixtures)]
    return " ".join(words)


def session_line(
    url: str, headers: Mapping[str, str], frames: Sequence[Any], fixtures: str = "fixtures"
) -> str:
    """Return one shell command that holds a session; it waits a second where a client waits for an answer.

    Args:
        url: where the session is asked for, ``http://…``.
        headers: header values as in `curl_line`.
        frames: what the client sends, media named by its file.
        fixtures: how the shell reaches the fixtures root.
    """
    said = "; ".join(
        f"printf '%s\\n' {_quoted(plain_json(frame, None), fixtures)}; sleep 1" for frame in frames
    )
    words = ["websocat", "--text", *(f"-H {_word(f'{name}: {value}')}" for name, value in headers.items())]
    return f"({said or 'sleep 1'}) | {' '.join(words)} {_word('ws' + url.removeprefix('http'))}"


def _word(text: str) -> str:
    """Return *text* quoted so that the shell fills in environment variables and nothing else."""
    if not _ENV.search(text):
        return shlex.quote(text)
    safe = re.sub(r'([\\"$`])', r"\\\1", text)
    return '"' + _ENV.sub(r"${\1}", safe) + '"'


def _data(body: Body, fixtures: str) -> str:
    return _quoted(body.shown or "", fixtures)


def _quoted(text: str, fixtures: str) -> str:
    """Return *text* quoted, with media read by the shell."""
    quoted = shlex.quote(text)
    return _BASE64.sub(lambda match: f"\"'\"$(base64 < {fixtures}/{match[1]} | tr -d '\\n')\"'\"", quoted)
