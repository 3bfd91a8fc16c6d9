"""Writing a tree of tables, lists and values as TOML, for gateways that read nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from decibill.errors import InvalidFileError
from decibill.template_tree import is_list

__all__ = ["toml_text"]


def toml_text(tree: Mapping[str, Any], file: str) -> str:
    """Return *tree* as TOML: one line for each member of the root, everything below it inline.

    Args:
        tree: tables, lists, texts, integers, decimals (written plainly) and booleans.
        file: the declaration, for messages.

    Raises:
        InvalidFileError: TOML cannot say a value.
    """
    return "".join(f"{_text(key)} = {_value(value, file)}\n" for key, value in tree.items())


def _value(value: Any, file: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text if "." in text else f"{text}.0"  # 3 is an integer to a reader of TOML, and 3.0 a price
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value).items()
        return "{" + ", ".join(f"{_text(key)} = {_value(member, file)}" for key, member in members) + "}"
    if is_list(value):
        return "[" + ", ".join(_value(item, file) for item in value) + "]"
    raise InvalidFileError(file, f"a file in TOML cannot hold {json.dumps(value, default=str)}")


def _text(text: str) -> str:
    # the escapes of JSON are among those of TOML, which also wants one for the character 127
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
