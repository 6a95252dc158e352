"""The course of a run: validation scores and layer weights through its stages."""

from typing import Any

from lightning import Callback, LightningModule, Trainer

from crossemo.callbacks.parts import data_of, recogniser
from crossemo.callbacks.tensorboard import add_figure
from crossemo.clock import StageClock
from crossemo.report.course import course_figure, stage_weights_figure


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
            score = trainer.callback_metrics.get(f"val/{role}/UA")
            if score is not None:
                point = (trainer.current_epoch, float(score))
                self._scores.setdefault(role, []).append(point)
        self._keep_weights(pl_module, f"after {self._clock.name}")
        step = trainer.global_step - 1  # the step that the scalars of this epoch have
        chance = 1 / len(data.classes)
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
