"""BibTeX of what a study used: corpora, encoders, methods and crossemo itself.

An entry stands where its thing does: a corpus's in the corpus's file, an encoder's in
its family's, the software's in `CITATION.cff`, those of methods in `methods.bib`.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossemo.encoders.catalogue import CatalogueEntry

SOFTWARE = "crossemo"
_KEY = re.compile(r"^@\w+\{([^,\s]+),", re.MULTILINE)
_CITED = re.compile(r"@([\w:-]+)")
# Ways of tuning with an entry of their own in methods.bib.
_TUNINGS = {
    "bitfit": "benzaken2022bitfit",
    "dora": "liu2024dora",
    "houlsby": "houlsby2019adapters",
    "lora": "hu2022lora",
    "rslora": "kalajdzievski2023rslora",
}


def corpus_citation(name: str) -> str:
    """Return the BibTeX of a corpus by the name that results give it.

    Args:
        name: Such as `ravdess-song`.

    Returns:
        Empty where there is none: for the demo and for data of one's own.
    """
    from crossemo.corpora import class_of  # and the audio libraries

    kind = class_of(name)
    return cleandoc(kind.citation) if kind is not None else ""


def encoder_citation(name: str) -> str:
    """Return the BibTeX of an encoder, which is its family's unless it has its own.

    Args:
        name: A name from the catalogue, or the hub repository of one.

    Returns:
        Empty where nothing but its files could say what it is.
    """
    from crossemo.encoders.catalogue import CATALOGUE  # and torch

    by_repository = {one.repository: one for one in CATALOGUE.values()}
    entry = CATALOGUE.get(name) or by_repository.get(name)
    return _of_entry(entry) if entry else ""


def _of_entry(entry: "CatalogueEntry") -> str:
    from crossemo.encoders.families import get_family

    return cleandoc(entry.citation or get_family(entry.family).citation)


def tuning_citation(name: str) -> str:
    """Return the BibTeX of a way of tuning; empty where there is none."""
    return _method_entries().get(_TUNINGS.get(name, ""), "")


def software_citation() -> str:
    """Return the BibTeX of crossemo and of the paper whose method it carries out."""
    facts = _citation_file()
    paper = facts["preferred-citation"]
    arxiv = paper["identifiers"][0]["value"].removeprefix("arXiv:")
    first, word = paper["authors"][0]["family-names"], paper["title"].split()[0]
    authors = (
        f"{one['family-names']}, {one['given-names']}" for one in paper["authors"]
    )
    software = {
        "author": f"{{{facts['authors'][0]['name']}}}",
        "title": f"{{{facts['title']}}}",
        "note": f"Software, version {facts['version']}, licence {facts['license']}",
    }
    method = {
        "author": " and ".join(authors),
        "title": paper["title"],
        "year": paper["year"],
        "eprint": arxiv,
        "archiveprefix": "arXiv",
    }
    key = f"{first}{paper['year']}{word}".lower()
    return f"{_entry(SOFTWARE, software)}\n\n{_entry(key, method)}"


def bibliography(encoder: str, corpora: Iterable[str]) -> str:
    """Return the BibTeX of crossemo, an encoder and corpora by their names."""
    texts = [software_citation(), encoder_citation(encoder)]
    texts += [corpus_citation(name) for name in corpora]
    return "\n\n".join(dict.fromkeys(filter(None, texts)))


def keys_of(bibtex: str) -> list[str]:
    r"""Return the keys of BibTeX entries in order.

    >>> keys_of("@misc{one,\n}")
    ['one']
    """
    return _KEY.findall(bibtex)


def cited(bibtex: str) -> str:
    r"""Return a citation of all entries, with a blank in front; empty where none is.

    >>> cited("@misc{one,\n}\n\n@misc{two,\n}")
    ' [@one; @two]'
    """
    keys = "; ".join(f"@{key}" for key in keys_of(bibtex))
    return f" [{keys}]" if keys else ""


def cited_method(*keys: str) -> str:
    """Return a citation of entries of `methods.bib`, with a blank in front."""
    entries = _method_entries()
    return cited("\n\n".join(entries[key] for key in keys))


def bibtex_of(text: str) -> str:
    """Return the entries that a text cites as `[@key]`, in the order of the keys.

    Raises:
        KeyError: There is no such entry.
    """
    entries = all_entries()
    brackets = re.findall(r"\[(@[^]]+)\]", text)
    keys = sorted({key for one in brackets for key in _CITED.findall(one)})
    return "\n\n".join(entries[key] for key in keys) + "\n" if keys else ""


@cache
def all_entries() -> Mapping[str, str]:
    """Return every entry that crossemo knows, by its key."""
    from crossemo.corpora import corpus_classes
    from crossemo.encoders.catalogue import CATALOGUE
    from crossemo.encoders.families import family_names, get_family

    texts = [one.citation for one in corpus_classes().values()]
    texts += [get_family(name).citation for name in family_names()]
    texts += dict.fromkeys(one.citation for one in CATALOGUE.values())
    entries = _entries("\n\n".join(map(cleandoc, (*texts, software_citation()))))
    return entries | _method_entries()


def _entries(bibtex: str) -> dict[str, str]:
    entries = re.split(r"\n+(?=@)", f"\n{bibtex.strip()}")
    return {keys_of(one)[0]: one.strip() for one in entries if keys_of(one)}


@cache
def _method_entries() -> dict[str, str]:
    path = files("crossemo.studies") / "methods.bib"
    return _entries(path.read_text(encoding="utf-8"))


def _citation_file() -> dict[str, Any]:
    import yaml

    package = Path(__file__).parents[1]  # beside it in a checkout, in it in a wheel
    places = (folder / "CITATION.cff" for folder in (package, package.parent))
    place = next(path for path in places if path.is_file())
    content: dict[str, Any] = yaml.safe_load(place.read_text(encoding="utf-8"))
    return content


def _entry(key: str, fields: Mapping[str, object]) -> str:
    lines = (f"  {name} = {{{value}}}," for name, value in fields.items())
    return "\n".join((f"@misc{{{key},", *lines, "}"))
