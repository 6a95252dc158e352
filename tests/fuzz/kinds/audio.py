"""Audio files in every container that can be written here, damaged or odd."""

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from crossemo.audio import decode, header

Rng = np.random.Generator

RATE = 16_000
RATES = (8_000, 16_000, 24_000, 48_000)
TOLERANCE = 0.1  # seconds that lossy formats may leave out
# suffix, format, subtype, order of bytes
ENCODINGS = (
    *(("wav", "WAV", subtype, "FILE") for subtype in ("PCM_U8", "PCM_16", "PCM_24")),
    *(("wav", "WAV", subtype, "FILE") for subtype in ("PCM_32", "FLOAT", "DOUBLE")),
    *(("wav", "WAV", subtype, "FILE") for subtype in ("ULAW", "IMA_ADPCM", "GSM610")),
    ("wav", "WAV", "PCM_16", "BIG"),
    ("wav", "WAVEX", "PCM_24", "FILE"),
    ("rf64", "RF64", "PCM_16", "FILE"),
    ("w64", "W64", "PCM_16", "FILE"),
    ("aiff", "AIFF", "PCM_24", "FILE"),
    ("aif", "AIFF", "PCM_16", "LITTLE"),
    ("au", "AU", "PCM_16", "FILE"),
    ("caf", "CAF", "PCM_16", "FILE"),
    *(("flac", "FLAC", subtype, "FILE") for subtype in ("PCM_16", "PCM_24")),
    ("ogg", "OGG", "VORBIS", "FILE"),
    ("opus", "OGG", "OPUS", "FILE"),
    *(("mp3", "MP3", "MPEG_LAYER_III", "FILE"),) * 2,
)


def make(rng: Rng, folder: Path) -> Path:
    """Write a file, and beside it how many seconds it must give if it gives any."""
    suffix, form, subtype, order = ENCODINGS[rng.integers(len(ENCODINGS))]
    rate = int(rng.choice(RATES))
    seconds = float(rng.uniform(0.2, 1.5))
    channels = 1 if subtype == "GSM610" else int(rng.choice((1, 1, 2)))
    samples = _samples(rng, round(rate * seconds), channels)
    file = BytesIO()
    soundfile.write(file, samples, rate, subtype, order, form)
    damage = DAMAGES[rng.integers(len(DAMAGES))]
    content, times = damage(rng, file.getvalue())
    if damage is joined and form not in ("OGG", "MP3"):
        times = 1
    path = folder / f"clip.{suffix}"
    path.write_bytes(content)
    (folder / "seconds").write_text(str(seconds * times))
    return path


def use(path: Path) -> None:
    """Decode the file; what comes is finite, and not shorter without a word."""
    least = float(path.with_name("seconds").read_text()) - TOLERANCE
    header(path)
    waveform = decode(path, RATE)
    assert waveform.dtype == np.float32
    assert waveform.ndim == 1
    assert len(waveform)
    assert np.isfinite(waveform).all()
    seconds = len(waveform) / RATE
    assert seconds >= least, f"{seconds} of {least} s"


def command(path: Path) -> list[str]:
    """Return a comparison of two folders, in one of which the file lies."""
    home = path.parent
    rng = np.random.default_rng(0)
    for number in range(8):
        emotion = home / "ab"[number % 2] / "angry"
        emotion.mkdir(parents=True, exist_ok=True)
        soundfile.write(emotion / f"{number}.wav", _samples(rng, 8000, 1), RATE)
    path.rename(home / "a" / "angry" / path.name)
    options = "--encoder tiny --layers 1 --estimate.permutations 19"
    return ["fad", str(home / "a"), str(home / "b"), *options.split()]


def _samples(rng: Rng, length: int, channels: int) -> np.ndarray:
    time = np.arange(length)[:, None]
    tone = 0.3 * np.sin(time * rng.uniform(0.02, 0.3, channels))
    samples = tone + 0.02 * rng.standard_normal((length, channels))
    match rng.integers(30):
        case 0:
            return samples * 10 ** rng.uniform(-6, 0)
        case 1:
            return 0 * samples + rng.uniform(-1, 1)
        case 2:
            return samples[:, :1] * np.linspace(-1, 1, channels)
    return samples


# Each returns the bytes, and how often the sound is still promised in them.
Damaged = tuple[bytes, float]


def whole(rng: Rng, content: bytes) -> Damaged:
    return content, 1


def cut(rng: Rng, content: bytes) -> Damaged:
    return content[: rng.integers(len(content))], 1


def gap(rng: Rng, content: bytes) -> Damaged:
    begin, end = np.sort(rng.integers(0, len(content), 2))
    return content[:begin] + content[min(end, begin + 5000) :], 1


def inserted(rng: Rng, content: bytes) -> Damaged:
    place = rng.integers(len(content))
    return content[:place] + _junk(rng, 3000) + content[place:], 1


def overwritten(rng: Rng, content: bytes) -> Damaged:
    place = int(rng.integers(min(200, len(content)), len(content) + 1))
    junk = _junk(rng, 2000)[: len(content) - place]
    return content[:place] + junk + content[place + len(junk) :], 1


def swapped(rng: Rng, content: bytes) -> Damaged:
    size = int(rng.choice((1, 2, 4, 8, 500)))
    blocks = [content[i : i + size] for i in range(0, len(content), size)]
    one, other = rng.integers(0, len(blocks), 2)
    blocks[one], blocks[other] = blocks[other], blocks[one]
    return b"".join(blocks), 0


def flipped(rng: Rng, content: bytes) -> Damaged:
    copy = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        copy[rng.integers(min(len(copy), 120))] ^= 1 << rng.integers(8)
    return bytes(copy), 0


def lied(rng: Rng, content: bytes) -> Damaged:
    """Put another number where a size or a count stands in the head."""
    numbers = {}
    for form in ("<I", ">I", "<Q", ">Q"):
        width = struct.calcsize(form)
        for place in range(4, min(len(content), 4200) - width):
            (number,) = struct.unpack_from(form, content, place)
            size = 0.1 < number / len(content) < 1.01 and number > 300
            if size and number not in RATES and place not in _spared(content):
                numbers[place] = form
    if not numbers:
        return content, 1
    place = int(rng.choice(list(numbers)))
    form = numbers[place]
    (number,) = struct.unpack_from(form, content, place)
    top = 256 ** struct.calcsize(form) - 1
    lies = (0, 1, number // 2, number * 2, number - 1, number + 8, top, top >> 1)
    lie = int(rng.choice(np.array((*lies, rng.integers(2**31)), np.uint64)))
    copy = bytearray(content)
    struct.pack_into(form, copy, place, min(lie, top))
    return bytes(copy), 1


def _spared(content: bytes) -> range:
    """Return where a header says rate or channels, which nothing else contradicts."""
    comm = content.find(b"COMM")
    places = {b"caff": (8, 60), b".snd": (12, 24), b"FORM": (comm + 14, comm + 26)}
    return range(*places.get(content[:4], (0, 0)))


def joined(rng: Rng, content: bytes) -> Damaged:
    return content * 2, 2


def led_in(rng: Rng, content: bytes) -> Damaged:
    return _junk(rng, 3000) + content, 1


def tagged(rng: Rng, content: bytes) -> Damaged:
    size = int(rng.integers(0, 3000))
    head = bytes((3, 0, 0, 0, 0, size >> 7, size & 127))
    tail = rng.choice(np.array((b"", b"TAG" + b"\1" * 125, b"\0" * 500), object))
    return b"ID3" + head + rng.bytes(size) + content + tail, 1


def _junk(rng: Rng, most: int) -> bytes:
    size = int(rng.integers(1, most))
    return bytes(size) if rng.integers(2) else rng.bytes(size)


DAMAGES: tuple[Callable[[Rng, bytes], Damaged], ...] = (
    *(whole, cut, gap, inserted, overwritten, swapped, flipped, flipped),
    *(lied, lied, joined, led_in, tagged),
)
