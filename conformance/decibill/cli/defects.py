"""The reference gateway's named defects, as far as the suite knows them: what its command says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import click

__all__ = ["NamedDefect", "named_defects"]


@dataclass(frozen=True, slots=True)
class NamedDefect:
    """One way in which the reference gateway can be made wrong."""

    name: str
    summary: str
    bug: str | None
    """A public report of the same mistake, or of the rule that it breaks, where one is known."""

    requirements: tuple[str, ...]
    """Every MUST that a run then finds not met."""

    kind: str = ""
    """The class of mistakes that it belongs to (`failure_classes.CLASSES`)."""

    @property
    def seen(self) -> str:
        """Where the mistake was seen, in words."""
        return "no public report known" if self.bug is None else f"seen at {self.bug}"

    def __str__(self) -> str:
        return f"{self.summary}; breaks {', '.join(self.requirements)}; {self.seen}"


def named_defects(context: click.Context) -> Mapping[str, NamedDefect]:
    """Return the named defects with what each does, as the command ``serve`` offers them.

    The suite knows nothing of the reference implementation but its commands, so it asks the command.
    """
    group = context.find_root().command
    serve = group.get_command(context, "serve") if isinstance(group, click.Group) else None
    options = serve.params if serve else []
    described = [getattr(option.type, "described", {}) for option in options if option.name == "defect"]
    return {
        name: NamedDefect(name, told["summary"], told["bug"], tuple(told["requirements"]), told["kind"])
        for name, told in (described[0] if described else {}).items()
    }
