"""The quantities that a record can hold, and how they contain each other.

They are flat and inclusive: `input_tokens` holds all billed input, its audio, text and cached parts are parts
of it. What follows from the mere names of a record's quantities is worked out once for each set of names,
since few sets occur and records are many.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from decibill_reference.errors import DecibillReferenceError
from decibill_reference.numbers import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

__all__ = [
    "COUNTS",
    "INPUT_MODALITIES",
    "OUTPUT_MODALITIES",
    "PARTITIONS",
    "QUANTITIES",
    "SUBSETS",
    "check_parts",
    "in_order",
    "names_in_order",
]

INPUT_MODALITIES: Final = ("text", "audio", "image", "video", "unattributed")
"""The parts into which `input_tokens` is divided, as prefixes."""

OUTPUT_MODALITIES: Final = ("text", "audio", "unattributed")
"""The parts into which `output_tokens` is divided, as prefixes."""

QUANTITIES: Final = (
    "input_tokens",
    "text_input_tokens",
    "audio_input_tokens",
    "image_input_tokens",
    "video_input_tokens",
    "unattributed_input_tokens",
    "cached_input_tokens",
    "cached_text_input_tokens",
    "cached_audio_input_tokens",
    "cached_image_input_tokens",
    "cached_video_input_tokens",
    "output_tokens",
    "text_output_tokens",
    "audio_output_tokens",
    "unattributed_output_tokens",
    "reasoning_output_tokens",
    "total_tokens",
    "audio_duration_seconds",
    "media_duration_seconds",
    "audio_channels",
    "tts_characters",
    "provider_credits",
    "requests",
    "text_messages",
)
"""Every quantity that a record can hold, in canonical order."""

COUNTS: Final = frozenset(QUANTITIES) - {
    "audio_duration_seconds",
    "media_duration_seconds",
    "provider_credits",
}
"""The quantities that are whole numbers; the others are decimals, written as strings."""

PARTITIONS: Final = (
    ("input_tokens", tuple(f"{modality}_input_tokens" for modality in INPUT_MODALITIES)),
    ("cached_input_tokens", tuple(f"cached_{modality}_input_tokens" for modality in INPUT_MODALITIES[:-1])),
    ("output_tokens", tuple(f"{modality}_output_tokens" for modality in OUTPUT_MODALITIES)),
    ("total_tokens", ("input_tokens", "output_tokens")),
)
"""Each whole and the parts that together are no more than it."""

SUBSETS: Final = (
    ("cached_input_tokens", "input_tokens"),
    *((f"cached_{modality}_input_tokens", f"{modality}_input_tokens") for modality in INPUT_MODALITIES[:-1]),
    ("reasoning_output_tokens", "text_output_tokens"),
    ("reasoning_output_tokens", "output_tokens"),
)
"""Each further part and a whole that it is no more than."""


class _Shape(NamedTuple):
    """What holds for every record that has quantities of the same names."""

    order: tuple[str, ...]
    """The names in canonical order."""

    partitions: tuple[tuple[str, tuple[str, ...]], ...]
    """Each whole and the parts that must not exceed it together."""

    subsets: tuple[tuple[str, str], ...]
    """Each part that must not exceed a whole by itself, and the whole."""


@lru_cache(maxsize=1024)
def _shape(names: tuple[str, ...]) -> _Shape:
    return _Shape(
        tuple(name for name in QUANTITIES if name in names),
        tuple(
            (whole, tuple(part for part in parts if part in names))
            for whole, parts in PARTITIONS
            if whole in names
        ),
        tuple((part, whole) for part, whole in SUBSETS if part in names and whole in names),
    )


def names_in_order(values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of quantities among the keys of *values*, in canonical order."""
    return _shape(tuple(values)).order


def in_order(
    quantities: dict[str, int | Decimal], basis: dict[str, str]
) -> tuple[dict[str, int | Decimal], dict[str, str]]:
    """Return quantities and their bases in canonical order, whatever is no quantity left out.

    Quantities that are in order already are returned as they are, and so are their bases.
    """
    order = names_in_order(quantities)
    if order == tuple(quantities) == tuple(basis):
        return quantities, basis
    return {name: quantities[name] for name in order}, {name: basis[name] for name in order}


def check_parts(quantities: Mapping[str, int | Decimal], locate: Callable[[str], str]) -> bool:
    """Refuse quantities of which a part is larger than its whole (AUB-EXT-471c).

    Args:
        quantities: any quantities of a record; a whole that is absent limits nothing.
        locate: gives the pointer at which a quantity stands. A part that is too large by itself is reported
            at its own place, parts that only together are too many at the place of their whole.

    Returns:
        Whether each whole is exactly the sum of its parts, so that nothing is left to attribute.

    Raises:
        DecibillReferenceError: `inconsistent_usage`. Nothing is ever clamped.
    """
    shape = _shape(tuple(quantities))
    is_complete = True
    for whole, parts in shape.partitions:
        together: int | Decimal = 0
        for part in parts:
            together += quantities[part]
        limit = quantities[whole]
        if together == limit:
            continue
        if together > limit:
            for part in parts:
                if quantities[part] > limit:
                    raise _contradiction(locate(part), part, quantities[part], whole, limit)
            present = " + ".join(part for part in parts if quantities[part])
            raise _contradiction(locate(whole), present, together, whole, limit)
        is_complete = False
    for part, whole in shape.subsets:
        if quantities[part] > quantities[whole]:
            raise _contradiction(locate(part), part, quantities[part], whole, quantities[whole])
    return is_complete


def _contradiction(
    pointer: str, part: str, value: int | Decimal, whole: str, limit: int | Decimal
) -> DecibillReferenceError:
    problem = f"{part} is {plain(value)}, more than its whole, {whole}, {plain(limit)}"
    return DecibillReferenceError(
        "inconsistent_usage", pointer, f"{problem}; usage that contradicts itself is not priced"
    )
