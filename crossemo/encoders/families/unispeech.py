"""UniSpeech (Wang et al., 2021): wav2vec 2.0's shape, trained with phonemes too."""

from crossemo.encoders.families.wav2vec2 import Wav2Vec2Family


class UniSpeechFamily(Wav2Vec2Family):
    """UniSpeech."""

    citation = """
    @inproceedings{wang2021unispeech,
      author = {Wang, Chengyi and Wu, Yu and Qian, Yao and Kumatani, Kenichi and
                Liu, Shujie and Wei, Furu and Zeng, Michael and Huang, Xuedong},
      title = {{UniSpeech}: Unified Speech Representation Learning with Labeled and
               Unlabeled Data},
      booktitle = {International Conference on Machine Learning},
      pages = {10937--10947},
      year = {2021},
    }
    """
    stem = "UniSpeech"


FAMILY = UniSpeechFamily()
