"""From what a user names to the model that is judged."""

from pathlib import Path

from crossemo.encoders import EncoderError
from crossemo.encoders.sources import Source, at_one_commit, fetch, find_source
from crossemo.errors import shortened
from crossemo.files import expanded
from crossemo.judging.audio_classifier import read_classifier
from crossemo.judging.candidate import Candidate
from crossemo.judging.trained_recogniser import TrainedRecogniser
from crossemo.recognizer import EmotionRecognizer
from crossemo.sharing.model_facts import FILE


def open_candidate(model: str) -> Candidate:
    """Read a model that is to be judged.

    Args:
        model: The folder of a run or a checkpoint of crossemo; a folder or a hub id
            `owner/name[@revision]` that `crossemo export` or transformers wrote.

    Raises:
        CrossEmoError: There is no such model, or it can't be read whole.
    """
    path = expanded(model)
    if path.is_file() or (path / FILE).is_file() or (path / "checkpoints").is_dir():
        return TrainedRecogniser(_name(path), EmotionRecognizer.from_pretrained(path))
    source = _source(model)
    if source.repository is not None and fetch(source := at_one_commit(source), FILE):
        module = EmotionRecognizer.from_pretrained(source.repository, source.revision)
        return TrainedRecogniser(source.repository, module)
    return read_classifier(source)


def _source(model: str) -> Source:
    try:
        return find_source(model)
    except EncoderError as error:
        raise EncoderError(
            f"There is no model {shortened(model)!r}: name a folder of a run, a "
            "checkpoint, a folder of a published model, or a hub id owner/name."
        ) from error


def _name(path: Path) -> str:
    """Return what tells a run or a checkpoint from another.

    >>> _name(Path("logs/mine/version_3/checkpoints/target.ckpt"))
    'mine-version_3-target'
    >>> _name(Path("logs/mine/version_3")), _name(Path("shared/mine"))
    ('mine-version_3', 'mine')
    """
    parts = [part for part in path.absolute().parts if part != "checkpoints"]
    parts[-1] = parts[-1].removesuffix(".ckpt")
    runs = [n for n, part in enumerate(parts) if part.startswith("version_")]
    return "-".join(parts[max(runs[-1] - 1, 0) if runs else -1 :])
