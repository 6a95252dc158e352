import pytest

from crossemo.encoders import CATALOGUE
from crossemo.encoders.families import family_names, find_family, get_family


def test_every_family_is_found_by_its_file_and_its_model_types() -> None:
    names = family_names()
    known = {"data2vec-audio", "hubert", "mert", "wav2vec2", "wavlm", "whisper"}
    assert known | {"clap", "dac", "encodec", "emotion2vec", "muq"} <= set(names)
    for name in names:
        family = get_family(name)
        assert family.name == name
        assert [find_family(model_type) for model_type in family.model_types] == [
            family
        ] * len(family.model_types)


@pytest.mark.parametrize("model_type", ["base", "bert", "Wav2Vec2", None, ["mert"]])
def test_what_no_family_reads_is_none(model_type: object) -> None:
    assert find_family(model_type) is None


def test_encoders_of_the_catalogue_are_of_families_and_hear_at_their_rate() -> None:
    for entry in CATALOGUE.values():
        rate = get_family(entry.family).sampling_rate
        # DAC's files say theirs unless it is what transformers takes by default.
        assert rate == (16000 if entry.family == "dac" else entry.sampling_rate)
