"""How long a media file really is, for checking that fixtures say so; a header's claim is never believed."""

from __future__ import annotations

import importlib
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from decibill.errors import InvalidFileError

__all__ = ["media_seconds"]

_PCM_BYTES_PER_SECOND: Final = 24_000 * 2
"""Raw PCM of OpenAI's speech endpoint: 24 kHz, 16 bits, mono."""

_FILLED: Final = frozenset({"aac"})
"""Codecs of which a decoder hands out the fill of the last frame as well."""


def media_seconds(path: Path, name: str) -> Fraction | None:
    """Return the exact length of the file at *path*, called *name* in messages.

    Returns:
        Seconds; None where the format needs PyAV (extra ``media``) and that is not installed.

    Raises:
        InvalidFileError: the file is not the media that its ending says.
    """
    suffix = path.suffix.lower()
    if suffix == ".wav":
        return _wav_seconds(path.read_bytes(), name)
    if suffix == ".pcm":
        return Fraction(path.stat().st_size, _PCM_BYTES_PER_SECOND)
    try:
        av: Any = importlib.import_module("av")
    except ImportError:
        return None
    return _decoded_seconds(av, path, name)


def _wav_seconds(data: bytes, name: str) -> Fraction:
    """Return the bytes of the samples, which run to the end of the file, over the bytes of a second."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise InvalidFileError(name, "is not a WAV file")
    at, byte_rate = 12, 0
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        at += 8
        if kind == b"fmt ":
            byte_rate = struct.unpack_from("<I", data, at + 8)[0]
        if kind == b"data" and byte_rate:
            return Fraction(len(data) - at, byte_rate)
        at += size + size % 2
    raise InvalidFileError(name, "has no samples")


def _decoded_seconds(av: Any, path: Path, name: str) -> Fraction:
    """Return the length of all frames; the last one of an AAC file is full, and its packet says how far."""
    total, fill = Fraction(0), Fraction(0)
    try:
        with av.open(str(path)) as container:
            for packet in container.demux(audio=0):
                for frame in packet.decode():
                    length = Fraction(frame.samples, frame.sample_rate)
                    total, fill = total + length, _fill(packet, length)
    except av.FFmpegError as error:
        raise InvalidFileError(name, f"cannot be decoded: {error}") from None
    return total - fill


def _fill(packet: Any, length: Fraction) -> Fraction:
    """Return how much of a frame of *length* is fill; only an MP4 packet says it, in whole samples."""
    if packet.stream.codec_context.name not in _FILLED or not packet.duration:
        return Fraction(0)
    filled: Fraction = length - packet.duration * packet.time_base
    return max(filled, Fraction(0))
