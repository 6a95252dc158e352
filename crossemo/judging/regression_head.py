"""The head that audEERING's published model of arousal, dominance and valence has."""

from collections.abc import Mapping
from functools import cache
from typing import Any

CLASS = "Wav2Vec2ForSpeechClassification"  # as its config.json says, and many others'


def has_this_head(config: Mapping[str, Any]) -> bool:
    """Return whether config.json is of a model with this head.

    Args:
        config: Its content.
    """
    return (
        config.get("model_type") == "wav2vec2"
        and config.get("architectures") == [CLASS]
        and config.get("pooling_mode") == "mean"
        and config.get("problem_type") == "regression"
    )


@cache
def model_class() -> Any:  # noqa: ANN401
    """Return its class, which transformers has none of.

    The mean over frames of the last hidden state goes through a layer of its width, a
    tanh and a layer of outputs (Wagner et al., 2023, Dawn of the transformer era in
    speech emotion recognition: closing the valence gap).
    """
    import torch
    from torch import Tensor, nn
    from transformers import Wav2Vec2Model, Wav2Vec2PreTrainedModel
    from transformers.modeling_outputs import SequenceClassifierOutput

    class Head(nn.Module):
        def __init__(self, width: int, outputs: int) -> None:
            super().__init__()
            self.dense = nn.Linear(width, width)
            self.out_proj = nn.Linear(width, outputs)

        def forward(self, mean: Tensor) -> Tensor:
            outputs: Tensor = self.out_proj(torch.tanh(self.dense(mean)))
            return outputs

    class RegressionModel(Wav2Vec2PreTrainedModel):  # type: ignore[misc]
        def __init__(self, config: Any) -> None:  # noqa: ANN401
            super().__init__(config)
            self.wav2vec2 = Wav2Vec2Model(config)
            self.classifier = Head(config.hidden_size, config.num_labels)
            self.post_init()

        def forward(
            self, input_values: Tensor, attention_mask: Tensor | None = None
        ) -> SequenceClassifierOutput:
            hidden = self.wav2vec2(input_values, attention_mask=attention_mask)
            mean = hidden.last_hidden_state.mean(1)  # of clips of one length
            return SequenceClassifierOutput(logits=self.classifier(mean))

    return RegressionModel
