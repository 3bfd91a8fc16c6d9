"""What a named defect is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decibill_reference.gateway_metering import Seams

__all__ = ["Defect"]


@dataclass(frozen=True, slots=True)
class Defect:
    """One way of being wrong."""

    name: str
    summary: str
    kind: str
    """The class of mistakes that it belongs to, as the kill matrix lists them."""

    bug: str | None
    """A public report of the same mistake, or of the provider's rule that it breaks.

    Nothing where no such report is known.
    """

    requirements: tuple[str, ...]
    """Every MUST that the suite finds not met, and no other."""

    seams: Seams

    def to_json(self) -> dict[str, Any]:
        """Return what is to be known of the defect from outside."""
        return {
            "summary": self.summary,
            "kind": self.kind,
            "bug": self.bug,
            "requirements": list(self.requirements),
        }
