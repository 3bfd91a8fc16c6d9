from __future__ import annotations

import struct
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

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


@pytest.mark.parametrize(
    "path", sorted([*AUDIO.glob("*.mp3"), *AUDIO.glob("*.webm")]), ids=lambda path: path.name
)
def test_a_compressed_file_is_measured_by_its_frames(path: Path) -> None:
    pytest.importorskip("av")
    seconds = Decimal(path.stem.partition("-")[2].partition("s")[0])
    measured = measure(path.read_bytes())

    assert measured is not None
    assert abs(measured - seconds) <= Decimal("0.1")  # an encoder adds silence at both ends


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
