"""Train a frozen encoder's head from features that are computed once."""

from collections.abc import Mapping
from typing import Literal

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info

from crossemo.callbacks.parts import recogniser
from crossemo.corpora.base import PARTS
from crossemo.data.batch import Content
from crossemo.data.trainer import data_of
from crossemo.features.frames import keep_frames
from crossemo.features.hidden import HiddenStore, keep_features
from crossemo.recognizer import EmotionRecognizer
from crossemo.stages.selection import trained_names
from crossemo.stages.stage import Stage

Unit = Literal["clips", "frames"]


class KeptFeatures(Callback):
    """Lets an encoder that no stage trains see each clip once, where that is all one.

    With mean pooling it is: the mean over frames commutes with the weighted sum and
    with the projection, so a clip's mean hidden states give its logits exactly. They
    don't commute with a layer norm of each frame or with attentive pooling; these need
    all frames, which take some hundred times the room of means. Where what is kept
    won't do, and under reduced precision, the encoder stays in the loop.

    Of a clip that is cut into windows, training hears the mean of all instead of a
    random one, and judges it alike. Frames can't give that: it is the mean of what the
    model says of each window, and kept frames are those of the whole clip.

    Args:
        stages: The stages of the run.
        unit: What is kept of every hidden state: the means of `clips`, or all `frames`.
    """

    def __init__(self, stages: Mapping[str, Stage], unit: Unit = "clips") -> None:
        self.stages = dict(stages)
        self.unit = unit

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compute the features that are not kept yet, and serve them from now on."""
        data, module = data_of(trainer), recogniser(pl_module)
        cut = any(one.cuts_clips for one in data.datasets())
        if not self._serves(trainer, module, cut):
            return
        keep = keep_features if self.unit == "clips" else keep_frames
        features = keep(
            module.encoder,
            data.datasets(),
            batch_size=data.batch_size,
            cache_dir=data.cache_dir,
            progress=trainer.is_global_zero,
            batch_samples=data.batch_samples,
        )
        content: Content = "means" if self.unit == "clips" else "frames"
        data.serve_from(
            {
                role: {
                    part: HiddenStore(data.dataset(role, part), features, content)
                    for part in PARTS
                }
                for role in data.roles
            }
        )
        rank_zero_info(
            "The encoder is frozen, so it sees each clip once: training goes on from "
            "its kept features, %s (--keep_features false has it see them in every "
            "epoch).",
            "of long clips from the mean of all windows instead of a random one"
            if cut
            else "to the same result",
        )

    def _serves(self, trainer: Trainer, module: EmotionRecognizer, cut: bool) -> bool:
        hyper = module.hparams
        means_do = hyper["pooling"] == "mean" and not hyper["layer_norm"]
        trained = set().union(
            *(trained_names(module, stage.train) for stage in self.stages.values())
        )
        elsewhere = any(stage.starts_elsewhere for stage in self.stages.values())
        return (
            module.encoder.tuning == "frozen"
            and not any(name.startswith("encoder.") for name in trained)
            and not elsewhere  # another run may have trained its encoder
            and (means_do if self.unit == "clips" else not cut)
            and trainer.precision == "32-true"
        )
