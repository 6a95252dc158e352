"""UniSpeech-SAT (Chen et al., 2022): wav2vec 2.0's shape, aware of speakers."""

from crossemo.encoders.families.base import Model
from crossemo.encoders.families.wav2vec2 import Wav2Vec2Family


class UniSpeechSatFamily(Wav2Vec2Family):
    """UniSpeech-SAT."""

    citation = """
    @inproceedings{chen2022unispeechsat,
      author = {Chen, Sanyuan and Wu, Yu and Wang, Chengyi and Chen, Zhengyang and
                Chen, Zhuo and Liu, Shujie and Wu, Jian and Qian, Yao and
                Wei, Furu and Li, Jinyu and Yu, Xiangzhan},
      title = {{UniSpeech-SAT}: Universal Speech Representation Learning with Speaker
               Aware Pre-Training},
      booktitle = {IEEE International Conference on Acoustics, Speech and Signal
                   Processing},
      pages = {6152--6156},
      year = {2022},
    }
    """
    stem = "UniSpeechSat"

    def unreached(self, model: Model) -> tuple[str, ...]:
        """Return what no hidden state needs: also a vector for masked time."""
        return (*super().unreached(model), "masked_spec_embed")


FAMILY = UniSpeechSatFamily()
