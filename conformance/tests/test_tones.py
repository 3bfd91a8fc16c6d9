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
from decibill.media_length import media_seconds
from decibill.tones import STREAMING, WAV_RATE, main, samples, wav

AUDIO = Path(__file__).parents[2] / "fixtures" / "audio"
WAVS = sorted(AUDIO.glob("*.wav"))
COMPRESSED = sorted(
    path for path in AUDIO.iterdir() if path.suffix not in {".wav", ".md"} and path.stem != "cut-off"
)
CLAIMS = {
    "tone-2s-header-says-3600s.wav": 3600 * WAV_RATE,
    "tone-3.7s-header-says-0.01s.wav": 80,
}


def named_seconds(path: Path) -> Fraction:
    """The length in a name: tone-78.4s.wav, reply-1.9s-streaming-header.wav."""
    return Fraction(path.stem.split("-")[1].removesuffix("s"))


def rate_of(content: bytes) -> int:
    return int(struct.unpack_from("<I", content, 24)[0])


def decoded_seconds(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        return Fraction(sum(frame.samples for frame in container.decode(audio=0)), rate)


@pytest.mark.parametrize("path", WAVS, ids=lambda path: path.name)
def test_a_wav_holds_exactly_the_samples_that_its_name_says(path: Path) -> None:
    content = path.read_bytes()
    assert content[36:40] == b"data"
    assert Fraction(len(content) - 44, rate_of(content)) == named_seconds(path)


@pytest.mark.parametrize("path", WAVS, ids=lambda path: path.name)
def test_every_wav_is_written_again_byte_for_byte(path: Path) -> None:
    content = path.read_bytes()
    seconds = Decimal(path.stem.split("-")[1].removesuffix("s"))
    claimed = STREAMING if "streaming" in path.name else CLAIMS.get(path.name)

    again = wav(
        seconds, hertz=330 if path.name.startswith("reply") else 440, rate=rate_of(content), claimed=claimed
    )

    assert again == content


@pytest.mark.parametrize("path", [p for p in WAVS if "header" not in p.name], ids=lambda path: path.name)
def test_an_honest_wav_header_says_what_the_file_holds(path: Path) -> None:
    with wave.open(str(path)) as file:
        assert Fraction(file.getnframes(), file.getframerate()) == named_seconds(path)
        assert (file.getnchannels(), file.getsampwidth()) == (1, 1)
        assert file.getframerate() in {8000, 1000}


@pytest.mark.parametrize("path", [p for p in WAVS if "says-0.01s" not in p.name], ids=lambda path: path.name)
def test_a_decoder_gets_every_sample_of_a_wav_whatever_its_header_promises(path: Path) -> None:
    assert decoded_seconds(path) == named_seconds(path)


@pytest.mark.parametrize("path", COMPRESSED, ids=lambda path: path.name)
def test_a_compressed_tone_decodes_to_the_length_that_its_name_says(path: Path) -> None:
    assert media_seconds(path, path.name) == named_seconds(path)


def test_a_streaming_header_has_no_length_in_either_size() -> None:
    content = wav(Decimal("0.01"), claimed=STREAMING)
    assert struct.unpack("<I", content[4:8]) == struct.unpack("<I", content[40:44]) == (0xFFFFFFFF,)


def test_an_odd_number_of_samples_is_padded_to_an_even_chunk() -> None:
    assert len(wav(Decimal("0.000125"))) == 44 + 2


def test_the_command_writes_a_tone(tmp_path: Path) -> None:
    assert main(["0.5", str(tmp_path / "tone.wav"), "--hertz", "220"]) == 0
    assert decoded_seconds(tmp_path / "tone.wav") == Fraction(1, 2)


@pytest.mark.parametrize("suffix", ["flac", "m4a", "mp3", "ogg", "webm"])
@pytest.mark.parametrize("seconds", ["0.5", "1.234"])
def test_the_command_writes_a_compressed_tone(suffix: str, seconds: str, tmp_path: Path) -> None:
    path = tmp_path / f"tone.{suffix}"

    assert main([seconds, str(path)]) == 0
    assert media_seconds(path, path.name) == Fraction(seconds)


@pytest.mark.parametrize("suffix", ["flac", "m4a", "mp3", "ogg", "webm"])
def test_a_compressed_tone_is_the_same_whenever_it_is_written(suffix: str, tmp_path: Path) -> None:
    first, second = tmp_path / f"first.{suffix}", tmp_path / f"second.{suffix}"
    assert main(["0.5", str(first)]) == main(["0.5", str(second)]) == 0
    assert first.read_bytes() == second.read_bytes()


def test_the_command_writes_a_wav_at_another_rate(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    assert main(["1.5", str(path), "--rate", "1000"]) == 0
    assert (path.stat().st_size, media_seconds(path, path.name)) == (44 + 1500, Fraction(3, 2))


@pytest.mark.parametrize(("claim", "duration"), [("3600", 3600), ("streaming", None)])
def test_the_header_of_a_flac_file_claims_another_length(
    claim: str, duration: int | None, tmp_path: Path
) -> None:
    path = tmp_path / "tone.flac"
    assert main(["2", str(path), "--claim", claim]) == 0

    with av.open(str(path)) as container:
        claimed = container.duration
    assert claimed == (None if duration is None else duration * av.time_base)
    assert media_seconds(path, path.name) == 2


def test_the_command_writes_a_header_that_claims_another_length(tmp_path: Path) -> None:
    assert main(["2", str(tmp_path / "tone.wav"), "--claim", "3600"]) == 0
    assert struct.unpack("<I", (tmp_path / "tone.wav").read_bytes()[40:44]) == (28_800_000,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["0.0001", "x.wav"], "not a whole number of samples"),
        (["-1", "x.wav"], "not a whole number of samples"),
        (["soon", "x.wav"], "'soon' is not a number of seconds"),
        (["1", "x.aiff"], "a tone is written as .wav, .flac, .m4a, .mp3, .ogg or .webm"),
        (
            ["1", "x.mp3", "--claim", "streaming"],
            "header of a WAV or FLAC file can claim another length",
        ),
    ],
    ids=["fraction of a sample", "negative", "not a number", "unknown suffix", "claim without WAV or FLAC"],
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
