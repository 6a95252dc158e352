"""data2vec on audio (Baevski et al., 2022): five positional convolutions in a row."""

from crossemo.encoders.families.wav2vec2 import Wav2Vec2Family


class Data2VecAudioFamily(Wav2Vec2Family):
    """data2vec on audio."""

    stem = "Data2VecAudio"


FAMILY = Data2VecAudioFamily()
