"""Reading of how a gateway is started, prepared and called: ``[start]``, ``[[bootstrap]]``, ``[request]``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from decibill import pointer, template
from decibill.declaration import Auth, Bootstrap, Ready, Request, Start
from decibill.declaration_table import Table
from decibill.template_tree import check_tree, is_list

__all__ = ["checked", "read_auth", "read_bootstrap", "read_files", "read_request", "read_start", "set_names"]

_SECRET_HEADERS: Final = ("authorization", "key", "token", "secret")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def checked(table: Table, key: str, allowed: frozenset[str], own: frozenset[str] = frozenset()) -> str:
    """Return the member *key*, a template in which only *allowed* and *own* names stand."""
    text = table.text(key)
    template.check(text, allowed, file=table.file, pointer=table.place(key), own=own)
    return text


def read_start(table: Table | None, own: frozenset[str]) -> Start | None:
    """Return how the gateway is started; None where decibill cannot start it."""
    if table is None:
        return None
    argv = table.strings("argv")
    if not argv:
        table.refuse("argv", "must name a program")
    for index, word in enumerate(argv):
        template.check(word, template.RUN_NAMES, file=table.file, pointer=f"{table.at}/argv/{index}", own=own)
    env = table.table("env")
    for name in env:
        checked(env, name, template.RUN_NAMES, own)
    ready = table.table("ready")
    start = Start(
        argv=argv,
        ready=Ready(
            get=ready.text("get"),
            status=ready.integer("status", 200, 100, 599),
            within_s=ready.integer("within_s", 30, 1, 600),
            stdout=_port_pattern(ready) if "stdout" in ready else None,
        ),
        env=table.texts("env"),
        secrets=table.texts("secrets"),
        serve_files=table.flag("serve_files"),
    )
    ready.done()
    table.done()
    return start


def _port_pattern(ready: Table) -> str:
    text = ready.text("stdout")
    try:
        pattern = re.compile(text)
    except re.error as error:
        ready.refuse("stdout", f"is no regular expression: {error}")
    if "port" not in pattern.groupindex:
        ready.refuse("stdout", "has no group (?P<port>...), which finds the port")
    return text


def read_auth(table: Table, own: frozenset[str]) -> Auth:
    """Return how the client authorises itself, secrets by name only."""
    headers = table.table("headers")
    for name in headers:
        value = checked(headers, name, frozenset(), own)
        secret = any(word in name.lower() for word in _SECRET_HEADERS)
        if secret and not any(place.startswith(("env.", "set.")) for place in template.names(value)):
            headers.refuse(
                name, "must not hold a secret", remedy='name an environment variable: "{env.NAME}"'
            )
    table.raw("headers")
    table.done()
    return Auth(headers.texts_of())


def set_names(tables: Sequence[Table]) -> frozenset[str]:
    """Return the template names that the bootstrap calls set."""
    return frozenset(f"set.{name}" for table in tables for name in table.table("set"))


def read_bootstrap(tables: Sequence[Table]) -> tuple[Bootstrap, ...]:
    """Return the calls that are made before the first case, each knowing what those before it set."""
    calls: list[Bootstrap] = []
    for number, table in enumerate(tables):
        known = template.RUN_NAMES | set_names(tables[:number])
        post = checked(table, "post", known)
        if not post.startswith("/"):
            table.refuse("post", "must begin with /")
        headers = table.table("headers")
        for name in headers:
            checked(headers, name, known)
        sets = table.table("set")
        for name in sets:
            if not _NAME.fullmatch(name):
                sets.refuse(name, "must be letters, digits and _, the first no digit")
            if not sets.text(name).startswith("/"):
                sets.refuse(name, f"{sets.text(name)!r} is not a JSON pointer", remedy="begin it with /")
        body = table.raw("json")
        _check_json(body, table, known)
        table.raw("headers")
        calls.append(Bootstrap(post, headers.texts_of(), body, sets.texts_of()))
        table.done()
    return tuple(calls)


def read_request(table: Table, own: frozenset[str]) -> Request:
    """Return what is added to every call."""
    known = template.RUN_NAMES | template.CASE_NAMES
    headers = table.table("headers")
    for name in headers:
        checked(headers, name, known, own)
    table.table("json")  # refuses anything but a table
    members = cast("Mapping[str, Any]", table.raw("json", {}))
    _check_json(members, table, known | own)
    table.raw("headers")
    table.done()
    return Request(headers.texts_of(), members)


def _check_json(tree: Any, table: Table, known: frozenset[str]) -> None:
    for text, at in _texts(tree, table.place("json")):
        template.check(text, known, file=table.file, pointer=at)


def _texts(tree: Any, at: str) -> Sequence[tuple[str, str]]:
    if isinstance(tree, str):
        return [(tree, at)]
    if isinstance(tree, Mapping):
        items = cast("Mapping[str, Any]", tree).items()
        return [each for key, value in items for each in _texts(value, at + pointer.join(key))]
    if is_list(tree):
        return [each for n, value in enumerate(tree) for each in _texts(value, at + pointer.join(n))]
    return []


def read_files(table: Table, own: frozenset[str]) -> Mapping[str, tuple[str, Any]]:
    """Return the files that are written for the gateway: id to path and content."""
    files: dict[str, tuple[str, Any]] = {}
    for name in table:
        member = table.table(name)
        path = member.text("path")
        if Path(path).is_absolute() or ".." in Path(path).parts:
            member.refuse("path", "must stay inside the work folder")
        if "text" in member:
            if "content" in member:
                member.refuse("text", "a file has a text or a content, not both")
            files[name] = (path, checked(member, "text", template.RUN_NAMES, own))
        else:
            content = member.raw("content")
            if not isinstance(content, (dict, list)):
                member.refuse("content", "must be a table or a list")
            check_tree(content, file=table.file, at=f"{member.at}/content", own=own)
            files[name] = (path, content)
        member.done()
    return files
