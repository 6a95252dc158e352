"""From cues to a waveform: glottal pulses and breath through a vocal tract."""

from collections.abc import Sequence

import numpy as np
import torch
from torchaudio.functional import lfilter

from crossemo.corpora.demo_sound.cues import LONG_TRACT, Cues, Floats, Speaker

SAMPLING_RATE = 16_000  # Hz

# Formants in Hz for a tract of 17.5 cm: the first three are those of men in Peterson &
# Barney (1952), the next two and the first five bandwidths are Klatt's defaults (1980).
VOWELS = {
    "i": (270, 2290, 3010),
    "e": (530, 1840, 2480),
    "a": (730, 1090, 2440),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
_UPPER_FORMANTS = (3300, 3750, 4900, 5900)
_BANDWIDTHS = (50, 70, 110, 250, 200, 300, 350)
# Three that lie close together make the singer's formant, Sundberg (1974).
_SINGING_FORMANTS = (2500, 2850, 3200, 4900, 5900)

_SENTENCES, _VERSES = ("eiauo", "oaiae"), ("eaio", "aoui")  # one vowel a syllable
_SYLLABLES, _NOTES = 5, 4
_SYLLABLE_RATE, _NOTE_RATE = 4.6, 3.4  # a second
_SHORTEST, _LONGEST = 0.9, 1.6  # s
_EDGE = 0.05  # s of silence at either end
_RELEASE = 0.05  # s
_USUAL_LEVEL = -27.0  # dB below full scale, root mean square
_ROOM_LEVEL = -58.0  # of the room's noise
_MODES = {"major": (0, 2, 4, 5, 7, 9), "minor": (0, 2, 3, 5, 7, 8)}
_MOTIFS = ((0, 1, 2, 0), (0, 2, 4, 2), (4, 2, 1, 0), (2, 4, 5, 4), (0, 4, 2, 1))


def speak(cues: Cues, speaker: Speaker, rng: np.random.Generator) -> Floats:
    """Speak a nonsense sentence.

    Args:
        cues: How it is spoken.
        speaker: Who speaks.
        rng: Source of randomness: vowels, rhythm, intonation, noise.

    Returns:
        The waveform, (samples,) at `SAMPLING_RATE`, within [-1, 1].
    """
    starts, ends = _rhythm(_SYLLABLES, cues.tempo * _SYLLABLE_RATE, cues.pause, rng)
    time = _time(ends[-1])
    accents = rng.standard_normal(_SYLLABLES)
    accents = (accents - accents.mean()) / accents.std()
    melody = np.interp(time, (starts + ends) / 2, cues.intonation * accents)
    melody += cues.pitch + cues.contour * (time / time[-1] - 0.5)
    gates = _gates(time, starts, ends, cues, rng)
    tracts = [
        resonances((*VOWELS[vowel], *_UPPER_FORMANTS), speaker.tract)
        for vowel in str(rng.choice(_SENTENCES))
    ]
    return _render(speaker.pitch * 2 ** (melody / 12), gates, tracts, cues, rng)


def sing(cues: Cues, speaker: Speaker, rng: np.random.Generator) -> Floats:
    """Sing a short melody, a fourth or more above the speaker's usual pitch.

    Args:
        cues: How it is sung; pitch, intonation and contour are the melody's instead.
        speaker: Who sings.
        rng: Source of randomness: key, mode, melody, vowels, rhythm, noise.

    Returns:
        The waveform, (samples,) at `SAMPLING_RATE`, within [-1, 1].
    """
    starts, ends = _rhythm(_NOTES, cues.tempo * _NOTE_RATE, 0.0, rng)
    time = _time(ends[-1])
    mode = _MODES["major" if rng.random() < cues.major else "minor"]
    key = int(rng.integers(5, 10))
    notes = [key + mode[step] for step in rng.permutation(_MOTIFS)[0]]
    melody = _glide(time, starts, notes) + _vibrato(time, starts, cues)
    ends = starts + cues.articulation * (ends - starts)
    gates = _gates(time, starts, ends, cues, rng)
    tracts = [
        resonances((*VOWELS[vowel][:2], *_SINGING_FORMANTS), speaker.tract)
        for vowel in str(rng.choice(_VERSES))
    ]
    return _render(speaker.pitch * 2 ** (melody / 12), gates, tracts, cues, rng)


def resonances(formants: Sequence[float], tract: float) -> Floats:
    """Return the denominator of a vocal tract's transfer function.

    A cascade of second-order resonators, one per formant (Klatt 1980, Journal of the
    Acoustical Society of America 67).

    Args:
        formants: Frequencies for a tract of 17.5 cm, Hz.
        tract: Length of the tract, m.

    Returns:
        Coefficients of falling powers of z, (2 * formants + 1,).
    """
    scale = LONG_TRACT / tract
    denominator = np.ones(1)
    for formant, bandwidth in zip(formants, _BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * bandwidth * scale / SAMPLING_RATE)
        angle = 2 * np.pi * formant * scale / SAMPLING_RATE
        section = np.array([1.0, -2 * radius * np.cos(angle), radius**2])
        denominator = np.convolve(denominator, section)
    return denominator


def tilt_pole(tilt: float, frequency: float = 3000.0) -> float:
    """Return the pole of a one-pole low-pass filter of unit gain at 0 Hz.

    The spectral tilt of Klatt & Klatt (1990, Journal of the Acoustical Society of
    America 87).

    Args:
        tilt: Attenuation, above 0 dB.
        frequency: Where it is attenuated so much, Hz.
    """
    power = 10 ** (-tilt / 10)
    cosine = np.cos(2 * np.pi * frequency / SAMPLING_RATE)
    middle = (1 - power * cosine) / (1 - power)
    return float(middle - np.sqrt(middle**2 - 1))


def glottal_pulse(phase: Floats) -> Floats:
    """Return the glottal flow, trigonometric pulses.

    The shape of Rosenberg (1971, Journal of the Acoustical Society of America 49).

    Args:
        phase: Where in its cycle each sample lies, (samples,) within [0, 1).

    Returns:
        Flow within [0, 1], (samples,); the glottis opens in 40 % of a cycle, closes
        in 16 % and stays closed.
    """
    opening = 0.5 * (1 - np.cos(np.pi * phase / 0.4))
    closing = np.cos(0.5 * np.pi * (phase - 0.4) / 0.16)
    return np.where(phase < 0.4, opening, np.where(phase < 0.56, closing, 0.0))


def _rhythm(
    count: int, rate: float, pause: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    lengths = rng.lognormal(-np.log(rate), 0.12, count)
    rests = np.zeros(count)
    rests[rng.integers(1, count - 1)] = pause
    total = (lengths + rests).sum()
    scale = np.clip(total, _SHORTEST - 2 * _EDGE, _LONGEST - 2 * _EDGE) / total
    ends = _EDGE + scale * np.cumsum(lengths + rests)
    starts = np.append(_EDGE, ends[:-1])
    return starts, ends - scale * rests


def _time(end: float) -> Floats:
    return np.arange(round((end + _EDGE) * SAMPLING_RATE)) / SAMPLING_RATE


def _glide(time: Floats, starts: Floats, notes: list[int]) -> Floats:
    steps = np.asarray(notes, float)[np.searchsorted(starts[1:], time)]
    window = np.hanning(2 * round(0.03 * SAMPLING_RATE) + 1)
    padded = np.pad(steps, window.size // 2, "edge")
    return np.convolve(padded, window / window.sum(), "valid")


def _vibrato(time: Floats, starts: Floats, cues: Cues) -> Floats:
    since = time - starts[np.searchsorted(starts[1:], time)]
    extent = cues.vibrato_extent * np.clip((since - 0.05) / 0.1, 0, 1)
    return extent * np.sin(2 * np.pi * cues.vibrato_rate * time)


def _gates(
    time: Floats, starts: Floats, ends: Floats, cues: Cues, rng: np.random.Generator
) -> Floats:
    rise = np.clip((time - starts[:, None]) / cues.attack, 0, 1)
    fall = np.clip((ends[:, None] - time) / _RELEASE, 0, 1)
    loudness = cues.dynamics * rng.standard_normal(starts.size)
    return 10 ** (loudness[:, None] / 20) * rise * fall


def _render(
    pitch: Floats,
    gates: Floats,
    tracts: list[Floats],
    cues: Cues,
    rng: np.random.Generator,
) -> Floats:
    source = _source(pitch, cues, rng)
    denominators = np.stack(tracts)
    sound: Floats = _filter(gates * source, denominators).sum(axis=0)
    sound *= 10 ** ((_USUAL_LEVEL + cues.level) / 20) / np.sqrt(np.mean(sound**2))
    sound += 10 ** (_ROOM_LEVEL / 20) * rng.standard_normal(sound.size)
    sound *= min(1.0, 0.99 / np.abs(sound).max())
    return sound


def _source(pitch: Floats, cues: Cues, rng: np.random.Generator) -> Floats:
    cycle = np.floor(np.cumsum(pitch) / SAMPLING_RATE).astype(int)
    jitter = cues.jitter * rng.standard_normal(cycle[-1] + 1)
    turns = np.cumsum(pitch / (1 + jitter[cycle])) / SAMPLING_RATE
    shimmer = 1 + 4 * cues.jitter * rng.standard_normal(int(turns[-1]) + 1)
    flow = glottal_pulse(turns % 1)
    # The first difference is the radiation from the lips.
    voice: Floats = shimmer[turns.astype(int)] * np.diff(flow, prepend=0.0)
    voice = _filter(voice[None], np.array([[1.0, -tilt_pole(cues.tilt)]]))[0]
    breath = rng.standard_normal(pitch.size) * (0.5 + 0.5 * (flow > 0))
    loudness = 10 ** (cues.breath / 20) * np.sqrt(np.mean(voice**2))
    voice += loudness * breath
    return voice


def _filter(signals: Floats, denominators: Floats) -> Floats:
    # All poles, with unit gain at 0 Hz.
    poles = torch.from_numpy(denominators)
    zeros = torch.zeros_like(poles)
    zeros[:, 0] = poles.sum(dim=1)
    filtered = lfilter(torch.from_numpy(signals), poles, zeros, clamp=False)
    sound: Floats = filtered.numpy()
    return sound
