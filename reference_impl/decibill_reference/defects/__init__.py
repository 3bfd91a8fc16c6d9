"""Named defects: the reference gateway made wrong in one way, most of them taken from a public report.

A suite that has never seen a wrong gateway proves nothing. ``decibill serve --defect NAME`` starts one;
each defect replaces a step of metering (`Seams`) and breaks the requirements that it names, and only those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from decibill_reference.defects.azure_speech import AZURE_SPEECH
from decibill_reference.defects.characters import CHARACTERS
from decibill_reference.defects.defect import Defect
from decibill_reference.defects.elevenlabs import ELEVENLABS
from decibill_reference.defects.gateway import GATEWAY
from decibill_reference.defects.gemini import GEMINI
from decibill_reference.defects.parts import PARTS
from decibill_reference.defects.rates import RATES
from decibill_reference.defects.seconds import SECONDS
from decibill_reference.defects.sessions import SESSIONS
from decibill_reference.defects.streams import STREAMS
from decibill_reference.defects.tokens import TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFECTS", "Defect"]

_ALL: Final = (
    *GATEWAY,
    *TOKENS,
    *GEMINI,
    *SECONDS,
    *CHARACTERS,
    *STREAMS,
    *SESSIONS,
    *AZURE_SPEECH,
    *ELEVENLABS,
    *PARTS,
    *RATES,
)

DEFECTS: Final[Mapping[str, Defect]] = {defect.name: defect for defect in _ALL}
"""Every defect by its name."""
