"""EmotionRecognizer: an SSL encoder, a layer mix and a head, trained by Lightning."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from crossemo.data.batch import Batch
from crossemo.encoders import HiddenStates, Tuning, load_encoder
from crossemo.encoders.masking import masked_mean
from crossemo.errors import CrossEmoError
from crossemo.features.hidden import as_hidden
from crossemo.heads import EmotionHead
from crossemo.metrics.recognition import RoleScores
from crossemo.mix import LayerMix
from crossemo.stages.optimization import Schedule
from crossemo.stages.stage import ClassWeights
from crossemo.stages.staged import StagedModule

Prediction = dict[str, Tensor]


class EmotionRecognizer(StagedModule):
    """Recognises emotion in waveforms.

    Args:
        encoder: A name from the catalogue, a hub id, or a local folder.
        classes: Names of the classes in order; the command line takes them from the
            data.
        tuning: What of the encoder is trained: nothing (`frozen`), biases (`bitfit`),
            bottleneck adapters (`houlsby`), adapters of one of peft's methods, by name
            or by `peft_type` among its options (`peft`), or all (`full`).
        layers: `weighted` sum over all hidden states, the `last`, or one by index,
            where 0 is the input of the first block.
        layer_norm: Normalise every hidden state before the weighted sum.
        pooling: Masked `mean` over frames, or `attentive` statistics.
        hidden: Width of the projection before pooling (256 in SUPERB).
        dropout: Dropout of the head.
        peft: Options of the tuning: any of peft's own, such as `{r: 16}`, or the `size`
            of `houlsby`.
        encoder_dropout: Whether the encoder's own dropout is on in training; by
            default only under `tuning: full`.
        gradient_checkpointing: Trade time for memory in the encoder's backward pass.
        lr: Learning rate of the head and of the layer weights.
        encoder_lr: Learning rate of what is trained of the encoder.
        weight_decay: AdamW's, on matrices only.
        warmup: Share of a stage's steps in which the rates rise linearly.
        schedule: What the rates do afterwards.
        class_weights: `balanced` weighs clips by the inverse frequency of their class
            in the training part; `none` weighs all alike.
        seed: Seed of an encoder's random weights and of the adapters' first ones.

    Attributes:
        test_name: What is tested, such as the stage whose best weights were loaded;
            names the scores in the logs.

    Raises:
        EncoderError: The encoder can't be loaded.
        ValueError: There are fewer than two classes, or no such layer.
    """

    def __init__(
        self,
        encoder: str = "wav2vec2-base",
        classes: tuple[str, ...] = (),
        tuning: Tuning = "frozen",
        layers: Literal["weighted", "last"] | int = "weighted",
        layer_norm: bool = False,
        pooling: Literal["mean", "attentive"] = "mean",
        hidden: int = 256,
        dropout: float = 0.0,
        peft: dict[str, Any] | None = None,
        encoder_dropout: bool | None = None,
        gradient_checkpointing: bool = False,
        lr: float = 1e-3,
        encoder_lr: float = 1e-4,
        weight_decay: float = 0.01,
        warmup: float = 0.1,
        schedule: Schedule = "cosine",
        class_weights: ClassWeights = "balanced",
        seed: int = 0,
    ) -> None:
        if len(classes) < 2:
            raise ValueError(f"A recogniser needs two or more classes, not {classes}.")
        _check_ranges(lr=lr, encoder_lr=encoder_lr, weight_decay=weight_decay)
        _check_ranges(1, warmup=warmup, dropout=dropout)
        loaded = load_encoder(
            encoder,
            tuning,
            options=peft,
            encoder_dropout=encoder_dropout,
            gradient_checkpointing=gradient_checkpointing,
            seed=seed,
        )
        if isinstance(layers, int):
            loaded.freeze_above(layers)
        mix = LayerMix(loaded.num_states, loaded.width, layers, layer_norm)
        head = EmotionHead(loaded.width, len(classes), pooling, hidden, dropout)
        super().__init__(loaded, mix, head, classes)
        self.save_hyperparameters()
        self.seed = seed
        self.test_name = "test"
        self._scores = nn.ModuleDict()

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of a batch.

        Args:
            waveforms: `(batch, samples)` at the encoder's rate, padded on the right, or
                features that were kept of a frozen encoder, see `as_hidden`.
            lengths: `(batch,)` valid samples.

        Returns:
            `(batch, classes)` logits.
        """
        states, mask = self._hidden(waveforms, lengths)
        logits: Tensor = self.head(self.mix(states), mask)
        return logits

    def states(self, waveforms: Tensor, lengths: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return hidden states 0 to L and the learnt mixture.

        Returns:
            `(batch, frames, width)` each, and the mask of frames `(batch, frames)`.
        """
        states, mask = self._hidden(waveforms, lengths)
        return [*states, self.mix(states)], mask

    def embed(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return each clip's mean over its frames, for every hidden state and the mix.

        Returns:
            `(layers + 2, batch, width)` float32, in the order of `states`.
        """
        states, mask = self.states(waveforms, lengths)
        return torch.stack([masked_mean(frames.float(), mask) for frames in states])

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the weighted cross-entropy of a batch."""
        logits = self(batch.waveforms, batch.lengths)
        losses = cross_entropy(logits.float(), batch.labels, reduction="none")
        # Weights average to one over the training part, so that the mean over clips
        # is the same however a batch is spread over processes.
        loss = (losses * self.class_weights[batch.labels]).mean()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.labels))
        return loss

    def validation_step(
        self, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Judge a validation batch."""
        self._judge("val", batch, dataloader_idx)

    def test_step(
        self, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> Prediction:
        """Judge a test batch and return its predictions."""
        return self._judge("test", batch, dataloader_idx)

    def predict_step(
        self, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> Prediction:
        """Return the probabilities of a batch."""
        return self._predict(batch)

    def on_validation_epoch_end(self) -> None:
        """Log the validation scores."""
        scores = self._log_scores("val")
        if len(scores) > 1:  # what a stage on several roles is judged by
            self.log("val/mean/UA", torch.stack(scores).mean())

    def on_test_epoch_end(self) -> None:
        """Log the test scores."""
        stage = [] if self.test_name == "test" else [self.test_name]
        self._log_scores("test", *stage)

    def setup(self, stage: str) -> None:
        """Prepare the scores of every role of the data.

        Raises:
            CrossEmoError: The data have other classes or another sampling rate.
        """
        data = getattr(self.trainer, "datamodule", None)
        roles = list(data.roles) if data is not None else ["data"]
        for part in ("val", "test"):
            self._scores[part] = RoleScores(roles, self.classes)
        if data is None:
            return
        if tuple(data.classes) != self.classes:
            raise CrossEmoError(
                f"The model's classes are {', '.join(self.classes)} and the data's "
                f"{', '.join(data.classes)}: build the model with classes=data.classes."
            )
        if data.sampling_rate != self.encoder.sampling_rate:
            raise CrossEmoError(
                f"{self.encoder.name} takes {self.encoder.sampling_rate} Hz and the "
                f"data have {data.sampling_rate} Hz: give the datamodule sampling_rate="
                f"{self.encoder.sampling_rate}."
            )

    def _hidden(self, waveforms: Tensor, lengths: Tensor) -> HiddenStates:
        if waveforms.ndim > 2:  # kept features
            return as_hidden(self.encoder, waveforms, lengths)
        hidden: HiddenStates = self.encoder(waveforms, lengths)
        return hidden

    def _predict(self, batch: Batch) -> Prediction:
        logits = self(batch.waveforms, batch.lengths).float()
        return {
            "probabilities": logits.softmax(-1),
            "indices": batch.indices,
            "labels": batch.labels,
            "counted": batch.counted,
        }

    def _judge(self, part: str, batch: Batch, role: int) -> Prediction:
        prediction = self._predict(batch)
        probabilities, counted = prediction["probabilities"], batch.counted
        if not probabilities.isfinite().all():
            raise CrossEmoError(
                "The model's outputs are no numbers any more, as training diverged: "
                "lower lr or encoder_lr."
            )
        if counted.any():
            self._of(part).update(role, probabilities[counted], batch.labels[counted])
        return prediction

    def _of(self, part: str) -> RoleScores:
        scores = self._scores[part]
        assert isinstance(scores, RoleScores)
        return scores

    def _log_scores(self, part: str, *stage: str) -> list[Tensor]:
        """Log all scores and return the UA of every role."""
        found = []
        for role, key, value in self._of(part).pop():
            score, _, emotion = key.partition("/")
            # In a group of their own, recalls don't bury the other scores; those of a
            # test are single points, and in its confusion matrix.
            group = f"{part}_{score}" if emotion else part
            self.log(
                "/".join((group, *stage, role, emotion or score)),
                value,
                prog_bar=key == "UA",
                logger=part == "val" or not emotion,
            )
            found += [value] if key == "UA" else []
        return found


def _check_ranges(high: float = float("inf"), **values: float) -> None:
    for name, value in values.items():
        if not 0 <= value <= high:
            limits = "0 or more" if high == float("inf") else f"from 0 to {high:g}"
            raise CrossEmoError(f"{name} is {value:g}: choose a number {limits}.")
