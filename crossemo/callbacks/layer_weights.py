"""The learnt weights of the layers, as scalars over training and as bar charts."""

from lightning import Callback, LightningModule, Trainer

from crossemo.callbacks.parts import recogniser
from crossemo.callbacks.tensorboard import add_figure
from crossemo.recognizer import EmotionRecognizer
from crossemo.report.figures import layer_weights_figure


class LayerWeights(Callback):
    """Draws the softmaxed layer weights after every epoch and before every test."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the weights of this epoch."""
        self._draw(trainer, recogniser(pl_module), "layer_weights/training")

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the weights of the checkpoint that is tested."""
        module = recogniser(pl_module)
        self._draw(trainer, module, f"layer_weights/{module.test_name}")

    def _draw(self, trainer: Trainer, module: EmotionRecognizer, tag: str) -> None:
        weights = module.mix.weights().detach().float().cpu()
        figure = layer_weights_figure(weights.tolist())
        add_figure(trainer, tag, figure, trainer.global_step)
