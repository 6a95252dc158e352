"""The course of a run: validation scores and layer weights through its stages."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any

from lightning import Callback, LightningModule, Trainer

from crossemo.callbacks.parts import recogniser, study_of
from crossemo.data.trainer import data_of
from crossemo.report.study import after
from crossemo.runs.board import add_figure, show_figure
from crossemo.stages.clock import StageClock
from crossemo.stages.stage import chain_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARE = 0.05  # of the time that a figure which is drawn again and again takes at most


class Pace:
    """Says when to draw anew: rarely where epochs are short, always where a stage ends.

    Args:
        clock: Knows which stage is under way, set by a callback before; none if None.
    """

    def __init__(self, clock: StageClock | None = None) -> None:
        self._clock = clock
        self._next = -inf

    def due(self, epoch: int) -> bool:
        """Return whether to draw after an epoch; after the last one the end follows."""
        clock = self._clock
        if clock is not None and clock.finished(epoch + 1):
            return not clock.on_last
        return monotonic() >= self._next

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Take the time of a drawing, by which the next one comes later."""
        start = monotonic()
        yield
        end = monotonic()
        self._next = end + (end - start) / SHARE


class Course(Callback):
    """Draws the scores of all roles and the layer weights through the stages so far.

    After an epoch, where drawing takes a small share of the time, and after each stage.

    Args:
        clock: Knows which stage is under way, set by a callback before this one.
        figures: Whether to draw at all.
    """

    def __init__(self, clock: StageClock, figures: bool = True) -> None:
        self._clock = clock
        self._drawn = figures
        self._pace = Pace(clock)
        self._scores: dict[str, list[tuple[int, float]]] = {}
        self._stages: list[tuple[int, str]] = []
        self._weights: dict[str, list[float]] = {}

    def on_train_epoch_start(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> None:
        """Keep the weights that a stage begins with."""
        name = self._clock.name
        if name not in (stage for _, stage in self._stages):
            self._stages.append((trainer.current_epoch, name))
            self._keep_weights(pl_module, f"before {name}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the scores of the epoch's validation; draw all where it is time."""
        data = data_of(trainer)
        for role in data.roles:
            score = trainer.callback_metrics.get(f"val/{role}/score")
            if score is not None:
                point = (trainer.current_epoch, float(score))
                self._scores.setdefault(role, []).append(point)
        self._keep_weights(pl_module, f"after {self._clock.name}")
        if self._pace.due(trainer.current_epoch):
            with self._pace.timed():
                for tag, figure in self._figures(trainer, pl_module).items():
                    show_figure(trainer, tag, figure, _step(trainer))

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw all of it, and write it to the run's folder."""
        for tag, figure in self._figures(trainer, pl_module).items():
            add_figure(trainer, tag, figure, _step(trainer))

    def state_dict(self) -> dict[str, Any]:
        """Return what was kept so far."""
        return {
            "scores": self._scores,
            "stages": self._stages,
            "weights": self._weights,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what was kept so far."""
        self._scores, self._stages = state_dict["scores"], state_dict["stages"]
        self._weights = state_dict["weights"]

    def _figures(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, "Figure"]:
        """Return the figures of all that was kept so far, by tag."""
        if not (self._drawn and trainer.is_global_zero):
            return {}
        from crossemo.report.course import course_figure, stage_weights_figure
        from crossemo.report.style import mark_figure

        data, module = data_of(trainer), recogniser(pl_module)
        study, figures = study_of(trainer, module), {}
        if self._scores:
            clips = {role: len(data.dataset(role, "val")) for role in self._scores}
            scores = {study.name(role): one for role, one in self._scores.items()}
            title = study.title("Validation through the stages", clips)
            chance = data.task.chance or 0.0
            stages = [(epoch, study.name(name)) for epoch, name in self._stages]
            headline = data.task.headline
            figure = course_figure(scores, stages, chance, title, headline)
            mark_figure(figure, module.mark)
            figures["stages/scores"] = figure
        if self._weights:
            clips = {role: len(data.dataset(role, "train")) for role in data.roles}
            title = study.title("Layer weights around the stages", clips)
            weights = {}
            for label, shares in self._weights.items():
                when, stage = label.split(" ", 1)
                weights[f"{when} {study.name(stage)}"] = shares
            figures["stages/layer_weights"] = stage_weights_figure(weights, title)
            mark_figure(figures["stages/layer_weights"], module.mark)
        return figures

    def _keep_weights(self, module: LightningModule, label: str) -> None:
        mix = recogniser(module).mix
        if mix.index is None:
            self._weights[label] = mix.shares()


class LayerWeights(Callback):
    """Draws the softmaxed layer weights as `Course` does, and before every test.

    Where one layer is chosen there is nothing learnt, and nothing is drawn.

    Args:
        clock: Knows the stages of the run, and so what was learnt from; none if None.
    """

    def __init__(self, clock: StageClock | None = None) -> None:
        self._stages = {} if clock is None else clock.stages
        self._pace = Pace(clock)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the weights of this epoch, where it is time."""
        if self._pace.due(trainer.current_epoch):
            title = f"Layer weights, epoch {trainer.current_epoch}"
            with self._pace.timed():
                for tag, figure in self._figures(trainer, pl_module, "training", title):
                    show_figure(trainer, tag, figure, _step(trainer))

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the weights of the last epoch, and write them to the run's folder."""
        title = "Layer weights after the last epoch"
        for tag, figure in self._figures(trainer, pl_module, "training", title):
            add_figure(trainer, tag, figure, _step(trainer))

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the weights of the checkpoint that is tested."""
        module = recogniser(pl_module)
        name = module.test_name
        title = f"Layer weights{after(name, study_of(trainer, module))}"
        for tag, figure in self._figures(trainer, pl_module, name, title):
            add_figure(trainer, tag, figure, trainer.global_step)

    def _figures(
        self, trainer: Trainer, pl_module: LightningModule, name: str, title: str
    ) -> Iterator[tuple[str, "Figure"]]:
        """Yield the figure and its tag, if there is something to draw."""
        module = recogniser(pl_module)
        if module.mix.index is not None or not trainer.is_global_zero:
            return
        from crossemo.report.figures import layer_weights_figure  # and matplotlib
        from crossemo.report.style import mark_figure

        clips = {
            role: len(data_of(trainer).dataset(role, "train"))
            for role in self._roles(name)
        }
        title = study_of(trainer, module).title(title, clips)
        figure = layer_weights_figure(module.mix.shares(), title)
        mark_figure(figure, module.mark)
        yield f"layer_weights/{name}", figure

    def _roles(self, name: str) -> list[str]:
        """Return the roles that the weights of a stage have learnt from."""
        names = list(self._stages)
        last = names[-1] if names and name == "training" else name
        chain = chain_of(last, self._stages) if last in names else ()
        return list(dict.fromkeys(r for n in chain for r in self._stages[n].roles(n)))


class LearningRates(Callback):
    """Logs the rate of every part of the model, once: its vectors share it."""

    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """Log the rates that this step is taken with."""
        for group in trainer.optimizers[0].param_groups:
            if not group["name"].endswith("-vectors"):
                pl_module.log(f"lr/{group['name']}", group["lr"], rank_zero_only=True)


def _step(trainer: Trainer) -> int:
    """Return the step that the scalars of the last epoch have."""
    return trainer.global_step - 1
