"""data2vec on audio (Baevski et al., 2022): five positional convolutions in a row."""

from crossemo.encoders.families.wav2vec2 import Wav2Vec2Family


class Data2VecAudioFamily(Wav2Vec2Family):
    """data2vec on audio."""

    citation = """
    @inproceedings{baevski2022data2vec,
      author = {Baevski, Alexei and Hsu, Wei-Ning and Xu, Qiantong and Babu, Arun and
                Gu, Jiatao and Auli, Michael},
      title = {data2vec: A General Framework for Self-Supervised Learning in Speech,
               Vision and Language},
      booktitle = {International Conference on Machine Learning},
      pages = {1298--1312},
      year = {2022},
    }
    """
    stem = "Data2VecAudio"


FAMILY = Data2VecAudioFamily()
