import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.preprocessing import StandardScaler
from torchaudio.transforms import MelSpectrogram

from crossemo.corpora.demo import Demo


def log_mel(corpus: Demo) -> NDArray[np.float32]:
    """Return the mean and deviation of every band per clip, (clips, 80)."""
    spectrogram = MelSpectrogram(16_000, n_fft=400, hop_length=160, n_mels=40)
    rows = []
    for clip in corpus.clips():
        samples, _ = soundfile.read(clip.path, dtype="float32")
        bands = (spectrogram(torch.from_numpy(samples)) + 1e-7).log()
        rows.append(torch.cat([bands.mean(dim=1), bands.std(dim=1)]))
    features: NDArray[np.float32] = StandardScaler().fit_transform(torch.stack(rows))
    return features


def test_emotion_is_learnable_across_speakers_and_in_part_across_domains(
    whole: dict[str, Demo],
) -> None:
    clips = whole["speech"].clips()
    emotions = np.array([clip.label for clip in clips])
    assert [clip.label for clip in whole["song"].clips()] == emotions.tolist()
    speakers = np.array([int(clip.groups[0][-2:]) for clip in clips])
    features = {channel: log_mel(corpus) for channel, corpus in whole.items()}

    def recall(source: str, target: str) -> float:
        found = np.empty_like(emotions)
        for fold in range(3):
            test = speakers % 3 == fold
            model = LogisticRegression(C=0.1, max_iter=2000)
            model.fit(features[source][~test], emotions[~test])
            found[test] = model.predict(features[target][test])
        return float(recall_score(emotions, found, average="macro"))

    speech, song = recall("speech", "speech"), recall("song", "song")
    onto_song, onto_speech = recall("speech", "song"), recall("song", "speech")
    print(f"UA {speech=:.3f} {song=:.3f} {onto_song=:.3f} {onto_speech=:.3f}")
    assert 0.5 < speech < 0.85
    assert 0.5 < song < 0.85
    # Chance is 0.167, with a standard error of 0.025.
    assert 0.27 < onto_song < song - 0.1
    assert 0.27 < onto_speech < speech - 0.1
