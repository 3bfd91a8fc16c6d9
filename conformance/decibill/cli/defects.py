"""The reference gateway's named defects, as far as the suite knows them: what its command says of them."""

from __future__ import annotations

from collections.abc import Mapping

import click

__all__ = ["named_defects"]


def named_defects(context: click.Context) -> Mapping[str, str]:
    """Return the named defects with what each does, as the command ``serve`` offers them.

    The suite knows nothing of the reference implementation but its commands, so it asks the command.
    """
    group = context.find_root().command
    serve = group.get_command(context, "serve") if isinstance(group, click.Group) else None
    options = serve.params if serve else []
    described = [getattr(option.type, "described", {}) for option in options if option.name == "defect"]
    return described[0] if described else {}
