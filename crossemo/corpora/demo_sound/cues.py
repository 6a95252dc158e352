"""The acoustic cues by which the made-up corpus tells emotions apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

VERSION = 1  # to be raised with every change of the sound, here or in the synthesis
LONG_TRACT = 0.175  # m, the vocal tract of a tall man


@dataclass(frozen=True)
class Cues:
    """How one clip is performed.

    Directions follow Table 11 of Juslin & Laukka (2003, Psychological Bulletin 129),
    where calm stands for their tenderness; articulation, vibrato and mode follow
    Juslin & Laukka (2004, Journal of New Music Research 33). The sizes are ours; those
    of vibrato lie around what Prame (1994, 1997, Journal of the Acoustical Society of
    America 96 and 102) measured in singers, 6 Hz and 0.7 semitones.

    Args:
        level: Sound level, dB over the usual one.
        dynamics: Standard deviation of level over syllables or notes, dB.
        tempo: Factor on the usual number of syllables or notes a second.
        tilt: Attenuation of the voice source at 3 kHz, dB; less is brighter.
        jitter: Standard deviation of the period from cycle to cycle, as a share of
            the period; shimmer grows with it and the voice sounds rough.
        breath: Level of aspiration noise beside the glottal pulses, dB.
        attack: Time in which a syllable or note begins, s.
        pitch: Fundamental frequency of speech over the speaker's usual one, semitones.
        intonation: Standard deviation of a sentence's pitch, semitones.
        contour: Rise of pitch from beginning to end of a sentence, semitones.
        pause: Silence within a sentence, s.
        articulation: Share of a note's time that sounds: low staccato, high legato.
        vibrato_rate: Cycles of vibrato a second, Hz.
        vibrato_extent: Swing of vibrato to either side, semitones.
        major: Probability that a melody is in the major mode.
    """

    level: float
    dynamics: float
    tempo: float
    tilt: float
    jitter: float
    breath: float
    attack: float
    pitch: float
    intonation: float
    contour: float
    pause: float
    articulation: float
    vibrato_rate: float
    vibrato_extent: float
    major: float


# One row per cue and one column per emotion. "varies" is the standard deviation from
# clip to clip, which makes emotions overlap; a varied cue stays from least to most.
# fmt: off
_COLUMNS = (
    "neutral", "calm", "happy", "sad", "angry", "fearful", "varies", "least", "most",
)
_ROWS = {
    "level":          (0.0, -3.0, 3.0, -5.0, 6.0, -2.0, 1.6, -12.0, 12.0),
    "dynamics":       (2.0, 1.5, 3.0, 1.5, 4.0, 4.0, 0.5, 0.3, 8.0),
    "tempo":          (1.0, 0.88, 1.12, 0.8, 1.15, 1.22, 0.06, 0.6, 1.5),
    "tilt":           (9.0, 13.0, 6.0, 15.0, 3.0, 11.0, 1.6, 0.5, 24.0),
    "jitter":         (0.008, 0.005, 0.006, 0.014, 0.035, 0.022, 0.003, 0.001, 0.08),
    "breath":         (-24.0, -20.0, -24.0, -18.0, -26.0, -15.0, 2.0, -40.0, -6.0),
    "attack":         (0.04, 0.07, 0.03, 0.08, 0.015, 0.04, 0.008, 0.008, 0.15),
    "pitch":          (0.0, -1.0, 3.5, -1.5, 2.5, 4.5, 1.0, -8.0, 12.0),
    "intonation":     (1.8, 1.3, 3.2, 1.0, 2.8, 1.3, 0.3, 0.2, 6.0),
    "contour":        (-1.0, -2.0, 2.0, -3.0, 1.5, 2.0, 0.7, -6.0, 6.0),
    "pause":          (0.04, 0.08, 0.03, 0.12, 0.02, 0.06, 0.02, 0.0, 0.2),
    "articulation":   (0.85, 0.94, 0.65, 0.96, 0.75, 0.7, 0.05, 0.4, 0.98),
    "vibrato_rate":   (5.5, 5.2, 5.8, 4.8, 6.2, 7.0, 0.3, 4.0, 8.5),
    "vibrato_extent": (0.4, 0.4, 0.5, 0.5, 0.9, 0.25, 0.1, 0.05, 1.5),
    "major":          (0.5, 0.7, 0.9, 0.1, 0.3, 0.2, 0.0, 0.0, 1.0),
}
# fmt: on
_TABLE: dict[str, Floats] = dict(
    zip(_COLUMNS, np.array(list(_ROWS.values())).T, strict=True)
)


def _cues(values: Floats) -> Cues:
    return Cues(**dict(zip(_ROWS, values.tolist(), strict=True)))


CUES = {emotion: _cues(_TABLE[emotion]) for emotion in _COLUMNS[:6]}


@dataclass(frozen=True)
class Speaker:
    """A made-up voice, the same in speech and in song.

    Args:
        pitch: Usual fundamental frequency of speech, Hz.
        tract: Length of the vocal tract, m; formants rise as it shortens.
        habits: What the speaker adds to every cue whatever the emotion, (cues,).
    """

    pitch: float
    tract: float
    habits: Floats


def draw_speaker(number: int, rng: np.random.Generator) -> Speaker:
    """Draw a speaker.

    Args:
        number: Number of the speaker, from 1; multiples of the golden ratio spread
            neighbouring numbers evenly from deep and long to high and short.
        rng: Source of randomness.
    """
    height = number * (np.sqrt(5) - 1) / 2 % 1
    return Speaker(
        pitch=float(105 * 2.0 ** (height + 0.05 * rng.standard_normal())),
        tract=float(LONG_TRACT * (1 - 0.18 * height + 0.015 * rng.standard_normal())),
        habits=0.5 * _TABLE["varies"] * rng.standard_normal(len(_ROWS)),
    )


def vary(emotion: str, speaker: Speaker, rng: np.random.Generator) -> Cues:
    """Draw the cues of one clip.

    Args:
        emotion: One of `CUES`.
        speaker: Who performs.
        rng: Source of randomness.
    """
    noise = _TABLE["varies"] * rng.standard_normal(len(_ROWS))
    drawn = _TABLE[emotion] + speaker.habits + noise
    return _cues(np.clip(drawn, _TABLE["least"], _TABLE["most"]))
