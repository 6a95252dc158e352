"""Data of Hugging Face as `datasets` finds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from crossemo.corpora.base import CorpusError, CorpusNotFoundError
from crossemo.errors import listed, reason_of
from crossemo.files import printable

if TYPE_CHECKING:
    from datasets import Dataset

_SAVED = ("dataset_dict.json", "state.json")  # what `save_to_disk` leaves


@dataclass(frozen=True)
class HuggingData:
    """A dataset, or a folder of audio and metadata.

    Args:
        splits: The dataset by split; empty where it is a folder.
        folder: The folder.
        files: The files of a folder by split.
    """

    splits: Mapping[str, "Dataset"] = field(default_factory=dict)
    folder: Path = Path()
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)


def load_data(path: str, subset: str | None, revision: str | None) -> HuggingData:
    """Return the data of a folder or of a dataset on the hub.

    Audio of an AudioFolder stays where it is: `datasets` itself would need torchcodec
    to list it.

    Args:
        path: The folder, or the name on the hub.
        subset: Which of several configurations.
        revision: Commit, tag or branch on the hub.

    Raises:
        CorpusNotFoundError: There is no such data, or it can't be reached.
        CorpusError: `datasets` can't read it.
    """
    try:
        return _load(path, subset, revision)
    except OSError as error:
        raise CorpusNotFoundError(
            f"{printable(path)} is neither a folder of data nor a dataset on the hub "
            f"that can be reached ({reason_of(error)}): give a folder that is there, "
            "or the name of a dataset, owner/name, and a connection for the first time."
        ) from error
    except Exception as error:  # datasets raises whatever its parts raise
        raise CorpusError(
            f"{printable(path)} can't be read by datasets: {reason_of(error)}."
        ) from error


def audio_column(data: HuggingData, path: str) -> str:
    """Return the column of audio of a dataset.

    Raises:
        CorpusError: There is none, or several.
    """
    from datasets import Audio

    features = next(iter(data.splits.values())).features
    names = [str(name) for name, one in features.items() if isinstance(one, Audio)]
    if len(names) != 1:
        count = "several columns" if names else "no column"
        raise CorpusError(
            f"{printable(path)} has {count} of audio: its columns are "
            f"{listed(features, 20)}. Exactly one must be of the type Audio."
        )
    return names[0]


def _load(path: str, subset: str | None, revision: str | None) -> HuggingData:
    import datasets  # which takes longer to import than most tables to read
    from datasets.packaged_modules.audiofolder.audiofolder import AudioFolder

    folder = Path(path)
    if any((folder / name).is_file() for name in _SAVED):
        return _by_split(datasets.load_from_disk(path))
    builder = datasets.load_dataset_builder(path, subset, revision=revision)
    if not isinstance(builder, AudioFolder):
        builder.download_and_prepare()
        return _by_split(builder.as_dataset())
    if not folder.is_dir():
        import huggingface_hub

        place = huggingface_hub.snapshot_download(
            path, repo_type="dataset", revision=revision
        )
        return _load(place, subset, None)
    files = {str(split): paths for split, paths in builder.config.data_files.items()}
    return HuggingData(folder=folder, files=files)


def _by_split(data: "Dataset | Mapping[str, Dataset]") -> HuggingData:
    splits = data if isinstance(data, Mapping) else {"train": data}
    return HuggingData({str(name): one for name, one in splits.items()})
