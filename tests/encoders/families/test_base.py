import pytest

from crossemo.encoders import CATALOGUE
from crossemo.encoders.families import family_names, find_family, get_family


def test_every_family_is_found_by_its_file_and_its_model_types() -> None:
    names = [
        *("audio-spectrogram-transformer", "data2vec-audio", "hubert", "mert"),
        *("unispeech", "unispeech-sat", "wav2vec2", "wav2vec2-bert"),
        *("wav2vec2-conformer", "wavlm", "whisper"),
    ]
    assert family_names() == names
    for name in names:
        family = get_family(name)
        assert family.name == name
        assert [find_family(model_type) for model_type in family.model_types] == [
            family
        ] * len(family.model_types)


@pytest.mark.parametrize("model_type", ["base", "clap", "Wav2Vec2", None, ["mert"]])
def test_what_no_family_reads_is_none(model_type: object) -> None:
    assert find_family(model_type) is None


def test_encoders_of_the_catalogue_are_of_families_and_hear_at_their_rate() -> None:
    for entry in CATALOGUE.values():
        assert get_family(entry.family).sampling_rate == entry.sampling_rate
