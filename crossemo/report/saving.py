"""Figures as files for papers and as pictures for TensorBoard."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.text import Text
from torch import Tensor

from crossemo.files import replacing
from crossemo.report.style import PRINTED_DPI, showable, styled

# `savefig` would draw each twice, the first time to ask for its size. Without dates, so
# that the same numbers give the same bytes.
_CANVASES = {
    "png": (FigureCanvasAgg, {"Software": None}),
    "pdf": (FigureCanvasPdf, {"CreationDate": None}),
    "svg": (FigureCanvasSVG, {"Date": None}),
}
_LONGEST = 100  # bytes of a file's name


def figure_to_tensor(figure: Figure) -> Tensor:
    """Return a figure as `(3, height, width)` uint8, as `add_image` takes it."""
    canvas = figure.canvas
    if not isinstance(canvas, FigureCanvasAgg):
        canvas = FigureCanvasAgg(figure)
    with styled():
        _make_showable(figure)
        if figure.stale:  # a figure that is saved and shown is drawn once
            canvas.draw()  # type: ignore[no-untyped-call]
            figure.set_layout_engine("none")  # once is enough
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def save_figure(
    figure: Figure, folder: Path, tag: str, kinds: Sequence[str] = ("png", "pdf")
) -> None:
    """Write a figure in several forms, each under a temporary name at first.

    Args:
        figure: The figure; it is finished, and can't be laid out anew.
        folder: The folder of a run; figures lie in `figures` there.
        tag: Its name, such as `confusion/target/source`.
        kinds: The forms: `png`, `pdf`, `svg`.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    write_figure(figure, folder / "figures" / file_stem(tag), kinds)


def write_figure(
    figure: Figure, stem: Path, kinds: Sequence[str] = ("png", "pdf")
) -> None:
    """Write a figure in several forms; the same as `save_figure`, to any place.

    Args:
        figure: The figure.
        stem: The files' name without its ending.
        kinds: The forms: `png`, `pdf`, `svg`.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    with styled():
        _make_showable(figure)
        figure.set_dpi(PRINTED_DPI)
        if figure.get_layout_engine() is not None:
            figure.draw_without_rendering()
            figure.set_layout_engine("none")  # once is enough
        for kind in kinds:
            with replacing(Path(f"{stem}.{kind}")) as path:
                canvas, metadata = _CANVASES[kind]
                write = getattr(canvas(figure), f"print_{kind}")
                write(path, metadata=metadata)


def file_stem(tag: str) -> str:
    """Return the name of a figure's files, which any file system bears.

    >>> file_stem("confusion/target/source"), file_stem("../a b"), file_stem("")
    ('confusion_target_source', '___a_b', 'figure')
    """
    stem = "".join(one if one.isalnum() or one in "-_" else "_" for one in tag)
    if len(stem.encode()) > _LONGEST:
        digest = blake2b(stem.encode(), digest_size=4).hexdigest()
        stem = f"{stem.encode()[:_LONGEST].decode(errors='ignore')}_{digest}"
    return stem or "figure"


def _make_showable(figure: Figure) -> None:
    """Have every text shown as it is: no mathematics, no glyph that isn't there."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
        text.set_text(showable(text.get_text()))
