"""The parts of a run, by the types that crossemo gives them."""

from typing import cast

from lightning import LightningModule

from crossemo.recognizer import EmotionRecognizer


def recogniser(module: LightningModule) -> EmotionRecognizer:
    """Return the module of a run as a recogniser."""
    return cast(EmotionRecognizer, module)


def title_of(what: str, module: EmotionRecognizer) -> str:
    """Return a figure's title, with the stage whose best weights are tested."""
    stage = module.test_name
    return what if stage == "test" else f"{what}, stage {stage}"
