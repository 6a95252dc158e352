"""The course of a run: validation scores and layer weights through its stages."""

from typing import Any

from lightning import Callback, LightningModule, Trainer

from crossemo.callbacks.parts import recogniser, title_of
from crossemo.data.trainer import data_of
from crossemo.recognizer import EmotionRecognizer
from crossemo.runs.board import add_figure
from crossemo.stages.clock import StageClock


class Course(Callback):
    """Draws, after every epoch, the scores of all roles and the layer weights so far.

    Args:
        clock: Knows which stage is under way, set by a callback before this one.
    """

    def __init__(self, clock: StageClock) -> None:
        self._clock = clock
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
        """Keep the scores of the epoch's validation and draw all."""
        data = data_of(trainer)
        for role in data.roles:
            score = trainer.callback_metrics.get(f"val/{role}/score")
            if score is not None:
                point = (trainer.current_epoch, float(score))
                self._scores.setdefault(role, []).append(point)
        self._keep_weights(pl_module, f"after {self._clock.name}")
        step = trainer.global_step - 1  # the step that the scalars of this epoch have
        from crossemo.report.course import course_figure, stage_weights_figure

        chance = data.task.chance or 0.0
        figure = course_figure(self._scores, self._stages, chance)
        add_figure(trainer, "stages/scores", figure, step)
        if self._weights:
            figure = stage_weights_figure(self._weights)
            add_figure(trainer, "stages/layer_weights", figure, step)

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

    def _keep_weights(self, module: LightningModule, label: str) -> None:
        mix = recogniser(module).mix
        if mix.index is None:
            self._weights[label] = mix.weights().detach().float().cpu().tolist()


class LayerWeights(Callback):
    """Draws the softmaxed layer weights after every epoch and before every test.

    Where one layer is chosen there is nothing learnt, and nothing is drawn.
    """

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the weights of this epoch."""
        title = f"layer weights, epoch {trainer.current_epoch}"
        # The step that the scalars of this epoch have.
        step = trainer.global_step - 1
        self._draw(trainer, recogniser(pl_module), "training", title, step)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the weights of the checkpoint that is tested."""
        module = recogniser(pl_module)
        title = title_of("layer weights", module)
        self._draw(trainer, module, module.test_name, title, trainer.global_step)

    def _draw(
        self,
        trainer: Trainer,
        module: EmotionRecognizer,
        name: str,
        title: str,
        step: int,
    ) -> None:
        if module.mix.index is not None:
            return
        from crossemo.report.figures import layer_weights_figure  # and matplotlib

        weights = module.mix.weights().detach().float().cpu()
        figure = layer_weights_figure(weights.tolist(), title)
        add_figure(trainer, f"layer_weights/{name}", figure, step)


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
