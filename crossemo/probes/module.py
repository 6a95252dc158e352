"""LayerwiseProbes: a classifier on every layer of a frozen encoder, all at once."""

import warnings
from collections.abc import Sized
from typing import Any, Literal, Self, cast

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from crossemo.data.datamodule import EmotionDataModule
from crossemo.errors import CrossEmoError
from crossemo.probes.bank import ProbeBank, ProbeHead
from crossemo.probes.clips import ProbedClips, probed_clips
from crossemo.probes.fairness import probe_leaks
from crossemo.probes.judgements import Judgements, judge
from crossemo.probes.task import ProbeTask
from crossemo.probes.trained import TrainedProbes
from crossemo.probes.views import Looks, Pooling, Views, read_views

RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)

# What makes runs on two encoders comparable.
SETTINGS = (
    "head",
    "hidden",
    "patience",
    "pooling",
    "rates",
    "seeds",
    "speaker_norm",
    "weight_decay",
)


class LayerwiseProbes(LightningModule):
    """Trains probes for every layer, fold, learning rate and seed in one computation.

    The encoder sees each clip once. Every probe is trained by AdamW on all its training
    clips at each step (an epoch is one step), all classes weighing the same, on
    features that are standardised by its training clips. It gets the result that it
    would have had alone: probes share no parameter, no random number and no decision.
    Each stops by its own validation clips, which also choose the learning rate of each
    layer, fold and seed; test clips are only judged.

    Where the data have several roles, probes learn from each of them and are judged on
    all. The data are given by `on`, not to the trainer, as probes load views of clips:
    `Trainer().fit(LayerwiseProbes("wavlm-base").on(data))`.

    Args:
        encoder: A name from the catalogue, a hub id, or a local folder.
        classes: Names of the classes in order, which the command line takes from the
            data; for the record, as the data's own are learnt.
        head: `linear`, or `superb`, a projection and a classifier.
        hidden: Width of the projection.
        pooling: What a probe sees of a clip: the `mean` of its frames, or `statistics`,
            their mean and standard deviation.
        layers: `all` hidden states, or some by index.
        folds: `all` folds of the split, or some by index.
        rates: Learning rates to choose from.
        seeds: Seeds of the probes' first weights.
        shuffles: How often to train on shuffled labels besides, for a line of what the
            probes reach where there is nothing to learn.
        references: `all` that can be had, or some of `level`, `timing`, `pitch`,
            `log-mel`, `eGeMAPS` and `random`, the encoder with random weights.
        speaker_norm: Bring each speaker's clips to zero mean and unit variance, for
            which all clips of the tested speakers are looked at, without their labels.
        weight_decay: AdamW's.
        patience: Epochs without a better validation UA, or loss, after which a probe
            stops.
        seed: Seed of an encoder's random weights.
        allow_leak: Judge probes also by clips that the encoder has seen in a training
            of crossemo's; every table then says so.

    Raises:
        CrossEmoError: There is no such reference, layer or fold.
    """

    def __init__(
        self,
        encoder: str = "wav2vec2-base",
        classes: tuple[str, ...] = (),
        head: ProbeHead = "linear",
        hidden: int = 256,
        pooling: Pooling = "mean",
        layers: Literal["all"] | list[int] = "all",
        folds: Literal["all"] | list[int] = "all",
        rates: tuple[float, ...] = RATES,
        seeds: tuple[int, ...] = (0, 1, 2),
        shuffles: int = 3,
        references: Literal["all"] | list[str] = "all",
        speaker_norm: bool = False,
        weight_decay: float = 0.01,
        patience: int = 30,
        seed: int = 0,
        allow_leak: bool = False,
    ) -> None:
        super().__init__()
        # Lightning would wonder: probes judge themselves as they train.
        warnings.filterwarnings("ignore", ".*have no `validation_step`")
        _refuse(rates=rates, seeds=seeds, layers=layers, folds=folds)
        if min(seeds) < 0:  # which are those of the shuffles
            raise CrossEmoError(f"model.seeds are {seeds}: give numbers from 0.")
        if min(rates) <= 0 or patience < 1 or shuffles < 0:
            raise CrossEmoError(
                f"Rates {rates}, patience {patience} and shuffles {shuffles} train "
                "nothing: rates are above 0, patience is 1 or more, shuffles 0 or more."
            )
        self.save_hyperparameters(ignore=["allow_leak"])
        self.allow_leak, self.leak_mark = allow_leak, ""
        self.classes = classes
        self.seed = seed
        self.automatic_optimization = False
        self.data: EmotionDataModule | None = None
        self.judgements: Judgements | None = None  # there after the training
        self.probes = nn.ModuleList()
        self.tasks = nn.ModuleList()

    @property
    def variants(self) -> list[tuple[int, int | None]]:
        """Seeds of each variant: of first weights, and of shuffled labels, if any."""
        seeds, count = self.hparams["seeds"], self.hparams["shuffles"]
        # Weights of their own, as first weights favour classes that nothing corrects.
        return [*((s, None) for s in seeds), *((-1 - n, n) for n in range(count))]

    def on(self, data: EmotionDataModule) -> Self:
        """Say whose clips are probed.

        Args:
            data: A datamodule, set up or not.
        """
        self.data = data
        return self

    def prepare_data(self) -> None:
        """Have the data prepared; called in one process per machine."""
        data = self._probed()
        data.prepare_data()
        data.setup()  # refuses what can't be split before callbacks leave files
        self._judged(data)

    def setup(self, stage: str) -> None:
        """Read the views of all clips and make their probes.

        Raises:
            CrossEmoError: There is no such layer, fold or reference, or no data.
        """
        if len(self.probes):
            return
        data = self._probed()
        data.setup(stage)
        self.clips = self._judged(data)
        views = self._read(data)
        self.views = list(views)
        seeds = [seed for seed, _ in self.variants]
        shuffles = [shuffle for _, shuffle in self.variants]
        for role in range(len(self.clips.names)):
            task = ProbeTask(self.clips, role, shuffles)
            self.tasks.append(task)
            for values in views.values():
                banks = [self._bank(values.shape[1], seeds) for _ in self._rates]
                patience = self.hparams["patience"]
                self.probes.append(TrainedProbes(task, values, banks, patience))
        self._values = list(views.values())

    def train_dataloader(self) -> DataLoader[Any]:
        """Return a loader of one batch, all clips: `(clips, width)` of every view."""
        return DataLoader(cast(Dataset[Any], [self._values]), batch_size=None)

    def configure_optimizers(self) -> Optimizer:
        """Build AdamW with a group of parameters for each learning rate."""
        trained = self._trained()
        groups = [
            {
                "params": [p for one in trained for p in one.banks[k].parameters()],
                "lr": rate,
                "name": f"rate {rate:g}",
            }
            for k, rate in enumerate(self._rates)
        ]
        return torch.optim.AdamW(groups, weight_decay=self.hparams["weight_decay"])

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """Judge all probes on their validation clips and take a step with each.

        Args:
            batch: `(clips, width)` of every view.
            batch_idx: Always 0.
        """
        optimizer = cast(Any, self.optimizers())
        optimizer.zero_grad()
        for number, one in enumerate(self._trained()):
            one.learn(batch[number % len(self.views)])
        optimizer.step()
        running = self.running()
        self.log("probes_left_%", 100 * running, prog_bar=True, batch_size=1)
        for role, name in enumerate(self.clips.names):
            best = max(float(one.recall.amax(1).mean()) for one in self._of(role))
            self.log(f"val/{name}/score", best, batch_size=1)
        if self.trainer.strategy.reduce_boolean_decision(not running, all=True):
            self.trainer.should_stop = True

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse what other probes were.

        Raises:
            CrossEmoError: The checkpoint is of other settings or data.
        """
        stored = checkpoint["hyper_parameters"]
        other = [
            name for name in self.hparams if stored.get(name) != self.hparams[name]
        ]
        shapes = [value.shape for value in self.state_dict().values()]
        if other or shapes != [v.shape for v in checkpoint["state_dict"].values()]:
            raise CrossEmoError(
                f"The checkpoint is of other probes ({', '.join(other) or 'data'}): go "
                "on with the same settings and data, or begin without --ckpt_path."
            )

    def on_train_end(self) -> None:
        """Judge the best probes on the test clips."""
        trained = [self._of(role) for role in range(len(self.clips.names))]
        like = trained[0][0].mean  # in device and precision
        values = [one.to(like) for one in self._values]
        roles = self._probed().roles.items()
        about = {
            "encoder": self.hparams["encoder"],
            "corpora": {role: corpus.name for role, corpus in roles},
            "leak": self.leak_mark,
            "settings": {name: self.hparams[name] for name in SETTINGS},
        }
        self.judgements = judge(
            trained, values, self.views, self.clips, self.variants, self._rates, about
        )

    def describe(self) -> dict[str, Any]:
        """Return what the data and the folds were, ready for JSON."""
        mark = {"leak": self.leak_mark} if self.leak_mark else {}
        return {**self._probed().describe(), **mark, "folds": self.clips.describe()}

    def running(self) -> float:
        """Return the share of the probes that haven't stopped."""
        left = [(one.waited < one.patience).double().mean() for one in self._trained()]
        return float(torch.stack(left).mean())

    def hidden_states(self) -> tuple[Tensor, list[int]]:
        """Return the encoder's features, `(clips, layers, width)`, and the layers."""
        layers = {
            view.layer: values
            for view, values in zip(self.views, self._values, strict=True)
            if view.kind == "encoder" and view.layer is not None
        }
        return torch.stack(list(layers.values()), 1), list(layers)

    def _probed(self) -> EmotionDataModule:
        if self.data is None:
            raise CrossEmoError(
                "Probes have no data yet: say whose clips are probed by "
                "LayerwiseProbes(...).on(data), and give the trainer the probes alone."
            )
        self.data.trainer = self.trainer
        return self.data

    @property
    def _rates(self) -> tuple[float, ...]:
        rates: tuple[float, ...] = tuple(self.hparams["rates"])
        return rates

    def _judged(self, data: EmotionDataModule) -> ProbedClips:
        clips = probed_clips(data).only(self.hparams["folds"])
        encoder = self.hparams["encoder"]
        self.leak_mark = probe_leaks(encoder, data, clips, allowed=self.allow_leak)
        return clips

    def _read(self, data: EmotionDataModule) -> Views:
        fields = ("encoder", "layers", "pooling", "references", "speaker_norm", "seed")
        looks = Looks(**{name: self.hparams[name] for name in fields})
        device, speaks = self.trainer.strategy.root_device, self.trainer.is_global_zero
        with torch.random.fork_rng(devices=[]):
            return read_views(data, self.clips, looks, device, speaks)

    def _trained(self) -> list[TrainedProbes]:
        return [one for one in self.probes if isinstance(one, TrainedProbes)]

    def _of(self, role: int) -> list[TrainedProbes]:
        """Return the probes that learn from a role, one of each view."""
        start = role * len(self.views)
        return self._trained()[start : start + len(self.views)]

    def _bank(self, width: int, seeds: list[int]) -> ProbeBank:
        hidden = self.hparams["hidden"] if self.hparams["head"] == "superb" else None
        folds = len(self.clips.parts)
        return ProbeBank(folds, seeds, width, len(self.clips.classes), hidden)


def _refuse(**lists: Sized) -> None:
    for name, values in lists.items():
        if not len(values):
            raise CrossEmoError(f"model.{name} is empty: give at least one.")
