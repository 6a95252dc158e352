"""Train a frozen encoder's head from features that are computed once."""

from collections.abc import Mapping

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info

from crossemo.callbacks.parts import data_of, recogniser
from crossemo.features import KeptClips, keep_features
from crossemo.recognizer import EmotionRecognizer
from crossemo.selection import trained_names
from crossemo.stages import Stage


class KeptFeatures(Callback):
    """Lets an encoder that no stage trains see each clip once, where that is all one.

    With mean pooling it is: the mean over frames commutes with the weighted sum and
    with the projection, so a clip's mean hidden states give its logits exactly. They
    don't commute with a layer norm of each frame or with attentive pooling; then, and
    under reduced precision, the encoder stays in the loop.

    Args:
        stages: The stages of the run.
    """

    def __init__(self, stages: Mapping[str, Stage]) -> None:
        self.stages = dict(stages)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compute the features that are not kept yet, and serve them from now on."""
        data, module = data_of(trainer), recogniser(pl_module)
        if not self._serves(trainer, module):
            return
        datasets = data.datasets()
        features = keep_features(
            module.encoder,
            datasets,
            data.batch_size,
            cache_dir=data.cache_dir,
            progress=trainer.is_global_zero,
        )
        for dataset in datasets:
            dataset.store = KeptClips(dataset, features)
        rank_zero_info(
            "The encoder is frozen, so it sees each clip once: training goes on from "
            "its kept features, to the same result (--keep_features false has it see "
            "them in every epoch)."
        )

    def _serves(self, trainer: Trainer, module: EmotionRecognizer) -> bool:
        hyper = module.hparams
        trained = set().union(
            *(trained_names(module, stage.train) for stage in self.stages.values())
        )
        elsewhere = any(stage.starts_elsewhere for stage in self.stages.values())
        return (
            module.encoder.tuning == "frozen"
            and not any(name.startswith("encoder.") for name in trained)
            and not elsewhere  # another run may have trained its encoder
            and hyper["pooling"] == "mean"
            and not hyper["layer_norm"]
            and trainer.precision == "32-true"
        )
