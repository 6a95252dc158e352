"""What a fit imports, imported once by the server that the runs of a grid fork from.

Nothing here may start a thread or touch a GPU, which no fork has. Libraries that a fit
imports where it uses them are named, so that each run needn't.
"""

from contextlib import suppress
from importlib import import_module

from crossemo.commands.imports import load

LATER = (
    "crossemo.callbacks.progress",
    "crossemo.report.course",
    "crossemo.report.figures",
    "crossemo.report.value_figures",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "peft",
    "scipy.stats",
    "torch.utils.tensorboard",
    "torchaudio",
    "transformers.models.hubert.modeling_hubert",
    "transformers.models.wav2vec2.modeling_wav2vec2",
    "transformers.models.wavlm.modeling_wavlm",
)

load("launch")
for name in LATER:
    with suppress(ImportError):
        import_module(name)
