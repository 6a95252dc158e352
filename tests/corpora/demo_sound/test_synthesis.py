from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from crossemo.corpora.demo_sound.cues import (
    CUES,
    LONG_TRACT,
    Cues,
    Speaker,
    draw_speaker,
    vary,
)
from crossemo.corpora.demo_sound.synthesis import (
    SAMPLING_RATE,
    VOWELS,
    glottal_pulse,
    resonances,
    sing,
    speak,
    tilt_pole,
)

Floats = NDArray[np.float64]
Perform = Callable[[Cues, Speaker, np.random.Generator], Floats]

SPEAKER = Speaker(pitch=150.0, tract=0.16, habits=np.zeros(15))
STEADY = replace(
    CUES["neutral"],
    **{"level": 6.0, "dynamics": 0.0, "jitter": 1e-4, "breath": -40.0},
    **{"intonation": 0.0, "contour": 0.0, "pause": 0.0, "vibrato_extent": 0.0},
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def perform(how: Perform, seed: int = 0, **cues: float) -> Floats:
    return how(replace(STEADY, **cues), SPEAKER, rng(seed))


def frames(waveform: Floats, length: int = 640, hop: int = 80) -> Floats:
    return np.lib.stride_tricks.sliding_window_view(waveform, length)[::hop]


def decibels(waveform: Floats) -> float:
    return float(10 * np.log10(np.mean(waveform**2)))


def centroid(waveform: Floats) -> float:
    frequencies, power = signal.welch(waveform, SAMPLING_RATE, nperseg=512)
    return float(frequencies @ power / power.sum())


def autocorrelation(windows: Floats) -> Floats:
    # Divided by that of the window (Boersma 1993).
    def correlate(sounds: Floats) -> Floats:
        power = np.abs(np.fft.rfft(sounds, 2 * sounds.shape[-1])) ** 2
        return np.fft.irfft(power)[..., : sounds.shape[-1] // 2]

    window = np.hanning(windows.shape[-1])
    found = correlate((windows - windows.mean(axis=-1, keepdims=True)) * window)
    expected = correlate(window)
    normal: Floats = (found / found[..., :1]) / (expected / expected[0])
    return normal


def voicing(waveform: Floats, low: float = 80, high: float = 500) -> tuple[Floats, ...]:
    """Return f0 in Hz and its autocorrelation of every frame of 40 ms."""
    found = autocorrelation(frames(waveform))
    shortest, longest = int(SAMPLING_RATE / high), int(SAMPLING_RATE / low)
    # Among periods that fit as well, the shortest.
    cost = 0.03 * np.log2(np.arange(shortest, longest))
    lags = (found[:, shortest:longest] - cost).argmax(axis=1) + shortest
    rows = np.arange(len(lags))
    left, peak, right = (found[rows, lags + shift] for shift in (-1, 0, 1))
    refined = lags + (left - right) / (2 * (left - 2 * peak + right))
    return SAMPLING_RATE / refined, peak


def pitch_track(waveform: Floats, **limits: float) -> Floats:
    """Return f0 over the speaker's in semitones, NaN where nothing is voiced."""
    f0, peak = voicing(waveform, **limits)
    return np.where(peak > 0.8, 12 * np.log2(f0 / SPEAKER.pitch), np.nan)


def interval(one: Floats, other: Floats) -> Floats:
    """Return the nearest interval in semitones, as the tracker may err by octaves."""
    distance: Floats = (one - other + 6) % 12 - 6
    return distance


@pytest.mark.parametrize("pitch", [-4.0, 0.0, 5.0])
def test_speech_has_the_pitch_asked_for(pitch: float) -> None:
    track = pitch_track(perform(speak, pitch=pitch))
    assert np.isfinite(track).mean() > 0.7
    assert np.nanmedian(track) == pytest.approx(pitch, abs=0.1)


def test_the_pitch_of_speech_is_the_speakers() -> None:
    for pitch in (110.0, 200.0):
        speaker = replace(SPEAKER, pitch=pitch)
        f0, peak = voicing(speak(STEADY, speaker, rng()))
        assert np.median(f0[peak > 0.8]) == pytest.approx(pitch, rel=0.01)


def test_intonation_and_contour_move_the_pitch_of_a_sentence() -> None:
    lively = pitch_track(perform(speak, intonation=3.0), high=280)
    assert np.nanstd(lively) == pytest.approx(3.0, rel=0.35)
    rising = pitch_track(perform(speak, contour=4.0), high=280)
    time = np.linspace(-0.5, 0.5, len(rising))
    voiced = np.isfinite(rising)
    slope = np.polyfit(time[voiced], rising[voiced], 1)[0]
    assert slope == pytest.approx(4.0, rel=0.1)


def test_a_melody_has_whole_steps_and_its_mode() -> None:
    for seed in range(5):
        major, minor = (
            pitch_track(perform(sing, seed, major=mode), low=120) for mode in (1, 0)
        )
        both = np.isfinite(major) & np.isfinite(minor)
        for track in (major, minor):
            distance = np.abs(track[both] - np.round(track[both]))
            assert np.median(distance) < 0.05
        lowered = interval(major, minor)[both]
        assert np.percentile(lowered, 5) == pytest.approx(0, abs=0.1)
        assert np.percentile(lowered, 95) == pytest.approx(1, abs=0.1)


def test_vibrato_has_the_rate_and_extent_asked_for() -> None:
    plain, vibrating = (
        pitch_track(
            perform(sing, vibrato_extent=extent, vibrato_rate=6.0, articulation=0.97),
            low=120,
        )
        for extent in (0.0, 0.6)
    )
    swing = np.nan_to_num(interval(vibrating, plain))
    assert np.percentile(np.abs(swing), 95) == pytest.approx(0.6, rel=0.25)
    frequencies, power = signal.periodogram(swing, SAMPLING_RATE / 80, nfft=4096)
    assert frequencies[power.argmax()] == pytest.approx(6.0, abs=0.4)


@pytest.mark.parametrize("how", [speak, sing])
def test_level_is_in_decibels(how: Perform) -> None:
    soft, loud = (perform(how, level=level) for level in (-6.0, 6.0))
    assert decibels(loud) - decibels(soft) == pytest.approx(12, abs=0.1)


@pytest.mark.parametrize("how", [speak, sing])
def test_tempo_shortens(how: Perform) -> None:
    slow, fast = (perform(how, tempo=tempo) for tempo in (0.9, 1.2))
    sounding = [len(waveform) / SAMPLING_RATE - 0.1 for waveform in (slow, fast)]
    assert sounding[0] / sounding[1] == pytest.approx(1.2 / 0.9, rel=0.001)


@pytest.mark.parametrize("how", [speak, sing])
def test_tilt_darkens(how: Perform) -> None:
    bright, dull = (perform(how, tilt=tilt) for tilt in (3.0, 15.0))
    assert centroid(dull) < 0.85 * centroid(bright)


@pytest.mark.parametrize("how", [speak, sing])
@pytest.mark.parametrize(
    ("cue", "little", "much"), [("jitter", 0.002, 0.04), ("breath", -40.0, -8.0)]
)
def test_jitter_and_breath_disturb_the_period(
    how: Perform, cue: str, little: float, much: float
) -> None:
    clear, rough = (
        np.median(voicing(how(replace(STEADY, **{cue: size}), SPEAKER, rng()))[1])
        for size in (little, much)
    )
    assert clear > 0.95
    assert rough < clear - 0.04


@pytest.mark.parametrize("how", [speak, sing])
def test_dynamics_set_syllables_apart(how: Perform) -> None:
    def spread(size: float) -> float:
        levels = []
        for seed in range(8):
            waveform = perform(how, seed, dynamics=size, articulation=0.9)
            loud = np.log10(np.mean(frames(waveform, 1600, 400) ** 2, axis=1))
            levels.append(10 * np.std(loud[2:-2]))
        return float(np.mean(levels))

    assert spread(6.0) > spread(0.0) + 1


@pytest.mark.parametrize("how", [speak, sing])
def test_a_slow_attack_takes_its_time(how: Perform) -> None:
    def rise(attack: float) -> float:
        waveform = perform(how, attack=attack)[: int(0.2 * SAMPLING_RATE)]
        envelope = np.abs(signal.hilbert(waveform))
        envelope = np.convolve(envelope, np.ones(160) / 160, "same")
        return float((envelope > 0.5 * envelope.max()).argmax() / SAMPLING_RATE)

    assert rise(0.1) - rise(0.01) == pytest.approx(0.045, abs=0.02)


def test_pauses_and_staccato_are_silent() -> None:
    def silence(waveform: Floats) -> float:
        loud = np.mean(frames(waveform, 160) ** 2, axis=1)
        return float(np.sum(loud < 1e-3 * loud.max()) * 80 / SAMPLING_RATE)

    paused = silence(perform(speak, pause=0.15)) - silence(perform(speak))
    assert paused == pytest.approx(0.15, abs=0.02)
    staccato, legato = (perform(sing, articulation=share) for share in (0.5, 0.9))
    assert len(staccato) == len(legato)
    share = (silence(staccato) - silence(legato)) / (len(legato) / SAMPLING_RATE - 0.1)
    assert share == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("how", [speak, sing])
def test_formants_rise_as_the_tract_shortens(how: Perform) -> None:
    # The long-term spectrum of a whisper moves along the logarithm of frequency.
    axis = np.geomspace(400, 4000, 500)
    spectra = []
    for tract in (0.175, 0.145):
        speaker = replace(SPEAKER, tract=tract)
        whisper = replace(STEADY, breath=40.0, level=10.0)
        waveform = how(whisper, speaker, rng())
        frequencies, power = signal.welch(waveform, SAMPLING_RATE, nperseg=512)
        spectra.append(np.interp(axis, frequencies, np.log(power)))
    shifts = range(150)
    likeness = [
        np.corrcoef(spectra[0][: 500 - shift], spectra[1][shift:])[0, 1]
        for shift in shifts
    ]
    ratio = axis[int(np.argmax(likeness))] / axis[0]
    assert ratio == pytest.approx(0.175 / 0.145, rel=0.05)


def test_resonances_are_poles_at_the_formants() -> None:
    formants = (*VOWELS["a"], 3300, 3750, 4900, 5900)
    poles = np.roots(resonances(formants, LONG_TRACT))
    upper = np.sort(np.angle(poles[poles.imag > 0])) * SAMPLING_RATE / (2 * np.pi)
    np.testing.assert_allclose(upper, formants, rtol=1e-6)
    assert np.abs(poles).max() < 1
    bandwidths = -np.log(np.abs(poles)) * SAMPLING_RATE / np.pi
    assert bandwidths.min() == pytest.approx(50)


@pytest.mark.parametrize("tilt", [0.5, 6.0, 24.0])
def test_tilt_is_the_attenuation_at_3_khz(tilt: float) -> None:
    pole = tilt_pole(tilt)
    omega = 2 * np.pi * np.array([0, 3000]) / SAMPLING_RATE
    _, response = signal.freqz([1 - pole], [1, -pole], worN=omega)
    levels = 20 * np.log10(np.abs(response))
    np.testing.assert_allclose(levels, [0, -tilt], atol=1e-9)


def test_the_glottal_pulse_opens_closes_and_rests() -> None:
    phase = np.array([0.0, 0.2, 0.4, 0.48, 0.56, 0.9])
    flow = glottal_pulse(phase)
    np.testing.assert_allclose(flow, [0, 0.5, 1, 0.5**0.5, 0, 0], atol=1e-12)


@pytest.mark.parametrize("how", [speak, sing])
@pytest.mark.parametrize("extreme", [{"tempo": 0.6, "pause": 0.2}, {"tempo": 1.5}])
def test_clips_are_neither_short_nor_long_nor_clipped(
    how: Perform, extreme: dict[str, float]
) -> None:
    for seed in range(10):
        waveform = perform(how, seed, level=24.0, dynamics=8.0, **extreme)
        assert 0.899 < len(waveform) / SAMPLING_RATE < 1.601
        assert 0.9 < np.abs(waveform).max() < 1


@pytest.mark.parametrize("how", [speak, sing])
def test_emotions_sound_as_the_literature_has_it(how: Perform) -> None:
    heard: dict[str, Floats] = {}
    for emotion in CUES:
        measures = []
        for number in range(1, 13):
            random = rng(number)
            speaker = draw_speaker(number, random)
            waveform = how(vary(emotion, speaker, random), speaker, random)
            pitch = np.median(voicing(waveform, 60)[0]) / speaker.pitch
            measures.append(
                (decibels(waveform), centroid(waveform), len(waveform), pitch)
            )
        heard[emotion] = np.mean(measures, axis=0)
    level, brightness, duration, height = range(4)
    for cue in (level, brightness):
        assert heard["sad"][cue] < heard["neutral"][cue] < heard["angry"][cue]
        assert heard["calm"][cue] < heard["happy"][cue] < heard["angry"][cue]
    assert heard["sad"][duration] > heard["neutral"][duration]
    assert heard["neutral"][duration] > heard["fearful"][duration]
    if how is speak:
        assert heard["sad"][height] < heard["neutral"][height] < heard["happy"][height]
        assert heard["neutral"][height] < heard["fearful"][height]
