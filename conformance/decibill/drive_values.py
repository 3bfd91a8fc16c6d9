"""The values that fill a declaration's templates, and the configuration files made of them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from decibill import jsonio, template
from decibill.declaration import Declaration
from decibill.errors import InvalidFileError
from decibill.plan import Instance
from decibill.pricefields import entry_for, price_fields
from decibill.template_tree import CaseScope, plain_json, render
from decibill.toml_text import toml_text

__all__ = ["case_values", "configuration", "environment_values", "run_values"]

_VERSION: Final = re.compile(r"^(/openai)?(/v\d+)?(?=/)")


def environment_values(secrets: Mapping[str, str]) -> dict[str, str]:
    """Return ``env.NAME`` for every environment variable, the run's own fresh secrets first."""
    return {f"env.{name}": value for name, value in {**os.environ, **secrets}.items()}


def run_values(
    declaration: Declaration, *, upstream: str, url: str, port: int, workdir: Path | None
) -> dict[str, str]:
    """Return the values that hold for the whole run."""
    return {
        "upstream": upstream,
        "url": url,
        "port": str(port),
        "workdir": str(workdir) if workdir is not None else "",
        "here": str(Path(declaration.file).resolve().parent),
        "python": sys.executable,
        "run.started": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def case_values(
    instance: Instance, declaration: Declaration, run: Mapping[str, str], root: Path
) -> dict[str, str]:
    """Return the values of one instance, those of the run among them."""
    case = instance.case
    recorded = urlsplit(str(case.exchange.get("request", {}).get("path", "")))
    values = {
        **run,
        "case.id": case.id,
        "case.token": instance.token,
        "case.alias": instance.alias,
        "case.asked_model": str(case.asked["model"]),
        "case.asked_provider": str(case.asked["provider"]),
        "case.asked_surface": str(case.asked["surface"]),
        "case.provider": case.provider,
        "case.provider_name": declaration.provider_names.get(case.provider, case.provider),
        "case.model": case.model,
        "case.operation": case.operation,
        "case.operation_name": declaration.operation_names.get(case.operation, case.operation),
        "case.surface": str(case.exchange["surface"]),
        "case.path": recorded.path,
        "case.method": "streamGenerateContent" if case.stream else "generateContent",
        "case.prices": str((root / case.book).resolve()) if case.book is not None else "",
    }
    upstream = declaration.upstream
    values["case.name"] = template.fill(declaration.model_name, values, declaration.file)
    values["case.session"] = _session(recorded, instance.dialect, values["case.name"])
    values["case.upstream"] = template.fill(upstream.base[case.provider], values, declaration.file)
    asked = {**values, "case.provider": values["case.asked_provider"]}
    values["case.asked_upstream"] = template.fill(
        upstream.base.get(asked["case.provider"], ""), asked, declaration.file
    )
    values["case.key"] = template.fill(upstream.key, values, declaration.file)
    return values


def _session(recorded: SplitResult, dialect: str, name: str) -> str:
    """Return path and query of a session as a client asks for it, with the gateway's *name* for the model.

    Where the recorded address names the model by its deployment or not at all, a client of OpenAI's dialect
    still says which it means.
    """
    path = recorded.path
    query = dict(parse_qsl(recorded.query, keep_blank_values=True))
    if dialect == "openai":
        path = "/v1" + _VERSION.sub("", path, count=1)
        query = {key: value for key, value in query.items() if key not in {"api-version", "deployment"}}
    if "deployment" in query:
        query["deployment"] = name
    elif dialect in {"openai", "azure"}:
        query["model"] = name
    return f"{path}?{urlencode(query)}" if query else path


def configuration(
    declaration: Declaration, instances: Iterable[Instance], run: Mapping[str, str], root: Path
) -> dict[str, str]:
    """Return the declaration's files: path in the work folder to text.

    Args:
        declaration: the gateway.
        instances: what it must know: models, prices, upstream addresses.
        run: values of the run, with ``file.ID`` for every file.
        root: the fixtures root.

    Raises:
        InvalidFileError: a template has no value, or two cases need one member with different contents.
    """
    scopes = [_scope(instance, declaration, run, root) for instance in instances]
    return {
        path: _file_text(path, content, run, scopes, declaration.file)
        for path, content in declaration.files.values()
    }


def _file_text(
    path: str, content: Any, run: Mapping[str, str], scopes: Sequence[CaseScope], file: str
) -> str:
    """Return the text of one file: a text as it stands, a tree as TOML or, which is YAML too, as JSON."""
    if isinstance(content, str):
        return template.fill(content, run, file)
    tree = render(content, run, scopes, file)
    return toml_text(tree, file) if path.endswith(".toml") else plain_json(tree) + "\n"


def _scope(instance: Instance, declaration: Declaration, run: Mapping[str, str], root: Path) -> CaseScope:
    case = instance.case
    fields: Mapping[str, object] = {}
    if case.book is not None and declaration.prices.how in {"file", "served"}:
        book = jsonio.load_file(root / case.book, case.book)
        entry = entry_for(book, case.provider, case.model, case.operation)
        if entry is not None:
            fields = price_fields(declaration.prices, entry).fields
    elif case.book is None and declaration.prices.how == "book":
        raise InvalidFileError(f"cases/{case.id}.json", "names no price book", pointer="/given/prices")
    return CaseScope(
        values=case_values(instance, declaration, run, root),
        provider=case.provider,
        operation=case.operation,
        features=frozenset(case.features),
        model=case.model,
        prices=fields,
        exchange=case.exchange,
    )
