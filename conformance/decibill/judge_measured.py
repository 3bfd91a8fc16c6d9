"""How far an honest gateway may be off that measures a compressed upload itself.

Encoders pad the ends of MP3, M4A, Ogg and WebM files, and decoders leave out more or less of that. Two
measurements of one file can be 0.1 s apart, and what they cost by as much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from decibill.case import ExchangeCase

__all__ = ["SECONDS", "is_measured", "measured_cost"]

SECONDS: Final = Fraction(1, 10)
"""How far two honest measurements of one compressed file can be apart."""

_COMPRESSED: Final = (".mp3", ".m4a", ".mp4", ".mpga", ".webm", ".ogg", ".opus")
_DURATION: Final = "audio_duration_seconds"


def is_measured(case: ExchangeCase, quantity: str = _DURATION) -> bool:
    """Say whether the right duration is that of a compressed upload, which decoders measure differently."""
    if case.usage is None or case.usage.record.get("basis", {}).get(quantity) != "media":
        return False
    bodies = [body for request in case.when.values() for body in (request.form, request.json, request.media)]
    return any(str(name).endswith(_COMPRESSED) for body in bodies for name in _media_names(body))


def measured_cost(case: ExchangeCase) -> Fraction:
    """Return how far the cost may be off for that."""
    if case.charge is None or not is_measured(case):
        return Fraction(0)
    lines = [line for line in case.charge.lines if line.quantity == _DURATION and not line.addon]
    return sum((SECONDS * line.exact / Fraction(line.billed) for line in lines), Fraction(0))


def _media_names(value: object) -> Iterator[object]:
    """Yield the names of the media files in a request."""
    if isinstance(value, Mapping):
        for key, member in cast("Mapping[str, object]", value).items():
            if key in {"media_file", "$base64"}:
                yield member
            else:
                yield from _media_names(member)
    elif isinstance(value, list):
        for member in cast("list[object]", value):
            yield from _media_names(member)
