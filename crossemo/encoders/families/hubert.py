"""HuBERT (Hsu et al., 2021): wav2vec 2.0's shape, trained on clusters."""

from torch import Tensor

from crossemo.encoders.families.base import Model
from crossemo.encoders.families.wav2vec2 import Wav2Vec2Family


class HubertFamily(Wav2Vec2Family):
    """HuBERT."""

    citation = """
    @article{hsu2021hubert,
      author = {Hsu, Wei-Ning and Bolte, Benjamin and Tsai, Yao-Hung Hubert and
                Lakhotia, Kushal and Salakhutdinov, Ruslan and Mohamed, Abdelrahman},
      title = {{HuBERT}: Self-Supervised Speech Representation Learning by Masked
               Prediction of Hidden Units},
      journal = {IEEE/ACM Transactions on Audio, Speech, and Language Processing},
      volume = {29},
      pages = {3451--3460},
      year = {2021},
      doi = {10.1109/TASLP.2021.3122291},
    }
    """
    stem = "Hubert"

    def project(self, model: Model, features: Tensor) -> Tensor:
        """Bring the convolutions' frames to the width of the blocks."""
        projected: Tensor = model.feature_projection(features)  # alone, not in a pair
        return projected


FAMILY = HubertFamily()
