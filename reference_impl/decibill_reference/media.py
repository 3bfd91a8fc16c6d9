"""The length of audio, measured from its bytes (AUB-EXT-b542).

WAV is measured here: the bytes of its samples over the bytes of one second. The sizes in a WAV header are
claims: streamed files say 0xFFFFFFFF, cut files say what they were meant to hold, and a forged size would be
a forged bill. All other formats are decoded with PyAV where that is installed; without it their length is
unknown.
"""

from __future__ import annotations

import importlib
import io
import struct
from decimal import Decimal
from typing import Any, NamedTuple

from decibill_reference.numbers import CONTEXT

__all__ = ["measure"]

_NANOSECOND = Decimal("1e-9")
_PCM, _FLOAT, _A_LAW, _MU_LAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_FILL = 4
"""The part of a second that an encoder's delay and fill can come to: a quarter."""

_UNCOMPRESSED = frozenset({_PCM, _FLOAT, _A_LAW, _MU_LAW})


def measure(data: bytes) -> Decimal | None:
    """Return the seconds of audio in *data*, to the nanosecond, or None if they cannot be measured."""
    return _wav_seconds(data) if _is_wav(data) else _decoded_seconds(data)


def _is_wav(data: bytes) -> bool:
    return data[:4] in {b"RIFF", b"RF64", b"BW64"} and data[8:12] == b"WAVE"


class _Format(NamedTuple):
    """What a WAV file says about its samples."""

    code: int
    channels: int
    rate: int
    bits: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample in all channels; the header's own figures for this are not needed."""
        return self.channels * ((self.bits + 7) // 8)


def _wav_seconds(data: bytes) -> Decimal | None:
    form: _Format | None = None
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        position += 8
        if name == b"fmt " and size >= 16 and position + 16 <= len(data):
            form = _read_format(data, position, size)
        elif name == b"data":
            if form is None or form.code not in _UNCOMPRESSED:
                return _decoded_seconds(data)
            if not form.frame_bytes:
                return None
            return _seconds(_sample_bytes(data, position, size) // form.frame_bytes, form.rate)
        position += size + size % 2
    return None


def _read_format(data: bytes, position: int, size: int) -> _Format:
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, position)
    if code == _EXTENSIBLE and size >= 26 and position + 26 <= len(data):
        (code,) = struct.unpack_from("<H", data, position + 24)  # the first bytes of the sub-format's GUID
    return _Format(code, channels, rate, bits)


def _sample_bytes(data: bytes, start: int, claimed: int) -> int:
    """Return how many bytes of samples begin at *start*, whatever their header claims.

    The claim is taken only if it is borne out by what follows it: nothing, or well-formed chunks to the end
    of the file. Otherwise everything to the end of the file is sound.
    """
    end = start + claimed
    return claimed if end <= len(data) and _chunks_to_the_end(data, end + claimed % 2) else len(data) - start


def _chunks_to_the_end(data: bytes, position: int) -> bool:
    while position < len(data):
        if position + 8 > len(data):
            return False
        name, size = struct.unpack_from("<4sI", data, position)
        if not all(0x20 <= letter < 0x7F for letter in name):
            return False
        position += 8 + size
        if position > len(data):
            return False
        position += size % 2
    return True


def _seconds(samples: int, rate: int) -> Decimal | None:
    if rate <= 0:
        return None
    seconds = CONTEXT.divide(Decimal(samples), Decimal(rate))
    return seconds.quantize(_NANOSECOND, context=CONTEXT).normalize(CONTEXT)


def _decoded_seconds(data: bytes) -> Decimal | None:
    """Return the length of all frames that PyAV can decode; None without PyAV or without a single frame.

    What an encoder put in front and filled the last frame up with is not counted. Only a header can say how
    much that is, so it is believed as far as an encoder can go and no further: an edit list that leaves out
    most of a file is a claim like any other.
    """
    try:
        av: Any = importlib.import_module("av")  # an optional extra, loaded when a quantity depends on it
    except ImportError:
        return None
    played, _ = _decode(av, data, whole=False)
    held, rate = _decode(av, data, whole=True)
    samples = played if (held - played) * _FILL <= rate else held
    return _seconds(samples, rate) if samples else None


def _decode(av: Any, data: bytes, *, whole: bool) -> tuple[int, int]:
    """Return how many samples PyAV finds in *data*, and how many make a second; both 0 where there are none.

    Args:
        av: the module.
        data: the file.
        whole: whether to count what the file says is not to be played.
    """
    samples = rate = padding = 0
    try:
        with av.open(io.BytesIO(data), container_options={"ignore_editlist": str(int(whole))}) as container:
            stream = container.streams.audio[0]
            if whole:
                stream.codec_context.flags2 |= av.codec.context.Flags2.skip_manual
            for packet in container.demux(stream):
                for frame in packet.decode():
                    samples += int(frame.samples)
                    rate = int(frame.sample_rate)
                    padding = 0 if whole else _padding(frame, packet)
    except (av.FFmpegError, IndexError, ValueError):
        pass  # cut or damaged, or no audio: what was decoded until here counts
    return samples - padding, rate


def _padding(frame: Any, packet: Any) -> int:
    """Return how many samples at the end of *frame* are none, as its *packet* says in an MP4 file."""
    counts_samples = packet.time_base is not None and packet.time_base * frame.sample_rate == 1
    if not counts_samples or not packet.duration or frame.pts != packet.pts:
        return 0
    return max(int(frame.samples) - int(packet.duration), 0)
