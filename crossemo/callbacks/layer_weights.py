"""The learnt weights of the layers as bar charts."""

from lightning import Callback, LightningModule, Trainer

from crossemo.callbacks.parts import recogniser
from crossemo.callbacks.tensorboard import add_figure, title_of
from crossemo.recognizer import EmotionRecognizer
from crossemo.report.figures import layer_weights_figure


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
        weights = module.mix.weights().detach().float().cpu()
        figure = layer_weights_figure(weights.tolist(), title)
        add_figure(trainer, f"layer_weights/{name}", figure, step)
