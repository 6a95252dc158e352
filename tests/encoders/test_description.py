import json
import subprocess
import sys
from pathlib import Path

import pytest

from crossemo.encoders import CATALOGUE, EncoderError, EncoderFacts, encoder_facts
from crossemo.encoders.description import describe
from crossemo.encoders.families import get_family
from crossemo.encoders.sources import find_source
from tests.encoders.conftest import TinyFolder
from tests.encoders.hub import fill_cache
from tests.encoders.tiny import MIN_SAMPLES, edit_config, write_tiny


@pytest.mark.parametrize(
    "name",
    [n for n, e in CATALOGUE.items() if not get_family(e.family).for_distances],
)
@pytest.mark.usefixtures("cache", "offline")
def test_facts_of_the_catalogue_need_no_file(name: str) -> None:
    assert encoder_facts(name) == CATALOGUE[name].facts


@pytest.mark.parametrize(("family", "rate"), [("wavlm", 16000), ("mert", 24000)])
def test_facts_of_a_folder_are_read_from_its_small_files(
    tiny_folder: TinyFolder, family: str, rate: int
) -> None:
    facts = encoder_facts(str(tiny_folder(family)))
    assert facts == EncoderFacts(sampling_rate=rate, min_samples=MIN_SAMPLES)


def test_facts_import_no_model_code() -> None:
    code = (
        "import sys; from crossemo.encoders import encoder_facts;"
        "encoder_facts('mert-95m');"
        "assert not {'transformers', 'peft'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"holds no config\.json: name a folder or"):
        encoder_facts(str(tmp_path))


@pytest.mark.parametrize("model_type", ["bert", None])
def test_another_family_is_named_and_refused(
    tmp_path: Path, model_type: str | None
) -> None:
    write_tiny(tmp_path, "hubert")
    edit_config(tmp_path, model_type=model_type)
    families = "data2vec-audio, .*hubert, mert, .*wavlm, whisper"
    with pytest.raises(EncoderError, match=f"of type {model_type!r}: .*{families}"):
        encoder_facts(str(tmp_path))


@pytest.mark.parametrize(
    "changes",
    [{"conv_stride": [5, 2]}, {"conv_kernel": 10}, {"conv_kernel": [10**6] * 3}],
)
def test_convolutions_that_make_no_sense_are_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    write_tiny(tmp_path, "hubert")
    edit_config(tmp_path, **changes)
    with pytest.raises(EncoderError, match="sampling rate or the convolutions"):
        encoder_facts(str(tmp_path))


def test_the_preprocessor_says_rate_and_normalisation(tmp_path: Path) -> None:
    write_tiny(tmp_path, "wav2vec2", normalise=False)
    path = tmp_path / "preprocessor_config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"sampling_rate": 8000}))
    about = describe(find_source(str(tmp_path)))
    assert about.facts.sampling_rate == 8000
    assert about.normalise is False
    # A processor, as transformers 5 saves it, nests the same fields.
    nested = {"feature_extractor": content | {"do_normalize": True}}
    (tmp_path / "processor_config.json").write_text(json.dumps(nested))
    path.unlink()
    about = describe(find_source(str(tmp_path)))
    assert about.facts.sampling_rate == 16000
    assert about.normalise is True


@pytest.mark.parametrize(
    ("family", "rate", "normalise"),
    [
        ("wav2vec2", 16000, True),
        ("hubert-large", 16000, True),
        ("wavlm", 16000, False),
        ("wavlm-large", 16000, True),
        ("data2vec", 16000, True),
        ("mert", 24000, True),
    ],
)
def test_without_a_preprocessor_the_family_decides(
    tmp_path: Path, family: str, rate: int, normalise: bool
) -> None:
    write_tiny(tmp_path, family)
    (tmp_path / "preprocessor_config.json").unlink()
    about = describe(find_source(str(tmp_path)))
    assert (about.facts.sampling_rate, about.normalise) == (rate, normalise)


@pytest.mark.usefixtures("offline")
def test_a_repository_that_contradicts_the_catalogue_is_refused(
    tmp_path: Path, cache: Path
) -> None:
    folder = write_tiny(tmp_path / "tiny", "data2vec")
    fill_cache(cache, "facebook/data2vec-audio-base", folder)
    said = r"16000 Hz and clips of 30 samples, the catalogue 16000 Hz and .* 400 "
    with pytest.raises(EncoderError, match=said):
        describe(find_source("data2vec-audio-base"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '{"sampling_rate": Infinity}',
        '{"sampling_rate": 1e999}',
        '{"sampling_rate": 0}',
        '{"sampling_rate": "many"}',
        '{"sampling_rate": 1' + "0" * 5000 + "}",
        '{"feature_extractor": 5}',
        "[" * 100_000,
        "\x00",
        " " * (16 << 20) + "{}",
    ],
    ids=range(12),
)
def test_an_odd_preprocessor_is_one_sentence(tmp_path: Path, text: str) -> None:
    write_tiny(tmp_path, "wav2vec2")
    (tmp_path / "preprocessor_config.json").write_text(text)
    with pytest.raises(EncoderError, match=tmp_path.name) as caught:
        encoder_facts(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_names_of_any_length_and_circles_are_no_folders(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for name in ("e" * 300, str(tmp_path / "loop"), "\0", ""):
        with pytest.raises(EncoderError, match="There is no encoder"):
            encoder_facts(name)
