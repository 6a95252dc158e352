"""EmotionRecognizer: an SSL encoder, a layer mix and a head, trained by Lightning."""

from typing import Any, Literal, cast

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchmetrics import MeanMetric, MetricCollection

from crossemo.checkpoints import (
    encoder_card,
    leave_out_pretrained,
    put_back_pretrained,
)
from crossemo.data.batch import Batch
from crossemo.encoders import Tuning, load_encoder
from crossemo.heads import EmotionHead, masked_mean
from crossemo.layers import LayerMix
from crossemo.metrics.recognition import recognition_metrics
from crossemo.optimization import (
    Schedule,
    StagePlan,
    balanced_weights,
    parameter_groups,
    warmup_schedule,
)

Prediction = dict[str, Tensor]


class EmotionRecognizer(LightningModule):
    """Recognises emotion in waveforms.

    Args:
        encoder: A name from the catalogue, a hub id, or a local folder.
        classes: Names of the classes in order; the command line takes them from the
            data.
        tuning: What of the encoder is trained: nothing, low-rank adapters, or all.
        layers: `weighted` sum over all hidden states, the `last`, or one by index,
            where 0 is the input of the first block.
        layer_norm: Normalise every hidden state before the weighted sum.
        pooling: Masked `mean` over frames, or `attentive` statistics.
        hidden: Width of the projection before pooling (256 in SUPERB).
        dropout: Dropout of the head.
        lora_rank: Rank of the adapters under `tuning: lora`.
        lora_alpha: Scale of the adapters; they are multiplied by alpha / rank.
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
        lora_rank: int = 8,
        lora_alpha: int = 16,
        encoder_dropout: bool | None = None,
        gradient_checkpointing: bool = False,
        lr: float = 1e-3,
        encoder_lr: float = 1e-4,
        weight_decay: float = 0.01,
        warmup: float = 0.1,
        schedule: Schedule = "cosine",
        class_weights: Literal["balanced", "none"] = "balanced",
        seed: int = 0,
    ) -> None:
        super().__init__()
        if len(classes) < 2:
            raise ValueError(f"A recogniser needs two or more classes, not {classes}.")
        self.save_hyperparameters()
        self.classes = tuple(classes)
        self.seed = seed
        self.encoder = load_encoder(
            encoder,
            tuning,
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            encoder_dropout=encoder_dropout,
            gradient_checkpointing=gradient_checkpointing,
            seed=seed,
        )
        if isinstance(layers, int):
            self.encoder.freeze_above(layers)
        width = self.encoder.width
        self.mix = LayerMix(self.encoder.num_states, width, layers, layer_norm)
        self.head = EmotionHead(width, len(classes), pooling, hidden, dropout)
        self.test_name = "test"
        self._plan: StagePlan | None = None
        self._meters = nn.ModuleDict()

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of a batch.

        Args:
            waveforms: `(batch, samples)` at the encoder's rate, padded on the right.
            lengths: `(batch,)` valid samples.

        Returns:
            `(batch, classes)` logits.
        """
        states, mask = self.encoder(waveforms, lengths)
        logits: Tensor = self.head(self.mix(states), mask)
        return logits

    def embed(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return each clip's mean over its frames, for every hidden state and the mix.

        Returns:
            `(layers + 2, batch, width)` float32: hidden states 0 to L, then the
            learnt mixture.
        """
        states, mask = self.encoder(waveforms, lengths)
        pooled = [masked_mean(frames, mask) for frames in (*states, self.mix(states))]
        return torch.stack(pooled).float()

    def plan_stage(self, plan: StagePlan) -> None:
        """Set the rates and steps of the stage for which optimizers are built next."""
        self._plan = plan

    def reset_head(self, seed: int) -> None:
        """Give the head new weights, drawn from `seed` alone."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.head.reset_parameters()

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Build AdamW and its schedule for the planned stage."""
        options = self.hparams
        plan = self._plan or StagePlan(int(self.trainer.estimated_stepping_batches))
        groups = parameter_groups(
            {"encoder": [self.encoder], "head": [self.mix, self.head]},
            {
                "encoder": _first(plan.encoder_lr, options["encoder_lr"]),
                "head": _first(plan.lr, options["lr"]),
            },
            options["weight_decay"],
        )
        optimizer = torch.optim.AdamW(groups)
        scheduler = warmup_schedule(
            optimizer, plan.steps, options["warmup"], options["schedule"]
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the weighted cross-entropy of a batch."""
        logits = self(batch.waveforms, batch.lengths)
        losses = cross_entropy(logits.float(), batch.labels, reduction="none")
        # Weights average to one over the training part, so that the mean over clips
        # is the same however a batch is spread over processes.
        loss = (losses * self._class_weights[batch.labels]).mean()
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
        self._log_scores("val")

    def on_test_epoch_end(self) -> None:
        """Log the test scores."""
        stage = [] if self.test_name == "test" else [self.test_name]
        self._log_scores("test", *stage)

    def setup(self, stage: str) -> None:
        """Prepare the scores of every role of the data."""
        self._roles = self._role_names()
        for part in ("val", "test"):
            for role in self._roles:
                self._meters[f"{part}/{role}"] = nn.ModuleDict(
                    {
                        "scores": recognition_metrics(self.classes),
                        "loss": MetricCollection({"loss": MeanMetric()}),
                    }
                )
        self._class_weights = torch.ones(len(self.classes))

    def on_train_epoch_start(self) -> None:
        """Weigh the classes by the counts of the clips that train now."""
        data = getattr(self.trainer, "datamodule", None)
        if self.hparams["class_weights"] == "balanced" and data is not None:
            self._class_weights = balanced_weights(data.class_counts(data.active))
        self._class_weights = self._class_weights.to(self.device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what the encoder's own files hold, and name those files."""
        leave_out_pretrained(checkpoint, self.encoder, self._card())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put back what was left out.

        Raises:
            CheckpointMismatchError: The checkpoint does not fit this model.
        """
        put_back_pretrained(checkpoint, self.encoder, self._card(), self.state_dict())

    def _card(self) -> dict[str, Any]:
        return encoder_card(self.encoder, self.hparams["tuning"], self.classes)

    def _role_names(self) -> list[str]:
        data = getattr(self.trainer, "datamodule", None)
        return list(data.roles) if data is not None else ["data"]

    def _predict(self, batch: Batch) -> Prediction:
        logits = self(batch.waveforms, batch.lengths).float()
        return {
            "probabilities": logits.softmax(-1),
            "indices": batch.indices,
            "labels": batch.labels,
            "counted": batch.counted,
        }

    def _judge(self, part: str, batch: Batch, dataloader_idx: int) -> Prediction:
        prediction = self._predict(batch)
        counted = batch.counted
        if counted.any():
            meters = self._scores(part, self._roles[dataloader_idx])
            probabilities = prediction["probabilities"][counted]
            labels = batch.labels[counted]
            losses = -probabilities.gather(1, labels[:, None]).clamp_min(1e-12).log()
            meters["scores"].update(probabilities, labels)
            meters["loss"].update(losses)
        return prediction

    def _scores(self, part: str, role: str) -> dict[str, MetricCollection]:
        meters = cast(nn.ModuleDict, self._meters[f"{part}/{role}"])
        return {key: cast(MetricCollection, meter) for key, meter in meters.items()}

    def _log_scores(self, part: str, *stage: str) -> None:
        for role in self._roles:
            for meters in self._scores(part, role).values():
                # Every process computes the same value from the state of all.
                for key, value in meters.compute().items():
                    score, _, emotion = key.partition("/")
                    # In a group of their own, recalls don't bury the other scores;
                    # those of a test are single points, and in its confusion matrix.
                    group = f"{part}_{score}" if emotion else part
                    self.log(
                        "/".join((group, *stage, role, emotion or score)),
                        value,
                        prog_bar=key == "UA",
                        logger=part == "val" or not emotion,
                    )
                meters.reset()


def _first(value: float | None, default: float) -> float:
    return default if value is None else value
