"""Which corpora lie below a folder, recognised by their trees."""

from pathlib import Path

from crossemo.corpora import corpus_classes
from crossemo.corpora.base import Corpus, CorpusError, CorpusNotFoundError
from crossemo.corpora.folders import Folders
from crossemo.corpora.huggingface import HuggingFace
from crossemo.corpora.listing import check_folder
from crossemo.corpora.manifest import Manifest
from crossemo.corpora.tree import TABLES
from crossemo.emotions import WORDS
from crossemo.errors import listed
from crossemo.files import expanded, printable

# What lies at the top of a folder of audio with a table, or of saved data.
HUGGING_FACE = (
    *("metadata.csv", "metadata.jsonl", "metadata.parquet"),
    *("dataset_info.json", "dataset_dict.json"),
)


def corpora_below(root: str | Path) -> list[Corpus]:
    """Return the corpora whose trees lie below a folder.

    Where there is none that crossemo has a class for, it is one in a form of Hugging
    Face, or a folder with a sub-folder for every emotion.

    Args:
        root: The folder, or a table of clips, see `Manifest`.

    Raises:
        CorpusError: There is no corpus.
    """
    folder = expanded(root)
    if folder.suffix[1:].lower() in TABLES and folder.is_file():
        return [Manifest(folder)]
    check_folder(folder, "give the folder of a corpus, or a config")
    refusals: list[str] = []
    corpora = []
    for kind in corpus_classes().values():
        for options in kind.variants:
            corpus = kind(folder, **options)  # type: ignore[call-arg]
            try:
                if corpus.clips():
                    corpora.append(corpus)
            except CorpusNotFoundError:
                continue
            except CorpusError as error:
                refusals.append(str(error))
    if not corpora and any((folder / name).exists() for name in HUGGING_FACE):
        return [HuggingFace(str(folder))]
    if not corpora:
        corpora += _folders(folder)
    if not corpora:
        why = f" ({refusals[0].rstrip('.')})" if refusals else ""
        raise CorpusError(
            f"No corpus lies below {printable(folder)}{why}: give the folder that it "
            f"was unpacked into, one with a sub-folder for every emotion "
            f"({listed(WORDS, 4)}), or a config."
        )
    return corpora


def _folders(root: Path) -> list[Corpus]:
    corpus = Folders(root)
    try:
        words = {clip.label for clip in corpus.clips()}
    except CorpusError:
        return []
    return [corpus] if words & {word.casefold() for word in WORDS} else []
