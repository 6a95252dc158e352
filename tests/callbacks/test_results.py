from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from crossemo.callbacks import parts, results
from crossemo.callbacks.results import Results
from crossemo.data.gathering import Judged
from crossemo.data.marks import NO_MARK, Mark
from crossemo.sharing.reliability import Reliability
from crossemo.tasks.classes import Classes


def test_the_confusion_matrix_is_that_of_the_scores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures: dict[str, Figure] = {}

    def keep(trainer: Any, tag: str, figure: Figure, step: int) -> None:
        figures[tag] = figure

    monkeypatch.setattr(results, "add_figure", keep)
    labels = torch.tensor([0, 0, 0, 0, 1, 1])
    probabilities = torch.eye(2)[[0, 0, 0, 1, 1, 0]]
    groups = ["a", "b"] * 3
    task = Classes.of_outputs(("calm", "sad"))
    scores = task.evaluation(probabilities, labels, groups)
    corpus = SimpleNamespace(name="a-choir", domain="music")
    data = SimpleNamespace(roles={"target": corpus})
    monkeypatch.setattr(parts, "datamodule_of", lambda trainer: data)
    trainer: Any = SimpleNamespace(global_step=7, datamodule=data)
    module: Any = SimpleNamespace(
        task=task,
        classes=("calm", "sad"),
        test_name="source",
        mark=NO_MARK,
        hparams={"encoder": "here/tiny"},
        evaluations={"target": scores},
        reliability=Reliability(2.0),
    )
    module.mark_at = lambda place: module.mark
    judged = Judged(probabilities, labels, groups)
    Results()._draw(trainer, module, "target", judged)
    figure = figures["confusion/source/target"]
    # Recalls 3/4 and 1/2.
    title = "tiny: UA 62.5 %, stage source\na-choir (music, n=6)"
    assert figure.get_suptitle() == title
    shares = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_allclose(shares, [[0.75, 0.25], [0.5, 0.5]])
    # Always certain, and right of four of six, at whatever temperature.
    figure = figures["reliability/source/target"]
    assert figure.get_suptitle() == title.replace("UA 62.5 %", "calibration")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["as said, ECE 33.3 %", "calibrated, ECE 33.3 %"]
    module.reliability = None
    signed = title.replace("tiny", "tiny‡")
    for mark, first in (
        (Mark("the weights have seen a/1"), "LEAK: judged by seen clips"),
        (Mark(labels="fine-tuned on a (https://b/c)"), "‡ fine-tuned on a"),
        (Mark(sound="pretrained on a (https://b/c)"), "† pretrained on a"),
    ):
        module.mark = mark
        Results()._draw(trainer, module, "target", judged)
        title = signed.replace("‡", mark.sign)
        assert figures["confusion/source/target"].get_suptitle() == f"{first}\n{title}"
    diagram = figures["reliability/source/target"]
    names = [text.get_text() for text in diagram.legends[0].get_texts()]
    assert names == ["as said, ECE 33.3 %"]
    assert diagram.get_suptitle().startswith("† pretrained on a")
