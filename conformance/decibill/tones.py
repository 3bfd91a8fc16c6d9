"""Tones of an exact length, for the fixtures.

``python -m decibill.tones 12.5 fixtures/audio/tone-12.5s.wav`` writes one. A case is only honest if its
upload lasts as long as the recorded answer claims, to the sample. WAV is written with the standard library,
at 8 kHz with 8 bits, so that a minute is half a megabyte; MP3 and WebM need PyAV.
"""

from __future__ import annotations

import argparse
import array
import importlib
import math
import struct
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from decibill.errors import UsageError

__all__ = ["STREAMING", "WAV_RATE", "compressed", "main", "samples", "wav", "write"]

WAV_RATE: Final = 8000
"""Samples a second of every WAV here."""

STREAMING: Final = 0xFFFFFFFF
"""The length that a WAV header carries when its writer did not know the length yet."""

_CODECS: Final = {".mp3": ("mp3", "libmp3lame", 24000), ".webm": ("webm", "libopus", 48000)}


def samples(seconds: Decimal, rate: int = WAV_RATE) -> int:
    """Return how many samples last exactly *seconds*.

    Raises:
        UsageError: the length is not above zero, or not a whole number of samples.
    """
    count = Fraction(seconds) * rate
    if count <= 0 or count.denominator != 1:
        raise UsageError(f"{seconds} s is not a whole number of samples above zero at {rate} Hz")
    return int(count)


def wav(seconds: Decimal, *, hertz: int = 440, claimed: int | None = None) -> bytes:
    """Return a WAV file, 8 kHz, mono, 8 bits, that holds a tone of *seconds*.

    Args:
        seconds: length of what the file holds.
        hertz: pitch of the tone.
        claimed: bytes of sound that the header claims, where that is not the truth; `STREAMING` stands in the
            header for an unknown length, in both of its sizes.
    """
    count = samples(seconds)
    wave = bytes(round(128 + 80 * math.sin(2 * math.pi * hertz * n / WAV_RATE)) for n in range(count))
    size = count if claimed is None else claimed
    riff = STREAMING if size == STREAMING else 36 + size + size % 2
    header = struct.pack("<4sI4s", b"RIFF", riff, b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, WAV_RATE, WAV_RATE, 1, 8)
    return header + form + struct.pack("<4sI", b"data", size) + wave + b"\0" * (count % 2)


def compressed(path: Path, seconds: Decimal, *, hertz: int = 440) -> None:
    """Write a tone of *seconds* as MP3 or WebM, by the suffix of *path*; a decoder gets back every sample.

    Raises:
        UsageError: the suffix is another one, or PyAV is missing.
    """
    if path.suffix not in _CODECS:
        raise UsageError(f"{path.name}: a tone is written as .wav, {' or '.join(_CODECS)}")
    try:
        av: Any = importlib.import_module("av")  # an extra, and only this function needs it
    except ImportError as error:  # pragma: no cover - the checks have it
        raise UsageError("compressed tones need PyAV: pip install 'decibill[media]'") from error
    container_format, codec, rate = _CODECS[path.suffix]
    count = samples(seconds, rate)
    wave = array.array("h", (round(8000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(count)))
    with av.open(str(path), "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = 32000
        resampler = av.AudioResampler(
            format=stream.format, layout="mono", rate=rate, frame_size=stream.codec_context.frame_size
        )
        frame = av.AudioFrame(format="s16", layout="mono", samples=count)
        frame.sample_rate = rate
        frame.planes[0].update(wave.tobytes())
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(part))


def write(path: Path, seconds: Decimal, *, hertz: int = 440, claimed: int | None = None) -> None:
    """Write a tone of *seconds* to *path*, in the format that its suffix names."""
    if path.suffix == ".wav":
        path.write_bytes(wav(seconds, hertz=hertz, claimed=claimed))
    elif claimed is not None:
        raise UsageError(f"{path.name}: only a WAV header can claim another length")
    else:
        compressed(path, seconds, hertz=hertz)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one tone as the command line says, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m decibill.tones", description="Write a tone of an exact length."
    )
    parser.add_argument("seconds", help="length, such as 12.5")
    parser.add_argument("file", type=Path, help="where to write it: .wav, .mp3 or .webm")
    parser.add_argument("--hertz", type=int, default=440, help="pitch (default: 440)")
    parser.add_argument(
        "--claim", metavar="SECONDS", help="length that the header claims, or 'streaming' for an unknown one"
    )
    options = parser.parse_args(arguments)
    try:
        claimed = {None: None, "streaming": STREAMING}.get(options.claim, 0)
        if claimed == 0:
            claimed = samples(_decimal(options.claim))
        write(options.file, _decimal(options.seconds), hertz=options.hertz, claimed=claimed)
    except UsageError as error:
        print(f"tones: {error}", file=sys.stderr)  # noqa: T201 - this is the command's output
        return error.exit_code
    return 0


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise UsageError(f"{text!r} is not a number of seconds") from None


if __name__ == "__main__":
    sys.exit(main())
