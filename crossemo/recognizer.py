"""EmotionRecognizer: an SSL encoder, a layer mix and a head, trained by Lightning."""

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any, Literal, Self

from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from crossemo.audio import AudioError
from crossemo.corpora.base import Part
from crossemo.data.batch import Batch
from crossemo.data.gathering import Judged, Prediction, by_place
from crossemo.data.marks import Mark
from crossemo.encoders import HiddenStates, Tuning, load_encoder
from crossemo.encoders.attention import Attention
from crossemo.errors import CrossEmoError
from crossemo.features.hidden import as_hidden
from crossemo.heads import EmotionHead
from crossemo.mix import LayerMix
from crossemo.recognition.listening import Listener
from crossemo.recognition.models import cutting_of
from crossemo.runs.checkpointed import misfitting_setting
from crossemo.sharing.hearing import Heard, learn_reliability, reliability_scores
from crossemo.sharing.model_facts import ModelError, ModelFacts
from crossemo.sharing.pretrained import read
from crossemo.sharing.rebuilding import rebuild, settings_of
from crossemo.stages.optimization import Schedule
from crossemo.stages.stage import ClassWeights
from crossemo.stages.staged import StagedModule
from crossemo.tasks import task_of


class EmotionRecognizer(StagedModule):
    """Recognises emotion in waveforms.

    Args:
        encoder: A name from the catalogue, a hub id, or a local folder.
        classes: Names of the outputs in order, such as classes of emotion; the command
            line takes them from the data.
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
        task: Kind of the task that the outputs are of, see `crossemo.tasks`.
        allow_leak: Judge the weights also by clips that they have seen in training,
            in this run or in an earlier one; every table then says so. Belongs to the
            run, so a checkpoint doesn't keep it.
        attention: How the encoder's blocks attend, see `load_encoder`. Belongs to the
            run, as does the next.
        compile: Compile the encoder's blocks with `torch.compile`.

    Attributes:
        facts: What is known of a model that `from_pretrained` returned.
        test_name: What is tested, such as the stage whose best weights were loaded;
            names the scores in the logs.
        judged: By role, what the model said of the clips of the last test.
        evaluations: By role, the scores of the last test, see `Task.evaluation`.

    Raises:
        EncoderError: The encoder can't be loaded.
        CrossEmoError: There are fewer than two classes, or no such layer or task.
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
        task: str = "classes",
        allow_leak: bool = False,
        attention: Attention = "sdpa",
        compile: bool = False,
    ) -> None:
        learnt = task_of(task, tuple(classes))
        _check_ranges(lr=lr, encoder_lr=encoder_lr, weight_decay=weight_decay)
        _check_ranges(1, warmup=warmup, dropout=dropout)
        loaded = load_encoder(
            encoder,
            tuning,
            options=peft,
            encoder_dropout=encoder_dropout,
            gradient_checkpointing=gradient_checkpointing,
            seed=seed,
            attention=attention,
            compile=compile,
        )
        if isinstance(layers, int):
            loaded.freeze_above(layers)
        mix = LayerMix(loaded.num_states, loaded.width, layers, layer_norm)
        head = EmotionHead(loaded.width, len(classes), pooling, hidden, dropout)
        super().__init__(loaded, mix, head, learnt, allow_leak=allow_leak)
        self.save_hyperparameters(ignore=["allow_leak", "attention", "compile"])
        self.seed = seed
        self.test_name = "test"
        self.facts: ModelFacts | None = None
        self.judged: dict[str, Judged] = {}
        self._marks: dict[str, Mark] = {}
        self.evaluations: dict[str, dict[str, Any]] = {}
        self._seen = Heard()

    @classmethod
    def from_pretrained(
        cls, model: str | Path, revision: str | None = None, stage: str | None = None
    ) -> Self:
        """Return a trained model, ready to judge; nothing that lies there is run.

        Args:
            model: A folder of a run, such as `logs/x/version_0`; a checkpoint; a folder
                that `crossemo export` wrote; or the hub id of one.
            revision: Commit, tag or branch of a hub id.
            stage: Stage of a run whose best weights are meant; its last by default.

        Raises:
            CrossEmoError: There is no such model, or it is damaged.
        """
        pretrained = read(model, revision, stage)
        if pretrained.stored is not None:
            module = cls.of_checkpoint(pretrained.stored).eval()
            if module.reliability is not None:
                counted = pretrained.facts.false_alarms
                module.reliability = replace(module.reliability, false_alarms=counted)
        else:
            settings = settings_of(pretrained)
            if (fault := misfitting_setting(cls, settings)) is not None:
                raise ModelError(f"{pretrained.path} can't be used: {fault}.")
            module = rebuild(cls, settings, pretrained)
        module.facts = pretrained.facts
        return module

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return the outputs for a batch of waveforms.

        Args:
            waveforms: `(batch, samples)` at the encoder's rate, padded on the right.
            lengths: `(batch,)` valid samples.

        Returns:
            `(batch, outputs)`, such as logits.
        """
        hidden = self.encoder(waveforms, lengths)
        return self.head.classify(self._embed(hidden))

    def recognise(self, path: str | Path) -> dict[str, float]:
        """Return what the model says of a recording, by class or value.

        Any format and rate is taken. Long recordings are heard as clips were in the
        model's run; `crossemo.recognition` has the way over time and for many.

        Args:
            path: The file.

        Returns:
            Probabilities, calibrated where the model knows its temperature; or values
            from -1 to 1 about the middle of their scale.

        Raises:
            AudioError: The file can't be used.
        """
        before = self.training
        try:
            listener = Listener(self.eval(), cutting_of(self))
            (recording,) = listener.hear([Path(path)])
        finally:
            self.train(before)
        if recording.refusal:
            raise AudioError(recording.refusal)
        (answer,) = recording.answers
        return dict(zip(self.classes, answer.values.tolist(), strict=True))

    def states(self, batch: Batch) -> tuple[list[Tensor], Tensor]:
        """Return hidden states 0 to L and the learnt mixture.

        Returns:
            `(batch, frames, width)` each, and the mask of frames `(batch, frames)`.
        """
        states, mask = as_hidden(self.encoder, batch)
        return [*states, self.mix(states)], mask

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        outputs = self.head.classify(self._embed(as_hidden(self.encoder, batch)))
        loss = self.task.loss(outputs, batch.targets, self.class_weights)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.targets))
        return loss

    def validation_step(
        self, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Judge a validation batch."""
        self._seen.add(self._judge(batch), dataloader_idx)

    def test_step(
        self, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> Prediction:
        """Judge a test batch and return the outputs."""
        prediction = self._judge(batch)
        self._seen.add(prediction, dataloader_idx)
        return prediction

    def predict_step(
        self, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> Prediction:
        """Return the outputs for a batch."""
        return self._predict(batch)

    def on_validation_epoch_start(self) -> None:
        """Forget an earlier validation."""
        self._seen = Heard()

    def on_validation_epoch_end(self) -> None:
        """Log the validation scores, which every process computes of all clips.

        In training, the clips that a stage is judged by also say how reliable it is.
        """
        scores = []
        for number, role in enumerate(self._roles):
            for name, judged in self._seen_of(number, role, "val").items():
                values = self.task.scores(judged.predictions, judged.targets)
                self._log_scores("val", name, values)
                score = values[self.task.headline]
                self.log(f"val/{name}/score", score, logger=False)
                scores += [score] if name == role else []
        if len(scores) > 1:  # what a stage on several roles is judged by
            mean = sum(scores) / len(scores)
            named = self._named("val", self.mark)
            self.log(f"{named}/mean/{self.task.headline}", mean)
            self.log("val/mean/score", mean, logger=False)
        trainer, data = self.trainer, self._data
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            roles = [self._roles.index(r) for r in (data.active if data else ["data"])]
            self.reliability = learn_reliability(self._seen, roles, self.task, data)

    def on_test_epoch_start(self) -> None:
        """Forget an earlier test."""
        self._seen = Heard()
        self.judged, self.evaluations = {}, {}

    def on_test_epoch_end(self) -> None:
        """Evaluate the test, once for all who want to know, and log its scores."""
        stage = [] if self.test_name == "test" else [self.test_name]
        for number, role in enumerate(self._roles):
            for name, judged in self._seen_of(number, role, "test").items():
                scores = self.task.evaluation(
                    judged.predictions, judged.targets, judged.units
                )
                values = {n: one for n, one in scores.items() if isinstance(one, float)}
                self._log_scores("test", name, values, *stage)
                scores |= self.task.calibration(judged.predictions, judged.targets)
                if self.reliability is not None:
                    which = self._seen, number, judged, self.task, self._data
                    scores |= reliability_scores(self.reliability, *which)
                self.judged[name], self.evaluations[name] = judged, scores

    def mark_at(self, place: str) -> Mark:
        """Return what tables and figures say of the last scores of a place.

        Args:
            place: The role, or `ROLE/CORPUS`.
        """
        return self._marks.get(place, self.mark)

    def setup(self, stage: str) -> None:
        """Learn the roles of the data.

        Raises:
            CrossEmoError: The data have other classes or another sampling rate.
            LeakError: The weights have seen what a training would be judged by.
        """
        super().setup(stage)
        data = self._data
        self._roles = list(data.roles) if data is not None else ["data"]
        if data is None:
            return
        if tuple(data.classes) != self.classes or data.task_kind != self.task.kind:
            raise CrossEmoError(
                f"The model's {self.task.kind} are {', '.join(self.classes)} and the "
                f"data's {data.task_kind} {', '.join(data.classes)}: build the model "
                "with classes=data.classes and task=data.task_kind."
            )
        self.task = data.task  # which knows its loss
        if data.sampling_rate != self.encoder.sampling_rate:
            raise CrossEmoError(
                f"{self.encoder.name} takes {self.encoder.sampling_rate} Hz and the "
                f"data have {data.sampling_rate} Hz: give the datamodule sampling_rate="
                f"{self.encoder.sampling_rate}."
            )

    def _seen_of(self, number: int, role: str, part: Part) -> dict[str, Judged]:
        """Return what was said of the clips of a role, and of each of its corpora.

        Returns:
            By role, and where it has several corpora, by `ROLE/CORPUS` too.
        """
        order, outputs, targets = self._seen.gather(number)
        predictions, places = self.task.predictions(outputs), order.tolist()
        if self._data is None:
            names = [str(place) for place in places]
            return {role: Judged(predictions, targets, names, places)}
        dataset = self._data.dataset(role, part)
        units = [dataset.units[place] for place in places]
        several = len(self._data.roles[role].members) > 1
        judged = Judged(predictions, targets, units, places)
        clips, judgements = dataset.clips, by_place(role, dataset, several, judged)
        for name, one in judgements.items():
            self._marks[name] = self.mark_on(clips[place].id for place in one.places)
        return judgements

    def _embed(self, hidden: HiddenStates) -> Tensor:
        """Return what the classifier gets of clips."""
        return self.head.embed(self.mix(hidden.states), hidden.mask)

    def _predict(self, batch: Batch) -> Prediction:
        embeddings = self._embed(as_hidden(self.encoder, batch))
        return {
            "outputs": self.head.classify(embeddings).float(),
            "embeddings": embeddings.float(),
            "indices": batch.indices,
            "targets": batch.targets,
            "counted": batch.counted,
        }

    def _judge(self, batch: Batch) -> Prediction:
        prediction = self._predict(batch)
        if not prediction["outputs"].isfinite().all():
            cause = "training diverged: lower lr or encoder_lr"
            if self.trainer.precision.startswith("16"):
                cause = (
                    f"training diverged or {self.trainer.precision} has too narrow a "
                    "range: use precision bf16-mixed or 32-true, or lower lr or "
                    "encoder_lr"
                )
            raise CrossEmoError(
                f"The model's outputs are no numbers any more, as {cause}."
            )
        return prediction

    def _named(self, part: str, mark: Mark) -> str:
        """Return a part's name in the logs; what a training watches keeps its own."""
        fair = not mark.leak or self.trainer.state.fn == TrainerFn.FITTING
        return part if fair else f"leak_{part}"

    def _log_scores(
        self, part: str, role: str, values: Mapping[str, Any], *stage: str
    ) -> None:
        for key, value in values.items():
            score, _, output = key.partition("/")
            # In a group of their own, recalls don't bury the other scores; those of a
            # test are single points, and in its confusion matrix.
            named = self._named(part, self.mark_at(role))
            group = f"{named}_{score}" if output else named
            self.log(
                "/".join((group, *stage, role, output or score)),
                value,
                prog_bar=key == self.task.headline,
                logger=part == "val" or not output,
            )


def _check_ranges(high: float = float("inf"), **values: float) -> None:
    for name, value in values.items():
        if not (0 <= value <= high and isfinite(value)):
            limits = "0 or more" if high == float("inf") else f"from 0 to {high:g}"
            raise CrossEmoError(f"{name} is {value:g}: choose a number {limits}.")
