"""Entries are parsed, and set, by pybtex, an implementation of BibTeX."""

import re
from inspect import cleandoc
from pathlib import Path

import pytest
from pybtex import PybtexEngine
from pybtex.database import BibliographyData, parse_string

from crossemo.corpora import corpus_classes
from crossemo.encoders.catalogue import CATALOGUE
from crossemo.encoders.families import family_names, get_family
from crossemo.studies.citations import (
    SOFTWARE,
    all_entries,
    bibtex_of,
    cited,
    corpus_citation,
    encoder_citation,
    keys_of,
    software_citation,
    tuning_citation,
)

# Made by crossemo or by its users; of these nothing was published.
UNPUBLISHED = {"Demo", "Folders", "HuggingFace", "Joint", "Manifest"}
# What BibTeX's own styles ask for, and a venue of every paper that is no preprint.
REQUIRED = {
    "article": {"author", "title", "journal", "year", "volume"},
    "book": {"author", "title", "publisher", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "misc": {"author", "title"},
}


@pytest.fixture(scope="module")
def parsed() -> BibliographyData:
    """All entries, through a parser that refuses what is no BibTeX."""
    return parse_string("\n\n".join(all_entries().values()), "bibtex")


def test_every_entry_is_one_by_its_key(parsed: BibliographyData) -> None:
    assert list(parsed.entries) == list(all_entries())  # repeated keys are refused


def test_every_entry_has_the_fields_of_its_type(parsed: BibliographyData) -> None:
    for key, entry in parsed.entries.items():
        present = {*entry.fields, *entry.persons}
        assert REQUIRED[entry.type] <= present, key
        assert entry.type != "misc" or key == SOFTWARE or "eprint" in present, key


def test_numbers_are_numbers(parsed: BibliographyData) -> None:
    for key, entry in parsed.entries.items():
        fields = entry.fields
        year = fields.get("year", "2024")
        assert re.fullmatch(r"(19|20)\d\d", year), key
        assert re.fullmatch(r"10\.\d{4,5}/\S+", fields.get("doi", "10.1000/x")), key
        assert re.fullmatch(r"\d{4}\.\d{5}", fields.get("eprint", "0000.00000")), key
        pages = re.fullmatch(r"(\d+)--(\d+)", fields.get("pages", "1--2"))
        assert pages is None or int(pages[1]) < int(pages[2]), key
        if key != SOFTWARE:
            first = entry.persons["author"][0]
            family = "".join(first.prelast_names + first.last_names).lower()
            plain = re.sub(r"[{}\\'\"]", "", family)  # without accents
            assert key.startswith(plain + fields["year"]), key


def test_a_bibliography_can_be_set(parsed: BibliographyData, tmp_path: Path) -> None:
    path = tmp_path / "all.bib"
    path.write_text("\n\n".join(all_entries().values()), encoding="utf-8")
    text = PybtexEngine().format_from_files([str(path)], style="plain")
    assert text.count("\\bibitem") == len(parsed.entries)
    assert "Frank~A. Russo" in text


def test_every_corpus_has_an_entry_or_nothing_published() -> None:
    for label, kind in corpus_classes().items():
        assert (kind.citation == "") == (label in UNPUBLISHED), label
        if kind.citation and kind.variants:
            names = {kind(Path("."), **one).name for one in kind.variants}  # type: ignore[call-arg]
            entries = {keys_of(corpus_citation(name))[0] for name in names}
            assert entries == {keys_of(cleandoc(kind.citation))[0]}, label


def test_no_two_corpora_share_an_entry() -> None:
    keys = [
        keys_of(cleandoc(one.citation))
        for one in corpus_classes().values()
        if one.citation
    ]
    flat = [key for one in keys for key in one]
    assert sorted(flat) == sorted(set(flat))


def test_every_encoder_has_the_entry_of_its_own_family() -> None:
    entries = [get_family(name).citation for name in family_names()]
    assert len(set(entries)) == len(entries)  # none is inherited
    assert all(encoder_citation(name) for name in CATALOGUE)
    assert keys_of(encoder_citation("wavlm-large")) == ["chen2022wavlm"]
    assert keys_of(encoder_citation("m-a-p/MERT-v1-95M")) == ["li2024mert"]
    assert keys_of(encoder_citation("xls-r-1b")) == ["babu2022xlsr"]  # and not wav2vec
    assert encoder_citation("some/encoder") == ""


def test_a_corpus_is_known_by_the_name_in_results() -> None:
    assert keys_of(corpus_citation("ravdess-song"))[0] == "livingstone2018ravdess"
    assert keys_of(corpus_citation("crema-d")) == ["cao2014cremad"]
    assert keys_of(corpus_citation("4q")) == ["panda2020fourq"]
    assert corpus_citation("demo-speech") == corpus_citation("deamon") == ""


def test_tunings_have_entries_where_one_is_sure() -> None:
    assert keys_of(tuning_citation("lora")) == ["hu2022lora"]
    assert tuning_citation("frozen") == tuning_citation("vera") == ""


def test_the_software_is_what_its_citation_file_says() -> None:
    from crossemo import __version__

    entry, paper = parse_string(software_citation(), "bibtex").entries.values()
    assert (
        entry.fields["note"] == f"Software, version {__version__}, licence Apache-2.0"
    )
    assert str(entry.persons["author"][0]) == "{The crossemo developers}"
    assert [str(one) for one in paper.persons["author"]][3] == "Li, Yuanchao"
    assert paper.fields["eprint"] == "2409.17899"


def test_a_text_gets_the_entries_that_it_cites() -> None:
    text = f"One{cited(tuning_citation('lora'))}, mail@example.org, two [@lin1989ccc]."
    assert text.startswith("One [@hu2022lora], mail")
    assert keys_of(bibtex_of(text)) == ["hu2022lora", "lin1989ccc"]
    assert bibtex_of("nothing") == ""
    with pytest.raises(KeyError):
        bibtex_of("[@nobody1900]")
