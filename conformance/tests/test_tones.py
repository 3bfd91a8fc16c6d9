"""The tones of the fixtures last as long as their names say."""

from __future__ import annotations

import struct
import wave
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import av
import pytest
from decibill.errors import UsageError
from decibill.tones import STREAMING, main, samples, wav

AUDIO = Path(__file__).parents[2] / "fixtures" / "audio"
WAVS = sorted(AUDIO.glob("*.wav"))
COMPRESSED = sorted([*AUDIO.glob("*.mp3"), *AUDIO.glob("*.webm")])


def named_seconds(path: Path) -> Fraction:
    """The length in a name: tone-78.4s.wav, reply-1.9s-streaming-header.wav."""
    return Fraction(path.stem.split("-")[1].removesuffix("s"))


def decoded_seconds(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        return Fraction(sum(frame.samples for frame in container.decode(audio=0)), rate)


@pytest.mark.parametrize("path", WAVS, ids=lambda path: path.name)
def test_a_wav_holds_exactly_the_samples_that_its_name_says(path: Path) -> None:
    content = path.read_bytes()
    assert content[36:40] == b"data"
    assert Fraction(len(content) - 44, 8000) == named_seconds(path)


@pytest.mark.parametrize("path", [p for p in WAVS if "header" not in p.name], ids=lambda path: path.name)
def test_an_honest_wav_header_says_what_the_file_holds(path: Path) -> None:
    with wave.open(str(path)) as file:
        assert Fraction(file.getnframes(), file.getframerate()) == named_seconds(path)
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 1, 8000)


@pytest.mark.parametrize("path", [p for p in WAVS if "says-0.01s" not in p.name], ids=lambda path: path.name)
def test_a_decoder_gets_every_sample_of_a_wav_whatever_its_header_promises(path: Path) -> None:
    assert decoded_seconds(path) == named_seconds(path)


@pytest.mark.parametrize("path", COMPRESSED, ids=lambda path: path.name)
def test_a_compressed_tone_decodes_to_the_length_that_its_name_says(path: Path) -> None:
    assert decoded_seconds(path) == named_seconds(path)


def test_a_streaming_header_has_no_length_in_either_size() -> None:
    content = wav(Decimal("0.01"), claimed=STREAMING)
    assert struct.unpack("<I", content[4:8]) == struct.unpack("<I", content[40:44]) == (0xFFFFFFFF,)


def test_an_odd_number_of_samples_is_padded_to_an_even_chunk() -> None:
    assert len(wav(Decimal("0.000125"))) == 44 + 2


def test_the_command_writes_a_tone(tmp_path: Path) -> None:
    assert main(["0.5", str(tmp_path / "tone.wav"), "--hertz", "220"]) == 0
    assert decoded_seconds(tmp_path / "tone.wav") == Fraction(1, 2)


def test_the_command_writes_a_compressed_tone(tmp_path: Path) -> None:
    assert main(["0.5", str(tmp_path / "tone.mp3")]) == 0
    assert decoded_seconds(tmp_path / "tone.mp3") == Fraction(1, 2)


def test_the_command_writes_a_header_that_claims_another_length(tmp_path: Path) -> None:
    assert main(["2", str(tmp_path / "tone.wav"), "--claim", "3600"]) == 0
    assert struct.unpack("<I", (tmp_path / "tone.wav").read_bytes()[40:44]) == (28_800_000,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["0.0001", "x.wav"], "not a whole number of samples"),
        (["-1", "x.wav"], "not a whole number of samples"),
        (["soon", "x.wav"], "'soon' is not a number of seconds"),
        (["1", "x.flac"], "a tone is written as .wav, .mp3 or .webm"),
        (["1", "x.mp3", "--claim", "streaming"], "only a WAV header can claim another length"),
    ],
    ids=["fraction of a sample", "negative", "not a number", "unknown suffix", "claim without WAV"],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments[1] = str(tmp_path / arguments[1])
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_length_between_two_samples_is_refused() -> None:
    with pytest.raises(UsageError, match="8000 Hz"):
        samples(Decimal("0.00001"))
