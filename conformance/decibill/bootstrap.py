"""The calls that a gateway needs once before it can be judged, such as one that issues the client's key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from decibill import jsonio, template
from decibill.declaration import Bootstrap, Declaration
from decibill.errors import InvalidFileError, PreflightError
from decibill.media import Body
from decibill.pointer import resolve
from decibill.redact import legible
from decibill.target import Call, Target
from decibill.template_tree import plain_json, render

__all__ = ["bootstrap"]

_EXCERPT: Final = 200


def bootstrap(declaration: Declaration, values: Mapping[str, str], target: Target) -> dict[str, str]:
    """Make the declared calls and return what they set: ``set.NAME`` to value.

    Args:
        declaration: the gateway.
        values: template values of the run.
        target: the gateway's client side, without the client's own authorisation.

    Raises:
        PreflightError: the gateway refused a call, or its answer does not hold what is to be set.
    """
    issued: dict[str, str] = {}
    for call in declaration.bootstrap:
        issued |= _made(call, {**values, **issued}, declaration.file, target)
    return issued


def _made(call: Bootstrap, values: Mapping[str, str], file: str, target: Target) -> dict[str, str]:
    path = template.fill(call.post, values, file)
    headers = {name: template.fill(value, values, file) for name, value in call.headers.items()}
    body = Body(b"", None)
    if call.json is not None:
        body = Body(plain_json(render(call.json, values, (), file), None).encode(), "application/json")
    answer = target.send(Call("POST", path, headers, body))
    said = legible(answer.body[:_EXCERPT].decode("utf-8", "replace"))
    if answer.error is not None or answer.status is None or not 200 <= answer.status < 300:
        problem = answer.error or f"answered {answer.status}: {said}"
        raise PreflightError(f"the gateway could not be prepared: POST {path} {problem}")
    if not call.set:
        return {}
    try:
        document = jsonio.loads(answer.body, "it")
    except InvalidFileError as error:
        raise PreflightError(
            f"the gateway could not be prepared: POST {path} answered, but {error}"
        ) from None
    issued: dict[str, str] = {}
    for name, pointer in call.set.items():
        value = resolve(document, pointer)
        if not isinstance(value, (str, int)) or isinstance(value, bool) or value == "":
            # the answer may hold a key, so it is not shown
            raise PreflightError(
                f"the gateway could not be prepared: its answer to POST {path} holds no text at {pointer}"
            )
        issued[f"set.{name}"] = str(value)
    return issued
