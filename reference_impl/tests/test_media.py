from __future__ import annotations

import io
import math
import struct
import subprocess
import sys
from array import array
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from decibill_reference.media import measure
from hypothesis import given
from hypothesis import strategies as st

AUDIO = Path(__file__).parents[2] / "fixtures" / "audio"
RATE = 8000


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    claimed = len(content) if size is None else size
    return name + struct.pack("<I", claimed) + content + b"\0" * (len(content) % 2)


def format_chunk(
    *, code: int = 1, channels: int = 1, rate: int = RATE, bits: int = 16, sub: int | None = None
) -> bytes:
    body = struct.pack(
        "<HHIIHH", code, channels, rate, 0xDEADBEEF, 0xDEAD, bits
    )  # the two derived figures lie
    if sub is not None:
        body += struct.pack("<HHIH", 22, bits, 0, sub) + bytes.fromhex("000000001000800000AA00389B71")
    return chunk(b"fmt ", body)


def wav(*chunks: bytes, riff: bytes = b"RIFF", size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return riff + struct.pack("<I", len(body) if size is None else size) + body


SECOND = bytes(2 * RATE)


def encoded(container: str, codec: str, rate: int, seconds: Decimal) -> bytes:
    """Return a tone of a length in a file of its own."""
    av: Any = pytest.importorskip("av")
    target = io.BytesIO()
    samples = int(seconds * rate)
    tone = array("h", [int(9000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(samples)])
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(format=stream.codec_context.format.name, layout="mono", rate=rate)
        for start in range(0, samples, 1000):
            part = tone[start : start + 1000]
            frame = av.AudioFrame(format="s16", layout="mono", samples=len(part))
            frame.planes[0].update(part.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
            frame.sample_rate = rate
            frame.pts = start
            for ready in resampler.resample(frame):
                output.mux(stream.encode(ready))
        for ready in resampler.resample(None):
            output.mux(stream.encode(ready))
        output.mux(stream.encode(None))
    return target.getvalue()


@pytest.mark.parametrize("path", sorted(AUDIO.glob("*.wav")), ids=lambda path: path.stem)
def test_a_wav_file_is_as_long_as_its_name_says_whatever_its_header_says(path: Path) -> None:
    seconds = path.stem.partition("-")[2].partition("s")[0]

    assert measure(path.read_bytes()) == Decimal(seconds)


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 3600 * 2 * RATE, 0, 2, 160], ids=hex)
def test_a_size_in_the_header_is_not_believed_when_the_bytes_say_otherwise(claimed: int) -> None:
    assert measure(wav(format_chunk(), chunk(b"data", SECOND, claimed), size=claimed)) == 1


def test_chunks_after_the_samples_are_not_sound() -> None:
    notes = chunk(b"LIST", b"INFOISFT\x05\0\0\0abcde") + chunk(b"id3 ", b"x" * 501)

    assert measure(wav(format_chunk(), chunk(b"data", SECOND), notes)) == 1


def test_chunks_before_the_samples_are_passed_over() -> None:
    assert (
        measure(
            wav(chunk(b"JUNK", b"x" * 27), format_chunk(), chunk(b"fact", bytes(4)), chunk(b"data", SECOND))
        )
        == 1
    )


def test_a_cut_file_is_as_long_as_what_is_left() -> None:
    assert measure(wav(format_chunk(), chunk(b"data", SECOND))[:-RATE]) == Decimal("0.5")


@pytest.mark.parametrize(
    ("form", "frame_bytes"),
    [
        (format_chunk(channels=2), 4),
        (format_chunk(bits=24), 3),
        (format_chunk(bits=8), 1),
        (format_chunk(bits=12), 2),
        (format_chunk(code=3, bits=32), 4),
        (format_chunk(code=6, bits=8), 1),
        (format_chunk(code=7, bits=8), 1),
        (format_chunk(code=0xFFFE, sub=1), 2),
    ],
    ids=["stereo", "24 bit", "8 bit", "12 bit", "float", "A-law", "mu-law", "extensible"],
)
def test_the_length_follows_from_the_kind_of_samples(form: bytes, frame_bytes: int) -> None:
    assert measure(wav(form, chunk(b"data", bytes(frame_bytes * RATE)))) == 1


@pytest.mark.parametrize("riff", [b"RF64", b"BW64"], ids=["RF64", "BW64"])
def test_long_files_have_other_names_and_no_size_at_all(riff: bytes) -> None:
    sizes = chunk(b"ds64", bytes(28))

    assert (
        measure(wav(sizes, format_chunk(), chunk(b"data", SECOND, 0xFFFFFFFF), riff=riff, size=0xFFFFFFFF))
        == 1
    )


def test_a_length_without_end_is_cut_at_the_nanosecond() -> None:
    assert measure(wav(format_chunk(rate=44100), chunk(b"data", bytes(2)))) == Decimal("0.000022676")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"not audio at all",
        wav(),
        wav(format_chunk()),
        wav(chunk(b"data", SECOND)),
        wav(format_chunk(rate=0), chunk(b"data", SECOND)),
        wav(format_chunk(channels=0), chunk(b"data", SECOND)),
        wav(format_chunk(code=0x55), chunk(b"data", SECOND)),
    ],
    ids=[
        "empty",
        "four bytes",
        "text",
        "no chunks",
        "no samples",
        "no format",
        "no rate",
        "no channels",
        "unknown coding",
    ],
)
def test_what_cannot_be_measured_has_no_length(data: bytes) -> None:
    assert measure(data) is None


@given(st.binary(max_size=200))
def test_any_bytes_after_a_wav_signature_have_a_length_or_none(noise: bytes) -> None:
    measured = measure(b"RIFF\xff\xff\xff\xffWAVE" + format_chunk() + noise)

    assert measured is None or 0 <= measured <= Decimal(len(noise)) / (2 * RATE)


CUT_OFF = AUDIO / "cut-off.m4a"
COMPRESSED = sorted(
    path for path in AUDIO.iterdir() if path.suffix not in {".md", ".wav"} and path != CUT_OFF
)


@pytest.mark.parametrize("path", COMPRESSED, ids=lambda path: path.name)
def test_a_compressed_file_is_measured_without_what_its_encoder_added(path: Path) -> None:
    pytest.importorskip("av")

    assert measure(path.read_bytes()) == Decimal(path.stem.partition("-")[2].partition("s")[0])


def test_a_file_without_its_index_has_no_length_that_anybody_could_decode() -> None:
    pytest.importorskip("av")

    assert measure(CUT_OFF.read_bytes()) is None


@pytest.mark.parametrize("seconds", ["0.5", "1.7", "2", "3.27"])
@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("mp3", "libmp3lame", 24000),
        ("mp3", "libmp3lame", 44100),
        ("ogg", "libopus", 48000),
        ("webm", "libopus", 48000),
        ("flac", "flac", 16000),
        ("ipod", "aac", 44100),
        ("ipod", "aac", 24000),
        ("mp4", "libopus", 48000),
    ],
    ids=str,
)
def test_every_codec_gives_back_the_samples_that_went_in(
    container: str, codec: str, rate: int, seconds: str
) -> None:
    assert measure(encoded(container, codec, rate, Decimal(seconds))) == Decimal(seconds)


@pytest.mark.parametrize("place", [12, 16], ids=["short", "late"])
def test_an_edit_list_cannot_leave_out_what_the_file_holds(place: int) -> None:
    data = bytearray(encoded("ipod", "aac", 24000, Decimal("3.7")))
    struct.pack_into(">I", data, data.find(b"elst") + place, 100 if place == 12 else 3 * 24000)
    measured = measure(bytes(data))

    assert measured is not None
    assert 3.7 <= measured < 3.9  # the encoder's delay and fill are told apart by that list alone


def test_a_compressed_file_that_was_cut_is_as_long_as_what_is_left() -> None:
    data = encoded("mp3", "libmp3lame", 24000, Decimal(4))
    measured = measure(data[: len(data) // 2])

    assert measured is not None
    assert 1.8 < measured < 2.2


def test_without_a_decoder_a_compressed_file_has_no_length() -> None:
    program = (
        "import sys; sys.modules['av'] = None\n"
        "from decibill_reference.media import measure\n"
        f"print(measure(open({str(AUDIO / 'reply-3s.mp3')!r}, 'rb').read()))"
    )
    ran = subprocess.run(
        [sys.executable, "-X", "utf8", "-W", "ignore::ResourceWarning", "-c", program],
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout == "None\n"


def test_a_chunk_behind_the_samples_that_is_cut_off_makes_the_claim_of_their_size_false() -> None:
    """Whatever stands there is sound, then: a claim must be borne out by the whole file."""
    whole = wav(format_chunk(), chunk(b"data", SECOND, 2 * RATE), chunk(b"LIST", bytes(80)))
    claimed_long = wav(
        format_chunk(), chunk(b"data", SECOND), b"LIST" + struct.pack("<I", 4 * RATE), bytes(72)
    )
    too_short_for_a_chunk = wav(format_chunk(), chunk(b"data", SECOND), b"LIST")

    assert measure(whole) == 1
    assert measure(claimed_long) == 1 + Decimal(80) / (2 * RATE)
    assert measure(too_short_for_a_chunk) == 1 + Decimal(4) / (2 * RATE)


def test_without_a_decoder_no_length_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)

    assert measure((AUDIO / "tone-1.7s.wav").read_bytes()) == Decimal("1.7")
    assert measure(b"ID3 anything else") is None
