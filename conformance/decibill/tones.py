"""Tones of an exact length, for the fixtures.

``python -m decibill.tones 12.5 fixtures/audio/tone-12.5s.wav`` writes one. A case is only honest if its
upload lasts as long as the recorded answer claims, to the sample. WAV is written with the standard library,
at 8 kHz with 8 bits, so that a minute is half a megabyte, or at another rate; everything else needs PyAV, and
comes out the same whenever the same version of it writes it.
"""

from __future__ import annotations

import argparse
import array
import importlib
import math
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from decibill.errors import UsageError

__all__ = ["STREAMING", "WAV_RATE", "claim_flac", "compressed", "main", "samples", "wav", "write"]

WAV_RATE: Final = 8000
"""Samples a second of a WAV, where no other rate is asked for."""

STREAMING: Final = 0xFFFFFFFF
"""The length that a WAV header carries when its writer did not know the length yet."""

_FLAC_LENGTH: Final = 18
"""Where in a FLAC file eight bytes stand of which the lower 36 bits are its number of samples."""


@dataclass(frozen=True, slots=True)
class _Codec:
    """How one kind of file is written."""

    container: str
    codec: str
    rate: int
    """Samples a second, where no other rate is asked for."""

    bits: int | None
    """Bits a second; None where the codec has none to choose."""


_CODECS: Final = {
    ".flac": _Codec("flac", "flac", 8000, None),
    ".m4a": _Codec("ipod", "aac", 16000, 16000),
    ".mp3": _Codec("mp3", "libmp3lame", 24000, 32000),
    ".ogg": _Codec("ogg", "libopus", 48000, 16000),
    ".webm": _Codec("webm", "libopus", 48000, 32000),
}
_ENDINGS: Final = ".wav, .flac, .m4a, .mp3, .ogg or .webm"


def samples(seconds: Decimal, rate: int = WAV_RATE) -> int:
    """Return how many samples last exactly *seconds*.

    Raises:
        UsageError: the length is not above zero, or not a whole number of samples.
    """
    count = Fraction(seconds) * rate
    if count <= 0 or count.denominator != 1:
        raise UsageError(f"{seconds} s is not a whole number of samples above zero at {rate} Hz")
    return int(count)


def wav(seconds: Decimal, *, hertz: int = 440, rate: int = WAV_RATE, claimed: int | None = None) -> bytes:
    """Return a WAV file, mono, 8 bits, that holds a tone of *seconds*.

    Args:
        seconds: length of what the file holds.
        hertz: pitch of the tone.
        rate: samples a second.
        claimed: bytes of sound that the header claims, where that is not the truth; `STREAMING` stands in the
            header for an unknown length, in both of its sizes.
    """
    count = samples(seconds, rate)
    wave = bytes(round(128 + 80 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(count))
    size = count if claimed is None else claimed
    riff = STREAMING if size == STREAMING else 36 + size + size % 2
    header = struct.pack("<4sI4s", b"RIFF", riff, b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate, 1, 8)
    return header + form + struct.pack("<4sI", b"data", size) + wave + b"\0" * (count % 2)


def compressed(path: Path, seconds: Decimal, *, hertz: int = 440, rate: int | None = None) -> None:
    """Write a tone of *seconds* in the format that the suffix names; a decoder gets every sample back.

    Raises:
        UsageError: the suffix is another one, or PyAV is missing.
    """
    if path.suffix not in _CODECS:
        raise UsageError(f"{path.name}: a tone is written as {_ENDINGS}")
    try:
        av: Any = importlib.import_module("av")  # an extra, and only this function needs it
    except ImportError as error:  # pragma: no cover - the checks have it
        raise UsageError("compressed tones need PyAV: pip install 'decibill[media]'") from error
    codec = _CODECS[path.suffix]
    rate = rate or codec.rate
    count = samples(seconds, rate)
    wave = array.array("h", (round(8000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(count)))
    exact = {"fflags": "+bitexact"}  # no serial number by chance, no name of the writer
    with av.open(str(path), "w", format=codec.container, options=exact) as container:
        stream = container.add_stream(codec.codec, rate=rate, layout="mono")
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        if codec.bits is not None:
            stream.bit_rate = codec.bits
        resampler = av.AudioResampler(
            format=stream.format, layout="mono", rate=rate, frame_size=stream.codec_context.frame_size or None
        )
        frame = av.AudioFrame(format="s16", layout="mono", samples=count)
        frame.sample_rate = rate
        frame.pts = 0
        frame.planes[0].update(wave.tobytes())
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(part))


def claim_flac(path: Path, claimed: int) -> None:
    """Let the header of a FLAC file claim another number of samples; 0 is the mark of an unknown one."""
    content = bytearray(path.read_bytes())
    (word,) = struct.unpack_from(">Q", content, _FLAC_LENGTH)
    struct.pack_into(">Q", content, _FLAC_LENGTH, word >> 36 << 36 | claimed)
    path.write_bytes(content)


def write(
    path: Path, seconds: Decimal, *, hertz: int = 440, rate: int | None = None, claimed: int | None = None
) -> None:
    """Write a tone of *seconds* to *path*, in the format that its suffix names."""
    if path.suffix == ".wav":
        path.write_bytes(wav(seconds, hertz=hertz, rate=rate or WAV_RATE, claimed=claimed))
    elif claimed is None:
        compressed(path, seconds, hertz=hertz, rate=rate)
    elif path.suffix == ".flac":
        compressed(path, seconds, hertz=hertz, rate=rate)
        claim_flac(path, 0 if claimed == STREAMING else claimed)
    else:
        raise UsageError(f"{path.name}: only the header of a WAV or FLAC file can claim another length")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one tone as the command line says, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m decibill.tones", description="Write a tone of an exact length."
    )
    parser.add_argument("seconds", help="length, such as 12.5")
    parser.add_argument("file", type=Path, help=f"where to write it: {_ENDINGS}")
    parser.add_argument("--hertz", type=int, default=440, help="pitch (default: 440)")
    parser.add_argument("--rate", type=int, help="samples a second (default: that of the format)")
    parser.add_argument(
        "--claim", metavar="SECONDS", help="length that the header claims, or 'streaming' for an unknown one"
    )
    options = parser.parse_args(arguments)
    try:
        claimed = {None: None, "streaming": STREAMING}.get(options.claim, 0)
        if claimed == 0:
            claimed = samples(_decimal(options.claim), options.rate or WAV_RATE)
        seconds = _decimal(options.seconds)
        write(options.file, seconds, hertz=options.hertz, rate=options.rate, claimed=claimed)
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
