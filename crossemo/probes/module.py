"""LayerwiseProbes: a probe on every layer of a frozen encoder, all at once."""

import logging
import warnings
from collections.abc import Mapping, Sized
from math import isfinite
from typing import Any, Literal, NoReturn, Self, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.marks import SIGNS, Mark
from crossemo.encoders.attention import Attention
from crossemo.encoders.exposure import Marks
from crossemo.errors import CrossEmoError
from crossemo.probes.base import Probes, Variant
from crossemo.probes.clips import ProbedClips, probed_clips
from crossemo.probes.fairness import probe_marks
from crossemo.probes.judgements import Judgements, judge
from crossemo.probes.linear import PENALTIES
from crossemo.probes.protocols import (
    ProbeHead,
    compared_settings,
    protocol_of,
    settings_of,
)
from crossemo.probes.solved_classes import Precision
from crossemo.probes.superb import RATES
from crossemo.probes.task import ProbeTask
from crossemo.probes.training_options import refuse_trainer
from crossemo.probes.views import Looks, Pooling, Views, read_views
from crossemo.runs.checkpoint_files import name_of, refuse_to_go_on
from crossemo.runs.checkpointed import Checkpointed

logger = logging.getLogger(__name__)


class LayerwiseProbes(Checkpointed):
    """Fits probes for every layer, fold, penalty and shuffle in one computation.

    The encoder sees each clip once. A `linear` probe is solved on standardised
    features. Of classes it is multinomial logistic regression at its optimum, all
    classes weighing the same, and the penalty of each layer, fold and variant is chosen
    on validation clips. Of values it is ridge regression in closed form, and the
    penalty of each value is chosen on training clips, each predicted by the fit without
    its unit (speaker, song). Then the probe is fitted on training and validation clips
    together. An epoch solves one view of one role. A `superb` probe is trained by
    AdamW, a step of all probes an epoch; each stops by its own validation clips, which
    also choose the learning rate. Probes get the result that they would have had
    alone: they share no parameter, no random number and no decision. Test clips are
    only judged.

    Where the data have several roles, probes learn from each of them and are judged on
    all. The data are given by `on`, not to the trainer, as probes load views of clips:
    `Trainer().fit(LayerwiseProbes("wavlm-base").on(data))`.

    Args:
        encoder: A name from the catalogue, a hub id, or a local folder.
        classes: Names of the classes or values in order, which the command line takes
            from the data; for the record, as the data's own are learnt.
        head: `linear`, or `superb`, a projection and a classifier, of classes only.
        pooling: What a probe sees of a clip: the `mean` of its frames, or `statistics`,
            their mean and standard deviation.
        layers: `all` hidden states, or some by index.
        folds: `all` folds of the split, or some by index.
        shuffles: How often to learn shuffled targets besides, for a line of what the
            probes reach where there is nothing to learn.
        references: `all` that can be had, or some of `level`, `timing`, `pitch`,
            `log-mel`, `eGeMAPS` and `random`, the encoder with random weights.
        speaker_norm: Bring each speaker's clips to zero mean and unit variance, for
            which all clips of the tested speakers are looked at, without their labels.
        penalties: Of `linear`: weights of the squares to choose from, in units of the
            features' width.
        precision: Of `linear` and classes: `float64`, which ends within 1e-8 of the
            optimum, or `float32`, within 1e-6 and about twice as fast.
        hidden: Of `superb`: width of the projection.
        rates: Of `superb`: learning rates to choose from.
        seeds: Of `superb`: seeds of the probes' first weights.
        weight_decay: Of `superb`: AdamW's.
        patience: Of `superb`: epochs without a better validation UA, or loss, after
            which a probe stops.
        seed: Seed of an encoder's random weights.
        allow_leak: Judge probes also by clips that the encoder has seen in a training
            of crossemo's; every table then says so.
        attention: How the encoder's blocks attend, see `load_encoder`. Belongs to the
            run, as does the next.
        compile: Compile the encoder's blocks with `torch.compile`.

    Raises:
        CrossEmoError: There is no such reference, layer or fold, an option is not
            the head's, or the head is not for the data's task.
    """

    def __init__(
        self,
        encoder: str = "wav2vec2-base",
        classes: tuple[str, ...] = (),
        head: ProbeHead = "linear",
        pooling: Pooling = "mean",
        layers: Literal["all"] | list[int] = "all",
        folds: Literal["all"] | list[int] = "all",
        shuffles: int = 3,
        references: Literal["all"] | list[str] = "all",
        speaker_norm: bool = False,
        penalties: tuple[float, ...] = PENALTIES,
        precision: Precision = "float64",
        hidden: int = 256,
        rates: tuple[float, ...] = RATES,
        seeds: tuple[int, ...] = (0, 1, 2),
        weight_decay: float = 0.01,
        patience: int = 300,
        seed: int = 0,
        allow_leak: bool = False,
        attention: Attention = "sdpa",
        compile: bool = False,
    ) -> None:
        super().__init__()
        # Lightning would wonder: probes judge themselves as they learn.
        warnings.filterwarnings("ignore", ".*have no `validation_step`")
        _refuse(layers=layers, folds=folds)
        if shuffles < 0:
            raise CrossEmoError(f"model.shuffles is {shuffles}: give 0 or more.")
        self.save_hyperparameters(ignore=["allow_leak", "attention", "compile"])
        self.allow_leak, self.marks = allow_leak, Marks({})
        self.strict = False
        self.pace: dict[str, Any] = {"attention": attention, "compile": compile}
        self.classes = classes
        self.seed = seed
        self.automatic_optimization = False
        self.protocol = protocol_of(head, self.hparams)
        self.data: EmotionDataModule | None = None
        self.judgements: Judgements | None = None  # there when all have learnt
        self.probes = nn.ModuleList()
        self.tasks = nn.ModuleList()

    @property
    def mark(self) -> Mark:
        """What is said of the run as a whole."""
        return self.marks.whole

    @property
    def variants(self) -> list[Variant]:
        """Seeds of each variant: of first weights, and of shuffled targets, if any."""
        return self.protocol.variants(self.hparams["shuffles"])

    def on(self, data: EmotionDataModule) -> Self:
        """Say whose clips are probed.

        Args:
            data: A datamodule, set up or not.

        Raises:
            CrossEmoError: The head can't learn its task.
        """
        self.protocol.summary(data.task)
        self.data = data
        return self

    def prepare_data(self) -> None:
        """Have the data prepared; called in one process per machine."""
        data = self.probed
        data.prepare_data()
        data.setup()  # refuses what can't be split before callbacks leave files
        self._judged(data)

    def setup(self, stage: str) -> None:
        """Read the views of all clips and make their probes.

        Raises:
            CrossEmoError: There is no such layer, fold or reference, no data, or the
                trainer would leave probes unlearnt.
        """
        super().setup(stage)
        refuse_trainer(self.trainer)
        if len(self.probes):
            return
        data = self.probed
        data.setup(stage)
        self.clips = self._judged(data)
        views = self._read(data)
        self.views = list(views)
        shuffles = [shuffle for _, shuffle in self.variants]
        for role in range(len(self.clips.names)):
            task = ProbeTask(self.clips, role, shuffles)
            self.tasks.append(task)
            for values in views.values():
                self.probes.append(self.protocol.probes(task, values))
        self._values = list(views.values())
        loop, enough = self.trainer.fit_loop, self.protocol.epochs(len(self.probes))
        if enough and not 0 <= (loop.max_epochs or -1) < enough:
            loop.max_epochs = enough

    def train_dataloader(self) -> DataLoader[Any]:
        """Return a loader of one batch, all clips: `(clips, width)` of every view."""
        return DataLoader(cast(Dataset[Any], [self._values]), batch_size=None)

    def configure_optimizers(self) -> Optimizer:
        """Build the optimizer of the protocol."""
        return self.protocol.optimizer(self._all())

    def on_fit_start(self) -> None:
        """Judge what was finished before, as no epoch is left then."""
        if not self.unfinished():
            self.judgements = self._judge()

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """Have the probes learn that are due.

        Args:
            batch: `(clips, width)` of every view.
            batch_idx: Always 0.
        """
        optimizer, probes = cast(Any, self.optimizers()), self._all()
        optimizer.zero_grad()
        for number in self.protocol.due(probes):
            probes[number].learn(batch[number % len(self.views)])
        optimizer.step()
        left = self.unfinished()
        self.log("probes_left_%", 100 * left, prog_bar=True, batch_size=1)
        true = [shuffle is None for _, shuffle in self.variants]
        for role, name in enumerate(self.clips.names):
            best = max(float(one.scores()[:, true].mean()) for one in self._of(role))
            if isfinite(best):  # of probes that have learnt
                self.log(f"val/{name}/score", best, batch_size=1)
        if self.trainer.strategy.reduce_boolean_decision(not left, all=True):
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Have a checkpoint tell the clips that its probes are of."""
        checkpoint["clips"] = self.clips.digest()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse what other probes were.

        Raises:
            CrossEmoError: The checkpoint is of other settings or data.
        """
        refuse_to_go_on(checkpoint)
        stored = checkpoint.get("hyper_parameters", {})
        other = [
            name for name in self.hparams if stored.get(name) != self.hparams[name]
        ]
        same_clips = checkpoint.get("clips") == self.clips.digest()
        shapes = _shapes(self.state_dict()), _shapes(checkpoint["state_dict"])
        if other or not same_clips or shapes[0] != shapes[1]:
            raise CrossEmoError(
                f"The {name_of(checkpoint)} is of other probes "
                f"({', '.join(other) or 'data'}): go on with the same settings and "
                "data, or begin without --ckpt_path."
            )

    @classmethod
    def load_from_checkpoint(cls, *_: object, **__: object) -> NoReturn:
        """Refuse: probes are made of data.

        Raises:
            CrossEmoError: Always.
        """
        raise CrossEmoError(
            "Probes are made of their data and can't be loaded without: go on with "
            "Trainer().fit(LayerwiseProbes(...).on(data), ckpt_path=...)."
        )

    def on_train_end(self) -> None:
        """Judge the best probes on the test clips, if all have learnt."""
        absent = sum(bool(one.scores().isinf().any()) for one in self._all())
        if not absent:
            self.judgements = self._judge()
        elif not cast(Any, self.trainer).fast_dev_run:
            logger.warning(
                f"{absent} of {len(self.probes)} views are not solved yet, so nothing "
                "is judged: go on with --ckpt_path last."
            )

    def _judge(self) -> Judgements:
        chosen = [
            [one.chosen() for one in self._of(role)]
            for role in range(len(self.clips.names))
        ]
        roles = self.probed.roles.items()
        about = {
            "encoder": self.hparams["encoder"],
            "corpora": {role: corpus.name for role, corpus in roles},
            **dict.fromkeys(SIGNS, ""),
            **self.mark.columns,
            "marks": {role: self.marks.at(role).columns for role, _ in roles},
            "settings": compared_settings(self.hparams),
        }
        fitted, variants = self.protocol.fitted, self.variants
        return judge(
            chosen, fitted, self._values, self.views, self.clips, variants, about
        )

    @property
    def folds(self) -> list[int]:
        """Numbers of the folds that are probed."""
        folds = self.hparams["folds"]
        return list(range(len(self.clips.parts))) if folds == "all" else list(folds)

    def describe(self) -> dict[str, Any]:
        """Return what data, folds and probes were, ready for JSON."""
        return {
            **self.probed.describe(),
            **self.mark.columns,
            "folds": self.clips.describe(),
            "model": settings_of(self.hparams),
            "probes": self.protocol.describe(self._all()),
        }

    def unfinished(self) -> float:
        """Return the share of the probes that aren't what they will be."""
        shares = [one.unfinished() for one in self._all()]
        return sum(shares) / len(shares)

    def warnings(self) -> list[str]:
        """Return sentences on probes that could have been better."""
        return list(self.protocol.warnings(self._all()))

    def hidden_states(self) -> tuple[Tensor, list[int]]:
        """Return the encoder's features, `(clips, layers, width)`, and the layers."""
        layers = {
            view.layer: values
            for view, values in zip(self.views, self._values, strict=True)
            if view.kind == "encoder" and view.layer is not None
        }
        return torch.stack(list(layers.values()), 1), list(layers)

    @property
    def probed(self) -> EmotionDataModule:
        """The datamodule whose clips are probed."""
        if self.data is None:
            raise CrossEmoError(
                "Probes have no data yet: say whose clips are probed by "
                "LayerwiseProbes(...).on(data), and give the trainer the probes alone."
            )
        self.data.trainer = self.trainer
        return self.data

    def _judged(self, data: EmotionDataModule) -> ProbedClips:
        clips = probed_clips(data).only(self.hparams["folds"])
        self.marks = probe_marks(
            self.hparams["encoder"],
            data,
            clips,
            clips.names,
            allowed=self.allow_leak,
            strict=self.strict,
        )
        return clips

    def _read(self, data: EmotionDataModule) -> Views:
        fields = ("encoder", "layers", "pooling", "references", "speaker_norm", "seed")
        looks = Looks(**{name: self.hparams[name] for name in fields}, **self.pace)
        device, speaks = self.trainer.strategy.root_device, self.trainer.is_global_zero
        with torch.random.fork_rng(devices=[]):
            return read_views(data, self.clips, looks, device, speaks)

    def _all(self) -> list[Probes]:
        return [one for one in self.probes if isinstance(one, Probes)]

    def _of(self, role: int) -> list[Probes]:
        """Return the probes that learn from a role, one of each view."""
        start = role * len(self.views)
        return self._all()[start : start + len(self.views)]


def _refuse(**lists: Sized) -> None:
    for name, values in lists.items():
        if not len(values):
            raise CrossEmoError(f"model.{name} is empty: give at least one.")


def _shapes(state: Mapping[str, Any]) -> list[Any]:
    """Return the shapes of all tensors, those of solved probes among them."""
    tensors = [
        value["maps"] if isinstance(value, dict) else [value]
        for value in state.values()
    ]
    return [tensor.shape for same in tensors for tensor in same]
