"""Text templates of gateway declarations: ``{case.alias}``, ``{upstream}``, ``{env.NAME}``.

Rule 1: a name in braces that decibill does not know is an error, never left standing.
Rule 2: braces around anything else (JSON, an empty pair) are text.
Rule 3: nothing is evaluated; a value is put in as it is and is not looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from decibill.errors import InvalidFileError, UnknownNameError

__all__ = ["CALL_NAMES", "CASE_NAMES", "RUN_NAMES", "check", "fill", "names"]

RUN_NAMES = frozenset({"upstream", "port", "url", "workdir", "here", "python", "files.url", "run.started"})
"""Names that have one value in a run; ``run.started`` is a UTC timestamp."""

CASE_NAMES = frozenset(
    {
        "case.alias",
        "case.asked_model",
        "case.asked_provider",
        "case.asked_surface",
        "case.asked_upstream",
        "case.id",
        "case.key",
        "case.method",
        "case.model",
        "case.name",
        "case.operation",
        "case.operation_name",
        "case.path",
        "case.prices",
        "case.provider",
        "case.provider_name",
        "case.session",
        "case.surface",
        "case.token",
        "case.upstream",
    }
)
"""Names that have one value for an instance of a case."""

CALL_NAMES = frozenset({"call.id"})
"""Names that have one value for a call."""

_PLACE = re.compile(r"\{([a-z]+(?:\.[A-Za-z_][A-Za-z0-9_-]*)*)\}")
_OPEN = ("env.", "file.")


def names(text: str) -> tuple[str, ...]:
    """Return the names in *text*, in order."""
    return tuple(_PLACE.findall(text))


def check(text: str, allowed: Iterable[str], *, file: str, pointer: str, own: Iterable[str] = ()) -> None:
    """Refuse a template with a name that cannot have a value where it stands.

    Args:
        text: the template.
        allowed: the names that have a value there; ``env.*`` always has one.
        file: the declaration, for the message.
        pointer: where the template stands in it.
        own: names that the declaration makes itself: ``file.ID`` for its files, ``sink.ID`` for what is
            pushed to the run.

    Raises:
        InvalidFileError: with the close matches of the unknown name.
    """
    known = {*allowed, *own}
    for name in names(text):
        if name not in known and not name.startswith("env."):
            raise InvalidFileError(file, str(UnknownNameError("template name", name, known)), pointer=pointer)


def fill(text: str, values: Mapping[str, str], where: str = "the template") -> str:
    """Return *text* with every name replaced by its value.

    Raises:
        InvalidFileError: a name has no value; an ``env.`` name is an environment variable that is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in values:
            return values[name]
        if name.startswith("env."):
            variable = name.removeprefix("env.")
            raise InvalidFileError(
                where,
                f"the environment variable {variable} is not set",
                remedy=f"set {variable} and run again",
            )
        raise InvalidFileError(where, str(UnknownNameError("template name", name, values)))

    return _PLACE.sub(value, text)
