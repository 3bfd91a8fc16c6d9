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
    bug: str
    """A public report of the same mistake."""

    requirements: tuple[str, ...]
    """Every MUST that the suite finds not met, and no other."""

    seams: Seams

    def to_json(self) -> dict[str, Any]:
        """Return what is to be known of the defect from outside."""
        return {"summary": self.summary, "bug": self.bug, "requirements": list(self.requirements)}
