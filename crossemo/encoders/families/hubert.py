"""HuBERT (Hsu et al., 2021): wav2vec 2.0's shape, trained on clusters."""

from torch import Tensor

from crossemo.encoders.families.base import Model
from crossemo.encoders.families.wav2vec2 import Wav2Vec2Family


class HubertFamily(Wav2Vec2Family):
    """HuBERT."""

    stem = "Hubert"

    def project(self, model: Model, features: Tensor) -> Tensor:
        """Bring the convolutions' frames to the width of the blocks."""
        projected: Tensor = model.feature_projection(features)  # alone, not in a pair
        return projected


FAMILY = HubertFamily()
